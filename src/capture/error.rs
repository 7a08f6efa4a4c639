//! What can be wrong with an input, in one line that says what would mend it.

use std::{fmt, io, path::Path};

use crate::base::text::shown;

/// An input that cannot be read, or not to its end.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct CaptureError {
    /// As the user named it; `-` for standard input. Safe to show.
    pub path: String,
    /// What was found.
    pub problem: Problem,
}

/// What is wrong with an input.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// There is no such file.
    #[error("no such file; check the path")]
    Missing,
    /// The system does not let us read it.
    #[error("not readable by this user; check its permissions (ls -l), or copy it to where you may read it")]
    Forbidden,
    /// A folder was named.
    #[error(
        "is a folder, and not one that nightaudit keeps captures in; name the capture files in it, such as {0}/*.pcap"
    )]
    Folder(String),
    /// It holds no byte.
    #[error("is empty (0 bytes); the capture was never written, or the copy failed")]
    Empty,
    /// It ends before its own header does.
    #[error("ends within its {format} header, after {bytes} bytes; copy it again from where it was captured")]
    CutHeader {
        /// The format that its first bytes announce.
        format: &'static str,
        /// How many bytes there are.
        bytes: u64,
    },
    /// It is something else.
    #[error("{found}, where a capture is wanted (pcap or pcapng, plain or as gzip or zstd){mend}")]
    NotACapture {
        /// What its first bytes look like.
        found: String,
        /// What would mend it, led by a semicolon; or nothing.
        mend: &'static str,
    },
    /// The system failed to read it.
    #[error("could not be read at byte {offset}: {why}")]
    Unreadable {
        /// Where, in the (decompressed) capture.
        offset: u64,
        /// The system's words.
        why: String,
    },
    /// It was packed so that unpacking takes more memory than is given to an input.
    #[error("takes more than 128 MiB of memory to unpack (zstd --long); unpack it first with zstd -d --long=31")]
    LongWindow,
    /// Its compression is damaged.
    #[error("its {codec} data are damaged after {offset} bytes of capture ({why}); test it with {codec} -t")]
    Compression {
        /// `gzip` or `zstd`.
        codec: &'static str,
        /// How many decompressed bytes came before.
        offset: u64,
        /// The decoder's words.
        why: String,
    },
}

impl CaptureError {
    /// `problem` of the input that the user named `path`.
    pub(super) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: shown(&path.to_string_lossy(), MOST_PATH).into_owned(), problem }
    }
}

impl Problem {
    /// What the system's refusal to open `path` means.
    pub(super) fn opening(path: &Path, refusal: &io::Error) -> Self {
        match refusal.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::IsADirectory => Self::folder(path),
            _ => Self::Unreadable { offset: 0, why: refusal.to_string() },
        }
    }

    /// That `path` is a folder.
    pub(super) fn folder(path: &Path) -> Self {
        let text = path.to_string_lossy();
        Self::Folder(shown(text.trim_end_matches('/'), MOST_PATH).into_owned())
    }
}

/// Where and why a capture ends before its time. What came before is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cut {
    /// Offset of the record that could not be read, in the (decompressed) capture.
    pub offset: u64,
    /// Why.
    pub why: CutReason,
}

/// Why a capture ends before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CutReason {
    /// The file ends in the middle of a record, as when the capturing program was killed.
    EndsWithin,
    /// The record claims a length that no capture program writes.
    AbsurdLength(u32),
    /// The lengths at the record's two ends differ (pcapng).
    LengthsDiffer(u32, u32),
    /// A section starts with no byte-order mark (pcapng).
    NoByteOrder,
    /// A section is of a version that is not known (pcapng).
    Version(u16),
    /// An interface is described by too few bytes, or there are too many of them (pcapng).
    BadInterface,
    /// Its compressed data end early.
    CompressionEnds,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match self.why {
            CutReason::EndsWithin => write!(f, "ends within the record at byte {offset}"),
            CutReason::AbsurdLength(length) => {
                write!(f, "the record at byte {offset} claims {length} bytes; nothing after it can be read")
            }
            CutReason::LengthsDiffer(head, tail) => {
                write!(f, "the block at byte {offset} gives its length as {head} and as {tail}; reading stopped there")
            }
            CutReason::NoByteOrder => write!(f, "the section at byte {offset} has no byte-order mark"),
            CutReason::Version(version) => {
                write!(f, "the section at byte {offset} is of pcapng version {version}; only version 1 is known")
            }
            CutReason::BadInterface => write!(f, "the interface described at byte {offset} cannot be understood"),
            CutReason::CompressionEnds => write!(f, "its compressed data end early, within byte {offset}"),
        }
    }
}

/// How much of a path is shown.
const MOST_PATH: usize = 1024;
