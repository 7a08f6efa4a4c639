//! The sections of `nightaudit.toml`. A key that is added here is documented in `nightaudit.example.toml`.

use std::{net::IpAddr, path::PathBuf};

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, de::Error};

use super::fleet::Fleet;
use crate::verbs::view::ViewSettings;
use crate::{
    base::{Cidr, Mac, one_or_several, text::shown},
    identify::DeviceLabel,
    night,
    schedule::{Plan, notify},
};

/// A label is shown in every table.
const LONGEST_LABEL: usize = 64;

/// What the settings say. Every key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The file that was read, if any.
    #[serde(skip)]
    pub file: Option<PathBuf>,

    /// In which zone times are shown and schedules are due.
    #[serde(deserialize_with = "zone")]
    pub timezone: Option<Tz>,
    /// Folders of rule files.
    #[serde(deserialize_with = "one_or_several")]
    pub rules: Vec<PathBuf>,
    /// Address blocks whose hosts are devices.
    #[serde(deserialize_with = "one_or_several")]
    pub local: Vec<Cidr>,
    /// An address table for destinations that no rule knows.
    pub asn: Option<PathBuf>,

    /// What is captured live.
    pub capture: Capture,
    /// Where volumes are kept.
    pub ledger: Ledger,
    /// Names that owners gave their devices.
    pub device: Vec<Device>,
    /// What is reported when.
    pub schedule: Vec<Plan>,
    /// Whom to tell when a verdict changes.
    pub notify: notify::Options,
    /// The thresholds of the verdict.
    pub night: night::Settings,
    /// How the terminal screens look.
    pub view: ViewSettings,
    /// Where a fleet's ledgers are gathered.
    pub fleet: Fleet,
}

/// What is captured live.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capture {
    /// Interfaces to listen on.
    #[serde(deserialize_with = "one_or_several")]
    pub interfaces: Vec<String>,
    /// Only what this filter lets through (pcap-filter syntax); empty for everything.
    pub filter: String,
    /// Size of the kernel's buffer, in MiB.
    #[serde(deserialize_with = "buffer")]
    pub buffer_mib: u32,
    /// Whether local sockets are named by the process that holds them.
    pub processes: bool,
    /// A folder in which the packets are kept as well.
    pub save: Option<PathBuf>,
    /// Megabytes that the files in it may take together.
    #[serde(deserialize_with = "save_total")]
    pub save_total_mb: u32,
    /// Whether they are compressed.
    pub save_zstd: bool,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            filter: String::new(),
            buffer_mib: 32,
            processes: false,
            save: None,
            save_total_mb: 10_000,
            save_zstd: false,
        }
    }
}

/// Where volumes are kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// The file; in the state folder where none is named.
    pub path: Option<PathBuf>,
    /// Days for which rows of a minute are kept; older ones become rows of an hour.
    #[serde(deserialize_with = "days")]
    pub keep_minutes_days: u32,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { path: None, keep_minutes_days: 120 }
    }
}

/// A name that an owner gave a device, and how to know it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawDevice")]
pub struct Device(DeviceLabel);

impl Device {
    /// As the pipeline takes it.
    pub fn label(&self) -> DeviceLabel {
        self.0.clone()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDevice {
    label: String,
    mac: Option<String>,
    #[serde(default, deserialize_with = "one_or_several")]
    addresses: Vec<IpAddr>,
}

impl TryFrom<RawDevice> for Device {
    type Error = String;

    fn try_from(raw: RawDevice) -> Result<Self, String> {
        let RawDevice { label, mac, addresses } = raw;
        if label.trim().is_empty() || shown(&label, LONGEST_LABEL) != label.as_str() {
            return Err(format!(
                "label {:?}: want 1 to {LONGEST_LABEL} characters, none of them a control or direction mark",
                label.chars().take(LONGEST_LABEL).collect::<String>()
            ));
        }
        let mac: Option<Mac> = mac.map(|mac| mac.parse()).transpose().map_err(|e| format!("mac {e}"))?;
        if mac.is_none() && addresses.is_empty() {
            return Err(format!(
                "the device {label:?} can be known by nothing: add mac = \"02:00:00:00:07:17\" or addresses = \
                 [\"192.168.7.23\"]"
            ));
        }
        Ok(Self(DeviceLabel { label, mac, addresses }))
    }
}

impl Settings {
    /// What of two entries of one layer contradicts the other: the list, the place of the later one in it, and why.
    pub(super) fn contradiction(&self) -> Option<(&'static str, usize, String)> {
        for (n, Device(one)) in self.device.iter().enumerate() {
            for Device(before) in &self.device[..n] {
                let same = one.label == before.label
                    || (one.mac.is_some() && one.mac == before.mac)
                    || one.addresses.iter().any(|addr| before.addresses.contains(addr));
                if same {
                    let why = format!(
                        "the devices {:?} and {:?} share a label, mac or address; a device has one entry",
                        before.label, one.label
                    );
                    return Some(("device", n, why));
                }
            }
        }
        for (n, one) in self.schedule.iter().enumerate() {
            if self.schedule[..n].iter().any(|before| before.name == one.name) {
                return Some(("schedule", n, format!("there are two schedules named {:?}; rename one", one.name)));
            }
        }
        None
    }
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Tz>, D::Error> {
    let name = String::deserialize(from)?;
    let wrong = || D::Error::custom(format!("{:?} is no IANA time zone, such as Europe/Berlin", shown(&name, 60)));
    name.parse().map(Some).map_err(|_| wrong())
}

fn buffer<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(from, 1, 2_047, "MiB")
}

fn save_total<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(from, 1, 1_000_000_000, "MB")
}

fn days<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(from, 1, 36_500, "days")
}

pub(super) fn within<'de, D: Deserializer<'de>>(from: D, least: u32, most: u32, unit: &str) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    let fits = u32::try_from(number).ok().filter(|number| (least..=most).contains(number));
    fits.ok_or_else(|| D::Error::custom(format!("{number}: must be from {least} to {most} {unit}")))
}
