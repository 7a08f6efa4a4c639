//! The map of nights: which minute stands in which row and column, by the clock of the zone shown.

use chrono::{NaiveDate, Timelike};
use chrono_tz::Tz;

use crate::{
    base::{Bytes, Minute, Span},
    night::{self, Night, Verdict},
    pipeline::DeviceAudit,
    report::calendar,
};

/// Minutes in a row.
pub(crate) const DAY: u32 = 1_440;

/// Minutes that a cell may stand for, the finest first.
const GRAINS: [u32; 8] = [5, 10, 15, 20, 30, 60, 120, 180];

/// No map has more nights: beyond them the oldest are left out.
const MOST_NIGHTS: usize = 4_000;

/// One night.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NightRow {
    /// Its minutes.
    pub span: Span,
    /// The local date by which it is named.
    pub date: NaiveDate,
    /// Share of its unattended minutes that were observed; `None` where that was not worked out.
    pub coverage: Option<f64>,
    /// What left while nobody used the device, of what is chosen.
    pub night_up: Bytes,
    /// It looks like an export of what is chosen.
    pub flagged: bool,
    /// Minutes by the clock between the column at which rows begin and the start of this night.
    shift: u32,
    /// The clock was changed in it.
    changes: bool,
}

/// The rows of a map.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// The nights, the oldest first.
    pub rows: Vec<NightRow>,
    /// The local hour at which rows begin.
    pub first_hour: u32,
    zone: Tz,
}

impl Grid {
    /// The nights of `device`.
    pub fn of(device: &DeviceAudit, zone: Tz) -> Self {
        let mut starts = starts(device);
        starts.drain(..starts.len().saturating_sub(MOST_NIGHTS));
        let Some((first, _)) = starts.first() else { return Self { zone, ..Self::default() } };
        let first_hour = calendar::local(*first, zone).hour();
        let row = |n: usize, (start, coverage): (Minute, Option<f64>)| {
            let next = starts.get(n + 1).map_or(start.plus(DAY), |(next, _)| (*next).min(start.plus(DAY)));
            let shift = column(start, zone, first_hour);
            let changes = column(next.minus(1), zone, first_hour) != (shift + next.since(start) - 1) % DAY;
            NightRow {
                span: Span { first: start, end: next },
                date: calendar::date(start, zone),
                coverage,
                night_up: Bytes::ZERO,
                flagged: false,
                shift,
                changes,
            }
        };
        let rows = starts.iter().enumerate().map(|(n, start)| row(n, *start)).collect();
        Self { rows, first_hour, zone }
    }

    /// Marks the night that begins at `start`.
    pub fn flag(&mut self, start: Minute) {
        let after = self.rows.partition_point(|row| row.span.first < start);
        if let Some(row) = self.rows.get_mut(after).filter(|row| row.span.first == start) {
            row.flagged = true;
        }
    }

    /// How many minutes a cell stands for where a row has room for `columns` cells.
    pub fn grain(columns: usize) -> u32 {
        let fits = |grain: &&u32| (DAY / **grain) as usize <= columns;
        GRAINS.iter().find(fits).copied().unwrap_or(DAY)
    }

    /// The minutes that show between clock minutes `from` and `until` of the row, counted from where rows begin.
    pub fn spans(&self, row: &NightRow, from: u32, until: u32) -> Vec<Span> {
        let length = row.span.minutes();
        if row.changes {
            let inside =
                |at: &u32| (from..until).contains(&column(row.span.first.plus(*at), self.zone, self.first_hour));
            let mut spans: Vec<Span> = Vec::new();
            for minute in (0..length).filter(inside).map(|at| row.span.first.plus(at)) {
                match spans.last_mut() {
                    Some(last) if last.end == minute => last.end = minute.plus(1),
                    _ => spans.push(Span { first: minute, end: minute.plus(1) }),
                }
            }
            return spans;
        }
        // Before the wrap at the end of the row, and after it.
        let place = |from: u32, until: u32, turn: u32| {
            let first = (from + turn).saturating_sub(row.shift).min(length);
            let end = (until + turn).saturating_sub(row.shift).min(length);
            Span { first: row.span.first.plus(first), end: row.span.first.plus(end) }
        };
        [place(from, until, 0), place(from, until, DAY)].into_iter().filter(|span| span.minutes() > 0).collect()
    }

    /// The row and the clock minute at which `minute` stands.
    pub fn place(&self, minute: Minute) -> Option<(usize, u32)> {
        let row = self.rows.partition_point(|row| row.span.first <= minute).checked_sub(1)?;
        let inside = self.rows.get(row).is_some_and(|row| row.span.contains(minute));
        inside.then(|| (row, column(minute, self.zone, self.first_hour)))
    }

    /// The time of day at clock minute `at` of a row, such as `02:30`.
    pub fn clock(&self, at: u32) -> String {
        let minute = (self.first_hour * 60 + at) % DAY;
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }
}

/// Whether so much left in bursts while nobody used the device that `night` looks like an export, or, where the verdict is
/// about small uploads, like one of them.
pub(crate) fn is_hit(night: &Night, verdict: Verdict, settings: &night::Settings) -> bool {
    let small = settings.sizes.iter().min().copied().unwrap_or(settings.export_size);
    let size = if verdict == Verdict::SmallRecurrent { small } else { settings.export_size };
    night.coverage >= settings.needed_coverage && night.bulk_up >= size
}

/// Minutes by the clock since `first_hour`.
fn column(minute: Minute, zone: Tz, first_hour: u32) -> u32 {
    let clock = calendar::local(minute, zone);
    (clock.hour() * 60 + clock.minute() + DAY - first_hour * 60) % DAY
}

/// The starts of nights: those that were judged, else every cut in what was watched.
fn starts(device: &DeviceAudit) -> Vec<(Minute, Option<f64>)> {
    let judged = device.finding.findings.iter().max_by_key(|finding| finding.nights.len());
    if let Some(finding) = judged.filter(|finding| !finding.nights.is_empty()) {
        return finding.nights.iter().map(|night| (night.start, Some(night.coverage))).collect();
    }
    let watched = &device.ledger.watched;
    let (Some(first), Some(last)) = (watched.first(), watched.last()) else { return Vec::new() };
    let since = (first.span.first.0 % DAY + DAY - u32::from(device.finding.cut)) % DAY;
    let first = first.span.first.minus(since);
    let nights = last.span.end.since(first).div_ceil(DAY);
    (0..nights.min(DAY)).map(|n| (first.plus(n * DAY), None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{DeviceLedger, Watched},
        night::DeviceFinding,
    };

    /// 23 October 2026, 13:00 UTC; in the second night Berlin's clocks go back.
    const AUTUMN: Minute = Minute(29_879_340);

    fn device(days: u32) -> DeviceAudit {
        let watched = vec![Watched { span: Span { first: AUTUMN, end: AUTUMN.plus(days * DAY) }, dropped: 0.0 }];
        DeviceAudit {
            id: "x".into(),
            label: None,
            addresses: Vec::new(),
            ledger: DeviceLedger { watched, ..DeviceLedger::default() },
            finding: DeviceFinding { attended_share: 0.0, leak: 0.0, cut: 13 * 60, findings: Vec::new() },
            destinations: Vec::new(),
        }
    }

    #[test]
    fn every_minute_stands_in_one_cell_at_its_time_of_day() {
        let zone = Tz::Europe__Berlin;
        let grid = Grid::of(&device(4), zone);
        assert_eq!((grid.rows.len(), grid.first_hour), (4, 15));
        for row in &grid.rows {
            let mut seen = vec![0_u32; row.span.minutes() as usize];
            for from in (0..DAY).step_by(15) {
                for span in grid.spans(row, from, from + 15) {
                    for minute in (span.first.0..span.end.0).map(Minute) {
                        seen[minute.since(row.span.first) as usize] += 1;
                        let clock = calendar::local(minute, zone);
                        let at = (15 * 60 + from) % DAY;
                        let minute_of_day = clock.hour() * 60 + clock.minute();
                        assert!((at..at + 15).contains(&minute_of_day), "{minute:?} at {}", grid.clock(from));
                        assert_eq!(grid.place(minute).unwrap().1 / 15, from / 15);
                    }
                }
            }
            assert!(seen.iter().all(|times| *times == 1), "{}: {seen:?}", row.date);
        }
        assert_eq!(grid.rows.iter().filter(|row| row.changes).count(), 1);
    }

    #[test]
    fn a_wider_screen_shows_finer_cells() {
        assert_eq!([48, 71, 72, 96, 143, 144, 288, 8].map(Grid::grain), [30, 30, 20, 15, 15, 10, 5, 180]);
    }
}
