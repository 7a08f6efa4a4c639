//! The rate of the last minutes while packets come in, beat by beat.

use crate::{
    base::Bytes,
    tui::{
        model::Model,
        pen::{Align, Pen},
        theme::Ink,
    },
};

/// Rows it takes.
pub(super) const ROWS: u16 = 2;
/// Columns of a rate, with a gap.
const NUMBER: u16 = 13;

/// Draws a line for each way from row `y` on: the newest beat stands at the right, before its number.
pub(super) fn draw(model: &Model, y: u16, left: u16, pen: &mut Pen<'_>) {
    let columns = pen.width().saturating_sub(left + NUMBER);
    let beats: Vec<_> = model.pulse.latest(columns.into()).collect();
    let newest = beats.last().copied().unwrap_or_default();
    let lines = [
        ("up", Ink::Up, beats.iter().map(|beat| beat.up).collect::<Vec<_>>(), newest.up),
        ("down", Ink::Down, beats.iter().map(|beat| beat.down).collect(), newest.down),
    ];
    for (y, (name, ink, rates, now)) in (y..).zip(lines) {
        pen.fitted(0, y, Ink::Faint, &format!("{name} now"), left - 1, Align::Right);
        let most = rates.iter().copied().max().unwrap_or_default();
        let free = columns - u16::try_from(rates.len()).unwrap_or(columns).min(columns);
        for (x, rate) in (left + free..).zip(rates) {
            pen.bar(x, y, 1, rate, most.max(Bytes(1)), ink);
        }
        pen.fitted(left + columns, y, ink, &format!("{now}/s"), NUMBER - 1, Align::Right);
    }
}
