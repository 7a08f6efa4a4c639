//! A filter narrows an audit: to the subjects and destinations that it asks for.

use super::{Facts, Filter, Times};
use crate::{
    ledger::NameSeen,
    pipeline::{Audit, DeviceAudit},
};

impl Filter {
    /// Keeps the subjects that it asks for, with the destinations that it asks for, and the devices with any. What is
    /// said of a subject was judged from all of its traffic and stays as it is. Returns the keys that an audit cannot
    /// heed, such as those that ask of single flows or of a stretch of time.
    pub fn narrow(&self, audit: &mut Audit) -> Vec<&'static str> {
        if self.is_everything() {
            return Vec::new();
        }
        audit.remit.narrowed = true;
        let times = Times::of(audit);
        let mut unheeded = Vec::new();
        for at in 0..audit.devices.len() {
            let Some(device) = audit.devices.get(at) else { continue };
            let asked: Vec<Option<bool>> = device
                .destinations
                .iter()
                .map(|total| {
                    let facts = Facts::of_destination(audit, at, total);
                    note(&mut unheeded, self.unheeded(&facts, &times));
                    self.answer(&facts, &times)
                })
                .collect();
            let subjects = (0..device.ledger.subjects.len()).map(|subject| {
                let facts = Facts::of_subject(audit, at, subject);
                let own = || device.destinations.iter().zip(&asked).filter(|(total, _)| total.subject == subject);
                let any = own().any(|(_, answer)| *answer != Some(false));
                any || own().next().is_none() && self.answer(&facts, &times) == Some(true)
            });
            let kept: Vec<bool> = subjects.collect();
            if let Some(device) = audit.devices.get_mut(at) {
                let mut asked = asked.iter();
                device.destinations.retain(|_| asked.next().is_none_or(|answer| *answer != Some(false)));
                keep_subjects(device, &kept);
            }
        }
        audit.devices.retain(|device| !device.ledger.subjects.is_empty());
        unheeded
    }
}

fn note(all: &mut Vec<&'static str>, keys: Vec<&'static str>) {
    for key in keys {
        if !all.contains(&key) {
            all.push(key);
        }
    }
}

/// Leaves out the subjects that are not kept, and what belongs to them.
pub(in crate::report) fn keep_subjects(device: &mut DeviceAudit, kept: &[bool]) {
    let mut next = 0;
    let places: Vec<Option<usize>> = kept
        .iter()
        .map(|keep| {
            let place = keep.then_some(next);
            next += usize::from(*keep);
            place
        })
        .collect();
    let place = |subject: usize| places.get(subject).copied().flatten();
    let mut keeps = kept.iter();
    device.ledger.subjects.retain(|_| keeps.next().copied().unwrap_or(false));
    device.finding.findings.retain(|finding| place(finding.subject).is_some());
    device.destinations.retain(|total| place(total.subject).is_some());
    for finding in &mut device.finding.findings {
        finding.subject = place(finding.subject).unwrap_or_default();
    }
    for total in &mut device.destinations {
        total.subject = place(total.subject).unwrap_or_default();
    }
    let moved = |name: &NameSeen| u32::try_from(place(usize::try_from(name.subject?).ok()?)?).ok();
    for name in &mut device.ledger.names {
        name.subject = moved(name);
    }
}
