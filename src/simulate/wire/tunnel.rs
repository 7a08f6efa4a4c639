//! `WireGuard`'s messages: a type, three zeros, an index; then what nobody can read.

use crate::simulate::chance::Chance;

/// A handshake message of `kind` (1 initiation, 2 response), in `length` bytes.
pub(in crate::simulate) fn handshake(kind: u8, length: usize, chance: &mut Chance) -> Vec<u8> {
    let mut out = vec![0; length];
    chance.fill(&mut out);
    out[..4].copy_from_slice(&[kind, 0, 0, 0]);
    out
}

/// Transport data with this counter, in `length` bytes.
pub(in crate::simulate) fn data(counter: u64, length: usize) -> Vec<u8> {
    let mut out = vec![4, 0, 0, 0, 7, 7, 7, 7];
    out.extend(counter.to_le_bytes());
    out.resize(length, 0);
    out
}
