//! TLS over TCP: records put back together into handshake messages, from both sides (RFC 8446, RFC 5246).
//!
//! A hello may span records and segments (a post-quantum one always spans segments). Where the client's hello named
//! no server, or was not captured, the server's certificate does, as long as it is in clear (TLS 1.2 and before).

pub(super) mod certificate;
pub(super) mod hello;
mod record;

pub(super) use self::{
    certificate::Names,
    record::{probe, starts_late},
};
use self::{
    hello::{Carrier, Hello},
    record::{Header, RECORD_HEADER, content},
};
use super::{NameSource, Probe, Recognised, notes::Notes};
use crate::{
    base::{Malformed, Reader},
    flow::Side,
};

/// Both sides of a TLS connection, read as far as they are in clear.
#[derive(Debug, Default)]
pub(super) struct Session {
    initiator: Records,
    responder: Records,
    idle: u8,
}

/// One side's records, joined into one run of handshake messages.
#[derive(Debug, Default)]
struct Records {
    header: Vec<u8>,
    kind: u8,
    left: usize,
    handshake: Vec<u8>,
    /// A hello, or the request for another, was the last message: a `ChangeCipherSpec` ends nothing yet.
    greeting: bool,
    over: bool,
}

/// Pieces of a side that is encrypted already, seen while waiting for the other: one that was not captured.
const IDLE: u8 = 16;
/// Handshake bytes kept of one side.
const HANDSHAKE: usize = 64 * 1024;
/// The port of DNS over TLS (RFC 7858, section 3.1).
const DNS_OVER_TLS: u16 = 853;

/// Handshake message types that are read (RFC 8446, section 4).
mod message {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const CERTIFICATE: u8 = 11;
    pub(super) const SERVER_HELLO_DONE: u8 = 14;
}

impl Session {
    /// Says what an incomplete hello shows.
    pub(super) fn finish(&self, notes: &mut Notes<'_>) {
        for records in [&self.initiator, &self.responder] {
            incomplete_hello(&records.handshake, Carrier::Tcp, NameSource::Tls, notes);
        }
    }

    /// Reads the next bytes of a side.
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        notes.protocol(Recognised::Tls);
        if notes.ends.use_port(DNS_OVER_TLS) {
            notes.protocol(Recognised::Dot);
        }
        let records = match side {
            Side::Initiator => &mut self.initiator,
            Side::Responder => &mut self.responder,
        };
        self.idle += u8::from(records.over);
        if self.idle == IDLE {
            return Probe::Certain;
        }
        let learned = records.feed(bytes, notes);
        let [one_over, both_over] = self.over();
        let named = notes.has_name() && notes.hellos_are_over(one_over);
        if learned == Learned::All || both_over || named { Probe::Certain } else { Probe::Unsure }
    }

    /// Whether one side, and whether both, have said what they say in clear.
    fn over(&self) -> [bool; 2] {
        [self.initiator.over || self.responder.over, self.initiator.over && self.responder.over]
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        self.initiator.handshake.len() + self.responder.handshake.len()
    }
}

/// Reads the ClientHello that `message`, header and body as far as they came, begins with.
pub(super) fn incomplete_hello(message: &[u8], carrier: Carrier, source: NameSource, notes: &mut Notes<'_>) {
    let Some((&[message::CLIENT_HELLO, ..], body)) = message.split_at_checked(MESSAGE_HEADER) else { return };
    if let Ok(hello) = Hello::read(body, carrier) {
        notes.hello(hello.describe(None), source);
    }
}

/// Whether a handshake message said the last thing that can be learned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Learned {
    Some,
    All,
}

impl Records {
    fn feed(&mut self, mut bytes: &[u8], notes: &mut Notes<'_>) -> Learned {
        while !self.over && !bytes.is_empty() {
            if self.left == 0 {
                bytes = self.next_header(bytes);
                continue;
            }
            let (now, later) = bytes.split_at(self.left.min(bytes.len()));
            self.left -= now.len();
            bytes = later;
            match self.kind {
                content::HANDSHAKE => {
                    self.handshake.extend_from_slice(now);
                    if self.messages(notes) == Learned::All {
                        return Learned::All;
                    }
                }
                content::ALERT => {}
                // For the sake of old middleboxes one may stand between a hello and the next (RFC 8446, appendix D.4).
                content::CHANGE_CIPHER_SPEC if self.greeting => {}
                _ => self.end(),
            }
        }
        if self.over {
            self.end();
        }
        Learned::Some
    }

    /// Takes what is missing of a record header off the front of `bytes`.
    fn next_header<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let missing = RECORD_HEADER.saturating_sub(self.header.len()).min(bytes.len());
        let (now, later) = bytes.split_at(missing);
        self.header.extend_from_slice(now);
        if self.header.len() < RECORD_HEADER {
            return later;
        }
        match record::header(&self.header) {
            Header::Record { kind, length } => (self.kind, self.left) = (kind, length),
            Header::Short | Header::Alien => self.over = true,
        }
        self.header.clear();
        later
    }

    /// Nothing more of this side is in clear.
    fn end(&mut self) {
        self.over = true;
        self.handshake = Vec::new();
    }

    /// Reads the handshake messages that are complete.
    fn messages(&mut self, notes: &mut Notes<'_>) -> Learned {
        let mut read = 0;
        let mut learned = Learned::Some;
        while learned == Learned::Some {
            let rest = self.handshake.get(read..).unwrap_or_default();
            let Some((kind, body)) = whole_message(rest) else { break };
            read += MESSAGE_HEADER + body.len();
            learned = understand(kind, body, notes);
            self.over |= kind == message::SERVER_HELLO_DONE || seals(kind, body);
            self.greeting = kind == message::CLIENT_HELLO || kind == message::SERVER_HELLO && asks_again(body);
        }
        self.handshake.drain(..read);
        if self.handshake.len() > HANDSHAKE || claims_too_much(&self.handshake) {
            self.end();
        }
        learned
    }
}

const MESSAGE_HEADER: usize = 4;

fn whole_message(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut r = Reader::new("TLS handshake", bytes);
    let kind = r.u8().ok()?;
    let length = r.u24().ok()?;
    Some((kind, r.take(usize::try_from(length).ok()?).ok()?))
}

/// Whether the message at the front says it is longer than all that would be kept: ciphertext, or a lie.
fn claims_too_much(bytes: &[u8]) -> bool {
    matches!(*bytes, [_, high, mid, low, ..] if u32::from_be_bytes([0, high, mid, low]) as usize > HANDSHAKE)
}

fn understand(kind: u8, body: &[u8], notes: &mut Notes<'_>) -> Learned {
    match kind {
        message::CLIENT_HELLO => {
            if notes.hellos() > 0 {
                notes.retry(); // should the server's side not have been captured
            }
            if let Ok(hello) = Hello::read(body, Carrier::Tcp) {
                notes.hello(hello.describe(notes.fingerprint_of(Carrier::Tcp)), NameSource::Tls);
            }
            Learned::Some
        }
        message::SERVER_HELLO if asks_again(body) => {
            notes.retry();
            Learned::Some
        }
        // It has a hello's answer: the name it asked for, or none and no certificate in clear.
        message::SERVER_HELLO if notes.hellos() > 0 && (notes.has_name() || seals(kind, body)) => Learned::All,
        message::CERTIFICATE => {
            certificate::note(body, notes);
            if notes.hellos() > 0 { Learned::All } else { Learned::Some }
        }
        _ => Learned::Some,
    }
}

/// Whether this message is the last of its side in clear.
fn seals(kind: u8, body: &[u8]) -> bool {
    kind == message::CERTIFICATE
        || kind == message::SERVER_HELLO && !asks_again(body) && selects_tls13(body).unwrap_or(false)
}

/// Whether a ServerHello is a `HelloRetryRequest`: its random is the hash of those words (RFC 8446, section 4.1.3).
fn asks_again(body: &[u8]) -> bool {
    const RANDOM: [u8; 32] = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    body.get(2..34) == Some(&RANDOM)
}

/// Whether a ServerHello selects TLS 1.3, after which nothing is in clear.
fn selects_tls13(body: &[u8]) -> Result<bool, Malformed> {
    let mut r = Reader::new("ServerHello", body);
    r.skip(34)?; // version and random
    let session = r.u8()?;
    r.skip(usize::from(session) + 3)?; // session id, cipher suite, compression
    let listed = r.u16()?;
    let mut list = Reader::new("ServerHello extensions", r.take_up_to(listed.into()));
    loop {
        let kind = list.u16()?;
        let length = list.u16()?;
        let body = list.take(length.into())?;
        if kind == hello::extension::SUPPORTED_VERSIONS {
            return Ok(matches!(body, [3, 4] | [0x7f, _] | [0xfe, 0xfc]));
        }
    }
}
