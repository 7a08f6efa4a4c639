//! What views draw, worked out from snapshot, choice, filter and brush when one of them changes, and only for the view
//! that is looked at.

mod choose;
mod flows;
mod targets;
mod time;

use std::sync::Arc;

pub(crate) use choose::FlowChooser;
pub(crate) use flows::FLOW_SORTS;
pub(crate) use targets::TARGET_SORTS;
pub(super) use targets::TargetRow;

use super::{
    brush::Brush,
    grid::Grid,
    model::{Grouping, Model, Sorting, Towards, View},
    series::Series,
};
use crate::{
    base::{Bytes, Span},
    pipeline::snapshot::Stage,
    report::Story,
};

/// What is kept.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// The nights of the chosen device.
    pub grid: Grid,
    /// What moved by minute, of what is chosen and asked for.
    pub series: Series,
    /// Minutes in which somebody was using the device, for what is chosen.
    pub attended: Arc<[Span]>,
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
    target: Option<Towards>,
    grouping: Grouping,
    sorting: Sorting,
    redacted: bool,
}

/// Works out what the view needs and has not got.
pub(crate) fn refresh(model: &mut Model) {
    match model.view {
        View::Nights | View::Traffic => time::time(model),
        View::Destinations => targets::targets(model),
        View::Flows => flows::flows(model),
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
