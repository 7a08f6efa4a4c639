//! The flows of real captures, scored against what tshark and nDPI make of them, by a script that shares no code with
//! this project.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;
use support::{corpus, files, nightaudit, skipped};
use tempfile::TempDir;

/// What must be reached over all captures together, in per cent.
const FLOORS: [(&str, f64, &str); 5] = [
    ("flow_recall", 99.0, "flows that tshark sees"),
    ("packets_exact", 98.0, "flows with tshark's packets in both directions"),
    ("peer_agreed_exact", 98.0, "flows with the packets and bytes that tshark and nDPI agree on"),
    (BYTES_EXACT, 98.0, "flows with tshark's bytes in both directions"),
    ("sni_recall", 97.0, "server names that tshark finds"),
];

const BYTES_EXACT: &str = "bytes_exact";

/// Captures whose datagrams are fragmented: tshark books such a datagram with the length of its last fragment alone, so
/// that its payload is longer than its packets (3,064 bytes in 160). We count every fragment.
const FRAGMENTED: [&str; 1] = ["dnscrypt-v1-and-resolver-pings.pcap"];

#[test]
fn flows_packets_bytes_and_names_of_real_captures_agree_with_tshark() {
    let (Some(captures), Some(script)) = (corpus("apps"), corpus("").map(|root| root.join("score.py"))) else { return };
    if !script.is_file() || Command::new("python3").arg("--version").output().is_err() {
        return skipped("the score is computed by python3 with score.py of the corpus");
    }
    let listed = TempDir::new().expect("a folder");
    list_all(&files(&captures), listed.path());
    let score = score(&script, listed.path());
    let mut total = score["total"].clone();
    total[BYTES_EXACT] = bytes_exact(&score["captures"]).into();
    let mut missed = Vec::new();
    for (name, floor, what) in FLOORS {
        let reached = total[name].as_f64().unwrap_or_else(|| panic!("no {name} in {total:#}"));
        println!("{what}: {reached} % (at least {floor} %)");
        if reached < floor {
            missed.push(format!("{what}: {reached} %, at least {floor} %"));
        }
    }
    assert_eq!(total["bad_rows"], 0, "rows that the script cannot read");
    assert!(missed.is_empty(), "{}\n{total:#}", missed.join("\n"));
}

/// Writes `<capture>.jsonl` into `folder` for each of `captures`.
fn list_all(captures: &[PathBuf], folder: &Path) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                while let Some(capture) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = nightaudit([Path::new("flows"), Path::new("--format=jsonl"), capture]);
                    assert_eq!(run.status, 0, "{}: {}", capture.display(), run.err);
                    let name = capture.file_name().expect("a file").to_string_lossy();
                    fs::write(folder.join(format!("{name}.jsonl")), run.out).expect("a file");
                }
            });
        }
    });
}

/// The share of flows whose bytes agree, in per cent, but for captures in [`FRAGMENTED`].
fn bytes_exact(captures: &Value) -> f64 {
    let captures = captures.as_object().expect("a score for each capture");
    let whole = captures.iter().filter(|(name, _)| !FRAGMENTED.contains(&name.as_str())).map(|(_, score)| score);
    let (exact, flows) = whole.fold((0.0, 0.0), |(exact, flows), score| {
        let here = score["flows_expected"].as_f64().unwrap_or(0.0);
        (exact + here * score[BYTES_EXACT].as_f64().unwrap_or(0.0), flows + here)
    });
    exact / flows
}

/// The script's score, in all and for each capture.
fn score(script: &Path, flows: &Path) -> Value {
    let report = flows.join("score.json");
    let output = Command::new("python3")
        .arg(script)
        .args([Path::new("--flows"), flows, Path::new("--json"), &report])
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = fs::read_to_string(report).expect("a score");
    serde_json::from_str(&report).expect("JSON")
}
