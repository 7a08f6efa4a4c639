//! All devices at a glance: sums of a span, without judging anything.

use rusqlite::{Row, params};

use super::{Store, StoreError, read::bytes};
use crate::{
    base::{Bytes, Span},
    ledger::Subject,
};

/// What one subject moved on one device in a span.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverviewRow {
    /// Hardware or IP address of the device.
    pub device: String,
    /// The name its owner gave it.
    pub label: Option<String>,
    /// Whose traffic.
    pub subject: Subject,
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// The part of `up` in full packets, streams apart.
    pub bulk_up: Bytes,
}

impl Store {
    /// What every subject moved on every device in `span`, as far back as minutes are kept; the most uploaded first.
    pub fn overview(&self, span: Span) -> Result<Vec<OverviewRow>, StoreError> {
        let read = || {
            // In this order each device is a run of the table, whatever the others hold.
            let mut query = self.sql.prepare_cached(
                "WITH sums AS (
                   SELECT m.device, m.subject, sum(m.up) AS up, sum(m.down) AS down, sum(m.bulk_up) AS bulk_up
                   FROM devices d CROSS JOIN minutes m ON m.device = d.id
                   WHERE m.minute >= ?1 AND m.minute < ?2 GROUP BY m.device, m.subject)
                 SELECT d.device, d.label, s.subject, s.name, s.operator, s.kind, sums.up, sums.down, sums.bulk_up
                 FROM sums JOIN devices d ON d.id = sums.device JOIN subjects s ON s.id = sums.subject
                 ORDER BY sums.up DESC, d.device, s.subject",
            )?;
            let rows = query.query_map(params![span.first.0, span.end.0], row)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.failed(&error))
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<OverviewRow> {
    let kind = super::read::kind(row, 5)?;
    Ok(OverviewRow {
        device: row.get(0)?,
        label: row.get(1)?,
        subject: Subject { id: row.get(2)?, name: row.get(3)?, operator: row.get(4)?, kind },
        up: bytes(row, 6)?,
        down: bytes(row, 7)?,
        bulk_up: bytes(row, 8)?,
    })
}
