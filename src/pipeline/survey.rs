//! Every device of a fleet judged, one after the other, and what they say together.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    num::NonZero,
    slice,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crossbeam_channel::unbounded;
use serde::{Deserialize, Serialize};

use super::{
    accidents::{AccidentRate, Accidents},
    offline::Judging,
};
use crate::{
    base::{Bytes, Minute, Span},
    identify::Kind,
    ledger::{
        DeviceLedger, Subject, Watched,
        fleet::{FleetError, Ledgers, SensorWatch, Swept, millionths, nine_of_ten},
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
    /// What was said of it the time before.
    pub news: Novelty,
}

/// What was said of a finding the time before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Novelty {
    /// There was no time before.
    #[default]
    Unknown,
    /// The same.
    Known,
    /// Nothing: it is new.
    New,
    /// Another recurrent verdict.
    Was(Verdict),
}

/// One subject over all devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// What was judged; `None` for all there is.
    pub span: Option<Span>,
    /// Up to when it was judged the time before; `None` where there was no such time.
    pub since: Option<Minute>,
    /// What was found the time before and is no more.
    pub gone: Vec<FleetFinding>,
}

/// Sensors that are asked for with one question.
const A_BATCH: usize = 16;
/// Threads that ask and judge at most: each holds one device, and the server has other things to do.
const MOST_THREADS: usize = 4;

/// Judges every device of the fleet in `span` (at any time). Memory is that of one device for each thread, and of the
/// findings: a device is judged as it streams by. `each` is told how many devices were judged up to then.
///
/// # Errors
///
/// Only where the list of sensors cannot be read: a sensor or device that cannot is named, and the others go on.
pub fn survey(
    fleet: &Ledgers<'_>,
    span: Option<Span>,
    judging: &Judging,
    mut each: impl FnMut(u32),
) -> Result<Survey, FleetError> {
    let fleet = *fleet;
    let sensors = fleet.sensors()?;
    let batches: Vec<&[String]> = sensors.chunks(A_BATCH).collect();
    let next = AtomicUsize::new(0);
    let (send, judged) = unbounded();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(batches.len().max(1));
    let mut done: BTreeMap<usize, Tally> = BTreeMap::new();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (send, next, batches) = (send.clone(), &next, &batches);
            scope.spawn(move || {
                while let Some((at, batch)) = turn(next, batches) {
                    if send.send((at, Tally::of_batch(fleet, batch, span, judging))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut devices = 0;
        for (at, tally) in judged {
            devices += tally.devices();
            each(devices);
            done.insert(at, tally);
        }
    });
    let mut all = Tally::default();
    // In the order of sensors, whichever thread was faster: sums of fractions depend on it.
    for tally in done.into_values() {
        all.add(tally);
    }
    Ok(all.concluded(span, judging.night.discovery_rate))
}

fn turn<'a>(next: &AtomicUsize, batches: &[&'a [String]]) -> Option<(usize, &'a [String])> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    batches.get(at).map(|batch| (at, *batch))
}

/// What some sensors' devices say.
#[derive(Default)]
struct Tally {
    sensors: Vec<SensorState>,
    subjects: BTreeMap<String, FleetSubject>,
    findings: Vec<FleetFinding>,
    /// Evidence of rows that something can be said of and that are no recurrent findings: e-BH counts them.
    others: Vec<f64>,
    accidents: Accidents,
}

impl Tally {
    /// A batch at once; where that fails, each of its sensors alone, so that the one that makes it fail is named.
    fn of_batch(fleet: Ledgers<'_>, batch: &[String], span: Option<Span>, judging: &Judging) -> Self {
        if let Ok(tally) = Self::of(fleet, batch, span, judging) {
            return tally;
        }
        let mut all = Self::default();
        for sensor in batch {
            match Self::of(fleet, slice::from_ref(sensor), span, judging) {
                Ok(tally) => all.add(tally),
                Err(error) => all.sensors.push(unreadable(sensor.clone(), &error)),
            }
        }
        all
    }

    fn of(fleet: Ledgers<'_>, batch: &[String], span: Option<Span>, judging: &Judging) -> Result<Self, FleetError> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(Self::default()) };
        let mut tally = Self::default();
        let mut of_sensor: BTreeMap<String, (u32, Vec<String>)> = BTreeMap::new();
        let watches = fleet.sweep(first, last, span, |swept| {
            let (devices, failed) = of_sensor.entry(swept.sensor.clone()).or_default();
            match &swept.ledger {
                Ok(ledger) => {
                    *devices += 1;
                    tally.judge(&swept, ledger, judging);
                }
                Err(error) => failed.push(error.to_string()),
            }
        })?;
        let mut watches: BTreeMap<String, SensorWatch> =
            watches.into_iter().map(|watch| (watch.sensor.clone(), watch)).collect();
        for sensor in batch {
            let (devices, failed) = of_sensor.remove(sensor).unwrap_or_default();
            tally.sensors.push(state(sensor, watches.remove(sensor).as_ref(), devices, failed));
        }
        Ok(tally)
    }

    fn judge(&mut self, swept: &Swept, ledger: &DeviceLedger, judging: &Judging) {
        let finding = night::judge(ledger, &judging.night);
        let subject = |one: &Finding| ledger.subjects.get(one.subject).map(|row| &row.subject);
        if swept.shares {
            self.accidents.count(finding.findings.iter().filter_map(|one| Some((subject(one)?.kind, one))));
        }
        for one in &finding.findings {
            let Some(subject) = subject(one) else { continue };
            let summed = self.subjects.entry(subject.id.clone()).or_insert_with(|| FleetSubject {
                subject: subject.id.clone(),
                name: subject.name.clone(),
                ..FleetSubject::default()
            });
            *summed.verdicts.entry(one.verdict).or_default() += 1;
            let log10_e = millionths(one.evidence.log10_e.max(one.evidence.log10_e_drip));
            if is_recurrent(one.verdict) {
                self.findings.push(found(swept, subject, one, log10_e));
            } else if one.verdict != Verdict::Insufficient {
                self.others.push(log10_e);
            }
        }
    }

    fn devices(&self) -> u32 {
        self.sensors.iter().map(|state| state.devices).sum()
    }

    fn add(&mut self, other: Self) {
        self.sensors.extend(other.sensors);
        self.findings.extend(other.findings);
        self.others.extend(other.others);
        self.accidents.add(other.accidents);
        for (id, subject) in other.subjects {
            let sum = self.subjects.entry(id).or_insert_with(|| FleetSubject {
                subject: subject.subject,
                name: subject.name,
                ..FleetSubject::default()
            });
            for (verdict, devices) in subject.verdicts {
                *sum.verdicts.entry(verdict).or_default() += devices;
            }
        }
    }

    /// All rows together: which findings stand.
    fn concluded(mut self, span: Option<Span>, rate: f64) -> Survey {
        let evidence: Vec<f64> =
            self.findings.iter().map(|one| one.log10_e).chain(self.others.iter().copied()).collect();
        for (one, stands) in self.findings.iter_mut().zip(night::discoveries(&evidence, rate)) {
            one.stands = stands;
            if let Some(subject) = self.subjects.get_mut(&one.subject) {
                subject.standing += u32::from(stands);
            }
        }
        let mut survey = Survey {
            devices: self.devices(),
            rows: u32::try_from(evidence.len()).unwrap_or(u32::MAX),
            subjects: self.subjects.into_values().collect(),
            findings: self.findings,
            accidents: self.accidents.rates(),
            last: heard_of(&self.sensors),
            sensors: self.sensors,
            span,
            ..Survey::default()
        };
        survey.order();
        survey
    }
}

impl Survey {
    /// The most export-like subjects and the firmest findings first.
    pub(super) fn order(&mut self) {
        self.subjects.sort_by_key(|subject| {
            let count = |verdict| subject.verdicts.get(&verdict).copied().unwrap_or_default();
            let devices: u32 = subject.verdicts.values().sum();
            Reverse((count(Verdict::ExportLike), subject.standing, count(Verdict::BackupLike), devices))
        });
        self.findings.sort_by(|a, b| {
            let firm = (b.stands, b.verdict).cmp(&(a.stands, a.verdict)).then(b.log10_e.total_cmp(&a.log10_e));
            firm.then_with(|| a.key().cmp(&b.key()))
        });
    }
}

impl FleetFinding {
    /// What it is about.
    pub(super) fn key(&self) -> (&str, &str, &str) {
        (&self.sensor, &self.device, &self.subject)
    }
}

/// The minute after the last one that nine sensors of ten have watched.
pub(super) fn heard_of(sensors: &[SensorState]) -> Option<Minute> {
    let mut lasts: Vec<Minute> = sensors.iter().filter_map(|state| state.last).collect();
    lasts.sort_unstable();
    nine_of_ten(&lasts)
}

const fn is_recurrent(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::SmallRecurrent | Verdict::BackupLike | Verdict::ExportLike)
}

fn found(swept: &Swept, subject: &Subject, one: &Finding, log10_e: f64) -> FleetFinding {
    FleetFinding {
        sensor: swept.sensor.clone(),
        device: swept.device.clone(),
        label: swept.label.clone(),
        subject: subject.id.clone(),
        name: subject.name.clone(),
        kind: subject.kind,
        verdict: one.verdict,
        grade: one.grade,
        log10_e,
        eligible_nights: one.evidence.eligible_nights,
        worst_night: one.bounds.worst_night,
        stands: false,
        news: Novelty::Unknown,
    }
}

fn unreadable(sensor: String, error: &FleetError) -> SensorState {
    let failed = vec![error.to_string()];
    SensorState { sensor, devices: 0, last: None, watched: 0, dropped: 0.0, failed }
}

pub(super) fn state(sensor: &str, watch: Option<&SensorWatch>, devices: u32, failed: Vec<String>) -> SensorState {
    let runs = watch.map_or(&[][..], |watch| &watch.watched);
    let minutes = |run: &Watched| u64::from(run.span.minutes());
    let watched: u64 = runs.iter().map(minutes).sum();
    let lost: f64 = runs.iter().map(|run| run.dropped * minutes(run) as f64).sum();
    SensorState {
        sensor: sensor.to_owned(),
        devices,
        last: watch.and_then(|watch| watch.last),
        watched,
        dropped: if watched == 0 { 0.0 } else { lost / watched as f64 },
        failed,
    }
}
