//! `nightaudit schedule` over a ledger that was read from a capture.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use support::{Run, binary, finish, genuine};
use tempfile::TempDir;

const SETTINGS: &str = "timezone = 'Europe/Berlin'
[ledger]
path = 'ledger.db'
[[device]]
label = \"Ana's phone\"
mac = '02:00:00:00:07:17'
[[schedule]]
name = 'morning'
cron = '0 7 * * *'
span = 'since last'
formats = ['html', 'json']
keep = 1
[[schedule]]
name = 'weekly'
cron = '@weekly'
redact = true
formats = ['json']
folder = 'weeks'
file = '{name}-{week}'
";

fn place(settings: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("nightaudit.toml");
    fs::write(&path, settings).expect("settings");
    (folder, path)
}

fn schedule(settings: &Path, arguments: &[&str]) -> Run {
    let state = settings.with_file_name("state");
    finish(binary().args(["schedule", "--config"]).arg(settings).args(arguments).env("XDG_STATE_HOME", state))
}

/// The settings, and a ledger that holds a genuine capture.
fn filled() -> (TempDir, PathBuf) {
    let (folder, settings) = place(SETTINGS);
    let ledger = folder.path().join("ledger.db");
    let read = finish(
        binary()
            .args(["check", "--no-power", "--config"])
            .arg(&settings)
            .arg("--ledger")
            .arg(ledger)
            .arg(genuine("tls13")),
    );
    assert_eq!(read.status, 3, "{read:?}");
    (folder, settings)
}

#[test]
fn a_report_by_hand_is_written_and_named() {
    let (folder, settings) = filled();
    let run = schedule(&settings, &["run", "morning", "--at", "2030-06-02T07:00"]);
    assert_eq!(run.status, 3, "nothing can be judged from a minute: {run:?}");
    let html = folder.path().join("reports/nightaudit-morning-2030-06-02.html");
    assert!(run.out.contains(&html.display().to_string()), "{run:?}");
    assert!(fs::read_to_string(html).expect("a page").contains("Ana&#39;s phone"), "the device bears its label");
    let json = fs::read(folder.path().join("reports/nightaudit-morning-2030-06-02.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert!(json["totals"]["payload_up"].as_u64().is_some_and(|up| up > 0), "{json:#}");
    assert_eq!(json["timezone"], "Europe/Berlin");
    let store = nightaudit::ledger::Store::read(&folder.path().join("ledger.db")).expect("the ledger");
    let kept = store.last_run("morning").expect("runs").expect("what the report said is kept in the ledger");
    assert!(!kept.verdicts.is_empty() && kept.verdicts.iter().all(|said| said.verdict == "insufficient"), "{kept:?}");
}

#[test]
fn the_next_report_by_hand_goes_on_where_the_last_ended_and_replaces_it() {
    let (folder, settings) = filled();
    schedule(&settings, &["run", "morning", "--at", "2030-06-02T07:00"]);
    let run = schedule(&settings, &["run", "morning", "--at", "2030-06-03T07:00"]);
    assert!(run.out.contains("removed ") && run.out.contains("2030-06-02.html"), "{run:?}");
    let names = fs::read_dir(folder.path().join("reports")).expect("reports").count();
    assert_eq!(names, 2);
    let json = fs::read(folder.path().join("reports/nightaudit-morning-2030-06-03.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["totals"]["payload_up"], 0, "nothing was captured since");
}

#[test]
fn a_redacted_schedule_names_no_device() {
    let (folder, settings) = filled();
    let run = schedule(&settings, &["run", "weekly", "--at", "2026-12-31T07:00"]);
    assert!(run.ended_well() && run.status != 2, "{run:?}");
    let text = fs::read_to_string(folder.path().join("weeks/weekly-2026-W53.json")).expect("a report");
    assert!(!text.contains("02:00:00:00:07:17") && !text.contains("Ana"), "{text}");
}

#[test]
fn list_and_next_say_what_is_due_when() {
    let (_folder, settings) = filled();
    let list = schedule(&settings, &["list"]);
    assert_eq!(list.status, 0, "{list:?}");
    for word in ["morning", "0 7 * * *", "At 07:00", "since last as html, json", "reports", "none yet", "weekly"] {
        assert!(list.out.contains(word), "{word}: {list:?}");
    }
    let next = schedule(&settings, &["next"]);
    assert!(next.status == 0 && next.out.lines().count() == 2 && next.out.contains("07:00 CE"), "{next:?}");
    schedule(&settings, &["run", "morning", "--at", "2030-06-02T07:00"]);
    assert!(schedule(&settings, &["list"]).out.contains("report up to Sun 2030-06-02 07:00 CEST, 2 files kept"));
}

#[test]
fn what_cannot_be_run_is_named_with_what_can() {
    let (_folder, settings) = filled();
    for (arguments, want) in [
        (&["run", "evening"][..], "there is no schedule \"evening\"; there are morning, weekly"),
        (&["run", "morning", "--at", "soon"], "such as 2026-06-02T07:00"),
        (&["run", "morning", "--ledger", "/nonexistent/ledger.db"], "/nonexistent/ledger.db"),
    ] {
        let run = schedule(&settings, arguments);
        assert!(run.status == 2 && run.err.contains(want) && run.err.lines().count() == 1, "{run:?}");
    }
    assert!(!Path::new("/nonexistent").exists(), "a path with a slip in it became a folder");
    let (_folder, empty) = place("");
    assert!(schedule(&empty, &["list"]).out.contains("add a [[schedule]]"));
    assert!(schedule(&empty, &["run", "morning"]).err.contains("add a [[schedule]]"));
}
