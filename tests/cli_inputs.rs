//! One capture, many forms: however its packets are stored, compressed, cut into files or handed over, the audit is the
//! same.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use support::{Run, genuine, nightaudit, nightaudit_reading, pcap::Pcap};
use tempfile::TempDir;

#[test]
fn standard_input_is_read_like_a_file() {
    let path = genuine("tls13");
    let whole = fs::read(&path).expect("a capture");
    for bytes in [whole.clone(), gzip(&whole), zstd(&whole)] {
        let check = nightaudit_reading(&bytes, &["check", "--format=json", "-"]);
        assert_eq!(findings(&check), findings(&check_json(&[&path])));
        assert_eq!(check.json()["inputs"][0]["path"], "-");
        let flows = nightaudit_reading(&bytes, &["flows", "--format=jsonl", "-"]);
        assert_eq!(sorted(&flows), flows_of(&[&path]));
    }
}

#[test]
fn what_a_file_holds_counts_and_not_its_name() {
    let path = genuine("tls13-post-quantum");
    let whole = fs::read(&path).expect("a capture");
    let folder = TempDir::new().expect("a folder");
    let misnamed = [
        ("zipped.pcap", gzip(&whole)),
        ("zstandard.pcap.gz", zstd(&whole)),
        ("plain.pcap.zst", whole.clone()),
        ("no-suffix", gzip(&whole)),
        ("next-generation.pcap", Pcap::read(&path).pcapng()),
    ];
    for (name, bytes) in misnamed {
        let file = kept(&folder, name, &bytes);
        assert_eq!(flows_of(&[&file]), flows_of(&[&path]), "{name}");
    }
}

#[test]
fn byte_order_resolution_and_format_change_nothing() {
    let path = genuine("tls-split-records");
    let capture = Pcap::read(&path);
    let folder = TempDir::new().expect("a folder");
    let forms = [
        ("big-endian.pcap", capture.big_endian()),
        ("nanoseconds.pcap", capture.nanoseconds()),
        ("sections.pcapng", capture.pcapng()),
        ("two-sections.pcapng", capture.rotated(2).iter().flat_map(Pcap::pcapng).collect()),
    ];
    for (name, bytes) in forms {
        let file = kept(&folder, name, &bytes);
        assert_eq!(flows_of(&[&file]), flows_of(&[&path]), "{name}");
        assert_eq!(findings(&check_json(&[&file])), findings(&check_json(&[&path])), "{name}");
    }
}

#[test]
fn a_file_given_twice_counts_once() {
    let path = genuine("tls13");
    let twice = check_json(&[&path, &path]);
    assert_eq!(findings(&twice), findings(&check_json(&[&path])));
    assert!(
        twice.json()["notes"][0].as_str().is_some_and(|note| note.contains("counts once")),
        "{}",
        twice.json()["notes"]
    );
    assert_eq!(flows_of(&[&path, &path]), flows_of(&[&path]));
}

#[test]
fn a_copy_under_another_name_counts_once() {
    let path = genuine("tls13");
    let folder = TempDir::new().expect("a folder");
    let copy = kept(&folder, "copy.pcap", &fs::read(&path).expect("a capture"));
    assert_eq!(findings(&check_json(&[&path, &copy])), findings(&check_json(&[&path])));
    assert_eq!(flows_of(&[&copy, &path]), flows_of(&[&path]));
}

#[test]
fn a_rotated_set_is_its_whole_whatever_the_order() {
    let path = genuine("tls13");
    let folder = TempDir::new().expect("a folder");
    let whole = (flows_of(&[&path]), findings(&check_json(&[&path])));
    for parts in [2, 3, 7] {
        let files: Vec<PathBuf> = Pcap::read(&path)
            .rotated(parts)
            .iter()
            .enumerate()
            .map(|(n, part)| kept(&folder, &format!("rotated-{parts}.pcap{n}"), &part.bytes()))
            .collect();
        for order in [in_order, backwards, odd_ones_first] {
            let given = order(&files);
            let given: Vec<&Path> = given.iter().map(PathBuf::as_path).collect();
            assert_eq!(flows_of(&given), whole.0, "{given:?}");
            assert_eq!(findings(&check_json(&given)), whole.1, "{given:?}");
        }
    }
}

#[test]
fn a_rotated_set_may_be_compressed_in_part() {
    let path = genuine("quic-v1");
    let folder = TempDir::new().expect("a folder");
    let parts = Pcap::read(&path).rotated(3);
    let files = [
        kept(&folder, "a.pcap", &zstd(&parts[2].bytes())),
        kept(&folder, "b.pcap", &parts[0].bytes()),
        kept(&folder, "c.pcapng", &parts[1].pcapng()),
    ];
    assert_eq!(flows_of(&[&files[0], &files[1], &files[2]]), flows_of(&[&path]));
}

#[test]
fn captures_of_different_times_add_up() {
    let (one, other) = (genuine("tls12"), genuine("http1-plain"));
    let mut both = [flows_of(&[&one]), flows_of(&[&other])].concat();
    both.sort();
    assert_eq!(flows_of(&[&other, &one]), both);
}

fn in_order(files: &[PathBuf]) -> Vec<PathBuf> {
    files.to_vec()
}

fn backwards(files: &[PathBuf]) -> Vec<PathBuf> {
    files.iter().rev().cloned().collect()
}

fn odd_ones_first(files: &[PathBuf]) -> Vec<PathBuf> {
    let odd = files.iter().skip(1).step_by(2);
    odd.chain(files.iter().step_by(2)).cloned().collect()
}

/// What an audit says, beside which files it read and by which tool.
fn findings(run: &Run) -> Value {
    assert!(run.ended_well(), "{run:?}");
    let mut audit = run.json();
    let fields = audit.as_object_mut().expect("an object");
    fields.remove("inputs").expect("inputs");
    fields.remove("notes").expect("notes");
    audit
}

fn check_json(paths: &[&Path]) -> Run {
    nightaudit([Path::new("check"), Path::new("--format=json")].iter().chain(paths))
}

/// The lines of `flows`, sorted.
fn flows_of(paths: &[&Path]) -> Vec<String> {
    sorted(&nightaudit([Path::new("flows"), Path::new("--format=jsonl")].iter().chain(paths)))
}

fn sorted(run: &Run) -> Vec<String> {
    assert_eq!(run.status, 0, "{run:?}");
    let mut lines: Vec<_> = run.out.lines().map(str::to_owned).collect();
    assert!(!lines.is_empty(), "{run:?}");
    lines.sort();
    lines
}

fn kept(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}
