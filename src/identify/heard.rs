//! Which names a device was told an address stands for, and until when.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::devices::DeviceId;
use crate::{base::Stamp, hint::Answer};

/// An answer counts for at least this long: resolvers hand out shorter lifetimes than apps honour.
const SHORTEST_SECONDS: u64 = 60;
/// And for at most this long: a lifetime is chosen by a stranger.
const LONGEST_SECONDS: u64 = 86_400;
/// How long after its lifetime an answer still explains a flow: apps keep addresses.
const GRACE_SECONDS: u64 = 600;
/// Names remembered for one address of one device; the oldest goes first.
const MOST_NAMES: usize = 8;
/// Addresses remembered over all devices.
const MOST_ADDRESSES: usize = 1 << 17;

/// The names that devices got addresses for.
#[derive(Debug, Default)]
pub(super) struct Heard {
    names: HashMap<(DeviceId, IpAddr), Vec<Told>>,
    forgotten: u64,
}

/// A name that stood for an address.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) name: Arc<str>,
    at: Stamp,
    until: Stamp,
}

impl Heard {
    /// Remembers that `device` was told `answer` at `at`.
    pub(super) fn learn(&mut self, device: DeviceId, at: Stamp, answer: &Answer) {
        let name: Arc<str> = answer.name.as_str().into();
        for &(addr, seconds) in &answer.addresses {
            let alive = u64::from(seconds).clamp(SHORTEST_SECONDS, LONGEST_SECONDS) + GRACE_SECONDS;
            let told = Told { name: Arc::clone(&name), at, until: at.plus_seconds(alive) };
            self.make_room(at);
            remember(self.names.entry((device, addr)).or_default(), told);
        }
    }

    /// The names that still stand for `addr` on `device` at `at`, the newest first.
    pub(super) fn names(&self, device: DeviceId, addr: IpAddr, at: Stamp) -> impl Iterator<Item = &Told> {
        let told = self.names.get(&(device, addr)).map(Vec::as_slice).unwrap_or_default();
        told.iter().rev().filter(move |told| told.at <= at && at <= told.until)
    }

    /// How many addresses a full table dropped before their time.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Drops what has expired from a full table and, where that is not enough, the eighth that expires first.
    fn make_room(&mut self, now: Stamp) {
        if self.names.len() < MOST_ADDRESSES {
            return;
        }
        self.names.retain(|_, told| last(told) >= now);
        if self.names.len() < MOST_ADDRESSES / 8 * 7 {
            return;
        }
        let mut ends: Vec<_> = self.names.values().map(|told| last(told)).collect();
        let (_, &mut end, _) = ends.select_nth_unstable(MOST_ADDRESSES / 8);
        let before = self.names.len();
        self.names.retain(|_, told| last(told) > end);
        self.forgotten += (before - self.names.len()) as u64;
    }
}

fn remember(all: &mut Vec<Told>, told: Told) {
    all.retain(|old| old.name != told.name && old.until >= told.at);
    if all.len() == MOST_NAMES {
        all.remove(0);
    }
    all.push(told);
}

fn last(told: &[Told]) -> Stamp {
    told.iter().map(|told| told.until).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: DeviceId = DeviceId(0);

    fn answer(name: &str, addr: [u8; 4], seconds: u32) -> Answer {
        Answer { name: name.to_owned(), addresses: vec![(addr.into(), seconds)] }
    }

    fn known(heard: &Heard, addr: [u8; 4], at: u64) -> Vec<String> {
        heard.names(PHONE, addr.into(), Stamp::new(at, 0)).map(|told| told.name.to_string()).collect()
    }

    #[test]
    fn a_name_lives_for_its_lifetime_and_the_grace_and_no_longer() {
        let mut heard = Heard::default();
        heard.learn(PHONE, Stamp::new(1_000, 0), &answer("a.example", [192, 0, 2, 1], 300));
        assert_eq!(known(&heard, [192, 0, 2, 1], 999), [""; 0], "not before it was answered");
        assert_eq!(known(&heard, [192, 0, 2, 1], 1_900), ["a.example"]);
        assert_eq!(known(&heard, [192, 0, 2, 1], 1_901), [""; 0]);
    }

    #[test]
    fn lifetimes_are_held_to_a_minute_and_a_day() {
        let mut heard = Heard::default();
        heard.learn(PHONE, Stamp::new(0, 0), &answer("short.example", [192, 0, 2, 1], 0));
        heard.learn(PHONE, Stamp::new(0, 0), &answer("long.example", [192, 0, 2, 2], u32::MAX));
        assert_eq!(known(&heard, [192, 0, 2, 1], 660), ["short.example"]);
        assert_eq!(known(&heard, [192, 0, 2, 2], 87_001), [""; 0]);
    }

    #[test]
    fn the_newest_name_comes_first_and_a_ninth_pushes_the_oldest_out() {
        let mut heard = Heard::default();
        for n in 0..9 {
            heard.learn(PHONE, Stamp::new(n, 0), &answer(&format!("n{n}.example"), [192, 0, 2, 1], 300));
        }
        let names = known(&heard, [192, 0, 2, 1], 10);
        assert_eq!(names.len(), MOST_NAMES);
        assert_eq!(names.first().map(String::as_str), Some("n8.example"));
        assert!(!names.contains(&"n0.example".to_owned()));
    }

    #[test]
    fn one_device_knows_nothing_of_what_another_was_told() {
        let mut heard = Heard::default();
        heard.learn(DeviceId(1), Stamp::new(0, 0), &answer("a.example", [192, 0, 2, 1], 300));
        assert_eq!(known(&heard, [192, 0, 2, 1], 1), [""; 0]);
    }

    #[test]
    fn a_flood_of_answers_is_capped_and_counted() {
        let mut heard = Heard::default();
        for n in 0..u32::try_from(MOST_ADDRESSES).unwrap() + 10 {
            heard.learn(PHONE, Stamp::new(0, n.into()), &answer("a.example", n.to_be_bytes(), 300));
        }
        assert!(heard.names.len() <= MOST_ADDRESSES);
        assert!(heard.forgotten() > 0);
    }
}
