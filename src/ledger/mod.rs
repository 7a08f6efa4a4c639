//! Who sent how much to whom in which minute.
//!
//! In: attributed byte counts. Out: minute rows that balance: bytes posted, the unattributed included, equal bytes
//! decoded. One device's rows become a [`DeviceLedger`], which is all that the night stage sees, whatever the store. On
//! disk it is a [`Store`].

mod account;
mod archive;
mod book;
mod device;
pub mod fleet;
mod intern;
mod presence;
mod store;
mod watch;

pub use account::Account;
pub use archive::Archive;
pub use book::{Ledger, OTHER, Row, RowKey};
pub use device::SubjectFacts;
pub use presence::{Coverage, Places};
pub use store::{
    Batch, CaptureRecord, DeviceRecord, FileRecord, Flushed, Heard, LiveRecord, NightRecord, OverviewRow, Retained,
    RunRecord, Source, Store, StoreError, VerdictRecord,
};
pub use watch::{clip, join_files, join_logs, union};

use crate::{
    base::{Bytes, Minute, Span},
    identify::{DeclaredFeatures, Kind, Role},
};

/// What a verdict is about: one app's operator roles on one device, one consumer cloud, or the unattributed rest.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Subject {
    /// Lower-case id, such as `whatsapp`; `unattributed` for the rest.
    pub id: String,
    /// As people write it, such as `WhatsApp`.
    pub name: String,
    /// Whose servers, such as `Meta`.
    pub operator: String,
    /// How a verdict on it is worded.
    pub kind: Kind,
}

impl Subject {
    /// The remainder that no rule and no name explains.
    pub fn unattributed() -> Self {
        Self::rest("unattributed", Kind::Unattributed)
    }

    /// Web sites that were sent too little to be judged one by one.
    pub fn web() -> Self {
        Self::rest("web", Kind::Web)
    }

    fn rest(id: &str, kind: Kind) -> Self {
        Self { id: id.to_owned(), name: id.to_owned(), operator: String::new(), kind }
    }
}

/// What one subject moved in one minute.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cell {
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// Payload from the device in packets of 1,000 bytes or more, streams apart.
    pub bulk_up: Bytes,
    /// Payload from the device in real-time streams (calls, cameras).
    pub stream_up: Bytes,
    /// Payload to the device in real-time streams.
    pub stream_down: Bytes,
    /// Packets, both ways.
    pub packets: u32,
    /// Flows opened.
    pub flows: u32,
}

impl Cell {
    /// Adds what `other` moved.
    pub fn add(&mut self, other: &Self) {
        self.up += other.up;
        self.down += other.down;
        self.bulk_up += other.bulk_up;
        self.stream_up += other.stream_up;
        self.stream_down += other.stream_down;
        self.packets = self.packets.saturating_add(other.packets);
        self.flows = self.flows.saturating_add(other.flows);
    }
}

/// What moved in connections that a log tells of as a whole and that lasted too long to say when: it counts in every
/// sum, and makes or unmakes no night.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Unplaced {
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// How many connections.
    pub connections: u32,
}

impl Unplaced {
    /// Whether there is any.
    pub const fn is_some(&self) -> bool {
        self.connections > 0
    }
}

/// One subject's minutes on one device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubjectLedger {
    /// Which.
    pub subject: Subject,
    /// What moved, by minute, ascending; quiet minutes are left out, and what is older than minutes are kept.
    pub minutes: Vec<(Minute, Cell)>,
    /// What moved nobody knows when; it is in no minute.
    pub unplaced: Unplaced,
    /// Payload up and down by role, over the whole ledger, what is unplaced included.
    pub roles: Vec<(Role, Bytes, Bytes)>,
    /// An opaque tunnel (VPN) that the device's other traffic may hide in.
    pub tunnel: bool,
    /// Features that upload to this subject by design, such as an in-app backup, by the rule files.
    pub features: DeclaredFeatures,
}

impl SubjectLedger {
    /// Payload from the device, at whatever time.
    pub fn up(&self) -> Bytes {
        self.minutes.iter().map(|(_, cell)| cell.up).sum::<Bytes>() + self.unplaced.up
    }

    /// Payload to the device, at whatever time.
    pub fn down(&self) -> Bytes {
        self.minutes.iter().map(|(_, cell)| cell.down).sum::<Bytes>() + self.unplaced.down
    }
}

/// A name that the device looked up or a server gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct NameSeen {
    /// When.
    pub minute: Minute,
    /// Which name: equal numbers are equal names, of this device only.
    pub name: u32,
    /// The subject it belongs to, as an index into [`DeviceLedger::subjects`]; `None` for names of no subject.
    pub subject: Option<u32>,
    /// It belongs to the OS vendor, a push service or a tracker: no sign of a person.
    pub background: bool,
}

/// A run of minutes in which a sensor was capturing, and what it lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// From when to when.
    pub span: Span,
    /// Share of packets that the kernel or the interface dropped, 0 to 1.
    pub dropped: f64,
}

/// One device's minutes: what the night stage judges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceLedger {
    /// When a sensor was capturing, ascending, not overlapping.
    pub watched: Vec<Watched>,
    /// Minutes in which any packet of the device was seen, ascending.
    pub seen: Vec<Minute>,
    /// Names looked up or given, ascending by minute, each name once a minute.
    pub names: Vec<NameSeen>,
    /// What moved, by subject. Every byte of the device is in the roles of exactly one.
    pub subjects: Vec<SubjectLedger>,
}
