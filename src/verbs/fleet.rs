//! `nightaudit fleet`: a server for the ledgers of many sensors.

use std::{
    fs,
    io::{self, BufWriter, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::ValueEnum;

use super::{
    Outcome,
    args::OutputArgs,
    ledger, output,
    report::SpanArgs,
    settings::{Fleet, Settings, is_name},
};
use crate::{
    base::{Minute, Stamp},
    ledger::fleet::{Address, Layout, Ledgers, Relay, Secret, Sending, Sensor, Server, VERSION},
    night::Verdict,
    pipeline::{self, Judging, Survey},
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
    /// Take what sensors push and hand it on to the server in large inserts. Sensors name the relay in `fleet.url`, with
    /// the user and the password of these settings.
    Relay {
        /// Where to listen, such as 10.8.0.1:8123.
        #[arg(value_name = "ADDRESS:PORT")]
        listen: SocketAddr,
    },
    /// Judge every device of the fleet, say what they say together and what is new, and keep it on the server.
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
    /// Show what the last report found, and how sensors are now, without judging anew.
    Overview {
        /// How results are shown.
        #[command(flatten)]
        output: OutputArgs,
        /// The form of the report.
        #[arg(long, value_enum, default_value_t = FleetFormat::Text)]
        format: FleetFormat,
        /// IANA time zone of the times; default the system's.
        #[arg(long, value_name = "ZONE")]
        timezone: Option<Tz>,
    },
    /// Fill the server with simulated sensors, each with a device that lives a scenario.
    Simulate {
        /// The scenario files; several are lived in turn.
        #[arg(value_name = "SCENARIO", required = true)]
        scenarios: Vec<PathBuf>,
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
    /// One self-contained page.
    Html,
    /// Everything, as JSON.
    Json,
}

pub(super) fn run(args: &FleetArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let fleet = &settings.fleet;
    match &args.verb {
        FleetVerb::Init { cluster, url } => {
            let server = server(fleet, url.as_deref())?;
            let layout = cluster.as_deref().map_or(Ok(Layout::Single), Layout::cluster)?;
            let found = server.init(&layout)?;
            let from = found.filter(|found| *found < VERSION);
            let from = from.map_or(String::new(), |found| format!(", brought from schema {found} to {VERSION}"));
            say(&format!("{} is ready{from}", server.name()))
        }
        FleetVerb::Push { ledger } => push(fleet, &ledger::path(ledger.as_deref(), settings)?),
        FleetVerb::Relay { listen } => relay(fleet, *listen),
        FleetVerb::Report { span, output, format, timezone } => {
            let judging = settings.judging(*timezone);
            survey(&server(fleet, None)?, span, judging, &Page { output, format: *format })
        }
        FleetVerb::Overview { output, format, timezone } => {
            let server = server(fleet, None)?;
            server.check()?;
            let survey = pipeline::overview(&server)?;
            Page { output, format: *format }.write(&survey, settings.zone(*timezone))
        }
        FleetVerb::Simulate { scenarios, sensors, seed, truth } => {
            simulate(&server(fleet, None)?, scenarios, *sensors, *seed, truth.as_deref())
        }
        FleetVerb::Forget { before } => {
            let server = server(fleet, None)?;
            server.check()?;
            let dropped = server.forget_before(month(before)?)?;
            say(&format!("{dropped} months dropped"))
        }
    }
}

/// What sends a daemon's ledger to the fleet of the settings; `None` where they name no fleet.
#[cfg(feature = "live")]
pub(super) fn courier(settings: &Settings) -> anyhow::Result<Option<crate::ledger::fleet::Courier>> {
    use crate::ledger::fleet::Courier;

    let fleet = &settings.fleet;
    if fleet.url.is_none() {
        return Ok(None);
    }
    let server = Arc::new(server(fleet, None)?);
    Ok(Some(Courier::new(server, sensor(fleet)?, u64::from(fleet.every_minutes) * 60, Stamp::default())))
}

/// The ledger of one sensor at `url`, which names it behind a `#`.
pub(super) fn remote(url: &str, settings: &Settings) -> anyhow::Result<(Server, String)> {
    let (address, sensor) = match url.split_once('#') {
        Some((address, sensor)) => (address, Some(sensor)),
        None => (url, None),
    };
    let server = server(&settings.fleet, Some(address))?;
    server.check()?;
    let ledgers = Ledgers::on(&server);
    if let Some(sensor) = sensor
        && ledgers.has(sensor)?
    {
        let sensor = sensor.to_owned();
        return Ok((server, sensor));
    }
    let known = ledgers.sensors()?;
    let shown = |name: &str| crate::base::text::shown(name, 64).into_owned();
    let some = || known.iter().take(MOST_LISTED).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    let sensor = match (sensor, &known[..]) {
        (_, []) => bail!("{} has no sensor's ledger yet", server.name()),
        (Some(sensor), _) => {
            bail!("{} has no ledger of {}; there are: {}", server.name(), shown(sensor), some())
        }
        (None, [one]) => one.clone(),
        (None, _) => {
            bail!("{address} has the ledgers of several sensors: name one as {address}#SENSOR; there are: {}", some())
        }
    };
    Ok((server, sensor))
}

/// No more names than this help whoever mistyped one.
const MOST_LISTED: usize = 30;

fn push(fleet: &Fleet, path: &Path) -> anyhow::Result<Outcome> {
    let (server, sensor) = (server(fleet, None)?, sensor(fleet)?);
    let mut store = ledger::open(path)?;
    store.feed_fleet()?;
    server.check()?;
    let (mut rows, mut sending) = (0, Sending::of(path).unwrap_or_default());
    while let Some(parcel) = store.parcel(&sensor, Minute(u32::MAX))? {
        rows += parcel.rows;
        let receipt = server.deliver(&parcel).with_context(|| {
            format!("{} minute rows were sent; what is left waits in {}", rows - parcel.rows, path.display())
        })?;
        store.acknowledge(&receipt)?;
    }
    sending.succeeded(now());
    if let Err(error) = sending.note(path) {
        super::complain(&format!("it was sent, and cannot be noted beside {}: {error}", path.display()));
    }
    say(&format!("{} has everything of {}: {rows} minute rows sent", server.name(), sensor.name))
}

fn relay(fleet: &Fleet, listen: SocketAddr) -> anyhow::Result<Outcome> {
    let user = fleet.user.as_deref().unwrap_or("default");
    let server = server(fleet, None)?;
    let name = server.name();
    let relay = Relay::to(&Arc::new(server), user, &password(fleet)?)?;
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    say(&format!("{} hands on to {name}", listener.local_addr().unwrap_or(listen)))?;
    io::stdout().flush()?;
    relay.serve(&listener).with_context(|| format!("nobody can come to {listen} any more"))?;
    Ok(Outcome::Quiet)
}

fn survey(server: &Server, span: &SpanArgs, mut judging: Judging, page: &Page<'_>) -> anyhow::Result<Outcome> {
    server.check()?;
    let ledgers = Ledgers::on(server);
    let span = span.minutes(judging.timezone, || Ok(ledgers.newest()?))?;
    // What could have been noticed on each of thousands of devices is a question for each of them.
    judging.night.power = false;
    let mut survey = pipeline::survey(&ledgers, span, &judging, |_| ())?;
    if let Err(error) = pipeline::keep(server, &mut survey) {
        super::complain(&format!("{error}; what was found is not kept, and the next report cannot say what is new"));
    }
    page.write(&survey, judging.timezone)
}

/// Where a survey is shown, and how.
struct Page<'a> {
    output: &'a OutputArgs,
    format: FleetFormat,
}

impl Page<'_> {
    fn write(&self, survey: &Survey, zone: Tz) -> anyhow::Result<Outcome> {
        let redaction = output::redaction(self.output)?;
        let page = match self.format {
            FleetFormat::Text => report::fleet_text(survey, &redaction, zone),
            FleetFormat::Html => report::fleet_html(survey, &redaction, zone),
            FleetFormat::Json => report::json_text(&report::fleet_json(survey, &redaction)),
        };
        let mut writer = output::writer(self.output)?;
        super::finish(writer.write_all(page.as_bytes()).and_then(|()| writer.flush()))?;
        Ok(match () {
            () if survey.findings.iter().any(|one| one.verdict == Verdict::ExportLike) => Outcome::ExportLike,
            () if survey.rows == 0 => Outcome::NoVerdict,
            () => Outcome::Quiet,
        })
    }
}

fn simulate(
    server: &Server,
    paths: &[PathBuf],
    sensors: u32,
    seed: u64,
    truth: Option<&Path>,
) -> anyhow::Result<Outcome> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the scenario {}", path.display()))?;
        Ok(Scenario::parse(&text, path)?)
    };
    let scenarios = paths.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    server.check()?;
    let mut truths = truth.map(output::private_file).transpose()?.map(BufWriter::new);
    let mut rows = 0;
    for (n, scenario) in (0..sensors).zip(scenarios.iter().cycle()) {
        let sensor = format!("simulated-{n:05}");
        let (ledger, truth) = Life::of(scenario, seed.wrapping_add(n.into())).ledger();
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
    Ok(Server::new(address(fleet, url)?))
}

/// Where the server is, and who we are to it.
pub(super) fn address(fleet: &Fleet, url: Option<&str>) -> anyhow::Result<Address> {
    let Some(url) = url.or(fleet.url.as_deref()) else {
        bail!("no server named: set url in the section [fleet] of the settings, such as https://host:8443/nightaudit");
    };
    let user = fleet.user.as_deref().unwrap_or("default");
    Ok(Address::new(url, user, password(fleet)?)?)
}

fn password(fleet: &Fleet) -> anyhow::Result<Secret> {
    match (&fleet.password, &fleet.password_file) {
        (Some(password), _) => Ok(password.clone()),
        (None, Some(path)) => secret(path),
        (None, None) => Ok(Secret::default()),
    }
}

pub(super) fn sensor(fleet: &Fleet) -> anyhow::Result<Sensor> {
    let name = match &fleet.sensor {
        Some(name) => name.clone(),
        None => host_name()
            .filter(|name| is_name(name))
            .context("this machine has no name that will do: set sensor in the section [fleet] of the settings")?,
    };
    let key = fleet.key_file.as_deref().filter(|_| fleet.pseudonyms);
    Ok(Sensor { name, pseudonyms: key.map(secret).transpose()?, share: fleet.share })
}

fn now() -> Stamp {
    Stamp::new(u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default(), 0)
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
