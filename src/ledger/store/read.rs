//! What the database holds of a span, as it was in memory.

use std::collections::HashMap;

use rusqlite::{Row as SqlRow, params, types::Type};

use super::{
    DeviceRecord, FileRecord, Source, Store, StoreError,
    devices::hours,
    source,
    words::{EVIDENCES, KINDS, ROLES, of_word, value},
    write::FILES,
};
use crate::{
    base::{Bytes, Minute, Span, Stamp},
    identify::{DeclaredFeatures, DeviceId, Kind, Role},
    ledger::{Account, Archive, Coverage, Places, Row, RowKey, Subject, SubjectFacts, Watched, book::NameEntry, watch},
};

/// What was captured in a span, whatever device it was of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptureRecord {
    /// The captures that were read in, in the order they were.
    pub files: Vec<FileRecord>,
    /// Where traffic was captured live, and how many frames in the first and the last minute of it.
    pub live: Vec<LiveRecord>,
    /// When anything was capturing, ascending, not overlapping, as far back as minutes are kept.
    pub watched: Vec<Watched>,
    /// The same by source: a device was watched where it was seen.
    pub coverage: Coverage,
    /// What caps made the tool drop or lump together.
    pub losses: Vec<(String, u64)>,
    /// Frames read, by whole hours.
    pub frames: u64,
    /// IP total lengths of all decoded packets, by whole hours.
    pub wire: Bytes,
    /// What is older is kept by the hour: it counts in sums, and its nights are not judged again.
    pub minutes_from: Minute,
}

/// What was captured live at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRecord {
    /// Where.
    pub source: Source,
    /// Frames, by whole hours.
    pub frames: u64,
    /// From when.
    pub first: Option<Stamp>,
    /// Until when.
    pub last: Option<Stamp>,
}

impl Archive for Store {
    type Error = StoreError;

    fn devices(&self, span: Option<Span>) -> Result<Vec<DeviceRecord>, StoreError> {
        self.devices(span)
    }

    fn captured(&self, span: Option<Span>) -> Result<CaptureRecord, StoreError> {
        self.captured(span)
    }

    fn account(&self, device: &DeviceRecord, id: DeviceId, span: Option<Span>) -> Result<Account, StoreError> {
        self.account(device, id, span)
    }
}

impl Store {
    /// Runs `reading` on the ledger as it is at this moment, whatever another process writes meanwhile.
    pub fn at_one_moment<T>(&self, reading: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let moment = self.sql.unchecked_transaction().map_err(|error| self.failed(&error))?;
        let read = reading(self);
        drop(moment);
        read
    }

    /// What was captured in `span` (all of it).
    pub fn captured(&self, span: Option<Span>) -> Result<CaptureRecord, StoreError> {
        self.try_captured(span).map_err(|error| self.failed(&error))
    }

    /// What the ledger holds of one device in `span` (all of it), under the number `id`.
    ///
    /// What moved before [`CaptureRecord::minutes_from`] is in the sums only.
    pub fn account(&self, device: &DeviceRecord, id: DeviceId, span: Option<Span>) -> Result<Account, StoreError> {
        let mut reading = Reading {
            store: self,
            number: device.number,
            id,
            account: Account::default(),
            subjects: HashMap::new(),
            destinations: HashMap::new(),
            places: HashMap::new(),
        };
        reading.read(span).map_err(|error| self.failed(&error))?;
        Ok(reading.account)
    }

    /// The ids of all subjects that the ledger tells apart, without web sites.
    pub fn subjects(&self) -> Result<Vec<String>, StoreError> {
        let read = || {
            let mut query = self
                .sql
                .prepare_cached("SELECT DISTINCT subject FROM subjects WHERE kind <> 'web' ORDER BY subject")?;
            query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The places in [`CaptureRecord::coverage`], by the numbers of sources: captures that were read in are the first.
    fn places(&self) -> rusqlite::Result<HashMap<i64, Places>> {
        let mut query = self.sql.prepare_cached("SELECT id FROM sources ORDER BY id")?;
        let numbers = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        let all = std::iter::once(FILES).chain(numbers).enumerate();
        Ok(all.map(|(place, number)| (number, Places::at(place))).collect())
    }

    /// The first minute whose rows are kept minute by minute.
    pub(super) fn minutes_from(&self) -> rusqlite::Result<Minute> {
        let mut query = self.sql.prepare_cached("SELECT coalesce(max(value), 0) FROM marks WHERE mark = ?1")?;
        query.query_row([super::retain::MINUTES_FROM], |row| row.get(0).map(Minute))
    }

    fn try_captured(&self, span: Option<Span>) -> rusqlite::Result<CaptureRecord> {
        let files = self.files(span)?;
        let minutes_from = self.minutes_from()?;
        let (first, last) = hours(span);
        let (live, runs) = self.live(span)?;
        let coverage = watch::by_place(&self.files(None)?, runs, span, minutes_from);
        let watched = coverage.all().to_vec();
        let mut sums = self.sql.prepare_cached(
            "SELECT coalesce(sum(frames), 0), coalesce(sum(wire), 0) FROM captured WHERE hour BETWEEN ?1 AND ?2",
        )?;
        let (frames, wire) = sums.query_row(params![first, last], |row| Ok((count(row, 0)?, bytes(row, 1)?)))?;
        let mut capped = self
            .sql
            .prepare_cached("SELECT what, sum(count) FROM losses WHERE hour BETWEEN ?1 AND ?2 GROUP BY what")?;
        let losses = capped.query_map(params![first, last], |row| Ok((row.get(0)?, count(row, 1)?)))?;
        let losses = losses.collect::<rusqlite::Result<_>>()?;
        Ok(CaptureRecord { files, live, watched, coverage, losses, frames, wire, minutes_from })
    }

    /// The live sources that watched in `span`, and the runs of each there is.
    fn live(&self, span: Option<Span>) -> rusqlite::Result<(Vec<LiveRecord>, Vec<Vec<Watched>>)> {
        let (first, last) = hours(span);
        let mut sources = self.sql.prepare_cached("SELECT id, sensor, interface FROM sources ORDER BY id")?;
        let mut runs =
            self.sql.prepare_cached("SELECT first, \"end\", dropped FROM watched WHERE source = ?1 ORDER BY first")?;
        let mut frames = self.sql.prepare_cached(
            "SELECT coalesce(sum(frames), 0) FROM captured WHERE source = ?1 AND hour BETWEEN ?2 AND ?3",
        )?;
        let named = sources
            .query_map([], |row| Ok((row.get::<_, i64>(0)?, Source { sensor: row.get(1)?, interface: row.get(2)? })))?;
        let (mut live, mut all) = (Vec::new(), Vec::new());
        for source in named {
            let (number, source) = source?;
            let own = runs.query_map([number], source::run)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let inside = span.map_or_else(|| own.clone(), |span| watch::clip(own.clone(), span));
            if let (Some(begin), Some(end)) = (inside.first(), inside.last()) {
                live.push(LiveRecord {
                    source,
                    frames: frames.query_row(params![number, first, last], |row| count(row, 0))?,
                    first: Some(begin.span.first.start()),
                    last: Some(end.span.end.start()),
                });
            }
            all.push(own);
        }
        Ok((live, all))
    }
}

/// A count that cannot be negative.
pub(super) fn count(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// A number of bytes, which cannot be negative.
pub(super) fn bytes(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Bytes> {
    count(row, column).map(Bytes)
}

/// A text or number that stands for nothing known.
fn unknown(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("no such {what}").into())
}

/// One device on its way from the database.
struct Reading<'a> {
    store: &'a Store,
    number: i64,
    id: DeviceId,
    account: Account,
    subjects: HashMap<i64, u32>,
    destinations: HashMap<i64, u32>,
    places: HashMap<i64, Places>,
}

impl Reading<'_> {
    fn read(&mut self, span: Option<Span>) -> rusqlite::Result<()> {
        let from = self.store.minutes_from()?;
        let all = span.unwrap_or(Span { first: Minute(0), end: Minute(u32::MAX) });
        let kept = Span { first: all.first.max(from), end: all.end };
        self.minutes(kept)?;
        self.unplaced(kept)?;
        self.older(all, from)?;
        self.names(kept)?;
        self.seen(kept)?;
        self.evidence()
    }

    fn minutes(&mut self, span: Span) -> rusqlite::Result<()> {
        let mut query = self.store.sql.prepare_cached(
            "SELECT subject, role, destination, up, down, wire_up, wire_down, bulk_up, stream_up, stream_down, packets,
             flows, minute FROM minutes WHERE device = ?1 AND minute >= ?2 AND minute < ?3",
        )?;
        let mut rows = query.query(params![self.number, span.first.0, span.end.0])?;
        while let Some(row) = rows.next()? {
            let (subject, role, destination) = self.heading(row)?;
            let key = RowKey { device: self.id, subject, role, destination, minute: Minute(row.get(12)?) };
            self.account.ledger.post(key, &volumes(row)?);
        }
        Ok(())
    }

    fn unplaced(&mut self, span: Span) -> rusqlite::Result<()> {
        let mut query = self.store.sql.prepare_cached(
            "SELECT subject, role, destination, up, down, wire_up, wire_down, bulk_up, stream_up, stream_down, packets,
             flows, minute FROM unplaced WHERE device = ?1 AND minute >= ?2 AND minute < ?3",
        )?;
        let mut rows = query.query(params![self.number, span.first.0, span.end.0])?;
        while let Some(row) = rows.next()? {
            let (subject, role, destination) = self.heading(row)?;
            let minute = Minute(row.get(12)?);
            let key = RowKey { device: self.id, subject, role, destination, minute };
            self.account.ledger.post_unplaced(key, &volumes(row)?, minute, minute);
        }
        Ok(())
    }

    /// What is kept by the hour, and minutes that came in after theirs were summed up.
    fn older(&mut self, span: Span, from: Minute) -> rusqlite::Result<()> {
        let queries = [
            format!(
                "{SUMS} FROM hours WHERE device = ?1 AND hour >= (?2 + 59) / 60 AND hour < (?3 + 59) / 60 {BY_WHAT}"
            ),
            format!("{SUMS} FROM minutes WHERE device = ?1 AND minute >= ?2 AND minute < ?3 {BY_WHAT}"),
            format!("{SUMS} FROM unplaced WHERE device = ?1 AND minute >= ?2 AND minute < ?3 {BY_WHAT}"),
        ];
        let end = span.end.min(from);
        if span.first >= end {
            return Ok(());
        }
        for query in queries {
            let mut query = self.store.sql.prepare_cached(&query)?;
            let mut rows = query.query(params![self.number, span.first.0, end.0])?;
            while let Some(row) = rows.next()? {
                let (subject, role, destination) = self.heading(row)?;
                self.account.ledger.post_sum(self.id, subject, role, destination, &volumes(row)?);
            }
        }
        Ok(())
    }

    fn names(&mut self, span: Span) -> rusqlite::Result<()> {
        let mut query = self
            .store
            .sql
            .prepare_cached("SELECT minute, name FROM named WHERE device = ?1 AND minute >= ?2 AND minute < ?3")?;
        let mut entries: HashMap<i64, NameEntry> = HashMap::new();
        let mut rows = query.query(params![self.number, span.first.0, span.end.0])?;
        while let Some(row) = rows.next()? {
            let number = row.get(1)?;
            let entry = match entries.get(&number) {
                Some(entry) => *entry,
                None => *entries.entry(number).or_insert(self.named(number)?),
            };
            self.account.ledger.name_again(self.id, Minute(row.get(0)?), entry);
        }
        Ok(())
    }

    /// The name of a number, and whose it is.
    fn named(&mut self, number: i64) -> rusqlite::Result<NameEntry> {
        let mut query = self.store.sql.prepare_cached("SELECT name, subject, background FROM names WHERE id = ?1")?;
        let (name, subject, background): (String, i64, bool) =
            query.query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let subject = if subject == 0 { None } else { Some(self.subject(subject)?) };
        Ok(self.account.ledger.name_entry(&name, subject, background))
    }

    fn seen(&mut self, span: Span) -> rusqlite::Result<()> {
        let mut query = self
            .store
            .sql
            .prepare_cached("SELECT hour, minutes, source FROM seen WHERE device = ?1 AND hour BETWEEN ?2 AND ?3")?;
        self.places = self.store.places()?;
        let (first, last) = hours(Some(span));
        let mut rows = query.query(params![self.number, first, last])?;
        while let Some(row) = rows.next()? {
            let (hour, bits): (u32, i64) = (row.get(0)?, row.get(1)?);
            let places = self.places.get(&row.get(2)?).copied().unwrap_or_default();
            let minutes =
                (0..60).filter(|bit| bits >> bit & 1 == 1).map(|bit| Minute(hour.saturating_mul(60)).plus(bit));
            for minute in minutes.filter(|minute| span.contains(*minute)) {
                self.account.ledger.see_at(self.id, minute, places);
            }
        }
        Ok(())
    }

    fn evidence(&mut self) -> rusqlite::Result<()> {
        let mut query = self
            .store
            .sql
            .prepare_cached("SELECT subject, role, destination, evidence FROM evidence WHERE device = ?1")?;
        let mut rows = query.query([self.number])?;
        while let Some(row) = rows.next()? {
            let known = (self.subjects.get(&row.get(0)?).copied(), self.destinations.get(&row.get(2)?).copied());
            // Of other spans than the one asked for.
            let (Some(subject), Some(destination)) = known else { continue };
            let evidence = value(&EVIDENCES, row.get(3)?).ok_or_else(|| unknown(3, "evidence"))?;
            self.account.evidence.insert((self.id, subject, role(row, 1)?, destination), evidence);
        }
        Ok(())
    }

    fn heading(&mut self, row: &SqlRow<'_>) -> rusqlite::Result<(u32, Role, u32)> {
        Ok((self.subject(row.get(0)?)?, role(row, 1)?, self.destination(row.get(2)?)?))
    }

    fn subject(&mut self, number: i64) -> rusqlite::Result<u32> {
        if let Some(id) = self.subjects.get(&number) {
            return Ok(*id);
        }
        let mut query = self.store.sql.prepare_cached(
            "SELECT subject, name, operator, kind, tunnel, declared_feature FROM subjects WHERE id = ?1",
        )?;
        let (subject, facts) = query.query_row([number], subject)?;
        let id = self.account.ledger.subject_id(&subject);
        if facts != SubjectFacts::default() {
            self.account.facts.insert(id, facts);
        }
        self.subjects.insert(number, id);
        Ok(id)
    }

    fn destination(&mut self, number: i64) -> rusqlite::Result<u32> {
        if let Some(id) = self.destinations.get(&number) {
            return Ok(*id);
        }
        let mut query = self.store.sql.prepare_cached("SELECT destination FROM destinations WHERE id = ?1")?;
        let text: String = query.query_row([number], |row| row.get(0))?;
        let id = self.account.ledger.destination_id(&text);
        self.destinations.insert(number, id);
        Ok(id)
    }
}

const SUMS: &str = "SELECT subject, role, destination, sum(up), sum(down), sum(wire_up), sum(wire_down), sum(bulk_up),
 sum(stream_up), sum(stream_down), sum(packets), sum(flows)";
const BY_WHAT: &str = "GROUP BY subject, role, destination";

fn subject(row: &SqlRow<'_>) -> rusqlite::Result<(Subject, SubjectFacts)> {
    let subject = Subject { id: row.get(0)?, name: row.get(1)?, operator: row.get(2)?, kind: kind(row, 3)? };
    let features: Option<String> = row.get(5)?;
    let features = features.map(|text| DeclaredFeatures::read(&text)).unwrap_or_default();
    Ok((subject, SubjectFacts { tunnel: row.get(4)?, features }))
}

/// The kind of a subject, by its word.
pub(super) fn kind(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Kind> {
    of_word(&KINDS, row.get_ref(column)?.as_str()?).ok_or_else(|| unknown(column, "kind of subject"))
}

fn role(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Role> {
    value(&ROLES, row.get(column)?).ok_or_else(|| unknown(column, "role"))
}

fn volumes(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        up: bytes(row, 3)?,
        down: bytes(row, 4)?,
        wire_up: bytes(row, 5)?,
        wire_down: bytes(row, 6)?,
        bulk_up: bytes(row, 7)?,
        stream_up: bytes(row, 8)?,
        stream_down: bytes(row, 9)?,
        packets: u32::try_from(count(row, 10)?).unwrap_or(u32::MAX),
        flows: u32::try_from(count(row, 11)?).unwrap_or(u32::MAX),
    })
}
