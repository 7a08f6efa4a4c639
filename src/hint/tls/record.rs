//! TLS records from outside: is this TLS, does it begin here, or was it joined midway (RFC 8446, section 5.1)?

use super::message;
use crate::hint::Probe;

/// Bytes of a record header.
pub(super) const RECORD_HEADER: usize = 5;
/// Longest record: 2^14 bytes and what encryption may add (RFC 5246, section 6.2.3).
const RECORD: usize = (1 << 14) + 2048;

/// Content types of records (RFC 8446, section 5.1).
pub(super) mod content {
    pub(in crate::hint::tls) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(in crate::hint::tls) const ALERT: u8 = 21;
    pub(in crate::hint::tls) const HANDSHAKE: u8 = 22;
    pub(in crate::hint::tls) const APPLICATION_DATA: u8 = 23;
}

/// Whether `bytes`, the first of a side, begin a TLS connection or show one that was joined midway.
pub(in crate::hint) fn probe(bytes: &[u8]) -> Probe {
    if let &[length, low, 1, major, minor, ..] = bytes
        && length & 0x80 != 0
        && (matches!((major, minor), (3, 0..=4) | (0, 2)))
        && usize::from(length & 0x7f) << 8 | usize::from(low) >= 9
    {
        return if bytes.len() > 11 && sslv2_tiles(bytes) { Probe::Certain } else { Probe::NotForUs };
    }
    match header(bytes) {
        Header::Short if bytes.len() < RECORD_HEADER => Probe::Unsure,
        Header::Short | Header::Alien => Probe::NotForUs,
        Header::Record { kind: content::HANDSHAKE, .. } => match bytes.get(RECORD_HEADER) {
            None => Probe::Unsure,
            Some(&kind) if is_opening(kind, bytes) => Probe::Certain,
            Some(_) => Probe::NotForUs,
        },
        Header::Record { length, .. } => match bytes.get(RECORD_HEADER + length..) {
            // A joined-in connection: the next header must stand where this record says it does.
            Some([]) | None => Probe::Certain,
            Some(next) if matches!(header(next), Header::Alien) => Probe::NotForUs,
            Some(_) => Probe::Certain,
        },
    }
}

/// Whether a piece further on begins TLS after something else (a proxy's CONNECT, SOCKS, STARTTLS): a record with a
/// ClientHello, or, where the start was missed, records of application data that tile the piece or outlast it.
pub(in crate::hint) fn starts_late(bytes: &[u8]) -> bool {
    match header(bytes) {
        Header::Record { kind: content::HANDSHAKE, .. } => {
            matches!(bytes, [_, 3, 0..=3, _, _, message::CLIENT_HELLO, 0, _, _, 3, 0..=4, ..])
        }
        Header::Record { kind: content::APPLICATION_DATA, .. } => probe(bytes) == Probe::Certain,
        _ => false,
    }
}

/// What stands where a record header may.
pub(super) enum Header {
    Record { kind: u8, length: usize },
    Short,
    Alien,
}

/// Reads a record header; one that is cut, but may go on as one, is `Short`.
pub(super) fn header(bytes: &[u8]) -> Header {
    match *bytes {
        [kind @ 20..=23, 3, 0..=4, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let plausible = match kind {
                content::CHANGE_CIPHER_SPEC => length == 1,
                content::ALERT => length == 2 || (16..=300).contains(&length),
                _ => (1..=RECORD).contains(&length),
            };
            if plausible { Header::Record { kind, length } } else { Header::Alien }
        }
        [20..=23, 3, 0..=4, _] | [20..=23, 3, 0..=4] | [20..=23, 3] | [20..=23] | [] => Header::Short,
        _ => Header::Alien,
    }
}

/// A handshake record that opens a connection starts with a hello; one further on (joined midway) with any message
/// or with ciphertext, which only the record's own header vouches for.
fn is_opening(kind: u8, bytes: &[u8]) -> bool {
    let known = matches!(kind, 0..=2 | 4 | 8 | 11..=16 | 20 | 22);
    known || matches!(bytes, [_, 3, 1..=3, 0, 16..=120, ..])
}

fn sslv2_tiles(bytes: &[u8]) -> bool {
    let field = |at: usize| bytes.get(at..at + 2).map_or(0, |pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])));
    let length = field(0) & 0x7fff;
    let (ciphers, session, challenge) = (field(5), field(7), field(9));
    ciphers > 0 && ciphers % 3 == 0 && (16..=32).contains(&challenge) && length == 9 + ciphers + session + challenge
}
