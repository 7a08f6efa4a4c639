//! What is said of an input once it was read.

use std::path::{Path, PathBuf};

use super::{CaptureError, Cut, LinkType};
use crate::base::Stamp;

/// What was read from one input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileReport {
    /// As the user named it; `-` for standard input.
    pub path: PathBuf,
    /// SHA-256 in hexadecimal: of a file as it lies on disk (still compressed, beyond a cut too), of a stream as far
    /// as it was read. Empty where the file could not be opened again.
    pub sha256: String,
    /// Frames handed out.
    pub frames: u64,
    /// Stamp of the earliest.
    pub first: Option<Stamp>,
    /// Stamp of the latest.
    pub last: Option<Stamp>,
    /// Link types met, in order of appearance.
    pub links: Vec<LinkType>,
    /// Records passed over because they contradict themselves (pcapng packets of interfaces that do not exist, or
    /// longer than their block).
    pub broken: u64,
    /// Frames that the capturing program says it lost (pcapng interface statistics); zero where it does not say.
    pub lost: u64,
    /// Where and why it ends before its time; frames before that are good.
    pub cut: Option<Cut>,
    /// Why it could not be read to its end.
    pub error: Option<CaptureError>,
}

impl FileReport {
    /// Of an input that nothing was read from.
    pub(super) fn unread(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            sha256: String::new(),
            frames: 0,
            first: None,
            last: None,
            links: Vec::new(),
            broken: 0,
            lost: 0,
            cut: None,
            error: None,
        }
    }

    /// Of an input that could not be opened again when its time came.
    pub(super) fn failed(path: &Path, error: CaptureError) -> Self {
        Self { error: Some(error), ..Self::unread(path) }
    }
}
