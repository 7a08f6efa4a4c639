//! `nightaudit fleet`, and the verbs that read a fleet's server, as a user runs them.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test that asked for it")]

mod fleet_support;
mod support;

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fleet_support::{Engine, PASSWORD};
use nightaudit::identify::DeviceId;
use nightaudit::ledger::{
    Archive, Store,
    fleet::{FleetError, Layout, Ledgers, VERSION},
};
use serde_json::Value;
use support::{Run, finish};

/// A folder with settings for `url`, and the password beside them.
fn settings(folder: &Path, url: &str, more: &str) -> PathBuf {
    fs::write(folder.join("password"), format!("{PASSWORD}\n")).unwrap();
    let path = folder.join("nightaudit.toml");
    let text = format!(
        "timezone = \"Europe/Berlin\"\n[ledger]\npath = \"ledger.db\"\n[night]\ninjections = 20\n[fleet]\nurl = \
         \"{url}\"\npassword_file = \"password\"\n{more}\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn run(settings: &Path, arguments: &[&str]) -> Run {
    finish(support::binary().arg("--config").arg(settings).args(arguments))
}

fn ok(settings: &Path, arguments: &[&str]) -> String {
    let run = run(settings, arguments);
    assert!(run.status <= 1 && run.err.is_empty(), "{arguments:?}: {run:?}");
    run.out
}

fn capture(name: &str) -> String {
    support::project().join("captures").join(name).join("traffic.pcap.zst").display().to_string()
}

#[test]
fn a_sensors_ledger_on_the_server_gives_the_same_reports_byte_for_byte() {
    let Some(engine) = Engine::start(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = engine.nodes[0].url();
    let settings = settings(folder.path(), &url, "sensor = \"gate's way\"");
    ok(&settings, &["fleet", "init"]);
    ok(&settings, &["check", "--ledger", "default", &capture("nightly-export"), &capture("quiet-phone")]);
    assert!(ok(&settings, &["fleet", "push"]).contains("has everything of gate's way"));
    let there = format!("{url}#gate's way");
    for form in ["json", "html", "csv", "text"] {
        let here = ok(&settings, &["report", "--format", form]);
        assert_eq!(ok(&settings, &["report", "--ledger", &there, "--format", form]), here, "{form}");
        assert_eq!(ok(&settings, &["report", "--ledger", &url, "--format", form]), here, "the only sensor");
    }
    let week = ["report", "--last", "7 nights", "--format", "json"];
    assert_eq!(ok(&settings, &[&week[..], &["--ledger", &there]].concat()), ok(&settings, &week));
    assert_eq!(
        ok(&settings, &["check", "--ledger", &there, "--format", "json"]),
        ok(&settings, &["report", "--format", "json"]),
        "the night stage of check"
    );
    assert!(ok(&settings, &["check", "--ledger", &there, "--explain", "whatsapp"]).contains("WhatsApp"));
    let refused = run(&settings, &["check", "--ledger", &there, &capture("quiet-phone")]);
    assert!(refused.status == 2 && refused.err.contains("fleet push"), "{refused:?}");
    let unknown = run(&settings, &["report", "--ledger", &format!("{url}#nobody")]);
    assert!(unknown.status == 2 && unknown.err.contains("there are: gate's way"), "{unknown:?}");
}

#[test]
fn a_report_says_what_is_new_since_the_one_before_and_an_overview_repeats_it() {
    let Some(engine) = Engine::start(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &engine.nodes[0].url(), "");
    let scenario = |id: &str| support::project().join(format!("tests/nights/{id}.toml")).display().to_string();
    ok(&settings, &["fleet", "init"]);
    let never = run(&settings, &["fleet", "overview"]);
    assert!(never.status == 2 && never.err.contains("has not been judged yet"), "{never:?}");
    let truth = folder.path().join("truth.jsonl").display().to_string();
    let fill = ["fleet", "simulate", &scenario("P01"), &scenario("B03"), "--sensors", "4", "--truth", &truth];
    assert!(ok(&settings, &fill).contains("4 simulated sensors"));
    assert_eq!(fs::read_to_string(&truth).unwrap().lines().count(), 4);
    let first: Value = serde_json::from_str(&ok(&settings, &["fleet", "report", "--format", "json"])).unwrap();
    assert_eq!(first["since"], Value::Null);
    assert_eq!(first["subjects"][0]["verdicts"]["export-like"], 2, "{first:#}");
    // One more exporter; and the phone of the first sensor is forgotten.
    ok(&settings, &["fleet", "simulate", &scenario("P01"), "--sensors", "5", "--seed", "1"]);
    let second: Value = serde_json::from_str(&ok(&settings, &["fleet", "report", "--format", "json"])).unwrap();
    let news = |report: &Value, word: &str| {
        report["findings"].as_array().unwrap().iter().filter(|one| one["news"] == word).count()
    };
    assert!(news(&second, "new") > 0 && news(&second, "known") > 0, "{second:#}");
    assert_ne!(second["since"], Value::Null);
    let overview: Value = serde_json::from_str(&ok(&settings, &["fleet", "overview", "--format", "json"])).unwrap();
    assert_eq!(overview, second, "nothing was judged anew, and the same is said");
    let third = ok(&settings, &["fleet", "report"]);
    assert!(third.contains("0 new or changed, 0 no longer found"), "{third}");
    let page = ok(&settings, &["fleet", "overview", "--format", "html"]);
    assert!(page.contains("Since the report up to") && page.contains("simulated-00000"), "{page}");
    let own = self::settings(folder.path(), &engine.nodes[0].url(), "user = \"reader\"");
    let reader = run(&own, &["fleet", "report"]);
    assert!(reader.status == 1 && reader.out.contains("no longer found"), "{reader:?}");
    assert!(reader.err.contains("is not kept"), "who may only read is told so: {reader:?}");
    let hidden = ok(&settings, &["fleet", "overview", "--redact"]);
    assert!(!hidden.contains("02:00:00:00:00:00"), "{hidden}");
}

/// The tables as the first release made them.
const SCHEMA_1: [&str; 6] = [
    "CREATE DATABASE nightaudit",
    "CREATE TABLE nightaudit.minutes (sensor String, device String, day Date, minute UInt32, subject String, name String, \
     operator String, kind String, role String, destination String, unplaced UInt8, up UInt64, down UInt64, wire_up \
     UInt64, wire_down UInt64, bulk_up UInt64, stream_up UInt64, stream_down UInt64, packets UInt32, flows UInt32, \
     version UInt64) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(day) ORDER BY (sensor, device, minute, \
     subject, name, operator, kind, role, destination, unplaced)",
    "CREATE TABLE nightaudit.named (sensor String, device String, day Date, minute UInt32, host String, subject String, \
     name String, operator String, kind String, background UInt8, version UInt64) ENGINE = ReplacingMergeTree(version) \
     PARTITION BY toYYYYMM(day) ORDER BY (sensor, device, minute, host, subject, name, operator, kind, background)",
    "CREATE TABLE nightaudit.seen (sensor String, device String, day Date, hour UInt32, minutes UInt64, version UInt64) \
     ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(day) ORDER BY (sensor, device, hour)",
    "CREATE TABLE nightaudit.facts (sensor String, kind String, key String, value String, version UInt64) ENGINE = \
     ReplacingMergeTree(version) ORDER BY (sensor, kind, key)",
    "CREATE TABLE nightaudit.schema (version UInt32) ENGINE = MergeTree ORDER BY version",
];

#[test]
fn tables_of_an_older_schema_are_brought_up_to_date_with_what_they_hold() {
    let Some(engine) = Engine::start(1) else { return };
    let (node, server) = (&engine.nodes[0], engine.server());
    for statement in SCHEMA_1 {
        node.ask(statement);
    }
    node.ask("INSERT INTO nightaudit.schema VALUES (1)");
    let rows: Vec<String> = (0..500)
        .map(|n| {
            format!(
                "('old','d','2026-06-01',{},'s','S','','messenger','chat','x',0,1000,0,0,0,0,0,0,1,1,1)",
                29_670_000 + n
            )
        })
        .collect();
    node.ask(&format!("INSERT INTO nightaudit.minutes VALUES {}", rows.join(",")));
    node.ask("INSERT INTO nightaudit.seen VALUES ('old','d','2026-06-01',494600,1023,1)");
    node.ask("INSERT INTO nightaudit.facts VALUES ('old','device','d','{\"label\":\"Ana\"}',1)");
    assert!(matches!(server.check(), Err(FleetError::Schema { .. })), "older tables are not written to");
    let cluster = server.init(&Layout::cluster("fleet").unwrap());
    assert!(
        cluster.is_err_and(|error| error.to_string().contains("of one server")),
        "a single server's tables stay so"
    );
    assert_eq!(server.init(&Layout::Single).unwrap(), Some(1));
    server.check().unwrap();
    assert_eq!(node.ask("SELECT count(), sum(up) FROM nightaudit.minutes FINAL"), "500\t500000");
    assert_eq!(node.ask("SELECT count() FROM nightaudit.findings"), "0");
    assert_eq!(Ledgers::on(&server).sensors().unwrap(), ["old"]);
    // Where the phone was seen was not known; from now on the same hour has a row for each source.
    for row in ["2,1,2", "2,3,3", "3,1,3"] {
        let sql = "INSERT INTO nightaudit.seen (sensor, device, day, hour, place, minutes, version) VALUES";
        node.ask(&format!("{sql} ('old','d','2026-06-01',494600,{row})"));
    }
    assert_eq!(node.ask("SELECT place, minutes FROM nightaudit.seen FINAL ORDER BY place"), "0\t1023\n2\t3\n3\t1");
    let devices = Ledgers::on(&server).sensor("old").devices(None).unwrap();
    assert_eq!(devices[0].device.label.as_deref(), Some("Ana"));
    let account = Ledgers::on(&server).sensor("old").account(&devices[0], DeviceId(0), None).unwrap();
    assert_eq!(account.ledger.device(DeviceId(0), &[], &account.facts).seen.len(), 510);
    assert_eq!(server.init(&Layout::Single).unwrap(), Some(VERSION), "once more changes nothing");
    node.ask(&format!("INSERT INTO nightaudit.schema VALUES ({})", VERSION + 1));
    for refused in [server.check(), server.init(&Layout::Single).map(drop)] {
        assert!(refused.is_err_and(|error| error.to_string().contains("use a newer nightaudit")));
    }
}

#[test]
fn months_are_forgotten_whole() {
    let Some(engine) = Engine::start(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &engine.nodes[0].url(), "");
    ok(&settings, &["fleet", "init"]);
    let row =
        |month: u32| format!("('s','d','2026-{month:02}-01',{month},'s','S','','web','web','x',0,1,0,0,0,0,0,0,1,1,1)");
    let rows: Vec<_> = (1..=6).map(row).collect();
    engine.nodes[0].ask(&format!("INSERT INTO nightaudit.minutes VALUES {}", rows.join(",")));
    assert_eq!(ok(&settings, &["fleet", "forget", "--before", "2026-04"]), "3 months dropped\n");
    assert_eq!(engine.nodes[0].ask("SELECT min(minute), count() FROM nightaudit.minutes"), "4\t3");
    let typo = run(&settings, &["fleet", "forget", "--before", "April"]);
    assert!(typo.status == 2 && typo.err.contains("2026-01"), "{typo:?}");
}

#[test]
fn settings_are_checked_when_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |more: &str| {
        let run = run(&settings(folder.path(), "http://127.0.0.1:1/nightaudit", more), &["rules", "list"]);
        assert_eq!(run.status, 2, "{more}: {run:?}");
        run.err
    };
    assert!(wrong("sensors = 3").contains("did you mean sensor"), "{}", wrong("sensors = 3"));
    assert!(wrong("every_minutes = 0").contains("from 1 to 1440 minutes"));
    assert!(wrong("pseudonyms = true").contains("set fleet.key_file"));
    assert!(wrong("sensor = \"a\\u202eb\"").contains("direction mark"));
    let address = settings(folder.path(), "ftp://x/y", "");
    assert!(run(&address, &["rules", "list"]).err.contains("neither http nor https"));
    let open = settings(folder.path(), "http://127.0.0.1:1/nightaudit", "");
    let shown = run(&open, &["--set", "fleet.password=sesame", "rules", "list"]);
    assert!(shown.status == 2 && shown.err.contains("password_file") && !shown.err.contains("sesame"), "{shown:?}");
    let shown = run(&open, &["--set", "fleet={password=\"sesame\"}", "rules", "list"]);
    assert!(shown.status == 2 && !shown.err.contains("sesame"), "{shown:?}");
}

#[test]
fn doctor_says_how_the_fleet_is() {
    let Some(mut engine) = Engine::start(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &engine.nodes[0].url(), "sensor = \"s\"");
    let doctor = || run(&settings, &["doctor"]).out;
    assert!(doctor().contains("nightaudit fleet init"), "{}", doctor());
    ok(&settings, &["fleet", "init"]);
    assert!(doctor().contains(&format!("answers (ClickHouse 18.16.1, schema {VERSION})")), "{}", doctor());
    ok(&settings, &["check", "--ledger", "default", &capture("quiet-phone")]);
    ok(&settings, &["fleet", "push"]);
    let said = doctor();
    assert!(said.contains("0 minutes and facts wait; last confirmed 20"), "{said}");
    fs::write(folder.path().join("password"), "close sesame").unwrap();
    let said = doctor();
    assert!(said.contains("refuses the user or the password") && !said.contains("close sesame"), "{said}");
    fs::write(folder.path().join("password"), PASSWORD).unwrap();
    engine.nodes[0].kill();
    let said = doctor();
    assert!(said.contains("cannot be reached") && said.contains("the ledger keeps what is due"), "{said}");
}

/// A daemon that is ended with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(all(feature = "live", target_os = "linux"))]
fn a_confined_daemon_sends_what_it_captures() {
    let Some(engine) = Engine::start(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &engine.nodes[0].url(), "sensor = \"gate\"\nevery_minutes = 1");
    ok(&settings, &["fleet", "init"]);
    let phone = TcpListener::bind("127.0.0.1:0").unwrap();
    let packets = zstd::decode_all(fs::File::open(capture("quiet-phone")).unwrap()).unwrap();
    let source = format!("tcp://{}", phone.local_addr().unwrap());
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightaudit"));
    command.arg("--config").arg(&settings).args(["watch", &source]).env("XDG_STATE_HOME", folder.path());
    command.env("TZ", "UTC").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut daemon = Daemon(command.spawn().unwrap());
    // The stream stays open: a daemon at work, whose last minutes are still being written.
    let (mut stream, _) = phone.accept().unwrap();
    stream.write_all(&packets).unwrap();
    let said = || fs::read_to_string(folder.path().join("log")).unwrap();
    let rows = || engine.nodes[0].ask("SELECT count() FROM nightaudit.minutes").parse::<u64>().unwrap();
    let begun = Instant::now();
    let mut arrived = 0;
    loop {
        let now = rows();
        if now > 0 && now == arrived {
            break;
        }
        arrived = now;
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing arrives: {}", said());
        assert!(daemon.0.try_wait().unwrap().is_none(), "the daemon has ended: {}", said());
        thread::sleep(Duration::from_secs(3));
    }
    assert!(said().contains("given up:"), "it was confined: {}", said());
    let ended = Command::new("kill").args(["-TERM", &daemon.0.id().to_string()]).status().unwrap();
    assert!(ended.success() && daemon.0.wait().unwrap().success(), "{}", said());
    ok(&settings, &["fleet", "push"]);
    let ledger = Store::read(&folder.path().join("ledger.db")).unwrap();
    assert_eq!(ledger.unsent().unwrap(), 0);
    let there = format!("{}#gate", engine.nodes[0].url());
    // The sensor says from when on it keeps minutes; the server keeps them all.
    let said = |arguments: &[&str]| {
        let mut report: Value = serde_json::from_str(&ok(&settings, arguments)).unwrap();
        report["notes"] = Value::Null;
        report
    };
    let here = said(&["report", "--format", "json"]);
    assert!(here["devices"][0]["nights"].as_u64() > Some(10), "{here:#}");
    assert!(said(&["report", "--ledger", &there, "--format", "json"]) == here, "the server has what the sensor has");
}
