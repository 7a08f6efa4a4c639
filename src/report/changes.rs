//! What is new since the report before: two sets of verdicts compared.
//!
//! The earlier set comes from another [`Audit`], or from a report in JSON as it was written then. Only verdicts,
//! grades and subjects are compared: volumes differ every day, and a reader wants to know what to look at.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    calendar,
    json::{grade, grade_of, verdict, verdict_of},
    redact::Redaction,
    words,
};
use crate::{
    base::{Bytes, Stamp, text::shown},
    night::{Grade, Verdict},
    pipeline::{Audit, DeviceAudit},
};

/// No name in a sentence is longer.
const LONGEST_NAME: usize = 64;

/// What one report says of one subject.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Id of the device, or its pseudonym.
    pub device: String,
    /// What its owner calls it.
    pub label: Option<String>,
    /// Id of the subject, such as `whatsapp`.
    pub subject: String,
    /// Its name, such as `WhatsApp`.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How firm it is.
    pub grade: Option<Grade>,
    /// On how many nights it rests.
    pub nights: u32,
    /// The most that left unattended on any of them.
    pub worst_night: Option<Bytes>,
}

/// The verdicts of one report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standings {
    /// One for each device and subject.
    pub list: Vec<Standing>,
    /// The latest packet that the report rests on.
    pub until: Option<Stamp>,
}

/// A file that is no report of an earlier audit.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    /// It is no JSON, or JSON of another kind.
    #[error("is no report in JSON ({0}); write one with: nightaudit check FILE... --format json -o REPORT.json")]
    Shape(#[from] serde_json::Error),
    /// It was written by a later version.
    #[error("is a report of schema {0}; only schema 1 is known")]
    Schema(u64),
}

impl Standings {
    /// The verdicts of `audit`, with devices named as `redaction` has it.
    pub fn of(audit: &Audit, redaction: &Redaction) -> Self {
        Self {
            list: audit.devices.iter().flat_map(|device| standings(device, redaction)).collect(),
            until: audit.inputs.iter().filter_map(|input| input.last).max(),
        }
    }

    /// The verdicts in a report that was written as JSON (schema 1).
    pub fn read(json: &[u8]) -> Result<Self, NotAReport> {
        let report: Written = serde_json::from_slice(json)?;
        if report.schema != 1 {
            return Err(NotAReport::Schema(report.schema));
        }
        let until = report.inputs.iter().filter_map(|input| stamp(input.last?)).max();
        Ok(Self { list: report.devices.into_iter().flat_map(WrittenDevice::standings).collect(), until })
    }

    fn find(&self, of: &Standing) -> Option<&Standing> {
        self.list.iter().find(|one| one.device == of.device && one.subject == of.subject)
    }
}

fn standings<'a>(device: &'a DeviceAudit, redaction: &'a Redaction) -> impl Iterator<Item = Standing> + 'a {
    device.finding.findings.iter().filter_map(move |finding| {
        let subject = &device.ledger.subjects.get(finding.subject)?.subject;
        Some(Standing {
            device: redaction.device(&device.id).into_owned(),
            label: redaction.label(device.label.as_deref()).map(str::to_owned),
            subject: subject.id.clone(),
            name: subject.name.clone(),
            verdict: finding.verdict,
            grade: finding.grade,
            nights: finding.evidence.eligible_nights,
            worst_night: finding.bounds.worst_night,
        })
    })
}

/// One difference between two reports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Another verdict, or the same one held more or less firmly.
    Verdict {
        /// What was said.
        before: Standing,
        /// What is said.
        now: Standing,
    },
    /// It was not seen before.
    New(Standing),
    /// It is not seen any more.
    Gone(Standing),
}

/// What is new in one report since another.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// The differences, what needs a look first.
    pub list: Vec<Change>,
    /// The latest packet that the report before rests on; `None` where there is no report to compare with.
    pub since: Option<Stamp>,
}

impl Changes {
    /// What is new in `now`. Nothing without verdict that comes or goes is listed: web sites do so every day.
    pub fn between(before: &Standings, now: &Standings) -> Self {
        let changed = now.list.iter().filter_map(|one| match before.find(one) {
            Some(old) if (old.verdict, old.grade) == (one.verdict, one.grade) => None,
            Some(old) => Some(Change::Verdict { before: old.clone(), now: one.clone() }),
            None if is_news(one.verdict) => Some(Change::New(one.clone())),
            None => None,
        });
        // Where nothing was watched, nothing is gone.
        let watched = now.until.is_some();
        let gone = before.list.iter().filter(|old| watched && is_news(old.verdict) && now.find(old).is_none());
        let mut list: Vec<_> = changed.chain(gone.cloned().map(Change::Gone)).collect();
        list.sort_by_key(|change| std::cmp::Reverse(change.weight()));
        Self { list, since: before.until.or(Some(Stamp::default())) }
    }

    /// Whether there was a report to compare with.
    pub const fn is_known(&self) -> bool {
        self.since.is_some()
    }

    /// The differences as text that goes before a report; nothing where there is no report to compare with.
    pub fn text(&self, zone: Tz) -> String {
        let Some(since) = self.since else { return String::new() };
        let mut text = format!("New since {}:\n", calendar::clock(since, zone));
        for said in self.sentences() {
            text.extend(["  ", &said, "\n"]);
        }
        text + "\n"
    }

    /// A report in JSON with the differences in it, under `changes`; `null` where there is no report to compare with.
    #[must_use]
    pub fn added_to(&self, mut report: Value) -> Value {
        if let Value::Object(fields) = &mut report {
            let list = || self.list.iter().map(Change::json).collect::<Vec<_>>();
            let changes = self.since.map(|since| json!({"since": since.to_string(), "list": list()}));
            fields.insert("changes".to_owned(), changes.unwrap_or_default());
        }
        report
    }

    /// The differences, a sentence each, safe to show; nothing where there is no report to compare with.
    pub fn sentences(&self) -> Vec<String> {
        match &self.list[..] {
            [] if self.is_known() => vec!["Every verdict is as it was.".to_owned()],
            list => {
                let devices: std::collections::BTreeSet<_> =
                    list.iter().map(|change| &change.standing().device).collect();
                list.iter().map(|change| change.sentence(devices.len() > 1)).collect()
            }
        }
    }
}

impl Change {
    /// What it is about, as it stands now, or as it last stood.
    pub const fn standing(&self) -> &Standing {
        match self {
            Self::Verdict { now, .. } | Self::New(now) => now,
            Self::Gone(before) => before,
        }
    }

    /// In one sentence, with the device where there are several.
    fn sentence(&self, name_device: bool) -> String {
        let standing = self.standing();
        let mut who = shown(name_of(standing), LONGEST_NAME).into_owned();
        if name_device {
            let device = standing.label.as_ref().unwrap_or(&standing.device);
            who = format!("{who} on {}", shown(device, LONGEST_NAME));
        }
        match self {
            Self::Verdict { before, now } => format!("{who}: {}. Before: {}.", said(now), said(before)),
            Self::New(now) => format!("{who}: {}. It was not seen before.", said(now)),
            Self::Gone(before) => format!("{who} was not seen any more. Before: {}.", said(before)),
        }
    }

    fn json(&self) -> Value {
        let now = self.standing();
        let (change, before) = match self {
            Self::Verdict { before, .. } => ("verdict", Some(before)),
            Self::New(_) => ("new", None),
            Self::Gone(before) => ("gone", Some(before)),
        };
        let after = Some(now).filter(|_| !matches!(self, Self::Gone(_)));
        let said = |standing: Option<&Standing>| {
            standing.map(|it| json!({"verdict": verdict(it.verdict), "grade": it.grade.map(grade)}))
        };
        json!({
            "change": change,
            "device": now.device,
            "subject": now.name,
            "id": now.subject,
            "before": said(before),
            "now": said(after),
        })
    }

    /// How much it needs a look.
    fn weight(&self) -> (u8, u8) {
        match self {
            Self::Verdict { before, now } => (severity(now.verdict).max(severity(before.verdict)), 2),
            Self::New(now) => (severity(now.verdict), 1),
            Self::Gone(before) => (severity(before.verdict), 0),
        }
    }
}

fn name_of(standing: &Standing) -> &str {
    match standing.subject.as_str() {
        "unattributed" => "Unidentified traffic",
        "web" => "Other web sites",
        _ => &standing.name,
    }
}

fn said(standing: &Standing) -> String {
    let verdict = words::verdict(standing.verdict);
    match standing.grade {
        Some(grade) => format!("{verdict} ({})", words::grade(grade)),
        None => verdict.to_owned(),
    }
}

const fn is_news(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Insufficient | Verdict::Routine)
}

const fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Insufficient => 0,
        Verdict::Routine => 1,
        Verdict::BackupLike => 2,
        Verdict::SmallRecurrent => 3,
        Verdict::BulkButIrregular => 4,
        Verdict::ExportLike => 5,
    }
}

/// As much of a report in JSON as is compared.
#[derive(Deserialize)]
struct Written {
    schema: u64,
    #[serde(default)]
    inputs: Vec<WrittenInput>,
    devices: Vec<WrittenDevice>,
}

#[derive(Deserialize)]
struct WrittenInput {
    last: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct WrittenDevice {
    id: String,
    label: Option<String>,
    subjects: Vec<WrittenSubject>,
}

#[derive(Deserialize)]
struct WrittenSubject {
    subject: String,
    id: Option<String>,
    #[serde(deserialize_with = "read_verdict")]
    verdict: Verdict,
    grade: Option<String>,
    #[serde(default)]
    evidence: WrittenEvidence,
    #[serde(default)]
    bounds: WrittenBounds,
}

#[derive(Default, Deserialize)]
struct WrittenEvidence {
    eligible_nights: Option<u32>,
}

#[derive(Default, Deserialize)]
struct WrittenBounds {
    worst_night: Option<Bytes>,
}

impl WrittenDevice {
    fn standings(self) -> impl Iterator<Item = Standing> {
        let Self { id: device, label, subjects } = self;
        subjects.into_iter().map(move |said| Standing {
            device: device.clone(),
            label: label.clone(),
            subject: said.id.unwrap_or_else(|| said.subject.clone()),
            name: said.subject,
            verdict: said.verdict,
            grade: said.grade.as_deref().and_then(grade_of),
            nights: said.evidence.eligible_nights.unwrap_or(0),
            worst_night: said.bounds.worst_night,
        })
    }
}

fn read_verdict<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Verdict, D::Error> {
    let word = String::deserialize(from)?;
    verdict_of(&word).ok_or_else(|| serde::de::Error::custom(format!("{:?} is no verdict", shown(&word, 40))))
}

fn stamp(at: DateTime<Utc>) -> Option<Stamp> {
    at.timestamp_nanos_opt().and_then(|nanos| u64::try_from(nanos).ok()).map(Stamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{json, json_text, sample};

    fn of(audit: &Audit) -> Standings {
        Standings::of(audit, &Redaction::Off)
    }

    #[test]
    fn a_report_in_json_says_what_its_audit_said() {
        for (name, audit) in sample::all() {
            let written = json_text(&json(&audit, &Redaction::Off));
            assert_eq!(Standings::read(written.as_bytes()).unwrap(), of(&audit), "{name}");
        }
    }

    #[test]
    fn the_same_report_twice_has_no_news() {
        let changes = Changes::between(&of(&sample::export()), &of(&sample::export()));
        assert!(changes.list.is_empty() && changes.is_known());
        assert_eq!(changes.sentences(), ["Every verdict is as it was."]);
        assert!(Changes::default().sentences().is_empty(), "without a report before there is nothing to say");
    }

    #[test]
    fn another_verdict_comes_first_with_what_was_said_before() {
        let (mut before, now) = (of(&sample::export()), of(&sample::export()));
        before.list.retain(|one| one.subject != "unattributed");
        for one in &mut before.list {
            if one.subject == "whatsapp" {
                (one.verdict, one.grade) = (Verdict::Routine, None);
            }
        }
        let changes = Changes::between(&before, &now);
        assert_eq!(
            changes.sentences().first().map(String::as_str),
            Some("WhatsApp: looks like an export (strong evidence). Before: routine.")
        );
        assert!(changes.list.iter().all(|change| is_news(change.standing().verdict)), "{changes:?}");
    }

    #[test]
    fn what_was_flagged_and_is_gone_is_said() {
        let now = Standings { list: Vec::new(), ..of(&sample::export()) };
        let changes = Changes::between(&of(&sample::export()), &now);
        assert!(changes.sentences()[0].starts_with("WhatsApp was not seen any more."), "{changes:?}");
    }

    #[test]
    fn what_is_no_report_is_refused_with_what_would_mend_it() {
        let refused = |text: &str| Standings::read(text.as_bytes()).unwrap_err().to_string();
        assert!(refused("Dear diary").contains("--format json"));
        assert!(refused(r#"{"schema": 2, "devices": []}"#).contains("only schema 1"));
        let odd = r#"{"schema":1,"devices":[{"id":"x","label":null,"subjects":[{"subject":"y","verdict":"doom"}]}]}"#;
        assert!(refused(odd).contains("doom"));
    }
}
