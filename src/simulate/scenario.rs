//! A scenario file: a phone, its owner, what its apps do, and what of that was captured.
//!
//! It reads like a sentence. Every key is optional but `name` and `nights`; what is left out is drawn for each seed.

use std::path::PathBuf;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, de::Error as _};

mod conditions;
mod events;
mod persona;
mod values;

pub use conditions::{Coverage, Network, Travel};
pub use events::{Destination, Disguise, Export, Happening, When};
pub use persona::{Background, Persona};
pub use values::{Amount, Clock, Share};

/// A scenario that cannot be played.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}:{line}: {what}", .file.display())]
pub struct ScenarioError {
    /// Which file.
    pub file: PathBuf,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong and what would mend it.
    pub what: String,
}

/// What an export's truth is, for grading.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// An export that must be called one.
    Positive,
    /// None, and must not be called one.
    #[default]
    Negative,
    /// An export too small to be told from diagnostics.
    Small,
    /// An export that no passive method can see.
    Undetectable,
    /// An export that hides in the user's own activity.
    Evasive,
    /// Either answer is right.
    Ambiguous,
    /// A legitimate feature with the statistics of an export.
    Declared,
    /// Hidden in a tunnel.
    Opaque,
}

/// Which subject a scenario is graded on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// The messaging app.
    #[default]
    Messenger,
    /// The consumer cloud.
    Cloud,
    /// What no rule and no name explains.
    Unattributed,
}

/// Which messaging app is on the phone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum App {
    /// WhatsApp, of Meta.
    #[default]
    Whatsapp,
    /// Signal.
    Signal,
}

/// A phone, its owner, what its apps do, and what of that was captured.
///
/// ```
/// use nightaudit::simulate::Scenario;
///
/// let text = r#"
/// name = "60 MB every night at three"
/// nights = 14
///
/// [[export]]
/// when = "clock"
/// at = "03:00"
/// mb = 60
/// "#;
/// let scenario = Scenario::parse(text, "three.toml").expect("a scenario");
/// assert_eq!(scenario.exports.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// A short handle, such as `B04`.
    #[serde(default)]
    pub id: String,
    /// What it is, for people.
    pub name: String,
    /// Why it is worth playing.
    #[serde(default)]
    pub why: String,
    /// What its truth is.
    #[serde(default)]
    pub class: Class,
    /// The verdicts that would be right, by their names in reports.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Which subject they are said of.
    #[serde(default)]
    pub judge: Judge,
    /// How many nights.
    pub nights: u32,
    /// The day on whose evening the first of them begins.
    #[serde(default = "default_start")]
    pub start: NaiveDate,
    /// Where the phone lives.
    #[serde(default = "default_timezone", deserialize_with = "zone")]
    pub timezone: Tz,
    /// The seed, where the caller gives none.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Which messaging app.
    #[serde(default)]
    pub app: App,
    /// Who uses the phone.
    #[serde(default)]
    pub persona: Persona,
    /// What the phone does by itself.
    #[serde(default)]
    pub background: Background,
    /// What leaves without the user's doing.
    #[serde(default, rename = "export")]
    pub exports: Vec<Export>,
    /// What could be mistaken for that.
    #[serde(default, rename = "happening")]
    pub happenings: Vec<Happening>,
    /// Clocks that change.
    #[serde(default)]
    pub travel: Vec<Travel>,
    /// What the sensor saw.
    #[serde(default)]
    pub coverage: Coverage,
    /// How the phone is connected.
    #[serde(default)]
    pub network: Network,
}

impl Scenario {
    /// Reads a scenario; `file` is what errors call it.
    pub fn parse(text: &str, file: impl Into<PathBuf>) -> Result<Self, ScenarioError> {
        let file = file.into();
        let scenario: Self = toml::from_str(text).map_err(|error| ScenarioError {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            what: error.message().replace('\n', " "),
            file: file.clone(),
        })?;
        match scenario.contradiction() {
            Some((key, what)) => Err(ScenarioError { line: line_with(text, key), what, file }),
            None => Ok(scenario),
        }
    }

    /// What cannot be played although each key by itself can, with the key it is about.
    fn contradiction(&self) -> Option<(&'static str, String)> {
        if !(1..=MOST_NIGHTS).contains(&self.nights) {
            return Some(("nights", format!("nights = {}: play 1 to {MOST_NIGHTS}", self.nights)));
        }
        for export in &self.exports {
            if export.when == When::Clock && export.at.is_none() {
                return Some(("when", "when = \"clock\" needs a time of day, such as at = \"03:00\"".into()));
            }
            if export.every == 0 || !(1..=MOST_FLOWS).contains(&export.flows) {
                return Some(("[[export]]", format!("every must be 1 or more, and flows 1 to {MOST_FLOWS}")));
            }
            if export.kb_per_second.0 < 1.0 {
                return Some(("kb-per-second", "kb-per-second: an export moves at least 1 kB/s".into()));
            }
        }
        None
    }
}

/// Longer scenarios than a year say nothing more and would only exhaust memory.
const MOST_NIGHTS: u32 = 400;
/// More connections than a phone opens for one upload.
const MOST_FLOWS: u32 = 1_000;

fn zone<'de, D: Deserializer<'de>>(source: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(source)?;
    name.parse().map_err(|_| D::Error::custom(format!("{name:?} is no time zone: write it as \"Europe/Berlin\"")))
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

fn line_with(text: &str, key: &str) -> usize {
    1 + text.lines().position(|line| line.trim_start().starts_with(key)).unwrap_or_default()
}

const fn default_seed() -> u64 {
    1
}

const fn default_timezone() -> Tz {
    Tz::Europe__Berlin
}

fn default_start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Scenario::parse(text, "a.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_named_with_its_file_and_line() {
        let unknown = refused("name = \"x\"\nnights = 3\n[persona]\nbedtimes = \"23:00\"\n");
        assert!(unknown.starts_with("a.toml:4: unknown field `bedtimes`"), "{unknown}");
        let share = refused("name = \"x\"\nnights = 3\n[coverage]\ndays-missing = 1.5\n");
        assert!(share.starts_with("a.toml:4: 1.5 is no share"), "{share}");
        let clock = refused("name = \"x\"\nnights = 3\n[[export]]\nwhen = \"clock\"\nmb = 5\n");
        assert!(clock.starts_with("a.toml:4: when = \"clock\" needs a time of day"), "{clock}");
        let time = refused("name = \"x\"\nnights = 3\n[persona]\nbedtime = \"25:00\"\n");
        assert!(time.starts_with("a.toml:4: \"25:00\" is no time of day"), "{time}");
        let nights = refused("name = \"x\"\nnights = 0\n");
        assert!(nights.starts_with("a.toml:2: nights = 0: play 1 to 400"), "{nights}");
    }
}
