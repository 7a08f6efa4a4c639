//! `nightaudit live`: the terminal UI over a live capture.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, bail};
use crossbeam_channel::unbounded;

use super::{
    Outcome, ledger,
    listen::ListenArgs,
    settings::Settings,
    view::{self, Behind, Look, ScreenArgs},
};
use crate::{
    base::Cidr,
    capture::Source,
    flow,
    identify::AsnTable,
    ledger::Store,
    pipeline::{
        Listener, Listening, Options, Snapshot,
        snapshot::{self, News, Stage},
    },
};

/// `nightaudit live`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  nightaudit live br-lan\n  \
  ssh router tcpdump -U -w - | nightaudit live -\n  \
  nightaudit live tcp-listen://0.0.0.0:5123")]
pub struct LiveArgs {
    /// An interface, `-` for a capture on standard input, a named pipe, tcp://, tcp-listen://, udp:// or http://;
    /// default the settings' `capture.interfaces`.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<Source>,

    /// On interfaces, capture only what this filter lets through (pcap-filter syntax).
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,

    /// The ledger to keep what is seen in; default the settings' `ledger.path`, else nightaudit/ledger.db in the XDG
    /// state folder.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,

    /// Keep nothing: what was seen is gone when the screen closes.
    #[arg(long, conflicts_with = "ledger")]
    pub no_ledger: bool,

    /// A folder of rule files that add to the built-in ones or replace those of the same id.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Addresses that are local: their hosts are the devices.
    #[arg(long, value_name = "CIDR")]
    pub local: Vec<Cidr>,

    /// An address table (iptoasn.com TSV, plain or gzip) for destinations that no rule knows.
    #[arg(long, value_name = "FILE")]
    pub asn: Option<PathBuf>,

    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

pub(super) fn run(args: &LiveArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let look = Look::of(&args.screen, settings)?;
    let judging = view::judging(&args.screen, settings);
    let options = options(args, settings)?;
    let behind = Behind { captures: None, asn: options.asn.clone() };
    let sources = ListenArgs::sources(&args.sources, &settings.capture)?;
    let listener = Listener::open(&listening(args, settings, &sources))?;
    let store = store(args, settings, &sources)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (send, news) = unbounded();
    let mut blank = Snapshot::blank(&judging);
    blank.stage = Stage::Live(snapshot::LiveStatus::default());
    let stopped = Arc::clone(&stop);
    let listening = thread::spawn(move || {
        let begin = Instant::now();
        let clock = || begin.elapsed();
        let mut tell = |heard: News| {
            if send.send(heard).is_err() {
                stopped.store(true, Ordering::Relaxed);
            }
        };
        snapshot::listen(listener, &options, &judging, store, &stopped, &clock, &mut tell)
    });
    look.show(blank, behind, Arc::clone(&stop), &news)?;
    stop.store(true, Ordering::Relaxed);
    drop(news);
    // Until the last minutes are in the ledger.
    match listening.join() {
        Ok(ended) => ended?,
        Err(_) => bail!("the capturing thread panicked; what was in the ledger by then is kept"),
    }
    Ok(Outcome::Quiet)
}

fn listening(args: &LiveArgs, settings: &Settings, sources: &[Source]) -> Listening {
    let mut listening = Listening::to(sources);
    listening.options.live.filter = args.filter.clone().unwrap_or_else(|| settings.capture.filter.clone());
    listening
}

fn options(args: &LiveArgs, settings: &Settings) -> anyhow::Result<Options> {
    let asn = args.asn.as_deref().or(settings.asn.as_deref()).map(AsnTable::load).transpose()?;
    let mut devices = settings.devices();
    devices.local.extend(&args.local);
    Ok(Options {
        rules: super::input::rules(&args.rules, settings)?,
        asn: asn.map(Arc::new),
        devices,
        flows: flow::Limits::default(),
    })
}

fn store(args: &LiveArgs, settings: &Settings, sources: &[Source]) -> anyhow::Result<Option<Store>> {
    if args.no_ledger {
        return Ok(None);
    }
    let store = ledger::open(&ledger::path(args.ledger.as_deref(), settings)?);
    let mut store = store.context("nothing could be kept; --no-ledger shows the screen all the same")?;
    store.capturing_at(ListenArgs::places(sources));
    Ok(Some(store))
}
