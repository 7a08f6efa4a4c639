//! Files that a view is written to: new ones, for their owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use super::{
    event::{Evidence, Export, ExportFormat, Remark},
    model::View,
};
use crate::{
    capture::{Captures, Frame, PcapngWriter, Progress},
    pipeline::{Audit, Picked},
    report::{self, Redaction, plural},
};

/// How many names are tried before giving up.
const MOST_NAMES: u32 = 1_000;

/// Writes `export` to a new file in `folder`; returns its path.
pub(crate) fn write(export: &Export, folder: &Path) -> io::Result<PathBuf> {
    let (stem, extension) = (stem(export), extension(export));
    let (path, file) = create(folder, stem, extension)?;
    let mut out = BufWriter::new(file);
    content(export, &mut out)?;
    out.flush()?;
    Ok(path)
}

const fn stem(export: &Export) -> &'static str {
    match export.view {
        View::Flows => "nightaudit-flows",
        View::Destinations => "nightaudit-destinations",
        View::Nights | View::Traffic => "nightaudit-nights",
        View::Finding => "nightaudit-finding",
        View::Overview | View::Help => "nightaudit-report",
    }
}

const fn extension(export: &Export) -> &'static str {
    match (export.format, export.view) {
        (ExportFormat::Html, _) => "html",
        (ExportFormat::Json, View::Flows | View::Destinations | View::Nights | View::Traffic) => "jsonl",
        (ExportFormat::Json, _) => "json",
        (ExportFormat::Csv, _) => "csv",
    }
}

/// Frames are kept as they were captured.
const SNAP_LEN: u32 = 262_144;
/// Between two words on how far it is.
const A_WORD: u8 = 10;

/// Reads the captures again and writes the packets that are asked for to a new file in `folder`. `tell` hears how far it
/// is; when `stop` is set, or where there is no such packet, no file is left.
pub(crate) fn write_evidence(
    evidence: &Evidence,
    folder: &Path,
    stop: &AtomicBool,
    tell: impl FnMut(Remark),
) -> Remark {
    let (path, file) = match create(folder, "nightaudit-evidence", "pcapng") {
        Ok(made) => made,
        Err(error) => return Remark::Failed(format!("cannot write a file here: {error}")),
    };
    let picked = pick(evidence, file, stop, tell);
    let why = match picked {
        Ok(picked) if picked.packets > 0 && !stop.load(Ordering::Relaxed) => {
            let many = plural(picked.packets, "packet", "packets");
            let missing = if evidence.left_out + picked.fragments > 0 { ", not all" } else { "" };
            return Remark::Done(format!("wrote {} with {many}{missing}", path.display()));
        }
        Ok(_) => "no packet of it was found in the captures".to_owned(),
        Err(error) => format!("cannot write {}: {error}", path.display()),
    };
    // It is ours, and of no use to anybody.
    let _ = fs::remove_file(&path);
    Remark::Failed(why)
}

fn pick(evidence: &Evidence, file: File, stop: &AtomicBool, mut tell: impl FnMut(Remark)) -> io::Result<Picked> {
    let mut writer = PcapngWriter::new(BufWriter::new(file), SNAP_LEN)?;
    let mut captures = Captures::open(&evidence.captures).captures;
    let mut told = 0;
    let goes_on = |at: Progress| {
        let percent =
            at.total.filter(|total| *total > 0).map_or(0, |total| u128::from(at.read) * 100 / u128::from(total));
        let percent = u8::try_from(percent.min(100)).unwrap_or(100);
        if percent >= told + A_WORD {
            told = percent;
            tell(Remark::Done(format!("picking packets: {percent} %")));
        }
        !stop.load(Ordering::Relaxed)
    };
    let keep = |frame: &Frame<'_>, said: &str| writer.write(frame, Some(said));
    let picked = evidence.trail.pick_while(&mut captures, &evidence.judging, keep, goes_on)?;
    writer.finish()?;
    Ok(picked)
}

/// A file that was not there before, so that nothing is ever written over.
fn create(folder: &Path, stem: &str, extension: &str) -> io::Result<(PathBuf, File)> {
    for n in 1..=MOST_NAMES {
        let name = if n == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{n}.{extension}") };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{MOST_NAMES} files named {stem} are there already")))
}

fn content(export: &Export, out: &mut dyn Write) -> io::Result<()> {
    let redaction = &export.redaction;
    match (export.format, export.view) {
        (ExportFormat::Html, _) => out.write_all(report::html(&audit(export), redaction).as_bytes()),
        (ExportFormat::Json, View::Flows) => flows(export, |row| report::flows_jsonl(row, redaction, out)),
        (ExportFormat::Csv, View::Flows) => {
            report::flows_csv_header(out)?;
            flows(export, |row| report::flows_csv(row, redaction, out))
        }
        (ExportFormat::Json, View::Destinations | View::Nights | View::Traffic) => {
            export.rows.iter().try_for_each(|row| writeln!(out, "{row}"))
        }
        (ExportFormat::Csv, View::Destinations | View::Nights | View::Traffic) => table(&export.rows, out),
        (ExportFormat::Json, _) => {
            out.write_all(report::json_text(&report::json(&audit(export), redaction)).as_bytes())
        }
        (ExportFormat::Csv, _) => report::nights_csv(&audit(export), redaction, out),
    }
}

/// The whole audit, or what is chosen of it.
fn audit(export: &Export) -> Audit {
    let audit = &export.snapshot.audit;
    match (export.view, export.scope) {
        (View::Overview | View::Help, _) | (_, None) => audit.clone(),
        (_, Some((device, subject))) => report::only(audit, device, subject),
    }
}

fn flows(export: &Export, mut write: impl FnMut(&crate::pipeline::FlowRow) -> io::Result<()>) -> io::Result<()> {
    let rows = export.flows.iter().filter_map(|n| export.snapshot.flow(*n as usize));
    rows.map(|row| &**row).try_for_each(&mut write)
}

/// Rows of like fields as a spreadsheet.
fn table(rows: &[Value], out: &mut dyn Write) -> io::Result<()> {
    let Some(Value::Object(first)) = rows.first() else { return Ok(()) };
    let headings: Vec<&str> = first.keys().map(String::as_str).collect();
    let rows =
        rows.iter().map(|row| headings.iter().map(|heading| row.get(heading).cloned().unwrap_or_default()).collect());
    report::table_csv(&headings, rows, out)
}

/// Whether names in an export are hidden.
pub(crate) const fn is_redacted(export: &Export) -> bool {
    matches!(export.redaction, Redaction::On(_))
}
