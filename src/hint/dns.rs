//! DNS over UDP and TCP: names asked for, and the addresses that answers give them (RFC 1035, RFC 9460).
//!
//! On the ports of DNS a message is read as far as it goes; on any other port it must look like DNS in every field.
//! Multicast DNS and LLMNR are recognised and not told: devices chatter in them with nobody there.

mod answers;
mod exchange;

use domain::base::{Message, ToName, iana::Rtype, question::Question};

pub(super) use self::exchange::{Exchange, probe as probe_stream};
use super::{Ends, Hint, Recognised, notes::Notes};
use crate::base::text::host_name;

const DNS: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;

const HEADER: usize = 12;
/// Longest name, in bytes of wire (RFC 1035, section 2.3.4).
const NAME: usize = 255;

/// How sure the ports make us that a message is DNS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Port {
    Dns,
    Multicast,
    Any,
}

impl Port {
    fn of(ends: &Ends) -> Self {
        if ends.use_port(MDNS) || ends.use_port(LLMNR) {
            Self::Multicast
        } else if ends.use_port(DNS) {
            Self::Dns
        } else {
            Self::Any
        }
    }
}

/// Reads one datagram; true where it was DNS of any kind.
pub(super) fn datagram(bytes: &[u8], notes: &mut Notes<'_>) -> bool {
    match Port::of(notes.ends) {
        Port::Multicast if has_shape(bytes) => {
            notes.protocol(Recognised::Mdns);
            true
        }
        Port::Dns if has_shape(bytes) => message(bytes, notes),
        Port::Any if has_shape(bytes) && is_certain(bytes) => message(bytes, notes),
        _ => false,
    }
}

/// Whether the header is one that a query or an answer may have: a cheap first look.
fn has_shape(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..HEADER) else { return false };
    let answer = header[2] & 0x80 != 0;
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (questions, answers, authorities, additions) = (count(4), count(6), count(8), count(10));
    let opcode = header[2] >> 3 & 15;
    let query = questions == 1 && answers == 0 && authorities == 0 && additions <= 4;
    // Multicast queries list several questions and what is known already; answers repeat no question.
    let multicast = questions <= 64 && authorities <= 64;
    matches!(opcode, 0 | 4 | 5) && header[3] & 0x40 == 0 && answers <= 512 && (answer || query || multicast)
}

/// Whether every field is one that DNS would have: for ports that are not its own.
fn is_certain(bytes: &[u8]) -> bool {
    let Ok(message) = Message::from_slice(bytes) else { return false };
    let (header, counts) = (message.header(), message.header_counts());
    if counts.qdcount() != 1 || bytes[2] >> 3 & 15 != 0 || counts.nscount() > 32 || counts.arcount() > 32 {
        return false;
    }
    if !header.qr() && (counts.ancount() != 0 || counts.nscount() != 0 || bytes[3] & 0x0f != 0) {
        return false;
    }
    let Ok(question) = message.sole_question() else { return false };
    let known = matches!(
        question.qtype().to_int(),
        1 | 2 | 5 | 6 | 12 | 15 | 16 | 28 | 33 | 35 | 43 | 48 | 64 | 65 | 255 | 257
    );
    if !known || question.qclass().to_int() != 1 || !is_plain_name(&question) {
        return false;
    }
    tiles(message)
}

/// Whether a question's name has two labels or more, of the letters that host names are written in.
fn is_plain_name<N: ToName>(question: &Question<N>) -> bool {
    let labels = question.qname().iter_labels().filter(|label| !label.is_root());
    let mut count = 0;
    for label in labels {
        count += 1;
        if !label.as_slice().iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return false;
        }
    }
    count >= 2
}

/// Whether the four sections end where the message does.
fn tiles(message: &Message<[u8]>) -> bool {
    let Ok(mut section) = message.answer() else { return false };
    loop {
        if section.by_ref().take(RECORDS).any(|record| record.is_err()) {
            return false;
        }
        match section.next_section() {
            Ok(Some(next)) => section = next,
            Ok(None) => return section.pos() == message.as_slice().len(),
            Err(_) => return false,
        }
    }
}

/// Records read of one section.
const RECORDS: usize = 512;

/// Reads one message: a query is a lookup, an answer names addresses. False where not even the question can be read.
fn message(bytes: &[u8], notes: &mut Notes<'_>) -> bool {
    let Ok(message) = Message::from_slice(bytes) else { return false };
    let Some(Ok(question)) = message.question().next() else {
        return notes.knows(Recognised::Dns); // an error answer may leave the question out
    };
    notes.protocol(Recognised::Dns);
    let Some(name) = written(question.qname()) else { return true };
    if message.header().qr() {
        if let Some(answer) = answers::answer(message, name) {
            notes.hints.push(Hint::Answered(answer));
        }
    } else if question.qtype() != Rtype::PTR {
        // A reverse lookup asks for an address's name, not for a name.
        notes.hints.push(Hint::Lookup(name));
    }
    true
}

/// A name in the form rules use; `None` for the root, and for a label that holds a dot and so would read as another.
fn written<N: ToName + ?Sized>(name: &N) -> Option<String> {
    let mut text = Vec::with_capacity(NAME);
    for label in name.iter_labels().filter(|label| !label.is_root()) {
        if label.as_slice().contains(&b'.') {
            return None;
        }
        if !text.is_empty() {
            text.push(b'.');
        }
        text.extend_from_slice(label.as_slice());
    }
    host_name(&text)
}
