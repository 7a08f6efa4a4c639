//! When a night's rest is: the long pause in which the owner sleeps, apart from the pauses of a waking day.
//!
//! A phone that lies idle by day lies near somebody who is awake: queued pictures leave, a computer sends through it,
//! and a short look at it may have passed unnoticed. So accidents happen in pauses by day that hardly happen at rest,
//! and the evidence allows for more of them there.

use crate::{
    base::{Minute, Span},
    night::{
        cycle::{Cycle, Cycles},
        spans::Spans,
    },
};

/// The rests of a device, one for each of its cycles.
#[derive(Clone, Debug, Default)]
pub(super) struct Rests {
    /// By cycle: its main rest, and the hours in which the device usually rests.
    spans: Vec<[Span; 2]>,
}

impl Rests {
    /// The rests in `cycles`, given the minutes in which somebody was there.
    pub(super) fn of(cycles: &Cycles, attended: &Spans) -> Self {
        let idle = Spans::ascending(cycles.list.iter().map(|cycle| cycle.span)).without(attended);
        let of = |cycle: &Cycle| {
            let usual = cycles.rest_in(cycle);
            [main_rest(cycle.span, usual, idle.runs()), usual]
        };
        Self { spans: cycles.list.iter().map(of).collect() }
    }

    /// Whether `minute` lies in the rest of cycle number `at`.
    pub(super) fn holds(&self, at: usize, minute: Minute) -> bool {
        self.spans.get(at).is_some_and(|spans| spans.iter().any(|span| span.contains(minute)))
    }

    /// The main rest of each cycle from `first` on.
    pub(super) fn main_from(&self, first: usize) -> impl Iterator<Item = Span> + '_ {
        self.spans.iter().skip(first).map(|spans| spans[0])
    }
}

/// The main rest of a cycle: unattended stretches, joined over waking hours in between, with most idle minutes, those in
/// the hours of `usual` rest counted three times. A long pause by day does not pass for the night, and a night that
/// moved with a shift or a journey is still found.
fn main_rest(cycle: Span, usual: Span, idle: &[Span]) -> Span {
    let first = idle.partition_point(|run| run.end <= cycle.first);
    let end = idle.partition_point(|run| run.first < cycle.end);
    let clip = |run: &Span| Span { first: run.first.max(cycle.first), end: run.end.min(cycle.end) };
    let all = || idle.get(first..end).unwrap_or_default().iter().map(clip);
    let mut runs: Vec<_> = all().filter(|run| run.minutes() >= STRETCH).collect();
    if runs.is_empty() {
        runs.extend(all().max_by_key(|run| run.minutes()));
    }
    let worth = |run: &Span| {
        let usually = run.end.min(usual.end).since(run.first.max(usual.first));
        run.minutes() + USUALLY * usually
    };
    let mut best = (0, Span { first: cycle.first, end: cycle.first });
    for (at, begin) in runs.iter().enumerate() {
        let (mut rest, mut idle) = (*begin, worth(begin));
        for next in runs.iter().skip(at + 1) {
            if idle > best.0 {
                best = (idle, rest);
            }
            if next.first.since(rest.end) > AWAKE || next.end.since(rest.first) > MOST {
                break;
            }
            rest.end = next.end;
            idle += worth(next);
        }
        if idle > best.0 {
            best = (idle, rest);
        }
    }
    best.1
}

/// Who wakes is awake for so many minutes at most before the rest goes on.
const AWAKE: u32 = 120;

/// A shorter unattended stretch is part of being awake, minutes.
const STRETCH: u32 = 60;

/// Stretches are joined to a rest no longer than this, minutes: pauses of a quiet day are no rest.
const MOST: u32 = 660;

/// So many times more an idle minute tells in the hours of usual rest.
const USUALLY: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u32, end: u32) -> Span {
        Span { first: Minute(first), end: Minute(end) }
    }

    /// A cycle whose usual rest is from minute 600 to 960.
    fn rest(idle: &[Span]) -> Span {
        main_rest(run(0, 1_440), run(600, 960), idle)
    }

    #[test]
    fn whoever_wakes_at_night_rests_on_afterwards() {
        assert_eq!(rest(&[run(600, 800), run(830, 1_100)]), run(600, 1_100), "woke once");
        assert_eq!(rest(&[run(520, 740), run(770, 790), run(820, 960)]), run(520, 960), "woke twice within the hour");
        assert_eq!(rest(&[run(600, 1_000), run(1_030, 1_060)]), run(600, 1_000), "half an hour is a pause");
        assert_eq!(rest(&[]).minutes(), 0, "never idle");
        assert_eq!(rest(&[run(100, 110), run(300, 330)]), run(300, 330), "hardly idle");
    }

    #[test]
    fn a_quiet_day_is_no_rest_and_does_not_prolong_it() {
        assert_eq!(rest(&[run(520, 850), run(880, 1_380)]), run(520, 850), "a longer pause by day");
        assert_eq!(rest(&[run(100, 480), run(520, 940), run(1_100, 1_400)]), run(520, 940));
    }

    #[test]
    fn a_night_far_from_the_usual_hours_is_found() {
        assert_eq!(rest(&[run(100, 560), run(700, 800), run(930, 1_010)]), run(100, 560));
    }
}
