//! Several inputs as one capture, in time order.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Frame,
    error::CaptureError,
    input::{Effort, Found, Input, STANDARD_INPUT},
    kept,
    logs::{LogReader, Logs},
    report::FileReport,
    same::{Identity, same_bytes},
};
use crate::base::Stamp;

/// Inputs merged by stamp, each opened when its time has come and closed when it was read.
///
/// Frames of one input come in the order they lie in; where inputs overlap, the one whose next frame is the oldest
/// goes first. So flows go on across the borders of rotated files, in whatever order the files are named.
pub struct Captures {
    slots: Vec<Slot>,
    /// Inputs not opened yet, the earliest last.
    waiting: Vec<(Stamp, usize)>,
    /// Open inputs with a frame at hand, but for the current one.
    heads: BinaryHeap<Reverse<(Stamp, usize)>>,
    current: Option<(usize, Box<Input>)>,
    /// The current input goes on up to this stamp.
    limit: Stamp,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

struct Slot {
    path: PathBuf,
    state: State,
}

enum State {
    /// A file, to be opened when its time comes.
    Waiting,
    /// Open, with a frame at hand.
    Open(Box<Input>),
    /// It is the current one.
    Current,
    Done(Box<FileReport>),
}

/// What came of opening inputs: the good ones can be audited whatever became of the others.
pub struct Opened {
    /// The inputs that can be read.
    pub captures: Captures,
    /// Those that cannot, each with the reason.
    pub failed: Vec<CaptureError>,
    /// Those that are logs of connections rather than captures.
    pub logs: Logs,
    /// Those that hold the same bytes as another and are left out.
    pub repeated: Vec<Repeated>,
}

/// An input that was named twice, or is a copy of another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repeated {
    /// The one left out.
    pub path: PathBuf,
    /// The one that is read.
    pub same_as: PathBuf,
}

/// How far the reading has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Bytes read from disk.
    pub read: u64,
    /// Bytes there are; `None` where an input is a stream.
    pub total: Option<u64>,
}

impl Captures {
    /// Looks into every input (`-` is standard input) and puts them in the order of their first frames. A folder that a
    /// listener keeps captures in stands for all of them.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Opened {
        let mut opening = Opening::new(paths.len());
        for path in paths.iter().map(AsRef::as_ref) {
            match &*kept::in_folder(path) {
                [] => opening.add(path),
                files => files.iter().for_each(|file| opening.add(file)),
            }
        }
        opening.done()
    }

    /// Goes on to the next frame. Returns which input it is from, as an index into the reports; `None` after the
    /// last frame of all. An error in an input ends that input alone, and is kept for its report.
    #[inline]
    pub fn advance(&mut self) -> Option<usize> {
        if let Some((index, input)) = &mut self.current
            && input.advance()
            && input.stamp() <= self.limit
        {
            return Some(*index);
        }
        self.switch()
    }

    /// The frame that the last [`advance`](Self::advance) went to; before the first and after the last an empty one
    /// at the epoch.
    #[inline]
    pub fn frame(&self) -> Frame<'_> {
        self.current.as_ref().map_or(Frame::NONE, |(_, input)| input.frame())
    }

    /// How far the reading has come.
    pub fn progress(&self) -> Progress {
        Progress { read: self.read.load(Ordering::Relaxed), total: self.total }
    }

    /// How many inputs there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no input at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Closes every input and says what was read of each, in the order they were named.
    pub fn into_reports(mut self) -> Vec<FileReport> {
        self.shelve_current();
        self.slots.into_iter().map(Slot::into_report).collect()
    }

    /// Leaves the current input for the one with the oldest frame.
    #[cold]
    fn switch(&mut self) -> Option<usize> {
        self.shelve_current();
        while let Some(&(first, index)) = self.waiting.last() {
            if self.heads.peek().is_some_and(|Reverse((head, _))| *head < first) {
                break;
            }
            self.waiting.pop();
            self.start(index);
        }
        let Reverse((_, index)) = self.heads.pop()?;
        let slot = self.slots.get_mut(index)?;
        if let State::Open(input) = std::mem::replace(&mut slot.state, State::Current) {
            self.current = Some((index, input));
        }
        let next_head = self.heads.peek().map(|Reverse((head, _))| *head);
        let next_start = self.waiting.last().map(|(first, _)| *first);
        self.limit = next_head.into_iter().chain(next_start).min().unwrap_or(Stamp::from_nanos(u64::MAX));
        Some(index)
    }

    /// Puts the current input back among the others, or closes it where it has no frame left.
    fn shelve_current(&mut self) {
        let Some((index, input)) = self.current.take() else { return };
        let Some(slot) = self.slots.get_mut(index) else { return };
        if input.has_frame() {
            self.heads.push(Reverse((input.stamp(), index)));
            slot.state = State::Open(input);
        } else {
            slot.state = State::Done(Box::new(input.close(&slot.path)));
        }
    }

    /// Opens a waiting input up to its first frame.
    fn start(&mut self, index: usize) {
        let effort = if self.heads.len() < MOST_WITH_THREADS { Effort::Full } else { Effort::Thrifty };
        let Some(slot) = self.slots.get_mut(index) else { return };
        let opened = match std::mem::replace(&mut slot.state, State::Current) {
            State::Open(input) => Ok(Some(input)),
            _ => Input::open(&slot.path, effort, &self.read).map(|found| match found {
                Found::Capture(mut input) => {
                    input.advance();
                    Some(input)
                }
                Found::Log(_) => None,
            }),
        };
        slot.state = match opened {
            Ok(Some(input)) if input.has_frame() => {
                self.heads.push(Reverse((input.stamp(), index)));
                State::Open(input)
            }
            Ok(Some(input)) => State::Done(Box::new(input.close(&slot.path))),
            // It was a capture when it was looked at, and has been written over since.
            Ok(None) => State::Done(Box::new(FileReport::unread(&slot.path))),
            Err(error) => State::Done(Box::new(FileReport::failed(&slot.path, error))),
        };
    }
}

impl Slot {
    fn into_report(self) -> FileReport {
        match self.state {
            State::Open(input) => input.close(&self.path),
            State::Done(report) => *report,
            State::Waiting | State::Current => FileReport::unread(&self.path),
        }
    }
}

/// Inputs on their way to becoming [`Captures`].
struct Opening {
    alone: bool,
    slots: Vec<Slot>,
    waiting: Vec<(Stamp, usize)>,
    failed: Vec<CaptureError>,
    logs: Logs,
    repeated: Vec<Repeated>,
    identities: HashMap<Identity, usize>,
    /// Files by size and first stamp: only among those can there be copies.
    alike: HashMap<(u64, Option<Stamp>), Vec<usize>>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Opening {
    fn new(inputs: usize) -> Self {
        Self {
            alone: inputs == 1,
            slots: Vec::with_capacity(inputs),
            waiting: Vec::with_capacity(inputs),
            failed: Vec::new(),
            logs: Logs::default(),
            repeated: Vec::new(),
            identities: HashMap::new(),
            alike: HashMap::new(),
            read: Arc::default(),
            total: Some(0),
        }
    }

    fn add(&mut self, path: &Path) {
        let identity = Identity::of(path);
        if let Some(&earlier) = identity.as_ref().and_then(|it| self.identities.get(it)) {
            self.repeat(path, earlier);
            return;
        }
        let size = file_size(path);
        // A stream cannot be opened twice, and a single input need not be.
        let keep = size.is_none() || self.alone;
        let read = if keep { Arc::clone(&self.read) } else { Arc::default() };
        let effort = if keep { Effort::Full } else { Effort::Thrifty };
        match Input::open(path, effort, &read) {
            Ok(Found::Log(reader)) => self.add_log(path, *reader, size),
            Ok(Found::Capture(mut input)) => {
                let first = input.advance().then(|| input.stamp());
                if let Some(earlier) = size.and_then(|size| self.copy_of(path, size, first)) {
                    self.repeat(path, earlier);
                    return;
                }
                let state = if keep { State::Open(input) } else { State::Waiting };
                self.keep(path, state, size, first, identity);
            }
            Err(error) => self.failed.push(error),
        }
    }

    fn keep(&mut self, path: &Path, state: State, size: Option<u64>, first: Option<Stamp>, identity: Option<Identity>) {
        let index = self.slots.len();
        self.slots.push(Slot { path: path.to_owned(), state });
        self.waiting.push((first.unwrap_or_default(), index));
        self.total = self.total.zip(size).map(|(total, size)| total + size);
        self.identities.extend(identity.map(|it| (it, index)));
        if let Some(size) = size {
            self.alike.entry((size, first)).or_default().push(index);
        }
    }

    fn add_log(&mut self, path: &Path, reader: LogReader, size: Option<u64>) {
        if let Some(earlier) = size.and_then(|size| self.logs.copy_of(path, size)) {
            let same_as = earlier.to_owned();
            self.repeated.push(Repeated { path: path.to_owned(), same_as });
            return;
        }
        self.total = self.total.zip(size).map(|(total, size)| total + size);
        self.logs.add(path, reader, size, &self.read);
    }

    /// The earlier input that holds the same bytes.
    fn copy_of(&self, path: &Path, size: u64, first: Option<Stamp>) -> Option<usize> {
        let alike = self.alike.get(&(size, first))?;
        alike.iter().copied().find(|&index| self.slots.get(index).is_some_and(|slot| same_bytes(path, &slot.path)))
    }

    fn repeat(&mut self, path: &Path, earlier: usize) {
        if let Some(slot) = self.slots.get(earlier) {
            self.repeated.push(Repeated { path: path.to_owned(), same_as: slot.path.clone() });
        }
    }

    fn done(mut self) -> Opened {
        self.waiting.sort_unstable_by_key(|&earliest| Reverse(earliest));
        let captures = Captures {
            slots: self.slots,
            waiting: self.waiting,
            heads: BinaryHeap::new(),
            current: None,
            limit: Stamp::default(),
            read: self.read,
            total: self.total,
        };
        Opened { captures, failed: self.failed, logs: self.logs, repeated: self.repeated }
    }
}

/// The size of a file; `None` for streams.
fn file_size(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok().filter(|_| path.as_os_str() != STANDARD_INPUT)?;
    metadata.is_file().then_some(metadata.len())
}

/// Inputs beyond these that are open at the same time are read without threads of their own.
const MOST_WITH_THREADS: usize = 2;
