//! `nightaudit view`: the terminal UI over captures, or over the ledger.

use std::{
    collections::BTreeMap,
    env, fs,
    io::IsTerminal,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, bail};
use chrono_tz::Tz;
use crossbeam_channel::{Receiver, unbounded};
use serde::{Deserialize, Deserializer};

use super::{Outcome, args::FileArgs, input, ledger, output, settings::Settings};
use crate::{
    base::one_or_several,
    identify::AsnTable,
    ledger::{Store, fleet::Ledgers},
    pipeline::{
        Judging, Options, Query, Snapshot,
        snapshot::{self, News, Stage},
    },
    report::{Glyphs, Redaction},
    tui::{self, Keys, Palette, Setup, Theme},
};

/// `nightaudit view`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  nightaudit view phone.pcap\n  \
  nightaudit view --theme light capture-*.pcap.gz\n  \
  nightaudit view --ledger phone.db\n\n\
Keys: 1 to 6 views, ? help with every key, / filter, space brush, enter deeper, esc back, e write a file, q quit.")]
pub struct ViewArgs {
    /// Which files are read; without any, the ledger is looked at.
    #[command(flatten)]
    pub input: FileArgs,

    /// The ledger to look at; default the settings' `ledger.path`, else nightaudit/ledger.db in the XDG state folder. A
    /// sensor's ledger on a fleet's server: `http://HOST:8123/DATABASE#SENSOR`.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub ledger: Option<PathBuf>,

    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// How the screen looks.
#[derive(Debug, clap::Args)]
pub struct ScreenArgs {
    /// Colours: dark, light, colour-blind or mono; default the settings' or dark, and mono where `NO_COLOR` is set.
    #[arg(long, value_name = "NAME", value_parser = palette)]
    pub theme: Option<Palette>,

    /// Draw with ASCII characters alone.
    #[arg(long)]
    pub ascii: bool,

    /// Hide device names from the beginning; `r` does it later.
    #[arg(long)]
    pub redact: bool,

    /// IANA time zone that times are shown in; default the system's.
    #[arg(long, value_name = "ZONE", env = "NIGHTAUDIT_TIMEZONE")]
    pub timezone: Option<Tz>,

    /// Skip the search for the smallest upload that would have been noticed.
    #[arg(long)]
    pub no_power: bool,
}

/// `[view]` of the settings: how the terminal screens look.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewSettings {
    /// Colours: dark, light, colour-blind or mono.
    #[serde(deserialize_with = "palette_setting")]
    pub theme: Option<Palette>,
    /// Draw with ASCII characters alone.
    pub ascii: bool,
    /// Keys by action, as the help page of the screen names them.
    pub keys: BTreeMap<String, KeyList>,
}

/// One key or several.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct KeyList(#[serde(deserialize_with = "one_or_several")] Vec<String>);

pub(super) fn run(args: &ViewArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let screen = Look::of(&args.screen, settings)?;
    let judging = judging(&args.screen, settings);
    if args.input.files.is_empty() {
        return recall(args, settings, &judging, screen);
    }
    let input = args.input.input();
    let options = input::options(&input, settings)?;
    let asn = options.asn.clone();
    let opened = input::open(&input)?;
    if !opened.failed.is_empty() && opened.failed.len() >= args.input.files.len() {
        for failure in &opened.failed {
            super::complain(&failure.to_string());
        }
        return Ok(Outcome::Failed);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let news = read(opened, options, judging.clone(), Arc::clone(&stop));
    let behind = Behind { captures: readable_again(&args.input.files), asn };
    screen.show(Snapshot::blank(&judging), behind, stop, &news)?;
    Ok(Outcome::Quiet)
}

/// The files, unless one of them can be read only once.
fn readable_again(files: &[PathBuf]) -> Option<Arc<[PathBuf]>> {
    let regular = |file: &PathBuf| fs::metadata(file).is_ok_and(|data| data.is_file());
    files.iter().all(regular).then(|| files.into())
}

/// Shows the ledger as it is now.
fn recall(args: &ViewArgs, settings: &Settings, judging: &Judging, screen: Look) -> anyhow::Result<Outcome> {
    let rules = input::rules(&args.input.rules, settings)?;
    if let Some(url) = ledger::address(args.ledger.as_deref()) {
        let (server, sensor) = super::fleet::remote(url, settings)?;
        return show_recalled(judging, screen, move |judging| {
            let ledger = Ledgers::on(&server).sensor(&sensor);
            Ok(Snapshot::recalled_from(&ledger, &Query::default(), &rules, judging)?)
        });
    }
    let store = Store::read(&ledger::path(args.ledger.as_deref(), settings)?)
        .context("no capture named, and the ledger cannot be read")?;
    show_recalled(judging, screen, move |judging| Ok(Snapshot::recalled(&store, &Query::default(), &rules, judging)?))
}

/// Shows what `recall` reads in a thread of its own.
fn show_recalled(
    judging: &Judging,
    screen: Look,
    recall: impl FnOnce(&Judging) -> anyhow::Result<Snapshot> + Send + 'static,
) -> anyhow::Result<Outcome> {
    let judging = judging.clone();
    let (send, news) = unbounded();
    let blank = Snapshot::blank(&judging);
    thread::spawn(move || match recall(&judging) {
        Ok(snapshot) => drop(send.send(News::Snapshot(Arc::new(snapshot)))),
        Err(error) => {
            let mut failed = Snapshot::blank(&judging);
            (failed.number, failed.stage) = (1, Stage::Complete);
            failed.audit.failed.push(error.to_string());
            drop(send.send(News::Snapshot(Arc::new(failed))));
        }
    });
    screen.show(blank, Behind::default(), Arc::default(), &news)?;
    Ok(Outcome::Quiet)
}

/// What is done with what was read.
pub(super) fn judging(args: &ScreenArgs, settings: &Settings) -> Judging {
    let mut judging = settings.judging(args.timezone);
    judging.night.power &= !args.no_power;
    judging
}

/// Reads in a thread of its own, and tells of it.
fn read(opened: crate::capture::Opened, options: Options, judging: Judging, stop: Arc<AtomicBool>) -> Receiver<News> {
    let (send, news) = unbounded();
    thread::spawn(move || {
        let begin = Instant::now();
        let clock = || begin.elapsed();
        let mut tell = |heard| {
            if send.send(heard).is_err() {
                stop.store(true, Ordering::Relaxed);
            }
        };
        snapshot::read(opened, &options, &judging, &stop, &clock, &mut tell);
    });
    news
}

/// What lies behind the snapshots, to be asked when somebody wants to know more.
#[derive(Default)]
pub(super) struct Behind {
    /// The captures that packets can be picked from again.
    pub(super) captures: Option<Arc<[PathBuf]>>,
    /// Who announces which address.
    pub(super) asn: Option<Arc<AsnTable>>,
}

/// A terminal that can show a screen, and how it is to look.
pub(super) struct Look {
    theme: Theme,
    keys: Keys,
    redaction: Redaction,
}

impl Look {
    pub(super) fn of(args: &ScreenArgs, settings: &Settings) -> anyhow::Result<Self> {
        if !std::io::stdout().is_terminal() {
            bail!("the screen needs a terminal to draw on; for a pipe or a file there is: nightaudit check");
        }
        if output::is_dumb() {
            bail!("TERM=dumb cannot draw a screen; set TERM to what the terminal is, or use: nightaudit check");
        }
        let view = &settings.view;
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let palette = args.theme.or(if plain { Some(Palette::Mono) } else { view.theme }).unwrap_or_default();
        let ascii = args.ascii || view.ascii || !output::speaks_unicode();
        let keys = view.keys.iter().map(|(action, keys)| (action.clone(), keys.0.clone())).collect();
        Ok(Self {
            theme: Theme { palette, glyphs: if ascii { Glyphs::Ascii } else { Glyphs::Unicode } },
            keys: Keys::with(&keys)?,
            redaction: if args.redact { output::new_redaction()? } else { Redaction::Off },
        })
    }

    /// Shows the screen until it is closed.
    pub(super) fn show(
        self,
        first: Snapshot,
        behind: Behind,
        stop: Arc<AtomicBool>,
        news: &Receiver<News>,
    ) -> anyhow::Result<()> {
        let (Self { theme, keys, redaction }, Behind { captures, asn }) = (self, behind);
        let load_redaction = Box::new(|| output::new_redaction().map_err(|error| format!("{error:#}")));
        let setup = Setup { snapshot: Arc::new(first), theme, keys, redaction, stop, captures, asn, load_redaction };
        tui::run(setup, news).context("the terminal cannot be drawn on")
    }
}

fn palette(name: &str) -> Result<Palette, String> {
    let known = || Palette::ALL.map(Palette::name).join(", ");
    Palette::named(name).ok_or_else(|| format!("there is no theme {name:?}; there are {}", known()))
}

fn palette_setting<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Palette>, D::Error> {
    let name = String::deserialize(from)?;
    palette(&name).map(Some).map_err(serde::de::Error::custom)
}
