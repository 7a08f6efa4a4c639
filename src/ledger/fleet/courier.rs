//! Parcels on their way to the server, beside a capture that must not wait for them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    thread,
};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::{FleetError, Parcel, Receipt, Sending, Sensor, Server};
use crate::{
    base::{Minute, Stamp},
    ledger::{Store, StoreError},
};

/// Seconds between two parcels of a backlog: a server that comes back is not run over.
const PACE: u64 = 1;
/// Seconds before the first new attempt; each later one waits twice as long, up to the last.
const FIRST_RETRY: u64 = 5;
const LAST_RETRY: u64 = 600;
/// Seconds between two notes of what goes well.
const NOTE_SECONDS: u64 = 60;
/// Minutes that are still being written are left for later.
const OPEN_MINUTES: u32 = 3;

/// What became of the last parcel.
#[derive(Debug)]
pub enum News {
    /// The server has it.
    Delivered {
        /// Minute rows in it.
        rows: u64,
    },
    /// It has not, and the parcel is made up again in so many seconds.
    Failed {
        /// Why.
        error: FleetError,
        /// Seconds until the next attempt.
        again_in: u64,
    },
}

/// Parcels to a thread, and answers from it.
type Line = (Sender<Parcel>, Receiver<Result<Receipt, FleetError>>);

/// Sends what a ledger holds for a fleet, from a thread of its own.
#[derive(Debug)]
pub struct Courier {
    sensor: Sensor,
    /// Seconds between two rounds.
    every: u64,
    server: Arc<Server>,
    /// The thread that sends; begun with the first parcel, so that it has no more rights than the daemon has by then.
    line: Option<Line>,
    /// Minute rows of the parcel that is under way.
    under_way: Option<u64>,
    due: Stamp,
    failures: u32,
    sending: Sending,
    /// When what became of it was last noted.
    noted: Stamp,
    /// Whether that note told of no trouble.
    was_well: bool,
}

impl Courier {
    /// A courier to `server` that sets out after `now`, and then every `every` seconds. Sensors of the same schedule set
    /// out at different moments, by their names.
    pub fn new(server: Arc<Server>, sensor: Sensor, every: u64, now: Stamp) -> Self {
        Self {
            sensor,
            every: every.max(1),
            server,
            line: None,
            under_way: None,
            due: now,
            failures: 0,
            sending: Sending::default(),
            noted: Stamp::default(),
            was_well: false,
        }
    }

    /// Does what is due at `now`, without waiting for anybody: takes the answer to the last parcel, or hands over the
    /// next one. To be called about once a second.
    pub fn tick(&mut self, store: &mut Store, now: Stamp) -> Result<Option<News>, StoreError> {
        let news = self.step(store, now)?;
        match &news {
            Some(News::Delivered { .. }) => self.sending.succeeded(now),
            Some(News::Failed { error, .. }) => self.sending.went_wrong(&error.to_string(), now),
            None => return Ok(None),
        }
        // A backlog is confirmed parcel by parcel; a note a minute tells enough.
        let fresh = self.noted.plus_seconds(NOTE_SECONDS) > now && self.sending.error.is_none() && self.was_well;
        if !fresh && self.sending.note(store.path()).is_ok() {
            self.noted = now;
            self.was_well = self.sending.error.is_none();
        }
        Ok(news)
    }

    fn step(&mut self, store: &mut Store, now: Stamp) -> Result<Option<News>, StoreError> {
        if let Some(rows) = self.under_way {
            let answer = self.line.as_ref().map_or(Err(TryRecvError::Disconnected), |(_, answers)| answers.try_recv());
            return match answer {
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => {
                    self.line = None;
                    let what = "the sending thread has ended".to_owned();
                    Ok(Some(self.failed(FleetError::Unreachable { server: self.server.name(), what }, now)))
                }
                Ok(Err(error)) => Ok(Some(self.failed(error, now))),
                Ok(Ok(receipt)) => {
                    self.under_way = None;
                    self.failures = 0;
                    self.due = now.plus_seconds(PACE);
                    store.acknowledge(&receipt)?;
                    Ok(Some(News::Delivered { rows }))
                }
            };
        }
        if now < self.due {
            return Ok(None);
        }
        let closed = Minute(now.minute().0.saturating_sub(OPEN_MINUTES));
        match store.parcel(&self.sensor, closed)? {
            None => self.due = self.next_round(now),
            Some(parcel) => {
                let rows = parcel.rows;
                let (parcels, _) = self.line.get_or_insert_with(|| line(&self.server));
                if parcels.try_send(parcel).is_ok() {
                    self.under_way = Some(rows);
                }
            }
        }
        Ok(None)
    }

    /// The next of the moments at which this sensor sets out.
    fn next_round(&self, now: Stamp) -> Stamp {
        let begun = now.seconds() / self.every * self.every;
        let mine = Stamp::new(begun.saturating_add(jitter(&self.sensor.name, self.every)), 0);
        if mine > now { mine } else { mine.plus_seconds(self.every) }
    }

    fn failed(&mut self, error: FleetError, now: Stamp) -> News {
        self.under_way = None;
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(10)).min(LAST_RETRY);
        let again_in = wait + jitter(&self.sensor.name, wait) / 4;
        self.failures = self.failures.saturating_add(1);
        self.due = now.plus_seconds(again_in);
        News::Failed { error, again_in }
    }
}

fn line(server: &Arc<Server>) -> Line {
    let (parcels, waiting) = bounded::<Parcel>(1);
    let (answer, answers) = bounded(1);
    let server = Arc::clone(server);
    thread::spawn(move || {
        let mut checked = false;
        for parcel in waiting {
            let delivered = if checked { Ok(()) } else { server.check() }.and_then(|()| server.deliver(&parcel));
            checked = delivered.is_ok();
            if answer.send(delivered).is_err() {
                break;
            }
        }
    });
    (parcels, answers)
}

/// A number of seconds below `most`, always the same for a name.
fn jitter(name: &str, most: u64) -> u64 {
    let mut hash = DefaultHasher::new();
    name.hash(&mut hash);
    hash.finish() % most.max(1)
}
