//! One datagram, as far as its fragments have come in.

use std::net::IpAddr;

use super::{
    ip::{Datagram, Ends, Envelope, Place},
    piece::Piece,
};
use crate::{
    base::Stamp,
    capture::{AppTag, Heading},
};

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub(super) struct Key {
    pub(super) ends: (IpAddr, IpAddr),
    pub(super) id: u64,
}

/// The fragments of one datagram that have come in.
#[derive(Debug)]
pub(super) struct Partial {
    key: Key,
    first: Stamp,
    last: Stamp,
    src_mac: Option<[u8; 6]>,
    dst_mac: Option<[u8; 6]>,
    heading: Option<Heading>,
    app: Option<Tag>,
    protocol: u8,
    wire_len: u32,
    seen: u32,
    /// Where the datagram's payload ends, once the last fragment is there.
    end: Option<usize>,
    /// How many bytes of it the parts make up.
    covered: usize,
    spoiled: bool,
    /// Whether its first fragment, the one with the ports, is there.
    headed: bool,
    parts: Vec<Part>,
    /// The payload from its start to the first byte that is missing.
    front: Vec<u8>,
}

/// A run of payload, in order of `start`, none overlapping another.
#[derive(Debug)]
struct Part {
    start: usize,
    end: usize,
    kept: Box<[u8]>,
}

/// An [`AppTag`] that outlives its frame.
#[derive(Debug)]
enum Tag {
    Uid { uid: i32, name: Option<Box<str>> },
    Process { pid: u32, name: Box<str> },
}

impl Partial {
    pub(super) fn new(key: Key, envelope: &Envelope<'_>) -> Self {
        Self {
            key,
            first: envelope.stamp,
            last: envelope.stamp,
            src_mac: envelope.src_mac.copied(),
            dst_mac: envelope.dst_mac.copied(),
            heading: envelope.heading,
            app: envelope.app.map(Tag::of),
            protocol: 0,
            wire_len: 0,
            seen: 0,
            end: None,
            covered: 0,
            spoiled: false,
            headed: false,
            parts: Vec::new(),
            front: Vec::new(),
        }
    }

    /// What holding `fragment` takes, in bytes.
    pub(super) fn price(fragment: &Datagram<'_>) -> usize {
        fragment.body.kept().len() + PART_COST
    }

    /// What holding all of it takes.
    pub(super) fn cost(&self) -> usize {
        self.parts.iter().map(|part| part.kept.len() + PART_COST).sum()
    }

    pub(super) const fn key(&self) -> Key {
        self.key
    }

    /// When its first fragment came.
    pub(super) const fn first(&self) -> Stamp {
        self.first
    }

    /// Whether it takes no more fragments: their lengths must not overflow.
    pub(super) const fn is_full(&self) -> bool {
        self.seen == MOST_FRAGMENTS
    }

    /// Whether no byte of it is missing.
    pub(super) fn is_whole(&self) -> bool {
        !self.spoiled && self.end == Some(self.covered)
    }

    /// Takes one more fragment in. Returns by how much that raised the cost.
    pub(super) fn add(&mut self, fragment: &Datagram<'_>, envelope: &Envelope<'_>, place: Place) -> usize {
        if self.seen == 0 || place.offset == 0 {
            self.protocol = fragment.protocol;
        }
        self.seen += 1;
        self.wire_len += fragment.wire_len;
        self.last = envelope.stamp;
        let start = usize::try_from(place.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(fragment.body.wire());
        let at = self.parts.partition_point(|part| part.start < start);
        let before = at.checked_sub(1).and_then(|before| self.parts.get(before));
        let after = self.parts.get(at);
        if after.is_some_and(|part| (part.start, part.end) == (start, end)) && self.agrees(end, place.more) {
            return 0; // the same once more
        }
        let overlaps = before.is_some_and(|part| part.end > start) || after.is_some_and(|part| part.start < end);
        if self.spoiled || overlaps || !self.agrees(end, place.more) {
            self.spoiled = true;
            return 0;
        }
        self.headed |= start == 0;
        if !place.more {
            self.end = Some(end);
        }
        self.covered += end - start;
        self.parts.insert(at, Part { start, end, kept: fragment.body.kept().into() });
        Self::price(fragment)
    }

    /// Whether a fragment that ends at `end` contradicts none of those before it about where the datagram ends.
    fn agrees(&self, end: usize, more: bool) -> bool {
        let furthest = self.parts.last().map_or(0, |part| part.end);
        match (self.end, more) {
            (Some(known), false) => end == known,
            (Some(known), true) => end <= known,
            (None, false) => end >= furthest,
            (None, true) => true,
        }
    }

    /// Lays the parts end to end, as far as they reach without a gap.
    pub(super) fn gather(&mut self) {
        for part in self.parts.drain(..) {
            if part.start != self.front.len() {
                break;
            }
            self.front.extend_from_slice(&part.kept);
        }
    }

    /// When its last fragment came, by which hardware, and whose it is.
    pub(super) fn envelope(&self) -> Envelope<'_> {
        Envelope {
            stamp: self.last,
            src_mac: self.src_mac.as_ref(),
            dst_mac: self.dst_mac.as_ref(),
            heading: self.heading,
            app: self.app.as_ref().map(Tag::borrowed),
        }
    }

    /// The datagram: whole, or as a fragment with what there is of it.
    pub(super) fn datagram(&self) -> Datagram<'_> {
        let place =
            (!self.is_whole()).then_some(Place { id: self.key.id, offset: u32::from(!self.headed), more: true });
        Datagram {
            ends: Ends::Known(&self.key.ends),
            wire_len: self.wire_len,
            protocol: self.protocol,
            body: Piece::new(&self.front, self.covered),
            place,
        }
    }
}

impl Tag {
    fn of(tag: AppTag<'_>) -> Self {
        match tag {
            AppTag::Uid { uid, name } => Self::Uid { uid, name: name.map(Box::from) },
            AppTag::Process { pid, name } => Self::Process { pid, name: name.into() },
        }
    }

    fn borrowed(&self) -> AppTag<'_> {
        match self {
            Self::Uid { uid, name } => AppTag::Uid { uid: *uid, name: name.as_deref() },
            Self::Process { pid, name } => AppTag::Process { pid: *pid, name },
        }
    }
}

/// What a part takes beside its bytes.
const PART_COST: usize = size_of::<Part>() + 16;
/// Times 65,535 bytes, this fits 32 bits.
const MOST_FRAGMENTS: u32 = 4_096;
