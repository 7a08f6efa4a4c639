//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::ip_number;

use super::{Counts, piece::Piece};
use crate::{
    base::{Malformed, Stamp},
    capture::{AppTag, Heading},
};

/// What is known of a packet before its IP header is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) stamp: Stamp,
    pub(super) src_mac: Option<&'a [u8; 6]>,
    pub(super) dst_mac: Option<&'a [u8; 6]>,
    pub(super) heading: Option<Heading>,
    pub(super) app: Option<AppTag<'a>>,
}

/// An IP datagram, or a fragment of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) ends: Ends<'a>,
    /// Its length on the wire, headers included.
    pub(super) wire_len: u32,
    /// The protocol of `body`: a transport, or an IPv6 extension header.
    pub(super) protocol: u8,
    pub(super) body: Piece<'a>,
    /// Where in a larger datagram it belongs.
    pub(super) place: Option<Place>,
}

/// Between whom a datagram goes: a pointer to where its addresses stand, read once, when the packet is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends<'a> {
    V4(&'a [u8; 8]),
    V6(&'a [u8; 32]),
    Known(&'a (IpAddr, IpAddr)),
}

impl Ends<'_> {
    /// The sender, an IPv4-mapped IPv6 address unwrapped.
    #[inline]
    pub(super) fn src(self) -> IpAddr {
        match self {
            Self::V4(octets) => plain(octets.first_chunk()),
            Self::V6(octets) => canonical(octets.first_chunk()),
            Self::Known((src, _)) => *src,
        }
    }

    /// The receiver, likewise.
    #[inline]
    pub(super) fn dst(self) -> IpAddr {
        match self {
            Self::V4(octets) => plain(octets.last_chunk()),
            Self::V6(octets) => canonical(octets.last_chunk()),
            Self::Known((_, dst)) => *dst,
        }
    }
}

#[inline]
fn plain(octets: Option<&[u8; 4]>) -> IpAddr {
    Ipv4Addr::from(octets.copied().unwrap_or_default()).into()
}

#[inline]
fn canonical(octets: Option<&[u8; 16]>) -> IpAddr {
    Ipv6Addr::from(octets.copied().unwrap_or_default()).to_canonical()
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    /// What the fragments of a datagram share beside their addresses: for IPv6 the identification, for IPv4 that and
    /// the protocol.
    pub(super) id: u64,
    /// Where its bytes begin in the datagram's payload.
    pub(super) offset: u32,
    /// Whether more follow.
    pub(super) more: bool,
}

/// What a total length beyond the bytes it has room in means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trust {
    /// On a capture's own link, that the frame was cut without a note of its original length, as some tools do: the
    /// header is believed, as other analysers do, and the frame is counted as odd.
    Link,
    /// Behind a tunnel header, that this is no tunnel.
    Tunnel,
}

/// Reads the IP header that `piece` begins with; its version nibble says which.
#[expect(clippy::inline_always, reason = "handing large values back through memory costs more than the work")]
#[inline(always)]
pub(super) fn read<'a>(piece: Piece<'a>, trust: Trust, counts: &mut Counts) -> Result<Datagram<'a>, Malformed> {
    match piece.kept().first().map(|first| first >> 4) {
        Some(4) => v4(piece, trust, counts),
        Some(6) => v6(piece, trust, counts),
        _ => Err(Malformed { layer: "IP", offset: 0, needed: 1, left: piece.kept().len() }),
    }
}

#[expect(clippy::inline_always, reason = "handing large values back through memory costs more than the work")]
#[inline(always)]
fn v4<'a>(piece: Piece<'a>, trust: Trust, counts: &mut Counts) -> Result<Datagram<'a>, Malformed> {
    let (head, ends) = piece.heads::<12, 8>("IPv4")?;
    let header = usize::from(head[0] & 0xf) * 4;
    let stated = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if header < V4_HEADER || (stated != 0 && stated < header) {
        return Err(Malformed { layer: "IPv4", offset: 0, needed: header.max(V4_HEADER), left: stated });
    }
    // Zero: segmentation offload handed the capture more than the field can hold.
    let whole = if stated == 0 { piece } else { held_to("IPv4", piece, stated, trust, counts)? };
    let flags_and_offset = u16::from_be_bytes([head[6], head[7]]);
    let more = flags_and_offset & 0x2000 != 0;
    let offset = u32::from(flags_and_offset & 0x1fff) * 8;
    let id = u64::from(u16::from_be_bytes([head[4], head[5]])) | u64::from(head[9]) << 32;
    Ok(Datagram {
        ends: Ends::V4(ends),
        wire_len: length(whole.wire()),
        protocol: head[9],
        body: whole.past(header),
        place: (more || offset != 0).then_some(Place { id, offset, more }),
    })
}

#[inline]
fn v6<'a>(piece: Piece<'a>, trust: Trust, counts: &mut Counts) -> Result<Datagram<'a>, Malformed> {
    let (head, ends) = piece.heads::<8, 32>("IPv6")?;
    let stated = usize::from(u16::from_be_bytes([head[4], head[5]]));
    let protocol = head[6];
    // Zero: a jumbogram (RFC 2675) or segmentation offload, unless the header says that nothing follows.
    let whole = if stated == 0 && protocol != ip_number::IPV6_NO_NEXT_HEADER.0 {
        piece
    } else {
        held_to("IPv6", piece, V6_HEADER + stated, trust, counts)?
    };
    Ok(Datagram {
        ends: Ends::V6(ends),
        wire_len: length(whole.wire()),
        protocol,
        body: whole.past(V6_HEADER),
        place: None,
    })
}

/// `piece` held to the length its header states; what follows is padding or a trailer.
#[inline]
fn held_to<'a>(
    layer: &'static str,
    piece: Piece<'a>,
    stated: usize,
    trust: Trust,
    counts: &mut Counts,
) -> Result<Piece<'a>, Malformed> {
    if stated > piece.wire() {
        let lie = Malformed { layer, offset: 0, needed: stated, left: piece.wire() };
        match trust {
            Trust::Tunnel => return Err(lie),
            Trust::Link => counts.note(lie),
        }
        return Ok(Piece::new(piece.kept(), stated));
    }
    Ok(piece.up_to(stated))
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
