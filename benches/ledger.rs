//! A ledger of many devices over a year: how long its questions take, and how large it is. `cargo bench --bench ledger`.
//!
//! `NIGHTAUDIT_BENCH_DEVICES` (50) and `NIGHTAUDIT_BENCH_DAYS` (364) say how much is written first.

#![expect(clippy::expect_used, clippy::print_stderr, reason = "a benchmark without its input has nothing to say")]

use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use nightaudit::{
    base::{Bytes, Minute, Span},
    identify::{Device, DeviceId, Evidence, Role, Rules},
    ledger::{Account, Batch, DeviceLedger, Row, RowKey, Store, Watched},
    night::Settings,
    pipeline::{self, Judging, Query},
    simulate::{Life, Scenario},
};

const PHONE: DeviceId = DeviceId(0);
const MONTH: u32 = 28 * 24 * 60;

fn number(name: &str, otherwise: u32) -> u32 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Month number `month` of a phone that lives the same one over and over: two destinations for each subject, as in real
/// traffic.
fn account(month: &DeviceLedger, number: u32) -> Account {
    let mut account = Account::default();
    let shift = number * MONTH;
    let subjects: Vec<u32> = month.subjects.iter().map(|row| account.ledger.subject_id(&row.subject)).collect();
    for (row, subject) in month.subjects.iter().zip(&subjects) {
        let hosts = ["a", "b"].map(|host| account.ledger.destination_id(&format!("{host}.{}.example", row.subject.id)));
        for (minute, cell) in &row.minutes {
            let parts = [(hosts[0], Role::Chat, 2), (hosts[1], Role::Media, 1)];
            for (destination, role, share) in parts.into_iter().take(if cell.packets > 4 { 2 } else { 1 }) {
                let part = |bytes: Bytes| Bytes(bytes.0 * share / 3);
                let booked = Row {
                    up: part(cell.up),
                    down: part(cell.down),
                    wire_up: part(cell.up),
                    wire_down: part(cell.down),
                    bulk_up: part(cell.bulk_up),
                    stream_up: part(cell.stream_up),
                    stream_down: part(cell.stream_down),
                    packets: cell.packets,
                    flows: cell.flows,
                };
                let key = RowKey { device: PHONE, subject: *subject, role, destination, minute: minute.plus(shift) };
                account.ledger.post(key, &booked);
                account.attest(PHONE, *subject, role, destination, Evidence::Sni);
            }
        }
    }
    for seen in &month.names {
        let subject = seen.subject.and_then(|at| subjects.get(at as usize).copied());
        let name = format!("host-{}.example", seen.name);
        account.ledger.name(PHONE, seen.minute.plus(shift), &name, subject, seen.background);
    }
    for minute in &month.seen {
        account.ledger.see(PHONE, minute.plus(shift));
    }
    account
}

fn fill(path: &Path, devices: u32, months: u32) -> Span {
    let mut store = Store::open(path).expect("a ledger");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nights/B01.toml");
    let scenario = Scenario::parse(&fs::read_to_string(&scenario).expect("a scenario"), &scenario).expect("a scenario");
    let mut last = Span { first: Minute(0), end: Minute(0) };
    let (begun, mut rows) = (Instant::now(), 0);
    for number in 0..devices {
        let month = Life::of(&scenario, number.into()).ledger().0;
        let device = Device { id: format!("02:00:00:00:00:{number:02x}"), label: None, addresses: [].into() };
        for n in 0..months {
            let account = account(&month, n);
            let shift = |run: &Watched| Watched {
                span: Span { first: run.span.first.plus(n * MONTH), end: run.span.end.plus(n * MONTH) },
                ..*run
            };
            let watched = [month.watched.iter().map(shift).collect::<Vec<_>>()];
            last = watched[0].last().map_or(last, |run| run.span);
            let devices = [(PHONE, device.clone())];
            let batch = Batch {
                account: &account,
                devices: &devices,
                heard: &BTreeMap::new(),
                losses: &[],
                watched: &watched,
                files: &[],
            };
            rows += store.write(&batch).expect("a month is written").rows;
        }
    }
    drop(store);
    let size = fs::metadata(path).expect("the ledger").len();
    let years = f64::from(devices * months) / 13.0;
    eprintln!(
        "{devices} devices, {} days: {rows} rows in {:.0} s; {:.0} MB, {:.1} MB a device and year",
        months * 28,
        begun.elapsed().as_secs_f64(),
        size as f64 / 1e6,
        size as f64 / 1e6 / years
    );
    last
}

fn ledger(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the ledger");
    let path = folder.path().join("ledger.db");
    let devices = number("NIGHTAUDIT_BENCH_DEVICES", 50);
    let last = fill(&path, devices, number("NIGHTAUDIT_BENCH_DAYS", 364) / 28);
    let rules = Arc::new(Rules::embedded().expect("the embedded rules"));
    let store = Store::read(&path).expect("the ledger");
    let judging = |power| Judging { timezone: chrono_tz::Tz::UTC, night: Settings { power, ..Settings::default() } };
    let month = Span { first: last.end.minus(MONTH), end: last.end };
    let one = Query { span: Some(month), device: Some("02:00:00:00:00:01".into()), subject: None };
    let day = Span { first: last.end.minus(24 * 60), end: last.end };
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10);
    group.bench_function("a device's 28 nights, audited", |b| {
        b.iter(|| pipeline::recall(&store, &one, &rules, &judging(true)).expect("an audit"));
    });
    group.bench_function("a device's 28 nights, without the search for what would have been noticed", |b| {
        b.iter(|| pipeline::recall(&store, &one, &rules, &judging(false)).expect("an audit"));
    });
    group.bench_function("all devices' day at a glance", |b| b.iter(|| store.overview(day).expect("an overview")));
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
