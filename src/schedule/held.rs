//! A small JSON file that several processes may change, one after the other.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::base::file::{make_folder, read_bounded, write_whole};

/// A larger file was not written by this program.
const LARGEST: u64 = 64 << 20;

/// The layout of a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub(super) struct Version;

impl TryFrom<u32> for Version {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number == 1 { Ok(Self) } else { Err(format!("version {number} is not known; only version 1 is")) }
    }
}

impl From<Version> for u32 {
    fn from(_: Version) -> Self {
        1
    }
}

/// Why what was done cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("{}: {source}; schedules keep there what they did", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{}: is no record of schedules ({why}); move it away, and schedules begin anew", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// What is in the file at `path`; what there is without one where it is missing.
pub(super) fn read<T: Default + DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    match read_bounded(path, LARGEST) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| StateError::Shape { path: path.to_owned(), why: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(source) => Err(StateError::File { path: path.to_owned(), source }),
    }
}

/// A file that is held for as long as it is being changed, so that two processes do not undo each other's work.
#[derive(Debug)]
pub struct Held<T> {
    path: PathBuf,
    /// What is in it.
    pub value: T,
    _lock: File,
}

impl<T: Default + Serialize + DeserializeOwned> Held<T> {
    /// Waits until nobody else changes the file at `path`, then reads it.
    pub fn take(path: &Path) -> Result<Self, StateError> {
        let wrong = |source| StateError::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(wrong)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(path.with_extension("lock")).map_err(wrong)?;
        lock.lock().map_err(wrong)?;
        Ok(Self { path: path.to_owned(), value: read(path)?, _lock: lock })
    }

    /// Writes what was changed.
    pub fn save(&self) -> Result<(), StateError> {
        let wrong = |source| StateError::File { path: self.path.clone(), source };
        let bytes = serde_json::to_vec(&self.value).map_err(|error| wrong(error.into()))?;
        write_whole(&self.path, &bytes).map_err(wrong)
    }
}
