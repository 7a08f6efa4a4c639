//! Sensors with little in their ledgers, and how they send it.

use std::{collections::BTreeMap, ops::Range, path::Path};

use nightaudit::{
    base::{Bytes, Minute, Span},
    identify::{Device, DeviceId, Evidence, Kind, Role},
    ledger::{
        Account, Batch, Heard, Places, Row, RowKey, Store, Subject, Watched,
        fleet::{FleetError, Sensor, Server},
    },
};

use super::Node;

pub(crate) const PHONE: DeviceId = DeviceId(0);
pub(crate) const ALL: Minute = Minute(u32::MAX);

pub(crate) fn sensor(name: &str) -> Sensor {
    Sensor { name: name.to_owned(), pseudonyms: None, share: false }
}

/// A ledger of its own, all of which is to be sent.
pub(crate) fn store(folder: &Path, name: &str) -> Store {
    let mut store = Store::open(&folder.join(name)).unwrap();
    store.feed_fleet().unwrap();
    store
}

/// Ana's phone.
pub(crate) fn phone() -> Device {
    Device { id: "02:00:00:00:00:01".into(), label: Some("Ana".into()), addresses: [].into() }
}

pub(crate) fn run(minutes: Range<u32>) -> Watched {
    Watched { span: Span { first: Minute(minutes.start), end: Minute(minutes.end) }, dropped: 0.0 }
}

/// A flush of `minutes`, each with `rows` rows of 1,000 bytes up.
pub(crate) fn book(store: &mut Store, minutes: Range<u32>, rows: u32) {
    let account = account(minutes.clone(), rows, Places::UNKNOWN);
    flush(store, &account, &[vec![run(minutes)]]);
}

/// Ana's phone seen at `places` in each of `minutes`, with `rows` rows of 1,000 bytes up.
pub(crate) fn account(minutes: Range<u32>, rows: u32, places: Places) -> Account {
    let mut account = Account::default();
    for minute in minutes.map(Minute) {
        for row in 0..rows {
            let id = format!("subject-{row}");
            let subject = Subject { id: id.clone(), name: id.clone(), operator: String::new(), kind: Kind::Messenger };
            let subject = account.ledger.subject_id(&subject);
            let destination = account.ledger.destination_id(&id);
            let key = RowKey { device: PHONE, subject, role: Role::Chat, destination, minute };
            account.ledger.post(key, &Row { up: Bytes(1_000), packets: 1, ..Row::default() });
            account.attest(PHONE, subject, Role::Chat, destination, Evidence::Sni);
        }
        account.ledger.name(PHONE, minute, "example.org", None, false);
        account.ledger.see_at(PHONE, minute, places);
    }
    account
}

/// Writes what was counted while each source was watching.
pub(crate) fn flush(store: &mut Store, account: &Account, watched: &[Vec<Watched>]) {
    store
        .write(&Batch {
            account,
            devices: &[(PHONE, phone())],
            heard: &BTreeMap::from([((0, 0), Heard { frames: 9, ..Heard::default() })]),
            losses: &[],
            watched,
            files: &[],
        })
        .unwrap();
}

/// Sends all that waits; gives the number of parcels.
pub(crate) fn push(store: &mut Store, sensor: &Sensor, server: &Server) -> Result<u32, FleetError> {
    let mut parcels = 0;
    while let Some(parcel) = store.parcel(sensor, ALL)? {
        let receipt = server.deliver(&parcel)?;
        store.acknowledge(&receipt)?;
        parcels += 1;
    }
    Ok(parcels)
}

/// Rows and payload of the fleet, each row counted once.
pub(crate) fn counts(node: &Node) -> (u64, u64) {
    let text = node.ask("SELECT count(), sum(up) FROM (SELECT up FROM nightaudit.minutes FINAL)");
    let (rows, up) = text.split_once('\t').unwrap();
    (rows.parse().unwrap(), up.parse().unwrap())
}
