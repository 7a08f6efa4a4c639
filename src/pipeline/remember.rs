//! What an audit said, for the ledger to keep when its minutes are gone.

use super::audit::{Audit, DeviceAudit};
use crate::{
    base::{Bytes, Span, Stamp},
    ledger::{NightRecord, RunRecord, Store, StoreError, VerdictRecord},
    night::{Finding, Grade, Night, Verdict},
};

/// Keeps what `audit` said of `span` (of all) at the moment `made`, under the name of what asked for it.
pub fn remember(
    store: &mut Store,
    name: &str,
    made: Stamp,
    span: Option<Span>,
    audit: &Audit,
) -> Result<(), StoreError> {
    store.remember(&run_record(name, made, span, audit))
}

/// What a ledger keeps of `audit`: as [`remember`] writes it.
pub fn run_record(name: &str, made: Stamp, span: Option<Span>, audit: &Audit) -> RunRecord {
    RunRecord {
        name: name.to_owned(),
        made,
        span,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules_sha256: audit.rules.sha256.clone(),
        verdicts: audit.devices.iter().flat_map(verdicts).collect(),
    }
}

fn verdicts(device: &DeviceAudit) -> impl Iterator<Item = VerdictRecord> {
    device.finding.findings.iter().filter_map(|finding| verdict(device, finding))
}

fn verdict(device: &DeviceAudit, finding: &Finding) -> Option<VerdictRecord> {
    let subject = device.ledger.subjects.get(finding.subject)?.subject.clone();
    let log10_e = finding.evidence.log10_e.max(finding.evidence.log10_e_drip);
    Some(VerdictRecord {
        device: device.id.clone(),
        subject,
        verdict: word(finding.verdict).to_owned(),
        grade: finding.grade.map(|grade| grade_word(grade).to_owned()),
        log10_e: if log10_e.is_finite() { log10_e } else { 0.0 },
        eligible_nights: finding.evidence.eligible_nights,
        worst_night: finding.bounds.worst_night,
        nights: finding.nights.iter().filter_map(night).collect(),
    })
}

/// A night in which something went up.
fn night(night: &Night) -> Option<NightRecord> {
    let up = night.unattended_raw_up + night.attended_up + night.streams_up;
    (up > Bytes::ZERO).then_some(NightRecord {
        start: night.start,
        coverage: night.coverage,
        unattended_up: night.unattended_up,
        unattended_raw_up: night.unattended_raw_up,
        bulk_up: night.bulk_up,
        attended_up: night.attended_up,
        streams_up: night.streams_up,
    })
}

/// A verdict's name, as reports write it.
const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Insufficient => "insufficient",
        Verdict::Routine => "routine",
        Verdict::SmallRecurrent => "small-recurrent",
        Verdict::BulkButIrregular => "bulk-but-irregular",
        Verdict::BackupLike => "backup-like",
        Verdict::ExportLike => "export-like",
    }
}

const fn grade_word(grade: Grade) -> &'static str {
    match grade {
        Grade::Strong => "strong",
        Grade::Suggestive => "suggestive",
    }
}
