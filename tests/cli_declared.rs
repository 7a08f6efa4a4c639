//! A capture of one app alone, from which nobody can tell when the phone was in use, and what its owner says instead.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::{collections::BTreeSet, fs, net::IpAddr, path::PathBuf, sync::OnceLock};

use chrono::{Days, NaiveDate};
use support::{Run, nightaudit, pcap::Pcap, project};
use tempfile::TempDir;

const REFUSED: i32 = 2;
const NO_VERDICT: i32 = 3;
const EXPORT_LIKE: i32 = 1;

struct AppOnly {
    folder: TempDir,
    capture: PathBuf,
}

/// The bundled export, with nothing left of it but what WhatsApp sent and received.
fn app_only() -> &'static AppOnly {
    static MADE: OnceLock<AppOnly> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = TempDir::new().expect("a folder");
        let bundled = project().join("captures/nightly-export/traffic.pcap.zst");
        let whole = folder.path().join("whole.pcap");
        let packed = fs::read(&bundled).expect("the bundled capture");
        fs::write(&whole, zstd::decode_all(packed.as_slice()).expect("zstd")).expect("room");
        let flows = nightaudit(["flows", "--format=jsonl", &bundled.to_string_lossy()]).json_lines();
        let servers: BTreeSet<IpAddr> = flows
            .iter()
            .filter(|flow| flow["app"] == "whatsapp")
            .filter_map(|flow| flow["dst"].as_str()?.parse().ok())
            .collect();
        let mut pcap = Pcap::read(&whole);
        pcap.records
            .retain(|record| ends(&record[16..]).is_some_and(|ends| ends.iter().any(|ip| servers.contains(ip))));
        assert!(pcap.records.len() > 1_000, "{} frames", pcap.records.len());
        let capture = folder.path().join("app-only.pcap");
        fs::write(&capture, pcap.bytes()).expect("room");
        AppOnly { folder, capture }
    })
}

/// The addresses of an Ethernet frame.
fn ends(frame: &[u8]) -> Option<[IpAddr; 2]> {
    let v4 = |at: usize| <[u8; 4]>::try_from(frame.get(at..at + 4)?).ok().map(IpAddr::from);
    let v6 = |at: usize| <[u8; 16]>::try_from(frame.get(at..at + 16)?).ok().map(IpAddr::from);
    match frame.get(12..14)? {
        [0x08, 0x00] => Some([v4(26)?, v4(30)?]),
        [0x86, 0xdd] => Some([v6(22)?, v6(38)?]),
        _ => None,
    }
}

fn check(arguments: &[&str]) -> Run {
    let capture = app_only().capture.to_string_lossy();
    nightaudit(
        ["check", "--no-power", "--timezone=Europe/Berlin", &capture].into_iter().chain(arguments.iter().copied()),
    )
}

fn annotations(run: &Run) -> Vec<String> {
    let audit = run.json();
    let subjects = audit["devices"][0]["subjects"].as_array().expect("subjects").clone();
    let app = subjects.iter().find(|subject| subject["id"] == "whatsapp").expect("WhatsApp");
    let said = app["annotations"].as_array().expect("annotations").iter();
    said.filter_map(|said| said.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_capture_of_one_app_says_that_use_cannot_be_told_and_how_to_declare_it() {
    let run = check(&[]);
    assert_eq!(run.status, NO_VERDICT, "{run:?}");
    let page = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["in use cannot be told", "a capture of one app alone", "--asleep 23:30-07:00", "--screen-on FILE"] {
        assert!(page.contains(words), "no {words:?} in\n{}", run.out);
    }
}

#[test]
fn hours_of_rest_take_the_place_of_what_cannot_be_seen() {
    let run = check(&["--asleep=23:45-06:30", "--format=json"]);
    assert_eq!(run.status, EXPORT_LIKE, "{run:?}");
    assert!(annotations(&run).contains(&"declared-hours".to_owned()), "{:?}", annotations(&run));
    let page = check(&["--asleep=23:45-06:30"]).out;
    assert!(page.split_whitespace().collect::<Vec<_>>().join(" ").contains("stated by its owner"), "{page}");
}

#[test]
fn a_log_of_the_screen_does_too() {
    let log = app_only().folder.path().join("screen.csv");
    let first = NaiveDate::from_ymd_opt(2026, 5, 3).expect("a date");
    let mut rows = vec!["from,to".to_owned()];
    for day in 0..17 {
        let date = first.checked_add_days(Days::new(day)).expect("a date");
        for hour in 7..23 {
            rows.push(format!("{date}T{hour:02}:05,{date}T{hour:02}:50"));
        }
    }
    fs::write(&log, rows.join("\n")).expect("room");
    let run = check(&["--screen-on", &log.to_string_lossy(), "--format=json"]);
    assert_eq!(run.status, EXPORT_LIKE, "{run:?}");
    assert!(annotations(&run).contains(&"declared-hours".to_owned()));

    // A log of its first three days says nothing of the nights after them.
    fs::write(&log, rows[..=3 * 16].join("\n")).expect("room");
    let run = check(&["--screen-on", &log.to_string_lossy()]);
    assert_eq!(run.status, NO_VERDICT, "{run:?}");
}

#[test]
fn a_mistake_in_what_is_declared_is_named() {
    let log = app_only().folder.path().join("wrong.csv");
    fs::write(&log, "from,to\n2026-05-03T07:00,2026-05-03T08:00\nyesterday,today\n").expect("room");
    let run = check(&["--screen-on", &log.to_string_lossy()]);
    assert_eq!(run.status, REFUSED);
    assert!(run.err.contains("wrong.csv: line 3: \"yesterday\" is no time"), "{}", run.err);
    assert_eq!(check(&["--asleep=25-7"]).status, REFUSED);
    assert_eq!(check(&["--screen-on=/nonexistent"]).status, REFUSED);
    assert_eq!(check(&["--asleep=23:30-07:00", "--screen-on=x"]).status, REFUSED, "one or the other");
}

#[test]
fn a_verdict_is_told_step_by_step() {
    let bundled = project().join("captures/nightly-export/traffic.pcap.zst");
    let bundled = bundled.to_string_lossy();
    let run = nightaudit(["check", "--explain=WhatsApp", "--no-power", "--timezone=Europe/Berlin", &bundled]);
    assert_eq!(run.status, EXPORT_LIKE, "{run:?}");
    for words in [
        "13 of 14",
        "10^10 times the stake",
        "It was reached on night 6 of those that count",
        "5 % of nights   export-like",
        "What else could explain it",
        "log-odds",
    ] {
        assert!(run.out.contains(words), "no {words:?} in\n{}", run.out);
    }
    let unknown = nightaudit(["check", "--explain=nobody", "--no-power", &bundled]);
    assert_eq!(unknown.status, REFUSED);
    assert!(unknown.err.contains("there are: ") && unknown.err.contains("whatsapp"), "{}", unknown.err);
    let app_only = check(&["--explain=whatsapp"]);
    assert_eq!(app_only.status, NO_VERDICT);
    assert!(app_only.out.contains("Why there is no verdict"), "{}", app_only.out);
}

#[test]
fn a_verdict_from_the_ledger_is_told_as_one_from_captures_is() {
    let folder = TempDir::new().expect("a folder");
    let ledger = format!("--ledger={}", folder.path().join("ledger.db").display());
    let bundled = project().join("captures/nightly-export/traffic.pcap.zst");
    let told = ["--explain=WhatsApp", "--no-power", "--timezone=Europe/Berlin"];
    let captured = nightaudit(["check", told[0], told[1], told[2], &bundled.to_string_lossy()]);
    assert_eq!(nightaudit(["check", &ledger, told[1], &bundled.to_string_lossy()]).status, EXPORT_LIKE);
    let kept = nightaudit(["report", &ledger, told[0], told[1], told[2]]);
    assert_eq!(kept.status, EXPORT_LIKE, "{kept:?}");
    assert_eq!(kept.out, captured.out);
    let unknown = nightaudit(["report", &ledger, "--explain=nobody", told[1]]);
    assert!(unknown.status == REFUSED && unknown.err.contains("whatsapp"), "{unknown:?}");
    let both = nightaudit(["report", &ledger, told[0], "--format=json"]);
    assert!(both.status == REFUSED && both.err.contains("cannot be used with"), "{both:?}");
}

#[test]
fn a_calendar_is_drawn_kept_and_judged() {
    let folder = TempDir::new().expect("a folder");
    let plan = folder.path().join("plan.toml");
    let plan = plan.to_string_lossy();
    let draw =
        ["toggle", "plan", "--start=2026-05-04", "--seed=7", "--timezone=Europe/Berlin", "--what=backup", "-o", &plan];
    let run = nightaudit(draw);
    assert_eq!(run.status, 0, "{run:?}");
    for words in ["Mon  4 May 2026", "over at 18:00", "1 in 3,432", "p = 0.0003"] {
        assert!(run.out.contains(words), "no {words:?} in\n{}", run.out);
    }
    let again = nightaudit(draw);
    assert!(again.status == REFUSED && again.err.contains("is there already"), "{again:?}");
    assert_eq!(nightaudit(["toggle", "plan", "--nights=3", "-o", "/nonexistent/x"]).status, REFUSED);

    let bundled = project().join("captures/nightly-export/traffic.pcap.zst");
    let bundled = bundled.to_string_lossy();
    let run = nightaudit(["toggle", "judge", "--plan", &plan, "--subject=WhatsApp", "--format=json", &bundled]);
    assert_eq!(run.status, 0, "an export that knows nothing of the calendar: {run:?}");
    let judged = run.json();
    assert_eq!(judged["answer"], "not-shown");
    assert_eq!(judged["nights"].as_array().map(Vec::len), Some(14));
    assert!(judged["p"].as_f64().is_some_and(|p| p > 0.05), "{judged:#}");
    let text = nightaudit(["toggle", "judge", "--plan", &plan, "--subject=whatsapp", &bundled]).out;
    assert!(text.contains("What it does not mean") && text.contains("was not shown"), "{text}");

    let nobody = nightaudit(["toggle", "judge", "--plan", &plan, "--subject=nobody", &bundled]);
    assert!(nobody.status == REFUSED && nobody.err.contains("whatsapp"), "{nobody:?}");
    let wrong = nightaudit(["toggle", "judge", "--plan", &bundled, "--subject=whatsapp", &bundled]);
    assert_eq!(wrong.status, REFUSED, "{wrong:?}");
    fs::write(&*plan, "what = 1").expect("room");
    let broken = nightaudit(["toggle", "judge", "--plan", &plan, "--subject=whatsapp", &bundled]);
    assert!(broken.status == REFUSED && broken.err.contains("plan.toml"), "{broken:?}");
}
