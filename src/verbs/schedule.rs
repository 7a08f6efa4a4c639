//! `nightaudit schedule`: what is due when, and a report by hand.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{Outcome, input, ledger, output, settings::Settings};
use crate::{
    base::{Stamp, text::shown},
    identify::Rules,
    ledger::{RunRecord, Store},
    night::Verdict,
    pipeline::{self, Audit, Judging, Query},
    schedule::{
        Asked, Auditing, Clerk, Happened, Plan, PlanState, Planner, Report, Run, State,
        notify::{Notifier, Secret},
        state_file,
    },
};

/// The variable that may hold the secret which webhooks are signed with.
const SECRET: &str = "NIGHTAUDIT_NOTIFY_SECRET";

/// `nightaudit schedule`.
#[derive(Debug, clap::Args)]
pub struct ScheduleArgs {
    /// What to do with the schedules of the settings file.
    #[command(subcommand)]
    pub verb: ScheduleVerb,

    /// The ledger; default the settings' `ledger.path`, else nightaudit/ledger.db in the XDG state folder.
    #[arg(long, global = true, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// What can be done with schedules.
#[derive(Debug, clap::Subcommand)]
pub enum ScheduleVerb {
    /// List the schedules: when each is due, over what span, where its reports go, and what it did last.
    List,
    /// Say when each schedule is due next, the soonest first.
    Next,
    /// Write the reports of one schedule now, as if it were due, and tell of verdicts that changed.
    Run {
        /// The schedule's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// As if it were due at this local time, such as 2026-06-02T07:00, in place of now.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
}

pub(super) fn run(args: &ScheduleArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let ledger = ledger::path(args.ledger.as_deref(), settings)?;
    let now = now();
    match &args.verb {
        ScheduleVerb::List => list(settings, &ledger, now),
        ScheduleVerb::Next => next(settings, &ledger, now),
        ScheduleVerb::Run { name, at } => by_hand(settings, &ledger, name, at.as_deref(), now),
    }
}

/// The plans of the settings; where one names no folder, its reports go beside the ledger.
pub(super) fn plans(settings: &Settings, ledger: &Path) -> Vec<Plan> {
    let reports = folder_of(ledger).join("reports");
    let placed = |plan: &Plan| {
        let mut plan = plan.clone();
        if plan.folder.as_os_str().is_empty() {
            plan.folder.clone_from(&reports);
        }
        plan
    };
    settings.schedule.iter().map(placed).collect()
}

/// Who carries out the plans of the settings and keeps beside the ledger what was done.
pub(super) fn clerk(settings: &Settings, ledger: &Path, now: Stamp) -> anyhow::Result<Clerk> {
    let plans = plans(settings, ledger);
    let key = if settings.notify.redact || plans.iter().any(|plan| plan.redact) {
        Some(output::pseudonym_key()?)
    } else {
        None
    };
    let secret = match (&settings.notify.secret_file, env::var(SECRET)) {
        (_, Ok(text)) if !text.trim().is_empty() => Secret::of_text(&text),
        (Some(file), _) => Some(Secret::read(file)?),
        _ => None,
    };
    let folder = folder_of(ledger);
    let notifier = Notifier::new(settings.notify.clone(), secret, key, folder);
    Ok(Clerk::open(plans, settings.zone(None), folder, key, notifier, now)?)
}

/// Draws audits from a ledger file, also while another process writes to it.
pub(super) struct FromLedger {
    path: PathBuf,
    rules: Arc<Rules>,
    judging: Judging,
    keep: Sender<RunRecord>,
}

impl FromLedger {
    /// From the ledger at `path`, with the settings' rules and thresholds. What its reports say goes to `keep`.
    pub(super) fn at(path: &Path, settings: &Settings, keep: Sender<RunRecord>) -> anyhow::Result<Self> {
        Ok(Self { path: path.to_owned(), rules: input::rules(&[], settings)?, judging: settings.judging(None), keep })
    }
}

impl Auditing for FromLedger {
    fn audit(&self, asked: &Asked) -> Result<Audit, Box<dyn std::error::Error + Send + Sync>> {
        let store = Store::read(&self.path)?;
        let query = Query { span: Some(asked.span), device: asked.device.clone(), subject: asked.subject.clone() };
        Ok(pipeline::recall(&store, &query, &self.rules, &self.judging)?)
    }

    fn keep(&self, said: RunRecord) {
        // Whoever would keep it is gone only when the program ends.
        let _ = self.keep.send(said);
    }
}

fn list(settings: &Settings, ledger: &Path, now: Stamp) -> anyhow::Result<Outcome> {
    let state = State::read(&state_file(folder_of(ledger)))?;
    let zone = settings.zone(None);
    let mut lines = Vec::new();
    for plan in plans(settings, ledger) {
        let done = state.plan(&plan.name);
        lines.push(format!("{}\n  {}   {}", shown(&plan.name, 64), plan.cron, plan.cron.in_words()));
        let formats: Vec<_> = plan.formats.iter().map(|format| format.ending().trim_start_matches('.')).collect();
        let folder = plan.folder.display().to_string();
        lines.push(format!("  {} as {} into {}", plan.span, formats.join(", "), shown(&folder, 400)));
        let next = plan.cron.after(now, zone).map_or_else(|| "never".to_owned(), |at| local(at, zone));
        lines.push(format!("  last {}; next {next}", last(done, zone)));
    }
    if lines.is_empty() {
        lines.push(no_schedule(settings));
    }
    print(&lines)
}

fn last(done: Option<&PlanState>, zone: Tz) -> String {
    match done.and_then(PlanState::reached) {
        Some(at) => {
            let files = done.map_or(0, |done| done.files().len());
            format!("report up to {}, {files} files kept", local(at, zone))
        }
        None => "report: none yet".to_owned(),
    }
}

fn next(settings: &Settings, ledger: &Path, now: Stamp) -> anyhow::Result<Outcome> {
    let state = State::read(&state_file(folder_of(ledger)))?;
    let zone = settings.zone(None);
    let planner = Planner::new(plans(settings, ledger), zone, &state, now);
    let mut upcoming: Vec<_> = planner.upcoming(now).filter_map(|(plan, at)| Some((at?, plan))).collect();
    upcoming.sort_by_key(|(at, _)| *at);
    let line = |(at, plan): (Stamp, &Plan)| {
        let when = if at <= now { "now (missed)".to_owned() } else { local(at, zone) };
        format!("{when:<28} {}", shown(&plan.name, 64))
    };
    let mut lines: Vec<_> = upcoming.into_iter().map(line).collect();
    if lines.is_empty() {
        lines.push(no_schedule(settings));
    }
    print(&lines)
}

fn by_hand(settings: &Settings, ledger: &Path, name: &str, at: Option<&str>, now: Stamp) -> anyhow::Result<Outcome> {
    if !settings.schedule.iter().any(|plan| plan.name == name) {
        let known: Vec<_> = settings.schedule.iter().map(|plan| shown(&plan.name, 64)).collect();
        if known.is_empty() {
            bail!("{}", no_schedule(settings));
        }
        bail!("there is no schedule {:?}; there are {}", shown(name, 64), known.join(", "));
    }
    let due = match at {
        Some(text) => moment(text, settings.zone(None))?,
        None => now,
    };
    // A path with a slip in it must not become a folder.
    drop(Store::read(ledger)?);
    let (keep, said) = unbounded();
    let source = FromLedger::at(ledger, settings, keep)?;
    let mut clerk = clerk(settings, ledger, now)?;
    let report = match clerk.carry_out(&Run { plan: name.to_owned(), due }, now, &source) {
        Happened::Reported(report) => report,
        Happened::Failed(error) => bail!(error),
        Happened::Unkept(error) => bail!(error),
        Happened::Told(_) => bail!("a notice is no report"),
    };
    let mut lines: Vec<String> =
        report.files.iter().map(|path| shown(&path.to_string_lossy(), 400).into_owned()).collect();
    lines.extend(report.removed.iter().map(|path| format!("removed {}", shown(&path.to_string_lossy(), 400))));
    lines.extend(report.news.iter().map(|news| format!("changed: {}", news.sentence())));
    for told in clerk.deliver(now)? {
        lines.push(told.to_string());
    }
    keep_said(ledger, &said);
    print(&lines)?;
    Ok(outcome(&report))
}

/// Keeps in the ledger what the report said, unless a daemon is writing to it.
fn keep_said(ledger: &Path, said: &Receiver<RunRecord>) {
    let kept = Store::open(ledger).and_then(|mut store| said.try_iter().try_for_each(|run| store.remember(&run)));
    if let Err(error) = kept {
        super::complain(&format!("what the report said is in its files alone: {error}"));
    }
}

fn outcome(report: &Report) -> Outcome {
    let mut verdicts = report.standings.iter().map(|standing| standing.verdict);
    if verdicts.clone().any(|verdict| verdict == Verdict::ExportLike) {
        Outcome::ExportLike
    } else if verdicts.all(|verdict| verdict == Verdict::Insufficient) {
        Outcome::NoVerdict
    } else {
        Outcome::Quiet
    }
}

fn print(lines: &[String]) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    super::finish(lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(Outcome::Quiet)
}

fn no_schedule(settings: &Settings) -> String {
    let file = match &settings.file {
        Some(file) => format!("in {}", file.display()),
        None => "because there is no settings file".to_owned(),
    };
    format!("there are no schedules {}; add a [[schedule]] (docs/schedules.md)", shown(&file, 400))
}

fn folder_of(ledger: &Path) -> &Path {
    match ledger.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn local(at: Stamp, zone: Tz) -> String {
    zone.from_utc_datetime(&at.utc().naive_utc()).format("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// A local time, or one that names its offset from UTC.
fn moment(text: &str, zone: Tz) -> anyhow::Result<Stamp> {
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let local = local.and_then(|local| zone.from_local_datetime(&local).earliest()).map(|at| at.timestamp());
    let seconds = local.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp()));
    let stamp = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(|seconds| Stamp::new(seconds, 0));
    stamp.with_context(|| {
        format!("--at {:?}: want a local time that the clock shows, such as 2026-06-02T07:00", shown(text, 60))
    })
}

fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp::new(since.as_secs(), since.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_local_unless_it_says_otherwise() {
        let berlin = chrono_tz::Europe::Berlin;
        let seven = Stamp::new(1_780_376_400, 0);
        for text in ["2026-06-02T07:00", "2026-06-02 07:00", "2026-06-02T05:00:00Z", "2026-06-02T07:00:00+02:00"] {
            assert_eq!(moment(text, berlin).unwrap(), seven, "{text}");
        }
        for text in ["2026-03-29T02:30", "tomorrow", "07:00", ""] {
            assert!(moment(text, berlin).unwrap_err().to_string().contains("2026-06-02T07:00"), "{text}");
        }
    }
}
