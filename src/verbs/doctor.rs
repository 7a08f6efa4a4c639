//! `nightaudit doctor`: versions, zone data, and what live capture lacks.

use std::io::{self, Write};

use super::{Outcome, output};
use crate::identify::Rules;

pub(super) fn run() -> anyhow::Result<Outcome> {
    let rules = Rules::embedded()?;
    let zone = output::timezone(None);
    let mut out = io::stdout().lock();
    let lines = [
        format!("nightaudit   {}", env!("CARGO_PKG_VERSION")),
        format!("rules        {} files, SHA-256 {}", rules.len(), rules.sha256()),
        format!("time zone    {zone} (zone data {})", chrono_tz::IANA_TZDB_VERSION),
    ];
    super::finish(lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(Outcome::Quiet)
}
