//! What the owner says of when the phone was in use: hours of rest, or a log of the screen.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use chrono::{NaiveTime, Timelike};
use chrono_tz::Tz;

use crate::night::{Declared, Settings, screen_log};

/// When the phone was in use, by its owner's word.
#[derive(Debug, Default, clap::Args)]
pub struct DeclaredArgs {
    /// When the phone lay unused every night, such as 23:30-07:00 in the time zone shown: for captures that hold only
    /// one app's traffic, from which use cannot be seen.
    #[arg(long, value_name = "FROM-TO", conflicts_with = "screen_on")]
    pub asleep: Option<String>,

    /// When the screen was on, as CSV: columns `from,to`, or `time,state` with states `on` and `off`; ISO 8601, local
    /// to the time zone shown where a time names none. Before its first and after its last entry nothing is known.
    #[arg(long, value_name = "FILE")]
    pub screen_on: Option<PathBuf>,
}

/// No screen log of a year is larger.
const LARGEST_LOG: u64 = 64 << 20;

/// Puts the owner's word into the settings of the verdict.
pub(super) fn apply(args: &DeclaredArgs, zone: Tz, settings: &mut Settings) -> anyhow::Result<()> {
    if let Some(hours) = &args.asleep {
        settings.declared = Some(asleep(hours, zone)?);
    }
    if let Some(path) = &args.screen_on {
        let cannot = || format!("cannot read the screen log {}", path.display());
        let size = fs::metadata(path).with_context(cannot)?.len();
        if size > LARGEST_LOG {
            bail!("{} is no screen log: it holds {size} bytes", path.display());
        }
        let text = fs::read_to_string(path).with_context(cannot)?;
        let log = screen_log(&text, zone).with_context(|| format!("--screen-on {}", path.display()))?;
        settings.declared = Some(log);
    }
    Ok(())
}

/// Reads hours of rest, such as `23:30-07:00`.
fn asleep(hours: &str, zone: Tz) -> anyhow::Result<Declared> {
    let minute = |time: &str| {
        let time = NaiveTime::parse_from_str(time.trim(), "%H:%M").ok()?;
        u16::try_from(time.hour() * 60 + time.minute()).ok()
    };
    let read = hours.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
    let Some((from, to)) = read.filter(|(from, to)| from != to) else {
        bail!("--asleep {hours}: want two times of day, such as 23:30-07:00");
    };
    Ok(Declared::Asleep { from, to, zone })
}
