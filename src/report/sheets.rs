//! Subjects and nights as rows of CSV, for a spreadsheet or a statistics program.

use std::io::{self, Write};

use super::{
    calendar,
    changes::{Change, Changes},
    csv::{self, Cell},
    json::{annotation, grade, key, verdict},
    redact::Redaction,
};
use crate::{
    base::Bytes,
    ledger::SubjectLedger,
    night::{Finding, Night},
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

/// The column that reports with a report before have last: what was said before of a subject of which something else
/// is said now, `new` where it was not seen before, and nothing where all is as it was.
pub const BEFORE_COLUMN: &str = "before";

/// Writes one row for each device and subject, below a heading row. Sizes are bytes; an empty cell means not known.
pub fn subjects_csv(audit: &Audit, redaction: &Redaction, out: &mut dyn Write) -> io::Result<()> {
    csv::row(&SUBJECT_COLUMNS.map(Cell::text), out)?;
    for_each_subject(audit, |device, ledger, finding| csv::row(&subject(device, ledger, finding, redaction), out))
}

/// As [`subjects_csv`], with what is new first, and [`BEFORE_COLUMN`]. Of what is not seen any more there is a row without
/// a verdict.
pub fn subjects_csv_since(
    audit: &Audit,
    redaction: &Redaction,
    changes: &Changes,
    out: &mut dyn Write,
) -> io::Result<()> {
    csv::row(&SUBJECT_COLUMNS.into_iter().chain([BEFORE_COLUMN]).map(Cell::text).collect::<Vec<_>>(), out)?;
    let mut rows = Rows::default();
    for_each_subject(audit, |device, ledger, finding| {
        let before = before(changes, &redaction.device(&device.id), &ledger.subject.id);
        let mut cells = subject(device, ledger, finding, redaction).to_vec();
        cells.push(Cell::maybe(before));
        rows.add(before, &cells)
    })?;
    for gone in changes.list.iter().filter(|change| matches!(change, Change::Gone(_))).map(Change::standing) {
        let mut cells = vec![Cell::text(gone.device.as_str()), Cell::maybe(gone.label.as_deref())];
        cells.push(Cell::text(gone.name.as_str()));
        cells.resize_with(SUBJECT_COLUMNS.len(), || Cell::Empty);
        cells.push(Cell::text(verdict(gone.verdict)));
        rows.add(Some(""), &cells)?;
    }
    rows.write(out)
}

/// As [`nights_csv`], with the nights of what is new first, and [`BEFORE_COLUMN`].
pub fn nights_csv_since(
    audit: &Audit,
    redaction: &Redaction,
    changes: &Changes,
    out: &mut dyn Write,
) -> io::Result<()> {
    csv::row(&NIGHT_COLUMNS.into_iter().chain([BEFORE_COLUMN]).map(Cell::text).collect::<Vec<_>>(), out)?;
    let mut rows = Rows::default();
    for_each_subject(audit, |device, ledger, finding| {
        let before = before(changes, &redaction.device(&device.id), &ledger.subject.id);
        finding.nights.iter().try_for_each(|one| {
            let mut cells = night(device, ledger, finding, one, audit, redaction).to_vec();
            cells.push(Cell::maybe(before));
            rows.add(before, &cells)
        })
    })?;
    rows.write(out)
}

/// Rows of two kinds: what is new, and what is as it was.
#[derive(Default)]
struct Rows {
    new: Vec<u8>,
    old: Vec<u8>,
}

impl Rows {
    fn add(&mut self, before: Option<&str>, cells: &[Cell<'_>]) -> io::Result<()> {
        csv::row(cells, if before.is_some() { &mut self.new } else { &mut self.old })
    }

    fn write(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.new)?;
        out.write_all(&self.old)
    }
}

/// What was said before of a subject of which something else is said now.
fn before(changes: &Changes, device: &str, subject: &str) -> Option<&'static str> {
    let of = |one: &&Change| one.standing().device == device && one.standing().subject == subject;
    match changes.list.iter().find(of)? {
        Change::Verdict { before, .. } => Some(verdict(before.verdict)),
        Change::New(_) => Some("new"),
        Change::Gone(_) => None,
    }
}

/// Writes one row for each device, subject and night, below a heading row. Sizes are bytes.
pub fn nights_csv(audit: &Audit, redaction: &Redaction, out: &mut dyn Write) -> io::Result<()> {
    csv::row(&NIGHT_COLUMNS.map(Cell::text), out)?;
    for_each_subject(audit, |device, ledger, finding| {
        finding.nights.iter().try_for_each(|one| csv::row(&night(device, ledger, finding, one, audit, redaction), out))
    })
}

fn night<'a>(
    device: &'a DeviceAudit,
    ledger: &'a SubjectLedger,
    finding: &Finding,
    night: &Night,
    audit: &Audit,
    redaction: &'a Redaction,
) -> [Cell<'a>; NIGHT_COLUMNS.len()] {
    [
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
    ]
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

fn subject<'a>(
    device: &'a DeviceAudit,
    ledger: &'a SubjectLedger,
    finding: &Finding,
    redaction: &'a Redaction,
) -> [Cell<'a>; SUBJECT_COLUMNS.len()] {
    let (evidence, bounds) = (&finding.evidence, &finding.bounds);
    let annotations: Vec<_> = finding.annotations.iter().copied().map(annotation).collect();
    [
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
    ]
}

fn size(size: Option<Bytes>) -> Cell<'static> {
    size.map_or(Cell::Empty, |size| Cell::Count(size.0))
}

fn share(share: Option<f64>) -> Cell<'static> {
    share.map_or(Cell::Empty, Cell::Number)
}
