//! When to look again at which flow: idle time on packet time, without visiting every flow.

use std::collections::BTreeMap;

use super::FlowId;
use crate::base::{Minute, Stamp};

/// Flows by the minute in which their time may be up. A flow stands in it once; it is looked at when that minute
/// has passed, and put back if it moved meanwhile.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    due: BTreeMap<Minute, Vec<FlowId>>,
    count: usize,
}

/// Flows that have gone may stand in it until their minute comes, but no more than the live ones and these.
const MOST_GONE: usize = 4_096;

impl Expiry {
    /// Asks for `flow` to be looked at once `deadline` has passed.
    pub(super) fn put(&mut self, flow: FlowId, deadline: Stamp) {
        self.due.entry(deadline.minute().plus(1)).or_default().push(flow);
        self.count += 1;
    }

    /// Forgets flows that have gone, where they are more than the `live` ones by far: ports can be used again faster than
    /// time passes.
    pub(super) fn tidy(&mut self, live: usize, is_live: impl Fn(FlowId) -> bool) {
        if self.count <= 2 * live + MOST_GONE {
            return;
        }
        self.due.retain(|_, flows| {
            flows.retain(|flow| is_live(*flow));
            flows.shrink_to_fit();
            !flows.is_empty()
        });
        self.count = self.due.values().map(Vec::len).sum();
    }

    /// Whether any flow is to be looked at by `now`.
    pub(super) fn any_due(&self, now: Stamp) -> bool {
        self.due.first_key_value().is_some_and(|(minute, _)| *minute <= now.minute())
    }

    /// The flows to look at by `now`, oldest deadline first.
    pub(super) fn take_due(&mut self, now: Stamp) -> Vec<FlowId> {
        let later = self.due.split_off(&now.minute().plus(1));
        let due: Vec<FlowId> = std::mem::replace(&mut self.due, later).into_values().flatten().collect();
        self.count -= due.len();
        due
    }

    /// The flow whose deadline is nearest, to make room.
    pub(super) fn take_nearest(&mut self) -> Option<FlowId> {
        let mut nearest = self.due.first_entry()?;
        let flow = nearest.get_mut().pop();
        if nearest.get().is_empty() {
            nearest.remove();
        }
        self.count -= usize::from(flow.is_some());
        flow
    }
}
