//! What many flows may keep together: beyond it the flow that has waited longest gives up first, so that a flood of
//! beginnings that never end costs capped memory and hides no honest flow.

use std::collections::VecDeque;

use super::FlowId;

/// Bytes kept on behalf of flows, capped over all of them.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    kept: usize,
    /// Flows in the order in which they began to keep something; some keep nothing any more.
    waiting: VecDeque<FlowId>,
    keeping: usize,
    given_up: u64,
}

/// Entries that may be stale before the queue is gone through.
const SLACK: usize = 1_024;

impl Budget {
    /// A budget of `most` bytes.
    pub const fn new(most: usize) -> Self {
        Self { most, kept: 0, waiting: VecDeque::new(), keeping: 0, given_up: 0 }
    }

    /// Bytes kept now.
    pub const fn kept(&self) -> usize {
        self.kept
    }

    /// How many flows had to give up what they kept.
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Notes that `flow`, which kept `before` bytes, now keeps `after`. `keeps` says whether a flow still keeps any.
    pub fn changed(&mut self, flow: FlowId, before: usize, after: usize, keeps: impl Fn(FlowId) -> bool) {
        self.kept = self.kept.saturating_sub(before) + after;
        match (before, after) {
            (0, 1..) => {
                self.keeping += 1;
                if self.waiting.len() > 2 * self.keeping + SLACK {
                    self.waiting.retain(|flow| keeps(*flow));
                }
                self.waiting.push_back(flow);
            }
            (1.., 0) => self.keeping = self.keeping.saturating_sub(1),
            _ => {}
        }
    }

    /// While too much is kept: the flow that has waited longest and should give up, if it still keeps anything.
    pub fn next_to_give_up(&mut self) -> Option<FlowId> {
        if self.kept <= self.most { None } else { self.waiting.pop_front() }
    }

    /// Notes that a flow gave up `bytes`.
    pub const fn gave_up(&mut self, bytes: usize) {
        self.kept = self.kept.saturating_sub(bytes);
        self.keeping = self.keeping.saturating_sub(1);
        self.given_up += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_flow_that_waited_longest_gives_up_first() {
        let mut budget = Budget::new(250);
        for n in 0..3 {
            budget.changed(FlowId(n), 0, 100, |_| true);
        }
        assert_eq!(budget.next_to_give_up(), Some(FlowId(0)));
        budget.gave_up(100);
        assert_eq!((budget.next_to_give_up(), budget.kept(), budget.given_up()), (None, 200, 1));
    }

    #[test]
    fn flows_that_come_and_go_leave_no_trace() {
        let mut budget = Budget::new(1_000);
        let mut kept: HashMap<FlowId, usize> = HashMap::new();
        budget.changed(FlowId(u64::MAX), 0, 1, |_| true); // one that stays in front
        kept.insert(FlowId(u64::MAX), 1);
        for n in 0..100_000 {
            budget.changed(FlowId(n), 0, 10, |flow| kept.contains_key(&flow));
            budget.changed(FlowId(n), 10, 0, |flow| kept.contains_key(&flow));
        }
        assert!(budget.waiting.len() <= 2 * SLACK + 4, "{}", budget.waiting.len());
        assert_eq!((budget.kept(), budget.given_up()), (1, 0));
    }
}
