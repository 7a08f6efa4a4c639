//! A year of schedules in milliseconds: clock changes, sleep, restarts, failures, clocks that were wrong.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeZone as _, Timelike as _};
use chrono_tz::{Europe::Berlin, Tz};
use nightaudit::{
    base::Stamp,
    schedule::{Plan, Planner, State},
};
use proptest::prelude::*;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn plan(name: &str, cron: &str) -> Plan {
    toml::from_str(&format!("name = '{name}'\ncron = '{cron}'")).expect("a plan")
}

/// `2026-03-29 01:00` in UTC.
fn utc(text: &str) -> Stamp {
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a moment");
    Stamp::new(naive.and_utc().timestamp().try_into().expect("after 1970"), 0)
}

fn local(at: Stamp, zone: Tz) -> String {
    zone.timestamp_opt(at.seconds().try_into().unwrap(), 0).unwrap().format("%Y-%m-%d %H:%M %Z").to_string()
}

/// Everything that is carried out from `start` to `end` by somebody who looks every `step` seconds.
fn carried_out(plans: Vec<Plan>, zone: Tz, start: Stamp, end: Stamp, step: u64) -> BTreeMap<String, Vec<Stamp>> {
    let mut planner = Planner::new(plans, zone, &State::default(), start);
    let mut runs = BTreeMap::<String, Vec<Stamp>>::new();
    let mut now = start;
    while now <= end {
        for run in planner.due(now) {
            planner.succeeded(&run);
            runs.entry(run.plan).or_default().push(run.due);
        }
        now = now.plus_seconds(step);
    }
    runs
}

fn one(cron: &str, zone: Tz, start: &str, end: &str) -> Vec<String> {
    let runs = carried_out(vec![plan("x", cron)], zone, utc(start), utc(end), 60);
    runs.values().flatten().map(|due| local(*due, zone)).collect()
}

#[test]
fn a_year_of_mornings_is_a_report_every_day_at_seven_by_the_wall_clock() {
    let plans = vec![plan("morning", "0 7 * * *"), plan("weekly", "30 6 * * MON"), plan("monthly", "0 5 1 * *")];
    let runs = carried_out(plans, Berlin, utc("2026-01-01 00:00"), utc("2026-12-31 22:00"), 600);
    assert_eq!([&runs["morning"], &runs["weekly"], &runs["monthly"]].map(Vec::len), [365, 52, 11 + 1]);
    for due in &runs["morning"] {
        let at = Berlin.timestamp_opt(due.seconds().try_into().unwrap(), 0).unwrap();
        assert_eq!((at.hour(), at.minute()), (7, 0));
    }
}

#[test]
fn what_falls_into_the_hour_that_spring_skips_runs_right_after_it_and_once() {
    let runs = one("30 2 * * *", Berlin, "2026-03-27 23:00", "2026-03-31 12:00");
    assert_eq!(
        runs,
        ["2026-03-28 02:30 CET", "2026-03-29 03:00 CEST", "2026-03-30 02:30 CEST", "2026-03-31 02:30 CEST"]
    );
}

#[test]
fn what_falls_into_the_hour_that_autumn_repeats_runs_once() {
    let runs = one("30 2 * * *", Berlin, "2026-10-24 12:00", "2026-10-26 12:00");
    assert_eq!(runs, ["2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"]);
}

#[test]
fn what_runs_every_half_hour_runs_in_both_hours_of_autumn_and_in_none_that_spring_skips() {
    let day = |start: &str, end: &str| one("*/30 * * * *", Berlin, start, end).len();
    assert_eq!(day("2026-10-24 21:59", "2026-10-25 22:59"), 50);
    assert_eq!(day("2026-03-28 22:59", "2026-03-29 21:59"), 46);
    assert_eq!(day("2026-06-01 21:59", "2026-06-02 21:59"), 48);
}

#[test]
fn zones_that_change_by_other_rules_are_kept_to() {
    // Lord Howe Island moves its clocks by half an hour, Nepal is 5:45 ahead.
    let howe: Tz = "Australia/Lord_Howe".parse().unwrap();
    assert_eq!(one("15 2 * * *", howe, "2026-10-02 14:00", "2026-10-04 14:00").len(), 2);
    let nepal: Tz = "Asia/Kathmandu".parse().unwrap();
    assert_eq!(one("0 7 * * *", nepal, "2026-06-02 00:00", "2026-06-03 00:00"), ["2026-06-02 07:00 +0545"]);
}

#[test]
fn what_was_missed_while_the_machine_slept_is_made_up_once() {
    let start = utc("2026-06-01 12:00");
    let mut planner = Planner::new(vec![plan("morning", "0 7 * * *")], Berlin, &State::default(), start);
    let woken = start.plus_seconds(9 * DAY);
    let due = planner.due(woken);
    assert_eq!(due.iter().map(|run| local(run.due, Berlin)).collect::<Vec<_>>(), ["2026-06-10 07:00 CEST"]);
    planner.succeeded(&due[0]);
    assert!(planner.due(woken).is_empty() && planner.due(woken.plus_seconds(HOUR)).is_empty());
    assert_eq!(planner.next(woken).map(|next| local(next, Berlin)), Some("2026-06-11 07:00 CEST".to_owned()));
}

#[test]
fn what_was_due_before_a_plan_was_made_is_not_made_up() {
    let now = utc("2026-06-01 12:00");
    let mut planner =
        Planner::new(vec![plan("yearly", "@yearly"), plan("old", "* * * * *")], Berlin, &State::default(), now);
    assert!(planner.due(now).is_empty());
    assert_eq!(planner.due(now.plus_seconds(60)).len(), 1);
}

#[test]
fn a_run_that_failed_is_tried_again_with_longer_pauses_until_the_next_is_due() {
    let start = utc("2026-06-01 12:00");
    let mut planner = Planner::new(vec![plan("morning", "0 7 * * *")], Tz::UTC, &State::default(), start);
    let (mut now, mut tried) = (utc("2026-06-02 06:59"), Vec::new());
    while now < utc("2026-06-03 07:01") {
        if let Some(run) = planner.due(now).first() {
            planner.failed(run, now);
            tried.push((now.since(utc("2026-06-02 07:00")) / 60_000_000_000, run.due));
        }
        now = now.plus_seconds(60);
    }
    let minutes: Vec<u64> = tried.iter().take(6).map(|(after, _)| *after).collect();
    assert_eq!(minutes, [0, 5, 15, 35, 75, 135]);
    assert!(tried.len() < 30 && tried.last().unwrap().1 >= utc("2026-06-02 07:00"));
}

#[test]
fn a_clock_set_back_a_little_repeats_nothing_and_one_set_back_by_years_stops_nothing() {
    let start = utc("2026-06-01 12:00");
    let mut planner = Planner::new(vec![plan("hourly", "0 * * * *")], Tz::UTC, &State::default(), start);
    for run in planner.due(utc("2026-06-01 13:00")) {
        planner.succeeded(&run);
    }
    assert!(planner.due(utc("2026-06-01 12:30")).is_empty(), "half an hour back: it was done");
    assert!(planner.due(utc("2026-06-01 13:00")).is_empty());
    for run in planner.due(utc("2036-01-01 00:00")) {
        planner.succeeded(&run);
    }
    assert!(planner.due(utc("2026-06-02 00:30")).is_empty());
    assert_eq!(planner.due(utc("2026-06-02 01:00")).len(), 1, "ten years wrong, and then right again");
}

#[test]
fn a_clock_at_the_ends_of_time_makes_nothing_fall_over() {
    for now in [Stamp::new(0, 0), Stamp::from_nanos(u64::MAX)] {
        let mut planner = Planner::new(vec![plan("x", "0 7 * * *")], Berlin, &State::default(), Stamp::new(0, 0));
        let due = planner.due(now);
        assert!(due.iter().all(|run| run.due <= now));
        let _ = planner.next(now);
    }
}

const CRONS: [&str; 10] = [
    "0 7 * * *",
    "30 2 * * *",
    "*/5 * * * *",
    "0 */6 * * *",
    "15 1,13 * * *",
    "0 0 1 * *",
    "0 9 * * MON-FRI",
    "59 23 L * *",
    "@hourly",
    "* 3 * * SUN",
];
const ZONES: [Tz; 5] = [Tz::UTC, Berlin, Tz::America__New_York, Tz::Asia__Kathmandu, Tz::Australia__Lord_Howe];

proptest! {
    /// Whenever somebody looks, what is due is the latest occurrence that was not done: never twice, never skipped,
    /// never ahead of its time, never before the plan was made.
    #[test]
    fn whenever_one_looks_the_latest_occurrence_is_due_once(
        cron in 0..CRONS.len(),
        zone in 0..ZONES.len(),
        start in 1_767_225_600_u64..1_798_761_600,
        steps in prop::collection::vec(prop_oneof![1_u64..120, 60_u64..4_000, 3_600_u64..400_000], 1..60),
    ) {
        let (cron, zone) = (plan("x", CRONS[cron]), ZONES[zone]);
        let start = Stamp::new(start, 0);
        let mut planner = Planner::new(vec![cron.clone()], zone, &State::default(), start);
        let (mut now, mut done) = (start, start);
        for step in steps {
            let promised = planner.next(now);
            let before = now;
            now = now.plus_seconds(step);
            let mut expected = None;
            let mut next = cron.cron.after(done, zone);
            while let Some(due) = next.filter(|due| *due <= now) {
                expected = Some(due);
                next = cron.cron.after(due, zone);
            }
            let due = planner.due(now);
            prop_assert_eq!(due.first().map(|run| run.due), expected);
            prop_assert!(promised.is_none_or(|at| at > before) && promised.is_some_and(|at| at <= now) == expected.is_some());
            for run in due {
                prop_assert!(run.due > done && run.due <= now && run.due > start);
                planner.succeeded(&run);
                done = run.due;
            }
            prop_assert!(planner.due(now).is_empty());
        }
    }
}

proptest! {
    // Each step reaches the disk.
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A restart at any moment changes nothing: what the state says was done is all that counts.
    #[test]
    fn a_planner_that_begins_again_from_the_state_goes_on_where_it_was(
        cron in 0..CRONS.len(),
        steps in prop::collection::vec(60_u64..90_000, 1..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let start = utc("2026-03-20 10:00");
        let clerk = |now| nightaudit::schedule::Clerk::open(
            vec![plan("x", CRONS[cron])], Berlin, folder.path(), None,
            nightaudit::schedule::notify::Notifier::new(nightaudit::schedule::notify::Options::default(), None, None, folder.path()), now,
        ).unwrap();
        drop(clerk(start));
        let mut unbroken = Planner::new(vec![plan("x", CRONS[cron])], Berlin, &State::default(), start);
        let mut now = start;
        for step in steps {
            now = now.plus_seconds(step);
            let mut begun_again = clerk(now);
            let expected = unbroken.due(now);
            let happened = begun_again.tick(now, &|_: &nightaudit::schedule::Asked| Err("no ledger".into()));
            prop_assert_eq!(happened.len(), expected.len());
            for run in expected {
                // As a run that succeeded leaves it.
                let path = nightaudit::schedule::state_file(folder.path());
                let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                value["plans"]["x"]["done"] = run.due.seconds().into();
                std::fs::write(&path, value.to_string()).unwrap();
                unbroken.succeeded(&run);
            }
        }
    }
}
