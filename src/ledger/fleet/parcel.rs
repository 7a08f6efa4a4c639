//! What the outbox holds, as rows for the server.

use std::collections::BTreeSet;

use rusqlite::{CachedStatement, OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::json;

use super::{FleetError, Sensor, Server};
use crate::{
    base::{Minute, Stamp},
    identify::Device,
    ledger::{
        Store, StoreError,
        store::{
            Due,
            words::{EVIDENCES, ROLES},
        },
    },
};

/// Things that go into one parcel: minutes of devices, and facts. Enough for an insert that is worth its while, few
/// enough that reading them holds nobody up.
const A_PARCEL: usize = 4_000;
/// A parcel that has grown to so many bytes takes nothing more in.
const LARGE: usize = 8 << 20;
/// What goes into one insert.
const A_SHEET: usize = 8 << 20;

/// What is sent at once, and is confirmed at once.
#[derive(Debug)]
pub struct Parcel {
    minutes: Vec<u8>,
    named: Vec<u8>,
    seen: Vec<u8>,
    facts: Vec<u8>,
    /// How many minute rows it holds.
    pub rows: u64,
    receipt: Receipt,
}

/// What the server has confirmed.
#[derive(Clone, Debug)]
pub struct Receipt {
    sent: Vec<Due>,
    version: i64,
}

impl Server {
    /// Sends a parcel. When this returns the server has all of it; when it fails it may have a part, and the same
    /// parcel sent again makes no difference to that part.
    pub fn deliver(&self, parcel: &Parcel) -> Result<Receipt, FleetError> {
        let Parcel { facts, named, seen, minutes, .. } = parcel;
        for (table, sheet) in [("facts", facts), ("named", named), ("seen", seen), ("minutes", minutes)] {
            for part in parts(sheet, A_SHEET) {
                self.insert(table, part)?;
            }
        }
        Ok(parcel.receipt.clone())
    }
}

impl Store {
    /// What is to be sent next: facts, then minutes before `before`; `None` where nothing is.
    pub fn parcel(&self, sensor: &Sensor, before: Minute) -> Result<Option<Parcel>, StoreError> {
        self.at_one_moment(|store| {
            let mut sent = store.due(before, A_PARCEL)?;
            if sent.is_empty() {
                return Ok(None);
            }
            let version = store.version()?;
            let packed = Packing::new(store, sensor, version).pack(&sent);
            let (sheets, rows, packed) = packed.map_err(|error| store.failed(&error))?;
            sent.truncate(packed);
            let Sheets { minutes, named, seen, facts } = sheets;
            Ok(Some(Parcel { minutes, named, seen, facts, rows, receipt: Receipt { sent, version } }))
        })
    }

    /// Notes that the server has a parcel: what has not changed since is not sent again.
    pub fn acknowledge(&mut self, receipt: &Receipt) -> Result<(), StoreError> {
        self.confirmed(&receipt.sent, receipt.version)
    }
}

/// A sheet in parts of whole lines, each of about `most` bytes at most where no line is longer.
fn parts(sheet: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    let mut left = sheet;
    std::iter::from_fn(move || {
        let end = if left.len() <= most {
            left.len()
        } else {
            let (near, far) = left.split_at(most);
            let at = near.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            at.or_else(|| far.iter().position(|byte| *byte == b'\n').map(|at| most + at + 1)).unwrap_or(left.len())
        };
        let (part, rest) = left.split_at(end);
        left = rest;
        Some(part).filter(|part| !part.is_empty())
    })
}

/// Rows for each table, a JSON object a line.
#[derive(Default)]
struct Sheets {
    minutes: Vec<u8>,
    named: Vec<u8>,
    seen: Vec<u8>,
    facts: Vec<u8>,
}

impl Sheets {
    const fn size(&self) -> usize {
        self.minutes.len() + self.named.len() + self.seen.len() + self.facts.len()
    }
}

#[derive(Serialize)]
pub(super) struct MinuteRow<'a> {
    pub(super) sensor: &'a str,
    pub(super) device: &'a str,
    pub(super) day: String,
    pub(super) minute: u32,
    pub(super) subject: &'a str,
    pub(super) name: &'a str,
    pub(super) operator: &'a str,
    pub(super) kind: &'a str,
    pub(super) role: &'a str,
    pub(super) destination: &'a str,
    pub(super) unplaced: u8,
    pub(super) up: i64,
    pub(super) down: i64,
    pub(super) wire_up: i64,
    pub(super) wire_down: i64,
    pub(super) bulk_up: i64,
    pub(super) stream_up: i64,
    pub(super) stream_down: i64,
    pub(super) packets: i64,
    pub(super) flows: i64,
    pub(super) version: i64,
}

#[derive(Serialize)]
pub(super) struct NameRow<'a> {
    pub(super) sensor: &'a str,
    pub(super) device: &'a str,
    pub(super) day: String,
    pub(super) minute: u32,
    pub(super) host: &'a str,
    pub(super) subject: &'a str,
    pub(super) name: &'a str,
    pub(super) operator: &'a str,
    pub(super) kind: &'a str,
    pub(super) background: u8,
    pub(super) version: i64,
}

#[derive(Serialize)]
pub(super) struct SeenRow<'a> {
    pub(super) sensor: &'a str,
    pub(super) device: &'a str,
    pub(super) day: String,
    pub(super) hour: u32,
    /// 0: not known where; 1: in captures that were read in; above, the number of the live source and one.
    pub(super) place: i64,
    pub(super) minutes: i64,
    pub(super) version: i64,
}

#[derive(Serialize)]
pub(super) struct FactRow<'a> {
    pub(super) sensor: &'a str,
    pub(super) kind: &'a str,
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) version: i64,
}

/// The ledger read for one parcel.
struct Packing<'a> {
    sensor: &'a Sensor,
    version: i64,
    sheets: Sheets,
    rows: u64,
    hours: BTreeSet<(i64, u32)>,
    store: &'a Store,
}

impl<'a> Packing<'a> {
    fn new(store: &'a Store, sensor: &'a Sensor, version: i64) -> Self {
        Self { sensor, version, sheets: Sheets::default(), rows: 0, hours: BTreeSet::new(), store }
    }

    fn sql(&self, text: &str) -> rusqlite::Result<CachedStatement<'a>> {
        self.store.sql.prepare_cached(text)
    }

    /// Packs what is due until the parcel is large; gives the sheets, their minute rows, and how much of it is in them.
    fn pack(mut self, due: &[Due]) -> rusqlite::Result<(Sheets, u64, usize)> {
        let mut packed = 0;
        for due in due {
            if self.sheets.size() > LARGE {
                break;
            }
            packed += 1;
            match *due {
                Due::Minute { device, minute } => self.minute(device, minute)?,
                Due::Device { device } => self.device(device)?,
                Due::Evidence { device, subject } => self.evidence(device, subject)?,
                Due::Source { source } => self.source(source)?,
                Due::Heard { source, hour } => self.heard(source, hour)?,
                Due::File { file } => self.file(file)?,
                Due::Losses { hour } => self.losses(hour)?,
                Due::Subject { subject } => self.subject(subject)?,
            }
        }
        for (device, hour) in std::mem::take(&mut self.hours) {
            self.seen(device, hour)?;
        }
        Ok((self.sheets, self.rows, packed))
    }

    /// A device as the fleet knows it.
    fn known(&self, device: i64) -> rusqlite::Result<Option<String>> {
        let mut query = self.sql("SELECT device FROM devices WHERE id = ?1")?;
        let id: Option<String> = query.query_row([device], |row| row.get(0)).optional()?;
        Ok(id.map(|id| self.sensor.device(&id)))
    }

    fn minute(&mut self, number: i64, minute: u32) -> rusqlite::Result<()> {
        let Some(device) = self.known(number)? else { return Ok(()) };
        self.hours.insert((number, minute / 60));
        for (table, unplaced) in [("minutes", 0), ("unplaced", 1)] {
            let mut query = self.sql(&format!(
                "SELECT s.subject, s.name, s.operator, s.kind, m.role, t.destination, m.up, m.down, m.wire_up,
                 m.wire_down, m.bulk_up, m.stream_up, m.stream_down, m.packets, m.flows
                 FROM {table} m JOIN subjects s ON s.id = m.subject JOIN destinations t ON t.id = m.destination
                 WHERE m.device = ?1 AND m.minute = ?2"
            ))?;
            let mut rows = query.query(params![number, minute])?;
            while let Some(row) = rows.next()? {
                let written = MinuteRow {
                    sensor: &self.sensor.name,
                    device: &device,
                    day: day(minute),
                    minute,
                    subject: row.get_ref(0)?.as_str()?,
                    name: row.get_ref(1)?.as_str()?,
                    operator: row.get_ref(2)?.as_str()?,
                    kind: row.get_ref(3)?.as_str()?,
                    role: word(&ROLES, row, 4)?,
                    destination: row.get_ref(5)?.as_str()?,
                    unplaced,
                    up: row.get(6)?,
                    down: row.get(7)?,
                    wire_up: row.get(8)?,
                    wire_down: row.get(9)?,
                    bulk_up: row.get(10)?,
                    stream_up: row.get(11)?,
                    stream_down: row.get(12)?,
                    packets: row.get(13)?,
                    flows: row.get(14)?,
                    version: self.version,
                };
                line(&mut self.sheets.minutes, &written);
                self.rows += 1;
            }
        }
        self.names(number, &device, minute)
    }

    fn names(&mut self, number: i64, device: &str, minute: u32) -> rusqlite::Result<()> {
        let mut query = self.sql(
            "SELECT n.name, n.background, coalesce(s.subject, ''), coalesce(s.name, ''), coalesce(s.operator, ''),
             coalesce(s.kind, '') FROM named JOIN names n ON n.id = named.name LEFT JOIN subjects s ON s.id = n.subject
             WHERE named.device = ?1 AND named.minute = ?2",
        )?;
        let mut rows = query.query(params![number, minute])?;
        while let Some(row) = rows.next()? {
            let written = NameRow {
                sensor: &self.sensor.name,
                device,
                day: day(minute),
                minute,
                host: row.get_ref(0)?.as_str()?,
                background: row.get(1)?,
                subject: row.get_ref(2)?.as_str()?,
                name: row.get_ref(3)?.as_str()?,
                operator: row.get_ref(4)?.as_str()?,
                kind: row.get_ref(5)?.as_str()?,
                version: self.version,
            };
            line(&mut self.sheets.named, &written);
        }
        Ok(())
    }

    fn seen(&mut self, number: i64, hour: u32) -> rusqlite::Result<()> {
        let Some(device) = self.known(number)? else { return Ok(()) };
        let mut query = self.sql("SELECT source + 1, minutes FROM seen WHERE device = ?1 AND hour = ?2")?;
        let mut rows = query.query(params![number, hour])?;
        while let Some(row) = rows.next()? {
            let (sensor, day) = (self.sensor.name.as_str(), day(hour.saturating_mul(60)));
            let (place, minutes, version) = (row.get(0)?, row.get(1)?, self.version);
            line(&mut self.sheets.seen, &SeenRow { sensor, device: &device, day, hour, place, minutes, version });
        }
        Ok(())
    }

    fn fact(&mut self, kind: &str, key: &str, value: &serde_json::Value) {
        let value = value.to_string();
        let row = FactRow { sensor: &self.sensor.name, kind, key, value: &value, version: self.version };
        line(&mut self.sheets.facts, &row);
    }

    fn device(&mut self, number: i64) -> rusqlite::Result<()> {
        let Some(known) = self.store.device_record(number)? else { return Ok(()) };
        let Device { id, label, addresses } = self.sensor.shown(known.device);
        self.fact(
            "device",
            &id,
            &json!({"label": label, "addresses": addresses, "order": number, "share": self.sensor.share}),
        );
        Ok(())
    }

    fn evidence(&mut self, number: i64, subject: i64) -> rusqlite::Result<()> {
        let Some(device) = self.known(number)? else { return Ok(()) };
        let mut query = self.sql(
            "SELECT s.subject, s.name, s.operator, s.kind, e.role, t.destination, e.evidence FROM evidence e
             JOIN subjects s ON s.id = e.subject JOIN destinations t ON t.id = e.destination
             WHERE e.device = ?1 AND e.subject = ?2",
        )?;
        let mut rows = query.query([number, subject])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get::<_, String>(column);
            let key = json!([text(0)?, text(1)?, text(2)?, text(3)?, word(&ROLES, row, 4)?, text(5)?]).to_string();
            self.fact(&format!("evidence/{device}"), &key, &json!(word(&EVIDENCES, row, 6)?));
        }
        Ok(())
    }

    fn source(&mut self, number: i64) -> rusqlite::Result<()> {
        let Some((source, runs)) = self.store.source(number)? else { return Ok(()) };
        let runs: Vec<_> = runs.iter().map(|run| (run.span.first.0, run.span.end.0, run.dropped)).collect();
        let value = json!({"sensor": source.sensor, "interface": source.interface, "watched": runs});
        self.fact("source", &number.to_string(), &value);
        Ok(())
    }

    fn heard(&mut self, source: i64, hour: u32) -> rusqlite::Result<()> {
        let mut query =
            self.sql("SELECT frames, wire, nobody_wire, nobody_payload FROM captured WHERE source = ?1 AND hour = ?2")?;
        let counts = |row: &Row<'_>| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        if let Some(counts) = query.query_row(params![source, hour], counts).optional()? {
            self.fact("heard", &format!("{hour}/{source}"), &json!(counts));
        }
        Ok(())
    }

    fn file(&mut self, number: i64) -> rusqlite::Result<()> {
        let Some(file) = self.store.file(number)? else { return Ok(()) };
        let value = json!({
            "order": number,
            "path": if self.sensor.is_pseudonymous() { "" } else { &file.path },
            "packets": file.packets,
            "first": file.first.map(Stamp::nanos),
            "last": file.last.map(Stamp::nanos),
            "link_types": file.link_types,
            "malformed": file.malformed,
            "unsupported": file.unsupported,
            "lost": file.lost,
            "truncated": file.truncated,
            "records": file.records,
        });
        self.fact("file", &file.sha256, &value);
        Ok(())
    }

    fn losses(&mut self, hour: u32) -> rusqlite::Result<()> {
        let mut query = self.sql("SELECT what, count FROM losses WHERE hour = ?1")?;
        let mut rows = query.query([hour])?;
        while let Some(row) = rows.next()? {
            let what: String = row.get(0)?;
            self.fact("loss", &format!("{hour}/{what}"), &json!(row.get::<_, i64>(1)?));
        }
        Ok(())
    }

    fn subject(&mut self, number: i64) -> rusqlite::Result<()> {
        let mut query =
            self.sql("SELECT subject, name, operator, kind, tunnel, declared_feature FROM subjects WHERE id = ?1")?;
        let read = |row: &Row<'_>| {
            let text = |column| row.get::<_, String>(column);
            let key = json!([text(0)?, text(1)?, text(2)?, text(3)?]).to_string();
            let value = json!({
                "tunnel": row.get::<_, bool>(4)?,
                "declared_feature": row.get::<_, Option<String>>(5)?,
            });
            Ok((key, value))
        };
        if let Some((key, value)) = query.query_row([number], read).optional()? {
            self.fact("subject", &key, &value);
        }
        Ok(())
    }
}

pub(super) fn line(sheet: &mut Vec<u8>, row: &impl Serialize) {
    // Writing to memory cannot fail, and every key is a string.
    let written = serde_json::to_writer(&mut *sheet, row);
    debug_assert!(written.is_ok());
    sheet.push(b'\n');
}

fn word<T: Copy>(table: &[(T, &'static str)], row: &Row<'_>, column: usize) -> rusqlite::Result<&'static str> {
    let number: i64 = row.get(column)?;
    let place = usize::try_from(number).ok().and_then(|place| table.get(place));
    place.map(|(_, word)| *word).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// The UTC day of a minute, within what the server's type holds: to the end of 2105 in older ones.
pub(super) fn day(minute: u32) -> String {
    const LAST: u32 = 49_672 * 24 * 60;
    Minute(minute.min(LAST)).start().utc().format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_sheet_is_cut_between_lines() {
        let cut = |sheet: &'static str, most| -> Vec<&str> {
            parts(sheet.as_bytes(), most).map(|part| std::str::from_utf8(part).unwrap_or_default()).collect()
        };
        assert_eq!(cut("ab\ncd\nef\n", 6), ["ab\ncd\n", "ef\n"]);
        assert_eq!(cut("ab\ncd\n", 100), ["ab\ncd\n"]);
        assert_eq!(cut("a long line\nb\n", 3), ["a long line\n", "b\n"], "no line is cut");
        assert!(cut("", 3).is_empty());
    }
}
