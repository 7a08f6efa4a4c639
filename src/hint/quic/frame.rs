//! The frames an Initial packet may hold (RFC 9000, sections 12.4 and 19).

use crate::{
    base::{Malformed, Reader},
    hint::assembly::Piece,
};

/// The CRYPTO pieces among `frames`, up to the first frame that does not belong in an Initial packet.
pub(super) fn crypto_pieces(frames: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut r = Reader::new("QUIC frames", frames);
    std::iter::from_fn(move || {
        while !r.is_empty() {
            if let Some(piece) = frame(&mut r).ok()? {
                return Some(piece);
            }
        }
        None
    })
}

fn frame<'a>(r: &mut Reader<'a>) -> Result<Option<Piece<'a>>, Malformed> {
    match r.u8()? {
        PADDING => {
            let more = r.rest().iter().take_while(|byte| **byte == PADDING).count();
            r.skip(more)?;
        }
        PING => {}
        kind @ (ACK | ACK_ECN) => acknowledgement(r, kind)?,
        CRYPTO | GOOGLE_CRYPTO => {
            let offset = number(r)?;
            let length = number(r)?;
            return Ok(Some(Piece { offset, bytes: r.take(length)? }));
        }
        CLOSE => {
            number(r)?; // error code
            number(r)?; // frame type
            let reason = number(r)?;
            r.skip(reason)?;
        }
        _ => return Err(alien(r)),
    }
    Ok(None)
}

fn acknowledgement(r: &mut Reader<'_>, kind: u8) -> Result<(), Malformed> {
    number(r)?; // largest
    number(r)?; // delay
    let ranges = number(r)?;
    number(r)?; // first range
    let counters = if kind == ACK_ECN { 3 } else { 0 };
    // Each takes two bytes or more, so the walk ends with the packet whatever the count says.
    for _ in 0..ranges.saturating_mul(2).saturating_add(counters) {
        number(r)?;
    }
    Ok(())
}

/// A variable-length integer (RFC 9000, section 16). One too large for memory becomes the largest there is.
pub(super) fn number(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let first = r.u8()?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..1_u8 << (first >> 6) {
        value = value << 8 | u64::from(r.u8()?);
    }
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

fn alien(r: &Reader<'_>) -> Malformed {
    Malformed { layer: "QUIC frames", offset: r.offset(), needed: 0, left: r.left() }
}

const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const ACK_ECN: u8 = 0x03;
const CRYPTO: u8 = 0x06;
/// What Google's T050 numbers a CRYPTO frame; elsewhere a STREAM frame, which no Initial packet holds.
const GOOGLE_CRYPTO: u8 = 0x08;
const CLOSE: u8 = 0x1c;
