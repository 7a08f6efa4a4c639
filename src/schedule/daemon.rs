//! The daemon: captures into the ledger for months, audits when it is time, and ends when it is told to.
//!
//! One thread captures each source, one books and writes, one runs errands: audits, reports, notices. Whatever is slow
//! or broken beside the capture (a disk, a webhook, an audit of a year) does not stop it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use sd_notify::NotifyState;
use tracing::{Level, debug, error, info, warn};

use super::bookkeeper::{Booked, Bookkeeper};
use crate::{
    base::Stamp,
    capture::Moment,
    ledger::{RunRecord, fleet::News},
    pipeline::{Auditor, ListenError, Listener, SourceState, Status},
};

/// How far behind the capture errands are run, in seconds: what was captured up to a moment is in the ledger by then.
const ERRANDS_LAG: u64 = 200;
/// How often there may be something to do.
const ERRANDS_LOOK: Duration = Duration::from_secs(1);
/// Between two lines that say how it goes.
const NEWS_EVERY: Duration = Duration::from_secs(3_600);

/// What is to be done beside capturing, such as reports when they are due.
pub trait Errands: Send {
    /// Does what is due at `now`; says what came of it.
    fn tick(&mut self, now: Stamp) -> Vec<Said>;
}

/// A line for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// How much it matters.
    pub level: Level,
    /// What.
    pub line: String,
}

/// What a daemon does, when the capture is open and everything else is settled.
pub struct Daemon<'s> {
    /// The open sources.
    pub listener: Listener,
    /// Whoever books.
    pub auditor: Auditor<'s>,
    /// The open ledger.
    pub bookkeeper: Bookkeeper,
    /// What is done beside that.
    pub errands: Box<dyn Errands>,
    /// What reports said, for the ledger to keep.
    pub said: Receiver<RunRecord>,
    /// Told to end.
    pub stop: Arc<AtomicBool>,
    /// Told to read the settings again.
    pub reload: Arc<AtomicBool>,
}

/// What settings that were read again change.
pub struct Reloaded {
    /// What is done beside capturing.
    pub errands: Box<dyn Errands>,
    /// Days for which minutes are kept.
    pub keep_minutes_days: u32,
    /// What was changed and takes effect only after a restart, in words.
    pub waits: Vec<String>,
}

/// How a daemon ended.
#[derive(Debug)]
pub struct Ended {
    /// What it had heard.
    pub status: Status,
    /// Minute rows that the ledger did not take, and that are lost.
    pub unwritten: usize,
}

impl Daemon<'_> {
    /// Runs until told to stop, or until every source is over. `read_settings` is called when told to reload.
    pub fn run(self, mut read_settings: impl FnMut() -> Result<Reloaded, String>) -> Result<Ended, ListenError> {
        let Self { listener, mut auditor, mut bookkeeper, errands, said, stop, reload } = self;
        let (desk, helper) = Desk::open(errands)?;
        let mut voice = Voice::default();
        let watchdog = sd_notify::watchdog_enabled().is_some();
        say(&[NotifyState::Ready]);
        let heard = listener.run(&mut auditor, &stop, None, |auditor, status| {
            if watchdog {
                say(&[NotifyState::Watchdog]);
            }
            voice.tell(status, bookkeeper.is_well());
            log(bookkeeper.look(auditor, status));
            retain(&mut bookkeeper, status);
            deliver(&mut bookkeeper, status);
            keep_said(&mut bookkeeper, &said);
            if reload.swap(false, Ordering::Relaxed) {
                reread(&mut read_settings, &desk, &mut bookkeeper);
            }
        });
        say(&[NotifyState::Stopping]);
        drop(desk);
        let status = heard?;
        log(bookkeeper.close(&mut auditor, &status));
        keep_said(&mut bookkeeper, &said);
        let unwritten = if bookkeeper.is_well() { 0 } else { auditor.unflushed() };
        if unwritten > 0 {
            error!("{unwritten} minute rows are lost: the ledger took nothing until the end");
        }
        info!("ended after {} packets, {} lost", status.packets(), status.lost());
        wait_a_little(&helper);
        keep_said(&mut bookkeeper, &said);
        Ok(Ended { status, unwritten })
    }
}

/// Gives an errand a moment to be finished; a report is there whole or not at all.
fn wait_a_little(helper: &thread::JoinHandle<()>) {
    let since = Instant::now();
    while !helper.is_finished() && since.elapsed() < Duration::from_millis(300) {
        thread::sleep(Duration::from_millis(10));
    }
}

fn retain(bookkeeper: &mut Bookkeeper, status: &Status) {
    let Some(time) = status.packet_time else { return };
    // What is summed up stays so: one packet with a stamp of years ahead must not make everything old.
    match bookkeeper.retain(time.min(status.now.wall).minute()) {
        Ok(0) => {}
        Ok(minutes) => info!("{minutes} old minute rows were summed up by the hour"),
        Err(error) => warn!("old minutes could not be summed up: {error}"),
    }
}

fn deliver(bookkeeper: &mut Bookkeeper, status: &Status) {
    match bookkeeper.deliver(status.now.wall) {
        Ok(None) => {}
        Ok(Some(News::Delivered { rows })) => debug!("the fleet's server has {rows} more minute rows"),
        Ok(Some(News::Failed { error, again_in })) => warn!("{error}; what is due waits, next attempt in {again_in} s"),
        Err(error) => warn!("what is due to the fleet could not be read: {error}"),
    }
}

fn keep_said(bookkeeper: &mut Bookkeeper, said: &Receiver<RunRecord>) {
    if let Err(error) = bookkeeper.remember(said.try_iter()) {
        warn!("what a report said could not be kept in the ledger yet: {error}");
    }
}

fn reread(read: &mut impl FnMut() -> Result<Reloaded, String>, desk: &Desk, bookkeeper: &mut Bookkeeper) {
    // systemd waits for readiness after this, and wants to know since when (sd_notify(3)).
    let since = NotifyState::monotonic_usec_now();
    let mut state = vec![NotifyState::Reloading];
    state.extend(since);
    say(&state);
    match read() {
        Ok(Reloaded { errands, keep_minutes_days, waits }) => {
            desk.replace(errands);
            bookkeeper.keep(keep_minutes_days);
            info!("settings read again");
            for what in waits {
                warn!("{what} takes effect after a restart");
            }
        }
        Err(why) => error!("settings stay as they were: {why}"),
    }
    say(&[NotifyState::Ready]);
}

fn log(booked: Booked) {
    match booked {
        Booked::Nothing => {}
        Booked::Rows { rows, up_to } => debug!("booked up to {}: {rows} rows", up_to.start()),
        Booked::Recovered { minutes } => {
            info!("the ledger is written again; {minutes} minutes were kept in memory until now");
        }
        Booked::Waiting(why) => error!("{why}; what is captured is kept in memory meanwhile"),
        Booked::Lost { span, rows } => error!(
            "memory for what the ledger does not take is full: {rows} rows of {} minutes up to {} are lost, and those \
             minutes count as not watched",
            span.minutes(),
            span.end.start()
        ),
    }
}

/// Tells the service manager, where there is one.
fn say(state: &[NotifyState<'_>]) {
    // Without a service manager nobody listens.
    let _ = sd_notify::notify(state);
}

/// What the log was told of each source and clock, so that a thing is said once.
#[derive(Default)]
struct Voice {
    states: Vec<SourceState>,
    notes: usize,
    told: Option<Duration>,
    lost: u64,
    trouble: Option<String>,
}

impl Voice {
    fn tell(&mut self, status: &Status, well: bool) {
        for (at, source) in status.sources.iter().enumerate() {
            if self.states.get(at) == Some(&source.state) {
                continue;
            }
            of_source(&source.input.path, &source.state);
            match self.states.get_mut(at) {
                Some(known) => known.clone_from(&source.state),
                None => self.states.push(source.state.clone()),
            }
        }
        for note in status.notes.iter().skip(self.notes) {
            warn!("{note}");
        }
        self.notes = status.notes.len();
        let trouble = status.saved.as_ref().and_then(|saved| saved.trouble.clone());
        if trouble != self.trouble {
            if let Some(why) = &trouble {
                error!("captures are not kept: {why}");
            } else {
                info!("captures are kept again");
            }
            self.trouble = trouble;
        }
        self.sum_up(status, well);
    }

    /// Says now and then how it goes.
    fn sum_up(&mut self, status: &Status, well: bool) {
        let line = format!("{} packets, {} lost", status.packets(), status.lost());
        say(&[NotifyState::Status(if well { &line } else { "the ledger cannot be written" })]);
        if self.told.is_some_and(|told| status.now.running < told + NEWS_EVERY) {
            return;
        }
        self.told = Some(status.now.running);
        let lost = status.lost().saturating_sub(self.lost);
        if lost > 0 {
            warn!("{lost} packets were lost since the last such line; a larger buffer (capture.buffer_mib) may help");
        }
        self.lost = status.lost();
        info!("{line}");
    }
}

fn of_source(name: &str, state: &SourceState) {
    match state {
        SourceState::Open(Some(peer)) => info!("{name}: packets come from {peer}"),
        SourceState::Open(None) => info!("{name}: open"),
        SourceState::Waiting(why) => warn!("{name}: {why}; waiting for it"),
        SourceState::Over(None) => info!("{name}: over"),
        SourceState::Over(Some(why)) => error!("{name}: {why}"),
    }
}

/// Where errands are run from. Dropped, it sends the helper home.
struct Desk {
    replace: Sender<Box<dyn Errands>>,
}

impl Desk {
    fn open(mut errands: Box<dyn Errands>) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (replace, replaced) = bounded::<Box<dyn Errands>>(1);
        let helper = thread::Builder::new().name("errands".into()).spawn(move || {
            loop {
                match replaced.recv_timeout(ERRANDS_LOOK) {
                    Ok(new) => errands = new,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                let now = Moment::now().wall.seconds().saturating_sub(ERRANDS_LAG);
                errands.tick(Stamp::new(now, 0)).into_iter().for_each(report);
            }
        })?;
        Ok((Self { replace }, helper))
    }

    fn replace(&self, errands: Box<dyn Errands>) {
        // The helper may be about a long audit; the capture does not wait for it longer than this.
        if self.replace.send_timeout(errands, Duration::from_millis(500)).is_err() {
            warn!("schedules stay as they were: a report is being written; reload again when it is done");
        }
    }
}

fn report(Said { level, line }: Said) {
    match level {
        Level::ERROR => error!("{line}"),
        Level::WARN => warn!("{line}"),
        _ => info!("{line}"),
    }
}
