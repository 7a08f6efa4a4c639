//! Where packets come from: what was typed becomes open captures and the pipeline's options.

use std::{io::IsTerminal, sync::Arc, time::Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::InputArgs;
use crate::{
    capture::{Captures, Opened, Progress},
    flow,
    identify::{AsnTable, DeviceOptions, Rules},
    pipeline::Options,
};

/// How long a reading takes before progress is worth showing.
const PATIENCE_MILLIS: u128 = 1_000;

/// The rules in force: the built-in ones, and those in the folders given.
pub(super) fn rules(folders: &[std::path::PathBuf]) -> anyhow::Result<Arc<Rules>> {
    Ok(Arc::new(Rules::load(folders)?))
}

/// The pipeline's options.
pub(super) fn options(args: &InputArgs) -> anyhow::Result<Options> {
    let asn = args.asn.as_deref().map(AsnTable::load).transpose()?;
    Ok(Options {
        rules: rules(&args.rules)?,
        asn: asn.map(Arc::new),
        devices: DeviceOptions { local: args.local.clone(), ..DeviceOptions::default() },
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
    Ok(Captures::open(&args.files))
}

/// Captures from an interface until interrupted or terminated, or for the time asked for.
#[cfg(feature = "live")]
pub(super) fn listen(
    args: &InputArgs,
    interface: &str,
    options: &Options,
    judging: &crate::pipeline::Judging,
) -> anyhow::Result<crate::pipeline::Audit> {
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGINT, SIGTERM};

    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot listen for signals")?;
    }
    let live = crate::capture::LiveOptions {
        filter: args.filter.clone().unwrap_or_default(),
        ..crate::capture::LiveOptions::on(interface)
    };
    if std::io::stderr().is_terminal() {
        super::complain(&format!("capturing on {interface}; Ctrl-C ends the capture and prints the audit"));
    }
    Ok(crate::pipeline::listen(&live, options, judging, &stop, args.duration)?)
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

/// `key=value` settings as the TOML that a settings file would hold.
pub(super) fn settings(set: &[String]) -> anyhow::Result<toml::Table> {
    let mut table = toml::Table::new();
    for item in set {
        let Some((key, value)) = item.split_once('=') else {
            bail!("--set {item}: want KEY=VALUE, such as night.accident_rate=0.1");
        };
        let Some((section, key)) = key.trim().split_once('.') else {
            bail!("--set {item}: the key names no section, such as night.accident_rate");
        };
        if section != "night" {
            bail!("--set {item}: there is no section {section:?}; thresholds are in night");
        }
        let line = format!("value = {}", value.trim());
        let parsed: toml::Table = toml::from_str(&line)
            .or_else(|_| toml::from_str(&format!("value = {:?}", value.trim())))
            .with_context(|| format!("--set {item}: the value is no number, text or list"))?;
        if let Some(value) = parsed.get("value") {
            table.insert(key.trim().to_owned(), value.clone());
        }
    }
    Ok(table)
}
