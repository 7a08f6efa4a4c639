//! `nightaudit check`: verdicts from captures.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::bail;
use chrono_tz::Tz;

use super::{
    Outcome,
    args::{CheckArgs, CheckFormat, OutputArgs},
    declared::{self, DeclaredArgs},
    input::{self, Bar},
    ledger, output,
    settings::Settings,
    toggle::{names, row},
};
use crate::{
    ledger::fleet::Ledgers,
    night::{self, Verdict},
    pipeline::{self, Audit, Judging, Options, Query},
    report::{self, Changes, Explained, Look},
};

pub(super) fn run(args: &CheckArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let options = input::options(&args.input, settings)?;
    let judging = judging(args.timezone, &args.declared, args.no_power, settings)?;
    let look = output::look(&args.output)?;
    let audit = match &args.ledger {
        Some(path) if ledger::address(Some(path)).is_some() => from_fleet(args, path, settings, &judging)?,
        Some(path) => into_ledger(args, &ledger::path(Some(path), settings)?, &options, settings, &judging)?,
        None => audit(args, settings, &options, &judging)?,
    };
    let Some(subject) = &args.explain else {
        let changes = output::changes(args.previous.as_deref(), &audit, &look)?;
        return publish(&audit, &changes, args.format, &look, &args.output);
    };
    tell(&audit, subject, &judging, &look, &args.output)
}

/// Writes the story of the verdict on `subject`, for every device that used it.
pub(super) fn tell(
    audit: &Audit,
    subject: &str,
    judging: &Judging,
    look: &Look,
    args: &OutputArgs,
) -> anyhow::Result<Outcome> {
    complain(audit);
    let story = explain(audit, subject, judging, look)?;
    let mut writer = output::writer(args)?;
    super::finish(writer.write_all(story.as_bytes()).and_then(|()| writer.flush()))?;
    Ok(outcome(audit))
}

/// Writes the report where it was asked for; what failed is named on standard error.
pub(super) fn publish(
    audit: &Audit,
    changes: &Changes,
    format: CheckFormat,
    look: &Look,
    args: &OutputArgs,
) -> anyhow::Result<Outcome> {
    complain(audit);
    if audit.devices.is_empty() && !audit.failed.is_empty() {
        return Ok(Outcome::Failed);
    }
    let mut writer = output::writer(args)?;
    super::finish(write(audit, changes, format, look, &mut writer).and_then(|()| writer.flush()))?;
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

/// Audits a sensor's ledger on a fleet's server.
fn from_fleet(args: &CheckArgs, path: &Path, settings: &Settings, judging: &Judging) -> anyhow::Result<Audit> {
    let url = ledger::address(Some(path)).unwrap_or_default();
    if !args.input.files.is_empty() {
        bail!("captures are read into a ledger file, and `nightaudit fleet push` sends it on; {url} is only read");
    }
    let (server, sensor) = super::fleet::remote(url, settings)?;
    let ledger = Ledgers::on(&server).sensor(&sensor);
    let rules = input::rules(&args.input.rules, settings)?;
    Ok(pipeline::recall_from(&ledger, &Query::default(), &rules, judging)?)
}

fn explain(audit: &Audit, subject: &str, judging: &Judging, look: &Look) -> anyhow::Result<String> {
    let mut stories = Vec::new();
    for device in &audit.devices {
        let Some(at) = row(device, subject) else { continue };
        let finding = device.finding.findings.iter().find(|finding| finding.subject == at);
        let walk = night::walk(&device.ledger, at, &judging.night);
        let Some((finding, walk)) = finding.zip(walk) else { continue };
        let sensitivity = night::sensitivity(&device.ledger, at, &judging.night);
        let (walk, sensitivity, settings) = (&walk, sensitivity.as_slice(), &judging.night);
        stories.push(report::explain_text(&Explained { audit, device, finding, walk, sensitivity, settings }, look));
    }
    if stories.is_empty() {
        let all = audit.devices.iter().flat_map(|device| &device.ledger.subjects).map(|row| row.subject.id.as_str());
        bail!("--explain {subject}: nothing of that name was seen; there are: {}", names(all));
    }
    Ok(stories.join("\n"))
}

fn write(audit: &Audit, changes: &Changes, format: CheckFormat, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let redaction = &look.redaction;
    let page = match format {
        CheckFormat::Csv if changes.is_known() => return report::nights_csv_since(audit, redaction, changes, out),
        CheckFormat::SubjectsCsv if changes.is_known() => {
            return report::subjects_csv_since(audit, redaction, changes, out);
        }
        CheckFormat::Csv => return report::nights_csv(audit, redaction, out),
        CheckFormat::SubjectsCsv => return report::subjects_csv(audit, redaction, out),
        CheckFormat::Text => changes.text(audit.timezone) + &report::text(audit, look),
        CheckFormat::Json => report::json_text(&changes.added_to(report::json(audit, redaction))),
        CheckFormat::Html => report::html_since(audit, redaction, changes),
        CheckFormat::Md => report::markdown_since(audit, redaction, changes),
    };
    out.write_all(page.as_bytes())
}

#[cfg(feature = "live")]
fn audit(args: &CheckArgs, settings: &Settings, options: &Options, judging: &Judging) -> anyhow::Result<Audit> {
    match &args.input.interface[..] {
        [_, ..] => Ok(input::listen(&args.input, settings, options, judging)?),
        [] => audit_files(args, options, judging),
    }
}

#[cfg(not(feature = "live"))]
fn audit(args: &CheckArgs, _: &Settings, options: &Options, judging: &Judging) -> anyhow::Result<Audit> {
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
    said: &DeclaredArgs,
    no_power: bool,
    settings: &Settings,
) -> anyhow::Result<Judging> {
    let mut judging = settings.judging(zone);
    judging.night.power &= !no_power;
    declared::apply(said, judging.timezone, &mut judging.night)?;
    Ok(judging)
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
