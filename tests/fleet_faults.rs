//! What can go wrong between a sensor and a fleet's server, with exact counts afterwards.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test that asked for it")]

mod fleet_support;
#[path = "netns/mod.rs"]
mod netns;
mod support;

use std::{
    net::TcpListener,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use fleet_support::{
    Engine, PASSWORD,
    sensor::{book, counts, push, sensor, store},
};
use nightaudit::{
    base::{Minute, Span, Stamp},
    ledger::fleet::{Address, Courier, FleetError, Layout, Ledgers, News, Relay, Secret, Server},
    night::Settings,
    pipeline::{self, Judging},
    report::{Redaction, fleet_text},
};

const DAY: u32 = 24 * 60;

#[test]
fn a_network_cut_for_an_hour_delays_what_is_sent_and_loses_nothing() {
    let Some(lab) = netns::Lab::new(&[]) else { return };
    let Some(engine) = lab.net.inside(|| Engine::start_at(1, "0.0.0.0", None)) else { return };
    let url = format!("http://{}:{}/nightaudit", netns::GATEWAY, engine.nodes[0].port());
    let folder = tempfile::tempdir().unwrap();
    let (arrived, waited) = lab.phone.inside(|| {
        let address = Address::new(&url, "default", Secret(PASSWORD.into())).unwrap();
        let server = Arc::new(Server::new(address));
        server.init(&Layout::Single).unwrap();
        let mut store = store(folder.path(), "a.db");
        let start = Stamp::new(1_000_000, 0);
        let mut courier = Courier::new(Arc::clone(&server), sensor("a"), 60, start);
        let (mut arrived, mut waited) = (0, 0);
        // Two hours of packet time; the cable is out for the second half hour and the first of the next.
        for second in 0..7_200_u64 {
            match second {
                1_800 => lab.unplug(),
                5_400 => {
                    waited = store.unsent().unwrap();
                    lab.plug_in();
                }
                _ => {}
            }
            let now = start.plus_seconds(second);
            if second % 60 == 0 {
                let minute = now.minute().0;
                book(&mut store, minute..minute + 1, 4);
            }
            match courier.tick(&mut store, now).unwrap() {
                Some(News::Delivered { .. }) if (1_801..5_400).contains(&second) => arrived += 1,
                Some(_) => {}
                None => thread::sleep(Duration::from_micros(400)),
            }
        }
        push(&mut store, &sensor("a"), &server).unwrap();
        assert_eq!(store.unsent().unwrap(), 0);
        (arrived, waited)
    });
    assert!(arrived <= 1, "{arrived} parcels arrived while the cable was out");
    assert!(waited >= 55, "{waited} minutes and facts waited after an hour without a network");
    let counted = lab.net.inside(|| counts(&engine.nodes[0]));
    assert_eq!(counted, (4 * 120, 4 * 120 * 1_000), "each row once");
}

/// A small disk of its own, unmounted when the test ends.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, said loudly, where this user may not mount.
    fn new(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self { folder };
        if disk.mount(&format!("size={mib}m")) {
            return Some(disk);
        }
        support::skipped("a disk of its own needs root (mount -t tmpfs)");
        None
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.folder.path());
        mount.status().is_ok_and(|status| status.success())
    }

    fn grow(&self, mib: u32) {
        assert!(self.mount(&format!("remount,size={mib}m")), "the disk grows");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What cannot be unmounted now goes when the last process lets go of it.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[test]
fn a_server_whose_disk_is_full_says_so_and_gets_everything_once_there_is_room() {
    let Some(disk) = SmallDisk::new(12) else { return };
    let Some(engine) = Engine::start_at(1, "127.0.0.1", Some(disk.folder.path())) else { return };
    let (node, server) = (&engine.nodes[0], engine.server());
    server.init(&Layout::Single).unwrap();
    // What nobody can compress, until nothing more fits.
    node.ask("CREATE TABLE default.ballast (x UInt64) ENGINE = MergeTree ORDER BY tuple()");
    let ballast = "INSERT INTO default.ballast SELECT cityHash64(rand64(), number) FROM system.numbers LIMIT 40000";
    let full = (0..200).find_map(|_| node.try_ask(ballast).err());
    assert!(full.is_some_and(|said| said.contains("No space left")), "the disk is not full");
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    book(&mut store, 0..3_000, 20);
    let waiting = store.unsent().unwrap();
    let failed = push(&mut store, &sensor("a"), &server).unwrap_err();
    assert!(matches!(failed, FleetError::Refused { .. }), "{failed:?}");
    assert!(failed.to_string().contains("space"), "{failed}");
    assert_eq!(store.unsent().unwrap(), waiting, "everything still waits");
    disk.grow(400);
    push(&mut store, &sensor("a"), &server).unwrap();
    assert_eq!(counts(node), (60_000, 60_000_000));
    assert_eq!(store.unsent().unwrap(), 0);
}

#[test]
fn a_sensor_whose_clock_is_a_day_off_moves_its_own_rows_only() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let now = 20_000 * DAY;
    for n in 0..12 {
        let shift = match n {
            3 => DAY,
            7 => 0_u32.wrapping_sub(DAY),
            _ => 0,
        };
        let end = now.wrapping_add(shift);
        let mut store = store(folder.path(), &format!("{n}.db"));
        book(&mut store, end - 600..end, 2);
        push(&mut store, &sensor(&format!("s{n:02}")), &server).unwrap();
    }
    assert_eq!(counts(&engine.nodes[0]), (12 * 1_200, 12 * 1_200_000));
    let ledgers = Ledgers::on(&server);
    let newest = ledgers.newest().unwrap();
    assert!(newest.0.abs_diff(now) <= 60, "one clock that is ahead moves the fleet's by {}", newest.0.abs_diff(now));
    let night = Settings { power: false, ..Settings::default() };
    let judging = Judging { timezone: chrono_tz::UTC, night };
    let span = Span { first: Minute(now - 700), end: Minute(now) };
    let survey = pipeline::survey(&ledgers, Some(span), &judging, |_| ()).unwrap();
    let devices: Vec<u32> = survey.sensors.iter().map(|state| state.devices).collect();
    assert_eq!(devices, [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1], "the two lie outside of the span");
    let survey = pipeline::survey(&ledgers, None, &judging, |_| ()).unwrap();
    assert_eq!(survey.last, Some(Minute(now)));
    let text = fleet_text(&survey, &Redaction::Off, chrono_tz::UTC);
    let silent: Vec<_> = text.lines().filter(|line| line.contains("has been silent")).collect();
    assert_eq!(silent, ["s07 has been silent for 24 hours"]);
}

#[test]
fn a_relay_hands_on_what_many_sensors_push_at_once_and_confirms_what_has_arrived_only() {
    let Some(mut engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let relay = Relay::to(&Arc::new(engine.server()), "sensor", &Secret("of the relay".into())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/nightaudit", listener.local_addr().unwrap());
    thread::spawn(move || relay.serve(&listener));
    let to = |user: &str, key: &str| Server::new(Address::new(&url, user, Secret(key.into())).unwrap());
    assert!(matches!(to("sensor", "guessed").check(), Err(FleetError::Denied { .. })));
    let folder = tempfile::tempdir().unwrap();
    let mut stores: Vec<_> = (0..40).map(|n| (n, store(folder.path(), &format!("{n}.db")))).collect();
    for (_, store) in &mut stores {
        book(store, 0..50, 5);
    }
    thread::scope(|scope| {
        for (n, store) in &mut stores {
            let server = to("sensor", "of the relay");
            scope.spawn(move || {
                server.check().unwrap();
                push(store, &sensor(&format!("s{n}")), &server).unwrap();
            });
        }
    });
    assert_eq!(counts(&engine.nodes[0]), (40 * 250, 40 * 250_000));
    // A stranger hears so before anything that it sends is read, however much that is.
    let mut large = self::store(folder.path(), "large.db");
    book(&mut large, 0..3_000, 8);
    let parcel = large.parcel(&sensor("stranger"), Minute(u32::MAX)).unwrap().unwrap();
    let refused = to("sensor", "guessed").deliver(&parcel);
    assert!(matches!(refused, Err(FleetError::Denied { .. })), "{refused:?}");
    let through = to("sensor", "of the relay");
    assert!(matches!(Ledgers::on(&through).sensors(), Err(FleetError::Refused { .. })), "it answers no questions");
    // One sensor's nonsense, in the same moment as others' rows, spoils nothing of theirs.
    let nonsense = |n: usize| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let query = "INSERT INTO nightaudit.minutes FORMAT JSONEachRow";
        let asked = agent.post(url.replace("/nightaudit", "/")).query("query", query);
        let asked = asked.header("X-ClickHouse-User", "sensor").header("X-ClickHouse-Key", "of the relay");
        asked.send(format!("{{\"sensor\":\"bad{n}\",\"up\":-1")).unwrap().status()
    };
    thread::scope(|scope| {
        (0..8).for_each(|n| drop(scope.spawn(move || assert_ne!(nonsense(n), 200))));
        for (n, store) in &mut stores {
            let server = to("sensor", "of the relay");
            scope.spawn(move || {
                book(store, 50..60, 5);
                push(store, &sensor(&format!("s{n}")), &server).unwrap();
            });
        }
    });
    assert_eq!(counts(&engine.nodes[0]), (40 * 300, 40 * 300_000));
    engine.nodes[0].kill();
    let (n, store) = &mut stores[0];
    book(store, 60..70, 5);
    let waiting = store.unsent().unwrap();
    assert!(push(store, &sensor(&format!("s{n}")), &through).is_err(), "nothing is confirmed that did not arrive");
    assert_eq!(store.unsent().unwrap(), waiting);
    engine.nodes[0].restart();
    push(store, &sensor(&format!("s{n}")), &through).unwrap();
    assert_eq!(counts(&engine.nodes[0]), (40 * 300 + 50, 40 * 300_000 + 50_000));
}

#[test]
fn a_server_that_takes_its_time_holds_nobody_up() {
    // It accepts, and never answers.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/nightaudit", deaf.local_addr().unwrap());
    let address = Address::new(&url, "x", Secret::default()).unwrap();
    let server = Server::with_patience(address, Duration::from_millis(300));
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    book(&mut store, 0..10, 3);
    let start = Stamp::new(1_000_000, 0);
    let mut courier = Courier::new(Arc::new(server), sensor("a"), 60, start);
    let (begun, mut second) = (Instant::now(), 0);
    let why = loop {
        second += 1;
        if let Some(News::Failed { error, .. }) = courier.tick(&mut store, start.plus_seconds(second)).unwrap() {
            break error;
        }
        // While it waits the sensor goes on.
        book(&mut store, 10..11, 1);
        assert!(begun.elapsed() < Duration::from_secs(60), "it never gives up");
    };
    assert!(matches!(why, FleetError::Unreachable { .. }), "{why:?}");
    assert!(second > 2, "the sensor was held up");
}
