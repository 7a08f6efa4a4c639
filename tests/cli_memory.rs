//! What a file claims about itself, and what it holds millions of, takes no memory out of proportion.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use support::{
    Run, bounded, finish, genuine,
    pcap::{ETHERNET, Pcap, datagram, lookup},
};
use tempfile::TempDir;

/// Heap, stacks and other writable memory that a process may hold for a small file, in KiB.
const SMALL_KIB: u32 = 192 * 1024;
/// The same for a capture that fills every table.
const FLOOD_KIB: u32 = 640 * 1024;

#[test]
fn a_record_that_claims_gigabytes_is_not_believed() {
    let mut capture = Pcap::read(&genuine("tls12"));
    for length in [0x7fff_ffff_u32, 0xffff_ffff] {
        let claim = length.to_le_bytes();
        capture.records.push([&[0; 8], &claim[..], &claim, &[0; 64]].concat());
        let run = audited(SMALL_KIB, "claim.pcap", &capture.bytes());
        let input = &run.json()["inputs"][0];
        assert!(input["packets"].as_u64().is_some_and(|packets| packets >= 50), "{input}");
        assert_eq!(input["truncated"], true, "{input}");
        capture.records.pop();
    }
}

#[test]
fn a_block_that_claims_gigabytes_is_not_believed() {
    let mut bytes = Pcap::read(&genuine("tls12")).pcapng();
    bytes.extend([6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff]);
    bytes.extend([0; 64]);
    let run = audited(SMALL_KIB, "claim.pcapng", &bytes);
    assert!(run.json()["inputs"][0]["packets"].as_u64().is_some_and(|packets| packets >= 50), "{}", run.out);
}

#[test]
fn a_hundred_thousand_interfaces_fit() {
    let capture = Pcap::read(&genuine("tls12"));
    let one = Pcap::empty(ETHERNET).pcapng();
    let (section, interface) = one.split_at(28);
    let mut bytes = section.to_vec();
    for _ in 0..100_000 {
        bytes.extend(interface);
    }
    bytes.extend(&capture.pcapng()[one.len()..]);
    let run = audited(SMALL_KIB, "interfaces.pcapng", &bytes);
    assert!(run.json()["inputs"][0]["packets"].as_u64().is_some(), "{}", run.out);
}

#[test]
fn a_window_that_claims_terabytes_is_not_believed() {
    // A zstd frame (RFC 8878, section 3.1.1) with the largest window that its header can ask for.
    let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
    let run = bounded_check(SMALL_KIB, "window.pcap.zst", &bytes);
    assert_eq!((run.status, run.err.lines().count()), (2, 1), "{run:?}");
}

#[test]
fn a_bomb_is_read_as_a_stream() {
    let capture = Pcap::empty(ETHERNET);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&capture.bytes()).expect("memory");
    // A quarter of a gigabyte of frames that hold nothing, in a quarter of a megabyte.
    let mut block = Pcap::empty(ETHERNET);
    for _ in 0..16 {
        block.push(1_750_000_000, &vec![0; 65_000]);
    }
    for _ in 0..256 {
        encoder.write_all(&block.records.concat()).expect("memory");
    }
    let bytes = encoder.finish().expect("memory");
    assert!(bytes.len() < 2_000_000, "{} bytes are no bomb", bytes.len());
    let run = audited(SMALL_KIB, "bomb.pcap.gz", &bytes);
    assert_eq!(run.json()["inputs"][0]["packets"], 4_096);
}

#[test]
fn a_flood_of_flows_and_names_stays_within_its_caps() {
    const FLOWS: u32 = 400_000;
    let mut capture = Pcap::empty(ETHERNET);
    for n in 0..FLOWS {
        let [_, a, b, c] = n.to_be_bytes();
        capture.push(1_750_000_000 + n / 10_000, &datagram(40_000, 4_433, [157, 0xf0 | a, b, c], &[0x40; 20]));
        if n % 2 == 0 {
            let name = format!("n{n}");
            capture.push(1_750_000_000 + n / 10_000, &lookup(&[name.as_bytes(), b"example", b"net"]));
        }
    }
    let run = audited(FLOOD_KIB, "flood.pcap", &capture.bytes());
    let audit = run.json();
    assert_eq!(audit["inputs"][0]["packets"], FLOWS + FLOWS / 2);
    let names = (0..FLOWS).step_by(2).map(|n| 12 + 1 + format!("n{n}").len() as u64 + 8 + 4 + 1 + 4);
    let sent = u64::from(FLOWS) * 20 + names.sum::<u64>();
    assert_eq!(audit["totals"]["payload_up"], sent, "what was evicted still counts");
}

/// Runs `check --format json` on a file of `bytes`, which is good enough to be audited.
fn audited(kib: u32, name: &str, bytes: &[u8]) -> Run {
    let run = bounded_check(kib, name, bytes);
    assert!(run.ended_well() && !run.out.is_empty(), "{run:?}");
    run
}

fn bounded_check(kib: u32, name: &str, bytes: &[u8]) -> Run {
    let folder = TempDir::new().expect("a folder");
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    let mut check = bounded(kib, [Path::new("check"), Path::new("--format=json"), &path]);
    finish(check.timeout(Duration::from_secs(120)))
}
