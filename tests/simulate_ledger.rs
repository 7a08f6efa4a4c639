//! Scenario files, and the ledgers they give.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, path::PathBuf};

use nightaudit::{
    base::Bytes,
    ledger::DeviceLedger,
    simulate::{Judge, Life, Scenario, Truth},
};

fn nights() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/nights")
}

fn named(id: &str) -> Scenario {
    let path = nights().join(format!("{id}.toml"));
    Scenario::parse(&fs::read_to_string(&path).unwrap(), path).unwrap()
}

fn played(id: &str, seed: u64) -> (Life, DeviceLedger, Truth) {
    let life = Life::of(&named(id), seed);
    let (ledger, truth) = life.ledger();
    (life, ledger, truth)
}

fn sums(ledger: &DeviceLedger) -> (Bytes, Bytes) {
    let cells = || ledger.subjects.iter().flat_map(|subject| &subject.minutes);
    (cells().map(|(_, cell)| cell.up).sum(), cells().map(|(_, cell)| cell.down).sum())
}

#[test]
fn every_scenario_file_can_be_played_and_says_what_it_is_for() {
    let mut played = 0;
    for entry in fs::read_dir(nights()).unwrap() {
        let path = entry.unwrap().path();
        let scenario = Scenario::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
        assert_eq!(path.file_stem().unwrap().to_str(), Some(scenario.id.as_str()));
        assert!(!scenario.why.is_empty() && !scenario.expect.is_empty(), "{}", path.display());
        let life = Life::of(&scenario, 3);
        let (ledger, truth) = life.ledger();
        assert!(life.judged(&ledger).is_some());
        assert_eq!(sums(&ledger), (truth.up, truth.down), "{}: the ledger balances", scenario.id);
        let roles = ledger.subjects.iter().flat_map(|s| &s.roles);
        assert_eq!(roles.map(|(_, up, _)| *up).sum::<Bytes>(), truth.up, "{}", scenario.id);
        played += 1;
    }
    assert!(played >= 50, "only {played} scenarios");
}

#[test]
fn the_same_seed_gives_the_same_ledger_and_another_does_not() {
    let (_, first, truth) = played("P01", 5);
    let (_, again, same) = played("P01", 5);
    assert_eq!((&first, &truth), (&again, &same));
    assert_ne!(first, played("P01", 6).1);
}

#[test]
fn an_export_leaves_the_rest_of_the_life_as_it_was() {
    let mut quiet = named("P01");
    quiet.exports.clear();
    let (with, without) = (played("P01", 9).2, Life::of(&quiet, 9).ledger().1);
    let exported: Bytes = with.exports.iter().map(|e| e.bytes).sum();
    let extra = with.up.less(without.up).less(exported);
    assert!(extra.0 < 40_000, "handshakes and look-ups of {} exports, not {extra}", with.exports.len());
}

#[test]
fn exports_come_in_the_size_and_number_the_scenario_says() {
    let (mut count, mut sizes) = (0, Vec::new());
    for seed in 0..40 {
        let exports = played("P01", seed).2.exports;
        count += exports.len();
        sizes.extend(exports.iter().map(|e| e.bytes.as_mb().ln()));
    }
    let share = count as f64 / (40.0 * 28.0);
    assert!((0.92..=0.98).contains(&share), "95 % of nights, got {share}");
    let median = (sizes.iter().sum::<f64>() / sizes.len() as f64).exp();
    assert!((57.0..=63.0).contains(&median), "60 MB, got {median}");
}

#[test]
fn a_plain_user_uploads_little_while_nobody_exports() {
    let mut per_day: Vec<f64> = (0..60)
        .map(|seed| {
            let (life, ledger, _) = played("B01", seed);
            let row = &ledger.subjects[life.judged(&ledger).unwrap()];
            let own = row.minutes.iter().map(|(_, cell)| cell.up.less(cell.stream_up)).sum::<Bytes>();
            own.as_mb() / 28.0
        })
        .collect();
    per_day.sort_by(f64::total_cmp);
    let median = per_day[30];
    assert!((2.0..14.0).contains(&median), "a few MB of messages and media a day, got {median}");
}

#[test]
fn dropped_packets_are_missing_from_ledger_and_truth_alike() {
    let (_, ledger, truth) = played("P25", 2);
    assert!(ledger.watched.iter().all(|w| (w.dropped - 0.1).abs() < 1e-9));
    let mut lossless = named("P25");
    lossless.coverage.packets_dropped = None;
    let whole = Life::of(&lossless, 2).ledger().1;
    let kept = truth.up.0 as f64 / whole.up.0 as f64;
    assert!((0.89..0.91).contains(&kept), "nine packets of ten, got {kept}");
    assert_eq!(sums(&ledger).0, truth.up);
}

#[test]
fn a_sensor_that_was_off_says_so() {
    let (_, ledger, _) = played("B25", 4);
    let watched: u32 = ledger.watched.iter().map(|w| w.span.minutes()).sum();
    let days = watched / (24 * 60);
    assert!((6..=22).contains(&days), "about half of 28 days, got {days}");
    let outside = ledger.seen.iter().filter(|m| !ledger.watched.iter().any(|w| w.span.contains(**m)));
    assert_eq!(outside.count(), 0);
}

#[test]
fn a_phone_that_is_elsewhere_is_not_seen_though_the_sensor_is_on() {
    let (_, ledger, _) = played("V03", 4);
    assert_eq!(ledger.watched.len(), 1);
    let longest = ledger.seen.windows(2).map(|w| w[1].since(w[0])).max().unwrap();
    assert!(longest > 4 * 60, "a night without a packet, got {longest} minutes");
}

#[test]
fn judged_rows_hold_what_is_exported_to_them() {
    for (id, judge) in [("P14", Judge::Unattributed), ("B17", Judge::Cloud), ("P01", Judge::Messenger)] {
        let (life, ledger, _) = played(id, 1);
        assert_eq!(named(id).judge, judge);
        let row = &ledger.subjects[life.judged(&ledger).unwrap()];
        let bulk: Bytes = row.minutes.iter().map(|(_, cell)| cell.bulk_up).sum();
        assert!(bulk > Bytes::mb(100), "{id}: {bulk}");
    }
}
