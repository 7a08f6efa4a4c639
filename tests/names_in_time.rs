//! Which name stands for an address when: from the lookup on, for what was opened after it, and told by the far end.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use support::{
    nightaudit,
    pcap::{ETHERNET, Pcap, datagram, lookup, segment},
};

const SERVER: [u8; 4] = [203, 0, 113, 5];
/// 1 June 2026, 12:00:00 UTC.
const NOON: u32 = 1_780_315_200;

/// A resolver's answer that `name` is at `address`, as a DNS message.
fn answer(name: &[&[u8]], address: [u8; 4]) -> Vec<u8> {
    let mut dns = vec![0x4e, 0x41, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    for label in name {
        dns.push(u8::try_from(label.len()).expect("a short label"));
        dns.extend(*label);
    }
    dns.extend([0, 0, 1, 0, 1]);
    dns.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    dns.extend(address);
    dns
}

/// The same frame from the far end to the phone.
fn turned(mut frame: Vec<u8>) -> Vec<u8> {
    let mut swap = |a: usize, b: usize, length: usize| (0..length).for_each(|n| frame.swap(a + n, b + n));
    swap(0, 6, 6);
    swap(26, 30, 4);
    swap(34, 36, 2);
    frame
}

/// Upload to each app, by its id.
fn uploads(capture: &Pcap) -> Vec<(String, u64)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("names.pcap");
    std::fs::write(&path, capture.bytes()).expect("a capture");
    let path = path.display().to_string();
    let flows = nightaudit(["flows", "--format=jsonl", &path]);
    assert!(flows.ended_well(), "{flows:?}");
    let check = nightaudit(["check", "--no-power", "--format=json", &path]).json();
    let subjects = check["devices"][0]["subjects"].as_array().expect("subjects").clone();
    let up = |one: &serde_json::Value| {
        let to = one["destinations"].as_array().expect("destinations");
        (one["id"].as_str().unwrap_or("none").to_owned(), to.iter().filter_map(|to| to["up"].as_u64()).sum())
    };
    subjects.iter().map(up).collect()
}

const WHATSAPP: [&[u8]; 3] = [b"mmg", b"whatsapp", b"net"];

#[test]
fn a_flow_that_is_opened_just_after_its_lookup_is_known_from_its_first_minute_on() {
    let mut capture = Pcap::empty(ETHERNET);
    capture.push(NOON + 28, &lookup(&WHATSAPP));
    capture.push(NOON + 29, &turned(datagram(40_000, 53, [192, 168, 7, 1], &answer(&WHATSAPP, SERVER))));
    for second in (30..400).step_by(10) {
        capture.push(NOON + second, &datagram(50_000, 5_000, SERVER, &[0xa5; 1_000]));
    }
    let uploads = uploads(&capture);
    assert!(uploads.contains(&("whatsapp".to_owned(), 37_000)), "{uploads:?}");
}

#[test]
fn what_a_phone_answers_itself_names_nobody() {
    let mut capture = Pcap::empty(ETHERNET);
    capture.push(NOON + 1, &datagram(40_000, 4_444, SERVER, &answer(&WHATSAPP, SERVER)));
    for second in (30..400).step_by(10) {
        capture.push(NOON + second, &datagram(50_000, 5_000, SERVER, &[0xa5; 1_000]));
    }
    let uploads = uploads(&capture);
    assert!(!uploads.is_empty() && uploads.iter().all(|(id, _)| id != "whatsapp"), "{uploads:?}");
}

/// The beginning of a `ClientHello` to `name` that goes on in a second segment.
fn begun_hello(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("a short name");
    let mut hello = vec![0x16, 3, 1, 5, 0xb0, 1, 0, 5, 0xac, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0, 5, 0x80]);
    hello.extend([0, 0, 0, length + 5, 0, length + 3, 0, 0, length]);
    hello.extend(name.bytes());
    // Another extension, of which only the head is here: the rest went in the segment that was lost.
    hello.extend([0, 0x33, 4, 0xea, 4, 0xe8]);
    hello
}

#[test]
fn a_hello_whose_second_segment_was_lost_names_the_upload_all_the_same() {
    let mut capture = Pcap::empty(ETHERNET);
    let hello = begun_hello("mmg.whatsapp.net");
    let after = 1_000 + u32::try_from(hello.len()).expect("short") + 1_300;
    capture.push(NOON + 1, &segment(50_001, SERVER, 1_000, &hello));
    for (n, second) in (0..).zip((2..400).step_by(10)) {
        capture.push(NOON + second, &segment(50_001, SERVER, after + n * 1_000, &[0x5a; 1_000]));
    }
    let uploads = uploads(&capture);
    let whatsapp = uploads.iter().find(|(id, _)| id == "whatsapp").map_or(0, |(_, up)| *up);
    assert!(whatsapp >= 40_000, "{uploads:?}");
}
