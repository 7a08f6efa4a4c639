//! The packets behind a finding: picked to the byte, each with a comment, and opened cleanly by other programs.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use support::{
    Run,
    pcap::{ETHERNET, Pcap, datagram},
};
use tempfile::TempDir;

const NIGHT: &str = "2026-05-08";

fn capture() -> PathBuf {
    support::project().join("captures/nightly-export/traffic.pcap.zst")
}

fn evidence(subject: &str, night: &str, more: &[&Path]) -> Run {
    let words = ["evidence", subject, night].map(PathBuf::from);
    support::nightaudit(words.iter().map(PathBuf::as_path).chain(more.iter().copied()))
}

fn picked(folder: &TempDir) -> PathBuf {
    let out = folder.path().join("night.pcapng");
    let run = evidence("whatsapp", NIGHT, &[&capture(), Path::new("-o"), &out]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.err.contains("packets of WhatsApp in the night of 2026-05-08"), "{}", run.err);
    out
}

#[test]
fn the_picked_packets_carry_what_the_report_says_of_that_night_to_the_byte() {
    let folder = TempDir::new().expect("a folder");
    let out = picked(&folder);
    let audit = support::nightaudit([
        Path::new("check"),
        &capture(),
        "--format".as_ref(),
        "json".as_ref(),
        "--no-power".as_ref(),
    ])
    .json();
    let subjects = audit["devices"][0]["subjects"].as_array().expect("subjects");
    let whatsapp = subjects.iter().find(|subject| subject["id"] == "whatsapp").expect("WhatsApp");
    let nights = whatsapp["nights"].as_array().expect("nights");
    let night = nights.iter().find(|night| night["date"] == NIGHT).expect("the night");
    let said = night["unattended_raw_up"].as_u64().expect("bytes") + night["attended_up"].as_u64().expect("bytes");
    let again =
        support::nightaudit([Path::new("check"), &out, "--format".as_ref(), "json".as_ref(), "--no-power".as_ref()])
            .json();
    assert_eq!(again["totals"]["payload_up"].as_u64(), Some(said));
    assert!(said > 5_000_000, "the night of an export");
}

#[test]
fn it_is_private_and_every_packet_says_whose_it_is_and_when() {
    let folder = TempDir::new().expect("a folder");
    let out = picked(&folder);
    assert_eq!(fs::metadata(&out).expect("a file").permissions().mode() & 0o777, 0o600);
    let Ok(read) = Command::new("tshark")
        .args(["-r".as_ref(), out.as_os_str()])
        .args(["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.comment"])
        .output()
    else {
        support::skipped("no tshark");
        return;
    };
    let complaints = String::from_utf8_lossy(&read.stderr);
    let complaints: Vec<_> = complaints.lines().filter(|line| !line.contains("Running as user")).collect();
    assert!(read.status.success() && complaints.is_empty(), "{complaints:?}");
    let lines = String::from_utf8(read.stdout).expect("text");
    assert!(lines.lines().count() > 1_000, "{} packets", lines.lines().count());
    let mut unattended = 0;
    for line in lines.lines() {
        let (at, comment) = line.split_once('\t').expect("two fields");
        let at: f64 = at.parse().expect("a time");
        let local = chrono::DateTime::from_timestamp(at.trunc().to_string().parse().expect("seconds"), 0)
            .expect("a time")
            .format("%Y-%m-%d %H:%M")
            .to_string();
        assert!(comment.starts_with("nightaudit: WhatsApp on 02:00:00:00:07:17") && comment.contains(&local), "{line}");
        unattended += usize::from(comment.contains(", unattended, "));
    }
    assert!(unattended > 1_000, "{unattended}");
}

#[test]
fn what_cannot_be_picked_is_refused_with_what_there_is() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("x.pcapng");
    let said = |subject: &str, night: &str, more: &[&Path]| {
        let run = evidence(subject, night, more);
        assert_eq!(run.status, 2, "{run:?}");
        run.err
    };
    let to: [&Path; 3] = [&capture(), Path::new("-o"), &out];
    assert!(said("nosuch", NIGHT, &to).contains("no subject \"nosuch\" in these captures; there are: "));
    assert!(
        said("whatsapp", "2031-01-01", &to)
            .contains("hold no night that begins on 2031-01-01; theirs begin on 2026-05-0")
    );
    assert!(said("whatsapp", "yesterday", &to).contains("NIGHT"));
    let device = [&to[..], &[Path::new("--device"), Path::new("nobody")]].concat();
    assert!(said("whatsapp", NIGHT, &device).contains("no device \"nobody\" has it; name one of: 02:00:00:00:07:17"));
    assert!(
        said("whatsapp", NIGHT, &[Path::new("-"), Path::new("-o"), &out]).contains("standard input can be read once")
    );
    assert!(!out.exists(), "nothing is written before it is known that there is something to write");

    let own = folder.path().join("own.pcap.zst");
    fs::copy(capture(), &own).expect("a copy");
    assert!(said("whatsapp", NIGHT, &[&own, Path::new("-o"), &own]).contains("written over while it is read"));
    assert_eq!(fs::read(&own).expect("a file"), fs::read(capture()).expect("a file"));
}

/// Three days of a phone, with a datagram in three pieces in the second night, and one of which the last never came.
fn capture_in_pieces(folder: &TempDir) -> PathBuf {
    const FIRST: u32 = 1_781_000_000 / 86_400 * 86_400;
    let mut capture = Pcap::empty(ETHERNET);
    let whole = datagram(40_000, 9_999, SERVER, &[0x5a; 4_000]);
    for minute in (0..3 * 24 * 60).step_by(10) {
        capture.push(FIRST + minute * 60, &datagram(40_000, 9_999, SERVER, &[0x5a; 900]));
        if minute == 36 * 60 {
            for piece in pieces(&whole, 7).iter().chain(pieces(&whole, 8).iter().take(2)) {
                capture.push(FIRST + minute * 60 + 5, piece);
            }
        }
    }
    let path = folder.path().join("pieces.pcap");
    fs::write(&path, capture.bytes()).expect("a capture");
    path
}

const SERVER: [u8; 4] = [203, 0, 113, 9];

/// An Ethernet frame's datagram, cut into fragments of 1,480 bytes (RFC 791).
fn pieces(frame: &[u8], id: u16) -> Vec<Vec<u8>> {
    let (head, payload) = frame.split_at(34);
    let count = payload.len().div_ceil(1_480);
    let cut = payload.chunks(1_480).enumerate().map(|(n, part)| {
        let mut piece = head.to_vec();
        let more = if n + 1 < count { 0x2000 } else { 0 };
        let offset = u16::try_from(n * 1_480 / 8).expect("an offset");
        piece[16..18].copy_from_slice(&u16::try_from(part.len() + 20).expect("a length").to_be_bytes());
        piece[18..20].copy_from_slice(&id.to_be_bytes());
        piece[20..22].copy_from_slice(&(more | offset).to_be_bytes());
        piece.extend(part);
        piece
    });
    cut.collect()
}

#[test]
fn every_piece_of_a_datagram_is_evidence() {
    let folder = TempDir::new().expect("a folder");
    let capture = capture_in_pieces(&folder);
    let check = |path: &Path| {
        support::nightaudit([Path::new("check"), path, "--format=json".as_ref(), "--no-power".as_ref()]).json()
    };
    let before = check(&capture);
    let subject = &before["devices"][0]["subjects"][0];
    let nights = subject["nights"].as_array().expect("nights");
    let bytes = |night: &serde_json::Value| {
        night["unattended_raw_up"].as_u64().expect("bytes") + night["attended_up"].as_u64().expect("bytes")
    };
    let night = nights.iter().max_by_key(|night| bytes(night)).expect("a night");
    let out = folder.path().join("night.pcapng");
    let words = [subject["id"].as_str().expect("an id"), night["date"].as_str().expect("a date")];
    let run = evidence(words[0], words[1], &[&capture, Path::new("-o"), &out]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(!run.err.contains("left out"), "{}", run.err);
    assert_eq!(check(&out)["totals"]["payload_up"].as_u64(), Some(bytes(night)), "to the byte");
    let Ok(read) = Command::new("tshark")
        .args(["-r".as_ref(), out.as_os_str()])
        .args(["-T", "fields", "-e", "ip.id", "-e", "ip.frag_offset", "-e", "udp.length", "-e", "frame.comment"])
        .output()
    else {
        support::skipped("no tshark");
        return;
    };
    let lines = String::from_utf8(read.stdout).expect("text");
    let of = |id: &str| lines.lines().filter(|line| line.starts_with(id)).collect::<Vec<_>>();
    assert_eq!((of("0x0007").len(), of("0x0008").len()), (3, 2), "{lines}");
    assert!(of("0x0007").iter().any(|line| line.contains("\t4008\t")), "tshark puts it together: {lines}");
    assert!(lines.lines().all(|line| line.contains("nightaudit: ")), "each piece says whose it is");
}
