//! A view of a capture's bytes that a record can be parsed in, wherever blocks end.

use std::{io, ops::Range};

use super::feed::{Feed, Hash, LONGEST_RECORD};

/// The front of the bytes not read yet, contiguous for as far as was asked.
pub(super) struct Window {
    feed: Feed,
    block: Vec<u8>,
    at: usize,
    end: usize,
    /// Capture offset of `block[0]`, modulo 2^64.
    base: u64,
}

impl Window {
    pub(super) fn new(feed: Feed) -> Self {
        Self { feed, block: Vec::new(), at: 0, end: 0, base: 0 }
    }

    /// Whether the next `n` bytes are there; they are contiguous then. `n` is at most [`LONGEST_RECORD`].
    #[inline]
    pub(super) fn has(&mut self, n: usize) -> io::Result<bool> {
        if self.end - self.at >= n { Ok(true) } else { self.fetch(n) }
    }

    #[cold]
    fn fetch(&mut self, n: usize) -> io::Result<bool> {
        while self.left() < n.min(LONGEST_RECORD) {
            let offset = self.offset();
            let (at, end) = self.feed.refill(&mut self.block, self.at..self.end)?;
            let more = end - at > self.left();
            (self.at, self.end) = (at, end);
            self.base = offset.wrapping_sub(at as u64);
            if !more {
                return Ok(false);
            }
        }
        Ok(self.left() >= n)
    }

    /// The bytes not read yet, as far as they are in memory.
    #[inline]
    pub(super) fn front(&self) -> &[u8] {
        self.block.get(self.at..self.end).unwrap_or_default()
    }

    /// The next `N` bytes, which [`has`](Self::has) found to be there; zeros where it did not.
    #[inline]
    pub(super) fn array<const N: usize>(&self) -> [u8; N] {
        self.front().first_chunk().copied().unwrap_or([0; N])
    }

    /// Passes over `n` bytes that are there, and says where `slice` finds them.
    #[inline]
    pub(super) fn take(&mut self, n: usize) -> Range<usize> {
        let start = self.at;
        self.at = (start + n).min(self.end);
        start..self.at
    }

    /// Passes over `n` bytes without keeping them; false where the capture ends first.
    pub(super) fn skip(&mut self, mut n: u64) -> io::Result<bool> {
        loop {
            let step = usize::try_from(n).unwrap_or(usize::MAX).min(self.left());
            self.at += step;
            n -= step as u64;
            if n == 0 {
                return Ok(true);
            }
            if !self.has(1)? {
                return Ok(false);
            }
        }
    }

    /// The bytes of a range that [`take`](Self::take) gave, until the next call of [`has`](Self::has).
    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.block.get(range).unwrap_or_default()
    }

    /// How many bytes were passed over.
    pub(super) fn offset(&self) -> u64 {
        self.base.wrapping_add(self.at as u64)
    }

    /// How many bytes are in memory.
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// Ends the reading and returns the input's hash.
    pub(super) fn finish(self) -> Hash {
        self.feed.finish()
    }
}
