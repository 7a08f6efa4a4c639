//! Draws text into a part of the screen, never beyond it.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::theme::{Ink, Theme};
use crate::{
    base::{Bytes, text::shown},
    report::{Glyphs, table},
};

pub(crate) use crate::report::table::Align;

/// A part of the screen.
pub(crate) struct Pen<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    /// Colours and characters.
    pub theme: Theme,
}

/// Text of several inks.
pub(crate) type Pieces<'a> = Vec<(Ink, Cow<'a, str>)>;

impl<'a> Pen<'a> {
    /// A pen for `area`.
    pub(crate) fn new(buffer: &'a mut Buffer, area: Rect, theme: Theme) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area, theme }
    }

    /// A pen for a part of this one's, in the screen's own columns and rows.
    pub(crate) fn within(&mut self, area: Rect) -> Pen<'_> {
        let area = area.intersection(self.area);
        Pen { buffer: self.buffer, area, theme: self.theme }
    }

    /// Its columns.
    pub(crate) const fn width(&self) -> u16 {
        self.area.width
    }

    /// Its rows.
    pub(crate) const fn height(&self) -> u16 {
        self.area.height
    }

    /// Where it stands.
    pub(crate) const fn area(&self) -> Rect {
        self.area
    }

    /// Writes `text` from column `x` of row `y`; returns the column after it. Nothing of a stranger's text can move the
    /// cursor, and what does not fit is cut.
    pub(crate) fn text(&mut self, x: u16, y: u16, ink: Ink, text: &str) -> u16 {
        let style = self.theme.style(ink);
        self.styled(x, y, style, text)
    }

    /// The same in a style.
    pub(crate) fn styled(&mut self, x: u16, y: u16, style: Style, text: &str) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return x;
        }
        let text = drawable(text, self.theme.glyphs);
        let room = usize::from(self.area.width - x);
        let columns = u16::try_from(text.width().min(room)).unwrap_or(0);
        for at in x..x + columns {
            self.buffer[(self.area.x + at, self.area.y + y)].reset();
        }
        let (end, _) = self.buffer.set_stringn(self.area.x + x, self.area.y + y, text, room, style);
        end - self.area.x
    }

    /// One character of ours.
    pub(crate) fn mark(&mut self, x: u16, y: u16, style: Style, mark: char) {
        if x < self.area.width && y < self.area.height {
            self.buffer[(self.area.x + x, self.area.y + y)].set_char(mark).set_style(style);
        }
    }

    /// A bar in `rows` rows below `top`, as high as `value` is of `most`, in eighths of a row, over what is there.
    pub(crate) fn bar(&mut self, x: u16, top: u16, rows: u16, value: Bytes, most: Bytes, ink: Ink) {
        if value == Bytes::ZERO || most == Bytes::ZERO {
            return;
        }
        let eighths = u128::from(value.0) * u128::from(rows) * 8 / u128::from(most.0);
        // What is too little for the scale shows that it was there, and no more.
        let style = self.theme.style(if eighths == 0 { Ink::Border } else { ink });
        let mut left = usize::try_from(eighths).unwrap_or(0).max(1);
        for y in (top..top + rows).rev() {
            let mark = self.theme.bar(left.min(8));
            self.mark(x, y, style, mark);
            left = left.saturating_sub(8);
            if left == 0 {
                break;
            }
        }
    }

    /// Pieces after each other.
    pub(crate) fn pieces(&mut self, x: u16, y: u16, pieces: &Pieces<'_>) -> u16 {
        pieces.iter().fold(x, |x, (ink, text)| self.text(x, y, *ink, text))
    }

    /// Pieces that end at the right edge, or nothing where they do not fit from column `least` on.
    pub(crate) fn pieces_right(&mut self, least: u16, y: u16, pieces: &Pieces<'_>) {
        let wide: usize = pieces.iter().map(|(_, text)| text.width()).sum();
        let wide = u16::try_from(wide).unwrap_or(u16::MAX);
        if let Some(x) = self.area.width.checked_sub(wide).filter(|x| *x >= least) {
            self.pieces(x, y, pieces);
        }
    }

    /// Text in exactly `width` columns.
    pub(crate) fn fitted(&mut self, x: u16, y: u16, ink: Ink, text: &str, width: u16, align: Align) {
        let text = drawable(text, self.theme.glyphs);
        let fitted = table::fit(&text, width.into(), align);
        let fitted = if self.theme.glyphs == Glyphs::Ascii { fitted.replace('…', "~") } else { fitted };
        self.text(x, y, ink, &fitted);
    }

    /// Lays a style over a row, over whatever is drawn there.
    pub(crate) fn wash(&mut self, y: u16, ink: Ink) {
        if y < self.area.height {
            let row = Rect { y: self.area.y + y, height: 1, ..self.area };
            self.buffer.set_style(row, self.theme.style(ink));
        }
    }

    /// Lays a style over one cell.
    pub(crate) fn wash_cell(&mut self, x: u16, y: u16, style: Style) {
        if x < self.area.width && y < self.area.height {
            self.buffer[(self.area.x + x, self.area.y + y)].set_style(style);
        }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        for position in self.area.positions() {
            self.buffer[position].reset();
        }
    }

    /// A frame around it with a title and what stands at its right.
    pub(crate) fn frame(&mut self, ink: Ink, title: &Pieces<'_>, right: &Pieces<'_>) {
        let (width, height) = (self.area.width, self.area.height);
        if width < 2 || height < 2 {
            return;
        }
        let style = self.theme.style(ink);
        let [across, down] = self.theme.either(['─', '│'], ['-', '|']);
        let corners = self.theme.either(['╭', '╮', '╰', '╯'], ['+', '+', '+', '+']);
        for x in 1..width - 1 {
            self.mark(x, 0, style, across);
            self.mark(x, height - 1, style, across);
        }
        for y in 1..height - 1 {
            self.mark(0, y, style, down);
            self.mark(width - 1, y, style, down);
        }
        for ((x, y), corner) in
            [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)].into_iter().zip(corners)
        {
            self.mark(x, y, style, corner);
        }
        let mut end = 0;
        let inner = Rect { x: self.area.x + 2, width: width.saturating_sub(4), height: 1, ..self.area };
        let mut line = self.within(inner);
        if !title.is_empty() {
            end = line.text(0, 0, Ink::Text, " ");
            end = line.pieces(end, 0, title);
            end = line.text(end, 0, Ink::Text, " ");
        }
        if !right.is_empty() {
            let mut padded = vec![(Ink::Text, Cow::Borrowed(" "))];
            padded.extend(right.iter().cloned());
            padded.push((Ink::Text, Cow::Borrowed(" ")));
            line.pieces_right(end + 1, 0, &padded);
        }
    }
}

/// A piece of text.
pub(crate) fn piece<'a>(ink: Ink, text: impl Into<Cow<'a, str>>) -> (Ink, Cow<'a, str>) {
    (ink, text.into())
}

/// No text on a screen is longer.
const LONGEST: usize = 2_000;

fn drawable(text: &str, glyphs: Glyphs) -> Cow<'_, str> {
    let safe = shown(text, LONGEST);
    if glyphs == Glyphs::Unicode || safe.is_ascii() {
        return safe;
    }
    let plain = |c: char| match c {
        '…' => '~',
        '–' | '−' => '-',
        '’' | '‘' => '\'',
        '“' | '”' => '"',
        '·' => '.',
        '↑' => '^',
        '↓' => 'v',
        c if c.is_ascii() => c,
        _ => '?',
    };
    Cow::Owned(safe.chars().map(plain).collect())
}
