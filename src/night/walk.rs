//! The steps to one verdict with their numbers, for whoever wants to follow them.

use crate::{
    base::Minute,
    ledger::DeviceLedger,
    night::{Lacking, Settings, case::Case},
};

/// What led to the verdict on one subject, beyond what its [`Finding`](super::Finding) holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// Minutes at which enough names, of anybody, showed a person.
    pub by_names: usize,
    /// Minutes at which a download, by anybody, did.
    pub by_downloads: usize,
    /// Minutes in which the device was observed.
    pub observed: u64,
    /// Those of them that count as in use for this subject.
    pub attended: u64,
    /// Minute of the UTC day at which the device's usual hours of rest begin.
    pub rest: u16,
    /// What is lacking for a verdict.
    pub lacking: Vec<Lacking>,
    /// Every night that counts, in time order.
    pub steps: Vec<Step>,
}

/// One night that counts, and how the evidence stood after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its place among the finding's nights.
    pub night: usize,
    /// Decimal logarithm of the evidence for bulk uploads.
    pub log10_e: f64,
    /// The same for upload in small pieces.
    pub log10_e_drip: f64,
}

/// The steps to the verdict on subject number `subject`; `None` where the ledger holds no such subject.
pub fn walk(ledger: &DeviceLedger, subject: usize, settings: &Settings) -> Option<Walk> {
    let case = Case::of(ledger, subject, settings)?;
    let step = |(night, log10_e, log10_e_drip)| Step { night, log10_e, log10_e_drip };
    Some(Walk {
        by_names: case.signs.0,
        by_downloads: case.signs.1,
        observed: case.minutes.0,
        attended: case.minutes.1,
        rest: case.rest,
        steps: case.growth(settings).into_iter().map(step).collect(),
        lacking: case.lacking,
    })
}

impl Walk {
    /// The first minute of the usual rest on the UTC day of `minute`.
    pub fn rest_on(&self, minute: Minute) -> Minute {
        Minute(minute.0 / 1_440 * 1_440).plus(self.rest.into())
    }
}
