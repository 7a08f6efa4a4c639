//! What became true of flows, in order.

use super::{AppOwner, FlowId, FlowKey, Sent, Side};
use crate::{
    base::{Minute, Stamp},
    capture::Heading,
};

/// Events, oldest first, with the bytes that the hints are shown in one buffer: to allocate for each piece of each flow
/// costs more than to read it.
#[derive(Debug, Default)]
pub struct Events {
    all: Vec<FlowEvent>,
    /// The bytes of every [`FlowEvent::Data`], one after the other.
    shown: Vec<u8>,
}

impl Events {
    /// Whether nothing became true.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Hands every event to `take`, with the bytes of [`FlowEvent::Data`], and forgets it.
    pub fn drain(&mut self, mut take: impl FnMut(FlowEvent, &[u8])) {
        let mut left = self.shown.as_slice();
        for event in self.all.drain(..) {
            let mut bytes: &[u8] = &[];
            if let FlowEvent::Data { length, .. } = event {
                (bytes, left) = left.split_at(length.min(left.len()));
            }
            take(event, bytes);
        }
        self.shown.clear();
    }

    pub(super) fn push(&mut self, event: FlowEvent) {
        self.all.push(event);
    }

    /// `side` of `flow` sent `bytes` that the hints should see.
    pub(super) fn show(&mut self, flow: FlowId, side: Side, at: Stamp, bytes: &[u8]) {
        self.shown.extend_from_slice(bytes);
        self.all.push(FlowEvent::Data { flow, side, at, length: bytes.len() });
    }
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
        /// Which way what the initiator sends goes, as seen from the capturing host, where the capture says so.
        heading: Option<Heading>,
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
        /// How many bytes, which [`Events::drain`] hands out beside it; for UDP one whole datagram, as far as it was
        /// kept.
        length: usize,
    },
    /// The capture names whose it is.
    Owned {
        /// Which flow.
        flow: FlowId,
        /// Whose.
        owner: AppOwner,
    },
    /// A minute of it is complete, or as much of it as the table hands out at once; the same minute may come again.
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
