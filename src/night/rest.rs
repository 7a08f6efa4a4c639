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
    /// By cycle: its longest unattended stretch, and the hours in which the device usually rests.
    spans: Vec<[Span; 2]>,
}

impl Rests {
    /// The rests in `cycles`, given the minutes in which somebody was there.
    pub(super) fn of(cycles: &Cycles, attended: &Spans) -> Self {
        let idle = Spans::ascending(cycles.list.iter().map(|cycle| cycle.span)).without(attended);
        let of = |cycle: &Cycle| [longest(cycle.span, idle.runs()), cycles.rest_in(cycle)];
        Self { spans: cycles.list.iter().map(of).collect() }
    }

    /// Whether `minute` lies in the rest of cycle number `at`.
    pub(super) fn holds(&self, at: usize, minute: Minute) -> bool {
        self.spans.get(at).is_some_and(|spans| spans.iter().any(|span| span.contains(minute)))
    }

    /// The longest unattended stretch of each cycle from `first` on.
    pub(super) fn longest_from(&self, first: usize) -> impl Iterator<Item = Span> + '_ {
        self.spans.iter().skip(first).map(|spans| spans[0])
    }
}

/// The longest unattended stretch of a cycle, with those that a short look at the phone cuts off from it.
fn longest(cycle: Span, idle: &[Span]) -> Span {
    let first = idle.partition_point(|run| run.end <= cycle.first);
    let end = idle.partition_point(|run| run.first < cycle.end);
    let clip = |run: &Span| Span { first: run.first.max(cycle.first), end: run.end.min(cycle.end) };
    let runs: Vec<_> = idle.get(first..end).unwrap_or_default().iter().map(clip).collect();
    let Some(longest) = (0..runs.len()).max_by_key(|&at| runs[at].minutes()) else {
        return Span { first: cycle.first, end: cycle.first };
    };
    let goes_on = |from: Span, to: Span| {
        let look = to.first.since(from.end).max(from.first.since(to.end));
        let whole = from.end.max(to.end).since(from.first.min(to.first));
        look <= LOOK && to.minutes() >= LOOK && whole <= MOST
    };
    let mut rest = runs[longest];
    for run in &runs[longest + 1..] {
        if !goes_on(rest, *run) {
            break;
        }
        rest.end = run.end;
    }
    for run in runs[..longest].iter().rev() {
        if !goes_on(rest, *run) {
            break;
        }
        rest.first = run.first;
    }
    rest
}

/// Attended for no longer than this, an unattended stretch of at least as much goes on as the same rest.
const LOOK: u32 = 60;

/// Stretches are joined to a rest no longer than this: pauses of a quiet day are no rest.
const MOST: u32 = 720;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u32, end: u32) -> Span {
        Span { first: Minute(first), end: Minute(end) }
    }

    #[test]
    fn a_look_at_the_phone_does_not_end_the_rest_and_a_quiet_day_does_not_prolong_it() {
        let cycle = run(0, 1_440);
        assert_eq!(longest(cycle, &[run(600, 800), run(830, 1_100)]), run(600, 1_100), "woke once");
        assert_eq!(longest(cycle, &[run(600, 1_000), run(1_030, 1_060)]), run(600, 1_000), "half an hour is a pause");
        assert_eq!(longest(cycle, &[run(200, 400), run(430, 900), run(930, 1_100)]), run(430, 1_100));
        assert_eq!(longest(cycle, &[]).minutes(), 0, "never idle");
    }
}
