//! `nightaudit doctor`: versions, rules, zone data and the interfaces that can be captured on.

use std::io::{self, Write};

use super::{Outcome, output};
use crate::identify::Rules;

pub(super) fn run() -> anyhow::Result<Outcome> {
    let rules = Rules::embedded()?;
    let zone = output::timezone(None);
    let mut out = io::stdout().lock();
    let mut lines = vec![
        format!("nightaudit   {}", env!("CARGO_PKG_VERSION")),
        format!("rules        {} files, SHA-256 {}", rules.len(), rules.sha256()),
        format!("time zone    {zone} (zone data {})", chrono_tz::IANA_TZDB_VERSION),
    ];
    lines.extend(interfaces());
    super::finish(lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(Outcome::Quiet)
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
                format!("interface    {} ({state})", crate::base::text::shown(&interface.name, 64))
            })
            .collect(),
        Err(error) => vec![format!("interfaces   {error}")],
    }
}

#[cfg(not(feature = "live"))]
fn interfaces() -> Vec<String> {
    vec!["interfaces   this build reads files only (no feature `live`)".to_owned()]
}
