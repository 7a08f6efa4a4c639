//! One flow on its way into the ledger: what is known of it so far, and the minutes not booked yet.

use super::stream::{STEADY_MINUTES, is_conversation, is_steady};
use crate::{
    base::{Bytes, Endpoint, Minute, Stamp},
    flow::{FlowKey, Protocol, Sent, Side},
    hint::{ClientHello, Detail, Inspector, Recognised},
    identify::{Attribution, Clues, DeviceId, Place},
    ledger::{Places, Row},
};

/// Minutes that wait for a name before they are booked as the flow is known then.
const PATIENCE: usize = 2;

/// What one flow's minutes are booked by.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) key: FlowKey,
    /// The audited device and its side of the flow; `None` where neither end can be one.
    pub(super) place: Option<Place>,
    pub(super) inspector: Option<Inspector>,
    /// Bytes the inspector keeps.
    pub(super) kept: usize,
    pub(super) clues: Clues,
    pub(super) hello: Option<ClientHello>,
    /// Fingerprint of the hello that a server asked for after the first.
    pub(super) second_ja4: Option<String>,
    pub(super) protocol: Option<Recognised>,
    pub(super) attribution: Option<Attribution>,
    /// The source that saw it open.
    pub(super) seen_by: Places,
    pub(super) first: Stamp,
    /// The minute of its last packets that were handed over.
    pub(super) last: Minute,
    /// Sums over the flow, the initiator's first.
    pub(super) packets: [u64; 2],
    pub(super) wire: [Bytes; 2],
    pub(super) payload: [Bytes; 2],
    pending: Vec<(Minute, [Sent; 2])>,
    booked: bool,
    steady: bool,
}

impl Case {
    pub(super) fn new(key: FlowKey, place: Option<Place>, first: Stamp, detail: Detail) -> Self {
        Self {
            key,
            place,
            inspector: Some(Inspector::with_detail(&key, detail)),
            kept: 0,
            clues: clues(&key, place),
            hello: None,
            second_ja4: None,
            protocol: None,
            attribution: None,
            seen_by: Places::UNKNOWN,
            first,
            last: first.minute(),
            packets: [0; 2],
            wire: [Bytes::ZERO; 2],
            payload: [Bytes::ZERO; 2],
            pending: Vec::new(),
            booked: false,
            steady: false,
        }
    }

    /// The device's side; the initiator's where there is no device.
    pub(super) fn side(&self) -> Side {
        self.place.map_or(Side::Initiator, |place| place.side)
    }

    /// The device, for what is remembered by device; where there is none, a number that no device has.
    pub(super) fn device(&self) -> DeviceId {
        self.place.map_or(DeviceId(u32::MAX), |place| place.device)
    }

    /// The far end.
    pub(super) fn remote(&self) -> Endpoint {
        match self.side() {
            Side::Initiator => self.key.responder,
            Side::Responder => self.key.initiator,
        }
    }

    /// Notes a hello; of a second one only the fingerprint can be new.
    pub(super) fn said_hello(&mut self, hello: ClientHello) {
        match &self.hello {
            None => self.hello = Some(hello),
            Some(first) if first.ja4 != hello.ja4 => self.second_ja4 = hello.ja4,
            Some(_) => {}
        }
    }

    /// Adds a minute that is not booked yet.
    pub(super) fn moved(&mut self, minute: Minute, initiator: Sent, responder: Sent) {
        for (at, sent) in [initiator, responder].into_iter().enumerate() {
            self.packets[at] += u64::from(sent.packets);
            self.wire[at] += sent.wire;
            self.payload[at] += sent.payload;
        }
        self.last = self.last.max(minute);
        self.pending.push((minute, [initiator, responder]));
    }

    /// Whether its minutes should be booked now: it has a name, or none will come.
    pub(super) fn is_ripe(&self) -> bool {
        let patience = if self.may_be_a_camera() { STEADY_MINUTES } else { PATIENCE };
        self.pending.len() >= patience || (self.inspector.is_none() && !self.may_be_a_camera())
    }

    /// Whether the oldest minute that waits for a name has waited long enough at `now`, though no other came.
    pub(super) fn has_waited(&self, now: Minute) -> bool {
        let patience = if self.may_be_a_camera() { STEADY_MINUTES } else { PATIENCE };
        let patience = u32::try_from(patience).unwrap_or(u32::MAX);
        self.pending.first().is_some_and(|(minute, _)| now.since(*minute) > patience)
    }

    /// The rows of the minutes that wait, each with its minute; after this none waits.
    pub(super) fn take_rows(&mut self) -> Vec<(Minute, Row)> {
        let up = self.side() as usize;
        if self.may_be_a_camera() {
            let sent: Vec<Sent> = self.pending.iter().map(|(_, sent)| sent[up]).collect();
            self.steady = is_steady(&sent);
        }
        let minutes = std::mem::take(&mut self.pending);
        minutes.into_iter().map(|(minute, sent)| (minute, self.row(&sent))).collect()
    }

    fn row(&mut self, sent: &[Sent; 2]) -> Row {
        let (up, down) = (&sent[self.side() as usize], &sent[self.side().other() as usize]);
        let stream = self.is_stream(up, down);
        let opened = u32::from(!std::mem::replace(&mut self.booked, true));
        Row {
            up: up.payload,
            down: down.payload,
            wire_up: up.wire,
            wire_down: down.wire,
            bulk_up: if stream { Bytes::ZERO } else { up.bulk },
            stream_up: if stream { up.payload } else { Bytes::ZERO },
            stream_down: if stream { down.payload } else { Bytes::ZERO },
            packets: up.packets.saturating_add(down.packets),
            flows: opened,
        }
    }

    fn is_stream(&self, up: &Sent, down: &Sent) -> bool {
        self.is_datagrams_of_no_transfer_protocol()
            && (self.steady || self.protocol.is_some_and(Recognised::is_call) || is_conversation(up, down))
    }

    /// Sends datagrams one way, so far, with nothing that says what they are.
    fn may_be_a_camera(&self) -> bool {
        let up = self.side() as usize;
        !self.steady
            && self.protocol.is_none()
            && self.is_datagrams_of_no_transfer_protocol()
            && !self.pending.is_empty()
            && self.pending.iter().all(|(_, sent)| sent[up].bulk > sent[1 - up].payload)
    }

    /// UDP that is neither QUIC nor a tunnel nor a look-up: what live sound and pictures use.
    fn is_datagrams_of_no_transfer_protocol(&self) -> bool {
        let transfers = |p: Recognised| {
            p.is_opaque_tunnel() || matches!(p, Recognised::Quic | Recognised::Dns | Recognised::Mdns | Recognised::Doq)
        };
        self.key.protocol == Protocol::Udp && !self.protocol.is_some_and(transfers)
    }
}

fn clues(key: &FlowKey, place: Option<Place>) -> Clues {
    match (key.protocol, place.map(|place| place.side)) {
        (Protocol::Udp, Some(Side::Initiator)) => Clues::of_socket(key.initiator),
        (Protocol::Udp, Some(Side::Responder)) => Clues::of_socket(key.responder),
        _ => Clues::default(),
    }
}
