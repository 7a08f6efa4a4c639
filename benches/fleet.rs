//! How long thousands of sensors take to push an hour to a fleet's server, each from a ledger of its own:
//! `cargo bench --bench fleet -- URL PASSWORD_FILE [SENSORS [AT_ONCE]]`, against a server whose tables are made. scripts/bench-fleet
//! starts one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench says what it measured, and stops at what is wrong"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use nightaudit::{
    base::{Bytes, Minute, Span},
    identify::{Device, DeviceId, Evidence, Kind, Role},
    ledger::{
        Account, Batch, Heard, Row, RowKey, Store, Subject, Watched,
        fleet::{Address, Secret, Sensor, Server},
    },
};

const PHONE: DeviceId = DeviceId(0);
/// 1 June 2026, 00:00 UTC.
const HOUR: u32 = 29_671_200;
/// Sensors that push at the same time: as many as a server takes without a relay.
const AT_ONCE: usize = 16;
/// What a phone in the simulator moves in an hour: 33 rows of a minute, 17 names.
const SUBJECTS: [(&str, u32); 6] =
    [("whatsapp", 3), ("google", 4), ("google-push", 6), ("dns", 2), ("web", 5), ("icloud", 7)];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [url, password, more @ ..] = &arguments[..] else {
        println!("fleet: skipped; want URL PASSWORD_FILE [SENSORS [AT_ONCE]] (scripts/bench-fleet gives them)");
        return;
    };
    let sensors: usize = more.first().map_or(3_000, |number| number.parse().unwrap());
    let at_once: usize = more.get(1).map_or(AT_ONCE, |number| number.parse().unwrap());
    let password = fs::read_to_string(password).unwrap();
    let address = Address::new(url, "default", Secret(password.trim().to_owned())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let waiting = Mutex::new((0..sensors).map(|n| filled(folder.path(), n)).collect::<Vec<_>>());
    let rows = AtomicU64::new(0);
    Server::new(address.clone()).check().unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((n, mut store)) = next(&waiting) {
                    let server = Server::new(address.clone());
                    let sensor = Sensor { name: format!("pushing-{n:05}"), pseudonyms: None, share: false };
                    while let Some(parcel) = store.parcel(&sensor, Minute(u32::MAX)).unwrap() {
                        let receipt = server.deliver(&parcel).unwrap();
                        store.acknowledge(&receipt).unwrap();
                        rows.fetch_add(parcel.rows, Ordering::Relaxed);
                    }
                    assert_eq!(store.unsent().unwrap(), 0);
                }
            });
        }
    });
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{sensors} sensors pushed an hour ({} minute rows) in {took:.1} s: {:.0} inserts a second",
        rows.load(Ordering::Relaxed),
        sensors as f64 * 4.0 / took
    );
}

fn next(waiting: &Mutex<Vec<(usize, Store)>>) -> Option<(usize, Store)> {
    waiting.lock().unwrap().pop()
}

/// A sensor's ledger with an hour in it.
fn filled(folder: &Path, n: usize) -> (usize, Store) {
    let mut store = Store::open(&folder.join(format!("{n}.db"))).unwrap();
    store.feed_fleet().unwrap();
    let mut account = Account::default();
    for (id, rows) in SUBJECTS {
        let subject = Subject { id: id.into(), name: id.into(), operator: "x".into(), kind: Kind::Messenger };
        let subject = account.ledger.subject_id(&subject);
        let destination = account.ledger.destination_id(&format!("{id}.example"));
        for row in 0..rows {
            let minute = Minute(HOUR + (row * 13 + u32::try_from(n).unwrap()) % 60);
            let key = RowKey { device: PHONE, subject, role: Role::Chat, destination, minute };
            let up = Bytes(u64::from(row) * 1_000);
            account.ledger.post(key, &Row { up, packets: 3, flows: 1, ..Row::default() });
            account.ledger.name(PHONE, minute, &format!("{row}.{id}.example"), Some(subject), false);
        }
        account.attest(PHONE, subject, Role::Chat, destination, Evidence::Sni);
    }
    let watched = [vec![Watched { span: Span { first: Minute(HOUR), end: Minute(HOUR + 60) }, dropped: 0.0 }]];
    let phone =
        Device { id: format!("02:00:00:00:{:02x}:{:02x}", n / 256, n % 256), label: None, addresses: [].into() };
    let heard = BTreeMap::from([((0, HOUR / 60), Heard { frames: 900, ..Heard::default() })]);
    let batch = Batch {
        account: &account,
        devices: &[(PHONE, phone)],
        heard: &heard,
        losses: &[],
        watched: &watched,
        files: &[],
    };
    store.write(&batch).unwrap();
    (n, store)
}
