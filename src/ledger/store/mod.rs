//! The ledger on disk: one SQLite file, readable with any SQLite tool (docs/ledger.md).
//!
//! In: a [`Batch`] of what was booked since the last one, written in one transaction. Out: one device's rows as an
//! [`Account`](super::Account), from which the night stage gets the same [`DeviceLedger`](super::DeviceLedger) as from
//! memory. One process writes at a time; others read beside it.

mod devices;
mod dictionary;
mod error;
mod files;
mod lock;
mod outbox;
mod overview;
mod read;
mod retain;
mod schema;
mod source;
mod verdicts;
pub(in crate::ledger) mod words;
mod write;

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

pub use devices::DeviceRecord;
pub use error::StoreError;
pub use files::FileRecord;
use lock::WriterLock;
pub(in crate::ledger) use outbox::Due;
pub use overview::OverviewRow;
pub use read::{CaptureRecord, LiveRecord};
pub use retain::Retained;
pub use source::Source;
pub use verdicts::{NightRecord, RunRecord, VerdictRecord};
pub use write::{Batch, Flushed, Heard};

/// How long to wait for another process that holds the database for a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// A ledger on disk.
///
/// ```
/// use nightaudit::ledger::Store;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ledger.db");
/// let store = Store::open(&path)?;
/// assert!(Store::open(&path).is_err(), "one process writes at a time");
/// assert!(Store::read(&path)?.devices(None)?.is_empty(), "others read beside it");
/// # drop(store);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    pub(in crate::ledger) sql: Connection,
    sources: Vec<Source>,
    _lock: Option<WriterLock>,
}

impl Store {
    /// Opens the ledger at `path` for writing, begins one where there is none, brings an older one up to date.
    ///
    /// The file is its owner's alone. Fails where another process writes to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = WriterLock::take(path)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        options.open(path).map_err(|error| StoreError::of_io(path, &error))?;
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(lock))?;
        store.prepare().map_err(|error| StoreError::of(path, &error))?;
        schema::bring_up_to_date(&mut store)?;
        Ok(store)
    }

    /// Opens the ledger at `path` for reading only, also while another process writes to it.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { path: path.to_owned() });
            }
            Err(error) => return Err(StoreError::of_io(path, &error)),
            Ok(_) => {}
        }
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, None)?;
        match schema::check(&store) {
            // Nobody writes to it, and this user may not: it is read as it lies there.
            Err(StoreError::ReadOnly { .. }) if !lock::beside(path, "-wal").exists() => {
                let store = Self::connect_unchanging(path)?;
                schema::check(&store).map(|()| store)
            }
            checked => checked.map(|()| store),
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says where what follows is captured: the sources, by their places in a [`Batch`].
    pub fn capturing_at(&mut self, sources: Vec<Source>) {
        self.sources = sources;
    }

    fn connect(path: &Path, flags: OpenFlags, lock: Option<WriterLock>) -> Result<Self, StoreError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = Connection::open_with_flags(path, flags).map_err(|error| StoreError::of(path, &error))?;
        sql.busy_timeout(PATIENCE).map_err(|error| StoreError::of(path, &error))?;
        sql.set_prepared_statement_cache_capacity(64);
        Ok(Self { path: path.to_owned(), sql, sources: vec![Source::default()], _lock: lock })
    }

    fn connect_unchanging(path: &Path) -> Result<Self, StoreError> {
        let plain: String = path.display().to_string();
        let escaped = plain.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let uri = format!("file:{escaped}?immutable=1");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = Connection::open_with_flags(uri, flags).map_err(|error| StoreError::of(path, &error))?;
        Ok(Self { path: path.to_owned(), sql, sources: vec![Source::default()], _lock: None })
    }

    /// A write-ahead log, so that others read while this writes; every transaction reaches the disk.
    fn prepare(&self) -> rusqlite::Result<()> {
        self.sql.pragma_update(None, "journal_mode", "WAL")?;
        self.sql.pragma_update(None, "synchronous", "FULL")?;
        self.sql.pragma_update(None, "journal_size_limit", 1 << 24)?;
        self.sql.pragma_update(None, "trusted_schema", "OFF")
    }

    /// What an error of the database means here.
    pub(in crate::ledger) fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }
}

/// Makes what is opened its owner's alone.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(test)]
mod tests;
