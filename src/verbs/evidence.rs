//! `nightaudit evidence`: the packets behind a finding.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::{
    Outcome,
    args::InputArgs,
    input::{self, Bar},
    output::private_file,
    settings::Settings,
};
use crate::{
    base::text::shown,
    capture::{Captures, PcapngWriter},
    pipeline::{self, Judging, Wanted},
};

/// `nightaudit evidence`.
#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// The subject, by name or id, as a report has it: WhatsApp, telegram, unattributed, example.com.
    #[arg(value_name = "SUBJECT")]
    pub subject: String,

    /// The night, by the local date on which it begins, as in reports: 2026-06-02.
    #[arg(value_name = "NIGHT")]
    pub night: NaiveDate,

    /// Where packets come from.
    #[command(flatten)]
    pub input: InputArgs,

    /// The capture to write (pcapng): each packet with a comment that names subject and minute.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// The device, by id or label, where several have the subject.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// IANA time zone that dates are meant in; default the system's.
    #[arg(long, value_name = "ZONE", env = "NIGHTAUDIT_TIMEZONE")]
    pub timezone: Option<Tz>,
}

/// Frames are kept as they were captured.
const SNAP_LEN: u32 = 262_144;

pub(super) fn run(args: &EvidenceArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let files = &args.input.files;
    if files.iter().any(|file| file.as_os_str() == "-") {
        bail!("evidence is picked in a second reading, and standard input can be read once; name a file");
    }
    if files.iter().any(|file| same(file, &args.output)) {
        bail!("{} would be written over while it is read; choose another name", args.output.display());
    }
    let options = input::options(&args.input, settings)?;
    let mut judging = settings.judging(args.timezone);
    judging.night.power = false;
    let wanted = Wanted { subject: args.subject.clone(), night: args.night, device: args.device.clone() };
    let opened = input::open(&args.input)?;
    for failure in &opened.failed {
        super::complain(&failure.to_string());
    }
    if !opened.logs.is_empty() {
        super::complain("logs hold no packets; only captures are searched for evidence");
    }
    let some_failed = !opened.failed.is_empty();
    let mut bar = Bar::new();
    let trail = pipeline::trace(opened, &options, &judging, &wanted, |progress| bar.show(progress))?;
    let picked = write(args, &trail, &judging, &mut bar)?;
    drop(bar);
    report(args, &trail, picked);
    if picked.packets == 0 {
        bail!(
            "{} sent and received nothing in that night; {} holds no packet",
            shown(&trail.subject, 64),
            args.output.display()
        );
    }
    Ok(if some_failed { Outcome::Failed } else { Outcome::Quiet })
}

fn write(
    args: &EvidenceArgs,
    trail: &pipeline::Trail,
    judging: &Judging,
    bar: &mut Bar,
) -> anyhow::Result<pipeline::Picked> {
    let failed = || format!("cannot write {}", args.output.display());
    let file = std::io::BufWriter::new(private_file(&args.output)?);
    let mut writer = PcapngWriter::new(file, SNAP_LEN).with_context(failed)?;
    let mut captures = Captures::open(&args.input.files).captures;
    let picked = trail
        .pick(&mut captures, judging, |frame, said| writer.write(frame, Some(said)), |progress| bar.show(progress))
        .with_context(failed)?;
    writer.finish().with_context(failed)?;
    Ok(picked)
}

fn report(args: &EvidenceArgs, trail: &pipeline::Trail, picked: pipeline::Picked) {
    let night = trail.finding.nights.iter().find(|night| night.start == trail.night.first);
    let up = night.map(|night| night.unattended_raw_up).unwrap_or_default();
    super::complain(&format!(
        "{} packets of {} in the night of {} ({up} up while nobody used it) are in {}",
        picked.packets,
        shown(&trail.subject, 64),
        args.night,
        shown(&args.output.display().to_string(), 400)
    ));
    if picked.fragments > 0 {
        super::complain(&format!(
            "{} fragments were left out: too many datagrams were in pieces at once to tell whose they are",
            picked.fragments
        ));
    }
    if trail.left_out > 0 {
        super::complain(&format!("{} flows were too many to keep in mind and were not searched", trail.left_out));
    }
}

/// Whether two paths lead to one file.
fn same(a: &PathBuf, b: &PathBuf) -> bool {
    let real = |path| fs::canonicalize(path).ok();
    real(a).is_some_and(|a| Some(a) == real(b))
}
