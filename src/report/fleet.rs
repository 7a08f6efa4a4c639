//! What the devices of a fleet say together, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    json::{grade, verdict},
    redact::Redaction,
};
use crate::{
    base::{Minute, text::shown},
    night::Verdict,
    pipeline::{AccidentRate, FleetFinding, SensorState, Survey},
};

/// A sensor that has been quiet for longer than this, by the newest of the fleet, is called silent.
const SILENT_MINUTES: u32 = 2 * 60;
/// A sensor that loses more than this share of packets is named.
const LOSING: f64 = 0.01;
/// Findings and sensors that text lists; JSON has all.
const MOST_LISTED: usize = 40;
/// Verdicts in the order of the columns.
const COLUMNS: [(Verdict, &str); 6] = [
    (Verdict::ExportLike, "export"),
    (Verdict::BackupLike, "backup"),
    (Verdict::SmallRecurrent, "small"),
    (Verdict::BulkButIrregular, "irregular"),
    (Verdict::Routine, "routine"),
    (Verdict::Insufficient, "unknown"),
];

/// The survey for people, in a terminal.
pub fn fleet_text(survey: &Survey, redaction: &Redaction) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(survey, redaction, &mut out);
    out
}

fn write_text(survey: &Survey, redaction: &Redaction, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "{} devices of {} sensors; something can be said of {} subjects on them.\n",
        survey.devices,
        survey.sensors.len(),
        survey.rows
    )?;
    write!(out, "{:28} {:>9}", "subject", "standing")?;
    COLUMNS.iter().try_for_each(|(_, name)| write!(out, " {name:>9}"))?;
    writeln!(out)?;
    for subject in survey.subjects.iter().take(MOST_LISTED) {
        write!(out, "{:28} {:>9}", shown(&subject.name, 28), subject.standing)?;
        for (verdict, _) in COLUMNS {
            write!(out, " {:>9}", subject.verdicts.get(&verdict).copied().unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\nDevices by verdict. Standing: the finding stands when all rows of the fleet are judged together."
    )?;
    for one in survey.findings.iter().take(MOST_LISTED) {
        writeln!(out, "{}", line(one, redaction))?;
    }
    let more = survey.findings.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        writeln!(out, "… and {more} more")?;
    }
    for one in &survey.accidents {
        writeln!(out, "{}", accident(one))?;
    }
    let troubled: Vec<_> = survey.sensors.iter().filter_map(|state| trouble(state, survey.last)).collect();
    for line in troubled.iter().take(MOST_LISTED) {
        writeln!(out, "{line}")?;
    }
    let more = troubled.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        writeln!(out, "… and {more} more sensors that are silent, losing packets, or cannot be read")
    } else {
        Ok(())
    }
}

fn line(one: &FleetFinding, redaction: &Redaction) -> String {
    let label = redaction.label(one.label.as_deref());
    let device = label.map_or_else(|| redaction.device(&one.device), Into::into);
    let grade = one.grade.map_or(String::new(), |it| format!(" ({})", grade(it)));
    let worst = one.worst_night.map_or(String::new(), |bytes| format!(", worst night {bytes}"));
    format!(
        "{} {}: {} on {} of {}, 1e{:.1} over {} nights{worst}",
        if one.stands { "!" } else { " " },
        shown(&one.name, 40),
        format_args!("{}{grade}", verdict(one.verdict)),
        shown(&device, 64),
        shown(&one.sensor, 64),
        one.log10_e,
        one.eligible_nights,
    )
}

/// What was measured, and how to use it: never taken silently.
fn accident(one: &AccidentRate) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    format!(
        "Measured on {} devices that share it: {} or more left by accident on {} of {} nights, {} ({} to {}).",
        one.devices,
        one.size,
        one.hits,
        one.nights,
        percent(one.rate),
        percent(one.interval.0),
        percent(one.interval.1),
    )
}

/// What is wrong with a sensor, if anything.
fn trouble(state: &SensorState, newest: Option<Minute>) -> Option<String> {
    let sensor = shown(&state.sensor, 64);
    if let Some(failed) = state.failed.first() {
        return Some(format!("{sensor} cannot be read: {failed}"));
    }
    let quiet = newest.zip(state.last).map(|(newest, last)| newest.since(last));
    match quiet {
        None => Some(format!("{sensor} watched nothing")),
        Some(quiet) if quiet > SILENT_MINUTES => Some(format!("{sensor} has been silent for {} hours", quiet / 60)),
        _ if state.dropped > LOSING => Some(format!("{sensor} loses {:.1} % of packets", state.dropped * 100.0)),
        _ => None,
    }
}

/// The survey as a value.
pub fn fleet_json(survey: &Survey, redaction: &Redaction) -> Value {
    let moment = |minute: Option<Minute>| minute.map(|minute| minute.start().to_string());
    json!({
        "schema": 1,
        "devices": survey.devices,
        "rows": survey.rows,
        "last": moment(survey.last),
        "subjects": survey.subjects.iter().map(|subject| json!({
            "subject": subject.name,
            "id": subject.subject,
            "standing": subject.standing,
            "verdicts": subject.verdicts.iter().map(|(one, n)| (verdict(*one).to_owned(), (*n).into()))
                .collect::<serde_json::Map<String, Value>>(),
        })).collect::<Vec<_>>(),
        "findings": survey.findings.iter().map(|one| json!({
            "sensor": one.sensor,
            "device": redaction.device(&one.device),
            "label": redaction.label(one.label.as_deref()),
            "subject": one.name,
            "id": one.subject,
            "kind": one.kind,
            "verdict": verdict(one.verdict),
            "grade": one.grade.map(grade),
            "log10_e": one.log10_e.is_finite().then_some(one.log10_e),
            "eligible_nights": one.eligible_nights,
            "worst_night": one.worst_night,
            "stands_in_fleet": one.stands,
        })).collect::<Vec<_>>(),
        "accidents": survey.accidents.iter().map(|one| json!({
            "size": one.size,
            "hits": one.hits,
            "nights": one.nights,
            "devices": one.devices,
            "rate": one.rate,
            "interval_95": [one.interval.0, one.interval.1],
        })).collect::<Vec<_>>(),
        "sensors": survey.sensors.iter().map(|state| json!({
            "sensor": state.sensor,
            "devices": state.devices,
            "last": moment(state.last),
            "watched_minutes": state.watched,
            "dropped": state.dropped,
            "failed": state.failed,
            "trouble": trouble(state, survey.last),
        })).collect::<Vec<_>>(),
    })
}
