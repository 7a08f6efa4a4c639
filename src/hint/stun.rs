//! STUN and TURN over UDP and TCP: messages, their attributes, and what TURN carries inside (RFC 8489, RFC 8656).

use super::{
    Probe, Recognised,
    apps::{self, StunSeen},
    notes::Notes,
};
use crate::{
    base::{Malformed, Reader},
    flow::Side,
};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
/// Attributes read of one message.
const ATTRIBUTES: usize = 48;

mod attribute {
    pub(super) const DATA: u16 = 0x0013;
    pub(super) const REALM: u16 = 0x0014;
    pub(super) const SOFTWARE: u16 = 0x8022;
}

/// A message that is STUN beyond doubt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// Method and class.
    pub(super) kind: u16,
    body: &'a [u8],
    /// How many bytes the message takes.
    pub(super) length: usize,
}

impl<'a> Message<'a> {
    /// Reads the message at the front of `bytes`: one with the magic cookie, or one of RFC 3489 that its attributes
    /// tile to the last byte.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new("STUN", bytes);
        let kind = r.u16().ok()?;
        let length = usize::from(r.u16().ok()?);
        let cookie: [u8; 4] = r.array().ok()?;
        r.skip(12).ok()?;
        let message = Self { kind, body: r.take_up_to(length), length: HEADER + length };
        // The draft of TURN that Microsoft kept does not pad attributes.
        if kind & 0xc000 != 0 || length % 4 != 0 && bytes.len() != message.length {
            return None;
        }
        let certain = cookie == COOKIE || bytes.len() == message.length && message.is_classic();
        certain.then_some(message)
    }

    /// Whether this is a Binding of RFC 3489, which has no cookie: every attribute known and in its place.
    fn is_classic(&self) -> bool {
        let method = matches!(self.kind, 0x0001 | 0x0101 | 0x0111);
        let known = |kind| matches!(kind, 0x0001..=0x000b | 0x0020 | 0x8020 | 0x8022);
        let span: usize = self.attributes().map(|(_, value)| 4 + value.len().next_multiple_of(4)).sum();
        method && !self.body.is_empty() && span == self.body.len() && self.attributes().all(|(kind, _)| known(kind))
    }

    /// Its attributes: type and value.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut r = Reader::new("STUN attributes", self.body);
        let align = if self.length.is_multiple_of(4) { 4 } else { 1 };
        std::iter::from_fn(move || one_attribute(&mut r, align).ok()).take(ATTRIBUTES)
    }

    fn value(&self, wanted: u16) -> Option<&'a [u8]> {
        self.attributes().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The datagram that a Send or Data indication relays.
    pub(super) fn relayed(&self) -> Option<&'a [u8]> {
        matches!(self.kind, 0x0016 | 0x0017).then(|| self.value(attribute::DATA))?
    }
}

fn one_attribute<'a>(r: &mut Reader<'a>, align: usize) -> Result<(u16, &'a [u8]), Malformed> {
    let kind = r.u16()?;
    let length = usize::from(r.u16()?);
    let value = r.take(length)?;
    r.take_up_to(length.next_multiple_of(align) - length);
    Ok((kind, value))
}

/// Notes one message: the protocol, and the app that its types, attributes or realm belong to.
pub(super) fn note(message: &Message<'_>, notes: &mut Notes<'_>) {
    notes.protocol(Recognised::Stun);
    let attributes: Vec<u16> = message.attributes().map(|(kind, _)| kind).collect();
    let seen = StunSeen {
        kind: message.kind,
        attributes: &attributes,
        realm: message.value(attribute::REALM).unwrap_or_default(),
        software: message.value(attribute::SOFTWARE).unwrap_or_default(),
    };
    apps::stun(&seen, notes);
}

/// What a TURN `ChannelData` message relays (RFC 8656, section 12.4): channels are numbered from 0x4000.
pub(super) fn channel_data(bytes: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new("TURN channel", bytes);
    let channel = r.u16().ok()?;
    let length = usize::from(r.u16().ok()?);
    let padded = length.next_multiple_of(4);
    let tiles = r.left() == length || r.left() == padded;
    ((0x4000..0x5000).contains(&channel) && tiles && length > 0).then(|| r.take_up_to(length))
}

/// STUN over TCP: plain, or each message behind its length (RFC 4571).
#[derive(Debug, Default)]
pub(super) struct Framed {
    initiator: Vec<u8>,
    responder: Vec<u8>,
    read: u16,
}

/// Messages read of one connection.
const MESSAGES: u16 = 64;

/// Whether the first bytes of a side are STUN over TCP.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    match first(bytes) {
        Some((_, message)) if Message::read(message).is_some() => Probe::Certain,
        None if bytes.len() < HEADER + 2 => Probe::Unsure,
        _ => Probe::NotForUs,
    }
}

impl Framed {
    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        self.initiator.len() + self.responder.len()
    }

    /// Reads the next bytes of a side.
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        let kept = match side {
            Side::Initiator => &mut self.initiator,
            Side::Responder => &mut self.responder,
        };
        kept.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((length, inside)) = first(kept.get(at..).unwrap_or_default()) {
            at += length;
            self.read += 1;
            if let Some(message) = Message::read(inside) {
                note(&message, notes);
            }
            if self.read == MESSAGES {
                return Probe::Certain;
            }
        }
        kept.drain(..at.min(kept.len()));
        let alien = kept.len() > HEADER + 2 && !may_begin(kept);
        if alien { Probe::Certain } else { Probe::Unsure }
    }
}

/// The whole frame at the front: how many bytes it takes, and the message in it.
fn first(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let field = |at: usize| bytes.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let (length, start) = if bytes.get(4..8) == Some(&COOKIE) {
        (HEADER + field(2)?, 0)
    } else if bytes.get(6..10) == Some(&COOKIE) {
        (2 + field(0)?, 2)
    } else if matches!(bytes.first(), Some(0x40..=0x4f)) {
        (4 + field(2)?.next_multiple_of(4), 0)
    } else {
        (2 + field(0)?, 2)
    };
    bytes.get(..length).map(|frame| (length, &frame[start..]))
}

fn may_begin(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(&COOKIE) || bytes.get(6..10) == Some(&COOKIE) || matches!(bytes[0], 0x40..=0x4f | 0..=7)
}
