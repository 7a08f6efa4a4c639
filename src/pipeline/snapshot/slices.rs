//! Who sent how much to whom in which minute: the rows that a brushed stretch of time is answered from.

use std::collections::HashMap;

use crate::{
    base::{Bytes, Minute},
    identify::{DeviceId, Role},
    ledger::{Ledger, Row, RowKey},
    night::Finding,
    pipeline::{Audit, DeviceAudit, conclude::Booked},
};

/// More rows than this are summed by quarters of an hour.
pub const MOST_SLICES: usize = 1_500_000;

const QUARTER: u32 = 15;

/// What went to one destination in one minute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Slice {
    /// When.
    pub minute: Minute,
    /// To whom, as an index into the device's destinations.
    pub target: u32,
    /// Somebody was using the device.
    pub attended: bool,
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
}

/// The rows of one device, ascending by minute.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slices {
    /// The rows.
    pub rows: Vec<Slice>,
    /// How many minutes a row stands for: 1, or 15 where there are too many.
    pub grain: u32,
    /// Rows tell destinations apart. Where they do not, each stands for a whole subject, and `target` is its index.
    pub by_destination: bool,
}

impl Slices {
    /// From the minutes of subjects alone.
    pub(super) fn of_subjects(device: &DeviceAudit) -> Self {
        let mut rows = Vec::new();
        for finding in &device.finding.findings {
            let Some(subject) = device.ledger.subjects.get(finding.subject) else { continue };
            let target = u32::try_from(finding.subject).unwrap_or(u32::MAX);
            rows.extend(subject.minutes.iter().map(|(minute, cell)| {
                let attended = finding.is_attended(*minute);
                Slice { minute: *minute, target, attended, up: cell.up, down: cell.down }
            }));
        }
        rows.sort_by_key(|slice| slice.minute);
        Self { rows, grain: 1, by_destination: false }
    }
}

/// The slices of every device of `audit`, which was drawn from `booked`.
pub(super) fn of(booked: &Booked<'_>, audit: &Audit) -> Vec<Slices> {
    let ids: HashMap<&str, DeviceId> =
        booked.books.account.ledger.devices().map(|id| (booked.devices.device(id).id.as_str(), id)).collect();
    let one = |device: &DeviceAudit| {
        ids.get(device.id.as_str()).map(|id| of_device(&booked.books.account.ledger, *id, device))
    };
    audit.devices.iter().map(|device| one(device).unwrap_or_default()).collect()
}

/// The slices of one device, which `ledger` knows as `id`.
pub(super) fn of_device(ledger: &Ledger, id: DeviceId, device: &DeviceAudit) -> Slices {
    let count = ledger.rows(id).count();
    let grain = if count > MOST_SLICES { QUARTER } else { 1 };
    let mut find = Finder::new(ledger, device);
    let mut rows: Vec<Slice> = Vec::with_capacity(if grain == 1 { count } else { 0 });
    for (key, row) in ledger.rows(id) {
        let Some((target, finding)) = find.target(key) else { continue };
        add(&mut rows, slice(key, row, target, finding, grain));
    }
    rows.sort_by_key(|slice| slice.minute);
    Slices { rows, grain, by_destination: true }
}

fn slice(key: &RowKey, row: &Row, target: u32, finding: &Finding, grain: u32) -> Slice {
    let minute = Minute(key.minute.0 / grain * grain);
    Slice { minute, target, attended: finding.is_attended(key.minute), up: row.up, down: row.down }
}

/// Rows of one destination follow each other by minute: what falls into the same slice is summed.
fn add(rows: &mut Vec<Slice>, next: Slice) {
    match rows.last_mut() {
        Some(last) if last.minute == next.minute && last.target == next.target && last.attended == next.attended => {
            last.up += next.up;
            last.down += next.down;
        }
        _ => rows.push(next),
    }
}

/// Index of a destination, and what is said of its subject; `None` where it is not listed.
type Found<'a> = Option<(u32, &'a Finding)>;

/// Finds the destination that a row was summed under.
struct Finder<'a> {
    ledger: &'a Ledger,
    device: &'a DeviceAudit,
    subjects: HashMap<&'a str, usize>,
    targets: HashMap<(usize, Role, &'a str), u32>,
    /// Subject, role and destination of the last row, and what was found for them.
    last: Option<((u32, Role, u32), Found<'a>)>,
}

impl<'a> Finder<'a> {
    fn new(ledger: &'a Ledger, device: &'a DeviceAudit) -> Self {
        let subjects = device.ledger.subjects.iter().enumerate();
        let targets = (0_u32..).zip(&device.destinations);
        Self {
            ledger,
            device,
            subjects: subjects.map(|(at, ledger)| (ledger.subject.id.as_str(), at)).collect(),
            targets: targets.map(|(at, to)| ((to.subject, to.role, to.destination.as_str()), at)).collect(),
            last: None,
        }
    }

    fn target(&mut self, key: &RowKey) -> Found<'a> {
        let whose = (key.subject, key.role, key.destination);
        match self.last {
            Some((known, found)) if known == whose => found,
            _ => {
                let found = self.find(key);
                self.last = Some((whose, found));
                found
            }
        }
    }

    fn find(&self, key: &RowKey) -> Found<'a> {
        let ledger = self.ledger;
        let subject = ledger.subject(key.subject);
        let at = *self.subjects.get(subject.id.as_str()).or_else(|| self.subjects.get("web"))?;
        let target = *self.targets.get(&(at, key.role, ledger.destination(key.destination)))?;
        Some((target, self.device.finding.findings.get(at)?))
    }
}
