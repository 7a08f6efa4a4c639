//! A plan is carried out: an audit is drawn, written in each form, and compared with the one before.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Days, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::{
    Format, Occasion, Plan, Reach, keep,
    news::{News, learned},
    planner::is_ahead,
    state::{PlanState, Written},
};
use crate::{
    base::{
        Minute, Span, Stamp,
        file::{make_folder, write_whole},
    },
    ledger::RunRecord,
    pipeline::{Audit, run_record},
    report::{self, Changes, Key, Look, Redaction, Standing, Standings},
};

/// Width of reports in plain text.
const PAGE_WIDTH: usize = 100;

/// What a plan wants to be audited.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Which minutes.
    pub span: Span,
    /// Only this device: its id, label or an address.
    pub device: Option<String>,
    /// Only this subject.
    pub subject: Option<String>,
}

/// Whoever can draw an audit: a ledger, or captures.
pub trait Auditing {
    /// Draws the audit asked for. Everything captured up to the end of its span must be in it.
    fn audit(&self, asked: &Asked) -> Result<Audit, Box<dyn Error + Send + Sync>>;

    /// Keeps what a report said for good, beside its files; nothing where there is no place for it.
    fn keep(&self, _said: RunRecord) {}
}

impl<F: Fn(&Asked) -> Result<Audit, Box<dyn Error + Send + Sync>>> Auditing for F {
    fn audit(&self, asked: &Asked) -> Result<Audit, Box<dyn Error + Send + Sync>> {
        self(asked)
    }
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Report {
    /// The plan's name.
    pub plan: String,
    /// When it was due.
    pub due: Stamp,
    /// The files written, in the order of the plan's formats.
    pub files: Vec<PathBuf>,
    /// Older files that were removed.
    pub removed: Vec<PathBuf>,
    /// Verdicts that changed since the report before.
    pub news: Vec<News>,
    /// What it says of each subject.
    pub standings: Vec<Standing>,
}

/// Why a plan could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no such plan.
    #[error("there is no schedule {plan:?}")]
    Missing {
        /// The plan.
        plan: String,
    },
    /// There was no audit to report.
    #[error("schedule {plan:?}: {source}")]
    Audit {
        /// The plan.
        plan: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Device identifiers were to be replaced, and there is no key to do it by.
    #[error("schedule {plan:?}: redact = true needs the pseudonym key of the state folder, and there is none")]
    Key {
        /// The plan.
        plan: String,
    },
    /// A report could not be written.
    #[error("schedule {plan:?}: cannot write {}: {source}", path.display())]
    Write {
        /// The plan.
        plan: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Carries out `plan` as due at `due`: draws the audit, writes its files, removes those that are too old, and notes all
/// that in `state`. Nothing is noted where it fails. `key` is what pseudonyms are made with where the plan asks for them.
pub fn run(
    plan: &Plan,
    due: Stamp,
    zone: Tz,
    source: &dyn Auditing,
    key: Option<Key>,
    state: &mut PlanState,
) -> Result<Report, RunError> {
    let asked =
        Asked { span: span(plan, due, zone, state), device: plan.device.clone(), subject: plan.subject.clone() };
    let audit = source.audit(&asked).map_err(|source| RunError::Audit { plan: plan.name.clone(), source })?;
    let redaction = match (plan.redact, key) {
        (false, _) => &Redaction::Off,
        (true, Some(key)) => &Redaction::On(key),
        (true, None) => return Err(RunError::Key { plan: plan.name.clone() }),
    };
    let name = plan.file.name(&Occasion {
        name: &plan.name,
        at: local(due, zone),
        from: local(asked.span.first.start(), zone),
    });
    let changes = changes(&audit, redaction, state);
    let wrong = |path: &Path, source| RunError::Write { plan: plan.name.clone(), path: path.to_owned(), source };
    make_folder(&plan.folder).map_err(|source| wrong(&plan.folder, source))?;
    let mut written = Vec::new();
    for format in &plan.formats {
        let path = plan.folder.join(format!("{name}{}", format.ending()));
        let page = page(&audit, *format, redaction, &changes).map_err(|source| wrong(&path, source))?;
        write_whole(&path, &page).map_err(|source| wrong(&path, source))?;
        written.push(Written { path, sha256: sha256(&page), due: due.seconds() });
    }
    let files = written.iter().map(|file| file.path.clone()).collect();
    let removed = keep::note(state, written, plan.keep, due);
    let standings = Standings::of(&audit, &Redaction::Off).list;
    let news = learned(&mut state.known, &standings);
    state.said.clone_from(&standings);
    let done = state.done().filter(|done| !is_ahead(*done, due)).unwrap_or_default();
    state.done = Some(done.max(due).seconds());
    state.reached = Some(asked.span.end.start().seconds());
    source.keep(run_record(&plan.name, due, Some(asked.span), &audit));
    Ok(Report { plan: plan.name.clone(), due, files, removed, news, standings })
}

/// The minutes that a plan audits when it is due at `due`.
fn span(plan: &Plan, due: Stamp, zone: Tz, state: &PlanState) -> Span {
    let end = due.minute();
    let first = match plan.span {
        Reach::Nights(nights) => nights_before(due, nights, zone).unwrap_or_default().minute(),
        Reach::SinceLast => state.reached.map_or(Minute(0), |seconds| Stamp::new(seconds, 0).minute()),
    };
    Span { first: first.min(end), end }
}

/// The same local time so many days before; `None` before 1970.
pub fn nights_before(at: Stamp, nights: u32, zone: Tz) -> Option<Stamp> {
    of_local(local(at, zone).naive_local().checked_sub_days(Days::new(nights.into()))?, zone)
}

/// The moment of a local time: of two that a clock change makes, the earlier; of none, the first after the gap. `None`
/// before 1970.
pub fn of_local(time: NaiveDateTime, zone: Tz) -> Option<Stamp> {
    let at = |time: NaiveDateTime| zone.from_local_datetime(&time).earliest();
    // The largest step that any zone ever made of its clocks is a day, in quarters of an hour.
    let moment = at(time).or_else(|| (1..=96).find_map(|quarter| at(time + TimeDelta::minutes(15 * quarter))))?;
    u64::try_from(moment.timestamp()).ok().map(|seconds| Stamp::new(seconds, 0))
}

fn local(at: Stamp, zone: Tz) -> DateTime<Tz> {
    zone.from_utc_datetime(&at.utc().naive_utc())
}

/// What is new since the report before, with devices named as in this one; nothing is, the first time.
fn changes(audit: &Audit, redaction: &Redaction, state: &PlanState) -> Changes {
    let Some(reached) = state.reached else { return Changes::default() };
    let named = |one: &Standing| Standing {
        device: redaction.device(&one.device).into_owned(),
        label: redaction.label(one.label.as_deref()).map(str::to_owned),
        ..one.clone()
    };
    let before = Standings { list: state.said.iter().map(named).collect(), until: Some(Stamp::new(reached, 0)) };
    Changes::between(&before, &Standings::of(audit, redaction))
}

fn page(audit: &Audit, format: Format, redaction: &Redaction, changes: &Changes) -> io::Result<Vec<u8>> {
    let mut rows = Vec::new();
    Ok(match format {
        Format::Text => {
            let look = Look { width: PAGE_WIDTH, redaction: *redaction, ..Look::default() };
            (changes.text(audit.timezone) + &report::text(audit, &look)).into()
        }
        Format::Json => report::json_text(&changes.added_to(report::json(audit, redaction))).into(),
        Format::Html => report::html_since(audit, redaction, changes).into(),
        Format::Md => report::markdown_since(audit, redaction, changes).into(),
        Format::Csv => report::nights_csv_since(audit, redaction, changes, &mut rows).map(|()| rows)?,
        Format::SubjectsCsv => report::subjects_csv_since(audit, redaction, changes, &mut rows).map(|()| rows)?,
    })
}

/// Hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
