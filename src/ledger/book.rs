//! The ledger in memory: minute rows, names looked up, minutes seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{Coverage, Places, Subject, Watched, intern::Interner};
use crate::{
    base::{Bytes, Minute},
    identify::{DeviceId, Role},
};

/// Different destinations the ledger tells apart; what comes after goes to [`OTHER`].
const MOST_DESTINATIONS: usize = 1 << 20;
/// Different subjects the ledger tells apart; what comes after is booked as unattributed.
const MOST_SUBJECTS: usize = 1 << 17;
/// Rows the ledger holds; what comes after is booked without telling destinations apart.
const MOST_ROWS: usize = 8 << 20;
/// Different names remembered for one minute of one device: far more than tell that somebody is there.
pub(super) const MOST_NAMES_A_MINUTE: usize = 64;
/// Different names told apart.
const MOST_NAMES: usize = 1 << 20;

/// Stands for all destinations beyond the cap.
pub const OTHER: &str = "(other destinations)";

/// What a row is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct RowKey {
    /// The audited device.
    pub device: DeviceId,
    /// Whose the traffic is, by [`Ledger::subject_id`].
    pub subject: u32,
    /// What for.
    pub role: Role,
    /// To whom, by [`Ledger::destination_id`].
    pub destination: u32,
    /// In which minute.
    pub minute: Minute,
}

/// What moved in one row.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// IP total lengths from the device.
    pub wire_up: Bytes,
    /// IP total lengths to the device.
    pub wire_down: Bytes,
    /// The part of `up` in packets of 1,000 payload bytes or more, streams apart.
    pub bulk_up: Bytes,
    /// The part of `up` in real-time streams.
    pub stream_up: Bytes,
    /// The part of `down` in real-time streams.
    pub stream_down: Bytes,
    /// Packets, both ways.
    pub packets: u32,
    /// Flows opened.
    pub flows: u32,
}

impl Row {
    /// Adds what `other` moved.
    pub fn add(&mut self, other: &Self) {
        self.up += other.up;
        self.down += other.down;
        self.wire_up += other.wire_up;
        self.wire_down += other.wire_down;
        self.bulk_up += other.bulk_up;
        self.stream_up += other.stream_up;
        self.stream_down += other.stream_down;
        self.packets = self.packets.saturating_add(other.packets);
        self.flows = self.flows.saturating_add(other.flows);
    }
}

/// What a sum without a minute is about: device, subject, role, destination.
pub(super) type SumKey = (DeviceId, u32, Role, u32);

/// A name, and whose it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub(super) struct NameEntry {
    pub(super) name: u32,
    pub(super) subject: Option<u32>,
    pub(super) background: bool,
}

/// Who sent how much to whom in which minute, for every device of an audit.
///
/// ```
/// use nightaudit::{base::{Bytes, Minute}, identify::{DeviceId, Kind, Role}, ledger::{Ledger, Row, RowKey, Subject}};
///
/// let mut ledger = Ledger::default();
/// let subject = ledger.subject_id(&Subject {
///     id: "signal".into(), name: "Signal".into(), operator: "Signal Messenger".into(), kind: Kind::Messenger,
/// });
/// let destination = ledger.destination_id("chat.signal.org");
/// let key = RowKey { device: DeviceId(0), subject, role: Role::Chat, destination, minute: Minute(7) };
/// ledger.post(key, &Row { up: Bytes(300), ..Row::default() });
/// assert_eq!(ledger.total().up, Bytes(300));
/// ```
#[derive(Clone, Debug)]
pub struct Ledger {
    subjects: Interner<Subject>,
    destinations: Interner<String>,
    name_texts: Interner<String>,
    rows: BTreeMap<RowKey, Row>,
    /// What moved longer ago than minutes are kept.
    pub(super) sums: BTreeMap<SumKey, Row>,
    pub(super) names: BTreeMap<(DeviceId, Minute), Vec<NameEntry>>,
    /// In which minutes, and by which sources.
    pub(super) seen: BTreeMap<DeviceId, BTreeMap<Minute, Places>>,
    /// What moved nobody knows when: the minute of its keys is the one it began in.
    unplaced: BTreeMap<RowKey, Row>,
    total: Row,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            subjects: Interner::new(MOST_SUBJECTS),
            destinations: Interner::new(MOST_DESTINATIONS),
            name_texts: Interner::new(MOST_NAMES),
            rows: BTreeMap::new(),
            sums: BTreeMap::new(),
            names: BTreeMap::new(),
            seen: BTreeMap::new(),
            unplaced: BTreeMap::new(),
            total: Row::default(),
        }
    }
}

impl Ledger {
    /// The number rows use for `subject`.
    pub fn subject_id(&mut self, subject: &Subject) -> u32 {
        self.subjects.number(subject, &Subject::unattributed())
    }

    /// The subject of a number, the unattributed rest for a number never given.
    pub fn subject(&self, id: u32) -> Subject {
        self.subjects.value(id).cloned().unwrap_or_else(Subject::unattributed)
    }

    /// The number of a subject that rows were posted of.
    pub(super) fn known_subject(&self, subject: &Subject) -> Option<u32> {
        self.subjects.known(subject)
    }

    /// The number of a destination that rows were posted to.
    pub(super) fn known_destination(&self, destination: &str) -> Option<u32> {
        self.destinations.known(&destination.to_owned())
    }

    /// The number rows use for a destination.
    pub fn destination_id(&mut self, destination: &str) -> u32 {
        self.destinations.number(&destination.to_owned(), &OTHER.to_owned())
    }

    /// The destination of a number.
    pub fn destination(&self, id: u32) -> &str {
        self.destinations.value(id).map_or(OTHER, String::as_str)
    }

    /// Adds `row` to what `key` moved.
    pub fn post(&mut self, mut key: RowKey, row: &Row) {
        if self.rows.len() >= MOST_ROWS && !self.rows.contains_key(&key) {
            key.destination = self.destination_id(OTHER);
        }
        self.rows.entry(key).or_default().add(row);
        self.total.add(row);
        self.see(key.device, key.minute);
    }

    /// Adds `row` to what `key` moved at a time that nobody knows, but for its `first` and its `last` minute.
    pub fn post_unplaced(&mut self, mut key: RowKey, row: &Row, first: Minute, last: Minute) {
        key.minute = first;
        if self.unplaced.len() >= MOST_ROWS && !self.unplaced.contains_key(&key) {
            key.destination = self.destination_id(OTHER);
        }
        self.unplaced.entry(key).or_default().add(row);
        self.total.add(row);
        self.see(key.device, first);
        self.see(key.device, last);
    }

    /// Adds what moved in a time that is not kept minute by minute: it counts in sums, and is not judged.
    pub fn post_sum(&mut self, device: DeviceId, subject: u32, role: Role, destination: u32, row: &Row) {
        self.sums.entry((device, subject, role, destination)).or_default().add(row);
        self.total.add(row);
        self.seen.entry(device).or_default();
    }

    /// Notes that a packet of `device` was seen in `minute`.
    pub fn see(&mut self, device: DeviceId, minute: Minute) {
        self.see_at(device, minute, Places::UNKNOWN);
    }

    /// Notes that a packet of `device` was seen in `minute`, and by which sources.
    pub fn see_at(&mut self, device: DeviceId, minute: Minute, places: Places) {
        let seen = self.seen.entry(device).or_default().entry(minute).or_default();
        *seen = seen.and(places);
    }

    /// When `device` was watched, by where it was seen.
    pub fn watched(&self, device: DeviceId, coverage: &Coverage) -> Vec<Watched> {
        self.seen.get(&device).map_or_else(|| coverage.all().to_vec(), |seen| coverage.of_device(seen))
    }

    /// Notes that `device` looked a name up, or a server gave one.
    pub fn name(&mut self, device: DeviceId, minute: Minute, name: &str, subject: Option<u32>, background: bool) {
        let entry = self.name_entry(name, subject, background);
        self.name_again(device, minute, entry);
    }

    /// How a name is noted.
    pub(super) fn name_entry(&mut self, name: &str, subject: Option<u32>, background: bool) -> NameEntry {
        NameEntry { name: self.name_texts.number(&name.to_owned(), &String::new()), subject, background }
    }

    /// Notes a name that [`name_entry`](Self::name_entry) made.
    pub(super) fn name_again(&mut self, device: DeviceId, minute: Minute, entry: NameEntry) {
        let names = self.names.entry((device, minute)).or_default();
        if names.len() < MOST_NAMES_A_MINUTE && !names.iter().any(|known| known.name == entry.name) {
            names.push(entry);
        }
    }

    /// The sum of all rows: what the balance law compares with what was decoded.
    pub const fn total(&self) -> &Row {
        &self.total
    }

    /// Every device with a row, in order.
    pub fn devices(&self) -> impl Iterator<Item = DeviceId> {
        self.seen.keys().copied()
    }

    /// Every device that anything was noted of, also if only a name.
    pub fn mentioned(&self) -> BTreeSet<DeviceId> {
        self.seen.keys().copied().chain(self.names.keys().map(|(device, _)| *device)).collect()
    }

    /// One device's rows, in the order of their keys.
    pub fn rows(&self, device: DeviceId) -> impl Iterator<Item = (&RowKey, &Row)> {
        of_device(&self.rows, device)
    }

    /// What one device moved nobody knows when, in the order of keys whose minute is the one it began in.
    pub fn unplaced(&self, device: DeviceId) -> impl Iterator<Item = (&RowKey, &Row)> {
        of_device(&self.unplaced, device)
    }

    /// Every row, in the order of their keys.
    pub fn all_rows(&self) -> impl Iterator<Item = (&RowKey, &Row)> {
        self.rows.iter()
    }

    /// Everything that moved nobody knows when.
    pub fn all_unplaced(&self) -> impl Iterator<Item = (&RowKey, &Row)> {
        self.unplaced.iter()
    }

    /// One device's sums of the time that is not kept minute by minute: subject, role, destination, what moved.
    pub fn sums(&self, device: DeviceId) -> impl Iterator<Item = (u32, Role, u32, &Row)> {
        let first = (device, 0, Role::Chat, 0);
        let own = self.sums.range(first..).take_while(move |(key, _)| key.0 == device);
        own.map(|((_, subject, role, destination), row)| (*subject, *role, *destination, row))
    }

    /// The name of a number.
    pub(super) fn name_text(&self, id: u32) -> &str {
        self.name_texts.value(id).map_or("", String::as_str)
    }

    /// How many rows it holds: what it takes of memory.
    pub fn len(&self) -> usize {
        self.rows.len() + self.unplaced.len()
    }

    /// Whether nothing was booked.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.unplaced.is_empty()
            && self.sums.is_empty()
            && self.names.is_empty()
            && self.seen.is_empty()
    }

    /// How many times something was booked under a collective heading because a cap was reached.
    pub const fn lumped(&self) -> u64 {
        self.subjects.refused() + self.destinations.refused()
    }
}

fn of_device(rows: &BTreeMap<RowKey, Row>, device: DeviceId) -> impl Iterator<Item = (&RowKey, &Row)> {
    let first = RowKey { device, subject: 0, role: Role::Chat, destination: 0, minute: Minute(0) };
    rows.range(first..).take_while(move |(key, _)| key.device == device)
}
