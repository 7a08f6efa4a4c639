//! One sensor's ledger as the server has it: the same accounts as from the sensor's own file.

use std::collections::{BTreeMap, HashSet};

use super::{
    FleetError, Server,
    facts::{DeviceFact, FileFact, SourceFact, SubjectFact, role_of, texts, whose},
    server::RowText,
    text::quoted,
};
use crate::{
    base::{Bytes, Minute, Span},
    identify::{Device, DeviceId, Evidence, Role},
    ledger::{
        Account, Archive, CaptureRecord, DeviceRecord, FileRecord, LiveRecord, Row, RowKey, Source, Subject, Watched,
        store::words::{EVIDENCES, of_word},
        watch,
    },
};

/// Rows of one device that are read at most: a busy phone makes a million a year.
pub(super) const MOST_ROWS: usize = 3_000_000;

/// All sensors' ledgers on a server.
#[derive(Clone, Copy, Debug)]
pub struct Ledgers<'a> {
    pub(super) server: &'a Server,
}

/// One sensor's ledger on a server.
#[derive(Clone, Debug)]
pub struct SensorLedger<'a> {
    server: &'a Server,
    sensor: String,
}

impl<'a> Ledgers<'a> {
    /// The ledgers on `server`.
    pub const fn on(server: &'a Server) -> Self {
        Self { server }
    }

    /// The sensors that sent anything, by name.
    pub fn sensors(&self) -> Result<Vec<String>, FleetError> {
        let sql = format!(
            "SELECT DISTINCT substring(sensor, 1, 253) AS s FROM {}.facts WHERE sensor != '' ORDER BY s",
            self.server.database()
        );
        let mut rows = self.server.rows(&sql)?;
        let mut sensors = Vec::new();
        while let Some(sensor) = rows.next(|row| row.text(0))? {
            sensors.push(sensor);
        }
        Ok(sensors)
    }

    /// About when the fleet was last heard of: by nine sensors of ten. A sensor whose clock is years ahead moves it not.
    pub fn newest(&self) -> Result<Minute, FleetError> {
        let sql = format!("SELECT max(hour) AS h FROM {}.seen GROUP BY sensor ORDER BY h", self.server.database());
        let (mut rows, mut hours) = (self.server.rows(&sql)?, Vec::new());
        while let Some(hour) = rows.next(|row| row.small(0))? {
            hours.push(hour);
        }
        let hour = hours.get(hours.len().saturating_sub(1) * 9 / 10).copied().unwrap_or_default();
        Ok(Minute(hour.saturating_add(1).saturating_mul(60)))
    }

    /// One sensor's ledger.
    pub fn sensor(&self, name: &str) -> SensorLedger<'a> {
        SensorLedger { server: self.server, sensor: name.to_owned() }
    }
}

impl Archive for SensorLedger<'_> {
    type Error = FleetError;

    fn devices(&self, span: Option<Span>) -> Result<Vec<DeviceRecord>, FleetError> {
        let mut known = BTreeMap::new();
        self.facts("device", |id, value| {
            known.insert(id, serde_json::from_str::<DeviceFact>(&value).unwrap_or_default());
        })?;
        let sql = format!(
            "SELECT DISTINCT substring(device, 1, 253) FROM {}.seen WHERE sensor = {}{}",
            self.server.database(),
            quoted(&self.sensor),
            hours(span),
        );
        let mut rows = self.server.rows(&sql)?;
        let mut devices = Vec::new();
        while let Some(id) = rows.next(|row| row.text(0))? {
            let DeviceFact { label, addresses, order, .. } = known.remove(&id).unwrap_or_default();
            devices.push(DeviceRecord { number: order, device: Device { id, label, addresses } });
        }
        devices.sort_by(|a, b| (a.number, &a.device.id).cmp(&(b.number, &b.device.id)));
        Ok(devices)
    }

    fn captured(&self, span: Option<Span>) -> Result<CaptureRecord, FleetError> {
        let mut files: Vec<(i64, FileRecord)> = Vec::new();
        self.facts("file", |sha256, value| {
            files.extend(serde_json::from_str::<FileFact>(&value).ok().map(|fact| fact.record(sha256)));
        })?;
        files.sort_by_key(|(order, _)| *order);
        let files: Vec<FileRecord> = files.into_iter().map(|(_, file)| file).collect();
        let (first, last) = span.map_or((0, u32::MAX), |span| (span.first.0 / 60, span.end.minus(1).0 / 60));
        let (mut frames, mut wire, mut by_source) = (0_u64, Bytes::ZERO, BTreeMap::<i64, u64>::new());
        self.facts("heard", |key, value| {
            let place = key.split_once('/').and_then(|(hour, source)| Some((hour.parse().ok()?, source.parse().ok()?)));
            let counts = serde_json::from_str::<[u64; 4]>(&value);
            if let (Some((hour, source)), Ok([seen, bytes, ..])) = (place, counts)
                && (first..=last).contains(&hour)
            {
                frames = frames.saturating_add(seen);
                wire += Bytes(bytes);
                *by_source.entry(source).or_default() += seen;
            }
        })?;
        let (mut live, mut runs): (Vec<(i64, LiveRecord)>, Vec<Vec<Watched>>) = (Vec::new(), Vec::new());
        self.facts("source", |key, value| {
            let Ok(fact) = serde_json::from_str::<SourceFact>(&value) else { return };
            let number = key.parse().unwrap_or(i64::MAX);
            let own = fact.runs();
            let inside = span.map_or_else(|| own.clone(), |span| watch::clip(own.clone(), span));
            if let (Some(begin), Some(end)) = (inside.first(), inside.last()) {
                let source = Source { sensor: fact.sensor, interface: fact.interface };
                let (first, last) = (Some(begin.span.first.start()), Some(end.span.end.start()));
                live.push((number, LiveRecord { source, frames: 0, first, last }));
            }
            runs.push(own);
        })?;
        live.sort_by_key(|(number, _)| *number);
        let live = live.into_iter().map(|(number, record)| LiveRecord {
            frames: by_source.get(&number).copied().unwrap_or_default(),
            ..record
        });
        let mut losses = BTreeMap::<String, u64>::new();
        self.facts("loss", |key, value| {
            let place = key.split_once('/').and_then(|(hour, what)| Some((hour.parse::<u32>().ok()?, what)));
            if let (Some((hour, what)), Ok(count)) = (place, value.parse::<u64>())
                && (first..=last).contains(&hour)
            {
                let sum = losses.entry(what.to_owned()).or_default();
                *sum = sum.saturating_add(count);
            }
        })?;
        let coverage = watch::by_place(&files, runs, span, Minute(0));
        let inside = |file: &FileRecord| span.is_none_or(|span| file.touches(span));
        Ok(CaptureRecord {
            live: live.collect(),
            files: files.into_iter().filter(inside).collect(),
            watched: coverage.all().to_vec(),
            coverage,
            losses: losses.into_iter().collect(),
            frames,
            wire,
            minutes_from: Minute(0),
        })
    }

    fn account(&self, device: &DeviceRecord, id: DeviceId, span: Option<Span>) -> Result<Account, FleetError> {
        let mut account = Account::default();
        let device = device.device.id.as_str();
        self.minutes(&mut account, device, id, span)?;
        self.named(&mut account, device, id, span)?;
        self.seen(&mut account, device, id, span)?;
        self.facts("subject", |key, value| {
            let told = texts(&key).zip(serde_json::from_str::<SubjectFact>(&value).ok());
            let Some(([subject, name, operator, kind], fact)) = told else { return };
            if let Some(number) = account.ledger.known_subject(&whose(subject, name, operator, &kind)) {
                account.facts.insert(number, fact.into());
            }
        })?;
        self.facts(&format!("evidence/{device}"), |key, value| {
            let Some([subject, name, operator, kind, role, destination]) = texts(&key) else { return };
            let evidence = of_word(&EVIDENCES, value.trim_matches('"')).unwrap_or(Evidence::None);
            let subject = account.ledger.known_subject(&whose(subject, name, operator, &kind));
            if let (Some(subject), Some(destination)) = (subject, account.ledger.known_destination(&destination)) {
                account.attest(id, subject, role_of(&role), destination, evidence);
            }
        })?;
        Ok(account)
    }
}

impl SensorLedger<'_> {
    /// The devices whose owners agree that accident rates are learned from them.
    pub fn sharing(&self) -> Result<HashSet<String>, FleetError> {
        let mut sharing = HashSet::new();
        self.facts("device", |id, value| {
            let shares = serde_json::from_str::<DeviceFact>(&value).is_ok_and(|fact| fact.share);
            sharing.extend(Some(id).filter(|_| shares));
        })?;
        Ok(sharing)
    }

    fn minutes(&self, account: &mut Account, device: &str, id: DeviceId, span: Option<Span>) -> Result<(), FleetError> {
        let sql = self.of_device(
            "minutes",
            "minute, substring(subject, 1, 253), substring(name, 1, 253), substring(operator, 1, 253), \
             substring(kind, 1, 20), substring(role, 1, 20), substring(destination, 1, 253), unplaced, up, down, \
             wire_up, wire_down, bulk_up, stream_up, stream_down, packets, flows",
            device,
            &minutes(span),
        );
        let mut rows = self.server.rows(&sql)?;
        let mut read = 0;
        while let Some((minute, subject, role, destination, unplaced, row)) = rows.next(minute_row)? {
            read += 1;
            if read > MOST_ROWS {
                return Err(FleetError::Garbled {
                    server: self.server.name(),
                    what: format!(
                        "the device {device:?} of the sensor {:?} has more than {MOST_ROWS} rows",
                        self.sensor
                    ),
                });
            }
            let subject = account.ledger.subject_id(&subject);
            let destination = account.ledger.destination_id(&destination);
            let key = RowKey { device: id, subject, role, destination, minute };
            if unplaced {
                account.ledger.post_unplaced(key, &row, minute, minute);
            } else {
                account.ledger.post(key, &row);
            }
        }
        Ok(())
    }

    fn named(&self, account: &mut Account, device: &str, id: DeviceId, span: Option<Span>) -> Result<(), FleetError> {
        let sql = self.of_device(
            "named",
            "minute, substring(host, 1, 253), substring(subject, 1, 253), substring(name, 1, 253), \
             substring(operator, 1, 253), substring(kind, 1, 20), background",
            device,
            &minutes(span),
        );
        let mut rows = self.server.rows(&sql)?;
        let read = |row: &RowText<'_>| {
            let subject = row.text(2)?;
            let subject = match subject.as_str() {
                "" => None,
                _ => Some(whose(subject, row.text(3)?, row.text(4)?, &row.text(5)?)),
            };
            Some((row.small(0)?, row.text(1)?, subject, row.number(6)? > 0))
        };
        while let Some((minute, host, subject, background)) = rows.next(read)? {
            let subject = subject.map(|subject| account.ledger.subject_id(&subject));
            account.ledger.name(id, Minute(minute), &host, subject, background);
        }
        Ok(())
    }

    fn seen(&self, account: &mut Account, device: &str, id: DeviceId, span: Option<Span>) -> Result<(), FleetError> {
        let mut rows = self.server.rows(&self.of_device("seen", "hour, minutes", device, &hours(span)))?;
        while let Some((hour, bits)) = rows.next(|row| Some((row.small(0)?, row.number(1)?)))? {
            let minutes = (0..60).filter(|bit| bits >> bit & 1 == 1);
            for minute in minutes.map(|bit| Minute(hour.saturating_mul(60)).plus(bit)) {
                if span.is_none_or(|span| span.contains(minute)) {
                    account.ledger.see(id, minute);
                }
            }
        }
        Ok(())
    }

    fn of_device(&self, table: &str, columns: &str, device: &str, when: &str) -> String {
        let (database, sensor) = (self.server.database(), quoted(&self.sensor));
        format!(
            "SELECT {columns} FROM {database}.{table} FINAL WHERE sensor = {sensor} AND device = {}{when}",
            quoted(device)
        )
    }

    /// Hands over every fact of one kind: its key and its value.
    fn facts(&self, kind: &str, mut each: impl FnMut(String, String)) -> Result<(), FleetError> {
        let sql = format!(
            "SELECT substring(key, 1, 2000), value FROM {}.facts FINAL WHERE sensor = {} AND kind = {}",
            self.server.database(),
            quoted(&self.sensor),
            quoted(kind),
        );
        let mut rows = self.server.rows(&sql)?;
        while let Some((key, value)) = rows.next(|row| Some((row.text(0)?, row.text(1)?)))? {
            each(key, value);
        }
        Ok(())
    }
}

type MinuteRow = (Minute, Subject, Role, String, bool, Row);

fn minute_row(row: &RowText<'_>) -> Option<MinuteRow> {
    let subject = whose(row.text(1)?, row.text(2)?, row.text(3)?, &row.text(4)?);
    let bytes = |column| row.number(column).map(Bytes);
    let volumes = Row {
        up: bytes(8)?,
        down: bytes(9)?,
        wire_up: bytes(10)?,
        wire_down: bytes(11)?,
        bulk_up: bytes(12)?,
        stream_up: bytes(13)?,
        stream_down: bytes(14)?,
        packets: row.small(15)?,
        flows: row.small(16)?,
    };
    Some((Minute(row.small(0)?), subject, role_of(&row.text(5)?), row.text(6)?, row.number(7)? > 0, volumes))
}

pub(super) fn minutes(span: Option<Span>) -> String {
    span.map_or_else(String::new, |Span { first, end }| format!(" AND minute >= {} AND minute < {}", first.0, end.0))
}

pub(super) fn hours(span: Option<Span>) -> String {
    span.map_or_else(String::new, |Span { first, end }| {
        format!(" AND hour >= {} AND hour <= {}", first.0 / 60, end.minus(1).0 / 60)
    })
}
