//! Where packets come from: what was typed becomes open captures and the pipeline's options.

use std::{io::IsTerminal, sync::Arc, time::Instant};

#[cfg(feature = "live")]
use anyhow::Context;
use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};

use super::{args::InputArgs, settings::Settings};
use crate::{
    capture::{Captures, Opened, Progress},
    flow,
    identify::{AsnTable, Rules},
    pipeline::Options,
};

/// How long a reading takes before progress is worth showing.
const PATIENCE_MILLIS: u128 = 1_000;

/// The rules in force: the built-in ones, those in the settings' folders, and those in the folders given.
pub(super) fn rules(folders: &[std::path::PathBuf], settings: &Settings) -> anyhow::Result<Arc<Rules>> {
    Ok(Arc::new(Rules::load(&[&settings.rules[..], folders].concat())?))
}

/// The pipeline's options: the settings', with what was typed added or in their place.
pub(super) fn options(args: &InputArgs, settings: &Settings) -> anyhow::Result<Options> {
    let asn = args.asn.as_deref().or(settings.asn.as_deref()).map(AsnTable::load).transpose()?;
    let mut devices = settings.devices();
    devices.local.extend(&args.local);
    Ok(Options {
        rules: rules(&args.rules, settings)?,
        asn: asn.map(Arc::new),
        devices,
        flows: flow::Limits::default(),
    })
}

/// Opens the files. Fails only where none was named: what cannot be opened is reported beside the others.
pub(super) fn open(args: &InputArgs) -> anyhow::Result<Opened> {
    if args.files.is_empty() {
        bail!("no capture named; give one or more files, or - for standard input");
    }
    if args.files.iter().any(|file| file.as_os_str() == "-") && std::io::stdin().is_terminal() {
        bail!("standard input is a terminal; pipe a capture into it, such as: tcpdump -U -w - | nightaudit check -");
    }
    #[cfg(feature = "live")]
    if let Some(name) = args.listen.typed() {
        bail!(
            "{name} says how a wire is listened to, and captures are read whole: leave it out, or name an --interface"
        );
    }
    Ok(Captures::open(&args.files))
}

/// Listens until interrupted or terminated, or for the time asked for.
#[cfg(feature = "live")]
pub(super) fn listen(
    args: &InputArgs,
    settings: &Settings,
    options: &Options,
    judging: &crate::pipeline::Judging,
) -> anyhow::Result<crate::pipeline::Audit> {
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGINT, SIGTERM};

    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot listen for signals")?;
    }
    let sources = super::listen::ListenArgs::sources(&args.interface, &settings.capture)?;
    if std::io::stderr().is_terminal() {
        let names: Vec<_> = sources.iter().map(ToString::to_string).collect();
        super::complain(&format!("capturing on {}; Ctrl-C ends the capture and prints the audit", names.join(", ")));
    }
    let listening = args.listen.listening(sources, &settings.capture, crate::capture::Absent::Fails);
    Ok(crate::pipeline::listen(&listening, options, judging, args.listen.processes()?, &stop, args.duration)?)
}

/// A bar on standard error, on a terminal, once reading has taken a second.
pub(super) struct Bar {
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A bar that does not show yet.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), bar: None }
    }

    /// Shows how far the reading has come.
    pub(super) fn show(&mut self, progress: Progress) {
        if self.bar.is_none() && self.start.elapsed().as_millis() < PATIENCE_MILLIS {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| bar(progress.total));
        bar.set_position(progress.read);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Draws nothing where standard error is no terminal.
fn bar(total: Option<u64>) -> ProgressBar {
    let Some(total) = total else { return ProgressBar::new_spinner() };
    let bar = ProgressBar::new(total);
    match ProgressStyle::with_template("reading {bar:40} {bytes} of {total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
