//! `WhatsApp`'s own handshake: a prologue, then Noise messages behind their length in three bytes.

use super::Put;
use crate::simulate::chance::Chance;

/// The client's first bytes: `WA`, protocol 6, dictionary 3, and its ephemeral key.
pub(in crate::simulate) fn hello(length: usize, chance: &mut Chance) -> Vec<u8> {
    let mut hello = b"WA\x06\x03".to_vec();
    hello.extend(frame(length - 4, chance));
    hello
}

/// One handshake frame of `length` bytes, its header included.
pub(in crate::simulate) fn frame(length: usize, chance: &mut Chance) -> Vec<u8> {
    let body = length.saturating_sub(3);
    let mut frame = vec![0];
    frame.put16(u16::try_from(body).unwrap_or(u16::MAX));
    frame.resize(3 + body, 0);
    chance.fill(&mut frame[3..]);
    frame
}
