//! `nightaudit toggle`: does what goes up at night follow a switch? A calendar drawn at random, and its judgement.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::{Days, NaiveDate, Utc};
use chrono_tz::Tz;
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    Outcome,
    args::{Colour, InputArgs, OutputArgs},
    declared::{self, DeclaredArgs},
    input::{self, Bar},
    output,
    settings::Settings,
};
use crate::{
    night::{Answer, SwitchTime, TogglePlan, toggled},
    pipeline::{self, Audit, DeviceAudit},
    report::{self, ToggleCase},
};

/// `nightaudit toggle`.
#[derive(Debug, clap::Args)]
pub struct ToggleArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: ToggleVerb,
}

/// What can be done about a toggle test.
#[derive(Debug, clap::Subcommand)]
pub enum ToggleVerb {
    /// Draw a calendar: on which nights to have a feature on, on which off.
    Plan(PlanArgs),
    /// Hold captures against a calendar: do the uploads follow the switch?
    Judge(Box<JudgeArgs>),
}

/// `nightaudit toggle plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// How many nights, half of them with the feature on: 14 are usual, 10 the least that can be conclusive.
    #[arg(long, default_value_t = 14, value_name = "NUMBER")]
    pub nights: usize,

    /// The first day, such as 2026-06-01; default tomorrow.
    #[arg(long, value_name = "DATE")]
    pub start: Option<NaiveDate>,

    /// What is switched, for the calendar: such as "WhatsApp's chat backup".
    #[arg(long, default_value = "the feature", value_name = "TEXT")]
    pub what: String,

    /// The time of day to switch at: while you are up, and well before you sleep.
    #[arg(long, default_value = "18:00", value_name = "TIME")]
    pub switch_at: SwitchTime,

    /// IANA time zone of the calendar; default the system's.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<Tz>,

    /// Draw the calendar that this number gives, instead of one by chance.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Where to keep the calendar and its seed. A file that is there is never replaced.
    #[arg(short, long, default_value = "toggle-plan.toml", value_name = "FILE")]
    pub output: PathBuf,
}

/// `nightaudit toggle judge`.
#[derive(Debug, clap::Args)]
pub struct JudgeArgs {
    /// The calendar that was followed.
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,

    /// Whose uploads to look at: an app, a cloud or `unattributed`, by name or id.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: String,

    /// On which device, where several use it: its id or label.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Where packets come from.
    #[command(flatten)]
    pub input: InputArgs,

    /// When the phone was in use, where traffic cannot tell.
    #[command(flatten)]
    pub declared: DeclaredArgs,

    /// The form of the answer.
    #[arg(long, value_enum, default_value_t = ToggleFormat::Text)]
    pub format: ToggleFormat,

    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The form of a toggle test's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum ToggleFormat {
    /// For people, in a terminal.
    Text,
    /// For other programs.
    Json,
}

pub(super) fn run(args: &ToggleArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    match &args.verb {
        ToggleVerb::Plan(args) => plan(args, settings),
        ToggleVerb::Judge(args) => judge(args, settings),
    }
}

fn plan(args: &PlanArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let zone = settings.zone(args.timezone);
    // The one place where the calendar on the wall counts: tomorrow is where a plan begins.
    let today = || Utc::now().with_timezone(&zone).date_naive();
    let start = args.start.or_else(|| today().checked_add_days(Days::new(1))).context("no tomorrow")?;
    let seed = args.seed.map_or_else(seed, Ok)?;
    let plan = TogglePlan::draw(args.what.clone(), args.nights, start, args.switch_at, zone, seed)?;
    keep(&plan, &args.output)?;
    let look = output::look(&OutputArgs { output: None, redact: false, color: Colour::Auto })?;
    let page = report::toggle_plan_text(&plan, &args.output.display().to_string(), &look);
    super::finish(io::stdout().lock().write_all(page.as_bytes()))?;
    Ok(Outcome::Quiet)
}

fn seed() -> anyhow::Result<u64> {
    let mut bytes = [0; 4];
    SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random numbers; name a --seed")?;
    Ok(u32::from_le_bytes(bytes).into())
}

/// Writes the plan to a new file: a calendar that can be drawn again until it suits is no draw.
fn keep(plan: &TogglePlan, path: &Path) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "{} is there already: a calendar drawn again is no draw any more. Follow it, or keep the new one elsewhere (-o)",
            path.display()
        ),
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    };
    let text = toml::to_string(plan).context("the plan cannot be written down")?;
    let head = "# A calendar for `nightaudit toggle judge`. To leave a night out, add left_out = \"why\" to it, before any\n\
                # result is looked at.\n";
    file.write_all(head.as_bytes())
        .and_then(|()| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A plan is some kilobytes; whatever is larger is another file.
const LARGEST_PLAN: u64 = 1 << 20;

fn read(path: &Path) -> anyhow::Result<TogglePlan> {
    let cannot = || format!("cannot read the plan {}", path.display());
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    if size > LARGEST_PLAN {
        bail!("{} is no plan: it holds {size} bytes", path.display());
    }
    let text = std::fs::read_to_string(path).with_context(cannot)?;
    let plan: TogglePlan =
        toml::from_str(&text).with_context(|| format!("{} is no plan of `toggle plan`", path.display()))?;
    plan.checked().with_context(|| path.display().to_string())
}

fn judge(args: &JudgeArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let plan = read(&args.plan)?;
    let options = input::options(&args.input, settings)?;
    let mut judging = settings.judging(Some(plan.timezone));
    judging.night.power = false;
    declared::apply(&args.declared, plan.timezone, &mut judging.night)?;
    let look = output::look(&args.output)?;
    let opened = input::open(&args.input)?;
    let mut bar = Bar::new();
    let audit = pipeline::check(opened, &options, &judging, |progress| bar.show(progress));
    drop(bar);
    audit.failed.iter().for_each(|failure| super::complain(failure));
    let (device, subject) = find(&audit, args)?;
    let found = toggled(&device.ledger, subject, &plan, &judging.night).context("no such subject")?;
    let case = ToggleCase {
        plan: &plan,
        device: device.label.as_deref().filter(|_| !args.output.redact).unwrap_or(&device.id),
        subject: &device.ledger.subjects[subject].subject.name,
        toggled: &found,
    };
    let page = match args.format {
        ToggleFormat::Text => report::toggle_text(&case, &look),
        ToggleFormat::Json => report::json_text(&report::toggle_json(&case, &look.redaction)),
    };
    let mut writer = output::writer(&args.output)?;
    super::finish(writer.write_all(page.as_bytes()).and_then(|()| writer.flush()))?;
    Ok(match found.answer {
        _ if !audit.failed.is_empty() => Outcome::Failed,
        Answer::Follows | Answer::ProbablyFollows => Outcome::ExportLike,
        Answer::NotShown => Outcome::Quiet,
        Answer::TooFew => Outcome::NoVerdict,
    })
}

/// The device and the row that are asked for.
fn find<'a>(audit: &'a Audit, args: &JudgeArgs) -> anyhow::Result<(&'a DeviceAudit, usize)> {
    let wanted = |device: &&DeviceAudit| {
        args.device.as_ref().is_none_or(|name| device.id == *name || device.label.as_ref() == Some(name))
    };
    let devices: Vec<_> = audit.devices.iter().filter(wanted).collect();
    let found: Vec<_> = devices.iter().filter_map(|device| Some((*device, row(device, &args.subject)?))).collect();
    match found.as_slice() {
        [] if devices.is_empty() => {
            bail!("no such device was captured; there are: {}", names(audit.devices.iter().map(|d| d.id.as_str())))
        }
        [] => {
            let all = devices.iter().flat_map(|device| &device.ledger.subjects).map(|row| row.subject.id.as_str());
            bail!("{:?} was not seen; there are: {}", args.subject, names(all))
        }
        [one] => Ok(*one),
        several => {
            let ids = names(several.iter().map(|(device, _)| device.id.as_str()));
            bail!("several devices use {:?}; say which with --device: {ids}", args.subject)
        }
    }
}

pub(super) fn row(device: &DeviceAudit, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let is = |text: &str| text.to_lowercase() == name;
    device.ledger.subjects.iter().position(|row| is(&row.subject.id) || is(&row.subject.name))
}

/// Some of the names, safe to show.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<_> = all.map(|name| crate::base::text::shown(name, 64).into_owned()).collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
