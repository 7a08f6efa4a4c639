//! Packets while they happen, folded into an [`Auditor`]: for `check --interface`, the screen, and the daemon.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! # use nightaudit::{capture::*, pipeline::*};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let options: Options = unimplemented!();
//! let sources = ["br-lan".parse()?, "tcp-listen://0.0.0.0:5123".parse()?];
//! let listening = Listening::to(&sources);
//! let listener = Listener::open(&listening)?;
//! // Here privileges are given up; threads start only after.
//! let mut auditor = Auditor::new(&options);
//! let stop = AtomicBool::new(false);
//! let status = listener.run(&mut auditor, &stop, None, |auditor, status| {
//!     // About once a second: flush the store, draw the screen, look at the schedule.
//! })?;
//! # Ok(()) }
//! ```

mod order;
mod processes;
mod runs;
mod status;
mod watch;

pub(super) use processes::Ownerless;
pub use processes::Processes;
pub use status::{SourceState, SourceStatus, Status};

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{RecvTimeoutError, bounded};

use self::{
    order::Order,
    watch::{Clock, Jump, Watch},
};
use super::{
    audit::{Audit, InputReport},
    auditor::{Auditor, Fate, Options},
    offline::Judging,
};
use crate::{
    base::{Minute, Stamp, text::shown},
    capture::{
        Absent, Batch, Dispatch, Faucet, Frame, LiveOptions, Moment, News, SaveOptions, Saved, Saver, Source,
        SourceError, SourceOptions, prepare_folder,
    },
    ledger,
};

/// Between two calls of the observer.
const A_SECOND: Duration = Duration::from_secs(1);
/// How long to wait for packets before looking whether to stop.
const LOOK_UP: Duration = Duration::from_millis(50);
/// How long sources may take to end.
const PARTING: Duration = Duration::from_millis(800);
/// Batches between the capturing threads and the one that books: at most 16 MiB.
const QUEUE: usize = 32;
/// A source whose clock is so many nanoseconds behind the others' is wrong, or silent.
const LONGEST_LAG: u64 = 20 * 60 * 1_000_000_000;
/// How late a packet of a minute may come, in nanoseconds.
const LATEST: u64 = 2_000_000_000;
/// Remarks kept, at most.
const MOST_NOTES: usize = 64;

/// What to listen to, and how.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The sources.
    pub sources: Vec<Source>,
    /// How interfaces are captured on.
    pub options: SourceOptions,
    /// Where captures are kept, if at all.
    pub save: Option<SaveOptions>,
}

impl Listening {
    /// To everything that comes from `sources`; one that is not there is an error.
    pub fn to(sources: &[Source]) -> Self {
        let options = SourceOptions { live: LiveOptions::on(""), absent: Absent::Fails };
        Self { sources: sources.to_vec(), options, save: None }
    }
}

/// Sources that are open and wait to be listened to.
pub struct Listener {
    faucets: Vec<Faucet>,
    save: Option<SaveOptions>,
}

impl Listener {
    /// Opens every source, as far as that takes privileges. No thread is started yet.
    pub fn open(listening: &Listening) -> Result<Self, ListenError> {
        if let Some(save) = &listening.save {
            prepare_folder(save).map_err(|why| ListenError::save(save, why))?;
        }
        let open = |source| Faucet::open(source, &listening.options);
        let faucets = listening.sources.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { faucets, save: listening.save.clone() })
    }

    /// Folds packets into `auditor` until `stop` is set, `length` has passed, or every source is over. About once a
    /// second, and once at the end, `observe` is called; until it returns, packets wait.
    ///
    /// Fails only where the system gives no thread, or no file to keep captures in.
    pub fn run<'s>(
        self,
        auditor: &mut Auditor<'s>,
        stop: &AtomicBool,
        length: Option<Duration>,
        mut observe: impl FnMut(&mut Auditor<'s>, &Status),
    ) -> Result<Status, ListenError> {
        let saver = self.save.as_ref().map(|save| Saver::start(save).map_err(|why| ListenError::save(save, why)));
        let (sender, receiver) = bounded::<Dispatch>(QUEUE);
        let halt = Arc::new(AtomicBool::new(false));
        let mut hearing = Hearing::of(self.faucets.iter().map(Faucet::source), saver.transpose()?);
        for (number, faucet) in self.faucets.into_iter().enumerate() {
            faucet.start(number, sender.clone(), Arc::clone(&halt))?;
        }
        drop(sender);
        let began = Instant::now();
        let (mut looked, mut parting) = (began, None);
        loop {
            match receiver.recv_timeout(LOOK_UP) {
                Ok(dispatch) => hearing.take(dispatch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            hearing.book(auditor, Moment::now());
            if looked.elapsed() >= A_SECOND {
                looked = Instant::now();
                let status = hearing.status();
                auditor.ask_again();
                hearing.pass(auditor, &status);
                observe(auditor, &status);
            }
            let over = stop.load(Ordering::Relaxed) || length.is_some_and(|length| began.elapsed() >= length);
            if over && parting.is_none() {
                halt.store(true, Ordering::Relaxed);
                parting = Some(Instant::now());
            }
            if parting.is_some_and(|since: Instant| since.elapsed() >= PARTING) {
                break;
            }
        }
        halt.store(true, Ordering::Relaxed);
        hearing.finish(auditor);
        auditor.ask_again();
        let status = hearing.status();
        observe(auditor, &status);
        Ok(status)
    }
}

/// Listens until `stop` is set or `length` has passed, then judges what was seen. `processes` name local sockets.
pub fn listen(
    listening: &Listening,
    options: &Options,
    judging: &Judging,
    processes: Option<Processes>,
    stop: &AtomicBool,
    length: Option<Duration>,
) -> Result<Audit, ListenError> {
    let listener = Listener::open(listening)?;
    let mut auditor = Auditor::new(options);
    if let Some(processes) = processes {
        auditor.ask(processes);
    }
    let status = listener.run(&mut auditor, stop, length, |_, _| {})?;
    let mut audit = auditor.audit(&status.coverage(), judging);
    audit.inputs = status.inputs();
    audit.failed = status.failures();
    audit.notes = status.notes;
    Ok(audit)
}

/// Why listening failed.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A source cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Captures cannot be kept.
    #[error("{folder}: captures cannot be kept there: {why}; name another folder with --save")]
    Save {
        /// The folder.
        folder: String,
        /// The system's words.
        why: io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start a capturing thread: {0}")]
    Thread(#[from] io::Error),
}

impl ListenError {
    fn save(options: &SaveOptions, why: io::Error) -> Self {
        Self::Save { folder: shown(&options.folder.to_string_lossy(), 400).into_owned(), why }
    }
}

/// What is known of every source, and their packets on the way to being booked.
struct Hearing {
    began: Moment,
    sources: Vec<Heard>,
    order: Order,
    notes: Vec<String>,
    saver: Option<Saver>,
    /// What was kept, once that is over.
    saved: Option<Saved>,
    passed: Minute,
    /// The newest packet time, and when that was.
    time: Option<(Stamp, Moment)>,
}

struct Heard {
    status: SourceStatus,
    watch: Watch,
}

impl Hearing {
    fn of<'a>(sources: impl Iterator<Item = &'a Source>, saver: Option<Saver>) -> Self {
        let sources: Vec<_> = sources.map(Heard::of).collect();
        let order = Order::of(sources.len());
        Self {
            began: Moment::now(),
            order,
            sources,
            notes: Vec::new(),
            saver,
            saved: None,
            passed: Minute(0),
            time: None,
        }
    }

    fn take(&mut self, Dispatch { source, at, news }: Dispatch) {
        let Some(heard) = self.sources.get_mut(source) else { return };
        let note = match news {
            News::Frames(batch) => {
                let batch = Arc::new(batch);
                let jump = heard.frames(&batch, at);
                if let Some(saver) = &self.saver {
                    saver.keep(&batch);
                }
                self.order.put(at, source, batch);
                jump
            }
            other => heard.take(other, at),
        };
        if let Some(note) = note {
            let note = format!("{}: {}", heard.status.input.path, shown(&note, 400));
            self.note(note);
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn book(&mut self, auditor: &mut Auditor<'_>, now: Moment) {
        let Self { order, sources, .. } = self;
        order.hand_out(now, |source, frame| fold(sources, auditor, source, frame));
    }

    fn finish(&mut self, auditor: &mut Auditor<'_>) {
        let Self { order, sources, .. } = self;
        order.finish(|source, frame| fold(sources, auditor, source, frame));
        self.saved = self.saver.take().map(Saver::finish);
    }

    /// Books minutes that are over, once for each.
    fn pass(&mut self, auditor: &mut Auditor<'_>, status: &Status) {
        let Some(over) = status.packet_time.map(|time| Stamp::from_nanos(time.nanos().saturating_sub(LATEST))) else {
            return;
        };
        if over.minute() > self.passed || over.minute().plus(1) < self.passed {
            self.passed = over.minute();
            auditor.pass(over);
        }
    }

    /// The time up to which every open source has told; a source that lags far behind the others is not waited for, and
    /// one that is far ahead of this machine's clock moves nobody else's time. While none is open, time goes on.
    fn packet_time(&mut self, now: Moment) -> Option<Stamp> {
        let mut times: Vec<_> = self.sources.iter().filter_map(|heard| heard.watch.now(now)).collect();
        let is_ahead = |time: &Stamp| time.since(now.wall) >= LONGEST_LAG;
        // Where all are, it is this machine's clock that is behind.
        if !times.iter().all(is_ahead) {
            times.retain(|time| !is_ahead(time));
        }
        let newest = times.iter().max().copied().unwrap_or_default();
        if let Some(time) = times.into_iter().filter(|time| newest.since(*time) < LONGEST_LAG).min() {
            self.time = Some((time, now));
        }
        let passed = |since: Moment| now.running.saturating_sub(since.running).as_secs();
        self.time.map(|(time, since)| time.plus_seconds(passed(since)))
    }

    fn status(&mut self) -> Status {
        let now = Moment::now();
        let packet_time = self.packet_time(now);
        let lists: Vec<_> = self.sources.iter_mut().map(|heard| heard.watch.runs(now)).collect();
        let watched = ledger::union(lists.concat());
        let sources = self.sources.iter().zip(lists);
        Status {
            began: self.began,
            now,
            packet_time,
            watched,
            sources: sources.map(|(heard, watched)| SourceStatus { watched, ..heard.status.clone() }).collect(),
            notes: self.notes.clone(),
            saved: self.saver.as_ref().map(Saver::saved).or_else(|| self.saved.clone()),
        }
    }
}

fn fold(sources: &mut [Heard], auditor: &mut Auditor<'_>, source: usize, frame: &Frame<'_>) {
    let fate = auditor.take_from(source, frame);
    let Some(heard) = sources.get_mut(source) else { return };
    match fate {
        Fate::Taken => {}
        Fate::Malformed => heard.status.input.malformed += 1,
        Fate::Unsupported | Fate::UnknownLink => heard.status.input.unsupported += 1,
    }
}

impl Heard {
    fn of(source: &Source) -> Self {
        let clock = match source {
            Source::Interface(_) => Clock::Ours,
            Source::Datagrams(_) => Clock::Unacknowledged,
            _ => Clock::Theirs,
        };
        let input = InputReport { path: shown(&source.to_string(), 400).into_owned(), ..InputReport::default() };
        let state = SourceState::Waiting("nothing has come yet".into());
        let status = SourceStatus { source: source.clone(), state, input, watched: Vec::new(), gaps: 0 };
        Self { status, watch: Watch::new(clock) }
    }

    fn frames(&mut self, batch: &Batch, at: Moment) -> Option<String> {
        let input = &mut self.status.input;
        input.packets += batch.len() as u64;
        let mut last_link = None;
        for frame in batch.iter() {
            input.first = Some(input.first.map_or(frame.stamp, |first| first.min(frame.stamp)));
            input.last = Some(input.last.map_or(frame.stamp, |last| last.max(frame.stamp)));
            if last_link != Some(frame.link) {
                last_link = Some(frame.link);
                note_link(input, &frame.link.name());
            }
        }
        self.watch.frames(batch, at).map(told)
    }

    /// Takes in anything but frames; what comes back is for the reader of the audit.
    fn take(&mut self, news: News, at: Moment) -> Option<String> {
        match news {
            News::Open { peer } => {
                self.status.state = SourceState::Open(peer);
                self.watch.open(at);
                None
            }
            News::Alive { lost, link } => {
                if let Some(link) = link {
                    note_link(&mut self.status.input, &link.name());
                }
                self.status.input.lost = self.status.input.lost.saturating_add(lost);
                self.watch.alive(lost, at).map(told)
            }
            News::Gap { why, until } => {
                self.watch.shut(until, at);
                if matches!(self.status.state, SourceState::Open(_)) {
                    self.status.gaps += 1;
                }
                self.status.state = SourceState::Waiting(shown(&why, 400).into_owned());
                None
            }
            News::Remark(remark) => Some(remark),
            News::Over { failure } => {
                self.watch.shut(crate::capture::Until::Now, at);
                self.status.state = SourceState::Over(failure.map(|why| shown(&why, 400).into_owned()));
                None
            }
            News::Frames(_) => None,
        }
    }
}

fn note_link(input: &mut InputReport, name: &str) {
    const MOST_LINKS: usize = 16;
    if input.link_types.len() < MOST_LINKS && !input.link_types.iter().any(|known| known == name) {
        input.link_types.push(name.to_owned());
    }
}

fn told(Jump { from, to }: Jump) -> String {
    if to > from {
        format!("the clock went from {from} to {to} at once (it was set, or the machine slept); between is a gap")
    } else {
        format!("the clock was set back from {from} to {to}; minutes between were counted twice")
    }
}
