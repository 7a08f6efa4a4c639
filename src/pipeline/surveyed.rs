//! A survey kept on the fleet's server: what is new since, and an overview without judging.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    accidents::AccidentRate,
    survey::{FleetFinding, FleetSubject, Novelty, Survey, heard_of, state},
};
use crate::{
    base::{Minute, Span},
    ledger::fleet::{FleetError, KeptFinding, KeptRun, Ledgers, Server},
    night::Verdict,
};

/// Sensors whose state is asked for with one question.
const A_BATCH: usize = 4_000;

/// Why an earlier survey cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The server fails.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The fleet was never judged.
    #[error("the fleet has not been judged yet: run `nightaudit fleet report`, which keeps what it finds")]
    Never,
    /// What was kept is none of ours.
    #[error("what was kept of run {run} cannot be read ({why}); run `nightaudit fleet report` again")]
    Shape {
        /// Which run.
        run: u64,
        /// Why.
        why: serde_json::Error,
    },
}

/// What is kept of a survey beside its findings.
#[derive(Serialize, Deserialize)]
struct Summary {
    devices: u32,
    rows: u32,
    findings: u64,
    /// First minute and end.
    span: Option<(u32, u32)>,
    last: Option<u32>,
    subjects: Vec<FleetSubject>,
    accidents: Vec<AccidentRate>,
}

impl Summary {
    fn of_run(run: &KeptRun) -> Result<Self, SurveyError> {
        serde_json::from_str(&run.summary).map_err(|why| SurveyError::Shape { run: run.number, why })
    }
}

/// Compares `survey` with the last one that the server keeps, and has the server keep it in its turn. Gives its number.
pub fn keep(server: &Server, survey: &mut Survey) -> Result<u64, SurveyError> {
    if let Some(run) = server.runs(1)?.first() {
        compare(server, survey, run)?;
    }
    let summary = Summary {
        devices: survey.devices,
        rows: survey.rows,
        findings: survey.findings.len() as u64,
        span: survey.span.map(|span| (span.first.0, span.end.0)),
        last: survey.last.map(|last| last.0),
        subjects: survey.subjects.clone(),
        accidents: survey.accidents.clone(),
    };
    let summary = serde_json::to_string(&summary).map_err(|why| SurveyError::Shape { run: 0, why })?;
    let kept: Vec<_> = survey.findings.iter().map(kept).collect();
    Ok(server.keep_run(survey.last.unwrap_or(Minute(0)), kept.iter(), &summary)?)
}

/// The last survey that the server keeps, with the state of sensors as it is now.
pub fn overview(server: &Server) -> Result<Survey, SurveyError> {
    let runs = server.runs(2)?;
    let run = runs.first().ok_or(SurveyError::Never)?;
    let Summary { devices, rows, span, last, subjects, accidents, .. } = Summary::of_run(run)?;
    let span = span.map(|(first, end)| Span { first: Minute(first), end: Minute(end) });
    let mut survey = Survey {
        devices,
        rows,
        subjects,
        findings: server.findings_of(run.number)?.into_iter().filter_map(found).collect(),
        accidents,
        last: last.map(Minute),
        span,
        ..Survey::default()
    };
    survey.order();
    if let Some(before) = runs.get(1) {
        compare(server, &mut survey, before)?;
    }
    let ledgers = Ledgers::on(server);
    let counts = ledgers.device_counts(span)?;
    for batch in ledgers.sensors()?.chunks(A_BATCH) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
        let watches: BTreeMap<_, _> =
            ledgers.watches(first, last, span)?.into_iter().map(|watch| (watch.sensor.clone(), watch)).collect();
        let of = |sensor: &String| {
            state(sensor, watches.get(sensor), counts.get(sensor).copied().unwrap_or_default(), Vec::new())
        };
        survey.sensors.extend(batch.iter().map(of));
    }
    survey.last = heard_of(&survey.sensors).or(survey.last);
    Ok(survey)
}

/// Notes what of `survey` is new since `run`, and what is no more. A run whose findings were dropped since says nothing.
fn compare(server: &Server, survey: &mut Survey, run: &KeptRun) -> Result<(), SurveyError> {
    let summary = Summary::of_run(run)?;
    let before: Vec<FleetFinding> = server.findings_of(run.number)?.into_iter().filter_map(found).collect();
    if before.len() as u64 != summary.findings {
        return Ok(());
    }
    survey.since = Some(Minute(summary.last.unwrap_or_default()));
    let known: BTreeMap<_, Verdict> = before.iter().map(|one| (one.key(), one.verdict)).collect();
    for one in &mut survey.findings {
        one.news = match known.get(&one.key()) {
            None => Novelty::New,
            Some(was) if *was == one.verdict => Novelty::Known,
            Some(was) => Novelty::Was(*was),
        };
    }
    let now: BTreeSet<_> = survey.findings.iter().map(FleetFinding::key).collect();
    let gone: Vec<FleetFinding> = before.iter().filter(|one| !now.contains(&one.key())).cloned().collect();
    survey.gone = gone;
    Ok(())
}

fn kept(one: &FleetFinding) -> KeptFinding {
    KeptFinding {
        sensor: one.sensor.clone(),
        device: one.device.clone(),
        label: one.label.clone(),
        subject: one.subject.clone(),
        name: one.name.clone(),
        kind: one.kind,
        verdict: word(&one.verdict),
        grade: one.grade.as_ref().map(word).unwrap_or_default(),
        log10_e: one.log10_e,
        eligible_nights: one.eligible_nights,
        worst_night: one.worst_night,
        stands: one.stands,
    }
}

/// A finding as it was kept; none of a verdict that is not known.
fn found(one: KeptFinding) -> Option<FleetFinding> {
    Some(FleetFinding {
        verdict: of_word(&one.verdict)?,
        grade: of_word(&one.grade),
        sensor: one.sensor,
        device: one.device,
        label: one.label,
        subject: one.subject,
        name: one.name,
        kind: one.kind,
        log10_e: one.log10_e,
        eligible_nights: one.eligible_nights,
        worst_night: one.worst_night,
        stands: one.stands,
        news: Novelty::Unknown,
    })
}

/// The word that JSON has for a verdict or a grade.
fn word(of: &impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn of_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}
