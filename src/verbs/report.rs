//! `nightaudit report`: verdicts from the ledger, for any span, device and subject.

use std::{error::Error, path::PathBuf};

use anyhow::{Context, bail};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::{
    Outcome,
    args::{CheckFormat, OutputArgs},
    check,
    declared::DeclaredArgs,
    input, ledger, output,
    settings::Settings,
};
use crate::{
    base::{Minute, Span, Stamp},
    ledger::{Archive, Store, fleet::Ledgers},
    pipeline::{self, Audit, Judging, Query},
    schedule::{self, Reach},
};

/// `nightaudit report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With neither --from, --to nor --last the whole ledger is audited. The ledger is only read: a running `nightaudit watch` \
goes on writing to it.\n\n\
  nightaudit report --last '28 nights'\n  \
  nightaudit report --from 2026-06-01 --to 2026-06-28 --device \"Ana's phone\" --format html -o june.html")]
pub struct ReportArgs {
    /// The ledger; default the settings' `ledger.path`, else nightaudit/ledger.db in the XDG state folder. A sensor's
    /// ledger on a fleet's server: `http://HOST:8123/DATABASE#SENSOR`.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,

    /// Which nights.
    #[command(flatten)]
    pub span: SpanArgs,

    /// Only this device: its id, label or one of its addresses.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Report only this subject, by its id or name; the others still tell when somebody was there.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,

    /// Only the subjects and destinations that this filter asks for, such as 'kind:messenger up>5MB' (docs/filters.md).
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,

    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Say first what is new since this report, which was written as JSON.
    #[arg(long, value_name = "REPORT")]
    pub previous: Option<PathBuf>,

    /// The form of the report.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,

    /// IANA time zone that times are shown in; default the system's.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<Tz>,

    /// When the phone was in use, where traffic cannot tell.
    #[command(flatten)]
    pub declared: DeclaredArgs,

    /// Tell how the verdict on this app, cloud or service was reached, step by step, for every device asked for.
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["format", "subject", "filter", "previous"])]
    pub explain: Option<String>,

    /// Skip the search for the smallest upload that would have been noticed.
    #[arg(long)]
    pub no_power: bool,
}

/// Which nights are audited.
#[derive(Debug, clap::Args)]
pub struct SpanArgs {
    /// From the beginning of this local day, or from this local time, such as 2026-06-01 or 2026-06-01T12:00.
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,

    /// To the end of this local day, or to this local time.
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,

    /// Only the last nights before the end of the ledger (or before --to), such as '28 nights'.
    #[arg(long, value_name = "NIGHTS", conflicts_with = "from")]
    pub last: Option<String>,
}

pub(super) fn run(args: &ReportArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let judging = check::judging(args.timezone, &args.declared, args.no_power, settings)?;
    let filter = super::filter(args.filter.as_deref())?;
    let look = output::look(&args.output)?;
    let rules = input::rules(&[], settings)?;
    let mut audit = if let Some(url) = ledger::address(args.ledger.as_deref()) {
        let (server, sensor) = super::fleet::remote(url, settings)?;
        let ledger = Ledgers::on(&server).sensor(&sensor);
        pipeline::recall_from(&ledger, &query(args, &ledger, &judging)?, &rules, &judging)?
    } else {
        let store = Store::read(&ledger::path(args.ledger.as_deref(), settings)?)?;
        let query = query(args, &store, &judging)?;
        let audit = pipeline::recall(&store, &query, &rules, &judging)?;
        if audit.devices.is_empty() {
            explain_nothing(&store, &query)?;
        }
        audit
    };
    if let Some(subject) = &args.explain {
        return check::tell(&audit, subject, &judging, &look, &args.output);
    }
    let unheeded = filter.narrow(&mut audit);
    if !unheeded.is_empty() {
        let keys = unheeded.join(", ");
        super::complain(&format!(
            "--filter: {keys} says nothing of a report; for a stretch of time there are --from, --to"
        ));
    }
    let changes = output::changes(args.previous.as_deref(), &audit, &look)?;
    check::publish(&audit, &changes, args.format, &look, &args.output)
}

/// What is asked of a ledger, which says where it ends.
fn query<A: Archive<Error: Error + Send + Sync + 'static>>(
    args: &ReportArgs,
    archive: &A,
    judging: &Judging,
) -> anyhow::Result<Query> {
    let end = || Ok(archive.captured(None)?.watched.last().map_or(Minute(0), |run| run.span.end));
    let span = args.span.minutes(judging.timezone, end)?;
    Ok(Query { span, device: args.device.clone(), subject: args.subject.clone() })
}

/// Says which devices and subjects there are, where the one asked for is not among them.
fn explain_nothing(store: &Store, query: &Query) -> anyhow::Result<()> {
    let devices = store.devices(query.span)?;
    let shown = |text: &str| crate::base::text::shown(text, 64).into_owned();
    if let Some(asked) = &query.device
        && !devices.iter().any(|record| query.wants(&record.device))
    {
        let known = devices.iter().map(|record| shown(record.device.label.as_deref().unwrap_or(&record.device.id)));
        let known: Vec<_> = known.take(MOST_LISTED).collect();
        bail!("no device {} in the ledger at that time; there are: {}", shown(asked), some(&known));
    }
    if let Some(asked) = &query.subject {
        let known: Vec<_> = store.subjects()?.iter().map(|id| shown(id)).take(MOST_LISTED).collect();
        bail!("no traffic of {} in the ledger at that time; subjects of the ledger: {}", shown(asked), some(&known));
    }
    Ok(())
}

/// No more names than this help whoever mistyped one.
const MOST_LISTED: usize = 30;

fn some(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

impl SpanArgs {
    /// The minutes that were asked for; `None` for all. `newest` says where the ledger ends.
    pub(super) fn minutes(
        &self,
        zone: Tz,
        newest: impl FnOnce() -> anyhow::Result<Minute>,
    ) -> anyhow::Result<Option<Span>> {
        let from = self.from.as_deref().map(|text| moment(text, zone, Edge::Begin).context("--from")).transpose()?;
        let to = self.to.as_deref().map(|text| moment(text, zone, Edge::End).context("--to")).transpose()?;
        let first = match &self.last {
            None => from,
            Some(last) => {
                let end = match to {
                    Some(to) => to,
                    None => newest()?,
                };
                Some(nights_before(end, last, zone)?)
            }
        };
        if first.is_none() && to.is_none() {
            return Ok(None);
        }
        let span = Span { first: first.unwrap_or(Minute(0)), end: to.unwrap_or(Minute(u32::MAX)) };
        if span.first >= span.end {
            bail!("--from lies after --to");
        }
        Ok(Some(span))
    }
}

/// The same local time as `end`, as many nights before as `text` says.
fn nights_before(end: Minute, text: &str, zone: Tz) -> anyhow::Result<Minute> {
    let Reach::Nights(nights) = Reach::try_from(text.to_owned()).context("--last")? else {
        bail!("--last {text}: want a number of nights, such as '28 nights'");
    };
    let first = schedule::nights_before(end.start(), nights, zone);
    first.map(Stamp::minute).with_context(|| format!("--last {text}: reaches before all time"))
}

/// Which end of a day is meant where no time of day is given.
#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
}

fn moment(text: &str, zone: Tz, edge: Edge) -> anyhow::Result<Minute> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let time =
        ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"].iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let local = time.or_else(|| {
        let day = match edge {
            Edge::Begin => day?,
            Edge::End => day?.succ_opt()?,
        };
        Some(day.and_time(NaiveTime::MIN))
    });
    local
        .and_then(|local| schedule::of_local(local, zone))
        .map(Stamp::minute)
        .with_context(|| format!("{text:?} is no date of ours: want one such as 2026-06-01 or 2026-06-01T12:00"))
}

/// Draws `audit` from the whole ledger: what `check --ledger` reports.
pub(super) fn whole(store: &Store, settings: &Settings, judging: &pipeline::Judging) -> anyhow::Result<Audit> {
    Ok(pipeline::recall(store, &Query::default(), &input::rules(&[], settings)?, judging)?)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Berlin;

    use super::*;

    fn utc(text: &str) -> Minute {
        let moment = chrono::DateTime::parse_from_rfc3339(text).unwrap();
        Minute(u32::try_from(moment.timestamp() / 60).unwrap())
    }

    #[test]
    fn days_are_whole_local_days() {
        let at = |text: &str, edge| moment(text, Berlin, edge).unwrap();
        assert_eq!(at("2026-06-01", Edge::Begin), utc("2026-05-31T22:00:00Z"));
        assert_eq!(at("2026-06-28", Edge::End), utc("2026-06-28T22:00:00Z"));
        assert_eq!(at("2026-06-01T12:30", Edge::End), utc("2026-06-01T10:30:00Z"));
        assert_eq!(at("2026-03-29T02:30", Edge::Begin), utc("2026-03-29T01:00:00Z"), "the clock skips that time");
        assert!(moment("yesterday", Berlin, Edge::Begin).unwrap_err().to_string().contains("2026-06-01"));
        assert!(moment("1900-01-01", Berlin, Edge::Begin).is_err());
    }

    #[test]
    fn nights_are_counted_by_the_local_clock() {
        let end = utc("2026-04-01T06:00:00Z");
        assert_eq!(nights_before(end, "7 nights", Berlin).unwrap(), utc("2026-03-25T07:00:00Z"), "over a clock change");
        assert!(nights_before(end, "since last", Berlin).is_err());
        assert!(nights_before(Minute(5), "28 nights", Berlin).is_err());
    }
}
