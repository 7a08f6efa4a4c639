//! One `[[schedule]]` of the settings file: what is reported when, about how much, and where to.

use std::{fmt, path::PathBuf};

use serde::Deserialize;

use super::{cron::Cron, file_name::Pattern};

/// Names are shown in lists and become part of file names.
const LONGEST_NAME: usize = 64;
/// The longest reach that can be asked for: ten years.
const MOST_NIGHTS: u32 = 3_660;

/// What is reported when.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Plan {
    /// What it is called; no two plans bear the same name.
    pub name: String,
    /// When it is due.
    pub cron: Cron,
    /// How far back the audit reaches.
    pub span: Reach,
    /// The report is written in each of these forms.
    pub formats: Vec<Format>,
    /// Where reports are put; empty where the settings name none.
    pub folder: PathBuf,
    /// What the files are called.
    pub file: Pattern,
    /// Which older reports stay.
    pub keep: Keep,
    /// Whether device identifiers are replaced by pseudonyms.
    pub redact: bool,
    /// Only this device: its id, label or an address.
    pub device: Option<String>,
    /// Only this subject.
    pub subject: Option<String>,
}

/// How far back an audit reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Reach {
    /// To the same local time this many days before.
    Nights(u32),
    /// To the end of the last report of the same plan; the first time, to the beginning of the ledger.
    SinceLast,
}

/// The form of a report file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people, in a terminal.
    Text,
    /// Schema 1.
    Json,
    /// One self-contained page.
    Html,
    /// For notes and issues.
    Md,
    /// For spreadsheets: a row for each device, subject and night.
    Csv,
    /// For spreadsheets: a row for each device and subject.
    SubjectsCsv,
}

/// Which older reports of a plan stay; only files that the plan wrote itself are ever removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keep {
    /// At most so many runs, the newest.
    pub newest: Option<u32>,
    /// None older than so many days.
    pub days: Option<u32>,
}

/// A plan that cannot be carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadPlan {
    /// The name cannot be shown or asked for.
    #[error("name {0:?}: want 1 to 64 characters, none of them a control or direction mark")]
    Name(String),
    /// No form was asked for, or one twice.
    #[error("formats: want at least one of text, json, html, md, csv, subjects-csv, and none twice")]
    Formats,
    /// A reach that is none.
    #[error("span {0:?}: want a number of nights from 1 to 3660, such as \"28 nights\", or \"since last\"")]
    Span(String),
    /// Retention by which every report would go at once.
    #[error("{0} = 0 would keep no report at all; leave it out to keep every report")]
    Keep(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    cron: Cron,
    #[serde(default = "Reach::month")]
    span: Reach,
    #[serde(default = "html")]
    formats: Vec<Format>,
    #[serde(default)]
    folder: PathBuf,
    #[serde(default)]
    file: Pattern,
    keep: Option<u32>,
    keep_days: Option<u32>,
    #[serde(default)]
    redact: bool,
    device: Option<String>,
    subject: Option<String>,
}

fn html() -> Vec<Format> {
    vec![Format::Html]
}

impl TryFrom<Raw> for Plan {
    type Error = BadPlan;

    fn try_from(raw: Raw) -> Result<Self, BadPlan> {
        let plain = crate::base::text::shown(&raw.name, LONGEST_NAME) == raw.name.as_str();
        if raw.name.trim().is_empty() || !plain {
            return Err(BadPlan::Name(raw.name.chars().take(LONGEST_NAME).collect()));
        }
        let twice = raw.formats.iter().enumerate().any(|(n, format)| raw.formats[..n].contains(format));
        if raw.formats.is_empty() || twice {
            return Err(BadPlan::Formats);
        }
        for (key, value) in [("keep", raw.keep), ("keep_days", raw.keep_days)] {
            if value == Some(0) {
                return Err(BadPlan::Keep(key));
            }
        }
        Ok(Self {
            name: raw.name,
            cron: raw.cron,
            span: raw.span,
            formats: raw.formats,
            folder: raw.folder,
            file: raw.file,
            keep: Keep { newest: raw.keep, days: raw.keep_days },
            redact: raw.redact,
            device: raw.device,
            subject: raw.subject,
        })
    }
}

impl Reach {
    const fn month() -> Self {
        Self::Nights(28)
    }
}

impl TryFrom<String> for Reach {
    type Error = BadPlan;

    fn try_from(text: String) -> Result<Self, BadPlan> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["since", "last"] => Ok(Self::SinceLast),
            [number, "night" | "nights"] => match number.parse() {
                Ok(nights) if (1..=MOST_NIGHTS).contains(&nights) => Ok(Self::Nights(nights)),
                _ => Err(BadPlan::Span(text)),
            },
            _ => Err(BadPlan::Span(text)),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nights(1) => f.write_str("1 night"),
            Self::Nights(nights) => write!(f, "{nights} nights"),
            Self::SinceLast => f.write_str("since last"),
        }
    }
}

impl Format {
    /// How the files' names end.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Text => ".txt",
            Self::Json => ".json",
            Self::Html => ".html",
            Self::Md => ".md",
            Self::Csv => ".csv",
            Self::SubjectsCsv => ".subjects.csv",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(more: &str) -> Result<Plan, String> {
        toml::from_str(&format!("name = \"morning\"\ncron = \"0 7 * * *\"\n{more}"))
            .map_err(|e: toml::de::Error| e.message().to_owned())
    }

    #[test]
    fn a_plan_needs_a_name_and_a_time_and_has_a_default_for_the_rest() {
        let plan = plan("").unwrap();
        assert_eq!((plan.span, plan.formats.as_slice()), (Reach::Nights(28), &[Format::Html][..]));
        assert_eq!(plan.keep, Keep::default());
        assert!(toml::from_str::<Plan>("cron = \"0 7 * * *\"").is_err());
        assert!(toml::from_str::<Plan>("name = \"x\"").is_err());
    }

    #[test]
    fn a_reach_is_read_as_it_is_shown() {
        for (text, reach) in
            [("1 night", Reach::Nights(1)), ("7 nights", Reach::Nights(7)), ("since last", Reach::SinceLast)]
        {
            assert_eq!(plan(&format!("span = \"{text}\"")).unwrap().span, reach);
            assert_eq!(reach.to_string(), text);
        }
        for wrong in ["0 nights", "7 days", "nights", "-1 nights", "9999999999 nights", "7"] {
            assert!(plan(&format!("span = \"{wrong}\"")).unwrap_err().contains("28 nights"), "{wrong}");
        }
    }

    #[test]
    fn what_could_not_be_carried_out_is_refused() {
        assert!(plan("formats = []").unwrap_err().contains("at least one"));
        assert!(plan("formats = [\"html\", \"html\"]").unwrap_err().contains("twice"));
        assert!(plan("keep = 0").unwrap_err().contains("keep = 0"));
        assert!(plan("formast = []").unwrap_err().contains("formast"));
        let named = |name: &str| toml::from_str::<Plan>(&format!("name = {name}\ncron = \"@daily\""));
        assert!(named("\" \"").is_err() && named("\"a\\u202Eb\"").is_err() && named("\"über uns\"").is_ok());
    }

    #[test]
    fn an_expression_by_which_nothing_is_ever_due_is_refused_at_once() {
        for (cron, why) in [
            ("0 7 * *", "0 7 * *"),
            ("61 7 * * *", "61"),
            ("0 0 31 2 *", "no such day"),
            ("* * * * * *", "want minute"),
            ("every morning", "want minute"),
            ("", "want minute"),
        ] {
            let error = cron.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains('\n'), "{cron}: {error}");
        }
        assert!(cron_is_read("0 0 29 2 *") && cron_is_read("@weekly") && cron_is_read("*/15 0-6 * * MON-FRI"));
    }

    fn cron_is_read(text: &str) -> bool {
        text.parse::<Cron>().is_ok()
    }
}
