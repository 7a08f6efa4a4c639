//! What was booked since the last time goes into the database, in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Transaction, TransactionBehavior, params};

use super::{
    FileRecord, Source, Store, StoreError, devices, dictionary,
    files::{self, Refused},
    outbox::{Due, Posting},
    source,
    words::{EVIDENCES, ROLES, number},
};
use crate::{
    base::Bytes,
    identify::{Device, DeviceId},
    ledger::{
        Account, Places, Row, RowKey, Watched,
        book::{MOST_NAMES_A_MINUTE, NameEntry},
    },
};

/// What was read in one hour.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heard {
    /// Frames.
    pub frames: u64,
    /// IP total lengths of all decoded packets.
    pub wire: Bytes,
    /// The part between ends neither of which can be a device.
    pub nobodys: Row,
}

/// Everything that one transaction writes.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Rows, names, minutes seen, and what is known of subjects and destinations.
    pub account: &'a Account,
    /// What is known of the devices in it: of all that it mentions.
    pub devices: &'a [(DeviceId, Device)],
    /// What was read, by the place of its source and by hours since the epoch.
    pub heard: &'a BTreeMap<(usize, u32), Heard>,
    /// What caps made the tool drop or lump together.
    pub losses: &'a [(String, u64)],
    /// When the store's sources were capturing, by their places; runs that were written before may be repeated, and may
    /// have grown.
    pub watched: &'a [Vec<Watched>],
    /// The captures that all this was read from; none for live traffic.
    pub files: &'a [FileRecord],
}

/// What one transaction wrote.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flushed {
    /// Minute rows.
    pub rows: u64,
    /// Names in minutes.
    pub names: u64,
}

impl Store {
    /// Writes `batch` in one transaction: all of it, or on any error nothing.
    pub fn write(&mut self, batch: &Batch<'_>) -> Result<Flushed, StoreError> {
        self.try_write(batch).map_err(|refused| match refused {
            Refused::Sql(error) => self.failed(&error),
            Refused::Store(error) => error,
        })
    }

    fn try_write(&mut self, batch: &Batch<'_>) -> Result<Flushed, Refused> {
        let change = self.sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let posting = Posting::begin(&change)?;
        for file in batch.files.iter().filter(|file| !file.sha256.is_empty()) {
            let file = files::enter(&change, file)?;
            posting.due(Due::File { file })?;
        }
        let live = batch.files.is_empty() && !(batch.watched.is_empty() && batch.heard.is_empty());
        let sources = if live { enter_sources(&change, &posting, &self.sources, batch)? } else { Vec::new() };
        heard(&change, &posting, &sources, batch)?;
        let mut numbers = Numbers::new(&change, &posting, &sources, batch)?;
        let flushed = Flushed { rows: numbers.rows()?, names: numbers.names()? };
        numbers.seen()?;
        numbers.facts()?;
        drop(numbers);
        change.commit()?;
        Ok(flushed)
    }
}

/// The numbers of the sources, by place, with what they watched.
fn enter_sources(
    change: &Transaction<'_>,
    posting: &Posting<'_>,
    sources: &[Source],
    batch: &Batch<'_>,
) -> rusqlite::Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        let number = source::enter(change, source)?;
        for run in batch.watched.get(place).into_iter().flatten() {
            source::watch(change, number, *run)?;
        }
        posting.due(Due::Source { source: number })?;
        numbers.push(number);
    }
    Ok(numbers)
}

/// Stands for captures that were read in.
pub(super) const FILES: i64 = 0;
/// Stands for a source that is not known.
pub(super) const UNKNOWN: i64 = -1;

/// The number of the source at `place`, in a batch of these sources; none are captures that are read in.
fn source_at(sources: &[i64], place: usize) -> i64 {
    sources.get(place).or(sources.last()).copied().unwrap_or(FILES)
}

fn heard(change: &Transaction<'_>, posting: &Posting<'_>, sources: &[i64], batch: &Batch<'_>) -> rusqlite::Result<()> {
    let mut add = change.prepare_cached(
        "INSERT INTO captured (source, hour, frames, wire, nobody_wire, nobody_payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET frames = frames + excluded.frames, wire = wire + excluded.wire,
         nobody_wire = nobody_wire + excluded.nobody_wire, nobody_payload = nobody_payload + excluded.nobody_payload",
    )?;
    for ((place, hour), heard) in batch.heard {
        let source = source_at(sources, *place);
        let Row { up, down, wire_up, wire_down, .. } = heard.nobodys;
        let (wire, payload) = ((wire_up + wire_down).0, (up + down).0);
        add.execute(params![source, hour, signed(heard.frames), signed(heard.wire.0), signed(wire), signed(payload)])?;
        posting.due(Due::Heard { source, hour: *hour })?;
    }
    // Where nothing was heard since, they were lost in the last hour that was watched.
    let watched = || batch.watched.iter().flatten().map(|run| run.span.end.minus(1).0 / 60).max();
    let hour = batch.heard.keys().map(|(_, hour)| *hour).max().or_else(watched).unwrap_or_default();
    let mut lose = change.prepare_cached(
        "INSERT INTO losses (what, hour, count) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?;
    for (what, count) in batch.losses {
        lose.execute(params![what, hour, signed(*count)])?;
        posting.due(Due::Losses { hour })?;
    }
    Ok(())
}

/// A number of bytes or packets as the database takes it.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A batch with the numbers that the database has for what it names.
struct Numbers<'a> {
    change: &'a Transaction<'a>,
    posting: &'a Posting<'a>,
    sources: &'a [i64],
    batch: &'a Batch<'a>,
    devices: HashMap<DeviceId, i64>,
    subjects: HashMap<u32, i64>,
    destinations: HashMap<u32, i64>,
    names: HashMap<NameEntry, Option<i64>>,
}

impl<'a> Numbers<'a> {
    fn new(
        change: &'a Transaction<'_>,
        posting: &'a Posting<'_>,
        sources: &'a [i64],
        batch: &'a Batch<'_>,
    ) -> rusqlite::Result<Self> {
        let mut numbers = HashMap::new();
        for (id, device) in batch.devices {
            let (number, changed) = devices::enter(change, device)?;
            if changed {
                posting.due(Due::Device { device: number })?;
            }
            numbers.insert(*id, number);
        }
        Ok(Self {
            change,
            posting,
            sources,
            batch,
            devices: numbers,
            subjects: HashMap::new(),
            destinations: HashMap::new(),
            names: HashMap::new(),
        })
    }

    /// The number of a device.
    fn device(&self, id: DeviceId) -> rusqlite::Result<i64> {
        let undescribed = || rusqlite::Error::ToSqlConversionFailure(format!("{id:?} is not described").into());
        self.devices.get(&id).copied().ok_or_else(undescribed)
    }

    fn subject(&mut self, id: u32) -> rusqlite::Result<i64> {
        if let Some(number) = self.subjects.get(&id) {
            return Ok(*number);
        }
        let number = dictionary::subject(self.change, &self.batch.account.ledger.subject(id))?;
        self.subjects.insert(id, number);
        Ok(number)
    }

    fn destination(&mut self, id: u32) -> rusqlite::Result<i64> {
        if let Some(number) = self.destinations.get(&id) {
            return Ok(*number);
        }
        let number = dictionary::destination(self.change, self.batch.account.ledger.destination(id))?;
        self.destinations.insert(id, number);
        Ok(number)
    }

    fn rows(&mut self) -> rusqlite::Result<u64> {
        let ledger = &self.batch.account.ledger;
        let placed = self.add("minutes", ledger.all_rows())?;
        Ok(placed + self.add("unplaced", ledger.all_unplaced())?)
    }

    fn add(&mut self, table: &str, booked: impl Iterator<Item = (&'a RowKey, &'a Row)>) -> rusqlite::Result<u64> {
        let mut add = self.change.prepare_cached(&format!("INSERT INTO {table} {ADD}"))?;
        let mut rows = 0;
        for (key, row) in booked {
            let (device, subject) = (self.device(key.device)?, self.subject(key.subject)?);
            let (destination, role) = (self.destination(key.destination)?, number(&ROLES, &key.role));
            add.execute(params![
                device,
                key.minute.0,
                subject,
                role,
                destination,
                signed(row.up.0),
                signed(row.down.0),
                signed(row.wire_up.0),
                signed(row.wire_down.0),
                signed(row.bulk_up.0),
                signed(row.stream_up.0),
                signed(row.stream_down.0),
                row.packets,
                row.flows,
            ])?;
            self.posting.due(Due::Minute { device, minute: key.minute.0 })?;
            rows += 1;
        }
        Ok(rows)
    }

    fn names(&mut self) -> rusqlite::Result<u64> {
        let mut count = self.change.prepare_cached("SELECT count(*) FROM named WHERE device = ?1 AND minute = ?2")?;
        let mut add = self
            .change
            .prepare_cached("INSERT INTO named (device, minute, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?;
        let mut added = 0;
        for ((id, minute), names) in &self.batch.account.ledger.names {
            let device = self.device(*id)?;
            self.posting.due(Due::Minute { device, minute: minute.0 })?;
            let there: i64 = count.query_row(params![device, minute.0], |row| row.get(0))?;
            let mut room = MOST_NAMES_A_MINUTE.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
            for entry in names {
                let Some(number) = self.name(*entry)?.filter(|_| room > 0) else { continue };
                let new = add.execute(params![device, minute.0, number])?;
                room -= new;
                added += new as u64;
            }
        }
        Ok(added)
    }

    fn name(&mut self, entry: NameEntry) -> rusqlite::Result<Option<i64>> {
        if let Some(number) = self.names.get(&entry) {
            return Ok(*number);
        }
        let subject = entry.subject.map_or(Ok(0), |subject| self.subject(subject))?;
        let text = self.batch.account.ledger.name_text(entry.name);
        let number = dictionary::name(self.change, text, subject, entry.background)?;
        self.names.insert(entry, number);
        Ok(number)
    }

    fn seen(&mut self) -> rusqlite::Result<()> {
        let mut add = self.change.prepare_cached(
            "INSERT INTO seen (device, hour, source, minutes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET minutes = minutes | excluded.minutes",
        )?;
        let ledger = &self.batch.account.ledger;
        let keys = ledger.all_rows().chain(ledger.all_unplaced()).map(|(key, _)| (key.device, key.minute));
        let sent: HashSet<(DeviceId, u32)> =
            keys.chain(ledger.names.keys().copied()).map(|(device, minute)| (device, minute.0 / 60)).collect();
        for (id, minutes) in &ledger.seen {
            let device = self.device(*id)?;
            let mut hours: BTreeMap<(u32, i64), i64> = BTreeMap::new();
            for (minute, places) in minutes {
                for source in self.seen_by(*places) {
                    *hours.entry((minute.0 / 60, source)).or_default() |= 1 << (minute.0 % 60);
                }
            }
            for ((hour, source), bits) in hours {
                add.execute(params![device, hour, source, bits])?;
                // An hour that goes with no row: the end of a connection that no minute can be told of.
                if !sent.contains(&(*id, hour)) {
                    self.posting.due(Due::Minute { device, minute: hour.saturating_mul(60) })?;
                }
            }
        }
        Ok(())
    }

    /// The numbers of the sources that saw a device.
    fn seen_by(&self, places: Places) -> Vec<i64> {
        match self.sources {
            [] => vec![FILES],
            [only] => vec![*only],
            _ if places == Places::UNKNOWN => vec![UNKNOWN],
            several => places.iter().map(|place| source_at(several, place)).collect(),
        }
    }

    fn facts(&mut self) -> rusqlite::Result<()> {
        for (subject, facts) in &self.batch.account.facts {
            let subject = self.subject(*subject)?;
            if dictionary::facts(self.change, subject, facts)? {
                self.posting.due(Due::Subject { subject })?;
            }
        }
        let mut add = self.change.prepare_cached(
            "INSERT INTO evidence (device, subject, role, destination, evidence) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET evidence = excluded.evidence WHERE excluded.evidence > evidence",
        )?;
        for (&(device, subject, role, destination), evidence) in &self.batch.account.evidence {
            let (device, subject) = (self.device(device)?, self.subject(subject)?);
            let destination = self.destination(destination)?;
            let (role, evidence) = (number(&ROLES, &role), number(&EVIDENCES, evidence));
            if add.execute(params![device, subject, role, destination, evidence])? > 0 {
                self.posting.due(Due::Evidence { device, subject })?;
            }
        }
        Ok(())
    }
}

const ADD: &str = "(device, minute, subject, role, destination, up, down, wire_up, wire_down,
 bulk_up, stream_up, stream_down, packets, flows) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
 ON CONFLICT DO UPDATE SET up = up + excluded.up, down = down + excluded.down, wire_up = wire_up + excluded.wire_up,
 wire_down = wire_down + excluded.wire_down, bulk_up = bulk_up + excluded.bulk_up,
 stream_up = stream_up + excluded.stream_up, stream_down = stream_down + excluded.stream_down,
 packets = packets + excluded.packets, flows = flows + excluded.flows";
