//! At which time of day things left while nobody used the device, over all nights: below a map that leaves room for it.

use ratatui::layout::Rect;

use super::{DATE, grain, moved};
use crate::{
    base::Bytes,
    report::plural,
    tui::{
        grid::DAY,
        model::{Model, Way},
        pen::{Align, Pen},
        theme::Ink,
    },
};

/// Rows of bars, at least and at most.
const BARS: std::ops::RangeInclusive<u16> = 3..=8;
/// Rows between the map and the bars, the title among them.
const ABOVE: u16 = 3;

/// Draws it in the last rows of the map, of which `room` are free.
pub(super) fn draw(model: &Model, map: Rect, room: u16, pen: &mut Pen<'_>) {
    let bars = room.saturating_sub(ABOVE).min(*BARS.end());
    let grid = &model.derived.grid;
    if bars < *BARS.start() || grid.rows.len() < 2 || model.nights.way != Way::Up {
        return;
    }
    let grain = grain(model);
    let cell = |from: u32| -> Bytes {
        grid.rows.iter().map(|row| moved(model, &grid.spans(row, from, from + grain)).night_up).sum()
    };
    let sums: Vec<Bytes> = (0..DAY).step_by(grain as usize).map(cell).collect();
    let most = sums.iter().copied().max().unwrap_or_default();
    if most == Bytes::ZERO {
        return;
    }
    let bottom = super::ABOVE + map.height - 1;
    let top = bottom + 1 - bars;
    let nights = plural(grid.rows.len() as u64, "night", "nights");
    pen.text(DATE, top - 1, Ink::Faint, &format!("by time of day, unattended, {nights} together"));
    pen.fitted(0, top, Ink::Faint, &most.to_string(), DATE - 1, Align::Right);
    for (x, sum) in (DATE..).zip(sums) {
        pen.bar(x, top, bars, sum, most, Ink::Night);
    }
}
