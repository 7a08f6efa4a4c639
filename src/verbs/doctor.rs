//! `nightaudit doctor`: what is there, what is missing, and the command that mends it.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use super::{
    Outcome,
    settings::{Settings, Trouble},
};
use crate::{
    base::text::shown,
    identify::Rules,
    ledger::{
        Store, StoreError,
        fleet::{FleetError, Sending, Server, VERSION},
    },
};

/// One thing that was looked at.
struct Finding {
    /// What, in a word or two.
    what: &'static str,
    /// How it is.
    is: String,
    /// What to do about it, where it is not as it should be.
    mend: Option<String>,
}

impl Finding {
    fn well(what: &'static str, is: impl Into<String>) -> Self {
        Self { what, is: is.into(), mend: None }
    }

    fn ill(what: &'static str, is: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what, is: is.into(), mend: Some(mend.into()) }
    }
}

/// Settings that cannot be used are a finding, not the end.
pub(super) fn run(settings: Result<Settings, Trouble>) -> anyhow::Result<Outcome> {
    let rules = Rules::embedded()?;
    let mut findings = vec![
        Finding::well("nightaudit", env!("CARGO_PKG_VERSION")),
        Finding::well("rules", format!("{} files, SHA-256 {}", rules.len(), rules.sha256())),
        of_settings(&settings),
    ];
    let settings = settings.unwrap_or_default();
    findings.push(zone(&settings));
    findings.push(clock());
    findings.push(ledger(&settings));
    findings.extend(fleet(&settings));
    findings.extend(capture());
    findings.push(Finding::well("reports", "HTML is written without a browser or any other program"));
    let mut out = io::stdout().lock();
    super::finish(findings.iter().try_for_each(|finding| show(finding, &mut out)))?;
    Ok(Outcome::Quiet)
}

fn show(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let mark = if finding.mend.is_some() { "!" } else { " " };
    writeln!(out, "{mark} {:<13} {}", finding.what, finding.is)?;
    match &finding.mend {
        Some(mend) => writeln!(out, "  {:<13} mend: {mend}", ""),
        None => Ok(()),
    }
}

fn of_settings(settings: &Result<Settings, Trouble>) -> Finding {
    match settings {
        Ok(Settings { file: Some(file), .. }) => Finding::well("settings", shown(&file.display().to_string(), 200)),
        Ok(_) => Finding::well("settings", "no file; defaults are in force"),
        Err(trouble) => Finding::ill("settings", trouble.to_string(), "correct that line"),
    }
}

fn zone(settings: &Settings) -> Finding {
    let zone = settings.zone(None);
    let is = format!("{zone} (zone data {})", chrono_tz::IANA_TZDB_VERSION);
    let told = settings.timezone.is_some() || iana_time_zone::get_timezone().is_ok_and(|name| name.parse() == Ok(zone));
    if told {
        return Finding::well("time zone", is);
    }
    Finding::ill(
        "time zone",
        format!("{is}: the system names none"),
        "timezone = \"Europe/Berlin\" in nightaudit.toml, or --set timezone=...",
    )
}

/// A clock that starts in the past files a night under the wrong date.
fn clock() -> Finding {
    /// 1 January 2026.
    const THIS_CENTURY: i64 = 1_767_225_600;
    let now = chrono::Utc::now();
    let is = now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    if now.timestamp() < THIS_CENTURY {
        return Finding::ill("clock", format!("{is}: it is wrong"), "timedatectl set-ntp true");
    }
    Finding::well("clock", is)
}

fn ledger(settings: &Settings) -> Finding {
    let Some(path) = settings.ledger_path() else {
        return Finding::ill(
            "ledger",
            "no folder to keep it in: HOME is not set",
            "export HOME, or name it: --set ledger.path=FILE",
        );
    };
    let name = shown(&path.display().to_string(), 200).into_owned();
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
    let Some(folder) = folder else { return Finding::ill("ledger", format!("{name}: no such folder"), "name another") };
    // Nothing but trying tells: rights, read-only disks and full ones all look alike from outside.
    let probe = folder.join(format!(".nightaudit-doctor-{}", std::process::id()));
    let tried = std::fs::write(&probe, b"x");
    let _ = std::fs::remove_file(&probe);
    match tried {
        Ok(()) => Finding::well("ledger", if path.exists() { name } else { format!("{name} (none yet)") }),
        Err(why) => {
            let wanted = path.parent().unwrap_or(folder).display().to_string();
            let (folder, wanted) =
                (shown(&folder.display().to_string(), 200).into_owned(), shown(&wanted, 200).into_owned());
            Finding::ill(
                "ledger",
                format!("{name}: {folder} cannot be written to: {why}"),
                format!("sudo install -d -m 700 -o $(id -un) {wanted}, or name another: --set ledger.path=FILE"),
            )
        }
    }
}

/// The fleet's server, and what waits for it.
fn fleet(settings: &Settings) -> Vec<Finding> {
    if settings.fleet.url.is_none() {
        return Vec::new();
    }
    let mut findings = vec![fleet_server(settings)];
    findings.extend(settings.ledger_path().filter(|path| path.is_file()).map(|path| fleet_backlog(&path)));
    findings
}

/// Whoever asks a doctor does not wait for minutes.
const PATIENCE: Duration = Duration::from_secs(10);

fn fleet_server(settings: &Settings) -> Finding {
    const WHAT: &str = "fleet";
    let known = super::fleet::address(&settings.fleet, None).and_then(|address| {
        super::fleet::sensor(&settings.fleet)?;
        Ok(Server::with_patience(address, PATIENCE))
    });
    let server = match known {
        Ok(server) => server,
        Err(error) => return Finding::ill(WHAT, format!("{error:#}"), "correct the section [fleet] of the settings"),
    };
    match server.check().and_then(|()| server.release()) {
        Ok(release) => {
            let release = shown(&release, 40).into_owned();
            Finding::well(WHAT, format!("{} answers (ClickHouse {release}, schema {VERSION})", server.name()))
        }
        Err(error) => Finding::ill(
            WHAT,
            error.to_string(),
            match error {
                FleetError::Denied { .. } => "set fleet.user, and the password in fleet.password_file",
                FleetError::Schema { .. } => "nightaudit fleet init",
                FleetError::Newer { .. } => "a newer nightaudit on this sensor",
                FleetError::OldServer { .. } => "a newer server",
                _ => "start the server, or correct fleet.url; until then the ledger keeps what is due",
            },
        ),
    }
}

fn fleet_backlog(path: &Path) -> Finding {
    const WHAT: &str = "fleet backlog";
    let read = || Ok::<_, StoreError>((Store::read(path)?.unsent()?, Sending::of(path).unwrap_or_default()));
    let (unsent, sending) = match read() {
        Ok(read) => read,
        Err(error) => return Finding::ill(WHAT, error.to_string(), "see the finding on the ledger"),
    };
    let when = |seconds: Option<u64>| {
        let moment = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0));
        moment.map_or_else(|| "never".to_owned(), |moment| moment.format("%Y-%m-%d %H:%M UTC").to_string())
    };
    let is = format!("{unsent} minutes and facts wait; last confirmed {}", when(sending.confirmed));
    match &sending.error {
        None => Finding::well(WHAT, is),
        Some(error) => {
            let error = shown(error, 300);
            Finding::ill(
                WHAT,
                format!("{is}; failed {}: {error}", when(sending.failed)),
                "see the finding on the fleet",
            )
        }
    }
}

#[cfg(feature = "live")]
fn capture() -> Vec<Finding> {
    let mut findings = vec![right_to_capture()];
    findings.extend(interfaces());
    findings.push(landlock());
    findings
}

#[cfg(not(feature = "live"))]
fn capture() -> Vec<Finding> {
    vec![Finding::well("capture", "this build reads files only (no feature `live`)")]
}

/// Tries on the loopback interface, which is always there: libpcap, rights and namespaces all have a say.
#[cfg(feature = "live")]
fn right_to_capture() -> Finding {
    use crate::capture::{Live, LiveError, LiveOptions, list_interfaces};

    let found = list_interfaces().unwrap_or_default();
    let Some(loopback) = found.iter().find(|one| one.loopback).or(found.first()) else {
        return Finding::ill("capture", "no interface is seen", set_capability());
    };
    match Live::open(&LiveOptions::on(&loopback.name)) {
        Ok(_) => Finding::well("capture", format!("permitted (tried on {})", shown(&loopback.name, 64))),
        Err(LiveError::Forbidden { .. }) => Finding::ill("capture", "not permitted to this user", set_capability()),
        // Down, but it was opened far enough to know.
        Err(LiveError::Failed { why, .. }) if why.contains("not up") => {
            Finding::well("capture", format!("permitted ({why})"))
        }
        Err(error) => Finding::ill("capture", error.to_string(), "apt-get install libpcap0.8"),
    }
}

#[cfg(feature = "live")]
fn set_capability() -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "$(which nightaudit)".into(), |path| path.display().to_string());
    format!("sudo setcap cap_net_raw+ep {}", shown(&program, 400))
}

#[cfg(feature = "live")]
fn interfaces() -> Vec<Finding> {
    let describe = |interface: &crate::capture::Interface| {
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        let state = if interface.running { "up" } else { "down" };
        let name = shown(&interface.name, 64);
        Finding::well("interface", format!("{name} ({state}) {}", addresses.join(" ")).trim_end().to_owned())
    };
    match crate::capture::list_interfaces() {
        // libpcap offers a dozen devices that carry no network traffic.
        Ok(found) => found.iter().filter(|one| one.running || !one.addresses.is_empty()).map(describe).collect(),
        Err(error) => vec![Finding::ill("interfaces", error.to_string(), set_capability())],
    }
}

#[cfg(feature = "live")]
fn landlock() -> Finding {
    match crate::schedule::confine::landlock_version() {
        Some(version) => {
            Finding::well("confinement", format!("Landlock ABI {version}; the daemon writes to its own folders alone"))
        }
        None if cfg!(target_os = "linux") => Finding::well(
            "confinement",
            "no Landlock in this kernel (5.13 brings it; lsm=landlock,... at boot enables it); the daemon gives up its privileges all the same",
        ),
        None => Finding::well("confinement", "Linux only"),
    }
}
