//! What is said of a log once it was read.

use std::{borrow::Cow, path::PathBuf};

use crate::{
    base::{Stamp, text::shown},
    capture::CaptureError,
};

/// A row that was passed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadRow {
    /// Its line, counted from 1.
    pub line: u64,
    /// The field that cannot be what it must be; `row` where the whole of it is meant.
    pub field: Cow<'static, str>,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, field {}: {}", self.line, shown(&self.field, 40), self.why)
    }
}

/// Why a log says nothing from some line on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogProblem {
    /// The line, counted from 1.
    pub line: u64,
    /// The field that it lacks.
    pub field: &'static str,
    /// What log it is, such as `zeek-conn`.
    pub kind: &'static str,
}

impl std::fmt::Display for LogProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {}: this {} log has no field {}; write it with the fields that Zeek and PCAPdroid give it",
            self.line, self.kind, self.field
        )
    }
}

/// What was read of one log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogReport {
    /// As the user named it; `-` for standard input.
    pub path: PathBuf,
    /// SHA-256 of the file as it lies on disk, in hexadecimal.
    pub sha256: String,
    /// What it is, such as `zeek-conn`; several where logs were joined in one file.
    pub kinds: Vec<&'static str>,
    /// Rows that told something.
    pub rows: u64,
    /// Packets that those rows tell of.
    pub packets: u64,
    /// Rows passed over because they contradict themselves.
    pub broken: u64,
    /// The first of them.
    pub first_broken: Option<BadRow>,
    /// Rows of logs that hold nothing an audit needs.
    pub needless: u64,
    /// The earliest moment it tells of; a connection of more than ten minutes counts where it ended.
    pub first: Option<Stamp>,
    /// The latest moment it tells of.
    pub last: Option<Stamp>,
    /// Its compressed data end early.
    pub cut: bool,
    /// A column is missing.
    pub problem: Option<LogProblem>,
    /// Why it could not be read to its end.
    pub error: Option<CaptureError>,
}
