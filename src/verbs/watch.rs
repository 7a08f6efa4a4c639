//! `nightaudit watch`: the daemon.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::Context;
use crossbeam_channel::{Sender, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tracing::{Level, error, info, warn};

use super::{Outcome, args::SettingsArgs, input, ledger, listen::ListenArgs, schedule, settings::Settings};
use crate::{
    base::Stamp,
    capture::{Absent, Moment, Source},
    identify::AsnTable,
    ledger::RunRecord,
    pipeline::{Auditor, Listener, Options, SourceState, SourceStatus},
    schedule::{
        Bookkeeper, Clerk, Daemon, Errands, Happened, Reloaded, Said,
        confine::{Needs, confine},
        journal,
    },
};

/// `nightaudit watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Signals: SIGHUP reads the settings again (schedules, notices, thresholds, retention), SIGTERM and SIGINT flush and end.
Log lines go to standard error; NIGHTAUDIT_LOG=debug says more. docs/daemon.md shows how it runs under systemd.")]
pub struct WatchArgs {
    /// Interfaces and streams to watch, instead of [capture] interfaces in the settings: names of interfaces, - for
    /// standard input, tcp://HOST:PORT, tcp-listen://ADDRESS:PORT, udp-listen://ADDRESS:PORT, http://HOST:PORT/PATH.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<Source>,

    /// The ledger, instead of [ledger] path in the settings.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,

    /// Keep every right: for a notify command that writes elsewhere, or a mail program that changes its user.
    #[arg(long)]
    pub no_confine: bool,

    /// How they are listened to.
    #[command(flatten)]
    pub listen: ListenArgs,
}

pub(super) fn run(args: &WatchArgs, from: &SettingsArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    journal::begin();
    let sources = ListenArgs::sources(&args.sources, &settings.capture)?;
    let listen = args.listen.or(&settings.capture);
    let path = ledger::path(args.ledger.as_deref(), settings)?;
    let options = options(settings)?;
    make_folders(&path, settings)?;
    let mut bookkeeper = Bookkeeper::open(&path, ListenArgs::places(&sources), settings.ledger.keep_minutes_days)?;
    if !bookkeeper.is_open() {
        error!(
            "{}: the disk does not take the ledger; what is captured is kept in memory until it does",
            path.display()
        );
    }
    if let Some(courier) = super::fleet::courier(settings)? {
        bookkeeper.send_with(courier)?;
    } else {
        bookkeeper.send_nothing()?;
    }
    let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for (signal, flag) in [(SIGTERM, &stop), (SIGINT, &stop), (SIGHUP, &reload)] {
        signal_hook::flag::register(signal, Arc::clone(flag)).context("cannot listen for signals")?;
    }
    let listening = listen.listening(sources.clone(), &settings.capture, Absent::Waits);
    let listener = Listener::open(&listening)?;
    let mut processes = Ok(None);
    let mut start = || processes = listen.processes();
    if args.no_confine {
        start();
    } else {
        give_up_rights(&needs(&listen, settings, &path, &sources), start);
    }
    // From here on there may be more threads.
    let mut auditor = Auditor::new(&options);
    if let Some(processes) = processes? {
        auditor.ask(processes);
    }
    let (keep, said) = unbounded();
    let errands: Box<dyn Errands> = if bookkeeper.is_open() {
        errands(settings, &path, &keep)?
    } else {
        Box::new(Later { settings: settings.clone(), path: path.clone(), keep: keep.clone(), office: None })
    };
    let daemon = Daemon { listener, auditor, bookkeeper, errands, said, stop, reload };
    let ended = daemon.run(|| reread(from, settings, &path, &keep))?;
    let failed = |source: &SourceStatus| matches!(source.state, SourceState::Over(Some(_)));
    Ok(if ended.unwritten > 0 || ended.status.sources.iter().any(failed) { Outcome::Failed } else { Outcome::Quiet })
}

fn options(settings: &Settings) -> anyhow::Result<Options> {
    let asn = settings.asn.as_deref().map(AsnTable::load).transpose()?;
    Ok(Options {
        rules: input::rules(&[], settings)?,
        asn: asn.map(Arc::new),
        devices: settings.devices(),
        flows: crate::flow::Limits::default(),
    })
}

/// Makes every folder that is written to while that is still permitted.
fn make_folders(path: &Path, settings: &Settings) -> anyhow::Result<()> {
    let ledger = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let plans = schedule::plans(settings, path);
    for folder in ledger.into_iter().chain(plans.iter().map(|plan| &*plan.folder)) {
        ledger::private_folder(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    Ok(())
}

/// What the daemon still needs once everything is open.
fn needs(listen: &ListenArgs, settings: &Settings, ledger: &Path, sources: &[Source]) -> Needs {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parent = |path: &Path| absolute(path).parent().map(Path::to_owned);
    let mut write: Vec<PathBuf> = parent(ledger).into_iter().collect();
    write.extend(super::settings::state_folder().filter(|folder| folder.is_dir()));
    write.extend(schedule::plans(settings, ledger).iter().map(|plan| absolute(&plan.folder)));
    write.extend(listen.save.as_deref().map(absolute));
    // SQLite sorts what is too large for memory there.
    write.extend(["/var/tmp".into(), std::env::temp_dir()]);
    write.sort();
    write.dedup();
    let mut read: Vec<PathBuf> = settings.file.as_deref().and_then(parent).into_iter().collect();
    read.extend(settings.rules.iter().map(|folder| absolute(folder)));
    read.extend(settings.asn.as_deref().map(absolute));
    read.extend(settings.notify.secret_file.as_deref().map(absolute));
    read.extend(
        [&settings.fleet.password_file, &settings.fleet.key_file].into_iter().flatten().map(|path| absolute(path)),
    );
    read.extend(sources.iter().filter_map(|source| match source {
        Source::Path(path) => parent(path),
        _ => None,
    }));
    let capabilities = if listen.processes { vec!["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] } else { Vec::new() };
    Needs { write, read, ports: ports(settings, sources), capabilities }
}

/// The ports that are connected to; `None` where programs are run, whose ports nobody knows.
fn ports(settings: &Settings, sources: &[Source]) -> Option<Vec<u16>> {
    if !settings.notify.command.is_empty() || !settings.notify.mail.is_empty() {
        return None;
    }
    let port = |authority: &str| authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let mut ports: Vec<u16> = sources
        .iter()
        .filter_map(|source| match source {
            Source::Connect(authority) | Source::Fetch { authority, .. } => port(authority),
            _ => None,
        })
        .collect();
    for url in settings.notify.webhook.iter().chain(&settings.fleet.url) {
        let usual = if url.starts_with("http://") { 80 } else { 443 };
        let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        ports.push(port(authority).unwrap_or(usual));
    }
    if !ports.is_empty() {
        // Long answers of a resolver come over TCP.
        ports.push(53);
    }
    Some(ports)
}

fn give_up_rights(needs: &Needs, start: impl FnOnce()) {
    let mut confined = confine(needs, start);
    if !needs.capabilities.is_empty() {
        confined.kept.push("Landlock, by the one thread that reads /proc: Landlock would hide other processes".into());
    }
    for what in confined.given_up {
        info!("given up: {what}");
    }
    for what in confined.kept {
        warn!("not given up: {what}");
    }
}

/// What is done beside capturing: reports when they are due, and notices.
fn errands(settings: &Settings, path: &Path, keep: &Sender<RunRecord>) -> anyhow::Result<Box<dyn Errands>> {
    let clerk = schedule::clerk(settings, path, Moment::now().wall)?;
    Ok(Box::new(Office { clerk, ledger: schedule::FromLedger::at(path, settings, keep.clone())? }))
}

/// Errands that cannot be run yet: what they keep beside the ledger lies on a disk that takes nothing.
struct Later {
    settings: Settings,
    path: PathBuf,
    keep: Sender<RunRecord>,
    office: Option<Box<dyn Errands>>,
}

impl Errands for Later {
    fn tick(&mut self, now: Stamp) -> Vec<Said> {
        if self.office.is_none() {
            self.office = errands(&self.settings, &self.path, &self.keep).ok();
        }
        self.office.as_mut().map(|office| office.tick(now)).unwrap_or_default()
    }
}

/// A clerk, and the ledger that audits are drawn from.
struct Office {
    clerk: Clerk,
    ledger: schedule::FromLedger,
}

impl Errands for Office {
    fn tick(&mut self, now: Stamp) -> Vec<Said> {
        self.clerk.tick(now, &self.ledger).iter().map(said).collect()
    }
}

fn said(happened: &Happened) -> Said {
    let (level, line) = match happened {
        Happened::Reported(report) => {
            let files: Vec<_> = report.files.iter().map(|path| path.display().to_string()).collect();
            (Level::INFO, format!("schedule {:?}: wrote {}", report.plan, files.join(", ")))
        }
        Happened::Failed(error) => (Level::ERROR, error.to_string()),
        Happened::Unkept(error) => (Level::ERROR, error.to_string()),
        Happened::Told(delivered) => (Level::INFO, delivered.to_string()),
    };
    Said { level, line }
}

/// What settings that were read again change, and what they cannot.
fn reread(from: &SettingsArgs, before: &Settings, path: &Path, keep: &Sender<RunRecord>) -> Result<Reloaded, String> {
    let settings = Settings::load(from).map_err(|trouble| trouble.to_string())?;
    let mut waits = Vec::new();
    let mut waiting = |changed: bool, what: &str| {
        if changed {
            waits.push(what.to_owned());
        }
    };
    waiting(settings.capture != before.capture, "[capture]");
    waiting(settings.ledger.path != before.ledger.path, "[ledger] path");
    waiting(settings.rules != before.rules, "rules");
    waiting(settings.device != before.device || settings.local != before.local, "[[device]] and local");
    waiting(settings.asn != before.asn, "asn");
    waiting(settings.fleet != before.fleet, "[fleet]");
    let errands = errands(&settings, path, keep).map_err(|error| format!("{error:#}"))?;
    Ok(Reloaded { errands, keep_minutes_days: settings.ledger.keep_minutes_days, waits })
}
