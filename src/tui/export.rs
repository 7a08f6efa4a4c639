//! Files that a view is written to: new ones, for their owner alone.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    event::{Export, ExportFormat},
    model::View,
};
use crate::{
    pipeline::Audit,
    report::{self, Redaction},
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
