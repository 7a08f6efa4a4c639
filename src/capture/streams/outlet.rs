//! The way out of a capturing thread: frames gathered into batches, and news of the source.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;

use super::{Batch, Dispatch, Moment, News};
use crate::capture::Frame;

/// How long a frame may wait for others before it is handed over.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Gathers frames of one source and hands them over.
///
/// It is shared between a reader of bytes, which knows when it is about to wait, and the loop that turns bytes into
/// frames; both are on one thread, so that the lock is never fought over.
#[derive(Clone)]
pub(super) struct Outlet {
    shared: Arc<Mutex<Gathering>>,
    source: usize,
    sender: Sender<Dispatch>,
}

struct Gathering {
    batch: Batch,
    since: Instant,
}

/// Nobody takes deliveries any more: the listener has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unwanted;

impl Outlet {
    pub(super) fn new(source: usize, sender: Sender<Dispatch>) -> Self {
        let gathering = Gathering { batch: Batch::default(), since: Instant::now() };
        Self { shared: Arc::new(Mutex::new(gathering)), source, sender }
    }

    /// Adds a frame; hands the batch over where it is full.
    pub(super) fn push(&self, frame: &Frame<'_>) -> Result<(), Unwanted> {
        let mut gathering = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if gathering.batch.is_empty() {
            gathering.since = Instant::now();
        }
        gathering.batch.push(frame);
        if gathering.batch.is_full() { self.hand_over(std::mem::take(&mut gathering.batch)) } else { Ok(()) }
    }

    /// Hands over what there is, before a wait.
    pub(super) fn flush(&self) -> Result<(), Unwanted> {
        let mut gathering = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if gathering.batch.is_empty() {
            return Ok(());
        }
        self.hand_over(std::mem::take(&mut gathering.batch))
    }

    /// Hands over what there is where it has waited long enough.
    pub(super) fn flush_if_due(&self) -> Result<(), Unwanted> {
        let due = {
            let gathering = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            !gathering.batch.is_empty() && gathering.since.elapsed() >= LONGEST_WAIT
        };
        if due { self.flush() } else { Ok(()) }
    }

    /// Tells something of the source, after the frames that came before.
    pub(super) fn tell(&self, news: News) -> Result<(), Unwanted> {
        self.flush()?;
        self.send(news)
    }

    fn hand_over(&self, batch: Batch) -> Result<(), Unwanted> {
        self.send(News::Frames(batch))
    }

    fn send(&self, news: News) -> Result<(), Unwanted> {
        let delivery = Dispatch { source: self.source, at: Moment::now(), news };
        self.sender.send(delivery).map_err(|_| Unwanted)
    }
}
