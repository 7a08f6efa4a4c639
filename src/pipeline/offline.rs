//! Capture files in, an [`Audit`] out.

use chrono_tz::Tz;

use super::{
    audit::{Audit, FlowRow, InputReport},
    auditor::{Auditor, Fate, Options},
    conclude,
};
use crate::{
    capture::{Captures, FileReport, Opened, Progress},
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
struct Passed {
    malformed: u64,
    unsupported: u64,
}

/// Reads captures to their end and judges every device in them.
pub fn check(opened: Opened, options: &Options, judging: &Judging, progress: impl FnMut(Progress)) -> Audit {
    let mut auditor = Auditor::new(options);
    let Opened { mut captures, failed, repeated } = opened;
    let passed = read(&mut captures, &mut auditor, progress);
    let inputs = captures.into_reports();
    let mut failures: Vec<String> = failed.iter().map(ToString::to_string).collect();
    failures.extend(inputs.iter().filter_map(|input| input.error.as_ref()).map(ToString::to_string));
    let finished = auditor.finish();
    let watched = conclude::watched(&inputs);
    let mut audit = conclude::audit(finished, &watched, options, judging);
    audit.notes = repeated
        .iter()
        .map(|twice| {
            format!("{} holds the same bytes as {} and counts once", twice.path.display(), twice.same_as.display())
        })
        .collect();
    audit.failed = failures;
    audit.inputs = inputs.into_iter().zip(passed).map(|(input, passed)| report(input, passed)).collect();
    audit
}

/// Reads captures to their end and hands every flow to `list` as it ends. Returns the inputs that failed.
pub fn flows(
    opened: Opened,
    options: &Options,
    list: impl FnMut(FlowRow),
    progress: impl FnMut(Progress),
) -> Vec<String> {
    let Opened { mut captures, failed, .. } = opened;
    let mut auditor = Auditor::new(options);
    auditor.list_flows(list);
    read(&mut captures, &mut auditor, progress);
    drop(auditor.finish());
    let mut failures: Vec<String> = failed.iter().map(ToString::to_string).collect();
    failures.extend(captures.into_reports().iter().filter_map(|input| input.error.as_ref()).map(ToString::to_string));
    failures
}

fn read(captures: &mut Captures, auditor: &mut Auditor<'_>, mut progress: impl FnMut(Progress)) -> Vec<Passed> {
    let mut passed = vec![Passed::default(); captures.len()];
    let mut until_step = FRAMES_A_STEP;
    while let Some(input) = captures.advance() {
        match auditor.take(&captures.frame()) {
            Fate::Taken => {}
            Fate::Malformed => passed[input].malformed += 1,
            Fate::Unsupported => passed[input].unsupported += 1,
        }
        until_step -= 1;
        if until_step == 0 {
            until_step = FRAMES_A_STEP;
            progress(captures.progress());
        }
    }
    passed
}

fn report(input: FileReport, passed: Passed) -> InputReport {
    InputReport {
        path: input.path.display().to_string(),
        sha256: input.sha256,
        packets: input.frames,
        first: input.first,
        last: input.last,
        link_types: input.links.iter().map(|link| link.name().into_owned()).collect(),
        malformed: passed.malformed + input.broken,
        unsupported: passed.unsupported,
        lost: input.lost,
        truncated: input.cut.is_some(),
    }
}
