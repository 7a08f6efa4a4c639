//! What was read since the last flush, by the hour, beside the ledger's rows.

use std::collections::BTreeMap;

use super::audit::Loss;
use crate::{
    base::{Bytes, Stamp},
    ledger::{Heard, Row},
};

/// Counts of everything read since the last flush.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// By the place of the source, and the hour.
    hours: BTreeMap<(usize, u32), Heard>,
    source: usize,
    /// The hour that is counted at the moment: its number, its first and its last second.
    hour: (u32, Span64),
    now: Heard,
    /// What had been lost by the last flush.
    losses: Vec<Loss>,
}

/// Seconds since the epoch, the first included and the end not.
type Span64 = (u64, u64);

impl Default for Unwritten {
    fn default() -> Self {
        Self { hours: BTreeMap::new(), source: 0, hour: (0, (0, 3_600)), now: Heard::default(), losses: Vec::new() }
    }
}

impl Unwritten {
    /// What follows comes from the source at `place`.
    pub(super) fn turn_to_source(&mut self, place: usize) {
        if place != self.source {
            self.close();
            self.source = place;
        }
    }

    /// Counts a frame.
    pub(super) fn frame(&mut self, at: Stamp) {
        let second = at.seconds();
        if second < self.hour.1.0 || second >= self.hour.1.1 {
            self.turn_to(second / 3_600);
        }
        self.now.frames += 1;
    }

    /// Counts what a log tells of one connection that began at `at`.
    pub(super) fn told(&mut self, at: Stamp, packets: u64, wire: Bytes) {
        let second = at.seconds();
        if second < self.hour.1.0 || second >= self.hour.1.1 {
            self.turn_to(second / 3_600);
        }
        self.now.frames = self.now.frames.saturating_add(packets);
        self.now.wire += wire;
    }

    /// Counts a packet of the frame counted last.
    pub(super) fn decoded(&mut self, wire: Bytes) {
        self.now.wire += wire;
    }

    #[cold]
    fn turn_to(&mut self, hour: u64) {
        self.close();
        // 2^64 ns are five million hours: they fit.
        self.hour = (u32::try_from(hour).unwrap_or(u32::MAX), (hour * 3_600, (hour + 1) * 3_600));
    }

    fn close(&mut self) {
        let now = std::mem::take(&mut self.now);
        if now != Heard::default() {
            let hour = self.hours.entry((self.source, self.hour.0)).or_default();
            hour.frames += now.frames;
            hour.wire += now.wire;
        }
    }

    /// What was read, by sources and hours; what moved between nobodies is put in the one counted at the moment.
    pub(super) fn heard(&mut self, nobodys: Row) -> BTreeMap<(usize, u32), Heard> {
        self.close();
        let mut hours = self.hours.clone();
        if nobodys != Row::default() {
            hours.entry((self.source, self.hour.0)).or_default().nobodys = nobodys;
        }
        hours
    }

    /// What was lost since the last flush, of all that was lost.
    pub(super) fn new_losses(&self, all: &[Loss]) -> Vec<(String, u64)> {
        let before = |what: &str| self.losses.iter().find(|loss| loss.what == what).map_or(0, |loss| loss.count);
        let new =
            all.iter().map(|loss| (loss.what.clone().into_owned(), loss.count - before(&loss.what).min(loss.count)));
        new.filter(|(_, count)| *count > 0).collect()
    }

    /// Begins anew: everything was written.
    pub(super) fn turn_page(&mut self, losses: Vec<Loss>) {
        self.hours.clear();
        self.losses = losses;
    }

    /// Forgets what was read: no store took it. What caps dropped before is still told of.
    pub(super) fn forget(&mut self) {
        self.hours.clear();
        self.now = Heard::default();
    }

    /// Frames read.
    pub(super) fn frames(&self) -> u64 {
        self.hours.values().map(|hour| hour.frames).sum::<u64>() + self.now.frames
    }

    /// IP total lengths of all decoded packets.
    pub(super) fn wire(&self) -> Bytes {
        self.hours.values().map(|hour| hour.wire).sum::<Bytes>() + self.now.wire
    }
}
