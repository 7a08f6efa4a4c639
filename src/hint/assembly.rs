//! Pieces of a handshake, in whatever order they come, put together: CRYPTO frames of QUIC (RFC 9000, section 19.6),
//! fragments of DTLS (RFC 6347, section 4.2.3).

use std::collections::BTreeMap;

/// A piece of a handshake and where it belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

/// The front of a handshake, and the pieces that lie beyond a gap.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    front: Vec<u8>,
    beyond: BTreeMap<u32, Vec<u8>>,
    beyond_bytes: usize,
}

/// How far into a handshake bytes are kept.
const REACH: usize = 16 * 1024;
/// Pieces kept beyond a gap. Clients that shuffle their hello send some tens.
const PIECES: usize = 128;

impl Assembly {
    /// Adds a piece. What lies out of reach is dropped.
    pub(super) fn add(&mut self, piece: &Piece<'_>) {
        if piece.offset.checked_add(piece.bytes.len()).is_none_or(|end| end > REACH) {
            return;
        }
        if piece.offset <= self.front.len() {
            self.extend(piece.offset, piece.bytes);
            self.close_gaps();
        } else if self.beyond.len() < PIECES && self.beyond_bytes + piece.bytes.len() <= REACH {
            let Ok(offset) = u32::try_from(piece.offset) else { return };
            let known = self.beyond.get(&offset).map_or(0, Vec::len);
            if piece.bytes.len() > known {
                self.beyond_bytes += piece.bytes.len() - known;
                self.beyond.insert(offset, piece.bytes.to_vec());
            }
        }
    }

    /// The stream from its first byte to its first gap.
    pub(super) fn front(&self) -> &[u8] {
        &self.front
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        self.front.len() + self.beyond_bytes
    }

    fn extend(&mut self, offset: usize, bytes: &[u8]) {
        let known = self.front.len() - offset;
        self.front.extend_from_slice(bytes.get(known..).unwrap_or_default());
    }

    fn close_gaps(&mut self) {
        while let Some(first) = self.beyond.first_entry() {
            let offset = *first.key() as usize;
            if offset > self.front.len() {
                break;
            }
            let bytes = first.remove();
            self.beyond_bytes -= bytes.len();
            self.extend(offset, &bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_in_any_order_give_the_stream(
            stream in prop::collection::vec(any::<u8>(), 1..1_500),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..9),
            seed: u64,
        ) {
            let mut pieces: Vec<(usize, usize)> = cuts
                .iter()
                .map(|(a, b)| (a.index(stream.len()), b.index(stream.len())))
                .map(|(a, b)| (a.min(b), a.max(b)))
                .chain((0..stream.len()).step_by(100).map(|at| (at, (at + 100).min(stream.len()))))
                .collect();
            pieces.sort_by_key(|(a, b)| (*a as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ *b as u64);
            let mut assembly = Assembly::default();
            for (start, end) in pieces {
                assembly.add(&Piece { offset: start, bytes: &stream[start..end] });
            }
            prop_assert_eq!(assembly.front(), &stream[..]);
        }

        #[test]
        fn pieces_from_anywhere_stay_in_reach(
            pieces in prop::collection::vec((any::<usize>(), prop::collection::vec(any::<u8>(), 0..2000)), 0..300),
        ) {
            let mut assembly = Assembly::default();
            for (offset, bytes) in &pieces {
                assembly.add(&Piece { offset: *offset % 40_000, bytes });
                assembly.add(&Piece { offset: *offset, bytes });
            }
            prop_assert!(assembly.front.len() <= REACH && assembly.beyond_bytes <= REACH);
        }
    }
}
