//! A phone is played and judged, and the other methods say what they say.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use nightaudit::{
    base::Bytes,
    ledger::DeviceLedger,
    night::{Finding, Grade, Night, Settings, Verdict, judge},
    simulate::{Class, Judge, Life, Scenario, Truth},
};

use crate::nights::rivals::{Phone, RIVALS, Said};

/// What came of one phone.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) seed: u64,
    /// The judged row is a messenger's or nobody's, not a cloud's, which may keep copies.
    pub(crate) operator: bool,
    pub(crate) class: Class,
    /// The verdict is one that the scenario lists; or, where the export cannot be detected, what the same phone would be
    /// told without it.
    pub(crate) expected: bool,
    pub(crate) listed: bool,
    pub(crate) verdict: Verdict,
    /// On which row a phone without exports is called exporting, with what grade; of one that exports, the judged row.
    pub(crate) called: Option<Grade>,
    pub(crate) nights: u32,
    /// Share of nights on which 5 MB or more left by an export at rest.
    pub(crate) large_share: f64,
    /// Share of nights with any export at rest.
    pub(crate) export_share: f64,
    /// Its median size over those nights, MB.
    pub(crate) median_mb: f64,
    pub(crate) first_flagged: Option<u32>,
    pub(crate) probability: f64,
    /// What enters the score, without the constant.
    pub(crate) features: Vec<f64>,
    pub(crate) rivals: Vec<Said>,
    /// Whether the ledger bound held, where it can be checked.
    pub(crate) bound_held: Option<bool>,
    pub(crate) eligible: u32,
    /// Nights with 5 MB of unattended bulk, and those of them at rest.
    pub(crate) hits: [usize; 2],
}

impl Outcome {
    pub(crate) fn exports(&self) -> bool {
        !matches!(self.class, Class::Negative | Class::Ambiguous | Class::Declared)
    }
}

/// The word for a verdict in scenario files.
pub(crate) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Insufficient => "insufficient",
        Verdict::Routine => "routine",
        Verdict::SmallRecurrent => "small-recurrent",
        Verdict::BulkButIrregular => "bulk-but-irregular",
        Verdict::BackupLike => "backup-like",
        Verdict::ExportLike => "export-like",
    }
}

/// The scenario files of `tests/nights`, in the order of their names.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nights");
    let files = std::fs::read_dir(folder).expect("the folder of scenarios");
    let mut paths: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).expect("a scenario file");
    paths.iter().map(|path| Scenario::parse(&read(path), path).expect("a scenario")).collect()
}

/// Plays `scenario` with `seed` and judges it; the other methods too where `rivals`.
pub(crate) fn play(scenario: &Scenario, seed: u64, rivals: Rivals) -> Outcome {
    let life = Life::of(scenario, seed);
    let (ledger, truth) = life.ledger();
    let row = life.judged(&ledger).expect("a row to judge");
    let settings = Settings { power: false, ..settings() };
    let device = judge(&ledger, &settings);
    let found = &device.findings[row];
    let called = |found: &Finding| (found.verdict == Verdict::ExportLike).then_some(found.grade).flatten();
    let benign = scenario.class == Class::Negative;
    let worst = device.findings.iter().filter_map(called).max_by_key(|grade| *grade == Grade::Strong);
    let nights = exported_by_night(&truth, scenario.nights);
    let share =
        |least: f64| nights.iter().filter(|mb| **mb >= least && **mb > 0.0).count() as f64 / nights.len() as f64;
    let said = |life: &Life| {
        let conversations = life.conversations();
        let zone = scenario.timezone;
        let phone = Phone { conversations: &conversations, ledger: &ledger, subject: row, zone };
        RIVALS.iter().map(|(_, method)| method(&phone)).collect()
    };
    let listed = scenario.expect.iter().any(|expect| expect == word(found.verdict));
    Outcome {
        id: scenario.id.clone(),
        seed,
        operator: scenario.judge != Judge::Cloud,
        class: scenario.class,
        expected: listed || scenario.class == Class::Undetectable && found.verdict == without_export(scenario, seed),
        listed,
        verdict: found.verdict,
        called: if benign { worst } else { called(found) },
        nights: scenario.nights,
        large_share: share(5.0),
        export_share: share(0.0),
        median_mb: median(nights.iter().copied().filter(|mb| *mb > 0.0).collect()),
        first_flagged: found.evidence.first_flagged_night,
        probability: found.score.as_ref().map_or(0.0, nightaudit::night::Score::probability),
        features: found.score.iter().flat_map(|score| score.terms.iter().skip(1).map(|term| term.value)).collect(),
        rivals: if rivals == Rivals::Asked { said(&life) } else { Vec::new() },
        bound_held: bound_held(scenario, &truth, found, &ledger),
        eligible: found.evidence.eligible_nights,
        hits: [|night: &Night| night.bulk_up, |night: &Night| night.rest_bulk_up]
            .map(|up| found.nights.iter().filter(|night| up(night) >= Bytes::mb(5)).count()),
    }
}

/// The verdict on the same phone without its export: what nobody can see must not change what is said.
fn without_export(scenario: &Scenario, seed: u64) -> Verdict {
    let life = Life::of(&Scenario { exports: Vec::new(), ..scenario.clone() }, seed);
    let (ledger, _) = life.ledger();
    let row = life.judged(&ledger).expect("a row to judge");
    judge(&ledger, &Settings { power: false, ..settings() }).findings[row].verdict
}

/// The settings as they are, but for what `NIGHTAUDIT_NIGHT` sets, such as `accident_rate = 0.1`.
pub(crate) fn settings() -> Settings {
    let said = std::env::var("NIGHTAUDIT_NIGHT").unwrap_or_default();
    toml::from_str(&said).expect("settings of the night stage")
}

/// Whether the other methods are asked too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rivals {
    Asked,
    LeftOut,
}

/// MB exported at rest on each night.
fn exported_by_night(truth: &Truth, nights: u32) -> Vec<f64> {
    let mut by_night = vec![0.0; nights as usize];
    for one in truth.exports.iter().filter(|one| one.unattended) {
        if let Some(night) = by_night.get_mut(one.night) {
            *night += one.bytes.as_mb();
        }
    }
    by_night
}

/// No export that began unattended, on a phone watched without a gap, was larger than the raw bound says.
fn bound_held(scenario: &Scenario, truth: &Truth, found: &Finding, ledger: &DeviceLedger) -> Option<bool> {
    let whole = scenario.coverage.days_missing.is_none() && scenario.coverage.hours_missing.is_none();
    let bound = found.bounds.raw_worst_night.filter(|_| whole && ledger.watched.len() == 1)?;
    let unattended = |one: &&nightaudit::simulate::Exported| one.unattended && !found.is_attended(one.at.minute());
    let largest = truth.exports.iter().filter(unattended).map(|one| one.bytes).max()?;
    // A thousandth for packets dropped by chance beyond their share.
    Some(largest <= Bytes(bound.0 + bound.0 / 100))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// `each` of `0..count`, on all cores, in order.
pub(crate) fn in_parallel<T: Send>(count: usize, each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return done;
            }
            done.push((at, each(at)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a phone that can be played")).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}
