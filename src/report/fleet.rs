//! What the devices of a fleet say together, as text and as JSON.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{
    calendar,
    json::{grade, verdict},
    redact::Redaction,
    words,
};
use crate::{
    base::{Minute, text::shown},
    night::Verdict,
    pipeline::{AccidentRate, FleetFinding, Novelty, SensorState, Survey},
};

/// A sensor that has been quiet for longer than this, by the newest of the fleet, is called silent.
const SILENT_MINUTES: u32 = 2 * 60;
/// A sensor that loses more than this share of packets is named.
const LOSING: f64 = 0.01;
/// Findings and sensors that text lists; JSON has all.
pub(super) const MOST_LISTED: usize = 40;
/// Verdicts in the order of the columns.
pub(super) const COLUMNS: [(Verdict, &str); 6] = [
    (Verdict::ExportLike, "export"),
    (Verdict::BackupLike, "backup"),
    (Verdict::SmallRecurrent, "small"),
    (Verdict::BulkButIrregular, "irregular"),
    (Verdict::Routine, "routine"),
    (Verdict::Insufficient, "unknown"),
];

/// The survey for people, in a terminal.
pub fn fleet_text(survey: &Survey, redaction: &Redaction, zone: Tz) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(survey, redaction, zone, &mut out);
    out
}

fn write_text(survey: &Survey, redaction: &Redaction, zone: Tz, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{}", heading(survey, zone))?;
    for (_, said) in in_short(survey) {
        writeln!(out, "{said}")?;
    }
    write!(out, "\n{:28} {:>9}", "subject", "standing")?;
    COLUMNS.iter().try_for_each(|(_, name)| write!(out, " {name:>9}"))?;
    writeln!(out)?;
    for subject in survey.subjects.iter().take(MOST_LISTED) {
        write!(out, "{:28} {:>9}", shown(&subject.name, 28), subject.standing)?;
        for (verdict, _) in COLUMNS {
            write!(out, " {:>9}", subject.verdicts.get(&verdict).copied().unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    writeln!(out, "\n{STANDING}")?;
    if let Some(since) = survey.since {
        writeln!(out, "\n{}", news_heading(survey, since, zone))?;
        list(out, &news(survey, redaction), "changes")?;
        writeln!(out)?;
    }
    let findings: Vec<_> = survey.findings.iter().map(|one| line(one, redaction)).collect();
    list(out, &findings, "findings")?;
    for one in &survey.accidents {
        writeln!(out, "{}", accident(one))?;
    }
    list(out, &troubles(survey), "sensors that are silent, losing packets, or cannot be read")
}

/// What devices are counted for, and what standing means.
pub(super) const STANDING: &str =
    "Devices by verdict. Standing: the finding stands when all rows of the fleet are judged together.";

fn list(out: &mut String, lines: &[String], of_what: &str) -> std::fmt::Result {
    for line in lines.iter().take(MOST_LISTED) {
        writeln!(out, "{line}")?;
    }
    match lines.len().saturating_sub(MOST_LISTED) {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more {of_what}"),
    }
}

/// How much was judged, and up to when.
pub(super) fn heading(survey: &Survey, zone: Tz) -> String {
    let until = survey.last.map_or(String::new(), |last| format!(", up to {}", calendar::moment(last, zone)));
    let from = survey.span.filter(|span| span.first.0 > 0);
    let from = from.map_or(String::new(), |span| format!(", from {}", calendar::moment(span.first, zone)));
    format!(
        "{} devices of {} sensors{from}{until} ({}); something can be said of {} subjects on them.",
        survey.devices,
        survey.sensors.len(),
        zone.name(),
        survey.rows
    )
}

/// How many devices share which recurrent verdict.
pub(super) fn in_short(survey: &Survey) -> Vec<(Verdict, String)> {
    let mut said = Vec::new();
    for subject in &survey.subjects {
        let devices: u32 = subject.verdicts.values().sum();
        for verdict in [Verdict::ExportLike, Verdict::BackupLike, Verdict::SmallRecurrent] {
            let count = subject.verdicts.get(&verdict).copied().unwrap_or_default();
            if count > 0 {
                let name = shown(&subject.name, 40);
                said.push((verdict, format!("{name}: {} on {count} of {devices} devices.", words::verdict(verdict))));
            }
        }
    }
    if said.is_empty() && survey.rows > 0 {
        said.push((Verdict::Routine, "No upload recurs on any device.".to_owned()));
    }
    said
}

/// Since when, and how much is new.
pub(super) fn news_heading(survey: &Survey, since: Minute, zone: Tz) -> String {
    let new = survey.findings.iter().filter(|one| matches!(one.news, Novelty::New | Novelty::Was(_))).count();
    let gone = survey.gone.len();
    format!("Since the report up to {}: {new} new or changed, {gone} no longer found.", calendar::moment(since, zone))
}

/// What is new, and what is no more.
pub(super) fn news(survey: &Survey, redaction: &Redaction) -> Vec<String> {
    let new = survey.findings.iter().filter_map(|one| match one.news {
        Novelty::New => Some(format!("new: {}", about(one, redaction))),
        Novelty::Was(was) => Some(format!("was {}: {}", verdict(was), about(one, redaction))),
        Novelty::Known | Novelty::Unknown => None,
    });
    new.chain(survey.gone.iter().map(|one| format!("no longer: {}", about(one, redaction)))).collect()
}

fn about(one: &FleetFinding, redaction: &Redaction) -> String {
    let (name, sensor) = (shown(&one.name, 40), shown(&one.sensor, 64));
    format!("{name} {} on {} of {sensor}", verdict(one.verdict), device(one, redaction))
}

/// The device as it may be named.
pub(super) fn device(one: &FleetFinding, redaction: &Redaction) -> String {
    let label = redaction.label(one.label.as_deref());
    let device: String = label.map_or_else(|| redaction.device(&one.device).into(), Into::into);
    shown(&device, 64).into_owned()
}

/// What is wrong with which sensors.
pub(super) fn troubles(survey: &Survey) -> Vec<String> {
    survey.sensors.iter().filter_map(|state| trouble(state, survey.last)).collect()
}

fn line(one: &FleetFinding, redaction: &Redaction) -> String {
    let grade = one.grade.map_or(String::new(), |it| format!(" ({})", grade(it)));
    let worst = one.worst_night.map_or(String::new(), |bytes| format!(", worst night {bytes}"));
    format!(
        "{} {}: {}{grade} on {} of {}, 1e{:.1} over {} nights{worst}",
        if one.stands { "!" } else { " " },
        shown(&one.name, 40),
        verdict(one.verdict),
        device(one, redaction),
        shown(&one.sensor, 64),
        one.log10_e,
        one.eligible_nights,
    )
}

/// What was measured, and how to use it: never taken silently.
pub(super) fn accident(one: &AccidentRate) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    format!(
        "Measured on {} devices whose owners agree: {} or more left by accident on {} of {} nights, {} ({} to {}).",
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
            "news": match one.news {
                Novelty::Unknown => Value::Null,
                Novelty::Known => "known".into(),
                Novelty::New => "new".into(),
                Novelty::Was(was) => format!("was {}", verdict(was)).into(),
            },
        })).collect::<Vec<_>>(),
        "since": moment(survey.since),
        "gone": survey.gone.iter().map(|one| json!({
            "sensor": one.sensor,
            "device": redaction.device(&one.device),
            "subject": one.name,
            "id": one.subject,
            "verdict": verdict(one.verdict),
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
