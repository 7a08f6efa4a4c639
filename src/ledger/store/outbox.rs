//! What a fleet's server has not confirmed yet: the ledger itself is the outbox.

use rusqlite::{Transaction, params};

use super::{Store, StoreError};
use crate::base::Minute;

/// The mark that counts flushes: the version of what is sent.
const FLUSH: &str = "flush";
/// The mark of a ledger that feeds a fleet.
const FLEET: &str = "fleet";

/// What an entry of the outbox is about. The numbers are the database's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(in crate::ledger) enum Due {
    /// The rows, names and presence of a device in a minute.
    Minute { device: i64, minute: u32 },
    /// What is known of a device.
    Device { device: i64 },
    /// By what it is known whose destinations are.
    Evidence { device: i64, subject: i64 },
    /// When a source watched.
    Source { source: i64 },
    /// What was read in an hour.
    Heard { source: i64, hour: u32 },
    /// A capture that was read in.
    File { file: i64 },
    /// What was lost in an hour.
    Losses { hour: u32 },
    /// What is known of a subject.
    Subject { subject: i64 },
}

impl Due {
    const fn parts(self) -> (i64, i64, i64) {
        match self {
            Self::Minute { device, minute } => (0, device, minute as i64),
            Self::Device { device } => (1, device, 0),
            Self::Evidence { device, subject } => (2, device, subject),
            Self::Source { source } => (3, source, 0),
            Self::Heard { source, hour } => (4, source, hour as i64),
            Self::File { file } => (5, file, 0),
            Self::Losses { hour } => (6, hour as i64, 0),
            Self::Subject { subject } => (7, subject, 0),
        }
    }

    fn of(kind: i64, a: i64, b: i64) -> Option<Self> {
        let short = |number| u32::try_from(number).ok();
        Some(match kind {
            0 => Self::Minute { device: a, minute: short(b)? },
            1 => Self::Device { device: a },
            2 => Self::Evidence { device: a, subject: b },
            3 => Self::Source { source: a },
            4 => Self::Heard { source: a, hour: short(b)? },
            5 => Self::File { file: a },
            6 => Self::Losses { hour: short(a)? },
            7 => Self::Subject { subject: a },
            _ => return None,
        })
    }
}

/// The outbox while a flush is written; without effect where the ledger feeds no fleet.
pub(super) struct Posting<'a> {
    change: &'a Transaction<'a>,
    flush: i64,
    feeds: bool,
}

impl<'a> Posting<'a> {
    /// Begins a flush.
    pub(super) fn begin(change: &'a Transaction<'_>) -> rusqlite::Result<Self> {
        let flush = change
            .prepare_cached(
                // In the order of time, so that a ledger that is begun anew is newer than what its predecessor sent.
                "INSERT INTO marks (mark, value) VALUES (?1, unixepoch())
                 ON CONFLICT DO UPDATE SET value = max(value + 1, unixepoch()) RETURNING value",
            )?
            .query_row([FLUSH], |row| row.get(0))?;
        let feeds = change
            .prepare_cached("SELECT count(*) FROM marks WHERE mark = ?1")?
            .query_row([FLEET], |row| row.get::<_, i64>(0))?
            > 0;
        Ok(Self { change, flush, feeds })
    }

    /// Notes that something has changed.
    pub(super) fn due(&self, what: Due) -> rusqlite::Result<()> {
        if !self.feeds {
            return Ok(());
        }
        let (kind, a, b) = what.parts();
        self.change
            .prepare_cached(
                "INSERT INTO outbox (kind, a, b, flush) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET flush = excluded.flush",
            )?
            .execute(params![kind, a, b, self.flush])?;
        Ok(())
    }
}

impl Store {
    /// From now on what changes is kept ready for a fleet's server, and everything that the ledger holds already, once.
    pub fn feed_fleet(&mut self) -> Result<(), StoreError> {
        self.try_feed().map_err(|error| self.failed(&error))
    }

    /// How many things wait for the fleet's server: minutes of devices, and facts.
    pub fn unsent(&self) -> Result<u64, StoreError> {
        let mut count = self.sql.prepare_cached("SELECT count(*) FROM outbox").map_err(|e| self.failed(&e))?;
        count.query_row([], |row| super::read::count(row, 0)).map_err(|error| self.failed(&error))
    }

    /// Takes what the server has confirmed out of the outbox, unless it has changed since.
    pub(in crate::ledger) fn confirmed(&mut self, sent: &[Due], version: i64) -> Result<(), StoreError> {
        let mut take = || {
            let change = self.sql.transaction()?;
            {
                let mut take = change
                    .prepare_cached("DELETE FROM outbox WHERE kind = ?1 AND a = ?2 AND b = ?3 AND flush <= ?4")?;
                for due in sent {
                    let (kind, a, b) = due.parts();
                    take.execute(params![kind, a, b, version])?;
                }
            }
            change.commit()
        };
        take().map_err(|error| StoreError::of(&self.path, &error))
    }

    /// What is due: facts first, then minutes before `before`; at most `most`.
    pub(in crate::ledger) fn due(&self, before: Minute, most: usize) -> Result<Vec<Due>, StoreError> {
        let read = || {
            let mut query = self.sql.prepare_cached(
                "SELECT kind, a, b FROM outbox WHERE kind > 0 OR b < ?1 ORDER BY kind = 0, kind, a, b LIMIT ?2",
            )?;
            let rows = query.query_map(params![before.0, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
                Ok(Due::of(row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            rows.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The number of the last flush: what is read now has this version.
    pub(in crate::ledger) fn version(&self) -> Result<i64, StoreError> {
        let read = || {
            let mut query = self.sql.prepare_cached("SELECT coalesce(max(value), 0) FROM marks WHERE mark = ?1")?;
            query.query_row([FLUSH], |row| row.get(0))
        };
        read().map_err(|error: rusqlite::Error| self.failed(&error))
    }

    /// The earliest minute that the fleet's server has not confirmed.
    pub(super) fn oldest_unsent(&self) -> rusqlite::Result<Option<u32>> {
        self.sql.query_row("SELECT min(b) FROM outbox WHERE kind = 0", [], |row| row.get(0))
    }

    fn try_feed(&mut self) -> rusqlite::Result<()> {
        let change = self.sql.transaction()?;
        let new = change.execute("INSERT INTO marks (mark, value) VALUES (?1, 1) ON CONFLICT DO NOTHING", [FLEET])?;
        if new > 0 {
            change.execute_batch(EVERYTHING)?;
        }
        // What its owner agrees to, and how a device is known outside, may have changed since.
        change.execute(
            "INSERT INTO outbox SELECT 1, id, 0, (SELECT coalesce(max(value), 0) FROM marks WHERE mark = ?1) FROM devices
             WHERE true ON CONFLICT DO NOTHING",
            [FLUSH],
        )?;
        change.commit()
    }

    /// From now on nothing is kept ready for a fleet's server: nobody sends it.
    pub fn leave_fleet(&mut self) -> Result<(), StoreError> {
        let leave = || {
            let change = self.sql.unchecked_transaction()?;
            change.execute("DELETE FROM outbox", [])?;
            change.execute("DELETE FROM marks WHERE mark = ?1", [FLEET])?;
            change.commit()
        };
        leave().map_err(|error| self.failed(&error))
    }
}

/// Everything that a ledger holds, for the outbox.
const EVERYTHING: &str = "
INSERT OR IGNORE INTO outbox SELECT DISTINCT 0, device, minute, 0 FROM minutes;
INSERT OR IGNORE INTO outbox SELECT DISTINCT 0, device, minute, 0 FROM named;
INSERT OR IGNORE INTO outbox SELECT DISTINCT 0, device, minute, 0 FROM unplaced;
INSERT OR IGNORE INTO outbox SELECT 0, device, hour * 60, 0 FROM seen;
INSERT OR IGNORE INTO outbox SELECT 1, id, 0, 0 FROM devices;
INSERT OR IGNORE INTO outbox SELECT DISTINCT 2, device, subject, 0 FROM evidence;
INSERT OR IGNORE INTO outbox SELECT 3, id, 0, 0 FROM sources;
INSERT OR IGNORE INTO outbox SELECT 4, source, hour, 0 FROM captured;
INSERT OR IGNORE INTO outbox SELECT 5, id, 0, 0 FROM files;
INSERT OR IGNORE INTO outbox SELECT DISTINCT 6, hour, 0, 0 FROM losses;
INSERT OR IGNORE INTO outbox SELECT 7, id, 0, 0 FROM subjects WHERE tunnel > 0 OR declared_feature IS NOT NULL;
";
