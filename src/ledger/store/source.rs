//! Where live traffic is captured, and when it was.

use rusqlite::{OptionalExtension, Transaction, params};

use super::Store;

use crate::{
    base::{Minute, Span},
    ledger::{Watched, watch},
};

/// Where live traffic is captured.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Source {
    /// Which machine.
    pub sensor: String,
    /// Which of its interfaces.
    pub interface: String,
}

impl Store {
    /// A live source by its number, and when it watched.
    pub(in crate::ledger) fn source(&self, number: i64) -> rusqlite::Result<Option<(Source, Vec<Watched>)>> {
        let mut query = self.sql.prepare_cached("SELECT sensor, interface FROM sources WHERE id = ?1")?;
        let named = |row: &rusqlite::Row<'_>| Ok(Source { sensor: row.get(0)?, interface: row.get(1)? });
        let Some(source) = query.query_row([number], named).optional()? else { return Ok(None) };
        let mut runs =
            self.sql.prepare_cached("SELECT first, \"end\", dropped FROM watched WHERE source = ?1 ORDER BY first")?;
        let runs = runs.query_map([number], run)?.collect::<rusqlite::Result<_>>()?;
        Ok(Some((source, runs)))
    }
}

/// The number of `source` in the database; it is entered where it is new.
pub(super) fn enter(change: &Transaction<'_>, source: &Source) -> rusqlite::Result<i64> {
    change
        .prepare_cached("INSERT INTO sources (sensor, interface) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([&source.sensor, &source.interface])?;
    change
        .prepare_cached("SELECT id FROM sources WHERE sensor = ?1 AND interface = ?2")?
        .query_row([&source.sensor, &source.interface], |row| row.get(0))
}

/// Notes that `source` was capturing in `new`. A run that holds an earlier one takes its place, so that a caller may
/// hand over one run that grows; elsewhere the larger loss counts.
pub(super) fn watch(change: &Transaction<'_>, source: i64, new: Watched) -> rusqlite::Result<()> {
    let near = near(change, source, new.span)?;
    let mut remove = change.prepare_cached("DELETE FROM watched WHERE source = ?1 AND first = ?2")?;
    for old in &near {
        remove.execute(params![source, old.span.first.0])?;
    }
    let mut add =
        change.prepare_cached("INSERT INTO watched (source, first, \"end\", dropped) VALUES (?1, ?2, ?3, ?4)")?;
    for run in watch::overlay(near, rounded(new)) {
        add.execute(params![source, run.span.first.0, run.span.end.0, run.dropped])?;
    }
    Ok(())
}

/// The runs of `source` that touch `span`.
fn near(change: &Transaction<'_>, source: i64, span: Span) -> rusqlite::Result<Vec<Watched>> {
    let mut query = change.prepare_cached(
        "SELECT first, \"end\", dropped FROM watched WHERE source = ?1 AND first <= ?2 AND \"end\" >= ?3 ORDER BY first",
    )?;
    let rows = query.query_map(params![source, span.end.0, span.first.0], run)?;
    rows.collect()
}

/// One run out of its first minute, end and loss.
pub(super) fn run(row: &rusqlite::Row<'_>) -> rusqlite::Result<Watched> {
    let span = Span { first: Minute(row.get(0)?), end: Minute(row.get(1)?) };
    Ok(Watched { span, dropped: row.get(2)? })
}

/// Losses are kept to one in a thousand, rounded up: runs that differ by less are one.
fn rounded(run: Watched) -> Watched {
    let dropped = if run.dropped.is_finite() { (run.dropped.clamp(0.0, 1.0) * 1_000.0).ceil() / 1_000.0 } else { 1.0 };
    Watched { dropped, ..run }
}
