//! DNS over TCP: messages behind their length, as many as a connection carries (RFC 7766).

use super::{HEADER, Port, has_shape, is_certain, message};
use crate::{
    flow::Side,
    hint::{Ends, Probe, notes::Notes},
};

/// Both sides of a connection, each with the message that is not complete yet.
#[derive(Debug, Default)]
pub(in crate::hint) struct Exchange {
    initiator: Vec<u8>,
    responder: Vec<u8>,
    failures: u8,
}

/// Messages that made no sense before the connection is given up.
const FAILURES: u8 = 4;

/// Whether the first bytes of a side are DNS behind a length. On port 53 a header of the right shape will do.
pub(in crate::hint) fn probe(bytes: &[u8], ends: &Ends) -> Probe {
    let [high, low, rest @ ..] = bytes else { return Probe::Unsure };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !(HEADER + 5..=4096).contains(&length) {
        return Probe::NotForUs;
    }
    let port = Port::of(ends);
    match rest.get(..length) {
        None if rest.len() < HEADER || has_shape(rest) => Probe::Unsure,
        Some(message) if has_shape(message) && (port == Port::Dns || is_certain(message)) => Probe::Certain,
        _ => Probe::NotForUs,
    }
}

impl Exchange {
    /// Bytes kept.
    pub(in crate::hint) fn held(&self) -> usize {
        self.initiator.len() + self.responder.len()
    }

    /// Reads the next bytes of a side. A resolver's connection may live for days, so only nonsense ends it.
    pub(in crate::hint) fn feed(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        let kept = match side {
            Side::Initiator => &mut self.initiator,
            Side::Responder => &mut self.responder,
        };
        kept.extend_from_slice(bytes);
        let mut read = 0;
        while let Some(one) = first(kept.get(read..).unwrap_or_default()) {
            read += 2 + one.len();
            if !(has_shape(one) && message(one, notes)) {
                self.failures += 1;
                if self.failures == FAILURES {
                    return Probe::NotForUs;
                }
            }
        }
        kept.drain(..read);
        Probe::Unsure
    }
}

/// The message at the front, once it is complete. A length is two bytes, so no more than 64 KiB are ever kept.
fn first(bytes: &[u8]) -> Option<&[u8]> {
    let [high, low, rest @ ..] = bytes else { return None };
    rest.get(..usize::from(u16::from_be_bytes([*high, *low])))
}
