//! Devices in the database.

use std::{collections::BTreeSet, net::IpAddr};

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Store, StoreError};
use crate::{base::Span, identify::Device};

/// A device of a stored ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceRecord {
    /// Its number in the store.
    pub number: i64,
    /// What is known of it.
    pub device: Device,
}

impl Store {
    /// Every device that was seen in `span` (at any time), in the order they were first met.
    pub fn devices(&self, span: Option<Span>) -> Result<Vec<DeviceRecord>, StoreError> {
        let (first, last) = hours(span);
        let read = || {
            let mut query = self.sql.prepare_cached(
                "SELECT id, device, label FROM devices d
                 WHERE EXISTS (SELECT 1 FROM seen WHERE seen.device = d.id AND hour BETWEEN ?1 AND ?2) ORDER BY id",
            )?;
            let rows = query.query_map(params![first, last], record)?;
            rows.map(|row| row.and_then(|record| self.with_addresses(record))).collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Gives the device that is known as `device` (hardware or IP address) a name that its owner chose.
    pub fn label(&mut self, device: &str, label: Option<&str>) -> Result<bool, StoreError> {
        let changed = self.sql.execute("UPDATE devices SET label = ?2 WHERE device = ?1", params![device, label]);
        changed.map(|rows| rows > 0).map_err(|error| self.failed(&error))
    }

    /// One device by its number.
    pub(in crate::ledger) fn device_record(&self, number: i64) -> rusqlite::Result<Option<DeviceRecord>> {
        let mut query = self.sql.prepare_cached("SELECT id, device, label FROM devices WHERE id = ?1")?;
        let found = query.query_row([number], record).optional()?;
        found.map(|record| self.with_addresses(record)).transpose()
    }

    fn with_addresses(&self, mut record: DeviceRecord) -> rusqlite::Result<DeviceRecord> {
        let mut query = self.sql.prepare_cached("SELECT address FROM addresses WHERE device = ?1")?;
        let texts = query.query_map([record.number], |row| row.get::<_, String>(0))?;
        for text in texts {
            // An address that cannot be read says nothing about the bytes.
            record.device.addresses.extend(text?.parse::<IpAddr>());
        }
        Ok(record)
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<DeviceRecord> {
    let device = Device { id: row.get(1)?, label: row.get(2)?, addresses: BTreeSet::new() };
    Ok(DeviceRecord { number: row.get(0)?, device })
}

/// The hours that `span` touches.
pub(super) fn hours(span: Option<Span>) -> (i64, i64) {
    span.map_or((i64::MIN, i64::MAX), |span| (i64::from(span.first.0 / 60), i64::from(span.end.minus(1).0 / 60)))
}

/// The number of `device` in the database; what has changed of it is written, and that it has is said.
pub(super) fn enter(change: &Transaction<'_>, device: &Device) -> rusqlite::Result<(i64, bool)> {
    let mut find = change.prepare_cached("SELECT id, label FROM devices WHERE device = ?1")?;
    let known = find.query_row([&device.id], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))).optional()?;
    let (number, mut changed) = match known {
        None => {
            let mut add = change.prepare_cached("INSERT INTO devices (device, label) VALUES (?1, ?2) RETURNING id")?;
            (add.query_row(params![device.id, device.label], |row| row.get(0))?, true)
        }
        Some((number, label)) if device.label.is_some() && label != device.label => {
            let mut rename = change.prepare_cached("UPDATE devices SET label = ?2 WHERE id = ?1")?;
            (number, rename.execute(params![number, device.label])? > 0)
        }
        Some((number, _)) => (number, false),
    };
    let mut add = change.prepare_cached(
        "INSERT INTO addresses (device, address) SELECT ?1, ?2
         WHERE (SELECT count(*) FROM addresses WHERE device = ?1) < ?3 ON CONFLICT DO NOTHING",
    )?;
    for address in &device.addresses {
        changed |= add.execute(params![number, address.to_string(), MOST_ADDRESSES])? > 0;
    }
    Ok((number, changed))
}

/// A changing address beyond these is not listed.
const MOST_ADDRESSES: i64 = 64;
