//! `nightaudit.toml`: what need not be typed every time.
//!
//! Four layers, each over the one before: defaults, the file, the environment, flags. Each is checked by itself, so
//! that an error names the line, the variable or the flag that it comes from.

mod fleet;
mod layers;
mod paths;
mod sections;
mod trouble;

#[cfg(test)]
mod tests;

use std::{env, path::PathBuf};

use chrono_tz::Tz;

use super::args::SettingsArgs;
use crate::{identify::DeviceOptions, pipeline::Judging};

pub use fleet::Fleet;
pub(super) use fleet::is_name;
use layers::{Layer, merged};
pub(super) use paths::{config_file, state_folder};
pub use sections::{Capture, Device, Ledger, Settings};
pub use trouble::Trouble;

impl Settings {
    /// The settings in force for what was typed: the file's, the environment's and the flags'.
    pub fn load(args: &SettingsArgs) -> Result<Self, Trouble> {
        let (path, named) = match &args.config {
            Some(path) => (Some(path.clone()), Named::ByUser),
            None => (config_file(), Named::ByHabit),
        };
        let file = match path {
            Some(path) => Layer::of_file(&path, named)?,
            None => None,
        };
        Self::of(file, env::vars_os(), &args.set)
    }

    fn of(
        file: Option<Layer>,
        variables: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
        set: &[String],
    ) -> Result<Self, Trouble> {
        let path = file.as_ref().and_then(Layer::path);
        let mut stack: Vec<Layer> = file.into_iter().collect();
        stack.extend(Layer::of_environment(variables)?);
        for item in set {
            stack.push(Layer::of_flag(item)?);
        }
        Ok(Self { file: path, ..merged(stack)? })
    }

    /// The zone that times are shown in: the one asked for, else the settings', else that of `TZ`, else the system's,
    /// else UTC.
    pub fn zone(&self, asked: Option<Tz>) -> Tz {
        let named = || env::var("TZ").ok()?.trim_start_matches(':').parse().ok();
        let system = || named().or_else(|| iana_time_zone::get_timezone().ok()?.parse().ok());
        asked.or(self.timezone).or_else(system).unwrap_or(Tz::UTC)
    }

    /// What is done with what was read.
    pub fn judging(&self, zone: Option<Tz>) -> Judging {
        Judging { timezone: self.zone(zone), night: self.night.clone() }
    }

    /// How devices are told apart.
    pub fn devices(&self) -> DeviceOptions {
        DeviceOptions {
            local: self.local.clone(),
            labels: self.device.iter().map(Device::label).collect(),
            ..DeviceOptions::default()
        }
    }

    /// Where the ledger lies: where the settings say, else in the state folder.
    pub fn ledger_path(&self) -> Option<PathBuf> {
        self.ledger.path.clone().or_else(|| Some(state_folder()?.join("ledger.db")))
    }
}

/// Whether a file that is not there is an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Named {
    /// It was asked for.
    ByUser,
    /// It is only where such files usually lie.
    ByHabit,
}
