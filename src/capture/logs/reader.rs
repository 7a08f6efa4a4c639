//! One log that is being read: lines in, entries out.

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    BadRow, Entry, LogProblem, LogReport,
    fields::BadField,
    lines::{Line, Lines},
    pcapdroid::{self, Columns},
    tsv::Header,
    zeek::{self, Kind},
};
use crate::{
    base::Stamp,
    capture::{
        CaptureError,
        error::Problem,
        feed::Codec,
        input::{hex, reading_failed},
        window::Window,
    },
};

/// How a log is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum LogFormat {
    /// Zeek's own.
    Tsv,
    /// A JSON object a line.
    Json,
    /// PCAPdroid's CSV.
    Csv,
}

impl LogFormat {
    /// What `head`, the front of a text, announces; `None` where it is no log.
    pub(in crate::capture) fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"#separator ") {
            return Some(Self::Tsv);
        }
        if pcapdroid::is_export(head) {
            return Some(Self::Csv);
        }
        let text = String::from_utf8_lossy(head);
        let says = |mark: &&str| text.contains(*mark);
        (text.trim_start().starts_with('{') && JSON_MARKS.iter().any(says)).then_some(Self::Json)
    }
}

/// What the first object of a Zeek log in JSON holds near its front.
const JSON_MARKS: [&str; 4] = ["\"id.orig_h\"", "\"id_orig_h\"", "\"orig_h\"", "\"_path\""];

/// A log with the entry that comes next.
pub(in crate::capture) struct LogReader {
    lines: Lines,
    codec: Codec,
    format: Format,
    report: LogReport,
    /// The latest moment of writing so far: rows of one log are written in order.
    written: Stamp,
    over: bool,
}

enum Format {
    Tsv(Header, Kind),
    Json,
    Csv(Option<Columns>),
}

/// What came of one line.
enum Row {
    Told(Entry, Kind),
    Needless(Kind),
    Nothing,
}

impl LogReader {
    pub(in crate::capture) fn new(path: &Path, window: Window, codec: Codec, format: LogFormat) -> Self {
        Self {
            lines: Lines::new(window),
            codec,
            format: match format {
                LogFormat::Tsv => Format::Tsv(Header::default(), Kind::Other),
                LogFormat::Json => Format::Json,
                LogFormat::Csv => Format::Csv(None),
            },
            report: LogReport { path: PathBuf::from(path), ..LogReport::default() },
            written: Stamp::default(),
            over: false,
        }
    }

    /// The next entry, with when it was written at the earliest and whether it will be told again; `None` after the
    /// last.
    pub(super) fn advance(&mut self) -> Option<(Stamp, Entry, Again)> {
        while !self.over {
            match self.lines.advance() {
                Ok(Some(line)) => match self.read(line) {
                    Ok(Row::Told(entry, kind)) => return Some(self.told(entry, kind)),
                    Ok(Row::Needless(kind)) => {
                        self.report.needless += 1;
                        self.met(kind.name());
                    }
                    Ok(Row::Nothing) => {}
                    Err(bad) => self.pass_over(bad),
                },
                Ok(None) => self.over = true,
                Err(error) => self.fail(&error),
            }
        }
        None
    }

    /// Ends the reading: what was read, and the hash of the whole file.
    pub(super) fn close(mut self) -> LogReport {
        self.report.sha256 = hex(self.lines.finish());
        self.report
    }

    fn read(&mut self, line: Line) -> Result<Row, BadField> {
        let Line::Whole(line) = line else { return Err(BadField::new("row", "is longer than 256 KiB")) };
        let bytes = self.lines.text(line);
        if bytes.is_empty() {
            return Ok(Row::Nothing);
        }
        match &mut self.format {
            Format::Json => json(bytes),
            Format::Tsv(header, kind) => {
                let text = String::from_utf8_lossy(bytes);
                if !text.starts_with('#') {
                    return tsv(&text, header, *kind);
                }
                if header.note(&text) {
                    *kind = Kind::of_path(&header.path);
                    let lacks = header.lacks(kind.needs());
                    self.check(lacks);
                }
                Ok(Row::Nothing)
            }
            Format::Csv(columns) => {
                let text = String::from_utf8_lossy(bytes);
                let Some(columns) = columns else {
                    let named = Columns::read(&text);
                    let lacks = named.lacks();
                    *columns = Some(named);
                    self.check(lacks);
                    return Ok(Row::Nothing);
                };
                // Joined exports repeat the first line.
                if pcapdroid::is_export(bytes) {
                    return Ok(Row::Nothing);
                }
                let told = pcapdroid::connection(&columns.row(&text)?)?;
                Ok(Row::Told(Entry::Connection(Box::new(told)), Kind::Conn))
            }
        }
    }

    fn kind_name(&self, kind: Kind) -> &'static str {
        if matches!(self.format, Format::Csv(_)) { "pcapdroid-csv" } else { kind.name() }
    }

    /// Ends the reading where a column is missing: no row of it would say anything.
    fn check(&mut self, lacks: Option<&'static str>) {
        let Some(field) = lacks else { return };
        let kind = match &self.format {
            Format::Tsv(_, kind) => *kind,
            Format::Json | Format::Csv(_) => Kind::Conn,
        };
        self.report.problem = Some(LogProblem { line: self.lines.number(), field, kind: self.kind_name(kind) });
        self.over = true;
    }

    fn told(&mut self, entry: Entry, kind: Kind) -> (Stamp, Entry, Again) {
        let (report, written) = (&mut self.report, entry.written());
        report.rows += 1;
        let from = match &entry {
            Entry::Connection(connection) if !connection.is_placed() => written,
            entry => entry.at(),
        };
        if let Entry::Connection(connection) = &entry {
            for side in &connection.moved {
                report.packets = report.packets.saturating_add(side.packets);
            }
        }
        report.first = Some(report.first.map_or(from, |first| first.min(from)));
        report.last = Some(report.last.map_or(written, |last| last.max(written)));
        self.met(self.kind_name(kind));
        self.written = self.written.max(written);
        (self.written, entry, if kind == Kind::OpenConn { Again::Yes } else { Again::No })
    }

    fn met(&mut self, kind: &'static str) {
        if !self.report.kinds.contains(&kind) {
            self.report.kinds.push(kind);
        }
    }

    fn pass_over(&mut self, BadField { field, why }: BadField) {
        self.report.broken += 1;
        self.report.first_broken.get_or_insert(BadRow { line: self.lines.number(), field, why });
    }

    fn fail(&mut self, error: &io::Error) {
        self.over = true;
        if error.kind() == io::ErrorKind::UnexpectedEof {
            self.report.cut = true;
        } else {
            let problem: Problem = reading_failed(self.codec, self.lines.offset(), error);
            self.report.error = Some(CaptureError::new(&self.report.path, problem));
        }
    }
}

/// Whether the same connection will be told of again, with more in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Again {
    Yes,
    No,
}

fn tsv(text: &str, header: &Header, kind: Kind) -> Result<Row, BadField> {
    let row = header.row(text);
    if row.width() != header.width() {
        return Err(BadField::new("row", format!("has {} of {} fields", row.width(), header.width())));
    }
    rows(kind, zeek::entry(kind, &row)?)
}

fn json(bytes: &[u8]) -> Result<Row, BadField> {
    let row: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| BadField { field: Cow::Borrowed("row"), why: format!("is no JSON object ({error})") })?;
    let kind = Kind::of_row(&row);
    rows(kind, zeek::entry(kind, &row)?)
}

#[expect(clippy::unnecessary_wraps, reason = "it ends functions that fail")]
fn rows(kind: Kind, entry: Option<Entry>) -> Result<Row, BadField> {
    Ok(match entry {
        Some(entry) => Row::Told(entry, kind),
        None if kind == Kind::Other => Row::Needless(kind),
        None => Row::Nothing,
    })
}
