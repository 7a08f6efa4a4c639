//! What is due at a moment, given what was done before.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::{
    Plan,
    state::{PlanState, State},
};
use crate::base::Stamp;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// How far back the latest missed occurrence is looked for, one after the other.
const WINDOWS: [u64; 5] = [HOUR, DAY, 32 * DAY, 366 * DAY, 9 * 366 * DAY];
/// A clock that is set back by less is waited for; one set back by more was wrong before, and what was done then counts
/// as done now.
const PATIENCE: u64 = DAY;
/// After a run that failed, the first and the longest pause before it is tried again.
const RETRY: std::ops::RangeInclusive<u64> = 300..=HOUR;

/// A plan that is to be carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// The plan's name.
    pub plan: String,
    /// The moment it was due, in which the audit ends.
    pub due: Stamp,
}

/// Knows the plans and what was done, and says what is due. It never looks at a clock.
///
/// Of several occurrences that were missed, the latest is made up, once. What was due before a plan was first seen is
/// never made up.
#[derive(Clone, Debug)]
pub struct Planner {
    plans: Vec<Plan>,
    zone: Tz,
    done: BTreeMap<String, Stamp>,
    failed: BTreeMap<String, Failure>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    again: Stamp,
    pause: u64,
}

impl Planner {
    /// A planner for `plans`, whose times are local in `zone`, with what `state` says was done; a plan that it does not
    /// know begins `now`.
    pub fn new(plans: Vec<Plan>, zone: Tz, state: &State, now: Stamp) -> Self {
        let mut planner = Self { plans, zone, done: BTreeMap::new(), failed: BTreeMap::new() };
        planner.learn(state, now);
        planner
    }

    /// Takes over what `state` says was done, also by other processes.
    pub fn learn(&mut self, state: &State, now: Stamp) {
        for plan in &self.plans {
            let known = state.plan(&plan.name).and_then(PlanState::done).filter(|done| !is_ahead(*done, now));
            let done = self.done.entry(plan.name.clone()).or_insert(known.unwrap_or(now));
            *done = (*done).max(known.unwrap_or_default());
        }
    }

    /// The plans.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The plan of this name.
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    /// The zone that times are local in.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// What is due at `now`, in the order of the plans.
    pub fn due(&mut self, now: Stamp) -> Vec<Run> {
        for done in self.done.values_mut() {
            if is_ahead(*done, now) {
                *done = now;
            }
        }
        self.failed.retain(|_, failure| failure.again.seconds() <= now.seconds().saturating_add(2 * HOUR));
        self.plans.iter().filter_map(|plan| self.latest(plan, now)).collect()
    }

    /// Notes that `run` was carried out.
    pub fn succeeded(&mut self, run: &Run) {
        self.failed.remove(&run.plan);
        if let Some(done) = self.done.get_mut(&run.plan) {
            *done = (*done).max(run.due);
        }
    }

    /// Notes that `run` failed at `now`: it is due again after a pause, each longer than the one before.
    pub fn failed(&mut self, run: &Run, now: Stamp) {
        let before = self.failed.get(&run.plan).map(|failure| failure.pause);
        let pause = before.map_or(*RETRY.start(), |pause| (pause * 2).min(*RETRY.end()));
        self.failed.insert(run.plan.clone(), Failure { again: now.plus_seconds(pause), pause });
    }

    /// When each plan is due next after `now`, or again; `None` where never.
    pub fn upcoming(&self, now: Stamp) -> impl Iterator<Item = (&Plan, Option<Stamp>)> {
        self.plans.iter().map(move |plan| (plan, self.upcoming_of(plan, now)))
    }

    /// The next moment at which anything is due; `now` where something is due already.
    pub fn next(&self, now: Stamp) -> Option<Stamp> {
        self.upcoming(now).filter_map(|(_, next)| next).min()
    }

    fn upcoming_of(&self, plan: &Plan, now: Stamp) -> Option<Stamp> {
        let next = plan.cron.after(self.done(plan), self.zone)?.max(now);
        match self.failed.get(&plan.name) {
            Some(failure) => Some(next.max(failure.again)),
            None => Some(next),
        }
    }

    fn done(&self, plan: &Plan) -> Stamp {
        self.done.get(&plan.name).copied().unwrap_or_default()
    }

    fn latest(&self, plan: &Plan, now: Stamp) -> Option<Run> {
        if self.failed.get(&plan.name).is_some_and(|failure| now < failure.again) {
            return None;
        }
        let done = self.done(plan);
        plan.cron.after(done, self.zone).filter(|first| *first <= now)?;
        let starts = WINDOWS.iter().map(|window| Stamp::new(now.seconds().saturating_sub(*window), 0));
        let due = starts.map(|start| start.max(done)).find_map(|start| self.latest_between(plan, start, now))?;
        Some(Run { plan: plan.name.clone(), due })
    }

    fn latest_between(&self, plan: &Plan, start: Stamp, now: Stamp) -> Option<Stamp> {
        let mut latest = None;
        let mut next = plan.cron.after(start, self.zone);
        while let Some(due) = next.filter(|due| *due <= now) {
            latest = Some(due);
            next = plan.cron.after(due, self.zone);
        }
        latest
    }
}

/// Whether a clock that was wrong wrote `done`.
pub(super) fn is_ahead(done: Stamp, now: Stamp) -> bool {
    done.seconds() > now.seconds().saturating_add(PATIENCE)
}
