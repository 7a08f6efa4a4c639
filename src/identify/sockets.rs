//! Which app holds a local UDP port: a call reaches servers and peers from one socket, and only some of them answer
//! with bytes that name the app.

use std::collections::HashMap;

use super::{devices::DeviceId, rules::OwnerId};
use crate::base::{Endpoint, Stamp};

/// How long a port stays its app's after the app last showed itself there: systems hand free ports out again.
const HELD_NANOSECONDS: u64 = 300 * 1_000_000_000;
/// Different apps remembered for one port.
const MOST_HOLDERS: usize = 4;
/// Sockets remembered over all devices.
const MOST_SOCKETS: usize = 1 << 15;

/// Local UDP ports, with the apps that were seen to use them.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    held: HashMap<(DeviceId, Endpoint), Vec<(OwnerId, Stamp)>>,
    forgotten: u64,
}

impl Sockets {
    /// Remembers that a flow from `local` was `owner`'s at `at`.
    pub(super) fn hold(&mut self, device: DeviceId, local: Endpoint, owner: OwnerId, at: Stamp) {
        self.make_room(at);
        let holders = self.held.entry((device, local)).or_default();
        let full = holders.len() == MOST_HOLDERS;
        match holders.iter_mut().find(|(holder, _)| *holder == owner) {
            Some((_, last)) => *last = at.max(*last),
            None if full => {}
            None => holders.push((owner, at)),
        }
    }

    /// The one app that held `local` around `at`; `None` where several did, or none.
    pub(super) fn holder(&self, device: DeviceId, local: Endpoint, at: Stamp) -> Option<OwnerId> {
        let holders = self.held.get(&(device, local))?;
        let mut recent = holders.iter().filter(|(_, since)| is_recent(*since, at));
        let (only, _) = recent.next()?;
        recent.next().is_none().then_some(*only)
    }

    /// How many sockets a full table dropped before their time.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Drops what is too old from a full table and, where that is not enough, all of it: a flood of sockets names none.
    fn make_room(&mut self, now: Stamp) {
        if self.held.len() < MOST_SOCKETS {
            return;
        }
        self.held.retain(|_, holders| holders.iter().any(|(_, since)| is_recent(*since, now)));
        if self.held.len() >= MOST_SOCKETS / 8 * 7 {
            self.forgotten += self.held.len() as u64;
            self.held.clear();
        }
    }
}

fn is_recent(since: Stamp, at: Stamp) -> bool {
    at.since(since) <= HELD_NANOSECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: DeviceId = DeviceId(0);
    const SIGNAL: OwnerId = OwnerId(1);
    const WHATSAPP: OwnerId = OwnerId(2);

    fn port(port: u16) -> Endpoint {
        Endpoint::new([192, 168, 7, 23].into(), port)
    }

    #[test]
    fn a_port_is_its_apps_for_minutes_on_that_device_only() {
        let mut sockets = Sockets::default();
        sockets.hold(PHONE, port(39_518), SIGNAL, Stamp::new(1_000, 0));
        assert_eq!(sockets.holder(PHONE, port(39_518), Stamp::new(1_300, 0)), Some(SIGNAL));
        assert_eq!(sockets.holder(PHONE, port(39_518), Stamp::new(1_301, 0)), None, "too late");
        assert_eq!(sockets.holder(PHONE, port(39_519), Stamp::new(1_000, 0)), None, "another port");
        assert_eq!(sockets.holder(DeviceId(1), port(39_518), Stamp::new(1_000, 0)), None, "another device");
    }

    #[test]
    fn a_port_that_two_apps_used_is_nobodys() {
        let mut sockets = Sockets::default();
        sockets.hold(PHONE, port(39_518), SIGNAL, Stamp::new(1_000, 0));
        sockets.hold(PHONE, port(39_518), WHATSAPP, Stamp::new(1_200, 0));
        assert_eq!(sockets.holder(PHONE, port(39_518), Stamp::new(1_250, 0)), None);
        assert_eq!(sockets.holder(PHONE, port(39_518), Stamp::new(1_400, 0)), Some(WHATSAPP), "the first has gone");
    }

    #[test]
    fn a_flood_of_sockets_is_capped_and_counted() {
        let mut sockets = Sockets::default();
        for n in 0..u32::try_from(MOST_SOCKETS).unwrap() + 10 {
            let local = Endpoint::new(n.to_be_bytes().into(), 40_000);
            sockets.hold(PHONE, local, SIGNAL, Stamp::new(1_000, 0));
        }
        assert!(sockets.held.len() <= MOST_SOCKETS);
        assert!(sockets.forgotten() > 0);
    }
}
