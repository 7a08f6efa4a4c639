//! Bytes of which the snap length may have kept only the front.

use crate::base::Malformed;

/// A run of bytes on the wire, and the front of it that was kept.
///
/// Every layer narrows it: [`past`](Self::past) its header, [`up_to`](Self::up_to) its length field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    kept: &'a [u8],
    wire: usize,
}

impl<'a> Piece<'a> {
    /// `wire` bytes that began with `kept`; a length below what was kept is taken as the latter.
    pub(super) fn new(kept: &'a [u8], wire: usize) -> Self {
        Self { kept, wire: wire.max(kept.len()) }
    }

    /// The bytes there are.
    pub(super) const fn kept(&self) -> &'a [u8] {
        self.kept
    }

    /// How many there were on the wire.
    pub(super) const fn wire(&self) -> usize {
        self.wire
    }

    /// Whether the snap length cut it.
    pub(super) const fn is_cut(&self) -> bool {
        self.kept.len() < self.wire
    }

    /// The first `N` bytes, or what is missing of them.
    #[inline]
    pub(super) fn head<const N: usize>(&self, layer: &'static str) -> Result<&'a [u8; N], Malformed> {
        self.kept.first_chunk().ok_or(Malformed { layer, offset: 0, needed: N, left: self.kept.len() })
    }

    /// The first `N` bytes and the `M` after them, or what is missing of them.
    #[inline]
    pub(super) fn heads<const N: usize, const M: usize>(
        &self,
        layer: &'static str,
    ) -> Result<(&'a [u8; N], &'a [u8; M]), Malformed> {
        let both = self.kept.split_first_chunk().and_then(|(first, rest)| Some((first, rest.first_chunk()?)));
        both.ok_or(Malformed { layer, offset: 0, needed: N + M, left: self.kept.len() })
    }

    /// What follows the first `n` bytes.
    #[inline]
    pub(super) fn past(self, n: usize) -> Self {
        Self { kept: self.kept.get(n..).unwrap_or_default(), wire: self.wire.saturating_sub(n) }
    }

    /// The first `n` bytes of it, so that what follows (padding, trailers) is left out.
    #[inline]
    pub(super) fn up_to(self, n: usize) -> Self {
        Self { kept: self.kept.get(..n).unwrap_or(self.kept), wire: self.wire.min(n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_piece_remembers_its_length_on_the_wire() {
        let piece = Piece::new(&[1, 2, 3], 10).past(2);
        assert_eq!((piece.kept(), piece.wire()), (&[3][..], 8));
        let beyond = piece.past(4);
        assert_eq!((beyond.kept(), beyond.wire()), (&[][..], 4));
        assert_eq!(beyond.up_to(3).wire(), 3);
        assert!(beyond.is_cut());
    }
}
