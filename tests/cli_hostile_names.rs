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

#[test]
fn evidence_of_hostile_names_is_harmless_in_comments_and_messages() {
    let (folder, capture) = capture_of_hostile_names();
    let out = folder.path().join("e.pcapng");
    let picked = ["2025-06-14", "2025-06-15"].into_iter().find_map(|night| {
        let words = ["evidence", "web", night, "-o"].map(PathBuf::from);
        let run = nightaudit(words.into_iter().chain([out.clone(), capture.clone()]));
        assert!(run.ended_well() && !run.err.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{7}']), "{run:?}");
        (run.status == 0).then(|| fs::read(&out).expect("a capture"))
    });
    let picked = picked.expect("a night with packets");
    let text = String::from_utf8_lossy(&picked);
    let comments: Vec<_> =
        text.match_indices("nightaudit: ").map(|(at, _)| text[at..].chars().take(200).collect::<String>()).collect();
    assert!(comments.len() >= 5, "{} comments", comments.len());
    for comment in &comments {
        let until_padding: String = comment.chars().take_while(|c| *c != '\u{0}').collect();
        assert!(!until_padding.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{7}']), "{comment:?}");
    }
}

#[test]
fn labels_of_255_bytes_and_names_in_logs_are_harmless_in_every_format() {
    let folder = TempDir::new().expect("a folder");
    let conn = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t\
        service\tduration\torig_bytes\tresp_bytes\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n";
    let ssl = "#separator \\x09\n#path\tssl\n#fields\tts\tuid\tserver_name\n";
    let long = format!("{}.example", "l".repeat(255));
    let names =
        HOSTILE.iter().map(|(sequence, _)| format!("a{sequence}b.example")).chain([long, "=cmd()|x".to_owned()]);
    let (mut connections, mut handshakes) = (vec![conn.to_owned()], vec![ssl.to_owned()]);
    for (n, name) in names.enumerate() {
        let at = 1_750_000_000 + n;
        let ends = format!("192.168.7.23\t4{n}\t203.0.113.{n}\t443");
        connections.push(format!("{at}.5\tC{n}\t{ends}\ttcp\tssl\t9\t5000000\t90\t4000\t5160000\t2\t180\n"));
        handshakes.push(format!("{at}.6\tC{n}\t{name}\n"));
    }
    let paths = [("conn.log", connections), ("ssl.log", handshakes)].map(|(name, lines)| {
        let path = folder.path().join(name);
        fs::write(&path, lines.concat()).expect("a file");
        path
    });
    for format in ["text", "json", "html", "md", "csv", "subjects-csv"] {
        let words = ["check", "--no-power", "--color=never", "--format", format].map(PathBuf::from);
        let run = nightaudit(words.into_iter().chain(paths.clone()));
        assert!(run.ended_well() && run.status != 2, "{format}: {run:?}");
        for (sequence, harm) in HOSTILE {
            let passes = sequence == MARKUP && !["html", "md"].contains(&format);
            assert!(passes || !run.out.contains(sequence), "{format}: what {harm} came through");
        }
        assert!(
            !run.out.contains(&"l".repeat(70)) || ["json", "csv", "subjects-csv"].contains(&format),
            "{format}: a name is cut"
        );
        let formula = |cell: &str| cell.trim_matches('"').starts_with(['=', '@', '+', '\t']);
        let is_sheet = format.ends_with("csv");
        assert!(!is_sheet || !run.out.lines().flat_map(|line| line.split(',')).any(formula), "{format}: {}", run.out);
    }
}

#[test]
fn hostile_names_in_a_report_before_are_harmless_among_what_is_new() {
    let (folder, capture) = capture_of_hostile_names();
    let before = folder.path().join("before.json");
    let subjects: Vec<_> = HOSTILE
        .iter()
        .map(|(sequence, _)| serde_json::json!({"subject": format!("a{sequence}b"), "id": sequence, "verdict": "export-like", "grade": "strong"}))
        .collect();
    let report = serde_json::json!({"schema": 1, "inputs": [], "devices": [{"id": "\u{1b}[2J", "label": null, "subjects": subjects}]});
    fs::write(&before, report.to_string()).expect("a file");
    for format in ["text", "json", "html", "md"] {
        let words = ["check", "--no-power", "--color=never", "--format", format, "--previous"].map(PathBuf::from);
        let run = nightaudit(words.into_iter().chain([before.clone(), capture.clone()]));
        assert!(run.ended_well() && run.status != 2, "{run:?}");
        assert!(run.out.contains("not seen any more") || format == "json", "{format}: {}", run.out);
        for (sequence, harm) in HOSTILE {
            let passes = sequence == MARKUP && !["html", "md"].contains(&format);
            assert!(passes || !run.out.contains(sequence), "{format}: what {harm} came through");
        }
    }
}
