//! IEEE 802.11 data frames, with or without a radiotap header.

use super::{Opened, Refusal, ethernet};
use crate::{
    base::Malformed,
    decode::{ip::Envelope, piece::Piece},
};

/// Radiotap (radiotap.org): a little-endian length, then fields that are passed over but for one flag.
pub(super) fn radiotap<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    let &[_version, _, l0, l1] = piece.head("radiotap")?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let Some(header) = piece.kept().get(..length).filter(|header| header.len() >= 8) else {
        return Err(Malformed { layer: "radiotap", offset: 2, needed: length.max(8), left: piece.kept().len() }.into());
    };
    let padding = if pads_header(header) { Padding::ToFourBytes } else { Padding::None };
    data(piece.past(length), padding, envelope)
}

/// An 802.11 frame by itself.
pub(super) fn frame<'a>(piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    data(piece, Padding::None, envelope)
}

/// Whether the radio pads the frame header to a multiple of four bytes.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Padding {
    None,
    ToFourBytes,
}

/// Whether the flags field is there, and says that the frame header is padded.
fn pads_header(header: &[u8]) -> bool {
    let mut present = header[4..].chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let Some(first) = present.next() else { return false };
    let mut at = 8;
    let mut last = first;
    while last & MORE_PRESENT != 0 {
        let Some(next) = present.next() else { return false };
        last = next;
        at += 4;
    }
    if first & TIMESTAMP_PRESENT != 0 {
        at = usize::next_multiple_of(at, 8) + 8;
    }
    first & FLAGS_PRESENT != 0 && header.get(at).is_some_and(|flags| flags & DATA_PAD != 0)
}

fn data<'a>(piece: Piece<'a>, padding: Padding, envelope: &mut Envelope<'a>) -> Opened<'a> {
    let head: &[u8; 24] = match piece.head("802.11") {
        Ok(head) => head,
        // Control frames are shorter than a data header.
        Err(_) if piece.kept().first().is_some_and(|first| first & TYPE != DATA) => return Err(Refusal::NotIp),
        Err(lie) => return Err(lie.into()),
    };
    let (kind, control) = (head[0], head[1]);
    let fragment = control & MORE_FRAGMENTS != 0 || head[22] & 0x0f != 0;
    if kind & TYPE != DATA || kind & NO_DATA != 0 {
        return Err(Refusal::NotIp);
    }
    if control & PROTECTED != 0 || fragment {
        return Err(Refusal::Closed);
    }
    let [first, second, third] = [4, 10, 16].map(|at| head[at..].first_chunk());
    let mut length = 24;
    (envelope.src_mac, envelope.dst_mac) = match (control & TO_DS != 0, control & FROM_DS != 0) {
        (false, false) => (second, first),
        (false, true) => (third, first),
        (true, false) => (second, third),
        (true, true) => {
            length += 6;
            (Some(piece.past(24).head("802.11")?), third)
        }
    };
    if kind & QUALITY_OF_SERVICE != 0 {
        let &[quality, _] = piece.past(length).head("802.11")?;
        if quality & AGGREGATE != 0 {
            return Err(Refusal::Closed);
        }
        length += if control & ORDER == 0 { 2 } else { 6 };
    }
    if padding == Padding::ToFourBytes {
        length = length.next_multiple_of(4);
    }
    ethernet::llc(piece.past(length))
}

const MORE_PRESENT: u32 = 1 << 31;
const TIMESTAMP_PRESENT: u32 = 1;
const FLAGS_PRESENT: u32 = 2;
const DATA_PAD: u8 = 0x20;

/// Version and type bits of the first byte.
const TYPE: u8 = 0x0f;
const DATA: u8 = 0x08;
const NO_DATA: u8 = 0x40;
const QUALITY_OF_SERVICE: u8 = 0x80;
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
/// In the quality-of-service field: several datagrams in one frame (A-MSDU).
const AGGREGATE: u8 = 0x80;
