//! What reaches the screen, and what it asks for.

use std::{path::PathBuf, sync::Arc};

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use super::model::View;
use crate::{
    pipeline::{Judging, Snapshot, Trail, snapshot::News},
    report::Redaction,
};

/// What reaches the screen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal is now so many columns and rows.
    Resize(u16, u16),
    /// The reading thread says something.
    News(News),
    /// The key by which names are hidden.
    Redaction(Redaction),
    /// What became of an effect, to be shown for a while.
    Said(Remark),
    /// Time went by.
    Tick,
    /// The system asks to end.
    Terminate,
}

/// A line that is shown for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Remark {
    /// It went well.
    Done(String),
    /// It did not.
    Failed(String),
}

/// What the terminal loop must do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// End.
    Quit,
    /// Stop reading, and judge what was read.
    Stop,
    /// Put this on the clipboard.
    Copy(String),
    /// Write this to a new file.
    Export(Box<Export>),
    /// Pick packets out of the captures and write them to a new file.
    Evidence(Box<Evidence>),
    /// Get the key by which names are hidden.
    LoadRedaction,
}

/// Which packets are to be written.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Those of which flows, and when.
    pub trail: Trail,
    /// How times are written.
    pub judging: Judging,
    /// The files to pick them from.
    pub captures: Arc<[PathBuf]>,
    /// Flows that were too many to be known.
    pub left_out: u64,
}

/// The form of an exported file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExportFormat {
    /// A self-contained page.
    Html,
    /// JSON, or a JSON object a line for flows and destinations.
    Json,
    /// For spreadsheets.
    Csv,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Export {
    /// The view it is asked for in.
    pub view: View,
    /// The form.
    pub format: ExportFormat,
    /// What is known.
    pub snapshot: Arc<Snapshot>,
    /// The device, by index in the audit, and its subject, where one is chosen.
    pub scope: Option<(usize, Option<usize>)>,
    /// The flows that pass, by index, in the order shown.
    pub flows: Vec<u32>,
    /// Rows of the view, for a view that is a table of its own.
    pub rows: Vec<serde_json::Value>,
    /// Whether names are hidden.
    pub redaction: Redaction,
}
