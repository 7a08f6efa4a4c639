//! When a subject's uploads went up: nights down, the time of day across, a quarter of an hour each cell.

use chrono::Timelike;
use chrono_tz::Tz;

use super::{calendar, strip::Level};
use crate::{
    base::{Bytes, Minute, Span},
    ledger::{Cell, Watched},
    night::Night,
};

/// Quarters of an hour in a day.
pub(super) const QUARTERS: usize = 96;
/// Older nights than this many are left out of the picture.
pub(super) const MOST_NIGHTS: usize = 92;

const MINUTES_A_QUARTER: u32 = 15;

/// What a quarter of an hour shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Quarter {
    /// Whether anything could be seen of it, and whether somebody was there.
    pub(super) presence: Presence,
    /// How much went up; `None` where nothing did.
    pub(super) upload: Option<Level>,
}

/// Whether a quarter of an hour was seen, and whether somebody was using the device in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    /// The sensor was off, or the device away from it.
    Unobserved,
    /// Somebody was using it for most of the time.
    InUse,
    /// Nobody was.
    Unattended,
}

/// The picture of one subject.
pub(super) struct Heat {
    /// The local hour at which rows begin.
    pub(super) first_hour: u32,
    /// One row a night, the oldest first.
    pub(super) rows: Vec<HeatRow>,
}

/// One night of a picture.
pub(super) struct HeatRow {
    /// The local date on which it begins.
    pub(super) date: chrono::NaiveDate,
    /// Its quarters of an hour by local clock time.
    pub(super) quarters: Vec<Quarter>,
}

/// What a picture is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    /// The subject's minutes, ascending.
    pub(super) minutes: &'a [(Minute, Cell)],
    /// When a sensor was capturing.
    pub(super) watched: &'a [Watched],
    /// When the device was heard of, ascending.
    pub(super) seen: &'a [Minute],
    /// When somebody was using it, ascending.
    pub(super) attended: &'a [Span],
    /// By whose clocks.
    pub(super) zone: Tz,
}

/// A device that was heard of this long before or after is taken to be there (the `presence` that the verdict uses).
const PRESENCE: u32 = 30;

impl Heat {
    /// The picture of `from` over `nights`; `None` without nights.
    pub(super) fn of(nights: &[Night], from: Sources<'_>) -> Option<Self> {
        let nights = nights.get(nights.len().saturating_sub(MOST_NIGHTS)..)?;
        let first_hour = calendar::local(nights.first()?.start, from.zone).hour();
        let rows = nights.iter().enumerate().map(|(n, night)| {
            let end = nights.get(n + 1).map_or(night.start.plus(1_440), |next| next.start);
            from.row(Span { first: night.start, end: end.min(night.start.plus(1_440)) }, first_hour)
        });
        Some(Self { first_hour, rows: rows.collect() })
    }
}

/// What was added up over one quarter of an hour by the local clock.
#[derive(Clone, Copy, Default)]
struct Sum {
    up: Bytes,
    observed: u32,
    attended: u32,
}

impl Sources<'_> {
    fn row(&self, night: Span, first_hour: u32) -> HeatRow {
        let mut sums = [Sum::default(); QUARTERS];
        let column = |minute: Minute| quarter(minute, self.zone, first_hour);
        let from = self.minutes.partition_point(|(minute, _)| *minute < night.first);
        for (minute, cell) in self.minutes.iter().skip(from).take_while(|(minute, _)| *minute < night.end) {
            if let Some(sum) = sums.get_mut(column(*minute)) {
                sum.up += cell.up;
            }
        }
        // Local quarters begin with those of UTC, in every zone of today.
        for first in (night.first.0..night.end.0).step_by(MINUTES_A_QUARTER as usize).map(Minute) {
            let Some(sum) = sums.get_mut(column(first)) else { continue };
            let end = first.plus(MINUTES_A_QUARTER).min(night.end);
            for minute in (first.0..end.0).map(Minute) {
                sum.observed += u32::from(self.is_observed(minute));
                sum.attended += u32::from(is_in(self.attended, minute));
            }
        }
        let quarters = sums.iter().map(|sum| Quarter {
            presence: match sum {
                Sum { observed: 0, .. } => Presence::Unobserved,
                Sum { attended, .. } if 2 * attended >= MINUTES_A_QUARTER => Presence::InUse,
                _ => Presence::Unattended,
            },
            upload: (sum.up > Bytes::ZERO).then(|| Level::of_volume(sum.up)),
        });
        HeatRow { date: calendar::date(night.first, self.zone), quarters: quarters.collect() }
    }

    fn is_observed(&self, minute: Minute) -> bool {
        let near = self.seen.partition_point(|seen| *seen < minute.minus(PRESENCE));
        self.seen.get(near).is_some_and(|seen| *seen <= minute.plus(PRESENCE))
            && self.watched.iter().any(|watched| watched.span.contains(minute))
    }
}

fn is_in(spans: &[Span], minute: Minute) -> bool {
    let after = spans.partition_point(|span| span.first <= minute);
    after.checked_sub(1).and_then(|at| spans.get(at)).is_some_and(|span| span.contains(minute))
}

/// In which column `minute` stands, by the local clock.
fn quarter(minute: Minute, zone: Tz, first_hour: u32) -> usize {
    let clock = calendar::local(minute, zone);
    let since = (clock.hour() * 60 + clock.minute() + 1_440 - first_hour * 60) % 1_440;
    (since / MINUTES_A_QUARTER) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 October 2026, 13:00 UTC: the night in which Berlin's clocks go back.
    const AUTUMN: Minute = Minute(29_880_780);

    fn night(start: Minute) -> Night {
        Night { start, coverage: 1.0, ..Night::default() }
    }

    fn up(bytes: u64) -> Cell {
        Cell { up: Bytes(bytes), ..Cell::default() }
    }

    #[test]
    fn an_upload_stands_at_its_local_time_on_both_sides_of_a_clock_change() {
        let zone = Tz::Europe__Berlin;
        let nights = [night(AUTUMN), night(AUTUMN.plus(1_440))];
        let at_five = [AUTUMN.plus(14 * 60 + 60), AUTUMN.plus(1_440 + 15 * 60)]; // 05:00 by the clock, each night
        let minutes: Vec<_> = at_five.map(|minute| (minute, up(2_000_000))).into();
        let watched = [Watched { span: Span { first: AUTUMN, end: AUTUMN.plus(2_880) }, dropped: 0.0 }];
        let from = Sources { minutes: &minutes, watched: &watched, seen: &[], attended: &[], zone };
        let heat = Heat::of(&nights, from).unwrap();
        let where_up = |row: &HeatRow| row.quarters.iter().position(|quarter| quarter.upload.is_some()).unwrap();
        let hours: Vec<_> = heat.rows.iter().map(|row| (where_up(row) / 4 + heat.first_hour as usize) % 24).collect();
        assert_eq!(hours, at_five.map(|minute| calendar::local(minute, zone).hour() as usize));
    }

    #[test]
    fn what_nobody_watched_is_not_shown_as_quiet_and_use_is_not_shown_as_rest() {
        let hour = |from: u32, to: u32| Span { first: AUTUMN.plus(from), end: AUTUMN.plus(to) };
        let watched = [Watched { span: hour(0, 180), dropped: 0.0 }];
        let seen: Vec<_> = (0..100).map(|minute| AUTUMN.plus(minute)).collect();
        let from = Sources { minutes: &[], watched: &watched, seen: &seen, attended: &[hour(15, 53)], zone: Tz::UTC };
        let heat = Heat::of(&[night(AUTUMN)], from).unwrap();
        let count = |presence| heat.rows[0].quarters.iter().filter(|quarter| quarter.presence == presence).count();
        // Heard of for 100 minutes, it is there for 30 more: 9 quarters, of which 3 are in use for most of the time.
        assert_eq!((count(Presence::InUse), count(Presence::Unattended)), (3, 6));
        assert_eq!(count(Presence::Unobserved), QUARTERS - 9);
    }
}
