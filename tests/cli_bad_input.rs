//! What the binary does with input that is no capture, or a broken one: a clear line, an honest status, never a panic.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use support::{
    Run, genuine, nightaudit, nightaudit_reading,
    pcap::{ETHERNET, Pcap},
    skipped,
};
use tempfile::TempDir;

/// The exit status of a request that could not be handled.
const REFUSED: i32 = 2;

#[test]
fn an_empty_file_is_refused() {
    refused(&with_bytes("empty.pcap", b""), &["empty"]);
}

#[test]
fn a_text_file_is_refused() {
    refused(&with_bytes("notes.pcap", b"Dear diary,\ntoday the phone was quiet.\n"), &["pcap"]);
}

#[test]
fn a_folder_is_refused() {
    let folder = TempDir::with_prefix("captures-of-june").expect("a folder");
    let run = nightaudit([Path::new("check"), folder.path()]);
    is_refusal(&run, folder.path(), &["folder"]);
}

#[test]
fn a_missing_file_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("not-there.pcap");
    is_refusal(&nightaudit([Path::new("check"), &path]), &path, &["no such file"]);
}

#[test]
fn a_file_that_may_not_be_read_is_refused() {
    let (folder, path) = with_bytes("secret.pcap", &fs::read(genuine("tls12")).expect("a capture"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::File::open(&path).is_err() {
        return is_refusal(&nightaudit([Path::new("check"), &path]), &path, &["permission"]);
    }
    // Root may read everything, so somebody else has to ask.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    let as_nobody = |arguments: &[&str]| {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_nightaudit")])
            .args(arguments)
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .ok()
    };
    if as_nobody(&["--version"]).is_none_or(|output| !output.status.success()) {
        return skipped("everything is readable to root, and `setpriv` cannot run the binary as somebody else");
    }
    let output = as_nobody(&["check", &path.to_string_lossy()]).expect("it ran before");
    let run = Run {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    is_refusal(&run, &path, &["permission"]);
}

#[test]
fn compressed_text_is_refused() {
    refused(&with_bytes("text.pcap.gz", &gzip(b"Dear diary,\n")), &[]);
    refused(&with_bytes("text.pcap.zst", &zstd(b"Dear diary,\n")), &[]);
}

#[test]
fn compressed_nothing_is_refused() {
    refused(&with_bytes("nothing.pcap.gz", &gzip(b"")), &[]);
    refused(&with_bytes("nothing.pcap.zst", &zstd(b"")), &[]);
}

#[test]
fn a_link_type_that_is_not_read_is_refused_by_its_number() {
    let mut capture = Pcap::empty(9_999);
    capture.push(1_750_000_000, &[0; 60]);
    refused(&with_bytes("strange.pcap", &capture.bytes()), &["9999"]);
}

#[test]
fn a_file_cut_within_its_first_header_is_refused() {
    let whole = fs::read(genuine("tls12")).expect("a capture");
    for length in [1, 4, 10, 23] {
        refused(&with_bytes("cut.pcap", &whole[..length]), &[]);
    }
}

#[test]
fn nothing_on_standard_input_is_refused() {
    let run = nightaudit_reading(b"", &["check", "-"]);
    assert_eq!(run.status, REFUSED, "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
}

#[test]
fn a_file_cut_within_a_packet_is_read_up_to_there_and_called_cut() {
    let mut capture = Pcap::read(&genuine("tls13"));
    capture.records.truncate(100);
    let whole = capture.bytes();
    for missing in [1, 20, capture.records[99].len() - 1] {
        let (_folder, path) = with_bytes("cut.pcap", &whole[..whole.len() - missing]);
        let input = check_json(&[&path])["inputs"][0].clone();
        assert_eq!((&input["packets"], &input["truncated"]), (&99.into(), &true.into()), "{missing} bytes missing");
    }
    let (_folder, path) = with_bytes("whole.pcap", &whole);
    let input = check_json(&[&path])["inputs"][0].clone();
    assert_eq!((&input["packets"], &input["truncated"]), (&100.into(), &false.into()));
}

#[test]
fn a_cut_file_is_called_cut_to_people_too() {
    let whole = fs::read(genuine("tls13")).expect("a capture");
    let (_folder, path) = with_bytes("half.pcap", &whole[..whole.len() / 2]);
    let run = nightaudit([Path::new("check"), &path]);
    assert!(run.ended_well() && run.status != REFUSED, "{run:?}");
    let said = format!("{}{}", run.out, run.err).to_lowercase();
    assert!(["cut", "truncated", "ends in the middle"].iter().any(|word| said.contains(word)), "{said}");
}

#[test]
fn a_compressed_file_cut_short_is_read_up_to_there() {
    let whole = fs::read(genuine("tls13")).expect("a capture");
    for compressed in [gzip(&whole), zstd_in_blocks(&whole)] {
        let (_folder, path) = with_bytes("cut.pcap", &compressed[..compressed.len() / 2]);
        let input = check_json(&[&path])["inputs"][0].clone();
        assert_eq!(input["truncated"], true, "{input}");
        assert!(input["packets"].as_u64().is_some_and(|packets| packets > 20), "{input}");
    }
}

#[test]
fn one_bad_file_is_named_and_the_good_ones_are_audited() {
    let (_folder, bad) = with_bytes("bad.pcap", b"Dear diary,\n");
    let (good, other) = (genuine("tls13"), genuine("tls12"));
    let run = nightaudit([Path::new("check"), Path::new("--format=json"), &good, &bad, &other]);
    assert_eq!(run.status, REFUSED, "{}", run.err);
    let named: Vec<_> = run.err.lines().filter(|line| line.contains("bad.pcap")).collect();
    assert_eq!(named.len(), 1, "{}", run.err);
    let audit = run.json();
    let clean = check_json(&[&good, &other]);
    assert_eq!(audit["totals"], clean["totals"]);
    assert_eq!(audit["devices"], clean["devices"]);
}

#[test]
fn one_bad_file_does_not_keep_the_flows_of_the_others_from_the_list() {
    let (_folder, bad) = with_bytes("bad.pcap", b"");
    let run = nightaudit([Path::new("flows"), Path::new("--format=jsonl"), &bad, &genuine("tls12")]);
    assert_eq!(run.status, REFUSED, "{run:?}");
    assert!(run.err.contains("bad.pcap"), "{}", run.err);
    let connections = run.json_lines().iter().filter(|row| row["proto"] == "tcp").count();
    assert_eq!(connections, 2, "{}", run.out);
}

#[test]
fn no_table_is_drawn_of_flows_that_could_not_be_read() {
    for (_folder, path) in [with_bytes("empty.pcap", b""), with_bytes("notes.pcap", b"Dear diary,\n")] {
        is_refusal(&nightaudit([Path::new("flows"), &path]), &path, &[]);
    }
}

#[test]
fn a_capture_without_packets_allows_no_verdict() {
    let (_folder, path) = with_bytes("quiet.pcap", &Pcap::empty(ETHERNET).bytes());
    let run = nightaudit([Path::new("check"), &path]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(!run.out.trim().is_empty(), "a person is told why");
}

#[test]
fn frames_that_lie_about_their_lengths_are_counted_and_passed_over() {
    let mut capture = Pcap::read(&genuine("tls12"));
    let clean = capture.records.len();
    for frame in [vec![0; 13], vec![0xff; 60], [&[0; 12][..], &[8, 0, 0x4f, 0, 0xff, 0xff]].concat()] {
        capture.push(1_790_000_000, &frame);
    }
    let (_folder, path) = with_bytes("lies.pcap", &capture.bytes());
    let audit = check_json(&[&path]);
    let input = &audit["inputs"][0];
    assert_eq!(input["packets"], clean + 3);
    let odd = input["malformed"].as_u64().unwrap_or(0) + input["unsupported"].as_u64().unwrap_or(0);
    let odd_before = check_json(&[&genuine("tls12")])["inputs"][0].clone();
    let before = odd_before["malformed"].as_u64().unwrap_or(0) + odd_before["unsupported"].as_u64().unwrap_or(0);
    assert_eq!(odd, before + 3, "{input}");
}

/// Checks that the file is refused with one line that names it and has `words`.
fn refused((_folder, path): &(TempDir, PathBuf), words: &[&str]) {
    is_refusal(&nightaudit([Path::new("check"), path]), path, words);
}

fn is_refusal(run: &Run, path: &Path, words: &[&str]) {
    assert_eq!(run.status, REFUSED, "{run:?}");
    let lines: Vec<_> = run.err.lines().collect();
    let [line] = lines[..] else { panic!("not one line: {run:?}") };
    assert!(line.contains(&*path.to_string_lossy()), "the file is not named: {line}");
    assert!(words.iter().all(|word| line.to_lowercase().contains(word)), "not {words:?}: {line}");
    assert!(run.out.is_empty(), "nothing to report, yet: {}", run.out);
}

fn check_json(paths: &[&Path]) -> Value {
    let run = nightaudit([Path::new("check"), Path::new("--format=json")].iter().chain(paths));
    assert!(run.ended_well() && run.status != REFUSED, "{run:?}");
    run.json()
}

fn with_bytes(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    (folder, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// In blocks that can be decoded before the frame ends.
fn zstd_in_blocks(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
    for piece in bytes.chunks(4_096) {
        encoder.write_all(piece).expect("memory");
        encoder.flush().expect("memory");
    }
    encoder.finish().expect("memory")
}
