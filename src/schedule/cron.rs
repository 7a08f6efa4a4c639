//! A cron expression in local time.

use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeZone};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};
use serde::Deserialize;

use crate::base::Stamp;

/// Expressions are short; a longer text is none.
const LONGEST: usize = 200;

/// When something is due: five fields (minute, hour, day of month, month, weekday) or `@daily` and its like, in the
/// local time of whoever asks.
///
/// Where the clock goes forward, what falls into the missing hour is due right after it; where it goes back, what is
/// due at a fixed time is due once, the first time; what is due every so many minutes goes on through both hours.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cron(croner::Cron);

/// A text by which nothing is ever due.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "cron {text:?}: {why}; want minute, hour, day of month, month and weekday, such as \"0 7 * * *\" for every morning at seven"
)]
pub struct BadCron {
    text: String,
    why: String,
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(text: &str) -> Result<Self, BadCron> {
        let wrong = |why: String| BadCron { text: text.chars().take(LONGEST).collect(), why };
        if text.len() > LONGEST {
            return Err(wrong(format!("longer than {LONGEST} characters")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = Self(parser.parse(text).map_err(|error| wrong(error.to_string().to_lowercase()))?);
        // 29 February comes back within eight years of any moment, even round 2100.
        match cron.after(Stamp::new(0, 0), Tz::UTC) {
            Some(_) => Ok(cron),
            None => Err(wrong("no such day ever comes".to_owned())),
        }
    }
}

impl TryFrom<String> for Cron {
    type Error = BadCron;

    fn try_from(text: String) -> Result<Self, BadCron> {
        text.parse()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Cron {
    /// The first moment after `now` at which it is due; `None` past the end of the calendar.
    pub fn after(&self, now: Stamp, zone: Tz) -> Option<Stamp> {
        self.0.find_next_occurrence(&local(now, zone), false).ok().and_then(stamp).filter(|next| *next > now)
    }

    /// In words, such as `At 07:00.`
    pub fn in_words(&self) -> String {
        self.0.describe()
    }
}

fn local(at: Stamp, zone: Tz) -> DateTime<Tz> {
    zone.from_utc_datetime(&at.utc().naive_utc())
}

fn stamp(at: DateTime<Tz>) -> Option<Stamp> {
    u64::try_from(at.timestamp()).ok().map(|seconds| Stamp::new(seconds, 0))
}
