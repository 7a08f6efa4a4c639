//! Packets become flows: a bounded table with idle timeouts on packet time, TCP as a bystander sees it, payload
//! counted once and posted in the minute it moved, and an ordered, bounded prefix of each direction for the hints.
//!
//! In: [`Packet`](crate::decode::Packet)s. Out: [`Events`] that own what they say; nothing after this stage borrows a capture.

mod budget;
mod connection;
mod event;
mod expiry;
mod prefix;
mod sequence;
mod table;
mod tuple;

pub use budget::Budget;
pub use event::{Events, FlowEvent};
pub use table::FlowTable;

use crate::{
    base::{Bytes, Endpoint, Mac},
    capture::{AppTag, Heading},
};

/// A flow's number: a place in the table, and which of the flows that stood there it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct FlowId(u64);

impl FlowId {
    /// Its place: small numbers, reused once a flow is closed.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the place")]
    pub const fn slot(self) -> u32 {
        self.0 as u32
    }

    const fn serial(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// How many flows are kept, and how long an idle one is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Flows in progress at most; the one nearest to its timeout makes room.
    pub flows: usize,
    /// Bytes kept, over all flows, of segments that came before what they follow.
    pub early_bytes: usize,
    /// Seconds an established connection may be silent: what NATs must grant it (RFC 5382, REQ-5).
    pub connection_idle_seconds: u64,
    /// Seconds a connection may stay half open (RFC 5382, REQ-5).
    pub opening_idle_seconds: u64,
    /// Seconds a closed connection waits for stragglers.
    pub closed_idle_seconds: u64,
    /// Seconds between two datagrams of one flow (RFC 4787, REQ-5).
    pub datagram_idle_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 1 << 18,
            early_bytes: 64 << 20,
            connection_idle_seconds: 7_440,
            opening_idle_seconds: 240,
            closed_idle_seconds: 30,
            datagram_idle_seconds: 300,
        }
    }
}

/// Whose a flow is, where the capture says so: [`AppTag`], owned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AppOwner {
    /// An Android user id, with its package or app name where known.
    Uid(i32, Option<String>),
    /// A process id and its command name.
    Process(u32, String),
}

impl AppOwner {
    /// The same, borrowed.
    pub fn as_tag(&self) -> AppTag<'_> {
        match self {
            Self::Uid(uid, name) => AppTag::Uid { uid: *uid, name: name.as_deref() },
            Self::Process(pid, name) => AppTag::Process { pid: *pid, name },
        }
    }
}

impl From<AppTag<'_>> for AppOwner {
    fn from(tag: AppTag<'_>) -> Self {
        match tag {
            AppTag::Uid { uid, name } => Self::Uid(uid, name.map(str::to_owned)),
            AppTag::Process { pid, name } => Self::Process(pid, name.to_owned()),
        }
    }
}

/// A flow's transport protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Protocol {
    /// Transmission Control Protocol.
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Any other, by its IANA protocol number.
    Other(u8),
}

/// Which side of a flow sent something. The initiator opened it, as far as a bystander can tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Side {
    /// From the side that opened the flow.
    Initiator,
    /// From the side that answered.
    Responder,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

impl Heading {
    /// The heading of what the initiator sends, from that of a packet of `sender`'s.
    const fn seen_from(self, sender: Side) -> Self {
        match (sender, self) {
            (Side::Initiator, heading) => heading,
            (Side::Responder, Self::Inbound) => Self::Outbound,
            (Side::Responder, Self::Outbound) => Self::Inbound,
        }
    }
}

/// Who a flow is between.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowKey {
    /// The transport protocol.
    pub protocol: Protocol,
    /// Who opened it, as far as a bystander can tell.
    pub initiator: Endpoint,
    /// Who was addressed.
    pub responder: Endpoint,
    /// Hardware address on the initiator's side of the wire.
    pub initiator_mac: Option<Mac>,
    /// Hardware address on the responder's side of the wire.
    pub responder_mac: Option<Mac>,
}

/// What one side of a flow sent in one minute.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// Unique payload: a retransmitted or overlapping byte counts once.
    pub payload: Bytes,
    /// IP total lengths, headers and retransmissions included.
    pub wire: Bytes,
    /// Payload that came in packets with 1,000 payload bytes or more.
    pub bulk: Bytes,
    /// Packets.
    pub packets: u32,
    /// One bit for each second of the minute in which something was sent.
    pub seconds: u64,
}

#[cfg(test)]
mod tests;
