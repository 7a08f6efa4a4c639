//! What the cells of the map mean, in a line.

use super::LIMITS;
use crate::{
    base::Bytes,
    night::Verdict,
    tui::{
        model::{Model, Way},
        pen::Pen,
        theme::{Ink, SHADES},
    },
};

/// The shades that are named, as many as fit.
const NAMED: [usize; 4] = [1, 3, 4, 7];

/// Draws it in the last line but one.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let Some(y) = pen.height().checked_sub(2) else { return };
    let theme = model.theme;
    let mut x = 1;
    let end = pen.width();
    let mut say = |pen: &mut Pen<'_>, mark: char, style, words: &str| {
        let wide = u16::try_from(words.len()).unwrap_or(u16::MAX).saturating_add(4);
        if x + wide <= end {
            pen.mark(x, y, style, mark);
            pen.text(x + 2, y, Ink::Faint, words);
            x += wide;
        }
    };
    let (alarm, style) = (theme.mark(Verdict::ExportLike).0, theme.style(Ink::Alarm));
    if model.derived.grid.rows.iter().any(|row| row.flagged) {
        say(pen, alarm.chars().next().unwrap_or('!'), style, "like an export");
    }
    for shade in NAMED.into_iter().filter(|shade| (1..=SHADES).contains(shade)) {
        let (mark, style) = theme.heat(shade, false);
        let from = Bytes(LIMITS[shade - 1]).to_string().replace(".0", "");
        let what = if shade == NAMED[0] { format!("from {from}") } else { from };
        say(pen, mark, style, &what);
    }
    let (mark, style) = theme.heat(4, true);
    let what = if model.nights.way == Way::Up { "sent in use" } else { "received in use" };
    say(pen, mark, style, what);
    say(pen, theme.either('·', '.'), theme.style(Ink::Used), "in use");
    say(pen, theme.either('╱', '/'), theme.style(Ink::Border), "not captured");
}
