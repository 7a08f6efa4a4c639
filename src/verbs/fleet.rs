//! `nightaudit fleet`: a server for the ledgers of many sensors.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::ValueEnum;
use serde::Deserialize;

use super::{Outcome, args::OutputArgs, ledger, output, report::SpanArgs, settings::Settings};
use crate::{
    base::Minute,
    ledger::fleet::{Address, Layout, Ledgers, Secret, Sensor, Server},
    night::Verdict,
    pipeline::{self, Judging},
    report,
    simulate::{Life, Scenario},
};

/// `nightaudit fleet`.
#[derive(Debug, clap::Args)]
pub struct FleetArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: FleetVerb,
}

/// What can be done with a fleet.
#[derive(Debug, clap::Subcommand)]
pub enum FleetVerb {
    /// Make the tables on the server of the settings.
    Init {
        /// The server is one of this cluster, as its own configuration names it: run this once against each of them.
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
        /// The server, in place of `fleet.url`.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Send what this sensor's ledger holds and the server has not confirmed. `nightaudit watch` does so by itself.
    Push {
        /// The ledger; default the settings' `ledger.path`, else nightaudit/ledger.db in the XDG state folder.
        #[arg(long, value_name = "FILE")]
        ledger: Option<PathBuf>,
    },
    /// Judge every device of the fleet, and say what they say together.
    Report {
        /// Which nights.
        #[command(flatten)]
        span: SpanArgs,
        /// How results are shown.
        #[command(flatten)]
        output: OutputArgs,
        /// The form of the report.
        #[arg(long, value_enum, default_value_t = FleetFormat::Text)]
        format: FleetFormat,
        /// IANA time zone of the dates; default the system's.
        #[arg(long, value_name = "ZONE")]
        timezone: Option<Tz>,
    },
    /// Fill the server with simulated sensors, each with a device that lives the scenario.
    Simulate {
        /// The scenario file.
        #[arg(value_name = "SCENARIO")]
        scenario: PathBuf,
        /// How many sensors.
        #[arg(long, value_name = "NUMBER", default_value_t = 10)]
        sensors: u32,
        /// The first one's seed; each further one has the next.
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        seed: u64,
        /// Write what really happened to this file, a JSON object a line.
        #[arg(long, value_name = "FILE")]
        truth: Option<PathBuf>,
    },
    /// Drop whole months from the server.
    Forget {
        /// Everything of before this month, such as 2026-01.
        #[arg(long, value_name = "MONTH")]
        before: String,
    },
}

/// The form of a fleet's report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FleetFormat {
    /// For people, in a terminal.
    Text,
    /// Everything, as JSON.
    Json,
}

/// The `[fleet]` section of `nightaudit.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fleet {
    /// The server: `https://host:8443/nightaudit`.
    url: Option<String>,
    /// What the fleet calls this sensor; default the host's name.
    sensor: Option<String>,
    user: Option<String>,
    /// For `NIGHTAUDIT_FLEET_PASSWORD`.
    password: Option<String>,
    password_file: Option<PathBuf>,
    /// Device identifiers leave this sensor as keyed hashes only.
    pseudonyms: bool,
    /// The key of those hashes.
    key_file: Option<PathBuf>,
    /// The owner agrees that accident rates are learned from these devices.
    share: bool,
    /// Minutes between two rounds.
    every_minutes: Option<u32>,
}

pub(super) fn run(args: &FleetArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let fleet = section(settings)?;
    match &args.verb {
        FleetVerb::Init { cluster, url } => {
            let server = server(&fleet, url.as_deref())?;
            let layout = cluster.as_deref().map_or(Ok(Layout::Single), Layout::cluster)?;
            server.init(&layout)?;
            say(&format!("{} is ready", server.name()))
        }
        FleetVerb::Push { ledger } => push(&fleet, &ledger::path(ledger.as_deref(), settings)?),
        FleetVerb::Report { span, output, format, timezone } => {
            survey(&server(&fleet, None)?, span, output, *format, settings.judging(*timezone))
        }
        FleetVerb::Simulate { scenario, sensors, seed, truth } => {
            simulate(&server(&fleet, None)?, scenario, *sensors, *seed, truth.as_deref())
        }
        FleetVerb::Forget { before } => {
            let server = server(&fleet, None)?;
            let dropped = server.forget_before(month(before)?)?;
            say(&format!("{dropped} months dropped"))
        }
    }
}

/// What sends a daemon's ledger to the fleet of the settings; `None` where they name no fleet.
#[cfg(feature = "live")]
pub(super) fn courier(settings: &Settings) -> anyhow::Result<Option<crate::ledger::fleet::Courier>> {
    use std::sync::Arc;

    use crate::{base::Stamp, ledger::fleet::Courier};

    let fleet = section(settings)?;
    if fleet.url.is_none() {
        return Ok(None);
    }
    let every = fleet.every_minutes.unwrap_or(60).clamp(1, 24 * 60);
    let server = Arc::new(server(&fleet, None)?);
    Ok(Some(Courier::new(server, sensor(&fleet)?, u64::from(every) * 60, Stamp::default())))
}

fn section(settings: &Settings) -> anyhow::Result<Fleet> {
    if std::env::args().any(|argument| argument.contains("fleet.password=")) {
        bail!("a password on the command line can be read by everybody on this machine: use fleet.password_file");
    }
    settings.fleet.clone().try_into().context("the section [fleet] of the settings")
}

fn push(fleet: &Fleet, path: &Path) -> anyhow::Result<Outcome> {
    let (server, sensor) = (server(fleet, None)?, sensor(fleet)?);
    let mut store = ledger::open(path)?;
    store.feed_fleet()?;
    server.check()?;
    let mut rows = 0;
    while let Some(parcel) = store.parcel(&sensor, Minute(u32::MAX))? {
        rows += parcel.rows;
        let receipt = server.deliver(&parcel).with_context(|| {
            format!("{} minute rows were sent; what is left waits in {}", rows - parcel.rows, path.display())
        })?;
        store.acknowledge(&receipt)?;
    }
    say(&format!("{} has everything of {}: {rows} minute rows sent", server.name(), sensor.name))
}

fn survey(
    server: &Server,
    span: &SpanArgs,
    output: &OutputArgs,
    format: FleetFormat,
    mut judging: Judging,
) -> anyhow::Result<Outcome> {
    server.check()?;
    let ledgers = Ledgers::on(server);
    let span = span.minutes(judging.timezone, || Ok(ledgers.newest()?))?;
    // What could have been noticed on each of thousands of devices is a question for each of them.
    judging.night.power = false;
    let redaction = output::redaction(output)?;
    let survey = pipeline::survey(&ledgers, span, &judging, |_| ())?;
    let page = match format {
        FleetFormat::Text => report::fleet_text(&survey, &redaction),
        FleetFormat::Json => report::json_text(&report::fleet_json(&survey, &redaction)),
    };
    let mut writer = output::writer(output)?;
    super::finish(writer.write_all(page.as_bytes()).and_then(|()| writer.flush()))?;
    Ok(match () {
        () if survey.findings.iter().any(|one| one.verdict == Verdict::ExportLike) => Outcome::ExportLike,
        () if survey.rows == 0 => Outcome::NoVerdict,
        () => Outcome::Quiet,
    })
}

fn simulate(server: &Server, path: &Path, sensors: u32, seed: u64, truth: Option<&Path>) -> anyhow::Result<Outcome> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the scenario {}", path.display()))?;
    let scenario = Scenario::parse(&text, path)?;
    server.check()?;
    let mut truths = truth.map(output::private_file).transpose()?.map(BufWriter::new);
    let mut rows = 0;
    for n in 0..sensors {
        let sensor = format!("simulated-{n:05}");
        let (ledger, truth) = Life::of(&scenario, seed.wrapping_add(n.into())).ledger();
        let [a, b, c, d] = n.to_be_bytes();
        rows += server.file_made(&sensor, &format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}"), &ledger)?;
        if let Some(file) = &mut truths {
            serde_json::to_writer(&mut *file, &serde_json::json!({"sensor": sensor, "truth": truth}))?;
            file.write_all(b"\n")?;
        }
    }
    truths.map(|mut file| file.flush()).transpose()?;
    say(&format!("{} has {sensors} simulated sensors, {rows} minute rows", server.name()))
}

fn server(fleet: &Fleet, url: Option<&str>) -> anyhow::Result<Server> {
    let Some(url) = url.or(fleet.url.as_deref()) else {
        bail!("no server named: set url in the section [fleet] of the settings, such as https://host:8443/nightaudit");
    };
    let user = fleet.user.as_deref().unwrap_or("default");
    Ok(Server::new(Address::new(url, user, password(fleet)?)?))
}

fn password(fleet: &Fleet) -> anyhow::Result<Secret> {
    match (&fleet.password, &fleet.password_file) {
        (Some(password), _) => Ok(Secret(password.clone())),
        (None, Some(path)) => secret(path),
        (None, None) => Ok(Secret::default()),
    }
}

fn sensor(fleet: &Fleet) -> anyhow::Result<Sensor> {
    let name = match &fleet.sensor {
        Some(name) => name.clone(),
        None => host_name().context("this machine has no name: set sensor in the section [fleet] of the settings")?,
    };
    if name.is_empty() || name.len() > 100 || crate::base::text::shown(&name, 100) != name.as_str() {
        bail!("fleet.sensor: want 1 to 100 characters, none of them a control or direction mark");
    }
    let pseudonyms = match (fleet.pseudonyms, &fleet.key_file) {
        (false, _) => None,
        (true, Some(path)) => Some(secret(path)?),
        (true, None) => bail!("fleet.pseudonyms needs a key that stays here: set fleet.key_file"),
    };
    Ok(Sensor { name, pseudonyms, share: fleet.share })
}

fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn secret(path: &Path) -> anyhow::Result<Secret> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    match text.trim() {
        "" => bail!("{} is empty", path.display()),
        secret => Ok(Secret(secret.to_owned())),
    }
}

/// `2026-01` as the number that partitions are named by.
fn month(text: &str) -> anyhow::Result<u32> {
    let parts = text.split_once('-').and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
    match parts {
        Some((year @ 1970_u32..=2200, month @ 1..=12)) => Ok(year * 100 + month),
        _ => bail!("--before {text}: want a month such as 2026-01"),
    }
}

fn say(line: &str) -> anyhow::Result<Outcome> {
    super::finish(writeln!(io::stdout().lock(), "{line}"))?;
    Ok(Outcome::Quiet)
}
