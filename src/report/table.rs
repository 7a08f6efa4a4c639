//! Columns of text that line up, by display width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One column: its heading, its side, and the most columns of a terminal it may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) align: Align,
    pub(super) most: usize,
}

/// The heading line and the rows, padded. Every row has as many cells as there are columns.
pub(super) fn lines(columns: &[Column], rows: &[Vec<String>]) -> Vec<String> {
    let headings: Vec<String> = columns.iter().map(|column| column.heading.to_owned()).collect();
    let widths: Vec<usize> = columns.iter().enumerate().map(|(n, column)| column_width(n, column, rows)).collect();
    let one = |row: &Vec<String>| {
        let cells: Vec<String> = columns
            .iter()
            .zip(&widths)
            .zip(row)
            .map(|((column, width), cell)| fit(cell, *width, column.align))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    std::iter::once(&headings).chain(rows).map(one).collect()
}

/// How many columns of a terminal the column at `n` takes.
pub(super) fn column_width(n: usize, column: &Column, rows: &[Vec<String>]) -> usize {
    let widest = rows.iter().filter_map(|row| row.get(n)).map(|cell| width(cell)).max().unwrap_or(0);
    widest.min(column.most).max(width(column.heading))
}

/// `text` in exactly so many columns: cut with `…` where it is wider.
pub(crate) fn fit(text: &str, columns: usize, align: Align) -> String {
    let text = cut(text, columns);
    let blanks = " ".repeat(columns.saturating_sub(width(&text)));
    match align {
        Align::Left => text + &blanks,
        Align::Right => blanks + &text,
    }
}

/// How many columns `text` takes. Nearly all of it is plain ASCII, of which each character takes one; there are lists of
/// a hundred thousand rows.
fn width(text: &str) -> usize {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) { text.len() } else { text.width() }
}

/// `text` in at most so many columns, its middle replaced by `…` where it is wider: both ends of a host name tell
/// something.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let tail_room = room / 2;
    let head = taken(text.chars(), room - tail_room);
    let tail: String = taken(text.chars().rev(), tail_room).chars().rev().collect();
    format!("{head}…{tail}")
}

fn taken(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut left = room;
    chars
        .take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_line_up() {
        let columns = [
            Column { heading: "app", align: Align::Left, most: 9 },
            Column { heading: "up", align: Align::Right, most: 9 },
        ];
        let rows = [vec!["微信".to_owned(), "1 MB".to_owned()], vec!["Signal".to_owned(), "12 MB".to_owned()]];
        assert_eq!(lines(&columns, &rows), ["app        up", "微信     1 MB", "Signal  12 MB"]);
    }

    #[test]
    fn a_long_name_keeps_both_its_ends() {
        assert_eq!(cut("media-fra5-1.cdn.whatsapp.net", 15), "media-f…app.net");
        assert_eq!(cut("abc", 3), "abc");
    }
}
