//! Tunnels: an IP datagram inside another. What is encrypted (IPsec, WireGuard, OpenVPN) stays closed.

use etherparse::ip_number;

use super::{
    Counts, extension,
    ip::{self, Datagram, Envelope, Trust},
    link,
    piece::Piece,
};

/// The datagram inside `datagram`, if that is a tunnel and carries little else: headers, and the padding of Ethernet.
///
/// GRE (RFC 2784, RFC 2890, RFC 2637) with IP, Ethernet, PPP or ERSPAN; IP in IP (RFC 2003, RFC 4213); and over UDP
/// VXLAN (RFC 7348) with its generic extension, GENEVE (RFC 8926), GTP-U (3GPP TS 29.281) and Teredo (RFC 4380).
/// Anything else is no tunnel and counts as it is, and so does a datagram sent only to keep a tunnel open.
pub(super) fn open<'a>(
    datagram: &Datagram<'a>,
    envelope: &mut Envelope<'a>,
    counts: &mut Counts,
) -> Option<Datagram<'a>> {
    let mut inner_envelope = *envelope;
    let inner = match datagram.protocol {
        UDP => over_udp(datagram.body, &mut inner_envelope)?,
        IPV4 | IPV6 => datagram.body,
        GRE => gre(datagram.body, &mut inner_envelope)?,
        _ => return None,
    };
    let mut inner = ip::read(inner, Trust::Tunnel, counts).ok()?;
    // What does not belong to the inner datagram goes uncounted: it must not be room to hide an upload in.
    let overhead = datagram.body.wire().saturating_sub(usize::try_from(inner.wire_len).unwrap_or(usize::MAX));
    extension::pass(&mut inner, counts);
    if inner.protocol == NOTHING || overhead > MOST_OVERHEAD {
        return None;
    }
    *envelope = inner_envelope;
    Some(inner)
}

/// Whether `datagram` may be a tunnel, by its protocol or ports.
#[inline]
pub(super) fn may_be(datagram: &Datagram<'_>) -> bool {
    match datagram.protocol {
        UDP => datagram.body.kept().first_chunk().is_some_and(|[s0, s1, d0, d1]| {
            is_tunnel(u16::from_be_bytes([*d0, *d1])) || is_tunnel(u16::from_be_bytes([*s0, *s1]))
        }),
        protocol => matches!(protocol, IPV4 | IPV6 | GRE),
    }
}

const fn is_tunnel(port: u16) -> bool {
    matches!(port, GTP | TEREDO | VXLAN | VXLAN_GPE | GENEVE)
}

fn over_udp<'a>(body: Piece<'a>, envelope: &mut Envelope<'a>) -> Option<Piece<'a>> {
    let &[s0, s1, d0, d1, ..] = body.kept().first_chunk::<8>()?;
    let opener = opener(u16::from_be_bytes([d0, d1])).or_else(|| opener(u16::from_be_bytes([s0, s1])))?;
    opener(body.past(8), envelope)
}

type Opener = for<'a> fn(Piece<'a>, &mut Envelope<'a>) -> Option<Piece<'a>>;

fn opener(port: u16) -> Option<Opener> {
    match port {
        GTP => Some(gtp),
        TEREDO => Some(teredo),
        VXLAN => Some(vxlan),
        VXLAN_GPE => Some(vxlan_gpe),
        GENEVE => Some(geneve),
        _ => None,
    }
}

fn gre<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Option<Piece<'a>> {
    let [flags, version, p0, p1] = *piece.kept().first_chunk()?;
    let optional = |mask: u8| if flags & mask == 0 { 0 } else { 4 };
    let (checksum, routing, key, sequence) = (optional(0x80), optional(0x40), optional(0x20), optional(0x10));
    if routing != 0 {
        return None; // RFC 2784 took source routes out
    }
    let acknowledgement = if version & 0x80 == 0 { 0 } else { 4 };
    let inner = piece.past(4 + checksum + key + sequence + acknowledgement);
    match (version & 7, u16::from_be_bytes([p0, p1])) {
        (0, ERSPAN_1_2) if sequence == 0 => link::ethernet(inner, envelope).ok(),
        (0, ERSPAN_1_2) => link::ethernet(inner.past(8), envelope).ok(),
        (0, ERSPAN_3) => {
            let platform = inner.kept().get(11).map_or(0, |last| usize::from(last & 1) * 8);
            link::ethernet(inner.past(12 + platform), envelope).ok()
        }
        (0, ether_type) => link::by_ether_type(ether_type, inner, envelope).ok(),
        (1, PPP) => link::ppp(inner).ok(),
        _ => None,
    }
}

fn vxlan<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Option<Piece<'a>> {
    let &[flags, ..] = piece.kept().first_chunk::<8>()?;
    (flags & 0x08 != 0).then(|| link::ethernet(piece.past(8), envelope).ok()).flatten()
}

fn vxlan_gpe<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Option<Piece<'a>> {
    let &[flags, _, _, next, ..] = piece.kept().first_chunk::<8>()?;
    let inner = piece.past(8);
    match next {
        1 | 2 if flags & 0x04 != 0 => Some(inner),
        3 if flags & 0x04 != 0 => link::ethernet(inner, envelope).ok(),
        _ => vxlan(piece, envelope),
    }
}

fn geneve<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Option<Piece<'a>> {
    let &[version_and_options, _, p0, p1, ..] = piece.kept().first_chunk::<8>()?;
    let options = usize::from(version_and_options & 0x3f) * 4;
    (version_and_options >> 6 == 0)
        .then(|| link::by_ether_type(u16::from_be_bytes([p0, p1]), piece.past(8 + options), envelope).ok())
        .flatten()
}

fn gtp<'a>(piece: Piece<'a>, _: &mut Envelope<'a>) -> Option<Piece<'a>> {
    let &[flags, message, l0, l1, ..] = piece.kept().first_chunk::<8>()?;
    if flags >> 4 != GTP_VERSION_1 || message != GTP_USER_DATA {
        return None;
    }
    let inner = piece.past(8).up_to(usize::from(u16::from_be_bytes([l0, l1])));
    let optional = flags & 7; // extension headers, sequence number, N-PDU number: one of them brings room for all
    if optional == 0 {
        return Some(inner);
    }
    let &[.., mut next] = inner.kept().first_chunk::<4>()?;
    let mut inner = inner.past(4);
    while flags & 4 != 0 && next != 0 {
        let length = usize::from(*inner.kept().first()?) * 4;
        next = *inner.kept().get(length.checked_sub(1)?)?;
        inner = inner.past(length);
    }
    Some(inner)
}

/// Authentication, then the origin as the relay saw it, both optional (RFC 4380, section 5.1.1).
fn teredo<'a>(mut piece: Piece<'a>, _: &mut Envelope<'a>) -> Option<Piece<'a>> {
    if let Some(&[0, 1, id, value]) = piece.kept().first_chunk() {
        piece = piece.past(13 + usize::from(id) + usize::from(value));
    }
    if let Some([0, 0]) = piece.kept().first_chunk() {
        piece = piece.past(8);
    }
    piece.kept().first().is_some_and(|first| first >> 4 == 6).then_some(piece)
}

/// Tunnel headers with options, an Ethernet header with tags, and padding to 60 bytes, in bytes.
const MOST_OVERHEAD: usize = 128;

const IPV4: u8 = ip_number::IPV4.0;
const UDP: u8 = ip_number::UDP.0;
const IPV6: u8 = ip_number::IPV6.0;
const GRE: u8 = ip_number::GRE.0;
const NOTHING: u8 = ip_number::IPV6_NO_NEXT_HEADER.0;

const GTP: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;

const PPP: u16 = 0x880b;
const ERSPAN_1_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const GTP_VERSION_1: u8 = 0b0011;
const GTP_USER_DATA: u8 = 255;
