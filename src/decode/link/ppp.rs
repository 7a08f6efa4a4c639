//! PPP (RFC 1661, RFC 1662), PPPoE (RFC 2516) and Cisco HDLC.

use super::{Opened, Refusal, ethernet};
use crate::decode::{ip::Envelope, piece::Piece};

/// PPP, with or without the address and control bytes of HDLC, its protocol field compressed or not.
pub(in crate::decode) fn ppp(piece: Piece<'_>) -> Opened<'_> {
    let piece = if piece.kept().starts_with(&[0xff, 0x03]) { piece.past(2) } else { piece };
    let &[first] = piece.head("PPP")?;
    let (protocol, inner) = if first & 1 == 1 {
        (u16::from(first), piece.past(1))
    } else {
        (u16::from_be_bytes(*piece.head("PPP")?), piece.past(2))
    };
    match protocol {
        0x0021 | 0x0057 => Ok(inner),
        0x0281 | 0x0283 => ethernet::mpls(inner),
        _ => Err(Refusal::NotIp),
    }
}

/// A PPPoE session packet.
pub(super) fn pppoe(piece: Piece<'_>) -> Opened<'_> {
    let &[_, code, _, _, l0, l1] = piece.head("PPPoE")?;
    if code != 0 {
        return Err(Refusal::NotIp);
    }
    ppp(piece.past(6).up_to(u16::from_be_bytes([l0, l1]).into()))
}

/// Cisco HDLC: address, control, Ethernet type.
pub(super) fn cisco_hdlc<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    let &[_, _, t0, t1] = piece.head("Cisco HDLC")?;
    match u16::from_be_bytes([t0, t1]) {
        0..=1500 => Err(Refusal::NotIp),
        ether_type => ethernet::by_ether_type(ether_type, piece.past(4), envelope),
    }
}
