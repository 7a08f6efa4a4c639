//! Tunnels: an IP datagram inside another. What is encrypted (IPsec, WireGuard, OpenVPN) stays closed.

use etherparse::ip_number;

use super::{
    Counts,
    ip::{self, Datagram, Envelope, Trust},
    link,
    piece::Piece,
};

/// The datagram inside `datagram`, if that is a tunnel and what it carries is IP from its first to its last byte.
///
/// GRE (RFC 2784, RFC 2890, RFC 2637) with IP, Ethernet, PPP or ERSPAN; IP in IP (RFC 2003, RFC 4213); and over UDP
/// VXLAN (RFC 7348), GENEVE (RFC 8926) and GTP-U (3GPP TS 29.281). Anything else is no tunnel, and counts as it is.
#[inline]
pub(super) fn open<'a>(datagram: &Datagram<'a>, counts: &mut Counts) -> Option<Datagram<'a>> {
    match datagram.protocol {
        UDP => over_udp(datagram, counts),
        IPV4 | IPV6 => ip::read(datagram.body, Trust::Tunnel, datagram.envelope, counts).ok(),
        GRE => {
            let mut envelope = datagram.envelope;
            let inner = gre(datagram.body, &mut envelope)?;
            ip::read(inner, Trust::Tunnel, envelope, counts).ok()
        }
        _ => None,
    }
}

#[inline]
fn over_udp<'a>(datagram: &Datagram<'a>, counts: &mut Counts) -> Option<Datagram<'a>> {
    let &[_, _, d0, d1, ..] = datagram.body.kept().first_chunk::<8>()?;
    let opener = match u16::from_be_bytes([d0, d1]) {
        4789 => vxlan,
        6081 => geneve,
        2152 => gtp,
        _ => return None,
    };
    let mut envelope = datagram.envelope;
    let inner = opener(datagram.body.past(8), &mut envelope)?;
    ip::read(inner, Trust::Tunnel, envelope, counts).ok()
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

const IPV4: u8 = ip_number::IPV4.0;
const UDP: u8 = ip_number::UDP.0;
const IPV6: u8 = ip_number::IPV6.0;
const GRE: u8 = ip_number::GRE.0;

const PPP: u16 = 0x880b;
const ERSPAN_1_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const GTP_VERSION_1: u8 = 0b0011;
const GTP_USER_DATA: u8 = 255;
