//! TCP as a bystander sees it: who opened it, which bytes are new, when it is over.
//!
//! The bystander may come late, miss packets, and see them in another order than the ends did, so every state
//! takes every segment (RFC 9293, section 3.3.2 and 3.10).

use super::{Limits, Side, prefix::Prefix, sequence::Seen};
use crate::{
    base::endpoint::is_private,
    decode::{Packet, TcpFlags, Transport},
};

/// How far a connection is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// Only SYNs were seen, or nothing yet.
    #[default]
    Opening,
    /// Data may flow.
    Open,
    /// One side has finished.
    HalfClosed(Side),
    /// Both sides have finished, or one reset it.
    Closed,
}

impl State {
    /// The state after one more segment from `side`.
    const fn after(self, side: Side, flags: TcpFlags) -> Self {
        match self {
            _ if flags.rst => Self::Closed,
            Self::HalfClosed(first) if flags.fin && first as u8 != side as u8 => Self::Closed,
            Self::Opening | Self::Open if flags.fin => Self::HalfClosed(side),
            Self::Opening if !flags.syn => Self::Open,
            same => same,
        }
    }
}

/// One direction.
#[derive(Clone, Debug, Default)]
struct Half {
    /// Sequence number of its SYN, where that was seen.
    syn: Option<u32>,
    seen: Seen,
    prefix: Prefix,
}

/// Both directions of a TCP connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    state: State,
    halves: [Half; 2],
    copying_is_over: bool,
}

impl Connection {
    /// Folds one segment in; says how many of its payload bytes are new, and shows the ordered prefix.
    pub(super) fn fold(
        &mut self,
        side: Side,
        (seq, flags): (u32, TcpFlags),
        payload: &[u8],
        length: u32,
        show: &mut impl FnMut(&[u8]),
    ) -> u32 {
        self.state = self.state.after(side, flags);
        let half = &mut self.halves[side as usize];
        // A SYN takes one sequence number; data in it (RFC 7413) starts behind.
        let seq = if flags.syn { seq.wrapping_add(1) } else { seq };
        if flags.syn && !flags.rst {
            half.start_at(seq);
        }
        // Bytes in a reset are a reason given in words, not part of the stream (RFC 9293, section 3.5.3).
        if length == 0 || flags.rst {
            return 0;
        }
        let start = half.seen.offset(seq);
        // A keepalive repeats the byte before the next one, which may be the SYN (RFC 9293, section 3.8.4).
        if start == -1 && length == 1 && half.syn.is_some() {
            return 0;
        }
        let unique = half.seen.add(start, length);
        if !self.copying_is_over {
            half.prefix.add(start, payload, length, show);
            self.copying_is_over = self.halves.iter().all(|half| half.prefix.is_over());
        }
        unique
    }

    /// Whether a segment from `side` opens another connection on the same ports.
    pub(super) fn is_reopened_by(&self, side: Side, seq: u32, flags: TcpFlags) -> bool {
        let first = seq.wrapping_add(1);
        flags.syn && !flags.ack && !flags.rst && self.halves[side as usize].syn != Some(first) && self.has_begun(side)
    }

    /// How long it may be silent before it is over.
    pub(super) const fn idle_seconds(&self, limits: &Limits) -> u64 {
        match self.state {
            State::Opening => limits.opening_idle_seconds,
            State::Open | State::HalfClosed(_) => limits.connection_idle_seconds,
            State::Closed => limits.closed_idle_seconds,
        }
    }

    /// Bytes kept that came before what they follow.
    pub(super) fn early(&self) -> usize {
        self.halves.iter().map(|half| half.prefix.early()).sum()
    }

    /// The hints have seen enough.
    pub(super) fn stop_copying(&mut self) {
        self.copying_is_over = true;
        for half in &mut self.halves {
            half.prefix = Prefix::default();
        }
    }

    /// Whether a new SYN of `side` cannot belong to what was seen: the side sent one before, or is past that.
    fn has_begun(&self, side: Side) -> bool {
        self.halves[side as usize].syn.is_some() || self.state != State::Opening
    }
}

impl Half {
    /// Takes the sequence number behind a SYN as the first of the stream, unless data was seen already: then the
    /// SYN came late, or is a stray.
    fn start_at(&mut self, first: u32) {
        if self.seen.is_empty() {
            self.syn = Some(first);
            self.seen = Seen::starting_at(first);
        } else {
            self.syn.get_or_insert(first);
        }
    }
}

/// Whether the sender or the receiver of a flow's first packet opened it.
///
/// A SYN says so. Without one the flow was joined mid-way: a service port speaks for the responder, then a port that
/// systems draw for the initiator, then a private address; failing all, whoever was seen first.
pub(super) fn opener(packet: &Packet<'_>) -> Side {
    if let Transport::Tcp { flags, .. } = packet.transport
        && flags.syn
    {
        return if flags.ack { Side::Responder } else { Side::Initiator };
    }
    let service = |port: u16| port != 0 && port < 1024;
    match (service(packet.src.port), service(packet.dst.port)) {
        (true, false) => return Side::Responder,
        (false, true) => return Side::Initiator,
        _ => {}
    }
    if matches!(packet.transport, Transport::Tcp { .. }) {
        // Joined in the middle: services lie below the ports that systems draw (RFC 6056, Linux).
        let drawn = |port: u16| port >= 32_768;
        match (drawn(packet.src.port), drawn(packet.dst.port)) {
            (false, true) => return Side::Responder,
            (true, false) => return Side::Initiator,
            _ => {}
        }
    }
    match (is_private(packet.src.addr), is_private(packet.dst.addr)) {
        (false, true) if matches!(packet.transport, Transport::Tcp { .. }) => Side::Responder,
        _ => Side::Initiator,
    }
}
