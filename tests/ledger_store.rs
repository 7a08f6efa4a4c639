//! A stored ledger gives the audit that its packets give.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use nightaudit::{
    base::{Bytes, Minute, Span},
    capture::Captures,
    flow,
    identify::{DeviceOptions, Rules},
    ledger::{Coverage, Source, Store, StoreError, Watched},
    night::Settings,
    pipeline::{self, Audit, Auditor, Judging, Options, Query},
    report::{Redaction, json, json_text},
};

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let named = |name: &str| folder.join(name).join("traffic.pcap.zst");
    let all: Vec<_> = ["quiet-phone", "nightly-export", "nightly-cloud-backup", "night-owl"].map(named).into();
    assert!(all.iter().all(|path| path.is_file()));
    all
}

fn options() -> Options {
    Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    }
}

fn judging() -> Judging {
    Judging { timezone: chrono_tz::Europe::Berlin, night: Settings { injections: 20, ..Settings::default() } }
}

fn recall(store: &Store, query: &Query) -> Audit {
    pipeline::recall(store, query, &options().rules, &judging()).unwrap()
}

fn page(audit: &Audit) -> String {
    json_text(&json(audit, &Redaction::Off))
}

#[test]
fn the_ledger_says_what_the_packets_say_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    for (n, capture) in captures().iter().enumerate() {
        let from_packets = pipeline::check(Captures::open(&[capture]), &options(), &judging(), |_| ());
        let mut store = Store::open(&folder.path().join(format!("{n}.db"))).unwrap();
        let imported = pipeline::import(Captures::open(&[capture]), &options(), &mut store, |_| ()).unwrap();
        assert!(imported.flushed.rows > 1_000 && imported.failed.is_empty());
        let from_ledger = recall(&store, &Query::default());
        assert_eq!(page(&from_ledger), page(&from_packets), "{}", capture.display());
        assert_eq!(from_ledger, from_packets, "{}", capture.display());
    }
}

/// A datagram from a phone with this last byte of its address, at a minute.
fn sent_by(capture: &mut support::pcap::Pcap, phone: u8, minute: u32) {
    let mut frame = support::pcap::datagram(40_000, 9_999, [157, 240, 0, 60], &[0x5a; 500]);
    frame[11] = phone;
    frame[29] = phone;
    capture.push(minute * 60 + 5, &frame);
}

/// Ana's phone is at the first of two interfaces, Bo's at the second, and Cy goes from the first to the second. The first
/// does not capture from minute 100 to 400.
#[test]
fn a_gap_of_one_interface_is_a_gap_of_its_devices_alone() {
    const FIRST: u32 = 29_700_000;
    let run = |first: u32, end: u32| {
        let span = Span { first: Minute(FIRST + first), end: Minute(FIRST + end) };
        Watched { span, dropped: 0.0 }
    };
    let watched = [vec![run(0, 100), run(400, 1_000)], vec![run(0, 1_000)]];
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("ledger.db")).unwrap();
    let interface = |name: &str| Source { sensor: "gateway".into(), interface: name.into() };
    store.capturing_at(vec![interface("lan0"), interface("lan1")]);
    let (mut daemon, mut memory) = (Auditor::new(&options()), Auditor::new(&options()));
    for minute in (0..1_000).filter(|minute| minute % 20 == 3) {
        for (phone, place) in [(1_u8, 0), (2, 1), (3, usize::from(minute > 200))] {
            if watched[place].iter().any(|run| run.span.contains(Minute(FIRST + minute))) {
                let mut capture = support::pcap::Pcap::empty(support::pcap::ETHERNET);
                sent_by(&mut capture, phone, FIRST + minute);
                let path = folder.path().join("a.pcap");
                fs::write(&path, capture.bytes()).unwrap();
                let mut opened = Captures::open(&[&path]).captures;
                while opened.advance().is_some() {
                    daemon.take_from(place, &opened.frame());
                    memory.take_from(place, &opened.frame());
                }
            }
        }
        daemon.flush(&mut store, &watched).unwrap();
    }
    daemon.end();
    daemon.flush(&mut store, &watched).unwrap();
    let stored = recall(&store, &Query::default());
    let kept = memory.audit(&Coverage::of(watched.to_vec()), &judging());
    let covered = |audit: &Audit, phone: u8| {
        let device = audit.devices.iter().find(|device| device.id.ends_with(&format!("{phone:02x}"))).unwrap();
        device.ledger.watched.clone()
    };
    for audit in [&stored, &kept] {
        assert_eq!(audit.devices.len(), 3);
        assert_eq!(covered(audit, 1), watched[0], "Ana's phone was not watched while its interface was not");
        assert_eq!(covered(audit, 2), watched[1], "Bo's was all along");
        assert_eq!(covered(audit, 3), [run(0, 100), run(203, 1_000)], "Cy's was again from when it was seen elsewhere");
    }
    let inputs: Vec<_> = stored.inputs.iter().map(|input| (input.path.as_str(), input.packets)).collect();
    assert_eq!(inputs, [("lan0 (gateway)", 35 + 5), ("lan1 (gateway)", 50 + 40)]);
}

/// As a daemon writes: a flush for every hour of packets, memory empty after each.
#[test]
fn flushing_as_packets_come_in_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let capture = captures().remove(1);
    let mut store = Store::open(&folder.path().join("ledger.db")).unwrap();
    let mut auditor = Auditor::new(&options());
    let mut opened = Captures::open(&[&capture]).captures;
    let (mut first, mut last, mut flushed) = (None, Minute(0), 0_u64);
    while opened.advance().is_some() {
        let frame = opened.frame();
        auditor.take(&frame);
        let minute = frame.stamp.minute();
        first.get_or_insert(minute);
        if minute.since(last) >= 60 {
            last = minute;
            flushed += auditor.flush(&mut store, &[]).unwrap().rows;
            assert_eq!(auditor.unflushed(), 0);
        }
    }
    auditor.end();
    let span = Span { first: first.unwrap(), end: last.plus(1) };
    flushed += auditor.flush(&mut store, &[vec![Watched { span, dropped: 0.0 }]]).unwrap().rows;
    let from_packets = pipeline::check(Captures::open(&[&capture]), &options(), &judging(), |_| ());
    let from_ledger = recall(&store, &Query::default());
    assert!(flushed > 3_000, "{flushed} rows");
    assert_eq!(from_ledger.totals, from_packets.totals);
    for (stored, read) in from_ledger.devices.iter().zip(&from_packets.devices) {
        assert_eq!(stored.ledger.subjects, read.ledger.subjects);
        assert_eq!(stored.ledger.names, read.ledger.names);
        assert_eq!(stored.ledger.seen, read.ledger.seen);
        assert_eq!(stored.destinations.len(), read.destinations.len());
    }
}

#[test]
fn captures_taken_in_one_after_the_other_add_up_and_none_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("ledger.db")).unwrap();
    let (all, mut packets, mut up, mut wire) = (captures(), 0, Bytes::ZERO, Bytes::ZERO);
    for capture in &all[..3] {
        pipeline::import(Captures::open(&[capture]), &options(), &mut store, |_| ()).unwrap();
        let alone = pipeline::check(Captures::open(&[capture]), &options(), &judging(), |_| ()).totals;
        packets += alone.packets;
        up += alone.payload_up;
        wire += alone.wire;
    }
    let once = recall(&store, &Query::default());
    assert_eq!((once.totals.packets, once.totals.payload_up, once.totals.wire), (packets, up, wire));
    assert_eq!(once.inputs.len(), 3);
    let twice = pipeline::import(Captures::open(&[&all[1]]), &options(), &mut store, |_| ());
    assert!(matches!(twice, Err(StoreError::Grown { .. })), "{twice:?}");
    assert_eq!(recall(&store, &Query::default()), once);
}

#[test]
fn a_query_picks_span_device_and_subject_and_the_rest_still_tells_when_somebody_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("ledger.db")).unwrap();
    pipeline::import(Captures::open(&captures()[1..3]), &options(), &mut store, |_| ()).unwrap();
    let all = recall(&store, &Query::default());
    let device = &all.devices[0];
    let one = recall(&store, &Query { device: Some(device.id.to_uppercase()), ..Query::default() });
    assert_eq!(one.devices, std::slice::from_ref(device));
    let address = Query { device: Some(device.addresses[0].to_string()), ..Query::default() };
    assert!(recall(&store, &address).devices.contains(device));
    let subject = Query { subject: Some("whatsapp".into()), ..Query::default() };
    for device in recall(&store, &subject).devices {
        let whole = all.devices.iter().find(|whole| whole.id == device.id).unwrap();
        let subjects: BTreeSet<_> =
            device.finding.findings.iter().map(|f| &*device.ledger.subjects[f.subject].subject.id).collect();
        assert_eq!(subjects, BTreeSet::from(["whatsapp"]));
        let same = whole.finding.findings.iter().find(|f| f.subject == device.finding.findings[0].subject).unwrap();
        assert_eq!(&device.finding.findings[0], same);
    }
    let end = device.ledger.watched[0].span.end;
    let week = Span { first: end.minus(7 * 24 * 60), end };
    let nights = |audit: &Audit| audit.devices[0].finding.findings[0].nights.len();
    let last = recall(&store, &Query { span: Some(week), ..Query::default() });
    assert!((7..=9).contains(&nights(&last)) && nights(&all) > 12, "{} of {}", nights(&last), nights(&all));
    assert_eq!(recall(&store, &Query { device: Some("nobody".into()), ..Query::default() }).devices, []);
}

/// `tests/ledger/schema-1.sql` is the dump of a ledger that schema 1 wrote, of two bundled captures.
#[test]
fn a_ledger_of_an_older_schema_is_brought_up_to_date_and_says_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let dump = include_str!("ledger/schema-1.sql");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(dump).unwrap();
    old.execute_batch("PRAGMA application_id = 1849783652; PRAGMA user_version = 1").unwrap();
    drop(old);
    let reading = Store::read(&path).unwrap_err();
    assert!(matches!(reading, StoreError::Older { found: 1, .. }), "{reading}");
    let store = Store::open(&path).unwrap();
    let genuine = |name: &str| Path::new("captures/genuine").join(name).join("traffic.pcap");
    let files = ["tls13", "http1-plain"].map(genuine);
    let from_packets = pipeline::check(Captures::open(&files), &options(), &judging(), |_| ());
    assert_eq!(page(&recall(&store, &Query::default())), page(&from_packets));
    drop(store);
    Store::read(&path).unwrap();
}
