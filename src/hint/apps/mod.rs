//! Byte patterns that only one app sends: most are data ([`signatures.toml`](../signatures.toml)), a few need a
//! matcher that counts or compares.
//!
//! A wrong label is worse than none, so an entry fixes at least four bytes, or fewer together with length, port or
//! the operator's own address block; each carries payloads that must match and is tested against all the others'.

mod pattern;
mod table;
mod turns;

use std::net::IpAddr;

use self::table::{On, Signature, on};
pub(super) use self::turns::Turns;
use super::{Ends, notes::Notes, tls::Names};
use crate::flow::Side;

/// What a STUN message shows of the app that sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct StunSeen<'a> {
    pub(super) kind: u16,
    pub(super) attributes: &'a [u16],
    pub(super) realm: &'a [u8],
    pub(super) software: &'a [u8],
}

/// Notes what one UDP datagram matches.
pub(super) fn datagram(side: Side, bytes: &[u8], notes: &mut Notes<'_>) {
    note_all(On::Udp, notes, |signature, ends| signature.fits(side, ends) && signature.matches_whole(bytes));
}

/// Notes what the kept first bytes of one side of a TCP connection match.
pub(super) fn stream(side: Side, kept: &[u8], notes: &mut Notes<'_>) {
    note_all(On::Tcp, notes, |signature, ends| signature.fits(side, ends) && signature.matches_front(kept));
}

/// Notes what a STUN message matches.
pub(super) fn stun(seen: &StunSeen<'_>, notes: &mut Notes<'_>) {
    note_all(On::Stun, notes, |signature, _| signature.matches_stun(seen));
}

/// Notes whose certificate this is.
pub(super) fn certificate(names: &Names, notes: &mut Notes<'_>) {
    note_all(On::Certificate, notes, |signature, _| signature.matches_names(names));
}

/// Notes whose RTP header extension this is.
pub(super) fn rtp_extension(profile: u16, notes: &mut Notes<'_>) {
    note_all(On::Rtp, notes, |signature, _| signature.extension == Some(profile));
}

fn note_all(place: On, notes: &mut Notes<'_>, matches: impl Fn(&Signature, &Ends) -> bool) {
    for signature in on(place) {
        if matches(signature, notes.ends) {
            match signature.random {
                Some(_) => notes.shape(&signature.app, &signature.name),
                None => notes.signature(&signature.app, &signature.name),
            }
        }
    }
}

impl Signature {
    /// Whether ports, side and address blocks allow it.
    fn fits(&self, side: Side, ends: &Ends) -> bool {
        let port = |span: &table::Ports| span.contains(ends.initiator.port) || span.contains(ends.responder.port);
        let block = |addr: IpAddr| self.blocks.iter().any(|block| block.contains(addr));
        self.from.is_none_or(|from| from.is(side))
            && (self.ports.is_empty() || self.ports.iter().any(port))
            && (self.blocks.is_empty() || block(ends.initiator.addr) || block(ends.responder.addr))
    }

    fn matches_whole(&self, bytes: &[u8]) -> bool {
        let long_enough = self.length.is_none_or(|[least, most]| (least..=most).contains(&bytes.len()));
        long_enough && self.matches_front(bytes)
    }

    fn matches_front(&self, bytes: &[u8]) -> bool {
        let known = !self.bytes.is_empty() || !self.begins.is_empty() || self.random.is_some();
        known
            && self.random.is_none_or(|length| bytes.get(..length).is_some_and(looks_random))
            && self.bytes.iter().all(|pattern| pattern.matches(bytes))
            && (self.begins.is_empty() || self.begins.iter().any(|begin| bytes.starts_with(begin.as_bytes())))
            && self.text.iter().all(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    fn matches_stun(&self, seen: &StunSeen<'_>) -> bool {
        let under = |value: &[u8], domain: &str| {
            value
                .to_ascii_lowercase()
                .strip_suffix(domain.as_bytes())
                .is_some_and(|rest| rest.last().is_none_or(|b| *b == b'.'))
        };
        self.types.contains(&seen.kind)
            || self.attributes.iter().any(|attribute| seen.attributes.contains(attribute))
            || self.realms.iter().any(|realm| under(seen.realm, realm))
            || self.software.iter().any(|software| seen.software.starts_with(software.as_bytes()))
    }

    fn matches_names(&self, names: &Names) -> bool {
        let is = |wanted: &Option<String>, value: &Option<String>| wanted.is_some() && wanted == value;
        is(&self.common_name, &names.common) || is(&self.organisation, &names.organisation)
    }
}

/// Whether `bytes`, 64 or so, are without structure, as a cipher's are: nearly all different, about half of their bits
/// set. Of 64 random bytes 57 are different on average; four standard deviations are allowed for.
fn looks_random(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let ones: usize = bytes.iter().map(|byte| byte.count_ones() as usize).sum();
    different * 64 >= bytes.len() * 45 && (bytes.len() * 13..=bytes.len() * 19).contains(&(ones * 4))
}

#[cfg(test)]
mod tests;
