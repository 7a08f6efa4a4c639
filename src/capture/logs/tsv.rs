//! Zeek's own text format: columns named by `#fields`, separated by one byte that `#separator` names.

use std::{borrow::Cow, collections::HashMap};

use super::cells::{Cells, MOST_PARTS};

/// What the header lines said.
#[derive(Clone, Debug)]
pub(super) struct Header {
    separator: u8,
    set_separator: u8,
    unset: Box<str>,
    empty: Box<str>,
    /// Which log it is: `conn`, `dns`.
    pub(super) path: Box<str>,
    columns: HashMap<Box<str>, usize>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            separator: b'\t',
            set_separator: b',',
            unset: "-".into(),
            empty: "(empty)".into(),
            path: "".into(),
            columns: HashMap::new(),
        }
    }
}

impl Header {
    /// Takes in a line that starts with `#`. True where it names the columns.
    pub(super) fn note(&mut self, line: &str) -> bool {
        if let Some(separator) = line.strip_prefix("#separator ") {
            *self = Self { separator: byte(separator).unwrap_or(b'\t'), ..Self::default() };
            return false;
        }
        let mut words = line.split(char::from(self.separator));
        let (key, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match key {
            "#set_separator" => self.set_separator = byte(value).unwrap_or(b','),
            "#unset_field" => self.unset = value.into(),
            "#empty_field" => self.empty = value.into(),
            "#path" => self.path = value.into(),
            "#fields" => {
                let names = line.split(char::from(self.separator)).skip(1).take(MOST_COLUMNS);
                self.columns = names.enumerate().map(|(at, name)| (name.into(), at)).collect();
                return true;
            }
            _ => {}
        }
        false
    }

    /// The first of `fields` that no column is named after.
    pub(super) fn lacks(&self, fields: &[&'static str]) -> Option<&'static str> {
        fields.iter().find(|field| !self.columns.contains_key(**field)).copied()
    }

    /// How many columns a row must have.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// A row of this header's columns.
    pub(super) fn row<'a>(&'a self, line: &'a str) -> TsvRow<'a> {
        TsvRow { header: self, cells: line.split(char::from(self.separator)).take(MOST_COLUMNS + 1).collect() }
    }
}

/// A row in Zeek's text format.
pub(super) struct TsvRow<'a> {
    header: &'a Header,
    cells: Vec<&'a str>,
}

impl TsvRow<'_> {
    /// How many cells it has.
    pub(super) fn width(&self) -> usize {
        self.cells.len()
    }
}

impl Cells for TsvRow<'_> {
    fn cell(&self, field: &str) -> Option<Cow<'_, str>> {
        let text = *self.cells.get(*self.header.columns.get(field)?)?;
        let set = text != &*self.header.unset && text != &*self.header.empty && !text.is_empty();
        set.then_some(Cow::Borrowed(text))
    }

    fn parts(&self, field: &str) -> Vec<Cow<'_, str>> {
        let Some(Cow::Borrowed(text)) = self.cell(field) else { return Vec::new() };
        text.split(char::from(self.header.set_separator)).take(MOST_PARTS).map(Cow::Borrowed).collect()
    }
}

/// A byte as Zeek's headers write it: `\x09`, or itself.
fn byte(text: &str) -> Option<u8> {
    match text.strip_prefix("\\x") {
        Some(digits) => u8::from_str_radix(digits.get(..2)?, 16).ok().filter(u8::is_ascii),
        None => text.bytes().next().filter(u8::is_ascii),
    }
}

/// Zeek's widest log has some 60 columns.
const MOST_COLUMNS: usize = 512;
