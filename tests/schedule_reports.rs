//! What a schedule leaves behind: whole files for their owner alone, news once, old ones gone.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::{cell::RefCell, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use nightaudit::{
    base::{Minute, Stamp},
    capture::Captures,
    flow,
    identify::{DeviceLabel, DeviceOptions, Rules},
    night::{Settings, Verdict},
    pipeline::{self, Audit, Judging, Options},
    report::Key,
    schedule::{
        Asked, Clerk, Happened, Plan, Report, Run,
        notify::{self, Notifier},
    },
};
use support::genuine;
use tempfile::TempDir;

const SEVEN: u64 = 1_780_383_600; // 2 June 2026, 07:00 UTC
const DAY: u64 = 86_400;

fn plan(folder: &Path, more: &str) -> Plan {
    let folder = folder.display();
    toml::from_str(&format!("name = 'morning'\ncron = '0 7 * * *'\nfolder = '{folder}'\n{more}")).expect("a plan")
}

/// An audit of a genuine capture, by a phone with a hostile label, whose verdicts are what a test needs.
fn audit(verdict: Verdict) -> Audit {
    let label = DeviceLabel {
        label: "Ana <script>".into(),
        mac: Some("02:00:00:00:07:17".parse().unwrap()),
        addresses: Vec::new(),
    };
    let options = Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions { labels: vec![label], ..DeviceOptions::default() },
        flows: flow::Limits::default(),
    };
    let judging = Judging { timezone: chrono_tz::Tz::UTC, night: Settings { power: false, ..Settings::default() } };
    let mut audit = pipeline::check(Captures::open(&[genuine("tls13")]), &options, &judging, |_| ());
    for finding in &mut audit.devices[0].finding.findings {
        finding.verdict = verdict;
    }
    audit
}

struct Desk {
    folder: TempDir,
    clerk: Clerk,
    asked: RefCell<Vec<Asked>>,
}

impl Desk {
    fn of(more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let clerk = Self::clerk(folder.path(), more);
        Self { folder, clerk, asked: RefCell::default() }
    }

    fn clerk(folder: &Path, more: &str) -> Clerk {
        let notifier = Notifier::new(notify::Options::default(), None, None, folder);
        let plans = vec![plan(&folder.join("reports"), more)];
        let now = Stamp::new(SEVEN - 3_600, 0);
        Clerk::open(plans, chrono_tz::Tz::UTC, folder, Some(Key([7; 32])), notifier, now).unwrap()
    }

    fn on_day(&mut self, day: u64, verdict: Verdict) -> Report {
        let source = |asked: &Asked| {
            self.asked.borrow_mut().push(asked.clone());
            Ok(audit(verdict))
        };
        let happened = self.clerk.tick(Stamp::new(SEVEN + day * DAY, 0), &source);
        match happened.into_iter().next() {
            Some(Happened::Reported(report)) => report,
            other => panic!("no report: {other:?}"),
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("reports")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn each_format_is_a_whole_file_for_its_owner_alone() {
    let mut desk = Desk::of("formats = ['text', 'json', 'html', 'md', 'csv', 'subjects-csv']");
    let report = desk.on_day(0, Verdict::Insufficient);
    let stem = "nightaudit-morning-2026-06-02";
    let endings = ["csv", "html", "json", "md", "subjects.csv", "txt"];
    assert_eq!(desk.names(), endings.map(|ending| format!("{stem}.{ending}")));
    for path in &report.files {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() > 50, "{}: {text}", path.display());
    }
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&report.files[1]).unwrap()).unwrap();
    assert_eq!(json["schema"], 1);
    assert!(!fs::read_to_string(&report.files[2]).unwrap().contains("<script>"), "a label is only text");
}

#[test]
fn an_audit_reaches_back_as_far_as_the_plan_says() {
    let mut desk = Desk::of("span = '7 nights'\ndevice = 'Ana'");
    desk.on_day(0, Verdict::Routine);
    let asked = desk.asked.borrow()[0].clone();
    assert_eq!(asked.span.end, Minute(u32::try_from(SEVEN / 60).unwrap()));
    assert_eq!(asked.span.minutes(), 7 * 1_440);
    assert_eq!(asked.device.as_deref(), Some("Ana"));
}

#[test]
fn since_last_goes_on_where_the_report_before_ended_also_over_missed_ones() {
    let mut desk = Desk::of("span = 'since last'");
    for day in [0, 1, 5] {
        desk.on_day(day, Verdict::Routine);
    }
    let spans: Vec<_> = desk.asked.borrow().iter().map(|asked| (asked.span.first, asked.span.end)).collect();
    assert_eq!(spans[0].0, Minute(0), "the first reaches back to the beginning");
    assert_eq!((spans[1].0, spans[2].0), (spans[0].1, spans[1].1));
}

#[test]
fn what_is_new_since_the_last_report_is_told_once_and_said_in_the_page() {
    let mut desk = Desk::of("formats = ['md']");
    assert!(desk.on_day(0, Verdict::Routine).news.is_empty());
    let report = desk.on_day(1, Verdict::ExportLike);
    assert!(!report.news.is_empty());
    assert!(report.news.iter().all(|news| news.before == Some(Verdict::Routine)), "{:?}", report.news);
    let page = fs::read_to_string(&report.files[0]).unwrap();
    assert!(page.contains("Before: routine"), "{page}");
    assert!(desk.on_day(2, Verdict::ExportLike).news.is_empty());
    assert!(desk.on_day(3, Verdict::Insufficient).news.is_empty());
    assert!(desk.on_day(4, Verdict::ExportLike).news.is_empty(), "a gap in the capture is no change");
}

#[test]
fn what_is_new_comes_first_in_every_form_of_the_report() {
    let mut desk = Desk::of("formats = ['text', 'json', 'html', 'md', 'csv', 'subjects-csv']");
    let first = desk.on_day(0, Verdict::Routine);
    let json = |report: &Report| -> serde_json::Value {
        serde_json::from_slice(&fs::read(&report.files[1]).unwrap()).unwrap()
    };
    assert!(json(&first)["changes"].is_null(), "there was no report before");
    let report = desk.on_day(1, Verdict::ExportLike);
    let said = |at: usize| fs::read_to_string(&report.files[at]).unwrap();
    assert!(said(0).starts_with("New since "), "{}", said(0));
    assert_eq!(json(&report)["changes"]["list"][0]["before"]["verdict"], "routine");
    for page in [said(2), said(3)] {
        let (news, verdicts) = (page.find("Before: routine").unwrap(), page.rfind("looks like an export").unwrap());
        assert!(news < verdicts, "{page}");
    }
    for at in [4, 5] {
        let sheet = said(at);
        let mut rows = sheet.lines().map(|row| row.rsplit(',').next().unwrap());
        assert_eq!(rows.next(), Some("before"), "{sheet}");
        let marks: Vec<_> = rows.collect();
        assert!(at == 4 || marks.first() == Some(&"routine"), "{sheet}");
        assert!(marks.is_sorted_by_key(|mark| mark.is_empty()), "what is new comes first: {sheet}");
    }
}

#[test]
fn news_survives_a_restart() {
    let mut desk = Desk::of("");
    desk.on_day(0, Verdict::ExportLike);
    desk.clerk = Desk::clerk(desk.folder.path(), "");
    assert!(desk.on_day(1, Verdict::ExportLike).news.is_empty());
}

#[test]
fn old_reports_go_and_what_somebody_else_put_there_stays() {
    let mut desk = Desk::of("formats = ['html', 'json']\nkeep = 2");
    desk.on_day(0, Verdict::Routine);
    fs::write(desk.folder.path().join("reports/notes.html"), "mine").unwrap();
    for day in 1..4 {
        desk.on_day(day, Verdict::Routine);
    }
    let kept = ["2026-06-04.html", "2026-06-04.json", "2026-06-05.html", "2026-06-05.json"];
    let mut expected: Vec<_> = kept.iter().map(|name| format!("nightaudit-morning-{name}")).collect();
    expected.push("notes.html".to_owned());
    assert_eq!(desk.names(), expected);
}

#[test]
fn a_redacted_report_names_no_device_in_any_format_nor_in_what_is_new() {
    let mut desk = Desk::of("redact = true\nformats = ['text', 'json', 'html', 'md', 'csv', 'subjects-csv']");
    desk.on_day(0, Verdict::Routine);
    let report = desk.on_day(1, Verdict::ExportLike);
    for path in &report.files {
        let text = fs::read_to_string(path).unwrap();
        for name in ["02:00:00:00:07:17", "192.168.7.23", "Ana"] {
            assert!(!text.contains(name), "{}: {name}", path.display());
        }
    }
    assert!(fs::read_to_string(&report.files[3]).unwrap().contains("Before: routine"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_the_report_comes_when_it_can() {
    let mut desk = Desk::of("");
    let blocked = desk.folder.path().join("reports");
    fs::write(&blocked, "in the way").unwrap();
    let now = Stamp::new(SEVEN, 0);
    let source = |_: &Asked| Ok(audit(Verdict::ExportLike));
    let failed = desk.clerk.tick(now, &source);
    assert!(matches!(&failed[..], [Happened::Failed(error)] if error.to_string().contains("reports")), "{failed:?}");
    assert!(desk.clerk.tick(now.plus_seconds(60), &source).is_empty(), "not every minute");
    fs::remove_file(&blocked).unwrap();
    let done = desk.clerk.tick(now.plus_seconds(300), &source);
    assert!(matches!(&done[..], [Happened::Reported(report)] if report.due == now && !report.news.is_empty()));
}

#[test]
fn a_run_by_hand_beside_a_daemon_is_not_undone_by_it() {
    let mut desk = Desk::of("keep = 5");
    let by_hand = Desk::clerk(desk.folder.path(), "keep = 5");
    let run = Run { plan: "morning".into(), due: Stamp::new(SEVEN, 0) };
    let source = |_: &Asked| Ok(audit(Verdict::ExportLike));
    assert!(matches!(by_hand.carry_out(&run, run.due, &source), Happened::Reported(_)));
    assert!(desk.clerk.tick(run.due, &source).is_empty(), "it was carried out");
    assert!(desk.on_day(1, Verdict::ExportLike).news.is_empty(), "and its verdicts are known");
    assert_eq!(desk.names().len(), 2);
}
