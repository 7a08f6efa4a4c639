//! When a subject's uploads went up: nights down, the time of day across, a quarter of an hour each cell.

use chrono::Timelike;
use chrono_tz::Tz;

use super::{calendar, strip::Level};
use crate::{
    base::{Bytes, Minute},
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
pub(super) enum Quarter {
    /// Nothing went up.
    Quiet,
    /// The sensor was off.
    Unwatched,
    /// This much went up.
    Upload(Level),
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

impl Heat {
    /// The picture of `minutes` over `nights`, by clocks in `zone`; `None` without nights.
    pub(super) fn of(minutes: &[(Minute, Cell)], nights: &[Night], watched: &[Watched], zone: Tz) -> Option<Self> {
        let nights = nights.get(nights.len().saturating_sub(MOST_NIGHTS)..)?;
        let first_hour = calendar::local(nights.first()?.start, zone).hour();
        let rows = nights.iter().enumerate().map(|(n, night)| {
            let end = nights.get(n + 1).map_or(night.start.plus(1_440), |next| next.start);
            row(night.start, end.min(night.start.plus(1_440)), minutes, watched, zone, first_hour)
        });
        Some(Self { first_hour, rows: rows.collect() })
    }
}

fn row(
    start: Minute,
    end: Minute,
    minutes: &[(Minute, Cell)],
    watched: &[Watched],
    zone: Tz,
    first_hour: u32,
) -> HeatRow {
    let mut volume = [Bytes::ZERO; QUARTERS];
    let mut seen = [false; QUARTERS];
    let column = |minute: Minute| quarter(minute, zone, first_hour);
    let from = minutes.partition_point(|(minute, _)| *minute < start);
    for (minute, cell) in minutes.iter().skip(from).take_while(|(minute, _)| *minute < end) {
        if let Some(sum) = volume.get_mut(column(*minute)) {
            *sum += cell.up;
        }
    }
    for quarter_start in (start.0..end.0).step_by(MINUTES_A_QUARTER as usize).map(Minute) {
        let quarter_end = quarter_start.plus(MINUTES_A_QUARTER);
        if let Some(flag) = seen.get_mut(column(quarter_start)) {
            *flag |= watched.iter().any(|w| w.span.first < quarter_end && quarter_start < w.span.end);
        }
    }
    let quarters = volume.iter().zip(seen).map(|(sum, seen)| match (*sum, seen) {
        (Bytes::ZERO, true) => Quarter::Quiet,
        (Bytes::ZERO, false) => Quarter::Unwatched,
        (sum, _) => Quarter::Upload(Level::of_volume(sum)),
    });
    HeatRow { date: calendar::date(start, zone), quarters: quarters.collect() }
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
    use crate::base::Span;

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
        let heat = Heat::of(&minutes, &nights, &watched, zone).unwrap();
        let where_up = |row: &HeatRow| row.quarters.iter().position(|q| matches!(q, Quarter::Upload(_))).unwrap();
        let hours: Vec<_> = heat.rows.iter().map(|row| (where_up(row) / 4 + heat.first_hour as usize) % 24).collect();
        assert_eq!(hours, at_five.map(|minute| calendar::local(minute, zone).hour() as usize));
    }

    #[test]
    fn what_nobody_watched_is_not_shown_as_quiet() {
        let watched = [Watched { span: Span { first: AUTUMN, end: AUTUMN.plus(60) }, dropped: 0.0 }];
        let heat = Heat::of(&[], &[night(AUTUMN)], &watched, Tz::UTC).unwrap();
        let quiet = heat.rows[0].quarters.iter().filter(|q| **q == Quarter::Quiet).count();
        assert_eq!((quiet, heat.rows[0].quarters.len()), (4, QUARTERS));
    }
}
