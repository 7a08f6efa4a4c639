//! Fragments put together again (RFC 791, RFC 815, RFC 8200), within limits, and without losing a byte.
//!
//! Fragments that overlap spoil their datagram (RFC 5722; Linux does the same for IPv4), unless one is sent twice.
//! A spoiled datagram, and one that is not whole in time, still comes out, so that the ledger balances.

use std::collections::{BTreeMap, HashMap};

use super::{
    Counts,
    ip::{Datagram, Envelope, Place},
    partial::{Key, Partial},
    piece::Piece,
};
use crate::base::{Malformed, Stamp};

/// How much is held for datagrams that are not whole yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How many datagrams at a time.
    pub datagrams: usize,
    /// How many bytes for all of them.
    pub bytes: usize,
    /// How many seconds of capture time after their first fragment.
    pub patience_seconds: u64,
}

impl Default for Limits {
    /// 1,024 datagrams, 16 MiB, 30 seconds.
    fn default() -> Self {
        Self { datagrams: 1024, bytes: 16 << 20, patience_seconds: 30 }
    }
}

/// The datagrams that wait for fragments.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    limits: Limits,
    serials: HashMap<Key, u64>,
    /// By serial number, so the oldest comes first.
    waiting: BTreeMap<u64, Partial>,
    next_serial: u64,
    bytes: usize,
    now: Stamp,
    given_up: bool,
}

/// What became of a fragment.
pub(super) enum Joined {
    /// It waits for the others.
    Held,
    /// It cannot wait: there is no room, or it cannot be part of a datagram.
    Refused,
    /// It was the last.
    Whole(Box<Partial>),
}

impl Fragments {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Says what time it is by the capture.
    #[inline]
    pub(super) fn at(&mut self, now: Stamp) {
        self.now = now;
    }

    /// Adds `fragment` to its datagram.
    pub(super) fn join(&mut self, fragment: &Datagram<'_>, envelope: &Envelope<'_>, counts: &mut Counts) -> Joined {
        let Some(place) = fragment.place else { return Joined::Refused };
        if let Some(lie) = lie(place, fragment.body) {
            counts.note(lie);
            return Joined::Refused;
        }
        if self.bytes + Partial::price(fragment) > self.limits.bytes {
            return Joined::Refused;
        }
        let key = Key { ends: (fragment.ends.src(), fragment.ends.dst()), id: place.id };
        let Some(serial) = self.serial(key, envelope) else { return Joined::Refused };
        let Some(partial) = self.waiting.get_mut(&serial).filter(|partial| !partial.is_full()) else {
            return Joined::Refused;
        };
        self.bytes += partial.add(fragment, envelope, place);
        if !partial.is_whole() {
            return Joined::Held;
        }
        self.take(serial).map_or(Joined::Held, |whole| Joined::Whole(Box::new(whole)))
    }

    /// The oldest datagram, if its time is up.
    pub(super) fn overdue(&mut self) -> Option<Partial> {
        let (&serial, oldest) = self.waiting.first_key_value()?;
        let due = self.given_up || self.is_overdue(oldest);
        due.then(|| self.take(serial)).flatten()
    }

    /// Makes all that is held overdue.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    /// The number of the datagram that a fragment of `key` belongs to: a new one if need be and there is room.
    fn serial(&mut self, key: Key, envelope: &Envelope<'_>) -> Option<u64> {
        if let Some(&serial) = self.serials.get(&key)
            && self.waiting.get(&serial).is_some_and(|partial| !self.is_overdue(partial))
        {
            return Some(serial);
        }
        if self.waiting.len() >= self.limits.datagrams {
            return None;
        }
        self.given_up = false;
        let serial = self.next_serial;
        self.next_serial += 1;
        self.serials.insert(key, serial);
        self.waiting.insert(serial, Partial::new(key, envelope));
        Some(serial)
    }

    fn is_overdue(&self, partial: &Partial) -> bool {
        self.now.since(partial.first()) > self.limits.patience_seconds.saturating_mul(1_000_000_000)
    }

    fn take(&mut self, serial: u64) -> Option<Partial> {
        let mut partial = self.waiting.remove(&serial)?;
        // Its addresses and number may be in use for a later datagram by now.
        if self.serials.get(&partial.key()) == Some(&serial) {
            self.serials.remove(&partial.key());
        }
        self.bytes = self.bytes.saturating_sub(partial.cost());
        partial.gather();
        Some(partial)
    }
}

/// Why a fragment can be part of no datagram: it is empty, ends beyond 65,535 bytes, or ends between the units of
/// eight bytes that offsets count in.
fn lie(place: Place, body: Piece<'_>) -> Option<Malformed> {
    let offset = usize::try_from(place.offset).unwrap_or(usize::MAX);
    let end = offset.saturating_add(body.wire());
    let fits = body.wire() > 0 && end <= MOST_PAYLOAD && (!place.more || body.wire().is_multiple_of(8));
    (!fits).then_some(Malformed { layer: "IP fragment", offset, needed: 8, left: body.wire() })
}

const MOST_PAYLOAD: usize = 65_535;
