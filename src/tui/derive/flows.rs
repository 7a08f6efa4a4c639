//! The flows that pass, sorted.

use super::{Stamp, choose::FlowChooser};
use crate::{pipeline::FlowRow, report::up_and_down, tui::model::Model};

/// The sortable columns of the flows.
pub(crate) const FLOW_SORTS: [&str; 6] = ["up", "begin", "down", "app", "host", "length"];

/// Works them out.
pub(super) fn flows(model: &mut Model) {
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
