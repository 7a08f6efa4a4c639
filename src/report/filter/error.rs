//! What is wrong with a filter, and at which word.

use std::ops::Range;

use crate::base::text::shown;

/// A filter is no longer than this.
const LONGEST_SHOWN: usize = 4_096;

/// A filter that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("filter: {what}")]
pub struct FilterError {
    /// Which bytes of the text are wrong.
    pub at: Range<usize>,
    /// What is wrong with them, and what would mend it.
    pub what: String,
}

impl FilterError {
    pub(super) fn new(at: Range<usize>, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// The text with a line below it that points at the word, for a terminal.
    pub fn pointed(&self, text: &str) -> String {
        let before = text.get(..self.at.start).unwrap_or_default();
        let word = text.get(self.at.clone()).unwrap_or_default();
        let wide = |part: &str| unicode_width::UnicodeWidthStr::width(&*shown(part, LONGEST_SHOWN));
        let marks = "^".repeat(wide(word).max(1));
        format!("{self}\n  {}\n  {}{marks}", shown(text, LONGEST_SHOWN), " ".repeat(wide(before)))
    }
}
