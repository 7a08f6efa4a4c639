//! The map of nights and the series, of what is chosen and asked for.

use std::sync::Arc;

use super::{Stamp, UNSORTED, choose::Chooser};
use crate::{
    base::{Bytes, Span},
    night::Verdict,
    pipeline::DeviceAudit,
    tui::{
        grid::{Grid, is_hit},
        model::Model,
        series::{Point, Series},
    },
};

/// Nights and series. What is brushed does not matter: it is what is chosen from them.
pub(super) fn time(model: &mut Model) {
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
        flag(model, device, &mut derived.grid);
    }
    derived.time_of = Some(stamp);
    model.derived = derived;
}

fn attended(model: &Model, device: &DeviceAudit) -> Arc<[Span]> {
    let findings = &device.finding.findings;
    let finding = match model.subject() {
        Some(subject) => findings.iter().find(|finding| finding.subject == subject),
        None => findings.first(),
    };
    let nobody = || -> Arc<[Span]> { Arc::new([]) };
    finding.map_or_else(nobody, |finding| Arc::clone(&finding.attended))
}

/// Marks the nights that look like an export of what is chosen.
fn flag(model: &Model, device: &DeviceAudit, grid: &mut Grid) {
    let chosen = model.subject();
    let findings = device.finding.findings.iter().filter(|finding| chosen.is_none_or(|at| at == finding.subject));
    // A backup's nights look like a backup's.
    let unlike = [Verdict::Insufficient, Verdict::BackupLike];
    for finding in findings.filter(|finding| !unlike.contains(&finding.verdict)) {
        for night in finding.nights.iter().filter(|night| is_hit(night, finding.verdict, &model.snapshot.night)) {
            grid.flag(night.start);
        }
    }
}
