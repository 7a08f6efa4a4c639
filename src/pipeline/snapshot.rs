//! What a screen draws while packets still come in: the audit so far, whole and never changed again.
//!
//! The thread that reads builds a [`Snapshot`] a few times a second and hands it over as an `Arc`: no lock is shared.
//! Building one costs the reading time, so the [`Pace`] leaves at least 25 times as long between two as the last one
//! took. Judging what could have been noticed is left for the end.

mod flow_log;
#[cfg(feature = "live")]
mod live;
mod pace;
mod slices;

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use flow_log::{FlowLog, Flows, MOST_FLOWS};
#[cfg(feature = "live")]
pub use live::listen;
pub use pace::Pace;
pub use slices::{MOST_SLICES, Slice, Slices};

use super::{
    audit::{Audit, FlowRow},
    auditor::{Auditor, Options},
    conclude,
    imported::{self, Imports},
    offline::{self, Judging, Passed},
    recall::{self, Query},
};
use crate::{
    base::{Bytes, Stamp},
    capture::{FileReport, Opened, Progress},
    identify::{DeviceId, Rules},
    ledger::{Archive, Coverage, Store, StoreError},
    night,
};

/// How many open flows a snapshot lists: those with the most payload.
pub const MOST_OPEN_FLOWS: usize = 2_000;

/// The number of a device that is looked at alone.
const ONLY: DeviceId = DeviceId(0);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// Files are being read.
    Reading,
    /// Everything has been read; what could have been noticed is being worked out.
    Judging,
    /// It is complete.
    Complete,
    /// The reading was stopped: what was read until then.
    Stopped,
    /// Packets come in from a wire or a stream.
    Live(LiveStatus),
}

/// How a live capture is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LiveStatus {
    /// Since when.
    pub since: Stamp,
    /// By this machine's clock, when the snapshot was built.
    pub now: Stamp,
    /// Packets received.
    pub received: u64,
    /// Packets that the kernel or the interface dropped.
    pub dropped: u64,
}

/// What is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Counts up; a later one has more.
    pub number: u64,
    /// How far it has come.
    pub stage: Stage,
    /// The audit so far.
    pub audit: Audit,
    /// The thresholds that it is judged by.
    pub night: Arc<night::Settings>,
    /// Flows that ended.
    pub flows: Flows,
    /// Flows that have not ended, as far as their complete minutes say.
    pub open: Arc<[Arc<FlowRow>]>,
    /// Who sent how much to whom in which minute: for each device of the audit its slices.
    pub slices: Vec<Slices>,
}

impl Snapshot {
    /// Before anything was read.
    pub fn blank(judging: &Judging) -> Self {
        Self {
            number: 0,
            stage: Stage::Reading,
            audit: blank_audit(judging),
            night: Arc::new(judging.night.clone()),
            flows: Flows::default(),
            open: Arc::new([]),
            slices: Vec::new(),
        }
    }

    /// What `query` asks of a ledger. Flows are not known: a ledger keeps minutes.
    pub fn recalled(store: &Store, query: &Query, rules: &Arc<Rules>, judging: &Judging) -> Result<Self, StoreError> {
        store.at_one_moment(|store| Self::recalled_from(store, query, rules, judging))
    }

    /// As [`Snapshot::recalled`], from any place minutes are kept in.
    pub fn recalled_from<A: Archive>(
        archive: &A,
        query: &Query,
        rules: &Rules,
        judging: &Judging,
    ) -> Result<Self, A::Error> {
        let mut snapshot = Self::of_audit(recall::recall_from(archive, query, rules, judging)?);
        snapshot.night = Arc::new(judging.night.clone());
        for record in archive.devices(query.span)? {
            let at = snapshot.audit.devices.iter().position(|device| device.id == record.device.id);
            if let Some(at) = at {
                let account = archive.account(&record, ONLY, query.span)?;
                snapshot.slices[at] = slices::of_device(&account.ledger, ONLY, &snapshot.audit.devices[at]);
            }
        }
        Ok(snapshot)
    }

    /// Of an audit alone: flows are not known, destinations not by minute.
    pub fn of_audit(audit: Audit) -> Self {
        let slices = audit.devices.iter().map(Slices::of_subjects).collect();
        let night = Arc::default();
        Self { number: 1, stage: Stage::Complete, flows: Flows::default(), open: Arc::new([]), slices, audit, night }
    }

    /// The flow at `at`: those that ended first, in the order in which they ended, then the open ones.
    pub fn flow(&self, at: usize) -> Option<&Arc<FlowRow>> {
        let ended = self.flows.len();
        if at < ended { self.flows.get(at) } else { self.open.get(at - ended) }
    }

    /// How many flows it lists.
    pub fn flow_count(&self) -> usize {
        self.flows.len() + self.open.len()
    }
}

fn blank_audit(judging: &Judging) -> Audit {
    Audit {
        timezone: judging.timezone,
        rules: super::RulesInfo { count: 0, sha256: String::new() },
        inputs: Vec::new(),
        failed: Vec::new(),
        notes: Vec::new(),
        remit: super::Remit::default(),
        totals: super::Totals::default(),
        losses: Vec::new(),
        devices: Vec::new(),
    }
}

/// What the reading thread says.
#[derive(Clone, Debug)]
pub enum News {
    /// How far the reading has come.
    Progress(Progress),
    /// A newer snapshot.
    Snapshot(Arc<Snapshot>),
}

/// Builds snapshots of one auditor, and keeps its flows.
#[derive(Debug)]
pub struct Camera {
    log: Rc<RefCell<FlowLog>>,
    number: u64,
    judging: Judging,
}

impl Camera {
    /// A camera for an auditor that `judging` judges.
    pub fn new(judging: &Judging) -> Self {
        Self { log: Rc::default(), number: 0, judging: judging.clone() }
    }

    /// Has `auditor` hand its flows over.
    pub fn follow(&self, auditor: &mut Auditor<'_>) {
        let log = Rc::clone(&self.log);
        auditor.list_flows(move |row| log.borrow_mut().add(row));
    }

    /// What `auditor` has booked up to now, judged but for what could have been noticed.
    pub fn take(&mut self, auditor: &Auditor<'_>, coverage: &Coverage, stage: Stage) -> Snapshot {
        let quick =
            Judging { night: night::Settings { power: false, ..self.judging.night.clone() }, ..self.judging.clone() };
        let booked = auditor.so_far();
        let audit = conclude::audit(auditor.so_far(), coverage, auditor.rules(), &quick);
        let slices = slices::of(&booked, &audit);
        let open = auditor.open_flows(MOST_OPEN_FLOWS).into_iter().map(Arc::new).collect();
        self.develop(audit, slices, open, stage)
    }

    /// What `store` has of the minutes `span`, where `auditor` flushes everything it books: nothing of it is in memory.
    #[cfg(feature = "live")]
    fn recall(
        &mut self,
        auditor: &Auditor<'_>,
        store: &Store,
        span: crate::base::Span,
        stage: Stage,
    ) -> Result<Snapshot, StoreError> {
        let night = night::Settings { power: false, ..self.judging.night.clone() };
        let quick = Judging { night, ..self.judging.clone() };
        let query = Query { span: Some(span), ..Query::default() };
        let recalled = Snapshot::recalled(store, &query, auditor.rules(), &quick)?;
        let open = auditor.open_flows(MOST_OPEN_FLOWS).into_iter().map(Arc::new).collect();
        Ok(self.develop(recalled.audit, recalled.slices, open, stage))
    }

    fn develop(&mut self, audit: Audit, slices: Vec<Slices>, open: Arc<[Arc<FlowRow>]>, stage: Stage) -> Snapshot {
        self.number += 1;
        let night = Arc::new(self.judging.night.clone());
        Snapshot { number: self.number, stage, audit, night, flows: self.log.borrow_mut().flows(), open, slices }
    }
}

/// Reads captures to their end, or until `stop` is set, and tells of it all the while. `clock` gives the time since some
/// moment: only its differences matter.
pub fn read(
    opened: Opened,
    options: &Options,
    judging: &Judging,
    stop: &AtomicBool,
    clock: &dyn Fn() -> Duration,
    tell: &mut dyn FnMut(News),
) {
    let mut reading = Reading::new(opened, options, judging);
    let mut pace = Pace::new(clock());
    let mut stopped = false;
    while reading.advance() {
        if !pace.is_time_to_look() {
            continue;
        }
        stopped = stop.load(Ordering::Relaxed);
        if stopped {
            break;
        }
        let now = clock();
        if pace.is_progress_due(now) {
            tell(News::Progress(reading.opened.captures.progress()));
        }
        if pace.is_snapshot_due(now) {
            tell(News::Snapshot(Arc::new(reading.so_far(Stage::Reading))));
            pace.took(now, clock());
        }
    }
    tell(News::Progress(reading.opened.captures.progress()));
    reading.conclude(stopped, tell);
}

/// Captures on their way into an auditor.
struct Reading<'a> {
    opened: Opened,
    auditor: Auditor<'a>,
    camera: Camera,
    passed: Vec<Passed>,
    seen: Vec<FileReport>,
}

impl Reading<'_> {
    fn new(opened: Opened, options: &Options, judging: &Judging) -> Self {
        let camera = Camera::new(judging);
        let mut auditor = Auditor::new(options);
        camera.follow(&mut auditor);
        let inputs = opened.captures.len();
        Self { opened, auditor, camera, passed: vec![Passed::default(); inputs], seen: vec![unseen(); inputs] }
    }

    fn advance(&mut self) -> bool {
        let Some(input) = self.opened.captures.advance() else { return false };
        let frame = self.opened.captures.frame();
        if let Some(seen) = self.seen.get_mut(input) {
            seen.first = Some(seen.first.map_or(frame.stamp, |first| first.min(frame.stamp)));
            seen.last = seen.last.max(Some(frame.stamp));
            seen.frames += 1;
        }
        let fate = self.auditor.take(&frame);
        if let Some(passed) = self.passed.get_mut(input) {
            passed.count(fate);
        }
        true
    }

    fn so_far(&mut self, stage: Stage) -> Snapshot {
        self.camera.take(&self.auditor, &conclude::watched(&self.seen, &[]), stage)
    }

    /// Ends every flow and tells twice: at once without what could have been noticed, then with it.
    fn conclude(self, stopped: bool, tell: &mut dyn FnMut(News)) {
        let Self { opened, mut auditor, mut camera, passed, .. } = self;
        let Opened { captures, failed, mut logs, repeated } = opened;
        let mut imports = Imports::default();
        if !stopped {
            imports = imports.read(&mut logs, &mut auditor, || tell(News::Progress(captures.progress())));
        }
        let rules = Arc::clone(auditor.rules());
        let finished = auditor.finish();
        let (inputs, logs) = (captures.into_reports(), logs.into_reports());
        let watched = conclude::watched(&inputs, &logs);
        let mut failures = offline::failures(&failed, &inputs, &passed);
        failures.extend(logs.iter().filter_map(imported::failure));
        let mut notes = offline::notes(&repeated);
        notes.extend(imported::notes(&inputs, &logs, &imports));
        let captured = inputs.into_iter().zip(passed).map(|(input, passed)| offline::report(input, passed));
        let reports: Vec<_> = captured.chain(logs.into_iter().map(imported::report)).collect();
        let power = camera.judging.night.power;
        let mut judge = |power: bool, stage: Stage| {
            let night = night::Settings { power, ..camera.judging.night.clone() };
            let mut audit =
                conclude::audit(finished.booked(), &watched, &rules, &Judging { night, ..camera.judging.clone() });
            audit.notes.clone_from(&notes);
            audit.failed.clone_from(&failures);
            audit.inputs.clone_from(&reports);
            let slices = slices::of(&finished.booked(), &audit);
            tell(News::Snapshot(Arc::new(camera.develop(audit, slices, Arc::new([]), stage))));
        };
        let end = if stopped { Stage::Stopped } else { Stage::Complete };
        if power {
            judge(false, Stage::Judging);
        }
        judge(power, end);
    }
}

fn unseen() -> FileReport {
    FileReport {
        path: std::path::PathBuf::new(),
        sha256: String::new(),
        frames: 0,
        first: None,
        last: None,
        links: Vec::new(),
        broken: 0,
        lost: 0,
        cut: None,
        error: None,
    }
}

/// Payload both ways.
fn weight(row: &FlowRow) -> Bytes {
    row.payload[0] + row.payload[1]
}

#[cfg(test)]
mod tests;
