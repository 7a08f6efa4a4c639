//! A sheet of terminal text: styled pieces, wrapped paragraphs, a ruler.
//!
//! The only door for text is [`Canvas::piece`], which writes out whatever could move the cursor or turn the direction.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::look::{Colour, Glyphs, Look};
use crate::base::text::shown;

/// What a piece of text is, and so how it is coloured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    Plain,
    Strong,
    Faint,
    Alarm,
    Caution,
    Calm,
    Heading,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Alarm => "1;31",
            Self::Caution => "1;33",
            Self::Calm => "32",
            Self::Heading => "1;36",
        }
    }
}

/// No piece of a page is longer: whatever is, is a hostile name.
const LONGEST_PIECE: usize = 4_000;

/// A sheet of terminal text.
pub(super) struct Canvas {
    out: String,
    width: usize,
    colour: Colour,
    glyphs: Glyphs,
}

impl Canvas {
    pub(super) fn new(look: &Look) -> Self {
        Self { out: String::new(), width: look.columns(), colour: look.colour, glyphs: look.glyphs }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// What was drawn, without blanks at line ends.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Appends `text` to the current line.
    pub(super) fn piece(&mut self, style: Style, text: &str) {
        let text = drawable(text, self.glyphs);
        let code = style.code();
        if self.colour == Colour::Never || code.is_empty() {
            self.out.push_str(&text);
        } else {
            self.out.extend(["\u{1b}[", code, "m", &text, "\u{1b}[0m"]);
        }
    }

    /// Ends the current line.
    pub(super) fn end(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        self.out.push('\n');
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// One line of one style.
    pub(super) fn line(&mut self, style: Style, indent: usize, text: &str) {
        self.indent(indent);
        self.piece(style, text);
        self.end();
    }

    /// Blanks.
    pub(super) fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    /// A paragraph, wrapped at the sheet's width.
    pub(super) fn para(&mut self, style: Style, indent: usize, text: &str) {
        self.hanging(style, indent, "", text);
    }

    /// A paragraph behind `mark`, its further lines aligned with its first.
    pub(super) fn hanging(&mut self, style: Style, indent: usize, mark: &str, text: &str) {
        let text = drawable(text, self.glyphs);
        let hang = indent + mark.width();
        for (n, line) in wrap(&text, self.width.saturating_sub(hang)).iter().enumerate() {
            if n == 0 {
                self.indent(indent);
                self.piece(style, mark);
            } else {
                self.indent(hang);
            }
            self.piece(style, line);
            self.end();
        }
    }

    /// A list entry.
    pub(super) fn bullet(&mut self, indent: usize, text: &str) {
        let mark = if self.glyphs == Glyphs::Unicode { "• " } else { "- " };
        self.hanging(Style::Plain, indent, mark, text);
    }

    /// One mark of ours, not from any name.
    pub(super) fn mark(&mut self, style: Style, mark: char) {
        self.piece(style, mark.encode_utf8(&mut [0; 4]));
    }

    /// A heading followed by a line to the right edge.
    pub(super) fn ruler(&mut self, style: Style, text: &str) {
        let (dash, text) = (if self.glyphs == Glyphs::Unicode { "─" } else { "-" }, drawable(text, self.glyphs));
        let left = self.width.saturating_sub(text.width() + 4).max(3);
        self.piece(Style::Faint, &dash.repeat(2));
        self.piece(Style::Plain, " ");
        self.piece(style, &text);
        self.piece(Style::Plain, " ");
        self.piece(Style::Faint, &dash.repeat(left));
        self.end();
    }
}

/// `text` as this sheet may draw it.
pub(super) fn drawable(text: &str, glyphs: Glyphs) -> Cow<'_, str> {
    let safe = shown(text, LONGEST_PIECE);
    if glyphs == Glyphs::Unicode || safe.is_ascii() {
        return safe;
    }
    let mut out = String::with_capacity(safe.len());
    for c in safe.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '…' => out.push('~'),
            '–' | '−' => out.push('-'),
            '’' | '‘' => out.push('\''),
            '“' | '”' => out.push('"'),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// Breaks `text` at blanks into lines of at most `width` columns; a longer word is broken where it must be.
/// A number keeps its unit: `0.4 MB` and `5 %` are never parted.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    for word in words_with_units(text) {
        for part in parts(&word, width) {
            let full = lines.last().is_none_or(|line| !line.is_empty() && line.width() + 1 + part.width() > width);
            if full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(part);
            }
        }
    }
    lines
}

fn words_with_units(text: &str) -> Vec<String> {
    const UNITS: [&str; 6] = ["%", "B", "kB", "MB", "GB", "TB"];
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let unit = word.trim_end_matches([',', '.', ';', ')', ':']);
        match words.last_mut() {
            Some(number) if UNITS.contains(&unit) && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn parts(word: &str, width: usize) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), word);
    while rest.width() > width {
        let mut at = 0;
        for (i, c) in rest.char_indices() {
            let next = i + c.len_utf8();
            if rest.get(..next).is_none_or(|head| head.width() > width) {
                break;
            }
            at = next;
        }
        let (head, tail) = rest.split_at(at.max(rest.chars().next().map_or(1, char::len_utf8)));
        out.push(head);
        rest = tail;
    }
    out.push(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_never_parted_from_its_unit() {
        assert_eq!(wrap("it was under 0.08 MB, always", 18), ["it was under", "0.08 MB, always"]);
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken() {
        assert_eq!(wrap("ab 漢字漢字漢字", 8), ["ab", "漢字漢字", "漢字"]);
    }

    #[test]
    fn what_could_move_the_cursor_is_written_out() {
        let mut canvas = Canvas::new(&Look { colour: Colour::Never, ..Look::default() });
        canvas.line(Style::Alarm, 0, "a\u{1b}[2Jb\u{202e}c");
        assert_eq!(canvas.finish(), "a\\u{1b}[2Jb\\u{202e}c\n");
    }

    proptest! {
        #[test]
        fn no_wrapped_line_is_too_wide(text in "\\PC{0,200}", width in 8_usize..100) {
            for line in wrap(&text, width) {
                prop_assert!(line.width() <= width, "{line:?} in {width}");
            }
        }

        #[test]
        fn wrapping_loses_nothing_but_blanks(text in "\\PC{0,200}", width in 8_usize..100) {
            let bare = |t: &str| t.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&wrap(&text, width).concat()), bare(&text));
        }
    }
}
