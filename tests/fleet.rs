//! A fleet on a genuine server: what sensors send arrives once, whatever fails, and gives the verdicts of their own
//! ledgers.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod fleet_support;
mod support;

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use fleet_support::{
    Engine,
    sensor::{ALL, PHONE, account, book, counts, flush, push, run, sensor, store},
};
use nightaudit::{
    base::{Bytes, Span, Stamp},
    capture::Captures,
    flow,
    identify::{DeviceOptions, Rules},
    ledger::{
        Archive, DeviceLedger, Places, Source, clip,
        fleet::{Address, Courier, FleetError, Layout, Ledgers, News, Secret, Sensor, Server, VERSION},
    },
    night::{self, Settings, Verdict},
    pipeline::{self, Judging, Options, Query},
    report::{Redaction, fleet_json, fleet_text, json, json_text},
    simulate::{Life, Scenario},
};
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
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
    Judging { timezone: chrono_tz::Europe::Berlin, night: Settings { injections: 20, ..Settings::default() } }
}

#[test]
fn the_fleet_says_what_the_sensor_says_byte_for_byte() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| -> PathBuf { support::project().join("captures").join(name).join("traffic.pcap.zst") };
    for (n, capture) in [named("nightly-export"), named("quiet-phone")].iter().enumerate() {
        let mut store = store(folder.path(), &format!("{n}.db"));
        let sensor = sensor(&format!("sensor '{n}\\"));
        pipeline::import(Captures::open(&[capture]), &options(), &mut store, |_| ()).unwrap();
        assert!(push(&mut store, &sensor, &server).unwrap() > 0);
        assert_eq!(store.unsent().unwrap(), 0);
        let ledger = Ledgers::on(&server).sensor(&sensor.name);
        let query = Query::default();
        let here = pipeline::recall(&store, &query, &options().rules, &judging()).unwrap();
        let there = pipeline::recall_from(&ledger, &query, &options().rules, &judging()).unwrap();
        let page = |audit| json_text(&json(audit, &Redaction::Off));
        assert_eq!(page(&there), page(&here));
        assert_eq!(there, here);
        let end = here.devices[0].ledger.watched[0].span.end;
        let week = Query { span: Some(Span { first: end.minus(7 * 1_440), end }), ..Query::default() };
        let here = pipeline::recall(&store, &week, &options().rules, &judging()).unwrap();
        let there = pipeline::recall_from(&ledger, &week, &options().rules, &judging()).unwrap();
        assert_eq!(there, here);
    }
    assert_eq!(Ledgers::on(&server).sensors().unwrap(), ["sensor '0\\", "sensor '1\\"]);
}

#[test]
fn a_gap_of_the_source_that_a_device_is_at_is_the_same_gap_in_the_fleet() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    let source = |interface: &str| Source { sensor: "gate".into(), interface: interface.into() };
    // More than nine, so that the order of their numbers is not that of their digits.
    let sources: Vec<Source> = (0..12).map(|n| source(&format!("wlan{n}"))).collect();
    store.capturing_at(sources);
    let mut watched = vec![vec![run(0..30_000)]; 12];
    watched[10] = vec![run(0..10_000), run(12_000..30_000)];
    flush(&mut store, &account(9_000..13_000, 2, Places::at(10)), &watched);
    push(&mut store, &sensor("a"), &server).unwrap();
    let ledger = Ledgers::on(&server).sensor("a");
    let here = pipeline::recall(&store, &Query::default(), &options().rules, &judging()).unwrap();
    let there = pipeline::recall_from(&ledger, &Query::default(), &options().rules, &judging()).unwrap();
    assert_eq!(there, here);
    let own = [run(0..10_000), run(12_000..30_000)];
    assert_eq!(there.devices[0].ledger.watched, own, "though eleven others were watching");
    let mut swept = Vec::new();
    Ledgers::on(&server).sweep("a", "a", None, |one| swept.push(one.ledger.unwrap())).unwrap();
    assert_eq!(swept.len(), 1);
    assert_eq!((&swept[0].watched[..], &swept[0].seen), (&own[..], &there.devices[0].ledger.seen));
}

#[test]
fn what_comes_twice_or_in_the_wrong_order_counts_once() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    let sensor = sensor("a");
    book(&mut store, 0..50, 20);
    let old = store.parcel(&sensor, ALL).unwrap().unwrap();
    server.deliver(&old).unwrap();
    server.deliver(&old).unwrap();
    assert_eq!(counts(&engine.nodes[0]), (1_000, 1_000_000));
    // More comes into the same minutes before the server's answer has come back.
    book(&mut store, 0..50, 20);
    let receipt = server.deliver(&old).unwrap();
    store.acknowledge(&receipt).unwrap();
    assert_eq!(store.unsent().unwrap(), 50 + 2, "what has changed since is still to be sent: minutes, source, hour");
    let new = store.parcel(&sensor, ALL).unwrap().unwrap();
    server.deliver(&new).unwrap();
    server.deliver(&old).unwrap();
    assert_eq!(counts(&engine.nodes[0]), (1_000, 2_000_000), "an older version that comes later changes nothing");
}

#[test]
fn a_ledger_that_is_begun_anew_is_newer_than_what_its_predecessor_sent() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut old = store(folder.path(), "old.db");
    for minute in 0..3 {
        book(&mut old, minute..minute + 1, 1);
    }
    push(&mut old, &sensor("a"), &server).unwrap();
    // Versions go with the clock, and three flushes were three seconds.
    thread::sleep(Duration::from_secs(4));
    let mut new = store(folder.path(), "new.db");
    book(&mut new, 30_000..30_002, 1);
    push(&mut new, &sensor("a"), &server).unwrap();
    let ledger = Ledgers::on(&server).sensor("a");
    assert_eq!(ledger.captured(None).unwrap().watched, [run(30_000..30_002)], "what the new one watched counts");
    assert_eq!(counts(&engine.nodes[0]), (5, 5_000), "and all rows are there");
}

#[test]
fn a_server_killed_during_inserts_has_everything_once_when_it_is_back() {
    let Some(mut engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    let sensor = sensor("a");
    book(&mut store, 0..9_000, 10);
    let parcel = store.parcel(&sensor, ALL).unwrap().unwrap();
    let mut broken = 0;
    for moment in [3, 10, 25, 60, 120] {
        let url = engine.nodes[0].url();
        let going = Arc::new(AtomicBool::new(true));
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let own = Server::new(Address::new(&url, "default", Secret(fleet_support::PASSWORD.into())).unwrap());
                let mut refused = 0;
                while going.load(Ordering::Relaxed) {
                    refused += u32::from(own.deliver(&parcel).is_err());
                }
                refused
            });
            thread::sleep(Duration::from_millis(moment));
            engine.nodes[0].kill();
            thread::sleep(Duration::from_millis(50));
            going.store(false, Ordering::Relaxed);
            broken += sending.join().unwrap();
        });
        engine.nodes[0].restart();
    }
    assert!(broken > 0, "no delivery failed");
    push(&mut store, &sensor, &server).unwrap();
    assert_eq!(counts(&engine.nodes[0]), (90_000, 90_000_000));
    assert_eq!(engine.nodes[0].ask("SELECT count() FROM (SELECT 1 FROM nightaudit.named FINAL)"), "9000");
    assert_eq!(store.unsent().unwrap(), 0);
}

#[test]
fn a_cluster_that_loses_a_shard_gets_what_it_missed() {
    let Some(mut engine) = Engine::start(2) else { return };
    for node in &engine.nodes {
        node.server(fleet_support::PASSWORD).init(&Layout::cluster("fleet").unwrap()).unwrap();
    }
    let server = engine.server();
    let folder = tempfile::tempdir().unwrap();
    let mut stores: Vec<_> =
        (0..12).map(|n| (sensor(&format!("s{n}")), store(folder.path(), &format!("{n}.db")))).collect();
    for (_, store) in &mut stores {
        book(store, 0..100, 5);
    }
    engine.nodes[1].kill();
    let sent = stores.iter_mut().filter_map(|(sensor, store)| push(store, sensor, &server).ok()).count();
    assert!(sent < 12, "the sensors of the dead shard cannot be confirmed");
    engine.nodes[1].restart();
    for (sensor, store) in &mut stores {
        book(store, 100..110, 5);
        push(store, sensor, &server).unwrap();
    }
    assert_eq!(counts(&engine.nodes[0]), (12 * 110 * 5, 12 * 110 * 5 * 1_000));
    let parts: Vec<u64> = engine
        .nodes
        .iter()
        .map(|node| node.ask("SELECT uniqExact(sensor) FROM nightaudit.minutes_local").parse().unwrap())
        .collect();
    assert_eq!(parts.iter().sum::<u64>(), 12);
    assert!(parts.iter().all(|sensors| *sensors > 0), "{parts:?}");
    assert_eq!(Ledgers::on(&server).sensors().unwrap().len(), 12);
}

#[test]
fn a_cluster_keeps_what_was_found_and_is_brought_up_to_date_server_by_server() {
    let Some(engine) = Engine::start(2) else { return };
    let cluster = Layout::cluster("fleet").unwrap();
    let each = || engine.nodes.iter().map(|node| node.server(fleet_support::PASSWORD));
    for server in each() {
        server.init(&cluster).unwrap();
    }
    for node in &engine.nodes {
        // As the second version made it.
        let columns = "sensor String, device String, day Date, hour UInt32, minutes UInt64, version UInt64";
        node.ask("DROP TABLE nightaudit.seen");
        node.ask("DROP TABLE nightaudit.seen_local");
        node.ask(&format!(
            "CREATE TABLE nightaudit.seen_local ({columns}) ENGINE = ReplacingMergeTree(version) PARTITION BY \
             toYYYYMM(day) ORDER BY (sensor, device, hour)"
        ));
        node.ask(&format!(
            "CREATE TABLE nightaudit.seen ({columns}) ENGINE = Distributed(fleet, nightaudit, seen_local, \
             cityHash64(sensor))"
        ));
        node.ask("TRUNCATE TABLE nightaudit.schema");
        node.ask("INSERT INTO nightaudit.schema VALUES (2)");
    }
    for server in each() {
        assert_eq!(server.init(&cluster).unwrap(), Some(2));
        assert_eq!(server.init(&cluster).unwrap(), Some(VERSION), "once more changes nothing");
    }
    let server = engine.server();
    for n in 0..6 {
        server.file_made(&format!("s{n}"), "d", &lived(if n < 2 { "P01" } else { "B01" }, n)).unwrap();
    }
    let judging = Judging { night: Settings { power: false, ..Settings::default() }, ..judging() };
    let mut survey = pipeline::survey(&Ledgers::on(&server), None, &judging, |_| ()).unwrap();
    assert_eq!(survey.devices, 6);
    assert!(survey.findings.iter().filter(|one| one.verdict == Verdict::ExportLike).count() == 2);
    pipeline::keep(&server, &mut survey).unwrap();
    for server in each() {
        let again = pipeline::overview(&server).unwrap();
        assert_eq!(fleet_json(&again, &Redaction::Off), fleet_json(&survey, &Redaction::Off), "whichever is asked");
    }
    let shards =
        engine.nodes.iter().map(|node| node.ask("SELECT count() > 0 FROM nightaudit.seen_local WHERE place = 2"));
    assert_eq!(shards.collect::<Vec<_>>(), ["1", "1"]);
}

#[test]
fn what_is_wrong_with_the_server_is_said_and_nothing_is_lost() {
    let Some(engine) = Engine::start(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    book(&mut store, 0..10, 3);
    let waiting = store.unsent().unwrap();
    let mut fails = |server: &Server| push(&mut store, &sensor("a"), server).unwrap_err();
    assert!(matches!(fails(&engine.server()), FleetError::Schema { .. }), "no tables yet");
    assert!(matches!(engine.server().check().unwrap_err(), FleetError::Schema { .. }));
    let stranger = engine.nodes[0].server("close sesame");
    let said = fails(&stranger).to_string();
    assert!(said.contains("refuses the user or the password") && !said.contains("sesame"), "{said}");
    assert!(!format!("{stranger:?}").contains("sesame"));
    let old = ancient().check().unwrap_err().to_string();
    assert!(old.contains("18.10.3") && old.contains("18.16"), "{old}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = Address::new(&format!("http://127.0.0.1:{nobody}/nightaudit"), "x", Secret::default()).unwrap();
    assert!(matches!(fails(&Server::new(address)), FleetError::Unreachable { .. }));
    engine.server().init(&Layout::Single).unwrap();
    engine.nodes[0].ask("DROP TABLE nightaudit.seen");
    engine.nodes[0].ask("CREATE TABLE nightaudit.seen (sensor String) ENGINE = MergeTree ORDER BY sensor");
    let older = fails(&engine.server());
    assert!(!older.to_string().contains('\n'), "{older}");
    assert_eq!(store.unsent().unwrap(), waiting, "everything still waits");
    engine.nodes[0].ask("DROP DATABASE nightaudit");
    engine.server().init(&Layout::Single).unwrap();
    push(&mut store, &sensor("a"), &engine.server()).unwrap();
    assert_eq!(counts(&engine.nodes[0]), (30, 30_000));
}

/// A server that is older than any that is known to do: it answers one question.
fn ancient() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 4_096];
        let read = stream.read(&mut asked).unwrap();
        assert!(read > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n18.10.3\n").unwrap();
    });
    Server::new(Address::new(&format!("http://127.0.0.1:{port}/nightaudit"), "x", Secret::default()).unwrap())
}

#[test]
fn a_courier_holds_nobody_up_and_drains_its_backlog_when_the_server_is_back() {
    let Some(mut engine) = Engine::start(1) else { return };
    engine.server().init(&Layout::Single).unwrap();
    engine.nodes[0].kill();
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    let start = Stamp::new(1_000_000, 0);
    let mut courier = Courier::new(Arc::new(engine.server()), sensor("a"), 60, start);
    let (mut failed, mut delivered) = (0, 0);
    for second in 0..7_200_u64 {
        if second == 3_600 {
            engine.nodes[0].restart();
        }
        let now = start.plus_seconds(second);
        if second % 60 == 0 {
            let minute = now.minute().0;
            book(&mut store, minute..minute + 1, 4);
        }
        match courier.tick(&mut store, now).unwrap() {
            Some(News::Delivered { rows }) => delivered += rows,
            Some(News::Failed { again_in, .. }) => {
                failed += 1;
                assert!((1..=750).contains(&again_in));
            }
            // A thread of its own answers in its own time.
            None => thread::sleep(Duration::from_micros(1_500)),
        }
    }
    assert!((3..40).contains(&failed), "{failed} attempts in an hour without a server");
    assert!(delivered >= 4 * 110, "{delivered} rows of 480");
    push(&mut store, &sensor("a"), &engine.server()).unwrap();
    assert_eq!(counts(&engine.nodes[0]), (4 * 120, 4 * 120 * 1_000));
}

#[test]
fn a_sensor_that_sends_nonsense_harms_its_own_rows_only() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    book(&mut store, 0..100, 3);
    push(&mut store, &sensor("good"), &server).unwrap();
    let good = || {
        let ledger = Ledgers::on(&server).sensor("good");
        pipeline::recall_from(&ledger, &Query::default(), &options().rules, &judging()).unwrap()
    };
    let before = good();
    let node = &engine.nodes[0];
    let row = |sensor: &str, device: &str, minute: &str, destination: &str, up: &str| {
        format!(
            "INSERT INTO nightaudit.minutes FORMAT JSONEachRow {{\"sensor\":\"{sensor}\",\"device\":\"{device}\",\"day\":\
             \"2026-01-01\",\"minute\":{minute},\"subject\":\"s\",\"name\":\"s\",\"operator\":\"\",\"kind\":\"weather\",\
             \"role\":\"\\u0000\",\"destination\":\"{destination}\",\"up\":{up},\"version\":1}}"
        )
    };
    assert!(node.try_ask(&row("bad", "d", "-5", "x", "1")).is_err(), "a minute before time");
    assert!(node.try_ask(&row("bad", "d", "5", "x", "-1")).is_err(), "negative bytes");
    let sql = "'; DROP TABLE nightaudit.minutes; --";
    let long = "x".repeat(10_000_000);
    for (device, minute, destination) in [
        ("d", "0", "x"),
        ("d", "4294967295", "x"),
        ("d", "121000000", "the year 2200"),
        (sql, "7", sql),
        ("d\\\\'", "8", "\\t\\n\\u001b[2J"),
        ("d", "9", &long),
    ] {
        node.ask(&row("bad", device, minute, destination, "18446744073709551615"));
        let seen = format!(
            "INSERT INTO nightaudit.seen FORMAT JSONEachRow {{\"sensor\":\"bad\",\"device\":\"{device}\",\"day\":\
             \"2026-01-01\",\"hour\":4294967295,\"minutes\":18446744073709551615,\"version\":1}}"
        );
        node.ask(&seen);
    }
    for (kind, value) in
        [("device", "[]"), ("source", "{\\\"watched\\\":[[4294967295,0,1e308]]}"), ("file", "{"), ("heard", "[-1]")]
    {
        node.ask(&format!(
            "INSERT INTO nightaudit.facts FORMAT JSONEachRow {{\"sensor\":\"bad\",\"kind\":\"{kind}\",\"key\":\"d\",\
             \"value\":\"{value}\",\"version\":18446744073709551615}}"
        ));
    }
    let bad = Ledgers::on(&server).sensor("bad");
    assert_eq!(bad.devices(None).unwrap().len(), 3);
    let audit = pipeline::recall_from(&bad, &Query::default(), &options().rules, &judging()).unwrap();
    assert_eq!(audit.devices.len(), 3);
    let judging = Judging { night: Settings { power: false, ..Settings::default() }, ..judging() };
    let survey = pipeline::survey(&Ledgers::on(&server), None, &judging, |_| ()).unwrap();
    assert_eq!(survey.sensors.iter().map(|state| state.devices).collect::<Vec<_>>(), [3, 1], "{:?}", survey.sensors);
    assert!(audit.devices.iter().flat_map(|d| &d.destinations).all(|total| total.destination.len() <= 253));
    assert_eq!(good(), before);
    assert_eq!(Ledgers::on(&server).sensors().unwrap(), ["bad", "good"]);
}

#[test]
fn whatever_a_sensor_is_called_its_own_rows_are_read_and_no_others() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let mut runner = TestRunner::deterministic();
    let text = prop::collection::vec(
        prop_oneof![any::<char>(), "['\"\\\\;%_\\-\\-\0\n\t{}]".prop_map(|s| s.chars().next().unwrap_or('\''))],
        1..30,
    )
    .prop_map(String::from_iter);
    let mut names: Vec<String> = (0..40).map(|_| text.new_tree(&mut runner).unwrap().current()).collect();
    names.extend(["' OR 1=1 --", "\\", "\\'", "a') UNION ALL SELECT 1 --", "{sensor:String}"].map(str::to_owned));
    names.sort();
    names.dedup();
    let quiet = lived("B01", 0);
    for (n, name) in names.iter().enumerate() {
        let one =
            DeviceLedger { seen: quiet.seen[..=n].to_vec(), watched: quiet.watched.clone(), ..DeviceLedger::default() };
        server.file_made(name, name, &one).unwrap();
    }
    let ledgers = Ledgers::on(&server);
    assert_eq!(ledgers.sensors().unwrap(), names);
    for (n, name) in names.iter().enumerate() {
        let ledger = ledgers.sensor(name);
        let devices = ledger.devices(None).unwrap();
        assert_eq!(devices.iter().map(|record| &record.device.id).collect::<Vec<_>>(), [name]);
        let account = ledger.account(&devices[0], PHONE, None).unwrap();
        assert_eq!(account.ledger.device(PHONE, &[], &account.facts).seen, quiet.seen[..=n]);
    }
    let mut swept = BTreeMap::new();
    ledgers
        .sweep(&names[0], &names[names.len() - 1], None, |one| {
            swept.insert(one.sensor, one.ledger.unwrap().seen.len());
        })
        .unwrap();
    assert_eq!(swept, names.iter().cloned().zip(1..).collect::<BTreeMap<_, _>>());
}

#[test]
fn pseudonyms_leave_no_identifier() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), "a.db");
    book(&mut store, 0..10, 3);
    let hidden = Sensor { pseudonyms: Some(Secret("a key of mine".into())), ..sensor("hidden") };
    push(&mut store, &hidden, &server).unwrap();
    let devices = Ledgers::on(&server).sensor("hidden").devices(None).unwrap();
    assert_eq!(devices.len(), 1);
    assert!(devices[0].device.id.starts_with("device-") && devices[0].device.label.is_none());
    for table in ["minutes", "named", "seen", "facts"] {
        let all = engine.nodes[0].ask(&format!("SELECT * FROM nightaudit.{table}"));
        assert!(!all.contains("02:00:00:00:00:01") && !all.contains("Ana") && !all.is_empty(), "{table}: {all}");
    }
}

/// A scenario of the nights' bench, as a sensor's own ledger would have it.
fn lived(id: &str, seed: u64) -> DeviceLedger {
    let path = support::project().join("tests/nights").join(format!("{id}.toml"));
    let scenario = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), path).unwrap();
    Life::of(&scenario, seed).ledger().0
}

#[test]
fn all_devices_together_say_which_findings_stand_and_which_sensors_are_silent() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let settings = Settings { power: false, ..Settings::default() };
    let mut alone = BTreeMap::new();
    for n in 0..8_u64 {
        let ledger = lived(if n < 3 { "P01" } else { "B01" }, n);
        server.file_made(&format!("s{n}"), "d", &ledger).unwrap();
        // A subject that the scenario knows and that moved nothing has no row to send.
        let moved = |finding: &night::Finding| !ledger.subjects[finding.subject].minutes.is_empty();
        for finding in night::judge(&ledger, &settings).findings.into_iter().filter(moved) {
            let subject = ledger.subjects[finding.subject].subject.id.clone();
            *alone.entry((subject, finding.verdict)).or_insert(0_u32) += 1;
        }
    }
    let quiet = lived("B01", 0);
    let first_week = DeviceLedger {
        watched: clip(
            quiet.watched.clone(),
            Span { end: quiet.watched[0].span.first.plus(9_000), ..quiet.watched[0].span },
        ),
        ..DeviceLedger::default()
    };
    server.file_made("silent", "d", &first_week).unwrap();
    let judging = Judging { night: settings, ..judging() };
    let mut seen = 0;
    let survey = pipeline::survey(&Ledgers::on(&server), None, &judging, |devices| seen = devices).unwrap();
    assert_eq!((survey.devices, seen, survey.sensors.len()), (8, 8, 9));
    let together: BTreeMap<_, _> = survey
        .subjects
        .iter()
        .flat_map(|subject| subject.verdicts.iter().map(|(verdict, n)| ((subject.subject.clone(), *verdict), *n)))
        .collect();
    assert_eq!(together, alone, "each device is judged as it is by itself");
    assert_eq!(survey.subjects[0].standing, 3, "{:?}", survey.subjects[0]);
    assert!(survey.findings.iter().take(3).all(|one| one.stands && one.verdict == Verdict::ExportLike));
    let five = survey.accidents.iter().find(|one| one.size == Bytes::mb(5)).unwrap();
    assert!(five.devices >= 2 && five.nights >= 28 && five.interval.0 <= five.rate && five.rate <= five.interval.1);
    let text = fleet_text(&survey, &Redaction::Off, chrono_tz::Europe::Berlin);
    assert!(text.contains("silent has been silent for") && text.contains("8 devices of 9 sensors"), "{text}");
    let page = fleet_json(&survey, &Redaction::Off);
    assert_eq!(page["subjects"][0]["standing"], 3);
}

/// A plain user whose messenger uploads 60 MB at rest on one night in twenty-five: an accident, as far as anybody can tell.
const ACCIDENTS: &str = "id = \"A01\"\nname = \"accidents\"\nwhy = \"their rate is known\"\nclass = \"negative\"\n\
    expect = [\"routine\", \"bulk-but-irregular\"]\njudge = \"messenger\"\nnights = 28\n\n[[export]]\nwhen = \
    \"at-rest\"\nmb = 60\non-nights = 0.04\nto = \"operator-media\"\n";

#[test]
fn the_rate_of_accidents_is_what_the_simulated_phones_really_did() {
    let Some(engine) = Engine::start(1) else { return };
    let server = engine.server();
    server.init(&Layout::Single).unwrap();
    let scenario = Scenario::parse(ACCIDENTS, "accidents.toml").unwrap();
    let phones = 40;
    let mut happened = 0;
    for n in 0..phones {
        let (ledger, truth) = Life::of(&scenario, 500 + n).ledger();
        let mut nights: Vec<usize> =
            truth.exports.iter().filter(|one| one.bytes >= Bytes::mb(25)).map(|one| one.night).collect();
        nights.dedup();
        happened += nights.len();
        server.file_made(&format!("s{n:02}"), "d", &ledger).unwrap();
    }
    // One phone more, whose owner does not share and whose uploads would be seen in the rate.
    server.file_made("unshared", "d", &lived("P01", 1)).unwrap();
    engine.nodes[0]
        .ask("INSERT INTO nightaudit.facts VALUES ('unshared', 'device', 'd', '{\"label\":null,\"share\":false}', 2)");
    let judging = Judging { night: Settings { power: false, ..Settings::default() }, ..judging() };
    let survey = pipeline::survey(&Ledgers::on(&server), None, &judging, |_| ()).unwrap();
    let measured = survey.accidents.iter().find(|one| one.size == Bytes::mb(25)).unwrap();
    let really = happened as f64 / (phones as f64 * 28.0);
    assert!((0.02..0.07).contains(&really), "the scenario draws {really}");
    assert!(u64::from(measured.devices) >= phones * 9 / 10 && u64::from(measured.devices) <= phones, "{measured:?}");
    assert!(measured.interval.0 <= really && really <= measured.interval.1, "{measured:?}, really {really}");
    assert!((measured.rate - really).abs() < 0.01, "{measured:?}, really {really}");
    let by_size: Vec<f64> = survey.accidents.iter().map(|one| one.rate).collect();
    assert!(by_size.windows(2).all(|pair| pair[0] >= pair[1]), "larger ones are rarer: {by_size:?}");
    assert!((judging.night.accident_rate - Settings::default().accident_rate).abs() < 1e-12, "never taken silently");
}
