//! What schedules did so far: a small JSON file beside the ledger.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::held::{self, StateError, Version};
use crate::{base::Stamp, report::Standing};

/// Plans that are remembered after they left the settings.
const MOST_PLANS: usize = 1_000;

/// What every plan did so far, by its name.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    version: Version,
    plans: BTreeMap<String, PlanState>,
}

/// What one plan did so far.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanState {
    /// The latest occurrence that was carried out, or the moment the plan was first seen: seconds since the epoch.
    pub(super) done: Option<u64>,
    /// Where the latest audit ended: what `since last` reaches back to.
    pub(super) reached: Option<u64>,
    /// The files that are there, oldest first.
    pub(super) files: Vec<Written>,
    /// What the latest report said.
    pub(super) said: Vec<Standing>,
    /// The latest verdict on each subject that was one: `insufficient` does not replace it.
    pub(super) known: Vec<Standing>,
}

/// A file that a plan wrote.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Of what was written, hexadecimal: a file that somebody changed is not removed.
    pub sha256: String,
    /// When the run was due that wrote it: seconds since the epoch.
    pub due: u64,
}

impl State {
    /// What the plan of this name did.
    pub fn plan(&self, name: &str) -> Option<&PlanState> {
        self.plans.get(name)
    }

    /// The same, to be written to.
    pub fn plan_mut(&mut self, name: &str) -> &mut PlanState {
        if !self.plans.contains_key(name) && self.plans.len() >= MOST_PLANS {
            let oldest = self.plans.iter().min_by_key(|(_, plan)| plan.done).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.plans.remove(&name));
        }
        self.plans.entry(name.to_owned()).or_default()
    }

    /// The state in the file at `path`; nothing was done where there is none.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        held::read(path)
    }
}

impl PlanState {
    /// The latest occurrence that was carried out.
    pub fn done(&self) -> Option<Stamp> {
        self.done.map(|seconds| Stamp::new(seconds, 0))
    }

    /// Where the latest audit ended.
    pub fn reached(&self) -> Option<Stamp> {
        self.reached.map(|seconds| Stamp::new(seconds, 0))
    }

    /// The files that are there, oldest first.
    pub fn files(&self) -> &[Written] {
        &self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Held;

    #[test]
    fn what_was_done_survives_and_a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/schedules.json");
        let mut held = Held::<State>::take(&path).unwrap();
        held.value.plan_mut("morning").done = Some(7);
        held.save().unwrap();
        drop(held);
        assert_eq!(State::read(&path).unwrap().plan("morning").and_then(PlanState::done), Some(Stamp::new(7, 0)));
        for wrong in ["Dear diary", "{\"version\":2,\"plans\":{}}", "{}", "", "[[[["] {
            std::fs::write(&path, wrong).unwrap();
            assert!(State::read(&path).unwrap_err().to_string().contains("move it away"), "{wrong}");
        }
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut state = State::default();
        for n in 0..2_000 {
            state.plan_mut(&format!("plan {n}")).done = Some(n);
        }
        assert_eq!(state.plans.len(), MOST_PLANS);
        assert!(state.plan("plan 1999").is_some() && state.plan("plan 0").is_none());
    }
}
