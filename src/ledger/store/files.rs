//! Captures that were read into the ledger, each once.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Store, StoreError};
use crate::{
    base::{Span, Stamp},
    ledger::Watched,
};

/// What was read from one input: a report names it, and the ledger keeps it of a capture that was read into it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileRecord {
    /// As the user named it; `-` for standard input, the name of an interface for live capture.
    pub path: String,
    /// Of the file as it lies on disk, hexadecimal; empty for an interface.
    pub sha256: String,
    /// Frames read; of a log, the packets it tells of.
    pub packets: u64,
    /// Rows read, where it is a log.
    pub records: u64,
    /// Stamp of the earliest frame.
    pub first: Option<Stamp>,
    /// Stamp of the latest frame.
    pub last: Option<Stamp>,
    /// Names of the link types met, such as `ethernet`; of a log, its kinds, such as `zeek-conn`.
    pub link_types: Vec<String>,
    /// Frames whose headers, or rows whose fields, contradict themselves or end early.
    pub malformed: u64,
    /// Frames that carry no IP, or of a link type that is not read.
    pub unsupported: u64,
    /// Frames that the capturing program says it lost.
    pub lost: u64,
    /// The file ends in the middle of a packet.
    pub truncated: bool,
}

impl FileRecord {
    /// Whether it is a log of connections rather than a capture.
    pub fn is_log(&self) -> bool {
        self.link_types.iter().any(|kind| kind.starts_with("zeek-") || kind.starts_with("pcapdroid-"))
    }

    /// The minutes it covers; `None` where it holds no frame.
    pub fn watched(&self) -> Option<Watched> {
        Some(Watched::of_capture(self.first?, self.last?, self.packets, self.lost))
    }

    /// Whether it covers any minute of `span`.
    pub(in crate::ledger) fn touches(&self, span: Span) -> bool {
        self.watched().is_some_and(|run| run.span.first < span.end && span.first < run.span.end)
    }
}

impl Store {
    /// Whether a file with this SHA-256 (hexadecimal) is in the ledger, and under which name it was read.
    pub fn holds(&self, sha256: &str) -> Result<Option<String>, StoreError> {
        let mut query =
            self.sql.prepare_cached("SELECT path FROM files WHERE sha256 = ?1").map_err(|e| self.failed(&e))?;
        query.query_row([sha256], |row| row.get(0)).optional().map_err(|error| self.failed(&error))
    }

    /// One capture by its number.
    pub(in crate::ledger) fn file(&self, number: i64) -> rusqlite::Result<Option<FileRecord>> {
        let mut query = self.sql.prepare_cached(&format!("{FILE} WHERE id = ?1"))?;
        query.query_row([number], record).optional()
    }

    /// The captures with a frame in `span` (all), in the order they were read in.
    pub(super) fn files(&self, span: Option<Span>) -> rusqlite::Result<Vec<FileRecord>> {
        let mut query = self.sql.prepare_cached(&format!("{FILE} ORDER BY id"))?;
        let inside = |file: &FileRecord| span.is_none_or(|span| file.touches(span));
        let files = query.query_map([], record)?;
        files.filter(|file| file.as_ref().map_or(true, inside)).collect()
    }
}

const FILE: &str = "SELECT path, sha256, packets, first, last, link_types, malformed, unsupported, lost, truncated,
 records FROM files";

fn record(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let links: String = row.get(5)?;
    Ok(FileRecord {
        path: row.get(0)?,
        sha256: row.get(1)?,
        packets: super::read::count(row, 2)?,
        first: row.get::<_, Option<i64>>(3)?.map(stamp),
        last: row.get::<_, Option<i64>>(4)?.map(stamp),
        link_types: links.lines().map(str::to_owned).collect(),
        malformed: super::read::count(row, 6)?,
        unsupported: super::read::count(row, 7)?,
        lost: super::read::count(row, 8)?,
        truncated: row.get(9)?,
        records: super::read::count(row, 10)?,
    })
}

/// Stamps beyond the year 2262 are negative numbers in the database, which has 63 bits for them.
const fn stamp(number: i64) -> Stamp {
    Stamp::from_nanos(number.cast_unsigned())
}

/// Why a file cannot be added to those that were read.
pub(super) enum Refused {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Notes that `file` was read. Fails where a capture that begins with the same stamp was read before: its packets would
/// count twice. Logs of different kinds may begin alike: a connection and its lookup bear one stamp.
pub(super) fn enter(change: &Transaction<'_>, file: &FileRecord) -> Result<i64, Refused> {
    let nanos = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.nanos().cast_signed());
    let mut find = change.prepare_cached(
        "SELECT path FROM files WHERE sha256 = ?2 OR (first = ?1 AND link_types = ?3 AND (records > 0) = ?4)
         OR (first = ?1 AND records = 0 AND NOT ?4)",
    )?;
    let kind = file.link_types.join("\n");
    let asked = params![nanos(file.first), file.sha256, kind, file.is_log()];
    let known: Option<String> = find.query_row(asked, |row| row.get(0)).optional()?;
    if let Some(known) = known {
        return Err(Refused::Store(StoreError::Grown { named: file.path.clone(), known }));
    }
    let number = change
        .prepare_cached(
            "INSERT INTO files (path, sha256, packets, first, last, link_types, malformed, unsupported, lost, truncated,
             records) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id",
        )?
        .query_row(
            params![
            file.path,
            file.sha256,
            super::write::signed(file.packets),
            nanos(file.first),
            nanos(file.last),
            file.link_types.join("\n"),
            super::write::signed(file.malformed),
            super::write::signed(file.unsupported),
            super::write::signed(file.lost),
            file.truncated,
            super::write::signed(file.records),
        ],
            |row| row.get(0),
        )?;
    Ok(number)
}
