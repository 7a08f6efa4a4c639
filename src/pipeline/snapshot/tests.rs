//! What a screen is told is what an audit says.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use super::{super::*, *};
use crate::{
    base::{Endpoint, Stamp},
    capture::Captures,
    flow::{self, Protocol},
    identify::{Confidence, DeviceOptions, Evidence, Kind, Role, Rules},
};

fn options() -> Options {
    Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    }
}

fn judging() -> Judging {
    Judging { timezone: chrono_tz::Tz::UTC, night: night::Settings::default() }
}

fn bundled() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/nightly-export/traffic.pcap.zst")
}

/// Every snapshot that a reading tells of, by a clock that goes on by a second at every look, so that each look is due.
fn told(stop: &AtomicBool, mut each: impl FnMut(&Snapshot)) -> Vec<Arc<Snapshot>> {
    let time = Cell::new(0);
    let clock = || {
        time.set(time.get() + 40_000);
        Duration::from_millis(time.get())
    };
    let mut all = Vec::new();
    read(Captures::open(&[bundled()]), &options(), &judging(), stop, &clock, &mut |news| {
        if let News::Snapshot(snapshot) = news {
            each(&snapshot);
            all.push(snapshot);
        }
    });
    all
}

#[test]
fn the_last_snapshot_is_the_audit_that_check_gives() {
    let all = told(&AtomicBool::new(false), |_| ());
    let audit = check(Captures::open(&[bundled()]), &options(), &judging(), |_| ());
    let [.., judging, last] = all.as_slice() else { panic!("only {} snapshots", all.len()) };
    assert_eq!(last.audit, audit);
    assert_eq!((judging.stage, last.stage), (Stage::Judging, Stage::Complete));
    assert!(all.len() > 3, "the screen fills while it reads");
    assert!(all.iter().zip(1..).all(|(snapshot, n)| snapshot.number == n));
    assert!(all.windows(2).all(|pair| pair[0].audit.totals.packets <= pair[1].audit.totals.packets));
}

#[test]
fn slices_add_up_to_their_destinations() {
    for snapshot in told(&AtomicBool::new(false), |_| ()) {
        for (device, slices) in snapshot.audit.devices.iter().zip(&snapshot.slices) {
            assert!(slices.rows.is_sorted_by_key(|slice| slice.minute) && slices.by_destination);
            for (at, total) in (0_u32..).zip(&device.destinations) {
                let own = || slices.rows.iter().filter(move |slice| slice.target == at);
                let unattended: Bytes = own().filter(|slice| !slice.attended).map(|slice| slice.up).sum();
                assert_eq!(own().map(|slice| slice.up).sum::<Bytes>(), total.up, "{}", total.destination);
                assert_eq!(own().map(|slice| slice.down).sum::<Bytes>(), total.down, "{}", total.destination);
                assert_eq!(unattended, total.unattended_up, "{}", total.destination);
            }
        }
    }
}

#[test]
fn flows_of_the_last_snapshot_are_those_that_flows_lists() {
    let all = told(&AtomicBool::new(false), |_| ());
    let mut listed = Vec::new();
    flows(Captures::open(&[bundled()]), &options(), |row| listed.push(row), |_| ());
    let last = all.last().unwrap();
    assert_eq!(last.flow_count(), listed.len());
    assert!(listed.iter().enumerate().all(|(at, row)| **last.flow(at).unwrap() == *row));
    assert!(all.iter().any(|snapshot| !snapshot.open.is_empty()), "open flows are listed meanwhile");
}

#[test]
fn a_reading_that_is_stopped_concludes_with_what_it_has() {
    let stop = AtomicBool::new(false);
    let all = told(&stop, |snapshot| stop.store(snapshot.audit.totals.packets > 0, Ordering::Relaxed));
    let last = all.last().unwrap();
    assert_eq!(last.stage, Stage::Stopped);
    let whole = check(Captures::open(&[bundled()]), &options(), &judging(), |_| ()).totals.packets;
    assert!(last.audit.totals.packets > 0 && last.audit.totals.packets < whole);
}

fn row(n: u32, bytes: u64) -> FlowRow {
    FlowRow {
        protocol: Protocol::Udp,
        a: Endpoint::new("192.168.7.23".parse().unwrap(), 1),
        b: Endpoint::new("157.240.1.60".parse().unwrap(), 2),
        packets: [1, 0],
        wire: [Bytes(bytes); 2],
        payload: [Bytes(bytes), Bytes::ZERO],
        first: Stamp::new(n.into(), 0),
        last: Stamp::new(n.into(), 0),
        device: None,
        app: None,
        operator: None,
        subject: "unattributed".to_owned(),
        kind: Kind::Unattributed,
        role: Role::Unknown,
        host: None,
        host_source: None,
        evidence: Evidence::None,
        confidence: Confidence::Low,
        conflicts: Vec::new(),
        alpn: Vec::new(),
        ja4: None,
        second_ja4: None,
        speaks: None,
        ech: false,
    }
}

#[test]
fn flows_keep_their_order_however_they_are_handed_over() {
    let mut log = FlowLog::default();
    for n in 0..1_000 {
        log.add(row(n, 1));
        if n % 7 == 0 {
            log.flows();
        }
    }
    let flows = log.flows();
    assert_eq!(flows.len(), 1_000);
    for (n, row) in (0..).zip(flows.iter()) {
        assert_eq!(row.first, Stamp::new(n, 0));
        assert_eq!(flows.get(usize::try_from(n).unwrap()).unwrap().first, row.first);
    }
    assert!(flows.get(1_000).is_none());
}

#[test]
fn of_too_many_flows_the_light_ones_are_left_out_and_counted() {
    let mut log = FlowLog::default();
    let sent = u32::try_from(MOST_FLOWS).unwrap() + 50_000;
    for n in 0..sent {
        log.add(row(n, u64::from(n.wrapping_mul(2_654_435_761)) % 1_000_000));
    }
    let flows = log.flows();
    assert!(flows.len() <= MOST_FLOWS);
    assert_eq!(flows.len() as u64 + flows.left_out, u64::from(sent));
    assert!(flows.iter().all(|row| weight(row) > flows.left_out_up_to));
}
