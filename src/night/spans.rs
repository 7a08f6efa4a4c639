//! Sets of minutes, kept as runs: what was observed, when somebody was there.

use crate::base::{Minute, Span};

/// A set of minutes as ascending runs that neither overlap nor touch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Spans {
    runs: Vec<Span>,
    /// Minutes in all runs before each run.
    before: Vec<u64>,
}

impl Spans {
    /// No minutes.
    pub(super) const EMPTY: Self = Self { runs: Vec::new(), before: Vec::new() };

    /// The union of runs given in any order.
    pub(super) fn new(mut runs: Vec<Span>) -> Self {
        runs.sort_unstable();
        Self::ascending(runs)
    }

    /// The union of runs that ascend by their first minute.
    pub(super) fn ascending(runs: impl IntoIterator<Item = Span>) -> Self {
        let mut joined: Vec<Span> = Vec::new();
        for run in runs.into_iter().filter(|run| run.first < run.end) {
            match joined.last_mut() {
                Some(last) if run.first <= last.end => last.end = last.end.max(run.end),
                _ => joined.push(run),
            }
        }
        let before = joined.iter().scan(0, |sum, run| Some(std::mem::replace(sum, *sum + u64::from(run.minutes()))));
        Self { before: before.collect(), runs: joined }
    }

    /// Its runs, ascending.
    pub(super) fn runs(&self) -> &[Span] {
        &self.runs
    }

    /// Whether it holds no minute.
    pub(super) const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many minutes it holds.
    pub(super) fn minutes(&self) -> u64 {
        self.runs.last().map_or(0, |last| self.rank(last.end))
    }

    /// Whether `minute` is in it.
    pub(super) fn contains(&self, minute: Minute) -> bool {
        self.run_at(minute).is_some_and(|run| minute < run.end)
    }

    /// As [`Spans::contains`], for minutes that mostly ascend: `at` remembers where the last was looked for.
    pub(super) fn contains_after(&self, at: &mut usize, minute: Minute) -> bool {
        let ends_before = |run: &Span| run.end <= minute;
        let back = at.checked_sub(1).and_then(|last| self.runs.get(last)).is_some_and(|run| !ends_before(run));
        let near = self.runs.get(*at..self.runs.len().min(*at + 8)).unwrap_or_default();
        match near.iter().position(|run| !ends_before(run)) {
            Some(steps) if !back => *at += steps,
            None if near.is_empty() && !back => {}
            _ => *at = self.runs.partition_point(ends_before),
        }
        self.runs.get(*at).is_some_and(|run| run.first <= minute)
    }

    /// The run that begins at `minute` or is the last to begin before it.
    pub(super) fn run_at(&self, minute: Minute) -> Option<Span> {
        let after = self.runs.partition_point(|run| run.first <= minute);
        self.runs.get(after.checked_sub(1)?).copied()
    }

    /// How many of its minutes lie in `span`.
    pub(super) fn minutes_in(&self, span: Span) -> u64 {
        self.rank(span.end).saturating_sub(self.rank(span.first))
    }

    /// The first of its minutes at or after `minute`.
    pub(super) fn first_from(&self, minute: Minute) -> Option<Minute> {
        let at = self.runs.partition_point(|run| run.end <= minute);
        self.runs.get(at).map(|run| run.first.max(minute))
    }

    /// Its minute number `index`, counted from 0.
    pub(super) fn nth(&self, index: u64) -> Option<Minute> {
        let after = self.before.partition_point(|&before| before <= index);
        let at = after.checked_sub(1)?;
        let minute = self.runs.get(at)?.first.plus(u32::try_from(index - self.before.get(at)?).ok()?);
        (minute < self.runs.get(at)?.end).then_some(minute)
    }

    /// The minutes in both.
    #[must_use]
    pub(super) fn and(&self, other: &Self) -> Self {
        let (mut left, mut right, mut both) = (0, 0, Vec::new());
        while let (Some(a), Some(b)) = (self.runs.get(left), other.runs.get(right)) {
            both.push(Span { first: a.first.max(b.first), end: a.end.min(b.end) });
            if a.end <= b.end {
                left += 1;
            } else {
                right += 1;
            }
        }
        Self::ascending(both)
    }

    /// Its minutes that are not in `other`.
    #[must_use]
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut at = 0;
        for run in &self.runs {
            let mut first = run.first;
            while other.runs.get(at).is_some_and(|hole| hole.end <= first) {
                at += 1;
            }
            let mut next = at;
            while let Some(hole) = other.runs.get(next).filter(|hole| hole.first < run.end) {
                rest.push(Span { first, end: hole.first.max(first) });
                first = hole.end;
                next += 1;
            }
            rest.push(Span { first, end: run.end });
        }
        Self::ascending(rest)
    }

    /// How many of its minutes lie before `minute`.
    fn rank(&self, minute: Minute) -> u64 {
        let after = self.runs.partition_point(|run| run.first < minute);
        let Some(at) = after.checked_sub(1) else { return 0 };
        let (Some(run), Some(before)) = (self.runs.get(at), self.before.get(at)) else { return 0 };
        before + u64::from(run.end.min(minute).since(run.first))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn run(first: u32, end: u32) -> Span {
        Span { first: Minute(first), end: Minute(end) }
    }

    fn members(spans: &Spans) -> BTreeSet<u32> {
        spans.runs().iter().flat_map(|run| run.first.0..run.end.0).collect()
    }

    fn some_spans() -> impl Strategy<Value = Spans> {
        prop::collection::vec((0_u32..200, 0_u32..30), 0..12)
            .prop_map(|runs| Spans::new(runs.into_iter().map(|(first, length)| run(first, first + length)).collect()))
    }

    #[test]
    fn runs_that_touch_become_one() {
        assert_eq!(Spans::new(vec![run(5, 9), run(1, 3), run(3, 5), run(20, 20)]).runs(), [run(1, 9)]);
    }

    proptest! {
        #[test]
        fn runs_behave_as_the_sets_they_stand_for(a in some_spans(), b in some_spans(), at in 0_u32..230, wide in 0_u32..50) {
            let (x, y) = (members(&a), members(&b));
            prop_assert_eq!(members(&a.and(&b)), &x & &y);
            prop_assert_eq!(members(&a.without(&b)), &x - &y);
            prop_assert_eq!(a.minutes(), x.len() as u64);
            prop_assert_eq!(a.contains(Minute(at)), x.contains(&at));
            let mut place = 0;
            for minute in [at, at + wide / 7, at + wide, at].map(Minute) {
                prop_assert_eq!(a.contains_after(&mut place, minute), a.contains(minute));
            }
            prop_assert_eq!(a.minutes_in(run(at, at + wide)), x.range(at..at + wide).count() as u64);
            prop_assert_eq!(a.first_from(Minute(at)), x.range(at..).next().map(|&m| Minute(m)));
            prop_assert_eq!(a.nth(u64::from(wide)), x.iter().nth(wide as usize).map(|&m| Minute(m)));
        }
    }
}
