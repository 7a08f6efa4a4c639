//! The destinations, grouped and sorted.

use std::{collections::HashMap, net::IpAddr};

use super::{
    Stamp,
    choose::{Chooser, FlowChooser, remote},
};
use crate::{
    base::{Bytes, Cidr, Minute},
    identify::Evidence,
    pipeline::{
        DeviceAudit, FlowRow,
        snapshot::{Slice, Slices},
    },
    report::{Facts, up_and_down},
    tui::{
        grid::Grid,
        model::{Grouping, Model, Sorting},
    },
};

/// One row of the destinations.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRow {
    /// By what it is grouped, as filters and the wire know it.
    pub key: String,
    /// The number of the autonomous system that it is, where it is one.
    pub system: Option<u32>,
    /// Of which app.
    pub app: String,
    /// What for.
    pub role: String,
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// The part of `up` sent while nobody used the device; `None` where that is not known.
    pub night_up: Option<Bytes>,
    /// When it was first and last talked to; `None` where that is not known.
    pub when: Option<(Minute, Minute)>,
    /// On how many nights.
    pub nights: u32,
    /// The strongest evidence for whose it is.
    pub evidence: Evidence,
}

/// Works them out.
pub(super) fn targets(model: &mut Model) {
    let mut stamp = Stamp::of(model, model.destination_sorting);
    stamp.target = None;
    if model.derived.targets_of.as_ref() == Some(&stamp) {
        return;
    }
    let chosen = model.derived.targets.get(model.destinations.row).map(|row| row.key.clone());
    let (mut rows, unheeded) = match model.device() {
        Some((at, device)) if model.grouping.is_of_flows() => (rows_of_flows(model, at, device), Vec::new()),
        Some((at, device)) => rows_of_slices(model, at, device),
        None => (Vec::new(), Vec::new()),
    };
    sort_targets(&mut rows, model.destination_sorting);
    let place = chosen.and_then(|key| rows.iter().position(|row| row.key == key));
    model.destinations.row = place.unwrap_or(model.destinations.row);
    model.derived.targets_up = rows.iter().map(|row| row.up).sum();
    model.derived.targets = rows;
    model.derived.unheeded = unheeded;
    model.derived.targets_of = Some(stamp);
}

/// What is added up for one target.
#[derive(Clone, Copy, Default)]
struct Sum {
    up: Bytes,
    down: Bytes,
    night_up: Bytes,
    when: Option<(Minute, Minute)>,
    nights: u32,
    last_night: usize,
}

impl Sum {
    fn add(&mut self, slice: &Slice, night: usize) {
        self.up += slice.up;
        self.down += slice.down;
        if !slice.attended {
            self.night_up += slice.up;
        }
        let first = self.when.map_or(slice.minute, |(first, _)| first);
        self.when = Some((first, slice.minute));
        if self.nights == 0 || self.last_night != night {
            self.nights += 1;
            self.last_night = night;
        }
    }
}

fn rows_of_slices(model: &Model, at: usize, device: &DeviceAudit) -> (Vec<TargetRow>, Vec<&'static str>) {
    let chooser = Chooser::new(model, at, device);
    let grid = Grid::of(device, model.snapshot.audit.timezone);
    let mut sums = vec![Sum::default(); chooser.answers.len()];
    let mut night = 0;
    let empty = Slices::default();
    for slice in &model.snapshot.slices.get(at).unwrap_or(&empty).rows {
        while grid.rows.get(night + 1).is_some_and(|next| next.span.first <= slice.minute) {
            night += 1;
        }
        let brushed = model.brush.as_ref().is_none_or(|brush| brush.contains(slice.minute));
        if let Some(sum) = sums.get_mut(slice.target as usize).filter(|_| brushed && chooser.takes(slice)) {
            sum.add(slice, night);
        }
    }
    let moved = sums.iter().enumerate().filter(|(_, sum)| sum.when.is_some());
    let passing = moved.filter(|(target, sum)| {
        let facts = Facts { up: Some(sum.up), down: Some(sum.down), when: None, ..chooser.facts(*target) };
        model.filter.is_everything() || model.filter.answer(&facts, &model.times) != Some(false)
    });
    let rows = passing.map(|(target, sum)| target_row(&chooser, target, sum)).collect();
    let facts = Facts { when: Some((Minute(0).start(), Minute(0).start())), ..chooser.facts(0) };
    let unheeded = if sums.is_empty() { Vec::new() } else { model.filter.unheeded(&facts, &model.times) };
    (grouped(rows, model.grouping), unheeded)
}

fn target_row(chooser: &Chooser<'_>, target: usize, sum: &Sum) -> TargetRow {
    let total = chooser.device.destinations.get(target).filter(|_| chooser.by_destination);
    let subject = chooser.device.ledger.subjects.get(chooser.subject(target)).map(|ledger| &ledger.subject);
    let (name, operator) = subject.map(|s| (s.name.clone(), s.operator.clone())).unwrap_or_default();
    let role = total.map(|total| crate::report::role_word(total.role).to_owned()).unwrap_or_default();
    let key = match chooser.model.grouping {
        Grouping::App => name.clone(),
        Grouping::Operator => operator,
        Grouping::Role => role.clone(),
        _ => total.map_or(name.clone(), |total| total.destination.clone()),
    };
    TargetRow {
        key,
        system: None,
        app: name,
        role,
        up: sum.up,
        down: sum.down,
        night_up: Some(sum.night_up),
        when: sum.when,
        nights: sum.nights,
        evidence: total.map_or(Evidence::None, |total| total.evidence),
    }
}

/// Rows of the same key become one; a destination of two apps or roles stays two.
fn grouped(rows: Vec<TargetRow>, grouping: Grouping) -> Vec<TargetRow> {
    if grouping == Grouping::Destination {
        return rows;
    }
    let mut by_key: HashMap<String, TargetRow> = HashMap::new();
    for row in rows {
        match by_key.get_mut(&row.key) {
            Some(sum) => join(sum, &row),
            None => {
                by_key.insert(row.key.clone(), row);
            }
        }
    }
    by_key.into_values().collect()
}

fn join(sum: &mut TargetRow, row: &TargetRow) {
    sum.up += row.up;
    sum.down += row.down;
    sum.night_up = sum.night_up.zip(row.night_up).map(|(a, b)| a + b);
    sum.when = match (sum.when, row.when) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (a, b) => a.or(b),
    };
    sum.nights = sum.nights.max(row.nights);
    sum.evidence = sum.evidence.max(row.evidence);
    if sum.app != row.app {
        "several".clone_into(&mut sum.app);
    }
    if sum.role != row.role {
        "several".clone_into(&mut sum.role);
    }
}

/// Hosts, address blocks or autonomous systems, with what whole flows carried.
fn rows_of_flows(model: &Model, at: usize, device: &DeviceAudit) -> Vec<TargetRow> {
    let mut by_key: HashMap<String, TargetRow> = HashMap::new();
    let chooser = FlowChooser::new(model, Some((at, device))).anywhere();
    for row in (0..model.snapshot.flow_count()).filter_map(|n| model.snapshot.flow(n)).filter(|row| chooser.takes(row))
    {
        let [up, down] = up_and_down(row, Some(at), &model.times);
        let (first, last) = (row.first.minute(), row.last.minute());
        let (key, system) = flow_key(row, model, device);
        let next = TargetRow {
            key,
            system,
            app: row.app.clone().unwrap_or_default(),
            role: crate::report::role_word(row.role).to_owned(),
            up,
            down,
            night_up: None,
            when: Some((first, last)),
            nights: 0,
            evidence: row.evidence,
        };
        match by_key.get_mut(&next.key) {
            Some(sum) => join(sum, &next),
            None => {
                by_key.insert(next.key.clone(), next);
            }
        }
    }
    by_key.into_values().collect()
}

/// What a flow is summed under: with the number of the autonomous system, where those are asked for.
fn flow_key(row: &FlowRow, model: &Model, device: &DeviceAudit) -> (String, Option<u32>) {
    let remote = remote(row, device);
    match (&row.host, model.grouping) {
        (Some(host), Grouping::Host) => (host.clone(), None),
        (_, Grouping::System) => match model.asn.as_deref().and_then(|table| table.find(remote)) {
            Some(system) => (format!("AS{} {}", system.number, system.name), Some(system.number)),
            None => (UNANNOUNCED.to_owned(), None),
        },
        _ => (block(remote), None),
    }
}

/// What addresses that no autonomous system announces are summed under.
const UNANNOUNCED: &str = "in no range of the table";

fn block(remote: IpAddr) -> String {
    let base = Cidr::new(remote, if remote.is_ipv4() { 24 } else { 48 });
    base.map_or_else(|| remote.to_string(), |block| format!("{}/{}", block.base(), block.length()))
}

/// The sortable columns of the destinations, in the order in which `sort` goes through them.
pub(crate) const TARGET_SORTS: [&str; 6] = ["unattended", "up", "down", "name", "last seen", "nights"];

fn sort_targets(rows: &mut [TargetRow], sorting: Sorting) {
    use std::cmp::Reverse;
    // Whatever the column, equals lie by name, so that the order is always the same.
    rows.sort_by(|a, b| (&a.key, &a.app, &a.role).cmp(&(&b.key, &b.app, &b.role)));
    match sorting.by {
        0 => rows.sort_by_key(|row| Reverse((row.night_up, row.up))),
        1 => rows.sort_by_key(|row| Reverse(row.up)),
        2 => rows.sort_by_key(|row| Reverse(row.down)),
        4 => rows.sort_by_key(|row| Reverse(row.when.map(|(_, last)| last))),
        5 => rows.sort_by_key(|row| Reverse(row.nights)),
        _ => {}
    }
    if sorting.reversed {
        rows.reverse();
    }
}
