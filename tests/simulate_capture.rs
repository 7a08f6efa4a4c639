//! Captures of simulated lives, read back by independent decoders.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{collections::HashMap, fs, path::PathBuf};

use etherparse::{LaxPacketHeaders, NetHeaders, TransportHeader};
use nightaudit::{
    base::{Bytes, Minute, Stamp},
    simulate::{Life, Scenario, Truth},
};

/// A scenario small enough to be played packet by packet in a test.
const SMALL: &str = r#"
name = "three nights of exports"
nights = 3

[persona]
sessions-per-day = 20
photos-per-day = 2
videos-per-day = 0
calls-per-day = 0.5
video-calls = 0
browsing-mb-per-minute = 0.1

[background]
os-updates-per-night = 0
photo-sync = false
cloud-backup = true
cloud-backup-mb = 2
incoming-media-mb = 0.1

[[export]]
when = "after-bedtime"
mb = 3
"#;

fn small(more: &str) -> Scenario {
    Scenario::parse(&format!("{SMALL}{more}"), "small.toml").unwrap()
}

/// What one frame says, read from its own headers.
struct Seen {
    at: Stamp,
    up: bool,
    five: [String; 2],
    payload: usize,
    tcp: Option<(u32, u32, bool, bool)>,
    checksum_good: bool,
}

fn seen(at: Stamp, kept: &[u8], original: u32) -> Seen {
    let headers = LaxPacketHeaders::from_ethernet(kept).unwrap();
    let (src, dst, total) = match headers.net.as_ref().unwrap() {
        NetHeaders::Ipv4(ip, _) => {
            let ends = [ip.source, ip.destination].map(|a| std::net::Ipv4Addr::from(a).to_string());
            let [src, dst] = ends;
            (src, dst, usize::from(ip.total_len))
        }
        NetHeaders::Ipv6(ip, _) => {
            let [src, dst] = [ip.source, ip.destination].map(|a| std::net::Ipv6Addr::from(a).to_string());
            (src, dst, usize::from(ip.payload_length) + 40)
        }
        NetHeaders::Arp(arp) => panic!("{arp:?}"),
    };
    assert_eq!(total + 14, original as usize, "IP length and frame length agree");
    let network = match headers.net.as_ref().unwrap() {
        NetHeaders::Ipv4(..) => 20,
        _ => 40,
    };
    let (ports, header, tcp, checksum) = match headers.transport.as_ref().unwrap() {
        TransportHeader::Tcp(tcp) => (
            (tcp.source_port, tcp.destination_port),
            tcp.header_len(),
            Some((tcp.sequence_number, tcp.acknowledgment_number, tcp.syn, tcp.fin)),
            tcp.checksum,
        ),
        TransportHeader::Udp(udp) => ((udp.source_port, udp.destination_port), 8, None, udp.checksum),
        other => panic!("{other:?}"),
    };
    let whole = kept.len() == original as usize;
    let computed = match (headers.net.as_ref().unwrap(), headers.transport.as_ref().unwrap()) {
        (NetHeaders::Ipv4(ip, _), TransportHeader::Tcp(t)) => t.calc_checksum_ipv4(ip, headers.payload.slice()),
        (NetHeaders::Ipv4(ip, _), TransportHeader::Udp(u)) => u.calc_checksum_ipv4(ip, headers.payload.slice()),
        (NetHeaders::Ipv6(ip, _), TransportHeader::Tcp(t)) => t.calc_checksum_ipv6(ip, headers.payload.slice()),
        (NetHeaders::Ipv6(ip, _), TransportHeader::Udp(u)) => u.calc_checksum_ipv6(ip, headers.payload.slice()),
        _ => unreachable!(),
    };
    Seen {
        at,
        up: src == "192.168.7.23" || src == "2001:db8:7::23",
        five: [format!("{src} {}", ports.0), format!("{dst} {}", ports.1)],
        payload: total - network - header,
        tcp,
        checksum_good: !whole || computed == Ok(checksum),
    }
}

fn recorded(life: &Life) -> (Vec<Seen>, Truth) {
    let mut frames = Vec::new();
    let truth = life
        .frames(&mut |at, kept, original| {
            frames.push(seen(at, kept, original));
            Ok(())
        })
        .unwrap();
    (frames, truth)
}

#[test]
fn ledger_and_capture_agree_to_the_byte_in_every_minute() {
    for more in [
        "",
        "[coverage]\npackets-dropped = 0.1\nhours-missing = 0.2\n",
        "[network]\nnames-hidden = true\nreceive-offload = true\n",
    ] {
        let life = Life::of(&small(more), 11);
        let (ledger, by_ledger) = life.ledger();
        let (frames, by_capture) = recorded(&life);
        assert_eq!(by_ledger, by_capture, "with {more:?}");
        let mut posted = HashMap::<Minute, [u64; 2]>::new();
        for (minute, cell) in ledger.subjects.iter().flat_map(|s| &s.minutes) {
            let slot = posted.entry(*minute).or_default();
            slot[0] += cell.up.0;
            slot[1] += cell.down.0;
        }
        posted.retain(|_, moved| *moved != [0, 0]);
        let mut counted = HashMap::<Minute, [u64; 2]>::new();
        for frame in frames.iter().filter(|f| f.payload > 0) {
            counted.entry(frame.at.minute()).or_default()[usize::from(!frame.up)] += frame.payload as u64;
        }
        assert_eq!(posted, counted, "with {more:?}");
        assert!(by_capture.up > Bytes::mb(8), "{}", by_capture.up);
    }
}

#[test]
fn frames_come_in_order_with_good_checksums() {
    let (frames, _) = recorded(&Life::of(&small(""), 3));
    assert!(frames.is_sorted_by_key(|f| f.at));
    assert!(frames.iter().all(|f| f.checksum_good));
    assert!(frames.iter().any(|f| f.five[0].contains(':')), "some over IPv6");
}

#[test]
fn sequence_numbers_run_without_a_gap_and_nothing_unsent_is_acknowledged() {
    let (frames, _) = recorded(&Life::of(&small(""), 8));
    let mut next = HashMap::<[String; 2], u32>::new();
    let mut checked = 0;
    for frame in &frames {
        let Some((seq, ack, syn, fin)) = frame.tcp else { continue };
        if syn {
            next.insert(frame.five.clone(), seq);
        }
        let expected = next.get_mut(&frame.five).expect("a SYN before everything else");
        assert_eq!(seq, *expected, "{:?} at {}", frame.five, frame.at);
        *expected = seq.wrapping_add(u32::try_from(frame.payload).unwrap() + u32::from(syn) + u32::from(fin));
        let [src, dst] = frame.five.clone();
        if let Some(other) = next.get(&[dst, src]) {
            assert!(other.wrapping_sub(ack) < 1 << 24, "acknowledges what was sent, at {}", frame.at);
        }
        checked += 1;
    }
    assert!(checked > 10_000);
}

#[test]
fn the_same_scenario_and_seed_give_the_same_bytes() {
    let file = |seed| {
        let mut out = Vec::new();
        Life::of(&small(""), seed).write_capture(&mut out).unwrap();
        out
    };
    let (first, again) = (file(1), file(1));
    assert!(first == again, "two runs differ");
    assert!(first != file(2), "two seeds agree");
}

#[test]
fn a_tunnel_hides_every_host() {
    let (frames, truth) = recorded(&Life::of(&small("[network]\nvpn = true\n"), 1));
    assert_eq!(truth.hosts.len(), 1);
    let ends: std::collections::HashSet<_> = frames.iter().filter(|f| f.up).map(|f| f.five[1].clone()).collect();
    assert_eq!(ends.len(), 1);
}

#[test]
fn the_scenario_files_of_the_bundled_captures_can_be_played() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut read = 0;
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path().join("scenario.toml");
        if path.exists() {
            Scenario::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
            read += 1;
        }
    }
    assert!(read >= 4, "only {read} scenario files");
}
