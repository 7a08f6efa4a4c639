//! Nights of 23 and 25 hours, and clocks that are put forward or back: neither may make or break a verdict.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::{collections::BTreeMap, sync::LazyLock};

use nightaudit::{
    base::{Minute, Span},
    ledger::{Cell, DeviceLedger, NameSeen, Watched},
    night::{Finding, Settings, Verdict, judge},
    simulate::{Life, Scenario},
};
use proptest::prelude::*;

const DAY: u32 = 1_440;

/// Where clocks change within a fortnight from this day on: an hour forward, an hour back, half an hour, south and north.
const CHANGES: [(&str, &str); 9] = [
    ("Europe/Berlin", "2026-03-22"),
    ("Europe/Berlin", "2026-10-18"),
    ("America/New_York", "2026-03-01"),
    ("America/New_York", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-03-29"),
    ("Australia/Lord_Howe", "2026-09-27"),
    ("America/Santiago", "2026-08-30"),
    ("Africa/Casablanca", "2026-03-15"),
    ("Asia/Kathmandu", "2026-03-22"),
];

const EXPORT: &str = r#"export = [{ when = "clock", at = "03:00", mb = 30, to = "operator-media" }]"#;

fn phone(zone: &str, start: &str, export: &str) -> (DeviceLedger, usize) {
    let told = format!("name = \"x\"\nnights = 14\nstart = {start:?}\ntimezone = {zone:?}\n{export}\n");
    let life = Life::of(&Scenario::parse(&told, "told here").unwrap(), 7);
    let (ledger, _) = life.ledger();
    let row = life.judged(&ledger).unwrap();
    (ledger, row)
}

fn judged(ledger: &DeviceLedger, row: usize) -> Finding {
    judge(ledger, &Settings { power: false, ..Settings::default() }).findings.swap_remove(row)
}

#[test]
fn a_night_of_23_or_25_hours_is_a_night() {
    for (zone, start) in CHANGES {
        for (export, right) in [(EXPORT, true), ("", false)] {
            let (ledger, row) = phone(zone, start, export);
            let found = judged(&ledger, row);
            let at = format!("{zone} from {start}: {:?}", found.verdict);
            assert_eq!(found.verdict == Verdict::ExportLike, right, "{at}");
            assert!(found.lacking.is_empty() && found.evidence.eligible_nights >= 13, "{at} {:?}", found.lacking);
            let starts: Vec<_> = found.nights.iter().map(|night| night.start.0).collect();
            assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == DAY), "{at}: every minute is in one night");
        }
    }
}

/// The ledger of a sensor whose clock is put forward, or back, by `by` minutes at `at`: minutes lived twice hold both.
fn jumped(ledger: &DeviceLedger, at: Minute, by: i64) -> DeviceLedger {
    let moved = |minute: Minute| {
        let to = i64::from(minute.0) + if minute < at { 0 } else { by };
        Minute(u32::try_from(to).unwrap_or(0))
    };
    let mut ledger = ledger.clone();
    for row in &mut ledger.subjects {
        let mut minutes: BTreeMap<Minute, Cell> = BTreeMap::new();
        for (minute, cell) in &row.minutes {
            minutes.entry(moved(*minute)).or_default().add(cell);
        }
        row.minutes = minutes.into_iter().collect();
    }
    ledger.names = ledger.names.iter().map(|name| NameSeen { minute: moved(name.minute), ..*name }).collect();
    ledger.names.sort_unstable();
    ledger.names.dedup();
    ledger.seen = ledger.seen.iter().map(|minute| moved(*minute)).collect();
    ledger.seen.sort_unstable();
    ledger.seen.dedup();
    let mut runs: Vec<Span> = Vec::new();
    for run in &ledger.watched {
        let Span { first, end } = run.span;
        let cut = at.max(first).min(end);
        runs.extend([Span { first, end: cut }, Span { first: moved(cut), end: moved(end) }]);
    }
    runs.retain(|run| run.first < run.end);
    runs.sort_unstable();
    let mut watched: Vec<Watched> = Vec::new();
    for span in runs {
        match watched.last_mut().filter(|last| span.first <= last.span.end) {
            Some(last) => last.span.end = last.span.end.max(span.end),
            None => watched.push(Watched { span, dropped: 0.0 }),
        }
    }
    ledger.watched = watched;
    ledger
}

static BENIGN: LazyLock<(DeviceLedger, usize)> = LazyLock::new(|| phone("Europe/Berlin", "2026-05-04", ""));
static EXPORTING: LazyLock<(DeviceLedger, usize)> = LazyLock::new(|| phone("Europe/Berlin", "2026-05-04", EXPORT));

/// What is said of the quiet phone and of the exporting one when the sensor's clock moves `by` minutes, `after` minutes on.
fn after_a_jump(after: u32, by: i64) -> [Finding; 2] {
    [&*BENIGN, &*EXPORTING].map(|(ledger, row)| {
        let at = ledger.watched[0].span.first.plus(after);
        judged(&jumped(ledger, at, by), *row)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A clock that is set right, or carried through a few zones, costs no verdict.
    #[test]
    fn a_clock_put_forward_or_back_a_few_hours_changes_no_verdict(after in 0..14 * DAY, by in -180_i64..180) {
        let [quiet, found] = after_a_jump(after, by);
        prop_assert!(quiet.verdict != Verdict::ExportLike, "{:?}", quiet.evidence);
        prop_assert_eq!(found.verdict, Verdict::ExportLike, "{:?} {:?}", found.evidence, found.lacking);
    }

    /// One that was wrong by half a day or by years lays nights over each other, or puts the export at noon: too little
    /// may be left to call it an export, but it is not called routine.
    #[test]
    fn a_clock_put_forward_or_back_makes_no_export_and_hides_none(
        after in 0..14 * DAY,
        by in prop_oneof![-3_000_i64..3_000, -30_000_i64..30_000, Just(-20_000_000_i64), Just(40_000_000_i64)],
    ) {
        let [quiet, found] = after_a_jump(after, by);
        prop_assert!(quiet.verdict != Verdict::ExportLike, "{:?}", quiet.evidence);
        let seen = matches!(found.verdict, Verdict::ExportLike | Verdict::BulkButIrregular);
        prop_assert!(seen || !found.lacking.is_empty(), "{:?} {:?}", found.verdict, found.evidence);
        prop_assert!(found.nights.len() <= 60, "{} nights", found.nights.len());
    }
}
