//! A booked ledger becomes an [`Audit`].

use std::collections::{BTreeMap, HashMap};

use super::{
    audit::{Audit, DestinationTotal, DeviceAudit, Loss, Remit, RulesInfo, Totals},
    booking::Books,
    offline::Judging,
};
use crate::{
    base::Bytes,
    capture::{FileReport, logs::LogReport},
    identify::{Device, DeviceId, Devices, Evidence, Kind, Role, Rules},
    ledger::{self, Account, Coverage, DeviceLedger, Row, RowKey, Watched},
    night::{self, DeviceFinding},
};

/// The runs of minutes that captures and logs cover.
pub(super) fn watched(files: &[FileReport], logs: &[LogReport]) -> Coverage {
    let run = |file: &FileReport| Some(Watched::of_capture(file.first?, file.last?, file.frames, file.lost));
    let logged = |log: &LogReport| Some(Watched::of_capture(log.first?, log.last?, log.packets, 0));
    let captured = files.iter().filter_map(run).collect();
    ledger::union([ledger::join_files(captured), ledger::join_logs(logs.iter().filter_map(logged).collect())].concat())
        .into()
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
pub(super) fn audit(booked: Booked<'_>, coverage: &Coverage, rules: &Rules, judging: &Judging) -> Audit {
    let account = &booked.books.account;
    let judged = |id| device(account, id, booked.devices.device(id).clone(), coverage, judging);
    let devices = in_order(account.ledger.devices().map(judged).collect(), judging);
    let all = account.ledger.total();
    let totals = Totals { packets: booked.frames, wire: booked.wire, ..totals(all, &devices) };
    Audit {
        timezone: judging.timezone,
        rules: rules_info(rules),
        inputs: Vec::new(),
        failed: Vec::new(),
        notes: Vec::new(),
        remit: Remit { conditions: judging.night.conditions(), ..Remit::default() },
        totals,
        losses: booked.losses,
        devices,
    }
}

/// Which rules attributed.
pub(super) fn rules_info(rules: &Rules) -> RulesInfo {
    RulesInfo { count: rules.len(), sha256: rules.sha256().to_owned() }
}

/// Devices by how much they moved, the most first, their verdicts graded among all rows of the report.
pub(super) fn in_order(mut devices: Vec<DeviceAudit>, judging: &Judging) -> Vec<DeviceAudit> {
    night::compare(devices.iter_mut().map(|device| &mut device.finding), &judging.night);
    devices.sort_by(|a, b| (moved(&b.ledger), &a.id).cmp(&(moved(&a.ledger), &b.id)));
    devices
}

/// Judges one device, which the account has under the number `id`.
pub(super) fn device(
    account: &Account,
    id: DeviceId,
    known: Device,
    coverage: &Coverage,
    judging: &Judging,
) -> DeviceAudit {
    let ledger = account.ledger.device(id, &account.ledger.watched(id, coverage), &account.facts);
    let finding = night::judge(&ledger, &judging.night);
    let destinations = destinations(account, id, &ledger, &finding);
    let Device { id: name, label, addresses } = known;
    DeviceAudit { id: name, label, addresses: addresses.into_iter().collect(), ledger, finding, destinations }
}

/// What one destination was sent: in all, unattended, and by what evidence it is known.
#[derive(Default)]
struct Sent {
    all: Row,
    unattended_up: Bytes,
    evidence: Option<Evidence>,
}

fn destinations(
    account: &Account,
    device: DeviceId,
    ledger: &DeviceLedger,
    finding: &DeviceFinding,
) -> Vec<DestinationTotal> {
    let index: HashMap<&str, usize> =
        ledger.subjects.iter().enumerate().map(|(at, subject)| (subject.subject.id.as_str(), at)).collect();
    let mut places: HashMap<u32, Option<usize>> = HashMap::new();
    let mut place = |subject: u32| {
        let find = || index.get(account.ledger.subject(subject).id.as_str()).or_else(|| index.get("web")).copied();
        *places.entry(subject).or_insert_with(find)
    };
    let evidence = |subject, role, destination| account.evidence.get(&(device, subject, role, destination)).copied();
    let mut sums: BTreeMap<(usize, Role, u32), Sent> = BTreeMap::new();
    let rows: Vec<_> = account.ledger.rows(device).collect();
    let what = |key: &RowKey| (key.subject, key.role, key.destination);
    for rows in rows.chunk_by(|a, b| what(a.0) == what(b.0)) {
        let Some((key, _)) = rows.first() else { continue };
        let Some(at) = place(key.subject) else { continue };
        let sum = sums.entry((at, key.role, key.destination)).or_default();
        for (key, row) in rows {
            sum.all.add(row);
            if row.up > Bytes::ZERO && !finding.findings[at].is_attended(key.minute) {
                sum.unattended_up += row.up;
            }
        }
        sum.evidence = sum.evidence.max(evidence(key.subject, key.role, key.destination));
    }
    let unplaced = account.ledger.unplaced(device).map(|(key, row)| (key.subject, key.role, key.destination, row));
    for (subject, role, destination, row) in account.ledger.sums(device).chain(unplaced) {
        let Some(at) = place(subject) else { continue };
        let sum = sums.entry((at, role, destination)).or_default();
        sum.all.add(row);
        sum.evidence = sum.evidence.max(evidence(subject, role, destination));
    }
    let mut totals: Vec<DestinationTotal> = sums
        .into_iter()
        .map(|((subject, role, destination), sent)| DestinationTotal {
            subject,
            role,
            destination: account.ledger.destination(destination).to_owned(),
            up: sent.all.up,
            down: sent.all.down,
            unattended_up: sent.unattended_up,
            evidence: sent.evidence.unwrap_or(Evidence::None),
        })
        .collect();
    // Equal volumes are told apart by name, so that the order does not depend on where the rows came from.
    totals.sort_by(|a, b| {
        let key = |total: &DestinationTotal| (total.up, total.down);
        key(b).cmp(&key(a)).then_with(|| (a.subject, a.role, &a.destination).cmp(&(b.subject, b.role, &b.destination)))
    });
    totals
}

/// Payload sums: of everything booked, and of what no rule and no name explains.
pub(super) fn totals(all: &Row, devices: &[DeviceAudit]) -> Totals {
    let mut totals = Totals { payload_up: all.up, payload_down: all.down, ..Totals::default() };
    for subject in devices.iter().flat_map(|device| &device.ledger.subjects) {
        if subject.subject.kind == Kind::Unattributed {
            totals.unattributed_up += subject.roles.iter().map(|(_, up, _)| *up).sum();
            totals.unattributed_down += subject.roles.iter().map(|(_, _, down)| *down).sum();
        }
    }
    totals
}

fn moved(ledger: &DeviceLedger) -> Bytes {
    ledger.subjects.iter().flat_map(|subject| &subject.roles).map(|(_, up, down)| *up + *down).sum()
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
        let watched = watched(&[(100, 160), (10, 40), (41, 60)].map(file), &[]);
        let watched = watched.all();
        assert_eq!(watched.iter().map(|watch| watch.dropped).collect::<Vec<_>>(), [0.0, 0.1]);
        let spans: Vec<_> = watched.iter().map(|watch| (watch.span.first.0, watch.span.end.0)).collect();
        assert_eq!(spans, [(10, 61), (100, 161)]);
    }
}
