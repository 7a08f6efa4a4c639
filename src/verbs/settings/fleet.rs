//! `[fleet]`: where the ledgers of many sensors are gathered, and what this one tells of itself.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};

use super::sections::within;
use crate::{
    base::text::shown,
    ledger::fleet::{Address, Secret},
};

/// A sensor's name is a column of every row.
const LONGEST_NAME: usize = 100;
/// Minutes between two rounds where none are named.
const EVERY_MINUTES: u32 = 60;

/// The `[fleet]` section of `nightaudit.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// The server: `https://host:8443/nightaudit`.
    #[serde(deserialize_with = "url")]
    pub url: Option<String>,
    /// What the fleet calls this sensor; the host's name where none is given.
    #[serde(deserialize_with = "name")]
    pub sensor: Option<String>,
    /// Whom to log in as; `default` where nobody is named.
    pub user: Option<String>,
    /// Stands for `NIGHTAUDIT_FLEET_PASSWORD`.
    #[serde(deserialize_with = "hidden")]
    pub password: Option<Secret>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// Device identifiers leave this sensor as keyed hashes only.
    pub pseudonyms: bool,
    /// The key of those hashes.
    pub key_file: Option<PathBuf>,
    /// The owner agrees that accident rates are learned from these devices.
    pub share: bool,
    /// Minutes between two rounds.
    #[serde(deserialize_with = "every")]
    pub every_minutes: u32,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            url: None,
            sensor: None,
            user: None,
            password: None,
            password_file: None,
            pseudonyms: false,
            key_file: None,
            share: false,
            every_minutes: EVERY_MINUTES,
        }
    }
}

impl Fleet {
    /// What is missing once all layers are one upon the other.
    pub(super) fn incomplete(&self) -> Option<&'static str> {
        let keyless = self.pseudonyms && self.key_file.is_none();
        keyless.then_some("fleet.pseudonyms needs a key that stays here: set fleet.key_file")
    }
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let url = String::deserialize(from)?;
    match Address::new(&url, "", Secret::default()) {
        Ok(_) => Ok(Some(url)),
        Err(error) => Err(D::Error::custom(error)),
    }
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(from)?;
    if is_name(&name) {
        return Ok(Some(name));
    }
    Err(D::Error::custom(format!(
        "sensor {:?}: want 1 to {LONGEST_NAME} characters, none of them a control or direction mark",
        name.chars().take(LONGEST_NAME).collect::<String>()
    )))
}

/// Whether a sensor may be called so.
pub(in crate::verbs) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && shown(name, LONGEST_NAME) == name
}

/// No complaint may repeat what was given.
fn hidden<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    match toml::Value::deserialize(from) {
        Ok(toml::Value::String(secret)) => Ok(Some(Secret(secret))),
        _ => Err(D::Error::custom("password: want a text in quotes")),
    }
}

fn every<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(from, 1, 24 * 60, "minutes")
}
