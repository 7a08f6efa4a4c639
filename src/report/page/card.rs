//! What is said of one subject at length.

use super::{moved, name, subject_name};
use crate::{
    base::Bytes,
    identify::{Evidence, Role},
    night::{Finding, Grade, Night, Verdict},
    pipeline::{Audit, DestinationTotal, DeviceAudit},
    report::{
        redact::Redaction,
        words::{self, Case},
    },
};

/// How many destinations a card lists.
const DESTINATIONS: usize = 5;

/// What is said of one subject at length.
pub(in crate::report) struct Card<'a> {
    pub(in crate::report) name: String,
    pub(in crate::report) operator: String,
    pub(in crate::report) finding: &'a Finding,
    pub(in crate::report) minutes: &'a [(crate::base::Minute, crate::ledger::Cell)],
    pub(in crate::report) verdict: Verdict,
    pub(in crate::report) grade: Option<Grade>,
    pub(in crate::report) meaning: String,
    pub(in crate::report) headline: Option<String>,
    pub(in crate::report) evidence: Vec<String>,
    pub(in crate::report) explanations: Vec<String>,
    pub(in crate::report) unseen: Vec<String>,
    pub(in crate::report) next: Vec<String>,
    pub(in crate::report) numbers: String,
    pub(in crate::report) traffic: String,
    pub(in crate::report) largest: Option<String>,
    pub(in crate::report) destinations: Vec<Destination>,
    pub(in crate::report) further_destinations: usize,
}

/// One destination of one subject.
pub(in crate::report) struct Destination {
    pub(in crate::report) name: String,
    pub(in crate::report) role: Role,
    pub(in crate::report) up: Bytes,
    pub(in crate::report) down: Bytes,
    pub(in crate::report) unattended_up: Bytes,
    pub(in crate::report) evidence: Evidence,
}

impl Card<'_> {
    /// The verdict in words, with its grade.
    pub(in crate::report) fn verdict_words(&self) -> String {
        match self.grade {
            Some(grade) => format!("{} ({})", words::verdict(self.verdict), words::grade(grade)),
            None => words::verdict(self.verdict).to_owned(),
        }
    }

    /// Its nights.
    pub(in crate::report) fn nights(&self) -> &[Night] {
        &self.finding.nights
    }

    /// Whether it is known of any destination how much went there while nobody used the device.
    pub(in crate::report) fn tells_unattended(&self) -> bool {
        self.destinations.iter().any(|to| to.unattended_up > Bytes::ZERO)
    }

    /// Whether the reader must look at it.
    pub(in crate::report) fn is_flagged(&self) -> bool {
        is_flagged(self.verdict)
    }
}

pub(in crate::report) fn card<'a>(
    device: &'a DeviceAudit,
    finding: &'a Finding,
    audit: &Audit,
    redaction: &Redaction,
) -> Card<'a> {
    let ledger = &device.ledger.subjects[finding.subject];
    let (subject, operator) = (subject_name(&ledger.subject), name(&ledger.subject.operator));
    let case = Case { name: &subject, operator: &operator, ledger, finding, zone: audit.timezone };
    let all: Vec<&DestinationTotal> =
        device.destinations.iter().filter(|total| total.subject == finding.subject && moved_any(total)).collect();
    Card {
        finding,
        minutes: &ledger.minutes,
        verdict: finding.verdict,
        grade: finding.grade,
        meaning: case.meaning(),
        headline: case.headline(),
        evidence: case.evidence(),
        explanations: case.explanations(),
        unseen: case.unseen(),
        next: case.next(),
        numbers: case.numbers(),
        traffic: traffic(ledger) + &case.unattended().unwrap_or_default(),
        largest: case.largest(),
        destinations: all.iter().take(DESTINATIONS).map(|total| destination(total, device, redaction)).collect(),
        further_destinations: all.len().saturating_sub(DESTINATIONS),
        name: subject,
        operator,
    }
}

fn moved_any(total: &DestinationTotal) -> bool {
    total.up + total.down > Bytes::ZERO
}

fn destination(total: &DestinationTotal, device: &DeviceAudit, redaction: &Redaction) -> Destination {
    Destination {
        name: name(&redaction.destination(&total.destination, &device.addresses)),
        role: total.role,
        up: total.up,
        down: total.down,
        unattended_up: total.unattended_up,
        evidence: total.evidence,
    }
}

/// `1.6 GB up, 20 MB down (media 1.6 GB up, 18 MB down; messages …).`
fn traffic(ledger: &crate::ledger::SubjectLedger) -> String {
    let (up, down) = moved(ledger);
    let mut roles = ledger.roles.clone();
    roles.retain(|(_, up, down)| *up + *down > Bytes::ZERO);
    roles.sort_by_key(|(_, up, down)| std::cmp::Reverse(*up + *down));
    let part = |(role, up, down): &(Role, Bytes, Bytes)| format!("{} {up} up, {down} down", words::role(*role));
    let parts = match roles.as_slice() {
        [] => "nothing moved".to_owned(),
        [(only, ..)] => words::role(*only).to_owned(),
        several => several.iter().map(part).collect::<Vec<_>>().join("; "),
    };
    format!("In all {up} up, {down} down ({parts}).")
}

/// Whether the reader must look at it.
pub(super) fn is_flagged(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Insufficient | Verdict::Routine)
}
