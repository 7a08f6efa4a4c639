//! How a wire or a stream is listened to: what `check`, the screen and the daemon ask alike.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, bail};

use super::{args::parse_duration, settings};
use crate::{
    capture::{Absent, LiveOptions, SaveOptions, Source, SourceOptions},
    ledger::Source as Place,
    pipeline::{Listening, Processes},
};

/// How packets are captured.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Live capture")]
pub struct ListenArgs {
    /// Capture only what this filter lets through (pcap-filter syntax).
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,

    /// Size of the kernel's buffer for each interface, in MiB; default the settings', else 32, which ride out a busy
    /// second. Packets lie in it by their own lengths: the snap length does not change how many fit.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=2_047))]
    pub buffer: Option<u32>,

    /// Most bytes kept of a packet. The default keeps everything: receive offload hands several segments over as one
    /// of up to 65,535 bytes and more, and a handshake with post-quantum keys lies across segments. Cutting saves no
    /// memory here, and loses names.
    #[arg(long, value_name = "BYTES", default_value_t = LiveOptions::WHOLE, value_parser = clap::value_parser!(u32).range(128..=262_144))]
    pub snap_length: u32,

    /// Name local sockets by the process that holds them (Linux). Other users' processes show only to root.
    #[arg(long)]
    pub processes: bool,

    /// Keep the packets as well, in this folder: pcapng files that only you can read, the oldest removed in time.
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,

    /// With --save: begin another file after so many megabytes.
    #[arg(long, value_name = "MB", default_value_t = 100, requires = "save", value_parser = clap::value_parser!(u64).range(1..))]
    pub save_file_mb: u64,

    /// With --save: begin another file after this long, such as 15m or 1d.
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "save", value_parser = parse_duration)]
    pub save_file_age: Duration,

    /// With --save: megabytes that all files may take together.
    #[arg(long, value_name = "MB", default_value_t = 10_000, requires = "save", value_parser = clap::value_parser!(u64).range(1..))]
    pub save_total_mb: u64,

    /// With --save: files that there may be.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, requires = "save", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_files: u32,

    /// With --save: compress with zstd.
    #[arg(long, requires = "save")]
    pub save_zstd: bool,
}

impl ListenArgs {
    /// What was typed that only says how a wire is listened to.
    pub(super) fn typed(&self) -> Option<&'static str> {
        let typed = [
            (self.filter.is_some(), "--filter"),
            (self.buffer.is_some(), "--buffer"),
            (self.processes, "--processes"),
            (self.save.is_some(), "--save"),
        ];
        typed.into_iter().find_map(|(is_typed, name)| is_typed.then_some(name))
    }

    /// As typed; where nothing was, what the settings say of processes and of keeping packets.
    #[must_use]
    pub(super) fn or(&self, settings: &settings::Capture) -> Self {
        let mut args = self.clone();
        args.processes |= settings.processes;
        if args.save.is_none() && settings.save.is_some() {
            args.save.clone_from(&settings.save);
            args.save_total_mb = settings.save_total_mb.into();
            args.save_zstd = settings.save_zstd;
        }
        args
    }

    /// What to listen to: the sources typed, else the settings'.
    pub(super) fn sources(typed: &[Source], settings: &settings::Capture) -> anyhow::Result<Vec<Source>> {
        let named = |name: &String| name.parse().with_context(|| format!("capture.interfaces: {name}"));
        let sources: Vec<Source> = if typed.is_empty() {
            settings.interfaces.iter().map(named).collect::<Result<_, _>>()?
        } else {
            typed.to_vec()
        };
        if sources.is_empty() {
            bail!(
                "nothing to listen to: name an interface or a stream, or set interfaces in [capture] of nightaudit.toml"
            );
        }
        let twice = sources.iter().enumerate().find(|(at, source)| sources[..*at].contains(source));
        if let Some((_, source)) = twice {
            bail!("{source} is named twice; its packets would count twice");
        }
        Ok(sources)
    }

    /// Where the ledger says that packets of `sources` were captured.
    pub(super) fn places(sources: &[Source]) -> Vec<Place> {
        let sensor = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        sources.iter().map(|source| Place { sensor: sensor.clone(), interface: source.to_string() }).collect()
    }

    /// How to listen to `sources`.
    pub(super) fn listening(&self, sources: Vec<Source>, settings: &settings::Capture, absent: Absent) -> Listening {
        let live = LiveOptions {
            filter: self.filter.clone().unwrap_or_else(|| settings.filter.clone()),
            buffer: self.buffer.unwrap_or(settings.buffer_mib).saturating_mul(1 << 20),
            snap_length: self.snap_length,
            ..LiveOptions::on("")
        };
        Listening { sources, options: SourceOptions { live, absent }, save: self.save() }
    }

    fn save(&self) -> Option<SaveOptions> {
        const MB: u64 = 1_000_000;
        let folder = self.save.clone()?;
        Some(SaveOptions {
            folder,
            file_bytes: self.save_file_mb.saturating_mul(MB),
            file_age: self.save_file_age,
            most_bytes: self.save_total_mb.saturating_mul(MB),
            most_files: self.save_files.try_into().unwrap_or(usize::MAX),
            compress: self.save_zstd,
        })
    }

    /// The processes of this machine, where they are asked for. It starts a thread: privileges are given up before.
    pub(super) fn processes(&self) -> anyhow::Result<Option<Processes>> {
        if !self.processes {
            return Ok(None);
        }
        Processes::watch().map(Some).context("--processes: the tables under /proc cannot be read")
    }
}
