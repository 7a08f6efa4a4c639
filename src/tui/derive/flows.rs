//! The flows that pass, sorted.

use std::{num::NonZero, panic::resume_unwind, thread};

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
    let rows: Vec<(u32, &FlowRow)> = (0..count).zip(rows).map(|(n, row)| (n, &**row)).collect();
    let mut passing = passing(&chooser, &rows);
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

/// So many flows are worth a thread.
const SHARE: usize = 20_000;

/// Those that pass, in order: of many flows, parts are looked through side by side.
fn passing<'a>(chooser: &FlowChooser<'_>, rows: &[(u32, &'a FlowRow)]) -> Vec<(u32, &'a FlowRow)> {
    let look = |part: &[(u32, &'a FlowRow)]| -> Vec<(u32, &'a FlowRow)> {
        part.iter().copied().filter(|(_, row)| chooser.takes(row)).collect()
    };
    let hands = thread::available_parallelism().map_or(1, NonZero::get);
    if rows.len() < 2 * SHARE || hands < 2 {
        return look(rows);
    }
    thread::scope(|scope| {
        let parts = rows.chunks(rows.len().div_ceil(hands).max(SHARE));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
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
