//! What a listener heard goes into the ledger, minute by minute, also when the disk does not want it for a while.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    base::{Minute, Span, Stamp},
    ledger::{
        RunRecord, Source, Store, StoreError, Watched, clip,
        fleet::{Courier, News},
    },
    pipeline::{Auditor, Status},
};

/// Rows that wait for a disk, unless told otherwise: with their keys some 100 MB.
const MOST_WAITING: usize = 400_000;
/// Reports whose words wait for a disk, at most.
const MOST_SAID: usize = 32;
/// Between two attempts to write after one that failed.
const RETRY: Duration = Duration::from_secs(30);
/// Minutes at the end that are not told of yet: a stream may turn out to have broken off in them.
const UNSETTLED: u32 = 2;
/// Minutes before the last flush whose losses may have become known since.
const REPEATED: u32 = 5;
/// A source that is further behind has a clock of its own.
const MOST_BEHIND: u32 = 20;

/// Writes to one ledger, and keeps what cannot be written.
pub struct Bookkeeper {
    path: PathBuf,
    sources: Vec<Source>,
    /// `None` while the ledger cannot even be opened.
    store: Option<Store>,
    /// The minute in which it was last tried.
    tried: Minute,
    /// Up to where the ledger knows when each source watched.
    told: Vec<Minute>,
    trouble: Option<Trouble>,
    keep_minutes: u32,
    most_waiting: usize,
    summed_up: Minute,
    courier: Option<Courier>,
    /// What reports said that is not in the ledger yet.
    said: Vec<RunRecord>,
    /// Whether it is worth trying to write that: something is new, or the ledger was written since.
    is_said_due: bool,
}

/// A ledger that cannot be written to.
struct Trouble {
    since: Minute,
    again: Duration,
}

/// What became of one look.
#[derive(Debug)]
pub enum Booked {
    /// It is not time yet.
    Nothing,
    /// What is over was written.
    Rows {
        /// How many minute rows.
        rows: u64,
        /// The minute that is not over yet.
        up_to: Minute,
    },
    /// After trouble: it is all written.
    Recovered {
        /// Minutes for which it was kept in memory.
        minutes: u32,
    },
    /// It cannot be written, and is kept in memory; said once.
    Waiting(StoreError),
    /// Memory is full: what was captured from a minute up to another is lost.
    Lost {
        /// The span, in which nothing counts as watched.
        span: Span,
        /// Minute rows that were forgotten.
        rows: usize,
    },
}

impl Bookkeeper {
    /// Opens the ledger at `path`. Fails where another process writes to it, or it is none. Where only the disk does not
    /// take it, what is captured waits for the disk: [`is_open`](Self::is_open) says so, and the first
    /// [`look`](Self::look) why.
    pub fn open(path: &Path, sources: Vec<Source>, keep_days: u32) -> Result<Self, StoreError> {
        let store = match Self::connect(path, &sources) {
            Ok(store) => Some(store),
            Err(error) if error.is_of_the_disk() => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            sources,
            store,
            tried: Minute(0),
            told: Vec::new(),
            trouble: None,
            keep_minutes: keep_days.saturating_mul(24 * 60),
            most_waiting: MOST_WAITING,
            summed_up: Minute(0),
            courier: None,
            said: Vec::new(),
            is_said_due: false,
        })
    }

    /// Keeps at most so many rows in memory while the disk does not take them.
    #[must_use]
    pub fn holding_at_most(mut self, rows: usize) -> Self {
        self.most_waiting = rows;
        self
    }

    /// Whether the ledger is open.
    pub const fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// From now on has `courier` send what the ledger holds to a fleet's server, beside the capture.
    pub fn send_with(&mut self, courier: Courier) -> Result<(), StoreError> {
        if let Some(store) = &mut self.store {
            store.feed_fleet()?;
        }
        self.courier = Some(courier);
        Ok(())
    }

    /// From now on nothing waits for a fleet's server that nobody sends to.
    pub fn send_nothing(&mut self) -> Result<(), StoreError> {
        self.store.as_mut().map_or(Ok(()), Store::leave_fleet)
    }

    /// Keeps in the ledger what a report said, as soon as the ledger takes it.
    pub fn remember(&mut self, said: impl IntoIterator<Item = RunRecord>) -> Result<(), StoreError> {
        let before = self.said.len();
        self.said.extend(said);
        let is_due = std::mem::take(&mut self.is_said_due) || self.said.len() > before;
        let too_many = self.said.len().saturating_sub(MOST_SAID);
        self.said.drain(..too_many);
        let Some(store) = self.store.as_mut().filter(|_| is_due) else { return Ok(()) };
        while let Some(run) = self.said.first() {
            store.remember(run)?;
            self.said.remove(0);
        }
        Ok(())
    }

    /// Sends what is due, without waiting for anybody.
    pub fn deliver(&mut self, now: Stamp) -> Result<Option<News>, StoreError> {
        match (&mut self.courier, &mut self.store) {
            (Some(courier), Some(store)) => courier.tick(store, now),
            _ => Ok(None),
        }
    }

    /// Keeps rows of a minute for so many days from now on.
    pub fn keep(&mut self, days: u32) {
        self.keep_minutes = days.saturating_mul(24 * 60);
    }

    /// Writes what is booked once a minute of packet time is over.
    pub fn look(&mut self, auditor: &mut Auditor<'_>, status: &Status) -> Booked {
        let Some(now) = status.packet_time.map(Stamp::minute) else { return Booked::Nothing };
        let waits = self.trouble.as_ref().is_some_and(|trouble| status.now.running < trouble.again);
        // A clock that was set back starts minutes anew.
        let is_new = now > self.tried || now.plus(1) < self.tried;
        if waits || !(is_new || self.trouble.is_some()) {
            return self.make_room(auditor, status, now);
        }
        let settled = now.minus(UNSETTLED);
        if now.plus(1) < self.tried {
            // What is watched from now on lies before what was told.
            self.told.iter_mut().for_each(|told| *told = (*told).min(settled.minus(REPEATED)));
        }
        self.tried = now;
        self.write(auditor, status, settled, now)
    }

    /// Ends every flow and writes all there is.
    pub fn close(&mut self, auditor: &mut Auditor<'_>, status: &Status) -> Booked {
        auditor.end();
        let now = status.packet_time.unwrap_or(status.now.wall).minute();
        self.write(auditor, status, now.plus(1), now)
    }

    /// Sums old minutes up by the hour, once a day.
    pub fn retain(&mut self, now: Minute) -> Result<u64, StoreError> {
        const DAY: u32 = 24 * 60;
        if now.since(self.summed_up) < DAY || self.keep_minutes == 0 {
            return Ok(0);
        }
        let Some(store) = &mut self.store else { return Ok(0) };
        self.summed_up = now;
        store.sum_up(now.minus(self.keep_minutes)).map(|retained| retained.minutes)
    }

    /// Whether everything is written that should be.
    pub fn is_well(&self) -> bool {
        self.trouble.is_none()
    }

    fn write(&mut self, auditor: &mut Auditor<'_>, status: &Status, settled: Minute, now: Minute) -> Booked {
        let all = status.watched_by_source();
        self.told.resize(all.len(), Minute(0));
        // Each by its own clock, which may be behind the others'.
        let untold = |(runs, told): (Vec<Watched>, &Minute)| clip(runs, Span { first: *told, end: settled });
        let watched: Vec<_> = all.into_iter().zip(&self.told).map(untold).collect();
        match self.try_write(auditor, &watched) {
            Ok(rows) => {
                for (told, runs) in self.told.iter_mut().zip(&watched) {
                    *told = runs.last().map_or(*told, |run| run.span.end.minus(REPEATED).max(*told));
                }
                self.is_said_due = true;
                match self.trouble.take() {
                    Some(trouble) => Booked::Recovered { minutes: now.since(trouble.since) },
                    None => Booked::Rows { rows, up_to: now },
                }
            }
            Err(error) => {
                let again = status.now.running + RETRY;
                if let Some(trouble) = &mut self.trouble {
                    trouble.again = again;
                    return self.make_room(auditor, status, now);
                }
                self.trouble = Some(Trouble { since: now, again });
                Booked::Waiting(error)
            }
        }
    }

    fn try_write(&mut self, auditor: &mut Auditor<'_>, watched: &[Vec<Watched>]) -> Result<u64, StoreError> {
        let store = if let Some(store) = &mut self.store {
            store
        } else {
            let mut store = Self::connect(&self.path, &self.sources)?;
            if self.courier.is_some() {
                store.feed_fleet()?;
            }
            self.store.insert(store)
        };
        let written = auditor.flush(store, watched);
        if written.is_err() {
            // A disk that was away gives no second chance to open files: the ledger is opened anew.
            self.store = None;
        }
        written.map(|flushed| flushed.rows)
    }

    /// Forgets what waits once it is too much: a hole in the ledger, in which nothing counts as watched.
    fn make_room(&mut self, auditor: &mut Auditor<'_>, status: &Status, now: Minute) -> Booked {
        if self.trouble.is_none() || auditor.unflushed() < self.most_waiting {
            return Booked::Nothing;
        }
        let rows = auditor.forget_unflushed();
        let all = status.watched_by_source();
        self.told.resize(all.len(), Minute(0));
        let span = Span { first: self.told.iter().min().copied().unwrap_or_default(), end: now.plus(1) };
        for (told, runs) in self.told.iter_mut().zip(all) {
            // What a source that is behind told of the time since is lost with the rest.
            let own = runs.last().map_or(span.end, |run| run.span.end);
            *told = if now.since(own) < MOST_BEHIND { span.end.max(own) } else { own };
        }
        Booked::Lost { span, rows }
    }

    fn connect(path: &Path, sources: &[Source]) -> Result<Store, StoreError> {
        let mut store = Store::open(path)?;
        store.capturing_at(sources.to_vec());
        Ok(store)
    }
}
