//! A booked ledger becomes an [`Audit`].

use std::collections::{BTreeMap, HashMap};

use super::{
    audit::{Audit, DestinationTotal, DeviceAudit, Loss, RulesInfo, Totals},
    booking::Books,
    offline::Judging,
};
use crate::{
    base::{Bytes, Span},
    capture::FileReport,
    identify::{Device, DeviceId, Devices, Evidence, Kind, Role, Rules},
    ledger::{DeviceLedger, Row, Watched},
    night::{self, DeviceFinding},
};

/// Minutes between two files of a rotated set in which nobody is thought to have looked away.
const ROTATION_MINUTES: u32 = 2;

/// The runs of minutes that captures cover, from the first and last stamp of each; where they overlap or follow each
/// other, the larger loss counts for both.
pub(super) fn watched(files: &[FileReport]) -> Vec<Watched> {
    let mut runs: Vec<Watched> = files.iter().filter_map(run).collect();
    runs.sort_by_key(|run| run.span);
    let mut joined: Vec<Watched> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(open) if run.span.first.since(open.span.end) <= ROTATION_MINUTES => {
                open.span.end = open.span.end.max(run.span.end);
                open.dropped = open.dropped.max(run.dropped);
            }
            _ => joined.push(run),
        }
    }
    joined
}

fn run(file: &FileReport) -> Option<Watched> {
    let span = Span { first: file.first?.minute(), end: file.last?.minute().plus(1) };
    let lost = file.lost as f64;
    Some(Watched { span, dropped: lost / (file.frames as f64 + lost).max(1.0) })
}

/// What has been booked up to some moment, which need not be the end.
pub(super) struct Booked<'a> {
    pub(super) books: &'a Books,
    pub(super) devices: &'a Devices,
    pub(super) losses: Vec<Loss>,
    pub(super) wire: Bytes,
    pub(super) frames: u64,
}

/// Judges every device. Inputs, failures and notes are for the caller to fill in.
pub(super) fn audit(booked: Booked<'_>, watched: &[Watched], rules: &Rules, judging: &Judging) -> Audit {
    let ids: Vec<DeviceId> = booked.books.ledger.devices().collect();
    let mut devices: Vec<DeviceAudit> = ids.iter().map(|id| device(&booked, *id, watched, judging)).collect();
    devices.sort_by_key(|device| std::cmp::Reverse(moved(&device.ledger)));
    Audit {
        timezone: judging.timezone,
        rules: RulesInfo { count: rules.len(), sha256: rules.sha256().to_owned() },
        inputs: Vec::new(),
        failed: Vec::new(),
        notes: Vec::new(),
        totals: totals(&booked, &devices),
        losses: booked.losses,
        devices,
    }
}

fn device(booked: &Booked<'_>, id: DeviceId, watched: &[Watched], judging: &Judging) -> DeviceAudit {
    let ledger = booked.books.ledger.device(id, watched, &booked.books.facts);
    let finding = night::judge(&ledger, &judging.night);
    let Device { id: name, label, addresses } = booked.devices.device(id).clone();
    let destinations = destinations(booked, id, &ledger, &finding);
    DeviceAudit { id: name, label, addresses: addresses.into_iter().collect(), ledger, finding, destinations }
}

fn destinations(
    booked: &Booked<'_>,
    device: DeviceId,
    ledger: &DeviceLedger,
    finding: &DeviceFinding,
) -> Vec<DestinationTotal> {
    let books = booked.books;
    let index: HashMap<&str, usize> =
        ledger.subjects.iter().enumerate().map(|(at, subject)| (subject.subject.id.as_str(), at)).collect();
    let mut sums: BTreeMap<(usize, Role, u32), (Row, Bytes, Evidence)> = BTreeMap::new();
    for (key, row) in books.ledger.rows(device) {
        let subject = books.ledger.subject(key.subject);
        let Some(at) = index.get(subject.id.as_str()).or_else(|| index.get("web")) else { continue };
        let evidence = books.evidence.get(&(device, key.subject, key.role, key.destination)).copied();
        let sum = sums.entry((*at, key.role, key.destination)).or_insert((Row::default(), Bytes::ZERO, Evidence::None));
        sum.0.add(row);
        if !finding.findings[*at].is_attended(key.minute) {
            sum.1 += row.up;
        }
        sum.2 = sum.2.max(evidence.unwrap_or(Evidence::None));
    }
    for (key, row) in books.ledger.unplaced(device) {
        let subject = books.ledger.subject(key.subject);
        let Some(at) = index.get(subject.id.as_str()).or_else(|| index.get("web")) else { continue };
        let evidence = books.evidence.get(&(device, key.subject, key.role, key.destination)).copied();
        let sum = sums.entry((*at, key.role, key.destination)).or_insert((Row::default(), Bytes::ZERO, Evidence::None));
        sum.0.add(row);
        sum.2 = sum.2.max(evidence.unwrap_or(Evidence::None));
    }
    let mut totals: Vec<DestinationTotal> = sums
        .into_iter()
        .map(|((subject, role, destination), (row, unattended_up, evidence))| DestinationTotal {
            subject,
            role,
            destination: books.ledger.destination(destination).to_owned(),
            up: row.up,
            down: row.down,
            unattended_up,
            evidence,
        })
        .collect();
    totals.sort_by_key(|total| std::cmp::Reverse((total.up, total.down)));
    totals
}

fn totals(booked: &Booked<'_>, devices: &[DeviceAudit]) -> Totals {
    let all = booked.books.ledger.total();
    let mut totals = Totals {
        packets: booked.frames,
        wire: booked.wire,
        payload_up: all.up,
        payload_down: all.down,
        ..Totals::default()
    };
    for subject in devices.iter().flat_map(|device| &device.ledger.subjects) {
        if subject.subject.kind == Kind::Unattributed {
            totals.unattributed_up += subject.up();
            totals.unattributed_down += subject.down();
        }
    }
    totals
}

fn moved(ledger: &DeviceLedger) -> Bytes {
    ledger.subjects.iter().map(|subject| subject.up() + subject.down()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stamp;

    #[test]
    fn rotated_files_are_one_watch_and_a_gap_is_a_gap() {
        let file = |(first, last): (u64, u64)| FileReport {
            path: "x".into(),
            sha256: String::new(),
            frames: 90,
            first: Some(Stamp::new(first * 60, 0)),
            last: Some(Stamp::new(last * 60, 0)),
            links: Vec::new(),
            broken: 0,
            lost: u64::from(first == 100) * 10,
            cut: None,
            error: None,
        };
        let watched = watched(&[(100, 160), (10, 40), (41, 60)].map(file));
        assert_eq!(watched.iter().map(|watch| watch.dropped).collect::<Vec<_>>(), [0.0, 0.1]);
        let spans: Vec<_> = watched.iter().map(|watch| (watch.span.first.0, watch.span.end.0)).collect();
        assert_eq!(spans, [(10, 61), (100, 161)]);
    }
}
