//! What can go wrong with a stored ledger, each with what would mend it.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Error as Sql, ErrorCode};

/// Why a ledger could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes to it.
    #[error(
        "{}: another nightaudit (process {process}) writes to this ledger; end that one, or name another with --ledger",
        path.display()
    )]
    Held {
        /// The ledger.
        path: PathBuf,
        /// The number of the process that holds it, as it wrote it down.
        process: String,
    },
    /// There is none.
    #[error("{}: no ledger there; `nightaudit check --ledger {} FILE...` or `nightaudit watch` begins one", path.display(), path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is {what}; name another file with --ledger", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A later version wrote it.
    #[error("{}: schema {found} is from a newer nightaudit (this one knows {known}); update nightaudit", path.display())]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The last this program knows.
        known: i64,
    },
    /// An older version wrote it, and a reader cannot bring it up to date.
    #[error("{}: schema {found} is from an older nightaudit; `nightaudit check --ledger {}` brings it up to date", path.display(), path.display())]
    Older {
        /// The ledger.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// Its content contradicts itself.
    #[error(
        "{} is damaged: {what}; move it away and save what can be read with `sqlite3 OLD .recover | sqlite3 NEW`",
        path.display()
    )]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No space is left for it.
    #[error("{}: no space left on the disk, nothing of this was written; free some and try again", path.display())]
    Full {
        /// The ledger.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("{}: cannot be written ({what}); check the rights of the file and of its folder", path.display())]
    ReadOnly {
        /// The ledger.
        path: PathBuf,
        /// What the system says.
        what: String,
    },
    /// The disk it lies on takes no writes at all.
    #[error("{}: the disk is read-only; make it writable (`mount -o remount,rw`), or name another with --ledger", path.display())]
    ReadOnlyDisk {
        /// The ledger.
        path: PathBuf,
    },
    /// The disk does not do what is asked of it.
    #[error("{}: the disk fails ({what}); see whether it is full, gone or broken", path.display())]
    Disk {
        /// The ledger.
        path: PathBuf,
        /// What the database says.
        what: String,
    },
    /// A capture that is in it already, in whole or in part.
    #[error(
        "{named} begins with the same packet as {known}, which is in the ledger: it seems to be the same capture, grown; audit it with a ledger of its own"
    )]
    Grown {
        /// The capture that was to be read into the ledger.
        named: String,
        /// The one that was before.
        known: String,
    },
    /// Anything else that the system or the database says.
    #[error("{}: {what}", path.display())]
    Other {
        /// The ledger.
        path: PathBuf,
        /// What was said.
        what: String,
    },
}

impl StoreError {
    /// What an error of the database means for the ledger at `path`.
    pub(super) fn of(path: &Path, error: &Sql) -> Self {
        let (path, what) = (path.to_owned(), error.to_string());
        match error {
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::QueryReturnedNoRows
            | Sql::Utf8Error(..) => Self::Damaged { path, what },
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, what },
                Some(ErrorCode::NotADatabase) => Self::NotALedger { path, what: "no SQLite database" },
                Some(ErrorCode::DiskFull | ErrorCode::TooBig) => Self::Full { path },
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                    Self::ReadOnly { path, what }
                }
                Some(ErrorCode::SystemIoFailure) => Self::Disk { path, what },
                _ if what.contains("no such table") || what.contains("no such column") => Self::Damaged { path, what },
                _ => Self::Other { path, what },
            },
        }
    }

    /// What an error of the system means for the ledger at `path`.
    pub(super) fn of_io(path: &Path, error: &io::Error) -> Self {
        let (path, what) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnlyDisk { path },
            io::ErrorKind::PermissionDenied => Self::ReadOnly { path, what },
            _ => Self::Other { path, what },
        }
    }

    /// Whether it is the disk that does not take the ledger at the moment: it may take it later, and the ledger itself is
    /// as good as it was.
    pub const fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::ReadOnlyDisk { .. } | Self::Disk { .. })
    }
}
