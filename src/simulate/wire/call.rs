//! A call: STUN to the relay (RFC 8489, RFC 8656), then RTP (RFC 3550).

use super::Put;
use crate::simulate::{App, chance::Chance};

/// Asks the relay for an allocation, in `length` bytes.
pub(in crate::simulate) fn allocate(app: App, length: usize, chance: &mut Chance) -> Vec<u8> {
    stun(0x0003, filler(app), length, chance)
}

/// Its success, in `length` bytes.
pub(in crate::simulate) fn allocated(app: App, length: usize, chance: &mut Chance) -> Vec<u8> {
    stun(0x0103, filler(app), length, chance)
}

/// A message with one attribute that fills it.
fn stun(kind: u16, attribute: u16, length: usize, chance: &mut Chance) -> Vec<u8> {
    let mut out = Vec::with_capacity(length);
    out.put16(kind);
    out.put16(u16::try_from(length.saturating_sub(20)).unwrap_or_default());
    out.put32(MAGIC_COOKIE);
    let mut transaction = [0; 12];
    chance.fill(&mut transaction);
    out.extend(transaction);
    out.put16(attribute);
    out.with_len16(|out| out.resize(length.max(out.len()), 0));
    out
}

/// The attribute that tells the app: `WhatsApp` has its own, others send SOFTWARE.
const fn filler(app: App) -> u16 {
    match app {
        App::Whatsapp => 0x4000,
        App::Signal => 0x8022,
    }
}

const MAGIC_COOKIE: u32 = 0x2112_a442;

/// Samples in a packet: 60 ms at 16 kHz.
const SAMPLES: u64 = 960;

/// Packet number `n` of a stream, in `length` bytes: its header, as far as there is room, then zeros.
pub(in crate::simulate) fn rtp(n: u64, source: u32, length: usize) -> Vec<u8> {
    let mut out = vec![0x80, 120];
    let [.., high, low] = n.to_be_bytes();
    out.extend([high, low]);
    out.extend_from_slice(&n.wrapping_mul(SAMPLES).to_be_bytes()[4..]);
    out.put32(source);
    out.resize(length, 0);
    out
}
