//! What views draw, worked out from snapshot, choice, filter and brush when one of them changes, and only for the view
//! that is looked at.

use std::{collections::HashMap, sync::Arc};

use super::{
    brush::Brush,
    grid::Grid,
    model::{Grouping, Model, Sorting, View},
    series::{Point, Series},
};
use crate::{
    base::{Bytes, Minute},
    identify::Evidence,
    pipeline::{
        DeviceAudit, FlowRow,
        snapshot::{Slice, Slices, Stage},
    },
    report::{Facts, Filter, Story, up_and_down},
};

/// One row of the destinations.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRow {
    /// By what it is grouped, as filters and the wire know it.
    pub key: String,
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

/// What is kept.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// The nights of the chosen device.
    pub grid: Grid,
    /// What moved by minute, of what is chosen and asked for.
    pub series: Series,
    /// Minutes in which somebody was using the device, for what is chosen.
    pub attended: Arc<[crate::base::Span]>,
    /// The destinations.
    pub targets: Vec<TargetRow>,
    /// Payload from the device over all of them.
    pub targets_up: Bytes,
    /// The flows that pass, sorted, as indexes into the snapshot.
    pub flows: Vec<u32>,
    /// What is said of the chosen subject.
    pub story: Option<Story>,
    /// The keys of the filter that the view cannot heed.
    pub unheeded: Vec<&'static str>,
    time_of: Option<Stamp>,
    targets_of: Option<Stamp>,
    flows_of: Option<Stamp>,
    story_of: Option<Stamp>,
}

/// What something was worked out from.
#[derive(Clone, Debug, PartialEq)]
struct Stamp {
    number: u64,
    row: usize,
    filter: String,
    brush: Option<Brush>,
    target: Option<String>,
    grouping: Grouping,
    sorting: Sorting,
    redacted: bool,
}

/// Works out what the view needs and has not got.
pub(crate) fn refresh(model: &mut Model) {
    match model.view {
        View::Nights | View::Traffic => time(model),
        View::Destinations => targets(model),
        View::Flows => flows(model),
        View::Finding => story(model),
        View::Overview | View::Help => model.derived.unheeded.clear(),
    }
}

impl Stamp {
    fn of(model: &Model, sorting: Sorting) -> Self {
        Self {
            number: model.snapshot.number,
            row: model.overview.row,
            filter: model.filter_text.clone(),
            brush: model.brush.clone(),
            target: model.target.clone(),
            grouping: model.grouping,
            sorting,
            redacted: model.redaction != crate::report::Redaction::Off,
        }
    }
}

const UNSORTED: Sorting = Sorting { by: 0, reversed: false };

/// Nights and series. What is brushed does not matter: it is what is chosen from them.
fn time(model: &mut Model) {
    let mut stamp = Stamp::of(model, UNSORTED);
    (stamp.brush, stamp.target) = (None, None);
    if model.derived.time_of.as_ref() == Some(&stamp) {
        return;
    }
    let mut derived = std::mem::take(&mut model.derived);
    (derived.grid, derived.series, derived.attended) = (Grid::default(), Series::default(), Arc::new([]));
    derived.unheeded.clear();
    if let Some((at, device)) = model.device() {
        derived.grid = Grid::of(device, model.snapshot.audit.timezone);
        derived.attended = attended(model, device);
        let chooser = Chooser::new(model, at, device);
        derived.unheeded = chooser.unheeded();
        for slice in model.snapshot.slices.get(at).map(|slices| slices.rows.as_slice()).unwrap_or_default() {
            if chooser.takes(slice) {
                let night_up = if slice.attended { Bytes::ZERO } else { slice.up };
                derived.series.add(slice.minute, Point { up: slice.up, down: slice.down, night_up });
            }
        }
        for row in &mut derived.grid.rows {
            row.night_up = derived.series.sum(row.span).night_up;
        }
    }
    derived.time_of = Some(stamp);
    model.derived = derived;
}

fn attended(model: &Model, device: &DeviceAudit) -> Arc<[crate::base::Span]> {
    let findings = &device.finding.findings;
    let finding = match model.subject() {
        Some(subject) => findings.iter().find(|finding| finding.subject == subject),
        None => findings.first(),
    };
    let nobody = || -> Arc<[crate::base::Span]> { Arc::new([]) };
    finding.map_or_else(nobody, |finding| Arc::clone(&finding.attended))
}

/// Which slices are of what is chosen and asked for.
struct Chooser<'a> {
    model: &'a Model,
    at: usize,
    device: &'a DeviceAudit,
    by_destination: bool,
    /// What the filter answers for each target at any time; `None` where it depends on the minute.
    answers: Vec<Option<bool>>,
}

impl<'a> Chooser<'a> {
    fn new(model: &'a Model, at: usize, device: &'a DeviceAudit) -> Self {
        let by_destination = model.snapshot.slices.get(at).is_none_or(|slices| slices.by_destination);
        let mut chooser = Self { model, at, device, by_destination, answers: Vec::new() };
        let targets = if by_destination { device.destinations.len() } else { device.ledger.subjects.len() };
        chooser.answers = (0..targets).map(|target| chooser.answer(target)).collect();
        chooser
    }

    fn subject(&self, target: usize) -> usize {
        if self.by_destination {
            self.device.destinations.get(target).map_or(usize::MAX, |total| total.subject)
        } else {
            target
        }
    }

    fn facts(&self, target: usize) -> Facts<'a> {
        let audit = &self.model.snapshot.audit;
        match self.device.destinations.get(target).filter(|_| self.by_destination) {
            Some(total) => Facts::of_destination(audit, self.at, total),
            None => Facts::of_subject(audit, self.at, target),
        }
    }

    fn answer(&self, target: usize) -> Option<bool> {
        if self.model.subject().is_some_and(|subject| subject != self.subject(target)) {
            return Some(false);
        }
        let facts = Facts { up: None, down: None, when: None, ..self.facts(target) };
        let filter = &self.model.filter;
        if filter.is_everything() { Some(true) } else { filter.answer(&facts, &self.model.times) }
    }

    fn takes(&self, slice: &Slice) -> bool {
        let target = slice.target as usize;
        self.answers.get(target).copied().flatten().unwrap_or_else(|| {
            let at = slice.minute.start();
            let facts = self.facts(target).during(at, at);
            self.model.filter.answer(&facts, &self.model.times).unwrap_or(true)
        })
    }

    /// What the filter asks that no slice tells.
    fn unheeded(&self) -> Vec<&'static str> {
        if self.answers.is_empty() {
            return Vec::new();
        }
        let facts = self.facts(0).during(Minute(0).start(), Minute(0).start());
        self.model.filter.unheeded(&facts, &self.model.times)
    }
}

/// The destinations, grouped and sorted.
fn targets(model: &mut Model) {
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

/// Hosts or address blocks, with what whole flows carried.
fn rows_of_flows(model: &Model, at: usize, device: &DeviceAudit) -> Vec<TargetRow> {
    let mut by_key: HashMap<String, TargetRow> = HashMap::new();
    let chooser = FlowChooser::new(model, Some((at, device)));
    for row in (0..model.snapshot.flow_count()).filter_map(|n| model.snapshot.flow(n)).filter(|row| chooser.takes(row))
    {
        let [up, down] = up_and_down(row, Some(at), &model.times);
        let (first, last) = (row.first.minute(), row.last.minute());
        let next = TargetRow {
            key: flow_key(row, model.grouping, device),
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

fn flow_key(row: &FlowRow, grouping: Grouping, device: &DeviceAudit) -> String {
    let remote = if device.addresses.contains(&row.b.addr) { row.a.addr } else { row.b.addr };
    let block = || {
        let length = if remote.is_ipv4() { 24 } else { 48 };
        let base = crate::base::Cidr::new(remote, length);
        base.map_or_else(|| remote.to_string(), |block| format!("{}/{}", block.base(), block.length()))
    };
    match (&row.host, grouping) {
        (Some(host), Grouping::Host) => host.clone(),
        _ => block(),
    }
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

/// Which flows are of what is chosen, asked for and brushed.
struct FlowChooser<'a> {
    model: &'a Model,
    device: Option<(usize, &'a DeviceAudit)>,
    target: Option<Filter>,
}

impl<'a> FlowChooser<'a> {
    fn new(model: &'a Model, device: Option<(usize, &'a DeviceAudit)>) -> Self {
        let target = model.target.as_deref().and_then(|text| Filter::parse(text).ok());
        Self { model, device, target }
    }

    fn takes(&self, row: &FlowRow) -> bool {
        let Some((at, device)) = self.device else { return false };
        if row.device.as_deref() != Some(&device.id) {
            return false;
        }
        if let Some(brush) = &self.model.brush
            && !brush.touches(row.first.minute(), row.last.minute())
        {
            return false;
        }
        let subject = self.model.subject();
        if subject.is_some() && self.model.times.subject(at, row) != subject {
            return false;
        }
        let passes = |filter: &Filter| filter.passes(row, &self.model.times);
        passes(&self.model.filter) && self.target.as_ref().is_none_or(passes)
    }
}

/// The sortable columns of the flows.
pub(crate) const FLOW_SORTS: [&str; 6] = ["up", "begin", "down", "app", "host", "length"];

fn flows(model: &mut Model) {
    let stamp = Stamp::of(model, model.flow_sorting);
    if model.derived.flows_of.as_ref() == Some(&stamp) {
        return;
    }
    let chooser = FlowChooser::new(model, model.device());
    let snapshot = &model.snapshot;
    let count = u32::try_from(snapshot.flow_count()).unwrap_or(u32::MAX);
    let rows = snapshot.flows.iter().chain(snapshot.open.iter());
    let mut passing: Vec<(u32, &FlowRow)> =
        (0..count).zip(rows).map(|(n, row)| (n, &**row)).filter(|(_, row)| chooser.takes(row)).collect();
    sort_flows(&mut passing, model);
    let flows: Vec<u32> = passing.into_iter().map(|(n, _)| n).collect();
    let chosen = model.flow.as_ref().and_then(|flow| {
        flows.iter().position(|n| snapshot.flow(*n as usize).is_some_and(|row| is_same_flow(row, flow)))
    });
    model.flows.row = chosen.unwrap_or(model.flows.row);
    model.derived.flows = flows;
    model.derived.unheeded.clear();
    model.derived.flows_of = Some(stamp);
}

fn is_same_flow(a: &FlowRow, b: &FlowRow) -> bool {
    (a.first, a.a, a.b, a.protocol) == (b.first, b.a, b.b, b.protocol)
}

fn sort_flows(rows: &mut [(u32, &FlowRow)], model: &Model) {
    use std::cmp::Reverse;
    let device = model.device().map(|(at, _)| at);
    let way = |row: &FlowRow, way: usize| up_and_down(row, device, &model.times)[way];
    match model.flow_sorting.by {
        0 => rows.sort_by_cached_key(|(n, row)| (Reverse(way(row, 0)), *n)),
        1 => rows.sort_by_key(|(n, row)| (row.first, *n)),
        2 => rows.sort_by_cached_key(|(n, row)| (Reverse(way(row, 1)), *n)),
        3 => rows.sort_by(|(_, a), (_, b)| (&a.app, a.first).cmp(&(&b.app, b.first))),
        4 => rows.sort_by(|(_, a), (_, b)| (&a.host, a.first).cmp(&(&b.host, b.first))),
        _ => rows.sort_by_key(|(n, row)| (Reverse(row.last.since(row.first)), *n)),
    }
    if model.flow_sorting.reversed {
        rows.reverse();
    }
}

fn story(model: &mut Model) {
    let mut stamp = Stamp::of(model, UNSORTED);
    (stamp.brush, stamp.target) = (None, None);
    stamp.filter.clear();
    model.derived.unheeded.clear();
    if model.derived.story_of.as_ref() == Some(&stamp) {
        return;
    }
    let whose = model.brief().map(|brief| (brief.device, brief.subject));
    let redaction = &model.redaction;
    // Not while more comes in: it takes longer than a key may wait.
    let done = matches!(model.snapshot.stage, Stage::Complete | Stage::Stopped);
    let settings = done.then_some(&*model.snapshot.night);
    model.derived.story = whose.and_then(|(device, subject)| {
        crate::report::story(&model.snapshot.audit, device, subject, redaction, settings)
    });
    model.derived.story_of = Some(stamp);
}
