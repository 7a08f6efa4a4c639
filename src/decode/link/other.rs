//! Link types of single systems: BSD loopback, Linux "cooked" captures, Apple's PKTAP.

use super::{Opened, Refusal, ethernet};
use crate::{
    base::Malformed,
    capture::{AppTag, Heading, LinkType},
    decode::{ip::Envelope, piece::Piece, trailer},
};

/// BSD loopback: an address family, in the byte order of whoever captured it.
pub(super) fn loopback(piece: Piece<'_>) -> Opened<'_> {
    let family = *piece.head("loopback")?;
    // AF_INET, and AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
    let is_ip = |family| matches!(family, 2 | 10 | 23 | 24 | 28 | 30);
    match family {
        _ if is_ip(u32::from_le_bytes(family)) || is_ip(u32::from_be_bytes(family)) => Ok(piece.past(4)),
        // Some systems put an Ethernet type there.
        [_, _, 0x08, 0x00] | [_, _, 0x86, 0xdd] => Ok(piece.past(4)),
        _ => Err(Refusal::NotIp),
    }
}

/// FDDI: frame control and two addresses, in a bit order that depends on who captured them, then LLC.
pub(super) fn fddi(piece: Piece<'_>) -> Opened<'_> {
    let &[control, ..] = piece.head::<13>("FDDI")?;
    if control & 0xf0 == FDDI_LLC { ethernet::llc(piece.past(13)) } else { Err(Refusal::NotIp) }
}

/// Linux netfilter log: type-length-value fields in the order of whoever captured it, one of them the packet.
pub(super) fn netfilter_log(piece: Piece<'_>) -> Opened<'_> {
    let &[_family, 0, _, _] = piece.head("netfilter log")? else { return Err(Refusal::NotIp) };
    let mut rest = piece.past(4);
    loop {
        let &[l0, l1, k0, k1] = rest.head("netfilter log")?;
        // No field is 256 kinds in, so the smaller reading of the kind tells the byte order.
        let read = if k1 == 0 { u16::from_le_bytes } else { u16::from_be_bytes };
        let (length, kind) = (usize::from(read([l0, l1])), read([k0, k1]));
        if length < 4 {
            return Err(Malformed { layer: "netfilter log", offset: 0, needed: 4, left: length }.into());
        }
        if kind == NETFILTER_PAYLOAD {
            return Ok(rest.up_to(length).past(4));
        }
        rest = rest.past(length.next_multiple_of(4));
    }
}

/// Linux "cooked" capture, version 1.
pub(super) fn cooked<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    let head: &[u8; 16] = piece.head("Linux cooked")?;
    let [_, kind, h0, h1, _, length, .., p0, p1] = *head;
    sender(kind, head[6..].first_chunk().filter(|_| length == 6), envelope);
    cooked_payload([h0, h1], [p0, p1], piece.past(16), envelope)
}

/// Linux "cooked" capture, version 2.
pub(super) fn cooked_2<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    let head: &[u8; 20] = piece.head("Linux cooked")?;
    let [p0, p1, _, _, _, _, _, _, h0, h1, kind, length, ..] = *head;
    sender(kind, head[12..].first_chunk().filter(|_| length == 6), envelope);
    cooked_payload([h0, h1], [p0, p1], piece.past(20), envelope)
}

fn sender<'a>(kind: u8, address: Option<&'a [u8; 6]>, envelope: &mut Envelope<'a>) {
    envelope.src_mac = address;
    let heading = match kind {
        0 => Some(Heading::Inbound),
        4 => Some(Heading::Outbound),
        _ => None, // broadcast, multicast, or between others
    };
    envelope.heading = envelope.heading.or(heading);
}

fn cooked_payload<'a>(
    hardware: [u8; 2],
    protocol: [u8; 2],
    piece: Piece<'a>,
    envelope: &mut Envelope<'a>,
) -> Opened<'a> {
    match (u16::from_be_bytes(hardware), u16::from_be_bytes(protocol)) {
        (NETLINK, _) => Err(Refusal::NotIp),
        (_, FRAME_802_2) => ethernet::llc(piece),
        (_, 0..=1500) => Err(Refusal::NotIp),
        (_, ether_type) => ethernet::by_ether_type(ether_type, piece, envelope),
    }
}

/// Whether a frame of a link type left to its users begins with a plausible PKTAP header.
pub(super) fn looks_like_pktap(piece: Piece<'_>) -> bool {
    let kept = piece.kept();
    let (Some(length), Some(record)) = (little_endian(kept, 0), little_endian(kept, 4)) else { return false };
    (PKTAP_HEADER..=256).contains(&length) && record <= 2
}

/// Apple's PKTAP header: the link type of what follows it, and that; the process goes into `envelope`.
pub(super) fn pktap<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Result<(LinkType, Piece<'a>), Refusal> {
    let head: &[u8; PKTAP_HEADER as usize] = piece.head("PKTAP")?;
    let field = |at| little_endian(head, at).unwrap_or_default();
    let (length, record, link, flags) = (field(0), field(4), field(8), field(36));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length < head.len() || length > piece.kept().len() {
        return Err(Malformed { layer: "PKTAP", offset: 0, needed: length, left: piece.kept().len() }.into());
    }
    if record != PKTAP_PACKET {
        return Err(Refusal::NotIp);
    }
    let heading = match flags & 3 {
        1 => Some(Heading::Inbound),
        2 => Some(Heading::Outbound),
        _ => None,
    };
    envelope.heading = envelope.heading.or(heading);
    // A system service that works for an app is named first, the app it works for is "effective".
    let effective = process(field(84), &head[88..108]);
    envelope.app = envelope.app.or(effective).or_else(|| process(field(52), &head[56..73]));
    Ok((LinkType(u16::try_from(link).unwrap_or(u16::MAX)), piece.past(length)))
}

fn process(pid: u32, name: &[u8]) -> Option<AppTag<'_>> {
    let known = i32::try_from(pid).is_ok_and(|pid| pid > 0);
    trailer::text(name).filter(|_| known).map(|name| AppTag::Process { pid, name })
}

fn little_endian(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

const FDDI_LLC: u8 = 0x50;
const NETFILTER_PAYLOAD: u16 = 9;
const NETLINK: u16 = 824;
const FRAME_802_2: u16 = 4;
const PKTAP_HEADER: u32 = 108;
const PKTAP_PACKET: u32 = 1;
