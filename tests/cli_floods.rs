//! Handshakes that begin by the thousand and never end take capped memory, and what is given up is counted and said.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{fs::File, io::Write as _, path::Path, time::Duration};

use serde_json::Value;
use support::{
    Run, bounded, finish,
    pcap::{ETHERNET, Pcap, datagram, segment},
    quic::half_open,
};
use tempfile::TempDir;

/// Heap, stacks and other writable memory that the process may hold, in KiB: what it takes for a small file, and the
/// budget of handshakes that are not complete.
const CALM_KIB: u32 = 288 * 1024;
/// The same where a flow of its own is kept for each of a hundred thousand beginnings.
const MANY_FLOWS_KIB: u32 = 512 * 1024;

/// A packed capture, written frame by frame: what floods a reader need not fill a disk.
fn packed(folder: &TempDir, frames: impl Iterator<Item = Vec<u8>>) -> std::path::PathBuf {
    let path = folder.path().join("flood.pcap.zst");
    let mut out = zstd::Encoder::new(File::create(&path).expect("a file"), 1).expect("an encoder");
    out.write_all(&Pcap::empty(ETHERNET).bytes()).expect("room");
    for (n, frame) in (0_u32..).zip(frames) {
        let mut one = Pcap::empty(ETHERNET);
        one.push(1_750_000_000 + n / 10_000, &frame);
        for record in &one.records {
            out.write_all(record).expect("room");
        }
    }
    out.finish().expect("room");
    path
}

fn audited(kib: u32, path: &Path) -> Value {
    let mut check = bounded(kib, [Path::new("check"), Path::new("--format=json"), path]);
    let run: Run = finish(check.timeout(Duration::from_secs(240)));
    assert!(run.ended_well() && !run.out.is_empty(), "{run:?}");
    run.json()
}

/// How many flows' first messages the audit says it read in part.
fn given_up(audit: &Value) -> u64 {
    let losses = audit["losses"].as_array().into_iter().flatten();
    losses
        .filter(|loss| loss["what"].as_str().is_some_and(|what| what.contains("first messages were read in part")))
        .filter_map(|loss| loss["count"].as_u64())
        .sum()
}

/// The `n`th segment of 1,460 bytes of a hello that says it is 60,000 bytes long.
fn endless_hello(n: usize) -> Vec<u8> {
    const RECORD: usize = 16_384;
    let mut stream = Vec::new();
    while stream.len() < (n + 1) * 1_460 {
        stream.extend([22, 3, 3, 0x40, 0]);
        let first = stream.len() == 5;
        stream.extend(std::iter::repeat_n(0x5a, RECORD));
        if first {
            stream[5..11].copy_from_slice(&[1, 0, 0xea, 0x60, 3, 3]);
        }
    }
    stream[n * 1_460..(n + 1) * 1_460].to_vec()
}

#[test]
fn hellos_that_never_end_are_given_up_oldest_first() {
    const CONNECTIONS: u32 = 6_000;
    const SEGMENTS: usize = 30;
    let pieces: Vec<Vec<u8>> = (0..SEGMENTS).map(endless_hello).collect();
    let frames = (0..CONNECTIONS).flat_map(|n| {
        let [_, _, high, low] = n.to_be_bytes();
        pieces.iter().enumerate().map(move |(at, piece)| {
            let seq = 1 + u32::try_from(at * 1_460).expect("a short stream");
            segment(40_000, [157, 240, high, low], seq, piece)
        })
    });
    let folder = TempDir::new().expect("a folder");
    let audit = audited(CALM_KIB, &packed(&folder, frames));
    let sent = u64::from(CONNECTIONS) * SEGMENTS as u64 * 1_460;
    assert_eq!(audit["totals"]["payload_up"], sent, "what is not read is counted all the same");
    let given_up = given_up(&audit);
    assert!((4_000..6_000).contains(&given_up), "{given_up} of 6,000: the budget holds some 1,500");
}

#[test]
fn half_open_quic_connections_are_given_up_oldest_first() {
    const CONNECTIONS: u32 = 100_000;
    let packet = half_open();
    let frames = (0..CONNECTIONS).map(|n| {
        let [_, a, b, c] = n.to_be_bytes();
        datagram(40_000, 443, [157, 0xf0 | a, b, c], &packet)
    });
    let folder = TempDir::new().expect("a folder");
    let audit = audited(MANY_FLOWS_KIB, &packed(&folder, frames));
    assert_eq!(audit["totals"]["payload_up"], u64::from(CONNECTIONS) * packet.len() as u64);
    let given_up = given_up(&audit);
    assert!(given_up > 20_000, "{given_up} of 100,000 were given up");
}
