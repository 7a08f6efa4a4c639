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
    /// Those that capture touched.
    pub(super) list: Vec<Cycle>,
}

impl Cycles {
    /// Cuts the time that `ledger` watched at the device's most active hour.
    pub(super) fn of(ledger: &DeviceLedger, attended: &Spans, observed: &Spans) -> Self {
        let cut = most_active_hour(attended, observed);
        let number = |minute: Minute| (u64::from(minute.0) + u64::from(DAY - u32::from(cut))) / u64::from(DAY);
        let mut numbers: Vec<u64> = Vec::new();
        let mut touch = |span: Span| {
            let from = numbers.last().map_or(0, |last| last + 1).max(number(span.first));
            numbers.extend(from..=number(span.end.minus(1)));
        };
        // Watched time without the device counts as nights missed, unless a wrong clock makes ages of it.
        let present = ledger.seen.first().zip(ledger.seen.last());
        let present = present.map(|(first, last)| Span { first: *first, end: last.plus(1) });
        let watched = Spans::new(ledger.watched.iter().map(|run| run.span).collect());
        let watched = present.map(|present| watched.and(&Spans::new(vec![present]))).unwrap_or_default();
        let ages = watched.minutes() > u64::from(DAY) * MOST_SILENT_NIGHTS;
        for &run in if ages { observed.runs() } else { watched.runs() } {
            touch(run);
        }
        let list = numbers.into_iter().filter_map(|number| {
            let end = number * u64::from(DAY) + u64::from(cut);
            let (number, end) = (u32::try_from(number).ok()?, Minute(u32::try_from(end).ok()?));
            Some(Cycle { number, span: Span { first: end.minus(DAY), end } })
        });
        Self { cut, list: list.collect() }
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

/// Minute of the UTC day in the middle of the five hours that are attended most. Of hours that are nearly as busy, the
/// one in the middle of wider activity is taken.
fn most_active_hour(attended: &Spans, observed: &Spans) -> u16 {
    let used = by_hour(&attended.and(observed));
    let seen = by_hour(observed);
    let share = |hour: usize, reach: usize| {
        let around = (0..=2 * reach).map(|step| (hour + 24 + step - reach) % 24);
        let (used, seen) = around.fold((0, 0), |(u, s), h| (u + used[h], s + seen[h]));
        if seen == 0 { 0.0 } else { used as f64 / seen as f64 }
    };
    let shares: Vec<(u16, f64, f64)> =
        (0..24).map(|hour| (hour, share(hour.into(), 2), share(hour.into(), 5))).collect();
    let most = shares.iter().fold(0.0_f64, |most, hour| most.max(hour.1));
    let near = shares.iter().filter(|hour| hour.1 >= most - NEAR);
    let middle = near.fold((0, -1.0), |best, hour| if hour.2 > best.1 + 1e-12 { (hour.0, hour.2) } else { best });
    middle.0 * 60 + 30
}

/// Attended shares that differ by less say nothing about which hour is busier.
const NEAR: f64 = 0.05;

/// How many of the minutes fall in each hour of the UTC day.
fn by_hour(minutes: &Spans) -> [u64; 24] {
    let mut hours = [0; 24];
    for run in minutes.runs() {
        let days = u64::from(run.minutes() / DAY);
        hours.iter_mut().for_each(|hour| *hour += days * 60);
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
        let observed = Spans::new(vec![Span { first: Minute(0), end: Minute(10 * DAY) }]);
        assert_eq!(most_active_hour(&used_daily(8 * 60, 19 * 60), &observed), 13 * 60 + 30);
        assert_eq!(most_active_hour(&used_daily(20 * 60, 33 * 60), &observed), 2 * 60 + 30, "a night owl");
        assert_eq!(most_active_hour(&Spans::default(), &observed), 30, "nobody there: any hour will do");
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
