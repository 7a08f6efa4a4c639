//! A disk that takes no writes: what is captured waits in memory, up to a cap, and what is lost beyond it is counted.
#![cfg(all(feature = "live", unix))]
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use nightaudit::{
    base::{Minute, Span, Stamp},
    capture::{Captures, Moment},
    flow,
    identify::{DeviceOptions, Rules},
    ledger::{Source, Store, Watched},
    night::Settings,
    pipeline::{self, Audit, Auditor, InputReport, Judging, Options, Query, SourceState, SourceStatus, Status},
    schedule::{Booked, Bookkeeper},
};
use support::{
    pcap::{ETHERNET, Pcap, datagram},
    skipped,
};

const FIRST: u32 = 29_700_000;
/// Payload of a minute.
const BYTES: usize = 700;

/// A small disk of its own, taken down in the end.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one on a folder in `folder`; `None`, said aloud, without root.
    fn mount(folder: &Path, options: &str) -> Option<Self> {
        let disk = folder.join("disk");
        fs::create_dir(&disk).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&disk).output();
        if mounted.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self(disk));
        }
        skipped(&format!("a disk of its own needs root: {mounted:?}"));
        None
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(done.expect("mount runs").success());
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn options() -> Options {
    Options {
        rules: Arc::new(Rules::embedded().expect("the rules")),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    }
}

/// A daemon's booking by hand: the clock is this test's.
struct Booking {
    auditor: Auditor<'static>,
    bookkeeper: Bookkeeper,
    folder: PathBuf,
}

impl Booking {
    fn open(folder: &Path, ledger: &Path, most_rows: usize) -> Self {
        let source = Source { sensor: "gateway".into(), interface: "lan0".into() };
        let bookkeeper = Bookkeeper::open(ledger, vec![source], 120).expect("a ledger, now or later");
        let bookkeeper = bookkeeper.holding_at_most(most_rows);
        Self { auditor: Auditor::new(&options()), bookkeeper, folder: folder.to_owned() }
    }

    /// A minute passes in which one new connection sends; then the bookkeeper looks.
    fn minute(&mut self, minute: u32) -> Booked {
        let mut capture = Pcap::empty(ETHERNET);
        let port = 10_000 + u16::try_from(minute % 50_000).expect("a port");
        capture.push((FIRST + minute) * 60 + 7, &datagram(port, 9_999, [157, 240, 0, 60], &[0x5a; BYTES]));
        let path = self.folder.join("minute.pcap");
        fs::write(&path, capture.bytes()).expect("a capture");
        let mut opened = Captures::open(&[&path]).captures;
        while opened.advance().is_some() {
            self.auditor.take(&opened.frame());
        }
        self.auditor.pass(Stamp::new(u64::from(FIRST + minute + 1) * 60, 0));
        self.bookkeeper.look(&mut self.auditor, &status(minute + 1))
    }

    fn close(mut self, minute: u32) -> Booked {
        self.bookkeeper.close(&mut self.auditor, &status(minute))
    }
}

/// What a listener says that has listened to one interface from the first minute on.
fn status(minute: u32) -> Status {
    let wall = Stamp::new(u64::from(FIRST + minute) * 60, 0);
    let now = Moment { wall, running: Duration::from_secs(60 * u64::from(minute)) };
    let run = Watched { span: Span { first: Minute(FIRST), end: Minute(FIRST + minute) }, dropped: 0.0 };
    let input = InputReport { path: "lan0".into(), ..InputReport::default() };
    let source: nightaudit::capture::Source = "lan0".parse().expect("a source");
    let source = SourceStatus { source, state: SourceState::Open(None), input, watched: vec![run], gaps: 0 };
    Status {
        began: Moment { wall: Stamp::new(u64::from(FIRST) * 60, 0), running: Duration::ZERO },
        now,
        packet_time: Some(wall),
        watched: vec![run],
        sources: vec![source],
        notes: Vec::new(),
        saved: None,
    }
}

fn audit(ledger: &Path) -> Audit {
    let store = Store::read(ledger).unwrap_or_else(|error| panic!("{error}"));
    let judging = Judging { timezone: chrono_tz::Tz::UTC, night: Settings { power: false, ..Settings::default() } };
    pipeline::recall(&store, &Query::default(), &options().rules, &judging).unwrap_or_else(|error| panic!("{error}"))
}

/// The minutes in which something is in the ledger, counted from the first.
fn minutes(audit: &Audit) -> Vec<u32> {
    let subjects = audit.devices.iter().flat_map(|device| &device.ledger.subjects);
    let mut minutes: Vec<_> = subjects.flat_map(|one| &one.minutes).map(|(minute, _)| minute.0 - FIRST).collect();
    minutes.sort_unstable();
    minutes.dedup();
    minutes
}

#[test]
fn a_disk_that_is_read_only_at_first_gets_everything_once_it_is_writable() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(folder.path(), "size=8m,ro") else { return };
    let mut booking = Booking::open(folder.path(), &disk.ledger(), 400_000);
    assert!(!booking.bookkeeper.is_open());
    let waiting = (0..30).map(|minute| booking.minute(minute)).collect::<Vec<_>>();
    let said: Vec<_> = waiting
        .iter()
        .filter_map(|booked| match booked {
            Booked::Waiting(error) => Some(error.to_string()),
            Booked::Nothing => None,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said.len(), 1, "it is said once: {said:?}");
    assert!(said[0].contains("read-only") && said[0].contains("remount,rw"), "{said:?}");
    disk.remount("rw");
    let then = booking.minute(30);
    assert!(matches!(then, Booked::Recovered { minutes: 20.. }), "{then:?}");
    assert!(matches!(booking.close(31), Booked::Rows { .. }));
    let audit = audit(&disk.ledger());
    assert_eq!(minutes(&audit), (0..31).collect::<Vec<_>>());
    assert_eq!(audit.totals.payload_up.0, 31 * BYTES as u64);
    assert_eq!(audit.devices[0].ledger.watched.iter().map(|run| run.span.minutes()).sum::<u32>(), 31);
    assert_eq!(audit.losses, []);
}

#[test]
fn beyond_the_cap_what_was_captured_is_lost_counted_and_not_covered() {
    const MOST: usize = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(folder.path(), "size=8m,ro") else { return };
    let mut booking = Booking::open(folder.path(), &disk.ledger(), MOST);
    let mut lost = Vec::new();
    for minute in 0..100 {
        if let Booked::Lost { span, rows } = booking.minute(minute) {
            lost.push((span.end.0 - FIRST, rows));
        }
        assert!(booking.auditor.unflushed() <= MOST, "memory has an end");
    }
    assert_eq!(lost.len(), 2, "{lost:?}");
    disk.remount("rw");
    assert!(matches!(booking.minute(100), Booked::Recovered { .. }));
    assert!(matches!(booking.close(101), Booked::Rows { .. }));
    let audit = audit(&disk.ledger());
    let (end, rows) = (lost[1].0, lost.iter().map(|(_, rows)| rows).sum::<usize>());
    let kept = minutes(&audit);
    assert_eq!(kept.len() + rows, 101, "every minute is in the ledger or counted as lost");
    let covered: Vec<_> = audit.devices[0].ledger.watched.iter().map(|run| run.span).collect();
    assert_eq!(covered, [Span { first: Minute(FIRST + end), end: Minute(FIRST + 101) }]);
    assert_eq!(audit.losses.len(), 1, "{:?}", audit.losses);
    assert!(audit.losses[0].what.contains("the disk did not take") && audit.losses[0].count == rows as u64);
}

#[test]
fn after_a_clock_was_set_back_what_is_watched_counts_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ledger.db");
    let mut booking = Booking::open(folder.path(), &ledger, 400_000);
    for minute in 0..5 {
        booking.minute(minute);
    }
    // For a moment it is three days later.
    let ahead = Status { packet_time: status(4_320).packet_time, ..status(5) };
    assert!(matches!(booking.bookkeeper.look(&mut booking.auditor, &ahead), Booked::Rows { .. }));
    for minute in 5..40 {
        booking.minute(minute);
    }
    booking.close(40);
    let audit = audit(&ledger);
    assert_eq!(minutes(&audit), (0..40).collect::<Vec<_>>());
    let covered: Vec<_> = audit.devices[0].ledger.watched.iter().map(|run| run.span).collect();
    assert_eq!(covered, [Span { first: Minute(FIRST), end: Minute(FIRST + 40) }]);
}

#[test]
fn a_source_whose_clock_is_behind_is_told_as_watched_by_its_own_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ledger.db");
    let sources = ["lan0", "wlan0"].map(|interface| Source { sensor: String::new(), interface: interface.into() });
    let mut bookkeeper = Bookkeeper::open(&ledger, sources.to_vec(), 120).expect("a ledger");
    let mut auditor = Auditor::new(&options());
    for minute in 200..260 {
        let both = [status(minute), status(minute - 100)].map(|one| one.sources[0].clone()).to_vec();
        assert!(matches!(
            bookkeeper.look(&mut auditor, &Status { sources: both, ..status(minute) }),
            Booked::Rows { .. }
        ));
    }
    let store = Store::read(&ledger).expect("the ledger");
    let live = store.captured(None).expect("what was captured").live;
    let ends: Vec<_> = live.iter().map(|one| one.last.expect("it watched").minute().0 - FIRST).collect();
    assert_eq!(ends, [257, 159], "up to what was settled of the one, and all that the other told");
}
