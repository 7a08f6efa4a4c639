//! Every key, from the table that handles them, and the language of filters.

use crate::{
    night::Verdict,
    report::KEYS,
    tui::{
        keys::TABLE,
        model::{Model, Place},
        pen::{Align, Pen},
        tables,
        theme::Ink,
    },
};

/// One line: what stands at the left, and what it means; a heading where it means nothing.
fn lines(model: &Model) -> Vec<(String, &'static str)> {
    let mut lines: Vec<(String, &'static str)> = TABLE
        .iter()
        .map(|binding| (model.keys.of(binding.action), binding.help))
        .filter(|(keys, _)| !keys.is_empty())
        .collect();
    lines.extend([
        ("click, drag, wheel".to_owned(), "choose, brush a stretch of time, move or zoom"),
        (String::new(), ""),
        ("Filters".to_owned(), ""),
    ]);
    lines.extend(KEYS.iter().map(|help| (help.example.to_owned(), help.asks)));
    lines.extend([
        ("unattended, attended".to_owned(), "whether somebody was using the device when it began"),
        ("a b, a or b, -a, not (a b)".to_owned(), "both, either, not"),
        ("word".to_owned(), "in any name"),
        (String::new(), ""),
        ("The map of nights".to_owned(), ""),
    ]);
    let shade = |n: usize, attended: bool| model.theme.heat(n, attended).0;
    let ramp = |attended: bool| (1..=7).map(|n| shade(n, attended)).collect::<String>();
    lines.extend([
        (ramp(false), "upload while nobody used the device: from 10 kB, 100 kB, 1, 5, 25, 50, 100 MB"),
        (ramp(true), "the same while somebody did"),
        (model.theme.mark(Verdict::ExportLike).0.to_owned(), "the night looks like an export of what is chosen"),
        (model.theme.either("·", ".").to_owned(), "somebody was using the device, under 10 kB went up"),
        (model.theme.either("╱", "/").to_owned(), "not captured"),
    ]);
    lines
}

/// How many lines there are.
pub(crate) fn height(model: &Model) -> usize {
    lines(model).len()
}

/// Draws the lines that show.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let lines = lines(model);
    let key = 30.min(pen.width() / 2);
    let rows = pen.height();
    for (y, (left, means)) in (0..rows).zip(lines.iter().skip(model.help)) {
        if means.is_empty() {
            pen.text(1, y, Ink::Strong, left);
        } else {
            pen.fitted(1, y, Ink::Heading, left, key, Align::Left);
            pen.text(key + 2, y, Ink::Text, means);
        }
    }
    tables::scrollbar(pen, Place { row: model.help, top: model.help }, lines.len(), rows.into());
}
