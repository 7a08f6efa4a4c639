//! Tables: columns by importance, as many as fit, and only the rows that show.

use std::borrow::Cow;

use super::{
    model::Place,
    pen::{Align, Pen},
    theme::Ink,
};

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its heading.
    pub heading: &'static str,
    /// Columns of the terminal it takes at least.
    pub least: u16,
    /// And at most; what is left over goes to the first column that has room.
    pub most: u16,
    /// On which side its text stands.
    pub align: Align,
    /// The higher, the sooner it is left out.
    pub rank: u8,
}

impl Column {
    /// Words.
    pub(crate) const fn words(heading: &'static str, least: u16, most: u16, rank: u8) -> Self {
        Self { heading, least, most, align: Align::Left, rank }
    }

    /// Numbers.
    pub(crate) const fn number(heading: &'static str, width: u16, rank: u8) -> Self {
        Self { heading, least: width, most: width, align: Align::Right, rank }
    }
}

const GAP: u16 = 2;

/// How wide each column is; zero: it is left out.
pub(crate) fn widths(columns: &[Column], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| column.least).collect();
    let total = |widths: &[u16]| -> u16 {
        let shown = widths.iter().filter(|width| **width > 0);
        shown.map(|width| width + GAP).sum::<u16>().saturating_sub(GAP)
    };
    while total(&widths) > room {
        let least = columns.iter().enumerate().filter(|(n, _)| widths[*n] > 0).max_by_key(|(_, column)| column.rank);
        match least {
            Some((n, column)) if column.rank > 0 => widths[n] = 0,
            _ => break,
        }
    }
    let mut spare = room.saturating_sub(total(&widths));
    let mut order: Vec<usize> = (0..columns.len()).filter(|n| widths[*n] > 0).collect();
    order.sort_by_key(|n| columns[*n].rank);
    for n in order {
        let more = spare.min(columns[n].most.saturating_sub(widths[n]));
        widths[n] += more;
        spare -= more;
    }
    widths
}

/// A cell.
pub(crate) type Shown<'a> = (Ink, Cow<'a, str>);

/// Draws the heading and the rows that show. `sorted` is the column by which it is sorted and which way; `row` gives the
/// cells of a row.
pub(crate) fn draw<'r>(
    pen: &mut Pen<'_>,
    columns: &[Column],
    sorted: Option<(&str, bool)>,
    place: Place,
    len: usize,
    mut row: impl FnMut(usize) -> Vec<Shown<'r>>,
) {
    let widths = widths(columns, pen.width().saturating_sub(2));
    let mut x = 2;
    for (column, width) in columns.iter().zip(&widths).filter(|(_, width)| **width > 0) {
        let mark = sorted.filter(|(by, _)| *by == column.heading);
        let arrow =
            mark.map(|(_, reversed)| if reversed { pen.theme.either("↑", "^") } else { pen.theme.either("↓", "v") });
        let heading = match (arrow, column.align) {
            (Some(arrow), Align::Left) => format!("{} {arrow}", column.heading),
            (Some(arrow), Align::Right) => format!("{arrow} {}", column.heading),
            (None, _) => column.heading.to_owned(),
        };
        pen.fitted(x, 0, if mark.is_some() { Ink::Heading } else { Ink::Faint }, &heading, *width, column.align);
        x += width + GAP;
    }
    let height = usize::from(pen.height().saturating_sub(1));
    for (line, n) in (1..).zip(place.top..len.min(place.top + height)) {
        let chosen = n == place.row;
        if chosen {
            pen.wash(line, Ink::Chosen);
            let bar = pen.theme.either("▌", ">");
            pen.text(0, line, Ink::Accent, bar);
        }
        let mut x = 2;
        for ((column, width), (ink, text)) in
            columns.iter().zip(&widths).zip(row(n)).filter(|((_, width), _)| **width > 0)
        {
            pen.fitted(x, line, ink, &text, *width, column.align);
            x += width + GAP;
        }
        if chosen {
            pen.wash(line, Ink::Chosen);
        }
    }
    scrollbar(pen, place, len, height);
}

/// A mark at the right edge that says where one is.
pub(crate) fn scrollbar(pen: &mut Pen<'_>, place: Place, len: usize, height: usize) {
    if len <= height || height < 2 {
        return;
    }
    let at = place.top * (height - 1) / (len - height).max(1);
    let style = pen.theme.style(Ink::Accent);
    let mark = pen.theme.either('┃', '#');
    let x = pen.width().saturating_sub(1);
    pen.mark(x, u16::try_from(at + 1).unwrap_or(1), style, mark);
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::words("name", 10, 40, 0),
        Column::number("up", 8, 1),
        Column::words("host", 10, 20, 3),
        Column::number("down", 8, 2),
    ];

    #[test]
    fn the_least_important_columns_go_first() {
        assert_eq!(widths(&COLUMNS, 100), [40, 8, 20, 8]);
        assert_eq!(widths(&COLUMNS, 42), [10, 8, 10, 8]);
        assert_eq!(widths(&COLUMNS, 41), [21, 8, 0, 8]);
        assert_eq!(widths(&COLUMNS, 20), [10, 8, 0, 0]);
        assert_eq!(widths(&COLUMNS, 5), [10, 0, 0, 0], "what must be there is cut, not left out");
    }
}
