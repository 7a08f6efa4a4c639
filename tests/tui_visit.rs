//! A visit of the real program in a real terminal: through every view, from a night to the flow that sent it, to files.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "what fails here fails the test that asked for it")]

mod support;
mod terminal;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use nightaudit::capture::Captures;
use serde_json::Value;
use terminal::{Terminal, between_looks, settings_are_as_before};

/// When the bundled phone's largest upload began and ended, with what belongs to it: 10 May 2026, 01:15 to 01:45 in
/// Berlin.
const BRUSHED: std::ops::Range<u64> = 1_778_368_500..1_778_370_300;

fn capture() -> PathBuf {
    support::project().join("captures/nightly-export/traffic.pcap.zst")
}

#[test]
fn a_visit_from_the_verdict_to_the_packets() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = format!("\"$NIGHTAUDIT\" view --timezone Europe/Berlin '{}'", capture().display());
    let mut terminal = Terminal::run(&between_looks(&command), folder.path(), 120, 40);
    terminal.until("1 looks like an export");
    // Until what could have been noticed is worked out as well.
    terminal.until("noticed from");
    terminal.press("]", "WhatsApp on");
    finding(&mut terminal);
    night_to_flow(&mut terminal);
    filter(&mut terminal);
    looks(&mut terminal);
    sizes(&mut terminal);
    terminal.press("q", "looked");
    assert!(terminal.screen().contains("ended 0"), "{}", terminal.screen());
    terminal.is_sane();
    settings_are_as_before(folder.path());
    files_are_right(folder.path());
}

/// The finding, written three ways.
fn finding(terminal: &mut Terminal) {
    terminal.press("6", "What it rests on");
    terminal.press("G", "In numbers");
    terminal.press("g", "Night after night");
    terminal.press("e", "packets (pcapng)");
    terminal.press("h", "wrote ./nightaudit-finding.html");
    terminal.press("ej", "wrote ./nightaudit-finding.json");
    terminal.press("ep", "wrote ./nightaudit-evidence.pcapng");
}

/// From the map of nights to a destination, a flow, and its packets.
fn night_to_flow(terminal: &mut Terminal) {
    terminal.press("2", "Upload by night");
    // The cursor begins at 03:00 in the last night; the largest upload was at 01:20 in the night of 9 May.
    terminal.press("gjjjjjj", "night of 9 May, 03:00");
    terminal.press("hhhhhhh", "night of 9 May, 01:15 to 01:30");
    terminal.press(" l ", "night of 9 May, 01:15 to 01:45");
    terminal.press("\r", "mmg.whatsapp.net");
    assert!(terminal.line("mmg.whatsapp.net").contains("18.0 MB"), "{}", terminal.screen());
    terminal.press("\r", "10 May 01:20");
    terminal.press("\r", "JA4");
    terminal.press("ej", "wrote ./nightaudit-flows.jsonl");
    terminal.press("ep", "wrote ./nightaudit-evidence-2.pcapng");
    terminal.press("\u{1b}", "Flows");
    terminal.until_gone("JA4");
    terminal.press("\u{1b}", "Destinations by");
    terminal.press("ec", "wrote ./nightaudit-destinations.csv");
    // The same stretch of other nights, with the mouse: the brush says what was dragged over.
    terminal.press("x2", "Upload by night");
    let (_, top) = terminal.place("5 May");
    let (_, bottom) = terminal.place("8 May");
    let (left, _) = terminal.place("00  ");
    terminal.drag((left, top), (left + 5, bottom));
    terminal.until("nights of 5 May to 8 May, 00:00 to 01:30");
    terminal.press("3", "Traffic over time");
    terminal.until("a column is 3 h 30");
    terminal.type_("++");
    terminal.until_gone("a column is 3 h 30");
    terminal.press("x", "Traffic over time");
}

/// A filter, finished by `tab`, and one that is wrong.
fn filter(terminal: &mut Terminal) {
    terminal.press("5", "of 3,472");
    terminal.press("/", "tab completes");
    terminal.press("ap\t", "app:");
    terminal.press("wh\t", "app:whatsapp ");
    terminal.press("up>5MX\r", "is no size");
    let (wrong, right) = (terminal.colour("5MX"), terminal.colour("app:whatsapp up"));
    assert_ne!(wrong, right, "the error points at the word");
    terminal.press("\u{17}up>5MB\r", "13 of 3,472");
    terminal.press("s", "begin ↓");
    // The line in which it is typed stands where it said what is chosen.
    terminal.type_("/\u{1b}[A");
    terminal.until_gone("WhatsApp on");
    terminal.press("\u{1b}", "WhatsApp on");
    terminal.press("x", "102 of 3,472");
}

/// Themes, hidden names, help.
fn looks(terminal: &mut Terminal) {
    terminal.press("1", "Apps and services");
    let dark = terminal.colour("looks like an export");
    terminal.press("t", "colours: light");
    assert_ne!(terminal.colour("looks like an export"), dark);
    terminal.press("t", "colours: colour-blind");
    terminal.press("t", "colours: mono");
    terminal.press("t", "colours: dark");
    terminal.press("r", "names hidden");
    terminal.until_gone("02:00:00:00:07:17");
    terminal.press("ej", "names hidden");
    terminal.until("wrote ./nightaudit-report.json");
    terminal.press("r", "02:00:00:00:07:17");
    terminal.press("?", "every connection");
    terminal.press("\u{1b}", "Apps and services");
}

/// From the smallest screen, and smaller, to a large one: in every view.
fn sizes(terminal: &mut Terminal) {
    let views = [
        ("1", "Apps and services"),
        ("2", "Upload by night"),
        ("3", "Traffic over time"),
        ("4", "Destinations by"),
        ("5", "Flows"),
        ("6", "WhatsApp"),
        ("?", "Keys"),
    ];
    for (key, says) in views {
        for (columns, rows) in [(60, 16), (59, 15), (200, 60), (20, 4), (80, 24), (120, 40)] {
            terminal.resize(columns, rows);
            if columns < 60 {
                terminal.until("needs 60x16");
                terminal.until(&format!("here {columns}x{rows}"));
            } else {
                terminal.type_(key);
                terminal.until(says);
                terminal.until(if columns < 80 { "Dest " } else { "4 Destinations" });
            }
            // Help is left by the key that opens it.
            if key == "?" && columns >= 60 {
                terminal.type_("1");
                terminal.until("Apps and services");
            }
        }
    }
}

fn files_are_right(folder: &Path) {
    for file in fs::read_dir(folder).expect("the folder").flatten() {
        if file.file_name().to_string_lossy().starts_with("nightaudit-") {
            assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600, "{file:?} is its owner's");
        }
    }
    let html = fs::read_to_string(folder.join("nightaudit-finding.html")).expect("a page");
    assert!(html.contains("WhatsApp") && html.contains("18.1&nbsp;MB"), "it is about the finding");
    assert!(!html.contains("Google push"), "and about nothing else");
    is_well_formed(&html);
    finding_is_what_check_says(&json(&folder.join("nightaudit-finding.json")));
    let hidden = fs::read_to_string(folder.join("nightaudit-report.json")).expect("a report");
    assert!(!hidden.contains("02:00:00:00:07:17"), "names were hidden when it was written");
    let flows = fs::read_to_string(folder.join("nightaudit-flows.jsonl")).expect("flows");
    let flows: Vec<Value> = flows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(flows.len(), 1, "the one flow that was shown");
    assert_eq!((&flows[0]["app"], &flows[0]["host"]), (&"whatsapp".into(), &"mmg.whatsapp.net".into()));
    let table = fs::read_to_string(folder.join("nightaudit-destinations.csv")).expect("a table");
    assert!(table.lines().count() >= 2 && table.contains("mmg.whatsapp.net"), "{table}");
    packets_are_right(folder, &flows[0]);
}

/// Every element that is opened is closed, in order.
fn is_well_formed(html: &str) {
    const EMPTY: [&str; 9] = ["meta", "link", "br", "hr", "img", "input", "col", "wbr", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let raw = open.last().is_some_and(|name| name == "style" || name == "script");
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default().to_lowercase();
        if tag.starts_with("!--") {
            rest = &rest[rest.find("-->").expect("a comment ends")..];
        } else if let Some(closed) = tag.strip_prefix('/') {
            let closed = closed.trim().to_lowercase();
            if !raw || open.last() == Some(&closed) {
                assert_eq!(open.pop(), Some(closed), "…{}", &rest[..end.min(80)]);
            }
        } else if !raw && !EMPTY.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new());
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// The exported finding is, to the last number, what the command line says of that subject.
fn finding_is_what_check_says(exported: &Value) {
    let capture = capture().display().to_string();
    let said = support::nightaudit(["check", "--timezone", "Europe/Berlin", "--format", "json", &capture]).json();
    let subjects = exported["devices"][0]["subjects"].as_array().expect("subjects");
    assert_eq!(subjects.len(), 1);
    let same =
        said["devices"][0]["subjects"].as_array().expect("subjects").iter().find(|one| one["subject"] == "WhatsApp");
    assert_eq!(Some(&subjects[0]), same);
}

/// The packets of the brushed half hour are those of the flow, and those of the finding hold them.
fn packets_are_right(folder: &Path, flow: &Value) {
    let [all, few] = ["nightaudit-evidence.pcapng", "nightaudit-evidence-2.pcapng"].map(|name| folder.join(name));
    let brushed = stamps(&few);
    assert!(brushed.iter().all(|stamp| BRUSHED.contains(stamp)), "all of it in the brushed half hour");
    let count: u64 = ["packets_ab", "packets_ba"].iter().filter_map(|way| flow[way].as_u64()).sum();
    assert_eq!(brushed.len() as u64, count, "every packet of the flow, and none beside");
    let finding = stamps(&all);
    assert!(finding.len() > brushed.len() * 5, "many nights: {} and {}", finding.len(), brushed.len());
    let up = support::nightaudit(["flows", "--format", "jsonl", &few.display().to_string()]).json_lines();
    let moved = |row: &Value| [row["payload_ab"].clone(), row["payload_ba"].clone()];
    assert_eq!(up.iter().map(moved).collect::<Vec<_>>(), [moved(flow)], "the flow comes out of it again");
    tshark_reads(&few, brushed.len());
}

/// The seconds of each frame, by our own reader.
fn stamps(path: &Path) -> Vec<u64> {
    let opened = Captures::open(&[path]);
    assert!(opened.failed.is_empty(), "{:?}", opened.failed);
    let mut captures = opened.captures;
    let mut stamps = Vec::new();
    while captures.advance().is_some() {
        stamps.push(captures.frame().stamp.nanos() / 1_000_000_000);
    }
    stamps
}

/// So does tshark, with a comment on every packet that says what it is.
fn tshark_reads(path: &Path, packets: usize) {
    let arguments = ["-T", "fields", "-e", "frame.comment"];
    let output = Command::new("tshark").arg("-r").arg(path).args(arguments).env("HOME", "/").output();
    let Ok(output) = output else { return support::skipped("tshark is not installed") };
    let comments = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(comments.lines().count(), packets, "{}", String::from_utf8_lossy(&output.stderr));
    let says = "nightaudit: WhatsApp on 02:00:00:00:07:17, 2026-05-10 01:2";
    assert!(comments.lines().all(|line| line.starts_with(says) && line.contains("unattended")), "{comments:.300}");
}
