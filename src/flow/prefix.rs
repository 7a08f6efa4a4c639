//! The ordered beginning of one TCP direction, for the hints.

use super::sequence::Offset;

/// How far into a direction the hints may look.
const LONGEST: i64 = 64 << 10;

/// How many bytes that came too early are kept for later.
const MOST_WAITING: usize = 64 << 10;

/// How many segments that came too early are kept for later.
const MOST_SEGMENTS: usize = 64;

/// Hands out the first bytes of one direction in order, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix {
    next: Offset,
    waiting: Vec<(Offset, Box<[u8]>)>,
    early: usize,
    over: bool,
}

impl Prefix {
    /// Whether no more will be handed out: the limit is reached, or bytes are missing for good.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes kept that came too early.
    pub(super) const fn early(&self) -> usize {
        self.early
    }

    /// Takes one segment of `length` bytes, of which `kept` were captured, and hands out what is now in order.
    pub(super) fn add(&mut self, start: Offset, kept: &[u8], length: u32, mut hand_out: impl FnMut(&[u8])) {
        if self.over {
            return;
        }
        if start > self.next {
            self.keep(start, kept);
            return;
        }
        let cut = (kept.len() as u64) < u64::from(length);
        if self.take(start, kept, &mut hand_out) && cut {
            // The snap length ate the rest of this segment: what follows would not join.
            self.over = true;
        }
        while let Some(at) = self.waiting.iter().position(|(start, _)| *start <= self.next) {
            if self.over {
                break;
            }
            let (start, bytes) = self.waiting.swap_remove(at);
            self.early -= bytes.len();
            self.take(start, &bytes, &mut hand_out);
        }
        if self.over {
            (self.waiting, self.early) = (Vec::new(), 0);
        }
    }

    /// Hands out the part of a segment that is new; says whether there was any.
    fn take(&mut self, start: Offset, bytes: &[u8], hand_out: &mut impl FnMut(&[u8])) -> bool {
        let known = usize::try_from(self.next - start).unwrap_or(usize::MAX);
        let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) else { return false };
        let room = usize::try_from(LONGEST - self.next).unwrap_or(0);
        let new = &new[..new.len().min(room)];
        if !new.is_empty() {
            hand_out(new);
        }
        self.next += i64::try_from(new.len()).unwrap_or(0);
        self.over |= self.next >= LONGEST;
        true
    }

    fn keep(&mut self, start: Offset, bytes: &[u8]) {
        let fits = self.early + bytes.len() <= MOST_WAITING && self.waiting.len() < MOST_SEGMENTS;
        if !bytes.is_empty() && start < LONGEST && fits {
            self.early += bytes.len();
            self.waiting.push((start, bytes.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(prefix: &mut Prefix, start: Offset, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        prefix.add(start, bytes, u32::try_from(bytes.len()).unwrap(), |new| out.extend_from_slice(new));
        out
    }

    #[test]
    fn swapped_segments_come_out_in_order() {
        let mut prefix = Prefix::default();
        assert_eq!(whole(&mut prefix, 3, b"def"), b"");
        assert_eq!(whole(&mut prefix, 0, b"abc"), b"abcdef");
        assert_eq!(whole(&mut prefix, 0, b"abcdef"), b"");
    }

    #[test]
    fn a_segment_cut_by_the_snap_length_is_the_last() {
        let mut prefix = Prefix::default();
        let mut out = Vec::new();
        prefix.add(0, b"abc", 1_400, |new| out.extend_from_slice(new));
        assert_eq!(out, b"abc");
        assert!(prefix.is_over());
        assert_eq!(whole(&mut prefix, 1_400, b"later"), b"");
    }

    proptest! {
        #[test]
        fn any_order_of_segments_gives_a_prefix_of_the_stream(
            cuts in prop::collection::vec(1_usize..50, 1..30), order in any::<u64>(),
        ) {
            let stream: Vec<u8> = (0..cuts.iter().sum::<usize>()).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let mut segments = Vec::new();
            let mut at = 0;
            for cut in cuts { segments.push((at, cut)); at += cut; }
            segments.sort_by_key(|(at, _)| (*at as u64).wrapping_mul(order | 1) % 97);
            let mut prefix = Prefix::default();
            let mut out = Vec::new();
            for (at, length) in segments {
                out.extend(whole(&mut prefix, i64::try_from(at).unwrap(), &stream[at..at + length]));
            }
            prop_assert_eq!(out, stream);
        }
    }
}
