//! What the readers say of one record: a frame whose bytes are still in the window.

use std::{io, ops::Range};

use super::{Heading, LinkType, error::Cut};
use crate::base::Stamp;

/// A frame by reference into a window.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) stamp: Stamp,
    pub(super) link: LinkType,
    pub(super) data: Range<usize>,
    pub(super) original_len: u32,
    pub(super) heading: Option<Heading>,
    pub(super) tag: Tag,
}

impl Record {
    pub(super) const NONE: Self = Self {
        stamp: Stamp::from_nanos(0),
        link: LinkType::NULL,
        data: 0..0,
        original_len: 0,
        heading: None,
        tag: Tag::None,
    };
}

/// Whose a frame is, by reference into the reader's tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tag {
    None,
    /// An Android user id.
    Uid(i32),
    /// A process, by its id.
    Pid(u32),
    /// A process, by its place among the section's process blocks.
    Process(u32),
    /// A process, by its place among those that comments name.
    Commented(u32),
}

/// Why reading ends before the end of the file.
#[derive(Debug)]
pub(super) enum Stop {
    Cut(Cut),
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    #[cold]
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}
