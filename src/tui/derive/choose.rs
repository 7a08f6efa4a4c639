//! Which minutes and which flows are of what is chosen, asked for and brushed.

use std::net::IpAddr;

use crate::{
    base::Minute,
    identify::AsnTable,
    pipeline::{DeviceAudit, FlowRow, snapshot::Slice},
    report::{Facts, Filter},
    tui::model::{Model, Towards},
};

/// Which slices are of what is chosen and asked for.
pub(super) struct Chooser<'a> {
    pub(super) model: &'a Model,
    at: usize,
    pub(super) device: &'a DeviceAudit,
    pub(super) by_destination: bool,
    /// What the filter answers for each target at any time; `None` where it depends on the minute.
    pub(super) answers: Vec<Option<bool>>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(model: &'a Model, at: usize, device: &'a DeviceAudit) -> Self {
        let by_destination = model.snapshot.slices.get(at).is_none_or(|slices| slices.by_destination);
        let mut chooser = Self { model, at, device, by_destination, answers: Vec::new() };
        let targets = if by_destination { device.destinations.len() } else { device.ledger.subjects.len() };
        chooser.answers = (0..targets).map(|target| chooser.answer(target)).collect();
        chooser
    }

    pub(super) fn subject(&self, target: usize) -> usize {
        if self.by_destination {
            self.device.destinations.get(target).map_or(usize::MAX, |total| total.subject)
        } else {
            target
        }
    }

    pub(super) fn facts(&self, target: usize) -> Facts<'a> {
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

    pub(super) fn takes(&self, slice: &Slice) -> bool {
        let target = slice.target as usize;
        self.answers.get(target).copied().flatten().unwrap_or_else(|| {
            let at = slice.minute.start();
            let facts = self.facts(target).during(at, at);
            self.model.filter.answer(&facts, &self.model.times).unwrap_or(true)
        })
    }

    /// What the filter asks that no slice tells.
    pub(super) fn unheeded(&self) -> Vec<&'static str> {
        if self.answers.is_empty() {
            return Vec::new();
        }
        let facts = self.facts(0).during(Minute(0).start(), Minute(0).start());
        self.model.filter.unheeded(&facts, &self.model.times)
    }
}

/// Which flows are of what is chosen, asked for and brushed.
pub(crate) struct FlowChooser<'a> {
    model: &'a Model,
    device: Option<(usize, &'a DeviceAudit)>,
    target: Option<Only<'a>>,
}

impl<'a> FlowChooser<'a> {
    /// Of what is chosen in `model` on `device`.
    pub(crate) fn new(model: &'a Model, device: Option<(usize, &'a DeviceAudit)>) -> Self {
        let target = model.target.as_ref().and_then(|target| Only::of(target, model));
        Self { model, device, target }
    }

    /// The same whatever destination flows are looked at for.
    pub(crate) fn anywhere(self) -> Self {
        Self { target: None, ..self }
    }

    /// Whether `row` is.
    pub(crate) fn takes(&self, row: &FlowRow) -> bool {
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
        passes(&self.model.filter)
            && match &self.target {
                None => true,
                Some(Only::Passing(filter)) => passes(filter),
                Some(Only::Announced(table, number)) => {
                    table.find(remote(row, device)).map(|system| system.number) == *number
                }
            }
    }
}

/// The destination that flows are looked at for.
enum Only<'a> {
    Passing(Filter),
    Announced(&'a AsnTable, Option<u32>),
}

impl<'a> Only<'a> {
    fn of(target: &Towards, model: &'a Model) -> Option<Self> {
        match target {
            Towards::Asked(text) => Filter::parse(text).ok().map(Self::Passing),
            Towards::System { number, .. } => model.asn.as_deref().map(|table| Self::Announced(table, *number)),
        }
    }
}

/// The address of the far end.
pub(super) fn remote(row: &FlowRow, device: &DeviceAudit) -> IpAddr {
    if device.addresses.contains(&row.b.addr) { row.a.addr } else { row.b.addr }
}
