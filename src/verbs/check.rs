//! `nightaudit check`: verdicts from captures.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::bail;
use chrono::{NaiveTime, Timelike};
use chrono_tz::Tz;

use super::{
    Outcome,
    args::{CheckArgs, CheckFormat, OutputArgs},
    input::{self, Bar},
    ledger, output,
    settings::Settings,
};
use crate::{
    night::{Declared, Verdict},
    pipeline::{self, Audit, Judging, Options},
    report::{self, Look},
};

pub(super) fn run(args: &CheckArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let options = input::options(&args.input, settings)?;
    let judging = judging(args.timezone, args.asleep.as_deref(), args.no_power, settings)?;
    let look = output::look(&args.output)?;
    let audit = match &args.ledger {
        Some(path) => into_ledger(args, &ledger::path(Some(path), settings)?, &options, settings, &judging)?,
        None => audit(args, &options, &judging)?,
    };
    publish(&audit, args.format, &look, &args.output)
}

/// Writes the report where it was asked for; what failed is named on standard error.
pub(super) fn publish(audit: &Audit, format: CheckFormat, look: &Look, args: &OutputArgs) -> anyhow::Result<Outcome> {
    complain(audit);
    if audit.devices.is_empty() && !audit.failed.is_empty() {
        return Ok(Outcome::Failed);
    }
    let mut writer = output::writer(args)?;
    super::finish(write(audit, format, look, &mut writer).and_then(|()| writer.flush()))?;
    Ok(outcome(audit))
}

/// Reads the captures into a ledger and audits all of it.
fn into_ledger(
    args: &CheckArgs,
    path: &Path,
    options: &Options,
    settings: &Settings,
    judging: &Judging,
) -> anyhow::Result<Audit> {
    let mut store = ledger::open(path)?;
    let imported = ledger::import(&args.input, options, &mut store)?;
    let mut audit = super::report::whole(&store, settings, judging)?;
    // The moment of an audit is its last packet's: the same captures make the same ledger.
    if let Some(last) = audit.inputs.iter().filter_map(|input| input.last).max() {
        pipeline::remember(&mut store, "check", last, None, &audit)?;
    }
    audit.failed = imported.failed;
    audit.notes.extend(imported.notes);
    Ok(audit)
}

fn write(audit: &Audit, format: CheckFormat, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let redaction = &look.redaction;
    let page = match format {
        CheckFormat::Csv => return report::nights_csv(audit, redaction, out),
        CheckFormat::SubjectsCsv => return report::subjects_csv(audit, redaction, out),
        CheckFormat::Text => report::text(audit, look),
        CheckFormat::Json => report::json_text(&report::json(audit, redaction)),
        CheckFormat::Html => report::html(audit, redaction),
        CheckFormat::Md => report::markdown(audit, redaction),
    };
    out.write_all(page.as_bytes())
}

#[cfg(feature = "live")]
fn audit(args: &CheckArgs, options: &Options, judging: &Judging) -> anyhow::Result<Audit> {
    match &args.input.interface {
        Some(interface) => Ok(input::listen(&args.input, interface, options, judging)?),
        None => audit_files(args, options, judging),
    }
}

#[cfg(not(feature = "live"))]
fn audit(args: &CheckArgs, options: &Options, judging: &Judging) -> anyhow::Result<Audit> {
    audit_files(args, options, judging)
}

fn audit_files(args: &CheckArgs, options: &Options, judging: &Judging) -> anyhow::Result<Audit> {
    let opened = input::open(&args.input)?;
    let mut bar = Bar::new();
    Ok(pipeline::check(opened, options, judging, |progress| bar.show(progress)))
}

/// What is done with what was read: as the settings say, and as was typed.
pub(super) fn judging(
    zone: Option<Tz>,
    rest: Option<&str>,
    no_power: bool,
    settings: &Settings,
) -> anyhow::Result<Judging> {
    let mut judging = settings.judging(zone);
    judging.night.power &= !no_power;
    if let Some(hours) = rest {
        judging.night.declared = Some(asleep(hours, judging.timezone)?);
    }
    Ok(judging)
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

/// Names every input that failed, on standard error, so that a script sees it beside the results.
fn complain(audit: &Audit) {
    for failure in &audit.failed {
        super::complain(failure);
    }
}

fn outcome(audit: &Audit) -> Outcome {
    let verdicts = || audit.devices.iter().flat_map(|d| &d.finding.findings).map(|finding| finding.verdict);
    if !audit.failed.is_empty() {
        Outcome::Failed
    } else if verdicts().any(|verdict| verdict == Verdict::ExportLike) {
        Outcome::ExportLike
    } else if verdicts().all(|verdict| verdict == Verdict::Insufficient) {
        Outcome::NoVerdict
    } else {
        Outcome::Quiet
    }
}
