//! Phones with known truth, played from the scenario files and judged.
//!
//! `NIGHTAUDIT_SEEDS=20 cargo test --test night_scenarios -- --nocapture` plays more seeds and prints the table.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use nightaudit::{
    base::Bytes,
    night::{Annotation, Finding, Grade, Settings, Verdict, judge},
    simulate::{Class, Life, Scenario},
};

fn scenarios() -> Vec<Scenario> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/nights");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let parsed = paths.iter().map(|path| Scenario::parse(&fs::read_to_string(path).unwrap(), path).unwrap());
    parsed.collect()
}

fn seeds() -> u64 {
    env::var("NIGHTAUDIT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

const SEEDS_FROM: u64 = 0;

fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Insufficient => "insufficient",
        Verdict::Routine => "routine",
        Verdict::SmallRecurrent => "small-recurrent",
        Verdict::BulkButIrregular => "bulk-but-irregular",
        Verdict::BackupLike => "backup-like",
        Verdict::ExportLike => "export-like",
    }
}

fn judged(scenario: &Scenario, seed: u64) -> Option<Finding> {
    let life = Life::of(scenario, seed);
    let (ledger, _) = life.ledger();
    let row = life.judged(&ledger)?;
    let settings = Settings { power: false, ..Settings::default() };
    Some(judge(&ledger, &settings).findings.swap_remove(row))
}

/// How the verdicts on many phones compare with what they should be.
#[derive(Debug, Default)]
struct Table {
    caught: u32,
    missed: u32,
    false_alarms: u32,
    false_strong: u32,
    quiet: u32,
    /// Verdicts on phones where saying the right thing is all that can be asked, right and all.
    honest: (u32, u32),
    /// Annotated as tail-recurrent: benign phones, and phones that are.
    tails: (u32, u32),
}

impl Table {
    fn add(&mut self, scenario: &Scenario, found: &Finding) {
        let alarm = found.verdict == Verdict::ExportLike;
        let expected = is_expected(scenario, found);
        let tail = u32::from(found.annotations.contains(&Annotation::TailRecurrent));
        match scenario.class {
            // What is sent in the owner's own sessions shows only on a phone whose use is scripted.
            Class::Positive if scenario.id == "V10" => {}
            Class::Positive if alarm => self.caught += 1,
            Class::Positive => self.missed += u32::from(!expected),
            Class::Negative => {
                self.tails.0 += tail;
                self.false_alarms += u32::from(alarm);
                self.false_strong += u32::from(alarm && found.grade == Some(Grade::Strong));
                self.quiet += u32::from(!alarm);
            }
            class => {
                self.tails.1 += if class == Class::Evasive { tail } else { 0 };
                self.honest = (self.honest.0 + u32::from(expected), self.honest.1 + 1);
            }
        }
    }

    fn precision(&self) -> f64 {
        f64::from(self.caught) / f64::from((self.caught + self.false_alarms).max(1))
    }

    fn recall(&self) -> f64 {
        f64::from(self.caught) / f64::from((self.caught + self.missed).max(1))
    }
}

fn is_expected(scenario: &Scenario, found: &Finding) -> bool {
    scenario.expect.iter().any(|expect| expect == said(found.verdict))
}

#[test]
fn verdicts_on_phones_with_known_truth_are_as_expected() {
    let mut table = Table::default();
    for scenario in scenarios() {
        let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
        for seed in SEEDS_FROM..SEEDS_FROM + seeds() {
            let found = judged(&scenario, seed).unwrap();
            *verdicts.entry(said(found.verdict)).or_default() += 1;
            table.add(&scenario, &found);
        }
        println!("{:4} {:12} {verdicts:?}, to be {:?}", scenario.id, format!("{:?}", scenario.class), scenario.expect);
    }
    println!("precision {:.3} recall {:.3} {table:?}", table.precision(), table.recall());
    assert!(table.precision() >= 0.97 && table.recall() >= 0.95 && table.false_strong == 0, "{table:?}");
    assert!(f64::from(table.honest.0) >= 0.85 * f64::from(table.honest.1), "{table:?}");
    assert_eq!(table.tails.0, 0, "no benign phone uploads in the wake of its last use: {table:?}");
}

#[test]
fn uploads_in_the_wake_of_the_last_use_are_pointed_out() {
    let all = scenarios();
    let tail = all.iter().find(|scenario| scenario.id == "P23").unwrap();
    let found = |seed| judged(tail, seed).unwrap().annotations.contains(&Annotation::TailRecurrent);
    let count = (0..10).filter(|&seed| found(seed)).count();
    assert!(count >= 8, "{count} of 10");
}

/// An export of the size that the power bound names is noticed when the whole phone is played again with it.
#[test]
fn what_is_said_to_be_detectable_is_detected() {
    let all = scenarios();
    let quiet = all.iter().find(|scenario| scenario.id == "B01").unwrap();
    let exporting = all.iter().find(|scenario| scenario.id == "P02").unwrap();
    let (mut flagged, mut called, mut played) = (0, 0, 0);
    for seed in 100..112 {
        let life = Life::of(quiet, seed);
        let ledger = life.ledger().0;
        let row = life.judged(&ledger).unwrap();
        let bounds = judge(&ledger, &Settings::default()).findings[row].bounds.clone();
        let with = |size: Bytes| {
            let mut scenario = exporting.clone();
            scenario.exports[0].mb.0 = size.as_mb();
            scenario.exports[0].spread.0 = 0.0;
            scenario.exports[0].on_nights.0 = 1.0;
            judged(&scenario, seed).unwrap().verdict
        };
        played += 1;
        flagged += u32::from(with(bounds.detectable.unwrap()) > Verdict::Routine);
        called += u32::from(with(bounds.detectable_export.unwrap()) == Verdict::ExportLike);
    }
    assert!(flagged >= played - 1 && called >= played - 1, "{flagged} flagged and {called} called of {played}");
}
