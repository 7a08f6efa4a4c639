//! What becomes old is kept by the hour: sums stay exact, single minutes go.

use rusqlite::{Transaction, params};

use super::{Store, StoreError};
use crate::base::Minute;

/// The mark that says from which minute on rows are kept minute by minute.
pub(super) const MINUTES_FROM: &str = "minutes_from";

/// What a summing-up did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Retained {
    /// Minute rows that were summed up.
    pub minutes: u64,
    /// Names that went with them.
    pub names: u64,
}

impl Store {
    /// Sums up by the hour what moved before `before`, cut down to a whole UTC day, and forgets names of that time.
    ///
    /// Sums by subject, role and destination stay exact. Nights of that time are not judged again: what was said of
    /// them is in the verdicts, which are kept for ever. What a fleet's server has not confirmed stays as it is.
    pub fn sum_up(&mut self, before: Minute) -> Result<Retained, StoreError> {
        let before = Minute(before.0 / DAY * DAY);
        self.try_sum_up(before).map_err(|error| self.failed(&error))
    }

    fn try_sum_up(&mut self, before: Minute) -> rusqlite::Result<Retained> {
        let mut retained = Retained::default();
        let unsent = self.oldest_unsent()?.map_or(before, |minute| Minute(minute / DAY * DAY));
        let before = before.min(unsent);
        // A day at a time: a ledger that was not looked after for long must not need one endless transaction.
        while let Some(day) = self.oldest_day(before)? {
            let change = self.sql.transaction()?;
            let done = sum_day(&change, day)?;
            change.commit()?;
            retained.minutes += done.minutes;
            retained.names += done.names;
        }
        let change = self.sql.transaction()?;
        mark(&change, before)?;
        if retained.names > 0 {
            change.execute("DELETE FROM names WHERE id NOT IN (SELECT name FROM named)", [])?;
        }
        change.commit()?;
        Ok(retained)
    }

    /// The earliest UTC day before `before` that has minutes or names, by its first minute.
    fn oldest_day(&self, before: Minute) -> rusqlite::Result<Option<u32>> {
        let mut query = self.sql.prepare_cached(
            "SELECT min(first) FROM (
               SELECT (SELECT min(minute) FROM minutes WHERE device = d.id) AS first FROM devices d UNION ALL
               SELECT (SELECT min(minute) FROM named WHERE device = d.id) FROM devices d)",
        )?;
        let first: Option<u32> = query.query_row([], |row| row.get(0))?;
        Ok(first.filter(|first| *first < before.0).map(|first| first / DAY * DAY))
    }
}

const DAY: u32 = 24 * 60;

fn sum_day(change: &Transaction<'_>, day: u32) -> rusqlite::Result<Retained> {
    let ends = params![day, day.saturating_add(DAY)];
    // Before the rows go, so that whoever reads next takes none of them for a night that can be judged.
    mark(change, Minute(day).plus(DAY))?;
    change.execute(SUM, ends)?;
    let within = "device IN (SELECT id FROM devices) AND minute >= ?1 AND minute < ?2";
    let minutes = change.execute(&format!("DELETE FROM minutes WHERE {within}"), ends)?;
    let names = change.execute(&format!("DELETE FROM named WHERE {within}"), ends)?;
    Ok(Retained { minutes: minutes as u64, names: names as u64 })
}

fn mark(change: &Transaction<'_>, from: Minute) -> rusqlite::Result<()> {
    change.execute(
        "INSERT INTO marks (mark, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        params![MINUTES_FROM, from.0],
    )?;
    Ok(())
}

const SUM: &str = "INSERT INTO hours (device, hour, subject, role, destination, up, down, wire_up, wire_down, bulk_up,
 stream_up, stream_down, packets, flows)
 SELECT device, minute / 60, subject, role, destination, sum(up), sum(down), sum(wire_up), sum(wire_down), sum(bulk_up),
 sum(stream_up), sum(stream_down), sum(packets), sum(flows)
 FROM minutes WHERE device IN (SELECT id FROM devices) AND minute >= ?1 AND minute < ?2 GROUP BY 1, 2, 3, 4, 5
 ON CONFLICT DO UPDATE SET up = up + excluded.up, down = down + excluded.down, wire_up = wire_up + excluded.wire_up,
 wire_down = wire_down + excluded.wire_down, bulk_up = bulk_up + excluded.bulk_up,
 stream_up = stream_up + excluded.stream_up, stream_down = stream_down + excluded.stream_down,
 packets = packets + excluded.packets, flows = flows + excluded.flows";
