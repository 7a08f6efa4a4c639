//! The fleet's SQL on a modern engine (scripts/test-chdb): what works on the oldest server works on today's.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test that asked for it")]

mod support;

use std::{env, sync::Arc};

use nightaudit::{
    capture::Captures,
    flow,
    identify::{DeviceOptions, Rules},
    ledger::{
        Store,
        fleet::{Address, Layout, Ledgers, Secret, Sensor, Server, VERSION},
    },
    night::{self, Settings, Verdict},
    pipeline::{self, Judging, Options, Query},
    report::{Redaction, json, json_text},
    simulate::{Life, Scenario},
};

const ALL: nightaudit::base::Minute = nightaudit::base::Minute(u32::MAX);

#[test]
fn the_same_sql_gives_the_same_verdicts_on_a_modern_engine() {
    let Ok(url) = env::var("FLEET_CHDB_URL") else {
        support::skipped("no modern engine named; scripts/test-chdb brings one from PyPI and names it");
        return;
    };
    let server = Server::new(Address::new(&url, "default", Secret::default()).unwrap());
    assert_eq!(server.init(&Layout::Single).unwrap(), None);
    assert_eq!(server.init(&Layout::Single).unwrap(), Some(VERSION));
    // As the second version made it.
    for sql in [
        "DROP TABLE nightaudit.seen SYNC",
        "CREATE TABLE nightaudit.seen (sensor String, device String, day Date, hour UInt32, minutes UInt64, version \
         UInt64) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(day) ORDER BY (sensor, device, hour)",
        "TRUNCATE TABLE nightaudit.schema",
        "INSERT INTO nightaudit.schema VALUES (2)",
    ] {
        ask(&url, sql);
    }
    assert_eq!(server.init(&Layout::Single).unwrap(), Some(2));
    let (options, folder) = (options(), tempfile::tempdir().unwrap());
    let night = Settings { power: false, ..Settings::default() };
    let judging = Judging { timezone: chrono_tz::Europe::Berlin, night: night.clone() };
    for name in ["nightly-export", "quiet-phone"] {
        let mut store = Store::open(&folder.path().join(name)).unwrap();
        store.feed_fleet().unwrap();
        let capture = support::project().join("captures").join(name).join("traffic.pcap.zst");
        pipeline::import(Captures::open(&[capture]), &options, &mut store, |_| ()).unwrap();
        let sensor = Sensor { name: format!("{name} '\\"), pseudonyms: None, share: false };
        while let Some(parcel) = store.parcel(&sensor, ALL).unwrap() {
            // Twice, as a lost confirmation has it.
            server.deliver(&parcel).unwrap();
            let receipt = server.deliver(&parcel).unwrap();
            store.acknowledge(&receipt).unwrap();
        }
        let ledger = Ledgers::on(&server).sensor(&sensor.name);
        let here = pipeline::recall(&store, &Query::default(), &options.rules, &judging).unwrap();
        let there = pipeline::recall_from(&ledger, &Query::default(), &options.rules, &judging).unwrap();
        let page = |audit| json_text(&json(audit, &Redaction::Off));
        assert_eq!(page(&there), page(&here));
    }
    let mut exports = 1;
    for (n, id) in ["P01", "B01", "B03"].into_iter().enumerate() {
        let path = support::project().join(format!("tests/nights/{id}.toml"));
        let scenario = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), path).unwrap();
        let (ledger, _) = Life::of(&scenario, n as u64).ledger();
        let judged = night::judge(&ledger, &night).findings;
        exports += judged.iter().filter(|one| one.verdict == Verdict::ExportLike).count();
        server.file_made(&format!("made-{n}"), "d", &ledger).unwrap();
    }
    let mut survey = pipeline::survey(&Ledgers::on(&server), None, &judging, |_| ()).unwrap();
    assert_eq!((survey.devices, survey.sensors.len()), (5, 5));
    let found = survey.findings.iter().filter(|one| one.verdict == Verdict::ExportLike).count();
    assert_eq!(found, exports, "{:?}", survey.findings);
    assert!(survey.sensors.iter().all(|state| state.failed.is_empty()), "{:?}", survey.sensors);
    let first = pipeline::keep(&server, &mut survey.clone()).unwrap();
    assert!(pipeline::keep(&server, &mut survey).unwrap() > first);
    let overview = pipeline::overview(&server).unwrap();
    assert_eq!((&overview.findings, &overview.subjects), (&survey.findings, &survey.subjects));
    assert_eq!(overview.sensors, survey.sensors);
    assert!(server.forget_before(202_605).unwrap() == 0 && server.forget_before(210_001).unwrap() > 0);
}

/// Asks the engine beside our own client.
fn ask(url: &str, sql: &str) {
    let base = url.trim_end_matches("/nightaudit");
    let answer = ureq::post(format!("{base}/")).header("X-ClickHouse-User", "default").send(sql);
    assert_eq!(answer.unwrap().status(), 200, "{sql}");
}

fn options() -> Options {
    Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    }
}
