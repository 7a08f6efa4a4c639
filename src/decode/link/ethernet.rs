//! Ethernet, and what an Ethernet type leads to: VLAN tags, MPLS, PPPoE, LLC and SNAP.

use etherparse::ether_type;

use super::{Opened, Refusal, ppp};
use crate::{
    base::Malformed,
    decode::{ip::Envelope, piece::Piece},
};

/// IEEE 802.3: two addresses and a type or length.
#[inline]
pub(in crate::decode) fn ethernet<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    let head: &[u8; 14] = piece.head("Ethernet")?;
    envelope.dst_mac = head.first_chunk();
    envelope.src_mac = head[6..].first_chunk();
    let [.., t0, t1] = *head;
    by_ether_type(u16::from_be_bytes([t0, t1]), piece.past(14), envelope)
}

/// What follows an Ethernet type.
#[inline]
pub(in crate::decode) fn by_ether_type<'a>(
    ether_type: u16,
    piece: Piece<'a>,
    envelope: &mut Envelope<'a>,
) -> Opened<'a> {
    match ether_type {
        IPV4 | IPV6 => Ok(piece),
        other => behind_tags(other, piece, envelope),
    }
}

fn behind_tags<'a>(mut ether_type: u16, mut piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    for _ in 0..MOST_TAGS {
        match ether_type {
            IPV4 | IPV6 => return Ok(piece),
            VLAN | PROVIDER_BRIDGE | DOUBLE_TAG | VLAN_9200 => {
                let &[_, _, t0, t1] = piece.head("VLAN")?;
                ether_type = u16::from_be_bytes([t0, t1]);
                piece = piece.past(4);
            }
            BRIDGE_PORT_TAG => {
                let &[_, _, _, _, _, _, t0, t1] = piece.head("E-TAG")?;
                ether_type = u16::from_be_bytes([t0, t1]);
                piece = piece.past(8);
            }
            PROVIDER_BACKBONE => {
                // The customer's frame follows: only its addresses and type are of interest.
                let head: &[u8; 18] = piece.head("I-TAG")?;
                envelope.dst_mac = head[4..].first_chunk();
                envelope.src_mac = head[10..].first_chunk();
                let [.., t0, t1] = *head;
                ether_type = u16::from_be_bytes([t0, t1]);
                piece = piece.past(18);
            }
            MPLS | MPLS_MULTICAST => return mpls(piece),
            PPPOE_SESSION => return ppp::pppoe(piece),
            MACSEC => return Err(Refusal::Closed),
            TRANSPARENT_BRIDGING => return ethernet(piece, envelope),
            length @ 0..=MOST_802_3 => return llc(piece.up_to(length.into())),
            _ => return Err(Refusal::NotIp),
        }
    }
    Err(Malformed { layer: "VLAN", offset: 0, needed: 0, left: piece.kept().len() }.into())
}

/// A stack of MPLS labels (RFC 3032); IP is told by its version, for nothing states what follows.
pub(super) fn mpls(mut piece: Piece<'_>) -> Opened<'_> {
    for _ in 0..MOST_TAGS {
        let &[_, _, bottom, _] = piece.head("MPLS")?;
        piece = piece.past(4);
        if bottom & 1 != 0 {
            return match piece.kept().first().map(|first| first >> 4) {
                Some(4 | 6) => Ok(piece),
                _ => Err(Refusal::NotIp),
            };
        }
    }
    Err(Malformed { layer: "MPLS", offset: 0, needed: 0, left: piece.kept().len() }.into())
}

/// IEEE 802.2 with or without SNAP (RFC 1042).
pub(super) fn llc(piece: Piece<'_>) -> Opened<'_> {
    match *piece.head("LLC")? {
        [0x06, 0x06, 0x03] => Ok(piece.past(3)),
        [0xaa, 0xaa, 0x03] => match *piece.past(3).head("SNAP")? {
            [0, 0, 0 | 0xf8, t0, t1] => match u16::from_be_bytes([t0, t1]) {
                IPV4 | IPV6 => Ok(piece.past(8)),
                VLAN => tagged_in_snap(piece.past(8)),
                _ => Err(Refusal::NotIp),
            },
            _ => Err(Refusal::NotIp),
        },
        _ => Err(Refusal::NotIp),
    }
}

fn tagged_in_snap(piece: Piece<'_>) -> Opened<'_> {
    match *piece.head("VLAN")? {
        [_, _, 0x08, 0x00] | [_, _, 0x86, 0xdd] => Ok(piece.past(4)),
        _ => Err(Refusal::NotIp),
    }
}

const MOST_TAGS: usize = 8;
/// The largest number in the type field that is a length (IEEE 802.3, clause 3.2.6).
const MOST_802_3: u16 = 1500;

const IPV4: u16 = ether_type::IPV4.0;
const IPV6: u16 = ether_type::IPV6.0;
const VLAN: u16 = ether_type::VLAN_TAGGED_FRAME.0;
const PROVIDER_BRIDGE: u16 = ether_type::PROVIDER_BRIDGING.0;
const DOUBLE_TAG: u16 = ether_type::VLAN_DOUBLE_TAGGED_FRAME.0;
const VLAN_9200: u16 = 0x9200;
const MACSEC: u16 = ether_type::MACSEC.0;
/// IEEE 802.1BR.
const BRIDGE_PORT_TAG: u16 = 0x893f;
/// IEEE 802.1ah.
const PROVIDER_BACKBONE: u16 = 0x88e7;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const TRANSPARENT_BRIDGING: u16 = 0x6558;
