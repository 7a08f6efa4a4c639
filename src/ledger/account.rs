//! A ledger with what is known beside it of its subjects and destinations.

use std::collections::{BTreeMap, HashMap};

use super::{Ledger, SubjectFacts};
use crate::identify::{DeviceId, Evidence, Role};

/// Minute rows, and what is known beside them: what one flush writes, and what is read back of one device.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The rows, names and minutes seen.
    pub ledger: Ledger,
    /// What is known of subjects, by their numbers in the ledger.
    pub facts: HashMap<u32, SubjectFacts>,
    /// The strongest evidence for each destination: device, subject, role, destination.
    pub evidence: BTreeMap<(DeviceId, u32, Role, u32), Evidence>,
}

impl Account {
    /// Notes by what it is known whose a destination is; the strongest stays.
    pub fn attest(&mut self, device: DeviceId, subject: u32, role: Role, destination: u32, evidence: Evidence) {
        let known = self.evidence.entry((device, subject, role, destination)).or_insert(evidence);
        *known = (*known).max(evidence);
    }
}
