//! Logs of connections, audited as captures are: what Zeek and PCAPdroid tell becomes the same ledger, to the byte.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

mod support;

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{Read, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use nightaudit::{
    base::{Bytes, Stamp},
    capture::Captures,
    flow::{self, Protocol},
    identify::{DeviceOptions, Evidence, Rules},
    ledger::{Store, SubjectLedger},
    night::{Annotation, Lacking, Settings, Verdict},
    pipeline::{self, Audit, DeviceAudit, FlowRow, Judging, Options},
};
use proptest::prelude::*;
use tempfile::TempDir;

fn options(local: &[&str]) -> Options {
    Options {
        rules: Arc::new(Rules::embedded().expect("sound rules")),
        asn: None,
        devices: DeviceOptions {
            local: local.iter().map(|block| block.parse().expect("a block")).collect(),
            ..DeviceOptions::default()
        },
        flows: flow::Limits::default(),
    }
}

fn audit(paths: &[PathBuf], local: &[&str]) -> Audit {
    let judging = Judging { timezone: chrono_tz::UTC, night: Settings { power: false, ..Settings::default() } };
    pipeline::check(Captures::open(paths), &options(local), &judging, |_| ())
}

/// Writes files into a folder of their own.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    }
}

fn audit_of(content: impl AsRef<[u8]>) -> Audit {
    audit(&[Folder::new().write("some.log", content)], &[])
}

/// Sums over all subjects of all devices: what the ledger holds.
fn posted(audit: &Audit) -> (Bytes, Bytes) {
    let subjects = || audit.devices.iter().flat_map(|device| &device.ledger.subjects);
    (subjects().map(SubjectLedger::up).sum(), subjects().map(SubjectLedger::down).sum())
}

fn subject<'a>(audit: &'a Audit, id: &str) -> (&'a DeviceAudit, usize) {
    audit
        .devices
        .iter()
        .find_map(|device| Some((device, device.ledger.subjects.iter().position(|s| s.subject.id == id)?)))
        .unwrap_or_else(|| panic!("no {id} in the audit"))
}

const CONN: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\t\
    orig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n";
const SSL: &str = "#separator \\x09\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t\
    server_name\tnext_protocol\n";
const DNS: &str = "#separator \\x09\n#set_separator\t,\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\t\
    id.resp_p\tproto\tquery\tqtype_name\tanswers\tTTLs\n";

/// A row of `conn.log`: a minute of WhatsApp's at `second` after half past three.
fn row(second: u64, lasted: &str, up: u64) -> String {
    let packets = up / 1_400 + 1;
    let wire = up + packets * 40;
    format!(
        "{}.5\tC{second}\t192.168.7.23\t40000\t203.0.113.5\t443\ttcp\tssl\t{lasted}\t{up}\t100\t{packets}\t{wire}\t2\t180\n",
        1_713_497_400 + second
    )
}

#[test]
fn the_logs_of_a_month_give_the_verdict_of_its_packets() {
    let capture = support::project().join("captures/nightly-export/traffic.pcap.zst");
    let packets = audit(std::slice::from_ref(&capture), &[]);
    let mut rows = Vec::new();
    let listed = pipeline::flows(Captures::open(&[capture]), &options(&[]), |row| rows.push(row), |_| ());
    assert!(listed.failed.is_empty(), "{listed:?}");
    let folder = Folder::new();
    let logs = audit(&zeek_logs(&rows, &folder), &[]);
    assert!(logs.failed.is_empty() && logs.notes.is_empty(), "{:?} {:?}", logs.failed, logs.notes);

    let sum = |of: fn(&FlowRow) -> [Bytes; 2]| rows.iter().flat_map(of).sum::<Bytes>();
    assert_eq!(logs.totals.payload_up + logs.totals.payload_down, sum(|row| row.payload));
    assert_eq!(logs.totals.wire, sum(|row| row.wire));
    assert_eq!(posted(&logs), (logs.totals.payload_up, logs.totals.payload_down), "the ledger balances");

    let ((device, n), (known, m)) = (subject(&logs, "whatsapp"), subject(&packets, "whatsapp"));
    let (logged, captured) = (&device.finding.findings[n], &known.finding.findings[m]);
    // Calls are told by byte patterns, which no log holds; everything else is told by names.
    let (up, of) = (device.ledger.subjects[n].up(), known.ledger.subjects[m].up());
    assert!(up <= of && up.0 * 100 >= of.0 * 97, "{up} of {of}");
    assert_eq!(captured.verdict, Verdict::ExportLike);
    assert_eq!(logged.verdict, Verdict::ExportLike, "{:?}", logged.lacking);
    for audited in [&logs, &packets] {
        let others = audited.devices[0].finding.findings.iter().filter(|f| f.verdict == Verdict::ExportLike);
        assert_eq!(others.count(), 1, "and nothing else is");
    }
}

/// `conn.log`, `ssl.log` and `dns.log` of the flows of a capture, in the order in which Zeek would have written them.
fn zeek_logs(rows: &[FlowRow], folder: &Folder) -> Vec<PathBuf> {
    let (mut conn, mut ssl, mut dns) = (Vec::new(), Vec::new(), Vec::new());
    for (n, row) in rows.iter().enumerate() {
        let at = |stamp: Stamp| format!("{}.{:09}", stamp.seconds(), stamp.since(Stamp::new(stamp.seconds(), 0)));
        let ends = format!("{}\t{}\t{}\t{}", row.a.addr, row.a.port, row.b.addr, row.b.port);
        let (proto, is_quic) = match row.protocol {
            Protocol::Tcp => ("tcp", false),
            _ => ("udp", row.host_source == Some("quic")),
        };
        let service = match row.host_source {
            _ if row.b.port == 53 => "dns",
            Some("quic") => "quic,ssl",
            Some("sni") => "ssl",
            _ => "-",
        };
        let lasted = row.last.since(row.first);
        let lasted = format!("{}.{:09}", lasted / 1_000_000_000, lasted % 1_000_000_000);
        let [[up, down], [wire_up, wire_down], [to, fro]] =
            [row.payload, row.wire, row.packets.map(Bytes)].map(|two| two.map(|b| b.0));
        let line = format!(
            "{}\tC{n}\t{ends}\t{proto}\t{service}\t{lasted}\t{up}\t{down}\t{to}\t{wire_up}\t{fro}\t{wire_down}\n",
            at(row.first)
        );
        conn.push((row.last, line));
        match (&row.host, row.host_source) {
            (Some(host), Some("sni" | "quic")) => {
                let alpn = if is_quic { "h3" } else { "-" };
                ssl.push((row.first, format!("{}\tC{n}\t{ends}\t{host}\t{alpn}\n", at(row.first))));
            }
            (Some(host), Some("dns")) => {
                let asked = Stamp::from_nanos(row.first.nanos() - 1_000_000);
                let line = format!(
                    "{}\tD{n}\t{}\t5353\t192.168.7.1\t53\tudp\t{host}\tA\t{}\t300.0\n",
                    at(asked),
                    row.a.addr,
                    row.b.addr
                );
                dns.push((asked, line));
            }
            _ => {}
        }
    }
    [("conn.log", CONN, conn), ("ssl.log", SSL, ssl), ("dns.log", DNS, dns)]
        .map(|(name, header, mut lines)| {
            lines.sort_by_key(|(written, _)| *written);
            let text: String = lines.into_iter().fold(header.to_owned(), |text, (_, line)| text + &line);
            folder.write(name, text)
        })
        .into()
}

#[test]
fn whatever_a_log_is_called_and_however_it_is_written_it_tells_the_same() {
    let folder = Folder::new();
    let lines: String = (0..30).map(|n| row(n * 60, "20.25", 200_000 + n)).collect();
    let tsv = format!("{CONN}{lines}");
    let json: String = lines.lines().map(|line| json_of(line) + "\n").collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(json.as_bytes()).expect("memory");
    let written = [
        folder.write("a", &tsv),
        folder.write("holiday.jpg", &json),
        folder.write("b.pcap", gzip.finish().expect("memory")),
        folder.write("c.txt", zstd::encode_all(tsv.as_bytes(), 1).expect("memory")),
        folder.write("d.csv", json.replace("\"id.orig_h\"", "\"id_orig_h\"").replace("\"_path\":\"conn\",", "")),
        folder.write("e.log", tsv.replace('\n', "\r\n")),
    ];
    let totals: Vec<_> = written.iter().map(|path| audit(std::slice::from_ref(path), &[])).map(|a| a.totals).collect();
    let up = (0..30).map(|n| 200_000 + n).sum::<u64>();
    assert_eq!((totals[0].payload_up, totals[0].payload_down), (Bytes(up), Bytes(3_000)));
    for (path, total) in written.iter().zip(&totals) {
        assert_eq!(total, &totals[0], "{}", path.display());
    }
}

/// A row of [`CONN`] as Zeek writes it in JSON.
fn json_of(line: &str) -> String {
    let names = CONN.lines().last().expect("the fields").split('\t').skip(1);
    let mut fields = vec!["\"_path\":\"conn\"".to_owned()];
    for (name, text) in names.zip(line.split('\t')).filter(|(_, text)| *text != "-") {
        let quoted = matches!(name, "uid" | "id.orig_h" | "id.resp_h" | "proto" | "service");
        fields.push(if quoted { format!("\"{name}\":\"{text}\"") } else { format!("\"{name}\":{text}") });
    }
    format!("{{{}}}", fields.join(","))
}

#[test]
fn logs_are_joined_by_uid_and_names_looked_up_come_before_the_connection() {
    let folder = Folder::new();
    let conn = CONN.to_owned() + &row(10, "20", 5_000) + &row(70, "20", 7_000).replace("203.0.113.5", "203.0.113.9");
    let ssl = format!("{SSL}1713497411.5\tC10\t192.168.7.23\t40000\t203.0.113.5\t443\tmmg.whatsapp.net\t-\n");
    let dns = format!(
        "{DNS}1713497465.5\tD1\t192.168.7.23\t5000\t192.168.7.1\t53\tudp\tchat.signal.org\tA\tchat.example,203.0.113.9\t60.0,300.0\n"
    );
    // The later file first: they are merged by time.
    let paths = [folder.write("1", ssl), folder.write("2", conn), folder.write("3", dns)];
    let audit = audit(&paths, &[]);
    let up = |id: &str| {
        let (device, n) = subject(&audit, id);
        device.ledger.subjects[n].up()
    };
    assert_eq!((up("whatsapp"), up("signal")), (Bytes(5_000), Bytes(7_000)));
    let by = |id: &str| {
        let (device, n) = subject(&audit, id);
        device.destinations.iter().find(|to| to.subject == n).expect("a destination").evidence
    };
    assert_eq!((by("whatsapp"), by("signal")), (Evidence::Sni, Evidence::Dns));
    let (device, _) = subject(&audit, "whatsapp");
    assert_eq!(device.ledger.names.len(), 2, "both names are signs of a person");
    assert!(audit.losses.is_empty(), "{:?}", audit.losses);
}

#[test]
fn a_ledger_of_logs_says_what_the_logs_say() {
    let folder = Folder::new();
    // A connection and its lookup bear one stamp; and hours of a phone at rest, with twenty minutes between two logs.
    let dns = format!("{DNS}1713497410.5\tD1\t192.168.7.23\t5000\t192.168.7.1\t53\tudp\tchat.signal.org\tA\t-\t-\n");
    let mut paths = vec![folder.write("dns.log", dns)];
    for hour in 0..4 {
        let rows = [row(10 + hour * 3_600, "20", 5_000), row(2_400 + hour * 3_600, "20", 7_000)].concat();
        paths.push(folder.write(&format!("conn.{hour}.log"), CONN.to_owned() + &rows));
    }
    let read = audit(&paths, &[]);
    let mut store = Store::open(&folder.0.path().join("ledger.db")).expect("a ledger");
    pipeline::import(Captures::open(&paths), &options(&[]), &mut store, |_| ()).expect("all are taken");
    let judging = Judging { timezone: chrono_tz::UTC, night: Settings { power: false, ..Settings::default() } };
    let rules = Arc::new(Rules::embedded().expect("sound rules"));
    let kept = pipeline::recall(&store, &pipeline::Query::default(), &rules, &judging).expect("it is read");
    assert_eq!(read.devices[0].ledger.watched.len(), 1, "nobody looked away: {:?}", read.devices[0].ledger.watched);
    assert_eq!(kept.devices, read.devices);
    let grown = CONN.to_owned() + &row(10, "20", 5_000) + &row(600, "20", 9_000);
    let grown = folder.write("conn.grown.log", grown);
    let refused = pipeline::import(Captures::open(&[grown]), &options(&[]), &mut store, |_| ());
    assert!(refused.is_err(), "a log that has grown would count twice");
    let again = pipeline::import(Captures::open(&paths[..1]), &options(&[]), &mut store, |_| ());
    let kept = pipeline::recall(&store, &pipeline::Query::default(), &rules, &judging).expect("it is read");
    assert!(again.is_err(), "a log that is read again is refused");
    assert_eq!(kept.devices, read.devices, "and counts once");
}

#[test]
fn a_tunnel_counts_by_what_went_through_it_whichever_began_first() {
    let folder = Folder::new();
    let conn = CONN.replace("resp_ip_bytes\n", "resp_ip_bytes\ttunnel_parents\n");
    let outer = row(10, "300", 800_000).trim_end().replace("203.0.113.5", "203.0.113.77") + "\t(empty)\n";
    let inner = row(11, "20", 790_000).trim_end().to_owned() + "\tC10\n";
    let audit = audit(&[folder.write("conn.log", conn + &outer + &inner)], &[]);
    assert_eq!(posted(&audit).0, Bytes(790_000));
}

#[test]
fn a_connection_that_goes_on_is_counted_once_as_it_was_told_of_last() {
    let folder = Folder::new();
    let open = CONN.replace("#path\tconn", "#path\topen_conn");
    let grows = [3_600, 7_200, 10_800].map(|lasted| row(0, &format!("{lasted}.0"), lasted * 10)).concat();
    let never_ends = grows.replace("\tC0\t", "\tC1\t");
    let ended = row(0, "12000.0", 120_000);
    let paths = [
        folder.write("open_conn.log", open + &grows + &never_ends),
        folder.write("conn.log", CONN.to_owned() + &ended),
    ];
    let audit = audit(&paths, &[]);
    assert_eq!(audit.totals.payload_up, Bytes(120_000 + 108_000));
    let (device, n) = subject(&audit, "unattributed");
    assert_eq!(device.ledger.subjects[n].unplaced.connections, 2);
}

#[test]
fn what_lasted_longer_than_ten_minutes_is_in_the_totals_and_in_no_night() {
    let daily: String = (0..20).map(|day| row(day * 86_400, "600.0", 900_000)).collect();
    let long: String = (0..20).map(|day| row(day * 86_400 + 1_000, "600.001", 30_000_000)).collect();
    let audit = audit_of(format!("{CONN}{daily}{long}"));
    let (device, n) = subject(&audit, "unattributed");
    let (ledger, finding) = (&device.ledger.subjects[n], &device.finding.findings[n]);
    assert_eq!((ledger.unplaced.connections, ledger.unplaced.up), (20, Bytes(600_000_000)));
    assert_eq!(ledger.up(), Bytes(600_000_000 + 18_000_000));
    assert_eq!(posted(&audit).0, audit.totals.payload_up);
    assert_eq!(audit.totals.unattributed_up, audit.totals.payload_up);
    assert!(ledger.minutes.iter().all(|(_, cell)| cell.up < Bytes::mb(1)));
    assert_eq!(finding.verdict, Verdict::Insufficient);
    assert!(finding.lacking.iter().any(|why| matches!(why, Lacking::Unplaced { share } if *share > 0.97)));
    assert!(finding.annotations.contains(&Annotation::Unplaced));
    let destinations: Bytes = device.destinations.iter().map(|to| to.up).sum();
    assert_eq!(destinations, audit.totals.payload_up);
}

#[test]
fn reports_say_how_much_could_not_be_placed_and_whose_it_is() {
    let log = format!("{CONN}{}{}", row(0, "20", 9_000), row(100, "700", 5_000_000));
    let folder = Folder::new();
    let path = folder.write("conn.log", log);
    for format in ["text", "md", "html"] {
        let run =
            support::nightaudit(["check", "--no-power", "--format", format].map(PathBuf::from).iter().chain([&path]));
        let said = run.out.split_whitespace().collect::<Vec<_>>().join(" ").replace("&nbsp;", " ");
        assert!(said.contains("1 connection of more than 10 minutes, 5.0 MB up"), "{format}: {said}");
        assert!(said.contains("2 rows"), "{format}: {said}");
    }
    let json =
        support::nightaudit(["check", "--no-power", "--format", "json"].map(PathBuf::from).iter().chain([&path]))
            .json();
    assert_eq!(json["devices"][0]["subjects"][0]["unplaced"]["up"], 5_000_000);
    assert_eq!(json["inputs"][0]["records"], 2);
}

#[test]
fn hostile_rows_are_counted_and_passed_over_and_the_first_is_named() {
    let good = row(0, "20", 5_000);
    let long = format!("{}\n", "x".repeat(10_000_000));
    let hostile = [
        good.replace("1713497400.5", "0.5"),
        good.replace("1713497400.5", "7258118400.0"),
        good.replace("1713497400.5", "NaN"),
        good.replace("\t20\t", "\t-20\t"),
        good.replace("\t20\t", "\tinf\t"),
        good.replace("192.168.7.23", "192.168.7"),
        good.replace("\t40000\t", "\t70000\t"),
        good.replace("\t5160\t", "\t-5160\t"),
        good.replace("\t5160\t", "\t99999999999999999999\t"),
        good.replace("\ttcp\t", "\t"),
        long,
        "\u{0}\u{1b}[2J\n".to_owned(),
    ];
    for (n, bad) in hostile.iter().enumerate() {
        let audit = audit_of(format!("{CONN}{good}{bad}{}", row(60, "20", 7_000)));
        assert_eq!(audit.totals.payload_up, Bytes(12_000), "{n}");
        assert_eq!((audit.inputs[0].records, audit.inputs[0].malformed), (2, 1), "{n}");
        assert!(audit.notes[0].contains("1 row passed over; the first is line 8, field "), "{n}: {:?}", audit.notes);
        assert!(!audit.notes[0].contains('\u{1b}'));
    }
    let nan = audit_of(format!("{CONN}{}", good.replace("\t20\t", "\tNaN\t")));
    assert!(
        nan.notes[0].ends_with("line 7, field duration: \"NaN\" is no length of time in seconds, from 0 to a year")
    );
}

#[test]
fn a_log_without_a_needed_field_is_refused_by_its_name() {
    let log = CONN.replace("\torig_ip_bytes", "") + &row(0, "20", 5_000);
    let audit = audit_of(log);
    assert!(
        audit.failed[0].contains("some.log: line 6: this zeek-conn log has no field orig_ip_bytes"),
        "{:?}",
        audit.failed
    );
    let csv = audit_of("IPProto,SrcIP,SrcPort,DstIp,DstPort\n6,1,2,3,4\n");
    assert!(csv.failed.iter().all(|why| !why.contains('\n')));
}

#[test]
fn names_without_volumes_are_said_to_be_no_audit() {
    let audit = audit_of(format!("{SSL}1713497411.5\tC10\t192.168.7.23\t40000\t203.0.113.5\t443\ta.example\t-\n"));
    assert!(audit.notes.iter().any(|note| note.contains("add the conn.log")), "{:?}", audit.notes);
    assert_eq!(audit.losses.len(), 1, "{:?}", audit.losses);
}

#[test]
fn pcapdroids_export_names_the_app_and_counts_its_payload() {
    let header = "IPProto,SrcIP,SrcPort,DstIp,DstPort,UID,App,Proto,Status,Info,BytesSent,BytesRcvd,PktsSent,PktsRcvd,FirstSeen,LastSeen\n";
    let mut rows = String::new();
    for n in 0..40_u64 {
        let at = 1_713_497_400_000 + n * 60_000;
        let _ = writeln!(
            rows,
            "6,10.215.173.1,{},157.240.0.60,443,10123,WhatsApp,TLS,Closed,mmg.whatsapp.net,14520,1000,10,8,{at},{}",
            40_000 + n,
            at + 5_000
        );
        let _ = writeln!(
            rows,
            "17,10.215.173.1,{},8.8.8.8,53,1051,netd,DNS,Closed,n{n}.example,60,90,1,1,{at},{at}",
            50_000 + n
        );
    }
    let audit = audit_of(format!("{header}{rows}"));
    let (device, n) = subject(&audit, "whatsapp");
    assert_eq!(device.ledger.subjects[n].up(), Bytes(40 * (14_520 - 10 * 52)));
    let to = device.destinations.iter().find(|to| to.subject == n).expect("a destination");
    assert_eq!(to.evidence, Evidence::Uid);
    assert_eq!(device.ledger.names.len(), 80, "names looked up and server names are signs of a person");
    assert_eq!(posted(&audit), (audit.totals.payload_up, audit.totals.payload_down));
}

#[test]
fn flows_lists_what_a_log_tells_of() {
    let folder = Folder::new();
    let conn = folder.write("conn.log", CONN.to_owned() + &row(10, "20", 5_000));
    let ssl =
        folder.write("ssl.log", format!("{SSL}1713497411.5\tC10\t1.1.1.1\t1\t1.1.1.1\t1\tmmg.whatsapp.net\th2\n"));
    let run = support::nightaudit(["flows", "--format", "jsonl"].map(PathBuf::from).iter().chain([&conn, &ssl]));
    let rows = run.json_lines();
    assert_eq!(rows.len(), 1, "{run:?}");
    assert_eq!((rows[0]["app"].as_str(), rows[0]["host"].as_str()), (Some("whatsapp"), Some("mmg.whatsapp.net")));
    assert_eq!(rows[0]["payload_ab"], 5_000);
}

#[test]
fn a_log_may_come_on_standard_input() {
    let log = CONN.to_owned() + &row(10, "20", 5_000);
    let run = support::nightaudit_reading(log.as_bytes(), &["check", "-", "--format", "json", "--no-power"]);
    assert_eq!(run.json()["totals"]["payload_up"], 5_000, "{run:?}");
}

#[test]
fn three_days_of_a_real_sensor_are_in_the_ledger_to_the_byte() {
    let Some(folder) = support::corpus("multi-day/zeek-72h-droplet") else { return };
    let paths: Vec<PathBuf> = support::files(&folder).iter().flat_map(|day| support::files(day)).collect();
    let audit = audit(&paths, &["64.225.56.201/32"]);
    assert!(audit.failed.is_empty(), "{:?}", audit.failed);
    let told = told_by(&paths);
    assert_eq!(told.rows, 105_918);
    assert_eq!(audit.totals.wire.0, told.wire, "IP bytes, those of connections that go on included");
    assert_eq!(audit.totals.packets, told.packets);
    assert_eq!(posted(&audit), (audit.totals.payload_up, audit.totals.payload_down));
    assert!(audit.totals.payload_down < Bytes::mb(300), "a scanner's sequence numbers make no gigabytes");
    assert_eq!(audit.inputs.iter().map(|input| input.malformed).sum::<u64>(), 0);
    assert!(audit.losses.is_empty(), "{:?}", audit.losses);
    let judged = audit.devices.iter().flat_map(|device| &device.finding.findings);
    assert!(judged.into_iter().all(|finding| finding.verdict == Verdict::Insufficient), "three days are no pattern");
    let unplaced: u32 = audit.devices.iter().flat_map(|d| &d.ledger.subjects).map(|s| s.unplaced.connections).sum();
    assert!(unplaced >= 3, "the session of three days is among them: {unplaced}");
}

/// What the logs tell, added up by other means: columns by their place, no code of nightaudit's.
#[derive(Default)]
struct Told {
    rows: u64,
    wire: u64,
    packets: u64,
}

fn told_by(paths: &[PathBuf]) -> Told {
    let mut told = Told::default();
    let mut ended = Vec::new();
    let mut open: HashMap<String, (f64, u64, u64)> = HashMap::new();
    for path in paths {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let is_open = name.starts_with("open_conn");
        if !is_open && !name.starts_with("conn.") {
            continue;
        }
        let text = unpacked(path);
        let fields: Vec<&str> =
            text.lines().find(|line| line.starts_with("#fields")).expect("fields").split('\t').skip(1).collect();
        let at = |name: &str| fields.iter().position(|field| *field == name).expect("a column");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split('\t').collect();
            let number = |name: &str| cells[at(name)].parse::<u64>().expect("a number");
            let wire = number("orig_ip_bytes") + number("resp_ip_bytes");
            let packets = number("orig_pkts") + number("resp_pkts");
            let uid = cells[at("uid")].to_owned();
            if is_open {
                let lasted: f64 = cells[at("duration")].parse().expect("a number");
                let known = open.entry(uid).or_default();
                if lasted >= known.0 {
                    *known = (lasted, wire, packets);
                }
            } else {
                told.rows += 1;
                told.wire += wire;
                told.packets += packets;
                ended.push(uid);
            }
        }
    }
    for (_, (_, wire, packets)) in open.iter().filter(|(uid, _)| !ended.contains(uid)) {
        told.wire += wire;
        told.packets += packets;
    }
    told
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    let file = fs::File::open(path).expect("a readable file");
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("gzip of text");
    text
}

/// Rows that are nearly right: cells from a list of good and hostile ones.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("1713497400.5".to_owned()),
        Just("192.168.7.23".to_owned()),
        Just("203.0.113.5".to_owned()),
        Just("443".to_owned()),
        Just("tcp".to_owned()),
        Just("-".to_owned()),
        Just("-1".to_owned()),
        Just("NaN".to_owned()),
        Just("1e308".to_owned()),
        Just("18446744073709551615".to_owned()),
        Just("\"".to_owned()),
        Just(String::new()),
        "[0-9]{1,6}",
        ".{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic_and_the_ledger_balances(
        header in prop_oneof![
            Just(CONN.to_owned()), Just(SSL.to_owned()), Just(DNS.to_owned()), Just("#separator \\x09\n".to_owned()),
            Just("{\"id.orig_h\":".to_owned()), Just("{\"_path\":\"conn\",".to_owned()),
            Just("IPProto,SrcIP,SrcPort,DstIp,DstPort,UID,App,Proto,Status,Info,BytesSent,BytesRcvd,PktsSent,PktsRcvd,FirstSeen,LastSeen\n".to_owned()),
        ],
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let audit = audit_of([header.as_bytes(), &bytes].concat());
        prop_assert_eq!(posted(&audit), (audit.totals.payload_up, audit.totals.payload_down));
    }

    #[test]
    fn rows_of_odd_cells_are_taken_or_passed_over_and_the_ledger_balances(
        rows in proptest::collection::vec(proptest::collection::vec(cell(), 15), 1..20),
        separator in prop_oneof![Just("\t"), Just(",")],
    ) {
        let lines: Vec<_> = rows.iter().map(|cells| cells.join(separator)).collect();
        let good = row(0, "20", 5_000);
        let audit = audit_of(format!("{CONN}{good}{}\n{good}", lines.join("\n")).replacen("C0", "C1", 1));
        prop_assert!(audit.totals.payload_up >= Bytes(10_000));
        let (up, down) = posted(&audit);
        // What neither end of can be a device is in the totals of the ledger's rows no more than in the devices'.
        prop_assert_eq!((up, down), (audit.totals.payload_up, audit.totals.payload_down));
    }
}
