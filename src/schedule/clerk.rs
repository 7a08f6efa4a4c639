//! Plans, what they did, and whom to tell, in one place: what the daemon ticks, and what a run by hand goes through.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::{
    Auditing, Held, Plan, Planner, Report, Run, RunError, State, StateError,
    notify::{self, Delivered, Notifier},
    run,
};
use crate::{base::Stamp, report::Key};

/// Carries out what is due and tells whom it concerns.
///
/// It is slow where a ledger is large or a receiver of notices hangs: a daemon ticks it on a thread of its own.
#[derive(Debug)]
pub struct Clerk {
    planner: Planner,
    state: PathBuf,
    key: Option<Key>,
    notifier: Notifier,
}

/// What came of one thing that was due.
#[derive(Debug)]
pub enum Happened {
    /// A report was written.
    Reported(Report),
    /// A report failed; it is due again after a pause.
    Failed(RunError),
    /// What was done cannot be kept; it is due again after a pause.
    Unkept(StateError),
    /// A notice was taken, put off or given up.
    Told(Delivered),
}

impl Clerk {
    /// A clerk for `plans`, whose times are local in `zone`, who keeps in `folder` (beside the ledger) what was done.
    /// A plan that was never seen before begins `now`. `key` makes the pseudonyms of plans with `redact`.
    pub fn open(
        plans: Vec<Plan>,
        zone: Tz,
        folder: &Path,
        key: Option<Key>,
        notifier: Notifier,
        now: Stamp,
    ) -> Result<Self, StateError> {
        let state = state_file(folder);
        let mut held = Held::<State>::take(&state)?;
        let planner = Planner::new(plans, zone, &held.value, now);
        let mut new = false;
        for plan in planner.plans() {
            let known = held.value.plan_mut(&plan.name);
            new |= known.done.is_none();
            known.done.get_or_insert(now.seconds());
        }
        if new {
            held.save()?;
        }
        Ok(Self { planner, state, key, notifier })
    }

    /// The plans, and when each is due.
    pub const fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Carries out what is due at `now` and tells what is to be told.
    pub fn tick(&mut self, now: Stamp, source: &dyn Auditing) -> Vec<Happened> {
        let mut happened = Vec::new();
        if !self.planner.due(now).is_empty() {
            match State::read(&self.state) {
                Ok(state) => self.planner.learn(&state, now),
                Err(error) => happened.push(Happened::Unkept(error)),
            }
        }
        for due in self.planner.due(now) {
            let done = self.carry_out(&due, now, source);
            match &done {
                Happened::Reported(_) => self.planner.succeeded(&due),
                _ => self.planner.failed(&due, now),
            }
            happened.push(done);
        }
        match self.notifier.deliver(now) {
            Ok(delivered) => happened.extend(delivered.into_iter().map(Happened::Told)),
            Err(error) => happened.push(Happened::Unkept(error)),
        }
        happened
    }

    /// Carries out one run, whether or not it is due, and hands its news to the notifier.
    pub fn carry_out(&self, due: &Run, now: Stamp, source: &dyn Auditing) -> Happened {
        let Some(plan) = self.planner.plan(&due.plan) else {
            return Happened::Failed(RunError::Missing { plan: due.plan.clone() });
        };
        match self.report(plan, due.due, now, source) {
            Ok(Ok(report)) => Happened::Reported(report),
            Ok(Err(error)) => Happened::Failed(error),
            Err(error) => Happened::Unkept(error),
        }
    }

    /// Delivers the notices that are due at `now`.
    pub fn deliver(&mut self, now: Stamp) -> Result<Vec<Delivered>, StateError> {
        self.notifier.deliver(now)
    }

    fn report(
        &self,
        plan: &Plan,
        due: Stamp,
        now: Stamp,
        source: &dyn Auditing,
    ) -> Result<Result<Report, RunError>, StateError> {
        let mut held = Held::<State>::take(&self.state)?;
        let report = run(plan, due, self.planner.zone(), source, self.key, held.value.plan_mut(&plan.name));
        if let Ok(report) = &report {
            // Before it counts as said: what cannot be told now is found new again.
            self.notifier.offer(report, now)?;
            held.save()?;
        }
        Ok(report)
    }

    /// The next moment at which [`Clerk::tick`] has something to do; `now` where it has already.
    pub fn next(&self, now: Stamp) -> Option<Stamp> {
        [self.planner.next(now), self.notifier.next(now)].into_iter().flatten().min()
    }
}

/// The file in `folder` that keeps what schedules did.
pub fn state_file(folder: &Path) -> PathBuf {
    folder.join("schedules.json")
}

/// The file in `folder` that keeps the notices that are not delivered yet.
pub fn notices_file(folder: &Path) -> PathBuf {
    folder.join(notify::FILE)
}
