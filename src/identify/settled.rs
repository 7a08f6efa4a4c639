//! What was established of the endpoints a device talks to, and of the apps active on it.

use std::{collections::HashMap, sync::Arc};

use super::{Confidence, Role, devices::DeviceId, rules::OwnerId};
use crate::base::{Endpoint, Stamp};

/// How long an endpoint keeps what a named flow established of it.
const KEPT_SECONDS: u64 = 6 * 3_600;
/// How recently an app must have been seen to count as active.
const ACTIVE_SECONDS: u64 = 300;
/// Different owners remembered for one endpoint; the oldest goes first.
const MOST_OWNERS: usize = 4;
/// Endpoints remembered over all devices.
const MOST_ENDPOINTS: usize = 1 << 17;

/// What flows with a name or signature established.
#[derive(Debug, Default)]
pub(super) struct Settled {
    endpoints: HashMap<(DeviceId, Endpoint), Vec<Established>>,
    active: HashMap<DeviceId, Vec<(OwnerId, Stamp)>>,
    forgotten: u64,
}

/// What one flow established of its far end.
#[derive(Clone, Debug)]
pub(super) struct Established {
    pub(super) owner: Option<OwnerId>,
    pub(super) role: Role,
    pub(super) confidence: Confidence,
    pub(super) destination: Arc<str>,
    pub(super) at: Stamp,
}

impl Settled {
    /// Remembers what a flow of `device` established of `remote`.
    pub(super) fn settle(&mut self, device: DeviceId, remote: Endpoint, what: Established) {
        if let Some(owner) = what.owner {
            self.mark_active(device, owner, what.at);
        }
        self.make_room(what.at);
        let known = self.endpoints.entry((device, remote)).or_default();
        known.retain(|old| old.owner != what.owner);
        if known.len() == MOST_OWNERS {
            known.remove(0);
        }
        known.push(what);
    }

    /// What is known of `remote`, the newest first.
    pub(super) fn known(&self, device: DeviceId, remote: Endpoint, at: Stamp) -> impl Iterator<Item = &Established> {
        let known = self.endpoints.get(&(device, remote)).map(Vec::as_slice).unwrap_or_default();
        known.iter().rev().filter(move |what| at.since(what.at) <= KEPT_SECONDS * 1_000_000_000)
    }

    /// The one of `apps` that was active on `device` around `at`; `None` where several were, or none.
    pub(super) fn only_active(&self, device: DeviceId, apps: &[OwnerId], at: Stamp) -> Option<OwnerId> {
        let seen = self.active.get(&device)?;
        let recent = |since: Stamp| at.since(since) <= ACTIVE_SECONDS * 1_000_000_000;
        let mut active = seen.iter().filter(|(app, since)| apps.contains(app) && recent(*since));
        let (only, _) = active.next()?;
        active.next().is_none().then_some(*only)
    }

    /// How many endpoints a full table dropped before their time.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn mark_active(&mut self, device: DeviceId, owner: OwnerId, at: Stamp) {
        let seen = self.active.entry(device).or_default();
        match seen.iter_mut().find(|(app, _)| *app == owner) {
            Some((_, last)) => *last = at.max(*last),
            None => seen.push((owner, at)),
        }
    }

    /// Drops what is too old from a full table and, where that is not enough, the eighth that is oldest.
    fn make_room(&mut self, now: Stamp) {
        if self.endpoints.len() < MOST_ENDPOINTS {
            return;
        }
        self.endpoints.retain(|_, known| now.since(newest(known)) <= KEPT_SECONDS * 1_000_000_000);
        if self.endpoints.len() < MOST_ENDPOINTS / 8 * 7 {
            return;
        }
        let mut stamps: Vec<_> = self.endpoints.values().map(|known| newest(known)).collect();
        let (_, &mut oldest, _) = stamps.select_nth_unstable(MOST_ENDPOINTS / 8);
        let before = self.endpoints.len();
        self.endpoints.retain(|_, known| newest(known) > oldest);
        self.forgotten += (before - self.endpoints.len()) as u64;
    }
}

fn newest(known: &[Established]) -> Stamp {
    known.iter().map(|what| what.at).max().unwrap_or_default()
}
