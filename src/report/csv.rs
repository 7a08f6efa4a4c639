//! Comma-separated rows (RFC 4180) that a spreadsheet may open.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is run as a formula by spreadsheets; such a
//! cell gets an apostrophe in front, which shows it as text. Control and direction marks are written out.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use crate::base::text::shown;

/// Writes one row.
pub(super) fn row(cells: &[Cell<'_>], out: &mut dyn Write) -> io::Result<()> {
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            out.write_all(b",")?;
        }
        cell.write(out)?;
    }
    out.write_all(b"\r\n")
}

/// One cell: the only door for text into a row.
#[derive(Clone)]
pub(super) enum Cell<'a> {
    /// A count, written as it is.
    Count(u64),
    /// A number of ours, to four places; empty where it is none.
    Number(f64),
    /// Text from anywhere.
    Text(Cow<'a, str>),
    /// Nothing.
    Empty,
}

impl<'a> Cell<'a> {
    /// Text from anywhere.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Text where there is any.
    pub(super) fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Count(n) => write!(out, "{n}"),
            Self::Number(x) if x.is_finite() => write!(out, "{x:.4}"),
            Self::Text(text) => out.write_all(cell(text).as_bytes()),
            Self::Number(_) | Self::Empty => Ok(()),
        }
    }
}

/// `text` as a cell: harmless, and quoted where it must be.
fn cell(text: &str) -> Cow<'_, str> {
    let first = text.trim_start_matches([' ', '\u{a0}', '\u{3000}']).chars().next();
    // The full-width forms are taken for their ASCII twins by some spreadsheets.
    let formula = matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'));
    let safe = shown(text, text.len().max(1));
    if !formula && !safe.contains([',', '"']) && !safe.starts_with(' ') {
        return safe;
    }
    Cow::Owned(format!("\"{}{}\"", if formula { "'" } else { "" }, safe.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for formula in ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula:?}: {}", cell(formula));
        }
        assert_eq!(cell("mmg.whatsapp.net"), "mmg.whatsapp.net");
    }

    #[test]
    fn quotes_and_commas_are_quoted() {
        assert_eq!(cell(r#"a"b,c"#), r#""a""b,c""#);
        assert_eq!(cell("a\nb"), "a\\u{a}b");
    }

    proptest! {
        #[test]
        fn a_row_is_one_line_of_as_many_cells_as_it_was_given(cells in prop::collection::vec(any::<String>(), 1..6)) {
            let mut out = Vec::new();
            row(&cells.iter().map(|c| Cell::text(c.as_str())).collect::<Vec<_>>(), &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let line = text.strip_suffix("\r\n").unwrap();
            prop_assert!(!line.contains(['\n', '\r']));
            let (mut quoted, mut commas) = (false, 0);
            for c in line.chars() {
                match c {
                    '"' => quoted = !quoted,
                    ',' if !quoted => commas += 1,
                    _ => {}
                }
            }
            prop_assert!(!quoted);
            prop_assert_eq!(commas + 1, cells.len());
        }
    }
}
