//! `nightaudit doctor`: versions, rules, zone data and the interfaces that can be captured on.

use std::io::{self, Write};

use super::{
    Outcome,
    settings::{Settings, Trouble},
};
use crate::{base::text::shown, identify::Rules};

/// Settings that cannot be used are a finding, not the end.
pub(super) fn run(settings: Result<Settings, Trouble>) -> anyhow::Result<Outcome> {
    let rules = Rules::embedded()?;
    let read = settings_line(&settings);
    let zone = settings.unwrap_or_default().zone(None);
    let mut out = io::stdout().lock();
    let mut lines = vec![
        format!("nightaudit   {}", env!("CARGO_PKG_VERSION")),
        format!("rules        {} files, SHA-256 {}", rules.len(), rules.sha256()),
        read,
        format!("time zone    {zone} (zone data {})", chrono_tz::IANA_TZDB_VERSION),
    ];
    lines.extend(interfaces());
    super::finish(lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(Outcome::Quiet)
}

fn settings_line(settings: &Result<Settings, Trouble>) -> String {
    match settings {
        Ok(Settings { file: Some(file), .. }) => format!("settings     {}", shown(&file.display().to_string(), 200)),
        Ok(_) => "settings     no file; defaults are in force".to_owned(),
        Err(trouble) => format!("settings     {trouble}"),
    }
}

#[cfg(feature = "live")]
fn interfaces() -> Vec<String> {
    match crate::capture::list_interfaces() {
        Ok(found) if found.is_empty() => {
            vec!["interfaces   none to be seen: run as root, or grant CAP_NET_RAW".to_owned()]
        }
        Ok(found) => found
            .iter()
            .map(|interface| {
                let state = if interface.running { "up" } else { "down" };
                format!("interface    {} ({state})", shown(&interface.name, 64))
            })
            .collect(),
        Err(error) => vec![format!("interfaces   {error}")],
    }
}

#[cfg(not(feature = "live"))]
fn interfaces() -> Vec<String> {
    vec!["interfaces   this build reads files only (no feature `live`)".to_owned()]
}
