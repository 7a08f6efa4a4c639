//! One frame in, one answer out; and the fragments nobody completed.

use super::{
    Counts, Packet, extension,
    fragment::{Fragments, Joined, Limits},
    ip::{self, Datagram, Envelope, Trust},
    link::{self, Refusal},
    partial::{Key, Partial},
    piece::Piece,
    trailer, transport, tunnel,
};
use crate::{
    base::{Bytes, Malformed},
    capture::{Frame, LinkType},
};

/// What one frame turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// An IP datagram, or the last missing fragment of one.
    Packet(Packet<'a>),
    /// A fragment, kept until its datagram is whole or given up ([`Decoder::abandoned`]).
    Held,
    /// No IP: ARP, LLDP, spanning tree, Wi-Fi management.
    NotIp,
    /// Data whose IP this stage cannot get at: Wi-Fi with WEP or WPA, in fragments, or several datagrams in a frame;
    /// `MACsec`.
    Closed,
    /// A link type that this stage does not read.
    UnknownLink(LinkType),
    /// No IP header could be read.
    Malformed(Malformed),
}

/// Turns frames into packets. It holds fragments, within [`Limits`], and counts what it saw.
#[derive(Debug, Default)]
pub struct Decoder {
    counts: Counts,
    fragments: Fragments,
    /// The datagram that was last put together or given up: what the packet handed out borrows.
    current: Option<Partial>,
    /// The datagram that the last fragment was of.
    fragment: Option<DatagramId>,
}

/// Which datagram a fragment is of: its ends, and the number that its sender gave it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub struct DatagramId(Key);

impl Decoder {
    /// A decoder that holds fragments within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { fragments: Fragments::new(limits), ..Self::default() }
    }

    /// What `frame` carries.
    ///
    /// Call [`abandoned`](Self::abandoned) after each frame until it has no more: it is cheap where there is nothing.
    pub fn decode<'p>(&'p mut self, frame: &Frame<'p>) -> Decoded<'p> {
        self.counts.frames += 1;
        self.fragments.at(frame.stamp);
        self.fragment = None;
        let mut envelope =
            Envelope { stamp: frame.stamp, src_mac: None, dst_mac: None, heading: frame.heading, app: frame.app };
        let mut datagram = match outermost(frame, &mut envelope, &mut self.counts) {
            Ok(datagram) => datagram,
            Err(refusal) => return refuse(refusal, &mut self.counts),
        };
        if tunnel::may_be(&datagram) {
            descend(&mut datagram, &mut envelope, &mut self.counts);
        }
        if datagram.place.is_some() {
            return self.join(&datagram, envelope);
        }
        self.counts.packets += 1;
        Decoded::Packet(transport::packet(&datagram, &envelope, &mut self.counts))
    }

    /// The next packet made of fragments whose datagram did not become whole in time, or overlapped.
    ///
    /// It has ports if the first fragment was seen, else it is [`Transport::Other`](super::Transport::Other) with
    /// port 0. Its wire bytes are those of all its fragments; its stamp is that of the last of them, which lies up to
    /// [`Limits::patience_seconds`] before the newest frame's.
    pub fn abandoned(&mut self) -> Option<Packet<'_>> {
        if self.fragments.is_empty() {
            return None;
        }
        let partial = self.current.insert(self.fragments.overdue()?);
        self.fragment = Some(DatagramId(partial.key()));
        self.counts.packets += 1;
        self.counts.abandoned += 1;
        Some(alone(&partial.datagram(), &partial.envelope(), &mut self.counts))
    }

    /// Gives up on every fragment still held, at the end of a capture: they come out of
    /// [`abandoned`](Self::abandoned).
    pub fn flush(&mut self) {
        self.fragments.give_up();
    }

    /// Which datagram the last frame was a fragment of, or the last [`abandoned`](Self::abandoned) packet is made of;
    /// `None` after a frame that was no fragment.
    pub const fn fragment(&self) -> Option<DatagramId> {
        self.fragment
    }

    /// What became of the frames so far.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    #[cold]
    fn join<'p>(&'p mut self, fragment: &Datagram<'p>, envelope: Envelope<'p>) -> Decoded<'p> {
        self.fragment = fragment
            .place
            .map(|place| DatagramId(Key { ends: (fragment.ends.src(), fragment.ends.dst()), id: place.id }));
        match self.fragments.join(fragment, &envelope, &mut self.counts) {
            Joined::Held => {
                self.counts.held += 1;
                Decoded::Held
            }
            Joined::Refused => {
                self.counts.packets += 1;
                self.counts.unassembled += 1;
                Decoded::Packet(alone(fragment, &envelope, &mut self.counts))
            }
            Joined::Whole(whole) => {
                let whole = self.current.insert(*whole);
                self.counts.packets += 1;
                self.counts.reassembled += 1;
                let mut datagram = whole.datagram();
                let mut envelope = whole.envelope();
                extension::pass(&mut datagram, &mut self.counts);
                descend(&mut datagram, &mut envelope, &mut self.counts);
                Decoded::Packet(alone(&datagram, &envelope, &mut self.counts))
            }
        }
    }
}

/// The first IP datagram in `frame`.
#[expect(clippy::inline_always, reason = "handing large values back through memory costs more than the work")]
#[inline(always)]
fn outermost<'a>(frame: &Frame<'a>, envelope: &mut Envelope<'a>, counts: &mut Counts) -> Result<Datagram<'a>, Refusal> {
    let original = usize::try_from(frame.original_len).unwrap_or(usize::MAX);
    let piece = link::open(frame.link, Piece::new(frame.data, original), envelope)?;
    let mut datagram = ip::read(piece, Trust::Link, counts).map_err(|lie| {
        counts.unreadable_bytes += Bytes(piece.wire() as u64);
        Refusal::Malformed(lie)
    })?;
    if frame.link == LinkType::ETHERNET && frame.app.is_none() {
        let beyond = piece.past(usize::try_from(datagram.wire_len).unwrap_or(usize::MAX));
        envelope.app = trailer::find(beyond.kept());
    }
    extension::pass(&mut datagram, counts);
    Ok(datagram)
}

/// Replaces `datagram` by the innermost that it tunnels, if it tunnels any.
#[inline(never)]
fn descend<'a>(datagram: &mut Datagram<'a>, envelope: &mut Envelope<'a>, counts: &mut Counts) {
    for _ in 0..MOST_TUNNELS {
        if datagram.place.is_some() {
            break;
        }
        let Some(inner) = tunnel::open(datagram, envelope, counts) else { break };
        *datagram = inner;
    }
}

/// The packet of a datagram that is not, or cannot be, looked into further; a fragment stands for itself.
#[inline(never)]
fn alone<'a>(datagram: &Datagram<'a>, envelope: &Envelope<'a>, counts: &mut Counts) -> Packet<'a> {
    match datagram.place {
        Some(place) if place.offset != 0 => transport::headless(datagram, envelope),
        _ => transport::packet(datagram, envelope, counts),
    }
}

#[cold]
fn refuse<'a>(refusal: Refusal, counts: &mut Counts) -> Decoded<'a> {
    match refusal {
        Refusal::NotIp => {
            counts.not_ip += 1;
            Decoded::NotIp
        }
        Refusal::Closed => {
            counts.closed += 1;
            Decoded::Closed
        }
        Refusal::UnknownLink(link) => {
            counts.unknown_link += 1;
            Decoded::UnknownLink(link)
        }
        Refusal::Malformed(lie) => {
            counts.unreadable += 1;
            counts.note(lie);
            Decoded::Malformed(lie)
        }
    }
}

/// How many tunnels one inside the other are opened.
const MOST_TUNNELS: usize = 4;
