//! Which bytes of one TCP direction have been seen, so that each counts once.
//!
//! Sequence numbers place bytes; they never measure them. A scanner's RST with a random number must not report
//! gigabytes, so what is counted is the length of segments, less what earlier segments already brought.

/// How many separate runs of seen bytes are remembered for one direction.
const MOST_RUNS: usize = 16;

/// The largest hole that is closed, unseen, when there are too many runs. Beyond it, the lowest run is forgotten.
const LARGEST_CLOSED_HOLE: i64 = 1 << 20;

/// A position in the stream: an unwrapped sequence number, relative to the first one seen.
pub(super) type Offset = i64;

/// The runs of bytes that one side has sent, as far as a bystander saw them (RFC 9293, section 3.4).
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    origin: Option<u32>,
    /// Ascending, apart from each other; a run is `start..end`.
    runs: Vec<(Offset, Offset)>,
}

impl Seen {
    /// Nothing seen; the stream starts at sequence number `first`.
    pub(super) fn starting_at(first: u32) -> Self {
        Self { origin: Some(first), runs: Vec::new() }
    }

    /// Whether no payload was seen.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Where `seq` lies in the stream: the unwrapping nearest to the newest byte seen.
    pub(super) fn offset(&mut self, seq: u32) -> Offset {
        let origin = *self.origin.get_or_insert(seq);
        let newest = self.runs.last().map_or(0, |run| run.1);
        let newest_seq = origin.wrapping_add(low_half(newest));
        newest + i64::from(seq.wrapping_sub(newest_seq).cast_signed())
    }

    /// Marks `length` bytes from `start` on as seen, and says how many of them are new.
    pub(super) fn add(&mut self, start: Offset, length: u32) -> u32 {
        let end = start + i64::from(length);
        if let [.., (_, top)] = self.runs.as_mut_slice()
            && *top == start
        {
            *top = end;
            return length;
        }
        self.add_out_of_order(start, end)
    }

    fn add_out_of_order(&mut self, start: Offset, end: Offset) -> u32 {
        if start >= end {
            return 0;
        }
        // The runs that touch or overlap start..end melt into one.
        let from = self.runs.partition_point(|run| run.1 < start);
        let to = self.runs.partition_point(|run| run.0 <= end);
        let known: i64 = self.runs[from..to].iter().map(|run| (run.1.min(end) - run.0.max(start)).max(0)).sum();
        let merged = match self.runs[from..to] {
            [] => (start, end),
            [first, ..] => (first.0.min(start), self.runs[to - 1].1.max(end)),
        };
        self.runs.splice(from..to, [merged]);
        self.forget();
        // Between 0 and the length of one segment.
        u32::try_from(end - start - known).unwrap_or(0)
    }

    fn forget(&mut self) {
        if self.runs.len() <= MOST_RUNS {
            return;
        }
        let hole = self.runs[1].0 - self.runs[0].1;
        if hole <= LARGEST_CLOSED_HOLE {
            self.runs[1].0 = self.runs[0].0;
        }
        self.runs.remove(0);
    }
}

/// The low 32 bits: sequence numbers wrap there (RFC 9293, section 3.4).
#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "wrapping is the meaning of the number")]
const fn low_half(offset: Offset) -> u32 {
    offset as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn add(seen: &mut Seen, seq: u32, length: u32) -> u32 {
        let start = seen.offset(seq);
        seen.add(start, length)
    }

    #[test]
    fn a_byte_sent_twice_counts_once() {
        let mut seen = Seen::starting_at(1_000);
        assert_eq!(add(&mut seen, 1_000, 100), 100);
        assert_eq!(add(&mut seen, 1_000, 100), 0, "a retransmission");
        assert_eq!(add(&mut seen, 1_050, 100), 50, "an overlap");
        assert_eq!(add(&mut seen, 1_300, 100), 100, "after a hole");
        assert_eq!(add(&mut seen, 1_149, 152), 150, "what fills the hole, and a byte on either side");
        assert_eq!(add(&mut seen, 1_399, 1), 0, "a keepalive");
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut seen = Seen::starting_at(u32::MAX - 9);
        assert_eq!(add(&mut seen, u32::MAX - 9, 20), 20);
        assert_eq!(add(&mut seen, 10, 5), 5);
        assert_eq!(add(&mut seen, u32::MAX, 5), 0);
    }

    #[test]
    fn a_wild_sequence_number_counts_only_its_own_bytes() {
        let mut seen = Seen::starting_at(0);
        assert_eq!(add(&mut seen, 0, 84), 84);
        assert_eq!(add(&mut seen, 1_964_191_874, 1), 1);
        assert_eq!(add(&mut seen, 84, 100), 100);
    }

    proptest! {
        #[test]
        fn unique_bytes_equal_a_set_of_bytes(segments in prop::collection::vec((0_u32..400, 0_u32..40), 0..60)) {
            let mut seen = Seen::starting_at(u32::MAX - 200);
            let mut bytes = HashSet::new();
            for (at, length) in segments {
                let new = (at..at + length).filter(|b| bytes.insert(*b)).count();
                let counted = add(&mut seen, (u32::MAX - 200).wrapping_add(at), length);
                // With more runs than are remembered, small holes close: then less is counted, never more.
                prop_assert!(counted as usize <= new);
                if seen.runs.len() < MOST_RUNS - 1 { prop_assert_eq!(counted as usize, new); } else { return Ok(()); }
            }
        }

        #[test]
        fn no_segment_counts_more_than_its_length(segments in prop::collection::vec((any::<u32>(), 0_u32..70_000), 0..200)) {
            let mut seen = Seen::default();
            for (seq, length) in segments {
                prop_assert!(add(&mut seen, seq, length) <= length);
                prop_assert!(seen.runs.len() <= MOST_RUNS);
            }
        }
    }
}
