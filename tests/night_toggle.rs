//! Phones whose uploads follow a calendar and phones whose uploads do not, and what stands behind a verdict.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, path::Path};

use chrono::NaiveDate;
use nightaudit::{
    base::Bytes,
    ledger::{DeviceLedger, Watched},
    night::{
        ACCIDENT_RATES, Answer, LeftOut, Measure, Settings, Switch, THRESHOLDS, TogglePlan, Toggled, Verdict, judge,
        sensitivity, toggled, walk,
    },
    simulate::{Amount, Life, Scenario, Share},
};

const NIGHTS: usize = 14;

fn scenario(id: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/nights/{id}.toml"));
    Scenario::parse(&fs::read_to_string(&path).unwrap(), path).unwrap()
}

fn settings() -> Settings {
    Settings { power: false, ..Settings::default() }
}

/// A calendar for a phone of the scenario files: they begin on the evening of 1 June 2026.
fn plan(seed: u64) -> TogglePlan {
    let start = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
    let zone = chrono_tz::Europe::Berlin;
    TogglePlan::draw("the backup".into(), NIGHTS, start, "18:00".parse().unwrap(), zone, seed).unwrap()
}

/// A phone that uploads `mb` while its owner sleeps, on nights by the calendar alone.
fn obedient(plan: &TogglePlan, mb: f64, seed: u64) -> (DeviceLedger, usize) {
    let mut scenario = scenario("P03");
    scenario.nights = u32::try_from(NIGHTS).unwrap();
    let pattern = scenario.exports.remove(0);
    for (night, planned) in (0_u32..).zip(&plan.night) {
        if planned.feature == Switch::On {
            let mut export = pattern.clone();
            (export.from_night, export.until_night) = (night, Some(night + 1));
            (export.mb, export.on_nights) = (Amount(mb), Share(1.0));
            scenario.exports.push(export);
        }
    }
    played(&scenario, seed)
}

/// A phone that uploads on some nights, whatever the calendar says.
fn stubborn(seed: u64) -> (DeviceLedger, usize) {
    let mut scenario = scenario("P03");
    scenario.nights = u32::try_from(NIGHTS).unwrap();
    scenario.exports[0].on_nights = Share(0.5);
    played(&scenario, seed)
}

fn played(scenario: &Scenario, seed: u64) -> (DeviceLedger, usize) {
    let life = Life::of(scenario, seed);
    let ledger = life.ledger().0;
    let row = life.judged(&ledger).unwrap();
    (ledger, row)
}

fn told(ledger: &DeviceLedger, row: usize, plan: &TogglePlan) -> Toggled {
    toggled(ledger, row, plan, &settings()).unwrap()
}

#[test]
fn uploads_that_follow_the_switch_are_found_and_their_size_is_told() {
    for seed in 0..10 {
        let plan = plan(seed);
        let (ledger, row) = obedient(&plan, 12.0, 70 + seed);
        let found = told(&ledger, row, &plan);
        assert_eq!((found.measure, found.answer), (Measure::Unattended, Answer::Follows), "{seed}: {found:?}");
        let effect = found.effect.unwrap();
        assert!((4_000_000..30_000_000).contains(&effect.typical) && effect.least > 0, "{seed}: {effect:?}");
        assert!(found.median(Switch::Off).unwrap() < Bytes::mb(2), "{seed}");
    }
}

#[test]
fn uploads_that_ignore_the_switch_seldom_seem_to_follow_it() {
    let follow = |seed: u64| {
        let plan = plan(seed);
        let (ledger, row) = stubborn(300 + seed);
        matches!(told(&ledger, row, &plan).answer, Answer::Follows | Answer::ProbablyFollows)
    };
    let wrong = (0..40).filter(|seed| follow(*seed)).count();
    assert!(wrong <= 6, "2 of 40 are to be expected, 7 come up with a chance of 0.4 %: {wrong}");
}

#[test]
fn nights_that_were_not_captured_or_that_the_owner_gives_up_do_not_count() {
    let mut plan = plan(3);
    let (mut ledger, row) = obedient(&plan, 12.0, 5);
    plan.night[4].left_out = Some("lent the phone".into());
    let from = ledger.watched[0].span.first.plus(9 * 1_440);
    ledger.watched =
        vec![Watched { span: nightaudit::base::Span { end: from, ..ledger.watched[0].span }, dropped: 0.0 }];
    let found = told(&ledger, row, &plan);
    assert_eq!(found.nights[4].left_out, Some(LeftOut::Owner("lent the phone".into())));
    assert!(found.nights[10..].iter().all(|night| matches!(night.left_out, Some(LeftOut::Coverage(_)))), "{found:?}");
    let counted = found.counted(Switch::On).len() + found.counted(Switch::Off).len();
    assert!((7..=9).contains(&counted), "{counted}");
    assert!(found.smallest_p.unwrap() > plan.smallest_p());
}

#[test]
fn too_few_nights_give_no_answer_however_clear_they_look() {
    let mut plan = plan(3);
    let (ledger, row) = obedient(&plan, 12.0, 5);
    let mut kept = [0, 0];
    for night in &mut plan.night {
        let kept = &mut kept[usize::from(night.feature == Switch::On)];
        *kept += 1;
        night.left_out = (*kept > 2).then(|| "not captured".to_owned());
    }
    let found = told(&ledger, row, &plan);
    assert_eq!(found.answer, Answer::TooFew);
    assert!(found.p.unwrap() > 0.16);
}

#[test]
fn where_use_cannot_be_told_all_upload_is_compared_and_still_exactly() {
    let plan = plan(8);
    let (mut ledger, row) = obedient(&plan, 60.0, 21);
    ledger.subjects.swap(0, row);
    ledger.subjects.truncate(1);
    ledger.names.clear();
    let found = told(&ledger, 0, &plan);
    assert_eq!((found.measure, found.answer), (Measure::All, Answer::Follows), "{found:?}");
}

#[test]
fn the_table_of_assumptions_holds_the_verdict_itself_and_only_weakens_with_them() {
    for id in ["P01", "P08", "B01", "B13", "B17"] {
        let (ledger, row) = played(&scenario(id), 11);
        let table = sensitivity(&ledger, row, &settings());
        assert_eq!(table.len(), ACCIDENT_RATES.len() * THRESHOLDS.len());
        let here = table.iter().find(|one| (one.accident_rate, one.threshold) == (0.05, 100.0)).unwrap();
        assert_eq!(here.verdict, judge(&ledger, &settings()).findings[row].verdict, "{id}");
        let recurs = |verdict| matches!(verdict, Verdict::ExportLike | Verdict::BackupLike | Verdict::SmallRecurrent);
        for (at, one) in table.iter().enumerate() {
            let stricter = table.iter().skip(at).filter(|other| other.threshold >= one.threshold);
            assert!(recurs(one.verdict) || !stricter.clone().any(|other| recurs(other.verdict)), "{id}: {table:?}");
        }
    }
}

#[test]
fn the_steps_lead_to_the_numbers_of_the_finding() {
    for id in ["P01", "P08", "B01"] {
        let (ledger, row) = played(&scenario(id), 12);
        let found = judge(&ledger, &settings()).findings.swap_remove(row);
        let walk = walk(&ledger, row, &settings()).unwrap();
        assert_eq!(walk.steps.len(), found.evidence.eligible_nights as usize);
        let most = walk.steps.iter().skip(4).map(|step| step.log10_e).fold(f64::NEG_INFINITY, f64::max);
        assert!((most - found.evidence.log10_e).abs() < 1e-9, "{id}: {most} {}", found.evidence.log10_e);
        assert!(walk.by_names > 100 && walk.attended < walk.observed);
    }
}
