//! How sending to the fleet's server goes, in a small file beside the ledger: for whoever asks `nightaudit doctor`.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::base::{
    Stamp,
    file::{read_bounded, write_whole},
};

/// A larger file was not written by this program.
const LARGEST: u64 = 64 << 10;

/// What became of what was sent.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sending {
    /// When the server last confirmed something, in seconds since the epoch.
    pub confirmed: Option<u64>,
    /// When sending last failed, in seconds since the epoch.
    pub failed: Option<u64>,
    /// Why, while it goes on failing.
    pub error: Option<String>,
}

impl Sending {
    /// What is known of the ledger at `ledger`; nothing where nothing was ever sent.
    pub fn of(ledger: &Path) -> io::Result<Self> {
        match read_bounded(&path(ledger), LARGEST) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Notes it. That it cannot be noted keeps nothing from being sent.
    pub fn note(&self, ledger: &Path) -> io::Result<()> {
        write_whole(&path(ledger), &serde_json::to_vec(self).map_err(io::Error::other)?)
    }

    /// The server has something at `now`.
    pub fn succeeded(&mut self, now: Stamp) {
        *self = Self { confirmed: Some(now.seconds()), failed: self.failed, error: None };
    }

    /// It has not.
    pub fn went_wrong(&mut self, why: &str, now: Stamp) {
        *self = Self { confirmed: self.confirmed, failed: Some(now.seconds()), error: Some(why.to_owned()) };
    }
}

fn path(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push("-fleet.json");
    name.into()
}
