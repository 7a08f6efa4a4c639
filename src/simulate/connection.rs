//! Where a TCP connection stands: sequence numbers, what is acknowledged, how its records run.

use super::{chance::Chance, run::Way, wire::stream::Records};

/// An acknowledgement to be sent unless another has said it before: the number it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply(u32);

/// Both directions of one connection; index 0 is up, 1 down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    /// The next sequence number of each.
    next: [u32; 2],
    /// The last acknowledgement number that each has sent.
    said: [u32; 2],
    /// Data segments of each that the other has not acknowledged.
    waiting: [u8; 2],
    bare: u64,
    pub(super) records: [Records; 2],
}

impl Connection {
    /// Connection number `n` of the life with this seed.
    pub(super) fn new(seed: u64, n: u32) -> Self {
        let mut chance = Chance::of(seed ^ u64::from(n).rotate_left(32), "sequence numbers");
        let next = [chance.number(), chance.number()];
        Self { next, said: [next[1], next[0]], waiting: [0; 2], bare: 0, records: [Records::default(); 2] }
    }

    /// Sends `length` bytes `way`: their sequence and acknowledgement numbers.
    pub(super) fn send(&mut self, way: Way, length: u32) -> (u32, u32) {
        let (own, other) = sides(way);
        let numbers = (self.next[own], self.next[other]);
        self.next[own] = self.next[own].wrapping_add(length);
        self.said[own] = self.next[other];
        self.waiting[other] = 0;
        numbers
    }

    /// A data segment went `way`: when the other side acknowledges, in nanoseconds from now, and what it says.
    ///
    /// Every second segment at once, a single one after a delay (RFC 9293, section 3.8.6.3).
    pub(super) fn heard(&mut self, way: Way) -> (u64, Reply) {
        let (own, _) = sides(way);
        self.waiting[own] += 1;
        let latency = if way == Way::Up { 32_000_000 } else { 2_000_000 };
        let delay = if self.waiting[own] >= 2 { 0 } else { 40_000_000 };
        if delay == 0 {
            self.waiting[own] = 0;
        }
        (latency + delay, Reply(self.next[own]))
    }

    /// The numbers of an acknowledgement sent `way`; `None` where it has been said.
    pub(super) fn acknowledge(&mut self, way: Way, Reply(number): Reply) -> Option<(u32, u32)> {
        let (own, _) = sides(way);
        let ahead = number.wrapping_sub(self.said[own]);
        if ahead == 0 || ahead > u32::MAX / 2 {
            return None;
        }
        self.said[own] = number;
        Some((self.next[own], number))
    }

    /// Where both sides stand, seen from who sends `way`: its next sequence number, and what it would acknowledge.
    pub(super) fn numbers(&self, way: Way) -> (u32, u32) {
        let (own, other) = sides(way);
        (self.next[own], self.next[other])
    }

    /// Counts packets without data.
    pub(super) fn next_bare(&mut self) -> u64 {
        self.bare += 1;
        self.bare
    }
}

const fn sides(way: Way) -> (usize, usize) {
    match way {
        Way::Up => (0, 1),
        Way::Down => (1, 0),
    }
}
