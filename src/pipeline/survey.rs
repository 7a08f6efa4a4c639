//! Every device of a fleet judged, one after the other, and what they say together.

use std::collections::BTreeMap;

use super::{
    accidents::{AccidentRate, Accidents},
    audit::DeviceAudit,
    offline::Judging,
    recall::judge,
};
use crate::{
    base::{Bytes, Minute, Span},
    identify::Kind,
    ledger::{
        Archive, CaptureRecord, Watched,
        fleet::{FleetError, Ledgers},
    },
    night::{self, Finding, Grade, Verdict},
};

/// What is said of one subject on one device of a fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetFinding {
    /// Whose device.
    pub sensor: String,
    /// Its id, as the sensor sent it.
    pub device: String,
    /// The name its owner gave it.
    pub label: Option<String>,
    /// The subject's id.
    pub subject: String,
    /// The subject's name.
    pub name: String,
    /// How a verdict on it is worded.
    pub kind: Kind,
    /// What is said, of this device alone.
    pub verdict: Verdict,
    /// How firmly.
    pub grade: Option<Grade>,
    /// Decimal logarithm of the evidence.
    pub log10_e: f64,
    /// Nights that counted.
    pub eligible_nights: u32,
    /// The most that left unattended on any of them.
    pub worst_night: Option<Bytes>,
    /// The evidence stands when every row of the fleet is judged together (e-BH).
    pub stands: bool,
}

/// One subject over all devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetSubject {
    /// Its id.
    pub subject: String,
    /// Its name.
    pub name: String,
    /// How many devices got which verdict.
    pub verdicts: BTreeMap<Verdict, u32>,
    /// On how many devices a recurrent verdict stands among all rows of the fleet.
    pub standing: u32,
}

/// How a sensor is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorState {
    /// Which.
    pub sensor: String,
    /// Devices of it that were seen.
    pub devices: u32,
    /// The minute after the last one it watched; `None` where it watched none.
    pub last: Option<Minute>,
    /// Minutes it watched.
    pub watched: u64,
    /// Share of packets lost, over the minutes watched.
    pub dropped: f64,
    /// Why it, or one of its devices, could not be read.
    pub failed: Vec<String>,
}

/// What the devices of a fleet say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Devices judged.
    pub devices: u32,
    /// Rows (subjects on devices) about which something can be said.
    pub rows: u32,
    /// By subject, the most export-like verdicts first.
    pub subjects: Vec<FleetSubject>,
    /// Every recurrent finding, the firmest first.
    pub findings: Vec<FleetFinding>,
    /// How often something large left by accident, by size, over the devices whose owners share that.
    pub accidents: Vec<AccidentRate>,
    /// By sensor.
    pub sensors: Vec<SensorState>,
    /// The minute after the last one that nine sensors of ten have watched: one whose clock is ahead moves it not.
    pub last: Option<Minute>,
}

/// Judges every device of the fleet in `span` (at any time). Memory is that of one device and of the findings: a device
/// is judged as it streams by. `each` is told of every device.
///
/// # Errors
///
/// Only where the list of sensors cannot be read: a sensor or device that cannot is named, and the others go on.
pub fn survey(
    fleet: &Ledgers<'_>,
    span: Option<Span>,
    judging: &Judging,
    mut each: impl FnMut(&str),
) -> Result<Survey, FleetError> {
    let mut all: Vec<FleetFinding> = Vec::new();
    let mut survey = Survey::default();
    let mut accidents = Accidents::default();
    for sensor in fleet.sensors()? {
        let ledger = fleet.sensor(&sensor);
        let known = ledger.captured(span);
        let known = known.and_then(|captured| Ok((captured, ledger.devices(span)?, ledger.sharing()?)));
        let (captured, devices, sharing) = match known {
            Ok(known) => known,
            Err(error) => {
                survey.sensors.push(unreadable(sensor, &error));
                continue;
            }
        };
        let mut state = state(sensor, &captured);
        for record in &devices {
            each(&record.device.id);
            match judge(&ledger, record, span, &captured.coverage, judging) {
                Ok((device, _)) => {
                    state.devices += 1;
                    if sharing.contains(&device.id) {
                        accidents
                            .count(device.finding.findings.iter().filter_map(|one| Some((kind(&device, one)?, one))));
                    }
                    all.extend(device.finding.findings.iter().filter_map(|one| finding(&state.sensor, &device, one)));
                }
                Err(error) => state.failed.push(error.to_string()),
            }
        }
        survey.devices += state.devices;
        survey.sensors.push(state);
    }
    let mut lasts: Vec<Minute> = survey.sensors.iter().filter_map(|state| state.last).collect();
    lasts.sort_unstable();
    survey.last = lasts.get(lasts.len().saturating_sub(1) * 9 / 10).copied();
    survey.accidents = accidents.rates();
    conclude(&mut survey, all, judging.night.discovery_rate);
    Ok(survey)
}

fn conclude(survey: &mut Survey, mut all: Vec<FleetFinding>, rate: f64) {
    let log10_e: Vec<f64> =
        all.iter().filter(|one| one.verdict != Verdict::Insufficient).map(|one| one.log10_e).collect();
    survey.rows = u32::try_from(log10_e.len()).unwrap_or(u32::MAX);
    let stands = night::discoveries(&log10_e, rate);
    let judged = all.iter_mut().filter(|one| one.verdict != Verdict::Insufficient);
    for (one, stands) in judged.zip(stands) {
        one.stands = stands && is_recurrent(one.verdict);
    }
    let mut subjects: BTreeMap<&str, FleetSubject> = BTreeMap::new();
    for one in &all {
        let subject = subjects.entry(&one.subject).or_insert_with(|| FleetSubject {
            subject: one.subject.clone(),
            name: one.name.clone(),
            ..FleetSubject::default()
        });
        *subject.verdicts.entry(one.verdict).or_default() += 1;
        subject.standing += u32::from(one.stands);
    }
    survey.subjects = subjects.into_values().collect();
    survey.subjects.sort_by_key(|subject| {
        let count = |verdict| subject.verdicts.get(&verdict).copied().unwrap_or_default();
        let devices: u32 = subject.verdicts.values().sum();
        std::cmp::Reverse((count(Verdict::ExportLike), subject.standing, count(Verdict::BackupLike), devices))
    });
    all.retain(|one| is_recurrent(one.verdict));
    all.sort_by(|a, b| (b.stands, b.verdict).cmp(&(a.stands, a.verdict)).then(b.log10_e.total_cmp(&a.log10_e)));
    survey.findings = all;
}

const fn is_recurrent(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::SmallRecurrent | Verdict::BackupLike | Verdict::ExportLike)
}

fn kind(device: &DeviceAudit, one: &Finding) -> Option<Kind> {
    device.ledger.subjects.get(one.subject).map(|row| row.subject.kind)
}

fn finding(sensor: &str, device: &DeviceAudit, one: &Finding) -> Option<FleetFinding> {
    let subject = &device.ledger.subjects.get(one.subject)?.subject;
    let log10_e = one.evidence.log10_e.max(one.evidence.log10_e_drip);
    Some(FleetFinding {
        sensor: sensor.to_owned(),
        device: device.id.clone(),
        label: device.label.clone(),
        subject: subject.id.clone(),
        name: subject.name.clone(),
        kind: subject.kind,
        verdict: one.verdict,
        grade: one.grade,
        log10_e,
        eligible_nights: one.evidence.eligible_nights,
        worst_night: one.bounds.worst_night,
        stands: false,
    })
}

fn unreadable(sensor: String, error: &FleetError) -> SensorState {
    let failed = vec![error.to_string()];
    SensorState { sensor, devices: 0, last: None, watched: 0, dropped: 0.0, failed }
}

fn state(sensor: String, captured: &CaptureRecord) -> SensorState {
    let minutes = |run: &Watched| u64::from(run.span.minutes());
    let watched: u64 = captured.watched.iter().map(minutes).sum();
    let lost: f64 = captured.watched.iter().map(|run| run.dropped * minutes(run) as f64).sum();
    SensorState {
        sensor,
        devices: 0,
        last: captured.watched.last().map(|run| run.span.end),
        watched,
        dropped: if watched == 0 { 0.0 } else { lost / watched as f64 },
        failed: Vec::new(),
    }
}
