//! Several logs as one, in about the order of time.
//!
//! Rows of a log lie in the order they were written, a connection's when it was over. Files are merged by that, and
//! entries held back for half an hour of it, so that they come out in the order they began: a name is looked up before
//! the connection that uses it. A connection that lasted longer comes when it is told of, late.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Connection, Entry, LogReport,
    reader::{Again, LogReader},
};
use crate::{
    base::Stamp,
    capture::{
        CaptureError,
        input::{Effort, Found, Input},
        same::same_bytes,
    },
};

/// How long an entry may wait for those that began before it: connections that are placed in time last ten minutes,
/// and are written when nothing has come for a few more.
const WAIT: u64 = 1_800 * 1_000_000_000;
/// Entries held back at most; beyond that the oldest goes on at once.
const MOST_HELD: usize = 1 << 17;
/// Connections remembered that go on, or were told of to their end although they were told of before.
const MOST_OPEN: usize = 1 << 16;
/// Tunnels remembered.
const MOST_TUNNELS: usize = 1 << 16;

/// Logs merged.
#[derive(Default)]
pub struct Logs {
    files: Vec<File>,
    /// Files not begun yet, the earliest last.
    waiting: Vec<(Stamp, usize)>,
    /// Begun files by when their next row was written.
    heads: BinaryHeap<Reverse<(Stamp, usize)>>,
    held: BinaryHeap<Held>,
    serial: u64,
    newest: Stamp,
    /// Connections that go on, as last told of.
    open: HashMap<Box<str>, Box<Connection>>,
    closed: HashSet<Box<str>>,
    read: Arc<AtomicU64>,
    by_size: HashMap<u64, Vec<usize>>,
    /// Connections that others went through.
    tunnels: HashSet<Box<str>>,
    started: bool,
}

struct File {
    path: PathBuf,
    state: State,
}

enum State {
    Waiting,
    Open(Box<LogReader>, Option<(Entry, Again)>),
    Done(Box<LogReport>),
}

/// An entry on its way out, the oldest first.
struct Held {
    at: Stamp,
    serial: u64,
    entry: Entry,
}

impl Logs {
    /// Keeps a log that was just opened. A stream cannot be opened twice; of a file, only when it begins is noted.
    pub(in crate::capture) fn add(
        &mut self,
        path: &Path,
        mut reader: LogReader,
        size: Option<u64>,
        read: &Arc<AtomicU64>,
    ) {
        self.read = Arc::clone(read);
        let index = self.files.len();
        let next = reader.advance();
        let begins = next.as_ref().map_or(Stamp::default(), |(written, ..)| *written);
        let state = match size {
            Some(_) => State::Waiting,
            None => State::Open(Box::new(reader), next.map(|(_, entry, again)| (entry, again))),
        };
        self.files.push(File { path: path.to_owned(), state });
        self.waiting.push((begins, index));
        if let Some(size) = size {
            self.by_size.entry(size).or_default().push(index);
        }
    }

    /// The path of the log added before that holds the same bytes.
    pub(in crate::capture) fn copy_of(&self, path: &Path, size: u64) -> Option<&Path> {
        let alike = self.by_size.get(&size)?.iter().filter_map(|&index| self.files.get(index));
        alike.map(|file| &*file.path).find(|earlier| same_bytes(path, earlier))
    }

    /// Whether there is no log at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The next entry of all, names before the connections they belong to; `None` after the last.
    pub fn advance(&mut self) -> Option<Entry> {
        if !std::mem::replace(&mut self.started, true) {
            self.waiting.sort_unstable_by_key(|&earliest| Reverse(earliest));
        }
        loop {
            let ripe = |held: &Held| self.newest.since(held.at) >= WAIT || self.held.len() > MOST_HELD;
            if self.held.peek().is_some_and(ripe) {
                return self.held.pop().map(|held| held.entry);
            }
            match self.next_row() {
                Some((Entry::Names(names), _)) => return Some(Entry::Names(names)),
                Some((entry, again)) => self.hold(entry, again),
                None => return self.held.pop().map(|held| held.entry).or_else(|| self.next_open()),
            }
        }
    }

    /// Closes every log and says what was read of each, in the order they were named.
    pub fn into_reports(self) -> Vec<LogReport> {
        self.files
            .into_iter()
            .map(|file| match file.state {
                State::Open(reader, _) => reader.close(),
                State::Done(report) => *report,
                State::Waiting => LogReport { path: file.path, ..LogReport::default() },
            })
            .collect()
    }

    /// The row that was written first of all that are left.
    fn next_row(&mut self) -> Option<(Entry, Again)> {
        while let Some(&(begins, index)) = self.waiting.last() {
            if self.heads.peek().is_some_and(|Reverse((head, _))| *head < begins) {
                break;
            }
            self.waiting.pop();
            self.begin(index, begins);
        }
        let Reverse((written, index)) = self.heads.pop()?;
        let file = self.files.get_mut(index)?;
        let State::Open(reader, slot) = &mut file.state else { return None };
        let row = slot.take();
        match reader.advance() {
            Some((written, entry, again)) => {
                *slot = Some((entry, again));
                self.heads.push(Reverse((written, index)));
            }
            None => {
                if let State::Open(reader, _) = std::mem::replace(&mut file.state, State::Waiting) {
                    file.state = State::Done(Box::new(reader.close()));
                }
            }
        }
        self.newest = self.newest.max(written);
        row
    }

    /// Opens a file up to its first row.
    fn begin(&mut self, index: usize, begins: Stamp) {
        let Some(file) = self.files.get_mut(index) else { return };
        if let State::Waiting = file.state {
            file.state = match Input::open(&file.path, Effort::Thrifty, &self.read) {
                Ok(Found::Log(mut reader)) => {
                    let next = reader.advance().map(|(_, entry, again)| (entry, again));
                    State::Open(reader, next)
                }
                Ok(Found::Capture(_)) => {
                    State::Done(Box::new(LogReport { path: file.path.clone(), ..LogReport::default() }))
                }
                Err(error) => State::Done(Box::new(failed(&file.path, error))),
            };
        }
        match &mut file.state {
            State::Open(_, Some(_)) => self.heads.push(Reverse((begins, index))),
            State::Open(..) => {
                if let State::Open(reader, _) = std::mem::replace(&mut file.state, State::Waiting) {
                    file.state = State::Done(Box::new(reader.close()));
                }
            }
            _ => {}
        }
    }

    /// Whether a connection that was read so far went through the one called `uid`: that is then a tunnel, whose inside is
    /// told of by itself.
    pub fn is_tunnel(&self, uid: &str) -> bool {
        self.tunnels.contains(uid)
    }

    fn hold(&mut self, entry: Entry, again: Again) {
        if let Entry::Connection(connection) = &entry {
            let room = MOST_TUNNELS.saturating_sub(self.tunnels.len());
            self.tunnels.extend(connection.tunnels.iter().take(room).cloned());
        }
        let entry = match entry {
            Entry::Connection(connection) => match self.settle(connection, again) {
                Some(connection) => Entry::Connection(connection),
                None => return,
            },
            other => other,
        };
        self.serial += 1;
        self.held.push(Held { at: entry.at(), serial: self.serial, entry });
    }

    /// A connection that is told of more than once counts once, as it was told of last.
    fn settle(&mut self, connection: Box<Connection>, again: Again) -> Option<Box<Connection>> {
        let Some(uid) = connection.uid.clone() else { return Some(connection) };
        match again {
            Again::Yes if self.closed.contains(&uid) => None,
            Again::Yes if self.open.len() < MOST_OPEN || self.open.contains_key(&uid) => {
                self.open.insert(uid, connection);
                None
            }
            Again::Yes => Some(connection),
            Again::No => {
                self.open.remove(&uid);
                if !connection.is_placed() && self.closed.len() < MOST_OPEN {
                    self.closed.insert(uid);
                }
                Some(connection)
            }
        }
    }

    /// A connection whose end no log tells of.
    fn next_open(&mut self) -> Option<Entry> {
        let uid = self.open.iter().min_by_key(|(uid, told)| (told.start, *uid)).map(|(uid, _)| uid.clone())?;
        self.open.remove(&uid).map(Entry::Connection)
    }
}

fn failed(path: &Path, error: CaptureError) -> LogReport {
    LogReport { path: path.to_owned(), error: Some(error), ..LogReport::default() }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.serial).cmp(&(self.at, self.serial))
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Held {}
