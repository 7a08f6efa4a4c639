//! Capture files in, an [`Audit`] out.

use chrono_tz::Tz;

use super::{
    audit::{Audit, FlowRow, InputReport, Loss},
    auditor::{Auditor, Fate, Options},
    conclude,
    imported::{self, Imports},
};
use crate::{
    base::text::shown,
    capture::{CaptureError, Captures, FileReport, Opened, Progress, Repeated},
    night,
};

/// Frames between two calls of whoever follows the progress.
const FRAMES_A_STEP: u32 = 1 << 14;

/// What is done with what was read.
#[derive(Clone, Debug)]
pub struct Judging {
    /// In which zone times are shown.
    pub timezone: Tz,
    /// The thresholds of the verdict.
    pub night: night::Settings,
}

/// Frames of one input that did not make it into the ledger.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    malformed: u64,
    unsupported: u64,
    unknown_link: u64,
}

impl Passed {
    /// Counts a frame that was passed over.
    pub(super) fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Taken => {}
            Fate::Malformed => self.malformed += 1,
            Fate::Unsupported => self.unsupported += 1,
            Fate::UnknownLink => self.unknown_link += 1,
        }
    }
}

/// Reads captures to their end and judges every device in them.
pub fn check(opened: Opened, options: &Options, judging: &Judging, mut progress: impl FnMut(Progress)) -> Audit {
    let mut auditor = Auditor::new(options);
    let Opened { mut captures, failed, mut logs, repeated } = opened;
    let passed = read(&mut captures, &mut auditor, &mut progress);
    let imports = Imports::default().read(&mut logs, &mut auditor, || progress(captures.progress()));
    let (inputs, logs) = (captures.into_reports(), logs.into_reports());
    let mut failures = failures(&failed, &inputs, &passed);
    failures.extend(logs.iter().filter_map(imported::failure));
    let mut audit = auditor.audit(&conclude::watched(&inputs, &logs), judging);
    audit.notes = notes(&repeated);
    audit.notes.extend(imported::notes(&inputs, &logs, &imports));
    audit.failed = failures;
    audit.inputs = inputs.into_iter().zip(passed).map(|(input, passed)| report(input, passed)).collect();
    audit.inputs.extend(logs.into_iter().map(imported::report));
    audit
}

/// What there is to say of a list of flows besides the flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Inputs that could not be read, each with one line that says why.
    pub failed: Vec<String>,
    /// What caps made the tool drop; empty where nothing was.
    pub losses: Vec<Loss>,
}

/// Reads captures to their end and hands every flow to `list` as it ends.
pub fn flows(
    opened: Opened,
    options: &Options,
    list: impl FnMut(FlowRow),
    mut progress: impl FnMut(Progress),
) -> Listed {
    let Opened { mut captures, failed, mut logs, .. } = opened;
    let mut auditor = Auditor::new(options);
    auditor.list_flows(list);
    let passed = read(&mut captures, &mut auditor, &mut progress);
    Imports::default().read(&mut logs, &mut auditor, || progress(captures.progress()));
    let losses = auditor.finish().losses;
    let mut failed = failures(&failed, &captures.into_reports(), &passed);
    failed.extend(logs.into_reports().iter().filter_map(imported::failure));
    Listed { failed, losses }
}

/// As [`flows`], and judges every device: for questions about flows that only an audit can answer.
pub fn flows_judged(
    opened: Opened,
    options: &Options,
    judging: &Judging,
    list: impl FnMut(FlowRow),
    mut progress: impl FnMut(Progress),
) -> (Listed, Audit) {
    let Opened { mut captures, failed, mut logs, .. } = opened;
    let mut auditor = Auditor::new(options);
    auditor.list_flows(list);
    let passed = read(&mut captures, &mut auditor, &mut progress);
    Imports::default().read(&mut logs, &mut auditor, || progress(captures.progress()));
    let finished = auditor.finish();
    let (inputs, logs) = (captures.into_reports(), logs.into_reports());
    let watched = conclude::watched(&inputs, &logs);
    let audit = conclude::audit(finished.booked(), &watched, &options.rules, judging);
    let mut failed = failures(&failed, &inputs, &passed);
    failed.extend(logs.iter().filter_map(imported::failure));
    (Listed { failed, losses: finished.losses }, audit)
}

/// A line for each input that is left out because another holds the same bytes.
pub(super) fn notes(repeated: &[Repeated]) -> Vec<String> {
    let one = |twice: &Repeated| {
        format!("{} holds the same bytes as {} and counts once", twice.path.display(), twice.same_as.display())
    };
    repeated.iter().map(one).collect()
}

/// A line for each input that could not be read, not to its end, or not at all for its link type.
pub(super) fn failures(failed: &[CaptureError], inputs: &[FileReport], passed: &[Passed]) -> Vec<String> {
    let refused = failed.iter().map(ToString::to_string);
    let broken = inputs.iter().filter_map(|input| input.error.as_ref()).map(ToString::to_string);
    let closed =
        inputs.iter().zip(passed).filter(|(input, passed)| input.frames > 0 && passed.unknown_link == input.frames);
    let closed = closed.map(|(input, _)| {
        let links: Vec<_> = input.links.iter().map(ToString::to_string).collect();
        let path = input.path.display().to_string();
        format!(
            "{}: link type {} is not read; capture on an interface that carries Ethernet, Wi-Fi, PPP or IP",
            shown(&path, 400),
            links.join(", ")
        )
    });
    refused.chain(broken).chain(closed).collect()
}

pub(super) fn read(
    captures: &mut Captures,
    auditor: &mut Auditor<'_>,
    mut progress: impl FnMut(Progress),
) -> Vec<Passed> {
    let mut passed = vec![Passed::default(); captures.len()];
    let mut until_step = FRAMES_A_STEP;
    while let Some(input) = captures.advance() {
        passed[input].count(auditor.take(&captures.frame()));
        until_step -= 1;
        if until_step == 0 {
            until_step = FRAMES_A_STEP;
            progress(captures.progress());
        }
    }
    passed
}

pub(super) fn report(input: FileReport, passed: Passed) -> InputReport {
    InputReport {
        path: input.path.display().to_string(),
        sha256: input.sha256,
        packets: input.frames,
        records: 0,
        first: input.first,
        last: input.last,
        link_types: input.links.iter().map(|link| link.name().into_owned()).collect(),
        malformed: passed.malformed + input.broken,
        unsupported: passed.unsupported + passed.unknown_link,
        lost: input.lost,
        truncated: input.cut.is_some(),
    }
}
