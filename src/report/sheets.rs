//! Subjects and nights as rows of CSV, for a spreadsheet or a statistics program.

use std::io::{self, Write};

use super::{
    calendar,
    csv::{self, Cell},
    json::{annotation, grade, key, verdict},
    redact::Redaction,
};
use crate::{
    base::Bytes,
    ledger::SubjectLedger,
    night::Finding,
    pipeline::{Audit, DeviceAudit},
};

/// The column names of [`subjects_csv`], in order.
pub const SUBJECT_COLUMNS: [&str; 25] = [
    "device",
    "label",
    "subject",
    "kind",
    "operator",
    "verdict",
    "grade",
    "annotations",
    "up",
    "down",
    "nights",
    "eligible_nights",
    "log10_e",
    "log10_e_drip",
    "tipping_rate",
    "median_hit",
    "first_flagged_night",
    "worst_night",
    "third_worst_night",
    "median_night",
    "raw_worst_night",
    "frequency_upper_95",
    "detectable_any",
    "detectable_export_like",
    "largest_upload",
];

/// The column names of [`nights_csv`], in order.
pub const NIGHT_COLUMNS: [&str; 12] = [
    "device",
    "label",
    "subject",
    "kind",
    "verdict",
    "date",
    "coverage",
    "unattended_up",
    "unattended_raw_up",
    "bulk_up",
    "attended_up",
    "streams_up",
];

/// Writes one row for each device and subject, below a heading row. Sizes are bytes; an empty cell means not known.
pub fn subjects_csv(audit: &Audit, redaction: &Redaction, out: &mut dyn Write) -> io::Result<()> {
    csv::row(&SUBJECT_COLUMNS.map(Cell::text), out)?;
    for_each_subject(audit, |device, ledger, finding| subject(device, ledger, finding, redaction, out))
}

/// Writes one row for each device, subject and night, below a heading row. Sizes are bytes.
pub fn nights_csv(audit: &Audit, redaction: &Redaction, out: &mut dyn Write) -> io::Result<()> {
    csv::row(&NIGHT_COLUMNS.map(Cell::text), out)?;
    for_each_subject(audit, |device, ledger, finding| {
        finding.nights.iter().try_for_each(|night| {
            let cells = [
                Cell::text(redaction.device(&device.id)),
                Cell::maybe(redaction.label(device.label.as_deref())),
                Cell::text(ledger.subject.name.as_str()),
                Cell::text(key(ledger.subject.kind)),
                Cell::text(verdict(finding.verdict)),
                Cell::text(calendar::date(night.start, audit.timezone).to_string()),
                share(Some(night.coverage)),
                Cell::Count(night.unattended_up.0),
                Cell::Count(night.unattended_raw_up.0),
                Cell::Count(night.bulk_up.0),
                Cell::Count(night.attended_up.0),
                Cell::Count(night.streams_up.0),
            ];
            csv::row(&cells, out)
        })
    })
}

fn for_each_subject(
    audit: &Audit,
    mut write: impl FnMut(&DeviceAudit, &SubjectLedger, &Finding) -> io::Result<()>,
) -> io::Result<()> {
    for device in &audit.devices {
        for finding in &device.finding.findings {
            if let Some(ledger) = device.ledger.subjects.get(finding.subject) {
                write(device, ledger, finding)?;
            }
        }
    }
    Ok(())
}

fn subject(
    device: &DeviceAudit,
    ledger: &SubjectLedger,
    finding: &Finding,
    redaction: &Redaction,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (evidence, bounds) = (&finding.evidence, &finding.bounds);
    let annotations: Vec<_> = finding.annotations.iter().copied().map(annotation).collect();
    let cells = [
        Cell::text(redaction.device(&device.id)),
        Cell::maybe(redaction.label(device.label.as_deref())),
        Cell::text(ledger.subject.name.as_str()),
        Cell::text(key(ledger.subject.kind)),
        Cell::text(ledger.subject.operator.as_str()),
        Cell::text(verdict(finding.verdict)),
        Cell::maybe(finding.grade.map(grade)),
        Cell::text(annotations.join(" ")),
        Cell::Count(ledger.roles.iter().map(|(_, up, _)| *up).sum::<Bytes>().0),
        Cell::Count(ledger.roles.iter().map(|(_, _, down)| *down).sum::<Bytes>().0),
        Cell::Count(finding.nights.len() as u64),
        Cell::Count(evidence.eligible_nights.into()),
        Cell::Number(evidence.log10_e),
        Cell::Number(evidence.log10_e_drip),
        share(evidence.tipping_rate),
        size(evidence.median_hit),
        evidence.first_flagged_night.map_or(Cell::Empty, |night| Cell::Count(night.into())),
        size(bounds.worst_night),
        size(bounds.third_worst_night),
        size(bounds.median_night),
        size(bounds.raw_worst_night),
        share(bounds.frequency_upper_95),
        size(bounds.detectable),
        size(bounds.detectable_export),
        size(finding.largest_upload.map(|upload| upload.bytes)),
    ];
    csv::row(&cells, out)
}

fn size(size: Option<Bytes>) -> Cell<'static> {
    size.map_or(Cell::Empty, |size| Cell::Count(size.0))
}

fn share(share: Option<f64>) -> Cell<'static> {
    share.map_or(Cell::Empty, Cell::Number)
}
