//! What of a life the sensor saw: hours it was off, hours the phone was elsewhere, packets it dropped.

use super::{calendar::Calendar, chance::Chance, person::Person, scenario::Coverage};
use crate::{
    base::{Minute, Span},
    ledger::Watched,
};

/// Minute by minute, whether the sensor was on, and whether the phone was there.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    span: Span,
    on: Vec<bool>,
    there: Vec<bool>,
    /// Share of packets dropped.
    pub(super) dropped: f64,
    seed: u64,
}

impl Sight {
    pub(super) fn of(coverage: &Coverage, person: &Person, calendar: &Calendar, seed: u64) -> Self {
        let span = calendar.span();
        let minutes = span.minutes() as usize;
        let mut chance = Chance::of(seed, "coverage");
        let mut on = vec![true; minutes];
        for day in on.chunks_mut(24 * 60) {
            let missing = coverage.days_missing.is_some_and(|share| chance.holds(share.0));
            if missing {
                day.fill(false);
            }
            for hour in day.chunks_mut(60) {
                if coverage.hours_missing.is_some_and(|share| chance.holds(share.0)) {
                    hour.fill(false);
                }
            }
        }
        let mut there = vec![true; minutes];
        if coverage.away_at_night {
            for sleep in &person.sleeps {
                let at = |seconds| (calendar.moment(seconds).minute().since(span.first) as usize).min(minutes);
                there[at(sleep.from)..at(sleep.to)].fill(false);
            }
        }
        let dropped = coverage.packets_dropped.map_or(0.0, |share| share.0);
        Self { span, on, there, dropped, seed }
    }

    /// Whether packets of this minute could be seen.
    pub(super) fn covers(&self, minute: Minute) -> bool {
        let n = minute.since(self.span.first) as usize;
        self.span.contains(minute) && self.on[n] && self.there[n]
    }

    /// Whether the sensor kept packet number `n` of the run with this `key`: the same answer to whoever asks.
    pub(super) fn keeps(&self, key: u64, n: u64) -> bool {
        self.dropped <= 0.0 || share_of(self.seed ^ key.rotate_left(20) ^ n) >= self.dropped
    }

    /// When the sensor was on.
    pub(super) fn watched(&self) -> Vec<Watched> {
        let mut watched = Vec::new();
        let mut at = self.span.first;
        for run in self.on.chunk_by(|a, b| a == b) {
            let end = at.plus(u32::try_from(run.len()).unwrap_or(u32::MAX));
            if run[0] {
                watched.push(Watched { span: Span { first: at, end }, dropped: self.dropped });
            }
            at = end;
        }
        watched
    }
}

/// A number between 0 and 1 that looks random and depends on `n` alone (the finaliser of splitmix64).
fn share_of(n: u64) -> f64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
