//! What a screen says of each subject: the words of the reports, one subject at a time.

use std::io::{self, Write};

use serde_json::Value;

use super::{
    canvas,
    csv::{self, Cell},
    filter::apply::keep_subjects,
    json,
    look::Glyphs,
    page,
    redact::Redaction,
    strip::Level,
    words,
};
use crate::{
    base::Bytes,
    identify::{Evidence, Kind, Role},
    ledger::DeviceLedger,
    night::{self, Grade, Night, Sensitivity, Settings, Standing, Verdict},
    pipeline::Audit,
};

/// `1,262,154`.
pub(crate) fn grouped(n: u64) -> String {
    words::grouped(n)
}

/// `n` with the right form of a noun.
pub(crate) fn plural(n: u64, one: &str, many: &str) -> String {
    words::plural(n, one, many)
}

/// A share of 0 to 1 as whole per cent.
pub(crate) fn percent(share: f64) -> String {
    words::percent(share)
}

/// One subject in a few words.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    /// Index of the device in the audit.
    pub device: usize,
    /// Index of the subject in the device's ledger.
    pub subject: usize,
    /// Its name, safe to show.
    pub name: String,
    /// What sort of thing it is.
    pub kind: Kind,
    /// What is said.
    pub verdict: Verdict,
    /// How firmly.
    pub grade: Option<Grade>,
    /// The verdict in words, with its grade.
    pub verdict_words: String,
    /// The bound that leads.
    pub headline: Option<String>,
    /// Why there is no verdict, where there is none.
    pub lacking: Option<String>,
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// The most that left unattended on any night.
    pub worst_night: Option<Bytes>,
    /// On half of the nights it was no more.
    pub median_night: Option<Bytes>,
    /// The smallest nightly upload that would have been flagged.
    pub detectable: Option<Bytes>,
    /// Night by night.
    pub nights: Vec<Night>,
}

impl Brief {
    /// Whether the reader must look at it.
    pub fn is_flagged(&self) -> bool {
        !matches!(self.verdict, Verdict::Insufficient | Verdict::Routine)
    }

    /// Whether it is what an audit is about, rather than the system and the web.
    pub fn is_primary(&self) -> bool {
        matches!(self.kind, Kind::Messenger | Kind::Cloud | Kind::Unattributed)
    }
}

/// One subject at length.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What the verdict means.
    pub meaning: String,
    /// The bound that leads.
    pub headline: Option<String>,
    /// Why there is no verdict.
    pub lacking: Vec<String>,
    /// What the verdict rests on.
    pub evidence: Vec<String>,
    /// What moved.
    pub observed: Vec<String>,
    /// Innocent causes, how each stands, and by what.
    pub tested: Vec<(&'static str, Standing, String)>,
    /// The verdict by how often accidents happen, for each of the thresholds that are tried; empty where it was not
    /// worked out.
    pub sensitivity: Vec<(String, Vec<String>)>,
    /// What cannot be seen.
    pub unseen: Vec<String>,
    /// What would settle it.
    pub next: Vec<String>,
    /// The numbers, for those who want to check.
    pub numbers: String,
}

/// Every subject of `audit`, the most important of each device first.
pub fn briefs(audit: &Audit, redaction: &Redaction) -> Vec<Brief> {
    let mut briefs = Vec::new();
    for (at, device) in audit.devices.iter().enumerate() {
        let mut order: Vec<_> = device.finding.findings.iter().collect();
        order.sort_by_key(|finding| page::importance(device, finding));
        for finding in order {
            let Some(ledger) = device.ledger.subjects.get(finding.subject) else { continue };
            let (up, down) = page::moved(ledger);
            let name = page::subject_name(&ledger.subject);
            let case = words::Case {
                name: &name,
                operator: &page::name(&ledger.subject.operator),
                ledger,
                finding,
                zone: audit.timezone,
            };
            let verdict_words = match finding.grade {
                Some(grade) => format!("{} ({})", words::verdict(finding.verdict), words::grade(grade)),
                None => words::verdict(finding.verdict).to_owned(),
            };
            briefs.push(Brief {
                device: at,
                subject: finding.subject,
                kind: ledger.subject.kind,
                verdict: finding.verdict,
                grade: finding.grade,
                verdict_words,
                headline: case.headline(),
                lacking: finding.lacking.first().map(words::lacking),
                up,
                down,
                worst_night: finding.bounds.worst_night,
                median_night: finding.bounds.median_night,
                detectable: finding.bounds.detectable,
                nights: finding.nights.clone(),
                name,
            });
        }
    }
    let _ = redaction;
    briefs
}

/// What is said of one subject; `None` where there is no such subject.
///
/// With `settings` it is also worked out what would be said at other accident rates and thresholds.
pub fn story(
    audit: &Audit,
    device: usize,
    subject: usize,
    redaction: &Redaction,
    settings: Option<&Settings>,
) -> Option<Story> {
    let device = audit.devices.get(device)?;
    let finding = device.finding.findings.iter().find(|finding| finding.subject == subject)?;
    device.ledger.subjects.get(subject)?;
    let card = page::card(device, finding, audit, redaction);
    let mut observed = vec![card.traffic.clone()];
    observed.extend(card.largest.clone());
    let tested = words::by_standing(&finding.explanations);
    let tested = tested.into_iter().map(|it| (words::cause(it.cause), it.standing, it.because.clone())).collect();
    Some(Story {
        meaning: card.meaning,
        headline: card.headline,
        lacking: finding.lacking.iter().map(words::lacking).collect(),
        evidence: card.evidence,
        observed,
        tested,
        sensitivity: settings.map(|settings| sensitivity(&device.ledger, subject, settings)).unwrap_or_default(),
        unseen: card.unseen,
        next: card.next,
        numbers: card.numbers,
    })
}

/// A row for each accident rate, a column for each threshold; `+` is strong, `*` as judged here.
fn sensitivity(ledger: &DeviceLedger, subject: usize, settings: &Settings) -> Vec<(String, Vec<String>)> {
    let all = night::sensitivity(ledger, subject, settings);
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let cell = |one: &Sensitivity| {
        let strong = if one.grade == Some(Grade::Strong) { " +" } else { "" };
        let here = same(one.accident_rate, settings.accident_rate) && same(one.threshold, settings.threshold);
        format!("{}{strong}{}", json::verdict(one.verdict), if here { " *" } else { "" })
    };
    let row = |row: &[Sensitivity]| {
        let rate = row.first().map_or(0.0, |one| one.accident_rate);
        (format!("{} of nights", words::percent(rate)), row.iter().map(cell).collect())
    };
    all.chunks(night::THRESHOLDS.len()).map(row).collect()
}

/// The audit with one device alone, or one subject of it, for a report on that.
pub fn only(audit: &Audit, device: usize, subject: Option<usize>) -> Audit {
    let mut audit = audit.clone();
    let Some(mut kept) = audit.devices.get(device).cloned() else { return audit };
    if let Some(subject) = subject.filter(|subject| *subject < kept.ledger.subjects.len()) {
        let only: Vec<bool> = (0..kept.ledger.subjects.len()).map(|at| at == subject).collect();
        keep_subjects(&mut kept, &only);
    }
    audit.devices = vec![kept];
    audit
}

/// The mark of a night, and its level by volume; `None`: hardly observed.
pub fn night_mark(night: &Night, glyphs: Glyphs) -> (char, Option<usize>) {
    let level = Level::of(night);
    let volume = match level {
        Level::Unobserved => None,
        Level::Volume(n) => Some(n),
    };
    (level.glyph(glyphs), volume)
}

/// What an endpoint is for, in a word.
pub const fn role_word(role: Role) -> &'static str {
    words::role_short(role)
}

/// The same as filters name it.
pub fn role_key(word: &str) -> String {
    if word == "-" { "unknown".to_owned() } else { word.to_owned() }
}

/// By what traffic was attributed, in words.
pub const fn evidence_word(evidence: Evidence) -> &'static str {
    words::evidence(evidence)
}

/// Text in lines of at most `width` columns.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    canvas::wrap(&crate::base::text::shown(text, 4_000), width)
}

/// JSON values as rows of CSV below `headings`.
pub(crate) fn table_csv(
    headings: &[&str],
    rows: impl Iterator<Item = Vec<Value>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    csv::row(&headings.iter().map(|heading| Cell::text(*heading)).collect::<Vec<_>>(), out)?;
    for row in rows {
        let cells: Vec<Cell<'_>> = row.iter().map(cell).collect();
        csv::row(&cells, out)?;
    }
    Ok(())
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Empty,
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(count), _) => Cell::Count(count),
            (None, Some(number)) => Cell::Number(number),
            (None, None) => Cell::Empty,
        },
        Value::String(text) => Cell::text(text.as_str()),
        other => Cell::text(other.to_string()),
    }
}
