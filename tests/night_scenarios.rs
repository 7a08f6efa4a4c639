//! Phones with known truth, played from the scenario files and judged.
//!
//! `NIGHTAUDIT_SEEDS=20 cargo test --test night_scenarios -- --nocapture` plays more seeds and prints the table.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use nightaudit::{
    night::{Finding, Grade, Settings, Verdict, judge},
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

#[test]
fn verdicts_on_phones_with_known_truth_are_as_expected() {
    let (mut true_alarms, mut false_alarms, mut missed, mut quiet, mut strong) = (0, 0, 0, 0, 0);
    let (mut honest, mut dishonest) = (0, 0);
    for scenario in scenarios() {
        let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
        for seed in 0..seeds() {
            let found = judged(&scenario, seed).unwrap();
            *verdicts.entry(said(found.verdict)).or_default() += 1;
            let expected = scenario.expect.iter().any(|expect| expect == said(found.verdict));
            let alarm = found.verdict == Verdict::ExportLike;
            match scenario.class {
                Class::Positive if alarm => true_alarms += 1,
                Class::Positive if !expected => missed += 1,
                Class::Negative if alarm => {
                    false_alarms += 1;
                    strong += u32::from(found.grade == Some(Grade::Strong));
                }
                Class::Negative => quiet += 1,
                _ if expected => honest += 1,
                _ => dishonest += 1,
            }
            if !expected || env::var_os("NIGHTAUDIT_ALL").is_some() {
                println!(
                    "  {} seed {seed}: {} {:?} e {:.1} drip {:.1} tip {:?} hits {:?} n {} lacking {:?} worst {:?} med {:?}",
                    scenario.id,
                    said(found.verdict),
                    found.grade,
                    found.evidence.log10_e,
                    found.evidence.log10_e_drip,
                    found.evidence.tipping_rate,
                    found.evidence.hits.iter().map(|h| h.1).collect::<Vec<_>>(),
                    found.evidence.eligible_nights,
                    found.lacking,
                    found.bounds.worst_night.map(|b| b.to_string()),
                    found.bounds.median_night.map(|b| b.to_string()),
                );
            }
        }
        println!(
            "{:4} {:12} {:?} expect {:?}",
            scenario.id,
            format!("{:?}", scenario.class),
            verdicts,
            scenario.expect
        );
    }
    let precision = f64::from(true_alarms) / f64::from((true_alarms + false_alarms).max(1));
    let recall = f64::from(true_alarms) / f64::from((true_alarms + missed).max(1));
    println!(
        "precision {precision:.3} recall {recall:.3} false {false_alarms} of {} strong {strong}",
        false_alarms + quiet
    );
    println!("honest {honest} of {}", honest + dishonest);
    assert!(precision >= 0.97 && recall >= 0.95 && strong == 0);
}

/// `cargo test --release --test night_scenarios -- --ignored --nocapture how_long`
#[test]
#[ignore = "prints times, which say nothing in a debug build"]
fn how_long_one_device_takes() {
    let all = scenarios();
    let mut scenario = all.iter().find(|scenario| scenario.id == "P01").unwrap().clone();
    scenario.nights = 60;
    let life = Life::of(&scenario, 1);
    let mut ledger = life.ledger().0;
    let row = ledger.subjects[life.judged(&ledger).unwrap()].clone();
    while ledger.subjects.len() < 20 {
        ledger.subjects.push(row.clone());
    }
    for power in [false, true] {
        let settings = Settings { power, ..Settings::default() };
        let start = std::time::Instant::now();
        let rounds = 20;
        for _ in 0..rounds {
            std::hint::black_box(judge(std::hint::black_box(&ledger), &settings));
        }
        println!("power {power}: {:.2} ms a device", start.elapsed().as_secs_f64() * 1e3 / f64::from(rounds));
    }
    let found = judge(&ledger, &Settings::default());
    for (subject, finding) in ledger.subjects.iter().zip(&found.findings).take(7) {
        println!("{} {:?} {:?} {:?}", subject.subject.id, finding.verdict, finding.lacking, finding.bounds);
    }
}
