//! One open input: its bytes, its reader, and what was learnt of it so far.

use std::{
    fs::{self, File},
    io::{self, Cursor, Read, Seek},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Frame, LinkType,
    error::{CaptureError, Cut, CutReason, Problem},
    feed::{Codec, Drain, Feed, Hash, Hashing, Unpacked},
    logs::{LogFormat, LogReader},
    pcap::PcapReader,
    pcapng::PcapngReader,
    record::{Record, Stop},
    report::FileReport,
    sniff::{self, Format},
    window::Window,
};
use crate::base::Stamp;

/// How much an input may spend on being fast.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effort {
    /// Threads and large buffers, if it is large.
    Full,
    /// Neither: one of many, or only looked at.
    Thrifty,
}

/// An input that is being read.
pub(super) struct Input {
    window: Window,
    reader: Reader,
    codec: Codec,
    record: Record,
    has_frame: bool,
    facts: Facts,
}

enum Reader {
    Pcap(PcapReader),
    Pcapng(Box<PcapngReader>),
}

/// What was learnt of an input so far.
#[derive(Default)]
struct Facts {
    frames: u64,
    first: Option<Stamp>,
    last: Option<Stamp>,
    links: Vec<LinkType>,
    cut: Option<Cut>,
    error: Option<Problem>,
}

/// What an input turned out to be.
pub(super) enum Found {
    /// A capture.
    Capture(Box<Input>),
    /// A log of connections.
    Log(Box<LogReader>),
}

impl Input {
    /// Opens `path` and reads what comes before its first record; bytes read are added to `read`.
    pub(super) fn open(path: &Path, effort: Effort, read: &Arc<AtomicU64>) -> Result<Found, CaptureError> {
        Self::try_open(path, effort, read).map_err(|problem| CaptureError::new(path, problem))
    }

    fn try_open(path: &Path, effort: Effort, read: &Arc<AtomicU64>) -> Result<Found, Problem> {
        let (feed, codec) = feed(path, effort, read)?;
        let mut window = Window::new(feed);
        let reader = match reader(&mut window, codec)? {
            Front::Capture(reader) => reader,
            Front::Log(format) => return Ok(Found::Log(Box::new(LogReader::new(path, window, codec, format)))),
        };
        let input = Self { window, reader, codec, record: Record::NONE, has_frame: false, facts: Facts::default() };
        Ok(Found::Capture(Box::new(input)))
    }

    /// Reads a stream as it comes, from this thread, without hashing it: it may never end.
    #[cfg(feature = "live")]
    pub(super) fn of_stream(mut raw: Box<dyn Read + Send>) -> Result<Self, Problem> {
        let refused = |error: io::Error| Problem::opening(Path::new(STANDARD_INPUT), &error);
        let head = head_of(&mut raw).map_err(refused)?;
        let codec = Codec::of(&head);
        let whole = Hashing::without_hash(Box::new(Cursor::new(head).chain(raw)));
        let unpacked = Unpacked::new(codec, whole).map_err(refused)?;
        let mut window = Window::new(Feed::Inline(unpacked, Drain::Nothing));
        let reader = match reader(&mut window, codec)? {
            Front::Capture(reader) => reader,
            Front::Log(_) => {
                let mend = "; a log is read to its end, by nightaudit check";
                return Err(Problem::NotACapture { found: "is a log of connections".into(), mend });
            }
        };
        Ok(Self { window, reader, codec, record: Record::NONE, has_frame: false, facts: Facts::default() })
    }

    /// Frames that the capturing program says it lost so far.
    #[cfg(feature = "live")]
    pub(super) fn lost(&self) -> u64 {
        match &self.reader {
            Reader::Pcap(_) => 0,
            Reader::Pcapng(reader) => reader.lost(),
        }
    }

    /// Goes on to the next frame; false after the last.
    #[inline]
    pub(super) fn advance(&mut self) -> bool {
        let moved = match &mut self.reader {
            Reader::Pcap(reader) => reader.advance(&mut self.window, &mut self.record),
            Reader::Pcapng(reader) => reader.advance(&mut self.window, &mut self.record),
        };
        self.has_frame = match moved {
            Ok(true) => {
                self.facts.note(&self.record);
                true
            }
            Ok(false) => self.end(None),
            Err(stop) => self.end(Some(stop)),
        };
        self.has_frame
    }

    /// Whether there is a current frame.
    pub(super) fn has_frame(&self) -> bool {
        self.has_frame
    }

    /// Notes why there is no further frame.
    #[cold]
    fn end(&mut self, stop: Option<Stop>) -> bool {
        self.record = Record::NONE;
        let offset = self.window.offset();
        match stop {
            None => {}
            Some(Stop::Cut(cut)) => self.facts.cut = Some(cut),
            Some(Stop::Failed(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.facts.cut = Some(Cut { offset, why: CutReason::CompressionEnds });
            }
            Some(Stop::Failed(error)) => self.facts.error = Some(reading_failed(self.codec, offset, &error)),
        }
        false
    }

    /// The stamp of the current frame.
    #[inline]
    pub(super) fn stamp(&self) -> Stamp {
        self.record.stamp
    }

    /// The current frame.
    #[inline]
    pub(super) fn frame(&self) -> Frame<'_> {
        let record = &self.record;
        Frame {
            stamp: record.stamp,
            link: record.link,
            data: self.window.slice(record.data.clone()),
            original_len: record.original_len,
            heading: record.heading,
            app: match &self.reader {
                Reader::Pcap(_) => None,
                Reader::Pcapng(reader) => reader.tags().resolve(record.tag),
            },
        }
    }

    /// Ends the reading: what was learnt, and the hash of the whole file.
    pub(super) fn close(self, path: &Path) -> FileReport {
        let (broken, lost) = match &self.reader {
            Reader::Pcap(_) => (0, 0),
            Reader::Pcapng(reader) => (reader.broken(), reader.lost()),
        };
        let Facts { frames, first, last, links, cut, error } = self.facts;
        FileReport {
            path: PathBuf::from(path),
            sha256: hex(self.window.finish()),
            frames,
            first,
            last,
            links,
            broken,
            lost,
            cut,
            error: error.map(|problem| CaptureError::new(path, problem)),
        }
    }
}

impl Facts {
    #[inline]
    fn note(&mut self, record: &Record) {
        self.frames += 1;
        let stamp = record.stamp;
        self.first = Some(self.first.map_or(stamp, |first| first.min(stamp)));
        self.last = Some(self.last.map_or(stamp, |last| last.max(stamp)));
        if !self.links.contains(&record.link) {
            self.links.push(record.link);
        }
    }
}

/// Opens `path` and chooses how its bytes are best supplied.
fn feed(path: &Path, effort: Effort, read: &Arc<AtomicU64>) -> Result<(Feed, Codec), Problem> {
    let refused = |error: io::Error| Problem::opening(path, &error);
    if path.as_os_str() == STANDARD_INPUT {
        return stream(Box::new(io::stdin()), effort, read).map_err(refused);
    }
    let metadata = fs::metadata(path).map_err(refused)?;
    if metadata.is_dir() {
        return Err(Problem::folder(path));
    }
    let mut file = File::open(path).map_err(refused)?;
    if !metadata.is_file() {
        return stream(Box::new(file), effort, read).map_err(refused);
    }
    let head = head_of(&mut file).map_err(refused)?;
    file.rewind().map_err(refused)?;
    let size = metadata.len();
    let codec = Codec::of(&head);
    let large = effort == Effort::Full && size >= WORTH_A_THREAD;
    let raw = Hashing::new(Box::new(file.take(size)), Arc::clone(read));
    let unpacked = Unpacked::new(codec, raw).map_err(refused)?;
    let feed = if large { Feed::ahead(unpacked, Drain::Rest) } else { Ok(Feed::Inline(unpacked, Drain::Rest)) };
    Ok((feed.map_err(refused)?, codec))
}

/// Supplies a stream's bytes, of which the first are looked at and put back.
fn stream(mut raw: Box<dyn Read + Send>, effort: Effort, read: &Arc<AtomicU64>) -> io::Result<(Feed, Codec)> {
    let head = head_of(&mut raw)?;
    let codec = Codec::of(&head);
    let whole = Box::new(Cursor::new(head).chain(raw));
    let unpacked = Unpacked::new(codec, Hashing::new(whole, Arc::clone(read)))?;
    let feed = match effort {
        Effort::Full => Feed::ahead(unpacked, Drain::Nothing)?,
        Effort::Thrifty => Feed::Inline(unpacked, Drain::Nothing),
    };
    Ok((feed, codec))
}

fn head_of(raw: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    raw.take(4).read_to_end(&mut head)?;
    Ok(head)
}

/// What the front of an input shows.
enum Front {
    /// A capture, and what reads it.
    Capture(Reader),
    /// A log, and how it is written.
    Log(LogFormat),
}

/// Finds out what format the bytes are in, and reads what comes before the first record.
fn reader(window: &mut Window, codec: Codec) -> Result<Front, Problem> {
    let failed = |window: &Window, error: &io::Error| reading_failed(codec, window.offset(), error);
    // A live stream may bring no more than its header for a while; only what is unknown is looked at for longer.
    let looked = window.has(sniff::MAGIC).and_then(|_| match Format::of(window.front()) {
        Some(_) => Ok(true),
        None => window.has(sniff::HEAD),
    });
    if let Err(error) = looked
        && window.left() == 0
    {
        return Err(failed(window, &error));
    }
    let head = window.front();
    if head.is_empty() && codec == Codec::Plain {
        return Err(Problem::Empty);
    }
    let Some(format) = Format::of(head) else {
        return LogFormat::of(head).map(Front::Log).ok_or_else(|| sniff::describe(head, codec));
    };
    let bytes = head.len() as u64;
    let opened = match format {
        Format::Pcap(flavour) => match PcapReader::open(flavour, window) {
            Ok(reader) => reader.map(Reader::Pcap).ok_or(None),
            Err(error) => Err(Some(error)),
        },
        Format::Pcapng => match PcapngReader::open(window) {
            Ok(reader) => Ok(Reader::Pcapng(Box::new(reader))),
            Err(Stop::Cut(_)) => Err(None),
            Err(Stop::Failed(error)) => Err(Some(error)),
        },
    };
    opened.map(Front::Capture).map_err(|error| match error {
        Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => failed(window, &error),
        _ => Problem::CutHeader { format: format.name(), bytes },
    })
}

pub(super) fn reading_failed(codec: Codec, offset: u64, error: &io::Error) -> Problem {
    match codec {
        Codec::Zstd if error.to_string().contains(ZSTD_WANTS_MEMORY) => Problem::LongWindow,
        Codec::Plain => Problem::Unreadable { offset, why: error.to_string() },
        packed => Problem::Compression { codec: packed.name(), offset, why: error.to_string() },
    }
}

pub(super) fn hex(hash: Hash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        text.extend([digit(byte >> 4), digit(byte & 15)]);
        text
    })
}

/// What zstd says of a file whose window is larger than is allowed here.
const ZSTD_WANTS_MEMORY: &str = "too much memory";
/// How the user names standard input.
pub(super) const STANDARD_INPUT: &str = "-";
/// Smaller files are read sooner than a thread starts.
const WORTH_A_THREAD: u64 = 1024 * 1024;
