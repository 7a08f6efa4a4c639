//! Names from the wire are hostile: none of them reaches a terminal, a page or a spreadsheet as anything but text.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{fs, path::PathBuf};

use support::{
    nightaudit,
    pcap::{ETHERNET, Pcap, http, lookup},
};
use tempfile::TempDir;

/// What an attacker would like to see unchanged on the other side, and what it does there.
const HOSTILE: [(&str, &str); 7] = [
    ("\u{1b}[2J", "clears a terminal"),
    ("\u{1b}]0;", "renames a terminal"),
    ("\u{202e}", "turns the reading direction"),
    ("\u{9b}31m", "starts a control sequence in one character"),
    (MARKUP, "runs in a page"),
    ("\u{7}", "rings"),
    ("\u{0}", "ends a string"),
];

const MARKUP: &str = "<script>";
/// Formats that a browser renders.
const RENDERED: [&str; 2] = ["--format=html", "--format=md"];

#[test]
fn no_format_passes_a_hostile_name_on() {
    let (_folder, capture) = capture_of_hostile_names();
    for command in [
        &["check", "--format=text", "--color=never"][..],
        &["check", "--format=json"],
        &["check", "--format=html"],
        &["check", "--format=md"],
        &["check", "--format=csv"],
        &["flows", "--format=table"],
        &["flows", "--format=jsonl"],
        &["flows", "--format=csv"],
    ] {
        let run = nightaudit(command.iter().map(PathBuf::from).chain([capture.clone()]));
        let unknown_format = run.status == 2 && run.err.contains("invalid value");
        assert!(run.ended_well() && (run.status != 2 || unknown_format), "{command:?}: {run:?}");
        for (sequence, harm) in HOSTILE {
            if sequence == MARKUP && !RENDERED.iter().any(|format| command.contains(format)) {
                continue;
            }
            assert!(!run.out.contains(sequence), "{command:?}: what {harm} came through: {}", run.out);
            assert!(!run.err.contains(sequence), "{command:?}: what {harm} came through: {}", run.err);
        }
    }
}

#[test]
fn no_spreadsheet_cell_starts_a_formula() {
    let (_folder, capture) = capture_of_hostile_names();
    let run = nightaudit([PathBuf::from("flows"), "--format=csv".into(), capture]);
    assert_eq!(run.status, 0, "{run:?}");
    for line in run.out.lines() {
        let formula = |cell: &str| cell.trim_matches('"').starts_with(['=', '@', '+', '\t']);
        assert!(!line.split(',').any(formula), "{line}");
    }
}

#[test]
fn the_name_of_a_file_is_made_safe_too() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a\u{1b}[2Jb\u{202e}.pcap");
    fs::write(&path, "Dear diary,\n").expect("a file");
    let run = nightaudit([PathBuf::from("check"), path.clone()]);
    assert_eq!(run.status, 2, "{run:?}");
    fs::write(&path, Pcap::empty(ETHERNET).bytes()).expect("a file");
    let good = nightaudit([PathBuf::from("check"), path]);
    for said in [run.err, run.out, good.out, good.err] {
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }
}

/// Lookups and an HTTP request whose names carry everything in [`HOSTILE`].
fn capture_of_hostile_names() -> (TempDir, PathBuf) {
    let mut capture = Pcap::empty(ETHERNET);
    let labels =
        HOSTILE.iter().map(|(sequence, _)| *sequence).chain(["=1+1", "@SUM(A1)", "+1", "\"quoted\",cell", "a.b"]);
    for ((second, port), label) in (1_750_000_000..).zip(40_001..).zip(labels) {
        capture.push(second, &lookup(&[label.as_bytes(), b"example", b"net"]));
        let request = format!("GET / HTTP/1.1\r\nHost: {label}.example.net\r\n\r\n");
        capture.push(second, &http(port, request.as_bytes()));
    }
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("hostile.pcap");
    fs::write(&path, capture.bytes()).expect("a file");
    (folder, path)
}
