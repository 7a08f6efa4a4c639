//! Packets become flows: a bounded table with idle timeouts on packet time, TCP as a bystander sees it, payload
//! counted once and posted in the minute it moved, and an ordered, bounded prefix of each direction for the hints.
//!
//! In: [`Packet`](crate::decode::Packet)s. Out: owned [`FlowEvent`]s; nothing after this stage borrows a capture.

use crate::base::{Bytes, Endpoint, Mac, Minute, Stamp};

/// A flow's number: unique in one run, never reused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct FlowId(pub u64);

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

/// What became true of a flow.
#[derive(Clone, Debug)]
pub enum FlowEvent {
    /// Its first packet came.
    Opened {
        /// Which flow.
        flow: FlowId,
        /// Between whom.
        key: FlowKey,
        /// When.
        at: Stamp,
    },
    /// New bytes of its ordered prefix (TCP) or a datagram (UDP), for the hints.
    Data {
        /// Which flow.
        flow: FlowId,
        /// Who sent them.
        side: Side,
        /// When.
        at: Stamp,
        /// The bytes; for UDP one whole datagram, as far as it was kept.
        bytes: Box<[u8]>,
    },
    /// A minute of it is complete.
    Moved {
        /// Which flow.
        flow: FlowId,
        /// Which minute.
        minute: Minute,
        /// What the initiator sent in it.
        initiator: Sent,
        /// What the responder sent in it.
        responder: Sent,
    },
    /// It ended: FIN, RST, idle timeout, reuse of its ports, eviction, or end of the capture.
    Closed {
        /// Which flow.
        flow: FlowId,
        /// When its last packet came.
        at: Stamp,
    },
}
