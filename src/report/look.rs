//! How a page is to look: width, colour, characters, and what of the device may be named.

use super::redact::Redaction;

/// Whether colour may be used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Colour {
    /// Plain text, as for a pipe or under `NO_COLOR`.
    #[default]
    Never,
    /// ANSI colours. Nothing is said by colour alone.
    Always,
}

/// Which characters may be drawn with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Glyphs {
    /// Blocks, lines and bullets of Unicode.
    #[default]
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// How a page is to look.
#[derive(Clone, Debug)]
pub struct Look {
    /// Columns of the terminal; fewer than 60 are taken as 60, for narrower tables say nothing.
    pub width: usize,
    /// Whether colour may be used.
    pub colour: Colour,
    /// Which characters may be drawn with.
    pub glyphs: Glyphs,
    /// Whether device identifiers are replaced by pseudonyms.
    pub redaction: Redaction,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 80, colour: Colour::Never, glyphs: Glyphs::Unicode, redaction: Redaction::Off }
    }
}

impl Look {
    /// Columns to lay out in: prose past 120 columns is hard to read.
    pub(super) fn columns(&self) -> usize {
        self.width.clamp(60, 120)
    }
}
