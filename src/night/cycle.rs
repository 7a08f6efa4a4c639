//! Nights: cycles of 24 hours cut where the device is used most, whatever the clock says.

use crate::{
    base::{Minute, Span},
    ledger::DeviceLedger,
    night::spans::Spans,
};

/// Minutes in a cycle.
pub(super) const DAY: u32 = 1_440;

/// One cycle of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cycle {
    /// Its number since the epoch; cycles with equal remainders by 7 fall on the same day of the week.
    pub(super) number: u32,
    /// Its minutes.
    pub(super) span: Span,
}

/// The cycles of one device, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Cycles {
    /// Minute of the UTC day at which they are cut.
    pub(super) cut: u16,
    /// Minute of the UTC day at which the device's usual hours of rest begin: the six that are attended least.
    pub(super) rest: u16,
    /// Those that capture touched.
    pub(super) list: Vec<Cycle>,
}

impl Cycles {
    /// Cuts the time that `ledger` watched at the device's most active hour.
    pub(super) fn of(ledger: &DeviceLedger, attended: &Spans, observed: &Spans) -> Self {
        // Watched time without the device counts as nights missed, unless a wrong clock makes ages of it.
        let present = ledger.seen.first().zip(ledger.seen.last());
        let present = present.map(|(first, last)| Span { first: *first, end: last.plus(1) });
        let watched = Spans::new(ledger.watched.iter().map(|run| run.span).collect());
        let watched = present.map(|present| watched.and(&Spans::new(vec![present]))).unwrap_or_default();
        let cut = most_active_hour(attended, observed);
        let number = |minute: Minute| (u64::from(minute.0) + u64::from(DAY - u32::from(cut))) / u64::from(DAY);
        let mut numbers: Vec<u64> = Vec::new();
        let mut touch = |span: Span| {
            let from = numbers.last().map_or(0, |last| last + 1).max(number(span.first));
            numbers.extend(from..=number(span.end.minus(1)));
        };
        let ages = watched.minutes() > u64::from(DAY) * MOST_SILENT_NIGHTS;
        for &run in if ages { observed.runs() } else { watched.runs() } {
            touch(run);
        }
        let list = numbers.into_iter().filter_map(|number| {
            let end = number * u64::from(DAY) + u64::from(cut);
            let (number, end) = (u32::try_from(number).ok()?, Minute(u32::try_from(end).ok()?));
            Some(Cycle { number, span: Span { first: end.minus(DAY), end } })
        });
        Self { cut, rest: quietest_hours(attended, &watched), list: list.collect() }
    }

    /// The usual hours of rest as they fall in `cycle`.
    pub(super) fn rest_in(&self, cycle: &Cycle) -> Span {
        let into = (u32::from(self.rest) + DAY - u32::from(self.cut)) % DAY;
        let first = Minute(cycle.span.end.0.saturating_sub(DAY - into));
        Span { first, end: first.plus(REST).min(cycle.span.end) }
    }

    /// Index of the cycle that holds `minute`.
    pub(super) fn at(&self, minute: Minute) -> Option<usize> {
        let after = self.list.partition_point(|cycle| cycle.span.first <= minute);
        let at = after.checked_sub(1)?;
        self.list.get(at).filter(|cycle| cycle.span.contains(minute)).map(|_| at)
    }
}

/// Beyond this many watched nights, only those on which the device was observed are listed.
const MOST_SILENT_NIGHTS: u64 = 4_000;

/// Minutes of the usual rest.
const REST: u32 = 360;

/// Minute of the UTC day in the middle of the five hours that are attended most. Of hours that are nearly as busy, the
/// one in the middle of wider activity is taken.
fn most_active_hour(attended: &Spans, observed: &Spans) -> u16 {
    let (used, seen) = (by_hour(&attended.and(observed)), by_hour(observed));
    best_hour(|hour| share(&used, &seen, hour + 22, 5), |hour| share(&used, &seen, hour + 19, 11)) * 60 + 30
}

/// Minute of the UTC day at which the six hours begin that are attended least. They are sought in all time watched, so
/// that a phone that leaves every night is missed in the hours it is away.
fn quietest_hours(attended: &Spans, watched: &Spans) -> u16 {
    let (used, seen) = (by_hour(&attended.and(watched)), by_hour(watched));
    best_hour(|hour| 1.0 - share(&used, &seen, hour, 6), |hour| 1.0 - share(&used, &seen, hour + 22, 10)) * 60
}

/// The share of `seen` minutes that are `used`, in the `hours` from `first` on, round the clock.
fn share(used: &[u64; 24], seen: &[u64; 24], first: usize, hours: usize) -> f64 {
    let sum = |minutes: &[u64; 24]| (first..first + hours).map(|hour| minutes[hour % 24]).sum::<u64>();
    let seen = sum(seen);
    if seen == 0 { 0.0 } else { sum(used) as f64 / seen as f64 }
}

/// Of the hours that are nearly the best by `narrow`, the best by `wide`.
fn best_hour(narrow: impl Fn(usize) -> f64, wide: impl Fn(usize) -> f64) -> u16 {
    let most = (0..24).map(&narrow).fold(f64::NEG_INFINITY, f64::max);
    let near = (0..24_u16).filter(|&hour| narrow(hour.into()) >= most - NEAR);
    let better = |best: (u16, f64), hour: u16| {
        let wide = wide(hour.into());
        if wide > best.1 + 1e-12 { (hour, wide) } else { best }
    };
    near.fold((0, f64::NEG_INFINITY), better).0
}

/// Attended shares that differ by less say nothing about which hour is busier.
const NEAR: f64 = 0.05;

/// How many of the minutes fall in each hour of the UTC day.
fn by_hour(minutes: &Spans) -> [u64; 24] {
    let mut hours = [0; 24];
    for run in minutes.runs() {
        let days = u64::from(run.minutes() / DAY);
        for hour in &mut hours {
            *hour += days * 60;
        }
        let mut at = run.first.0 + (run.minutes() / DAY) * DAY;
        while at < run.end.0 {
            let next = run.end.0.min((at / 60 + 1).saturating_mul(60));
            hours[(at / 60 % 24) as usize] += u64::from(next - at);
            at = next.max(at + 1);
        }
    }
    hours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Watched;

    fn used_daily(from: u32, to: u32) -> Spans {
        Spans::new((0..10).map(|d| Span { first: Minute(d * DAY + from), end: Minute(d * DAY + to) }).collect())
    }

    #[test]
    fn nights_are_cut_in_the_middle_of_activity() {
        let observed = Spans::new(vec![Span { first: Minute(DAY), end: Minute(10 * DAY) }]);
        let cut = |from: u32, to: u32| most_active_hour(&used_daily(from * 60, to * 60), &observed);
        assert!((11 * 60..15 * 60).contains(&cut(8, 19)), "{}", cut(8, 19));
        assert!((60..4 * 60).contains(&cut(20, 33)), "a night owl: {}", cut(20, 33));
        assert_eq!(most_active_hour(&Spans::default(), &observed), 30, "nobody there: any hour will do");
    }

    #[test]
    fn the_usual_rest_is_where_nobody_is_there_even_if_the_phone_is_not_either() {
        let whole = Spans::new(vec![Span { first: Minute(DAY), end: Minute(10 * DAY) }]);
        let rest = |from: u32, to: u32| quietest_hours(&used_daily(from * 60, to * 60), &whole);
        assert!((0..=2 * 60).contains(&rest(8, 24)), "asleep from 0 to 8: {}", rest(8, 24));
        assert!((9 * 60..=14 * 60).contains(&rest(20, 33)), "asleep from 9 to 20: {}", rest(20, 33));
    }

    #[test]
    fn cycles_hold_every_watched_minute_once() {
        let span = Span { first: Minute(100), end: Minute(5 * DAY + 7) };
        let ledger = DeviceLedger {
            watched: vec![Watched { span, dropped: 0.0 }],
            seen: vec![Minute(100), Minute(5 * DAY + 6)],
            ..DeviceLedger::default()
        };
        let cycles = Cycles::of(&ledger, &used_daily(480, 1140), &Spans::new(vec![span]));
        for minute in (span.first.0..span.end.0).map(Minute) {
            let at = cycles.at(minute).unwrap();
            assert!(cycles.list[at].span.contains(minute));
        }
        assert_eq!(cycles.list.len(), 6);
        assert!(cycles.list.iter().all(|cycle| cycle.span.first.0 == 0 || cycle.span.first.0 % DAY == 810));
    }
}
