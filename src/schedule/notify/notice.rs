//! What is told: one changed verdict, or a digest of several.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    base::{Bytes, Stamp, text::shown},
    night::{Grade, Verdict},
    report::{Redaction, json_text},
    schedule::{News, Report, news::word, run::sha256},
};

/// No name in a notice is longer.
const LONGEST_NAME: usize = 64;
/// Files that a notice names.
const MOST_FILES: usize = 8;

/// One verdict that changed. Every text in it is safe to show.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The same for the same change, however often it is delivered.
    pub id: String,
    /// When the report was due: seconds since the epoch.
    pub time: u64,
    /// The schedule.
    pub schedule: String,
    /// Id of the device, or its pseudonym.
    pub device: String,
    /// What its owner calls it.
    pub label: Option<String>,
    /// Id of the subject, such as `whatsapp`.
    pub subject_id: String,
    /// Its name, such as `WhatsApp`.
    pub subject: String,
    /// What was said before; `None` where nothing was.
    pub before: Option<Verdict>,
    /// What is said now.
    pub verdict: Verdict,
    /// How firmly.
    pub grade: Option<Grade>,
    /// On how many nights it rests.
    pub nights: u32,
    /// The most that left unattended on any of them, in bytes.
    pub worst_night: Option<Bytes>,
    /// The report's files.
    pub reports: Vec<PathBuf>,
}

/// What is delivered in one go.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Message {
    /// One change.
    VerdictChange(Notice),
    /// What a day's cap held back.
    Digest {
        /// The same however often it is delivered.
        id: String,
        /// When it was put together: seconds since the epoch.
        time: u64,
        /// The changes, oldest first.
        notices: Vec<Notice>,
        /// How many more there were.
        further: u64,
    },
}

impl Notice {
    /// What is told of `news` in `report`.
    pub fn of(news: &News, report: &Report, redaction: &Redaction) -> Self {
        let now = &news.now;
        let safe = |text: &str| shown(text, LONGEST_NAME).into_owned();
        let device = safe(&redaction.device(&now.device));
        let change =
            format!("{:?}", (&report.plan, report.due.seconds(), &device, &now.subject, news.before, now.verdict));
        Self {
            id: sha256(change.as_bytes())[..32].to_owned(),
            time: report.due.seconds(),
            schedule: safe(&report.plan),
            device,
            label: redaction.label(now.label.as_deref()).map(safe),
            subject_id: safe(&now.subject),
            subject: safe(&now.name),
            before: news.before,
            verdict: now.verdict,
            grade: now.grade,
            nights: now.nights,
            worst_night: now.worst_night,
            reports: report.files.iter().take(MOST_FILES).cloned().collect(),
        }
    }

    /// In one line.
    pub fn sentence(&self) -> String {
        let device = self.label.as_ref().unwrap_or(&self.device);
        let grade = self.grade.map(|grade| format!(" ({})", word(&grade))).unwrap_or_default();
        let before = self.before.map_or_else(|| "nothing".to_owned(), |before| word(&before));
        format!("{} on {device}: {}{grade}; before: {before}", self.subject, word(&self.verdict))
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "time": Stamp::new(self.time, 0).utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "schedule": self.schedule,
            "device": {"id": self.device, "label": self.label},
            "subject": self.subject,
            "subject_id": self.subject_id,
            "before": self.before,
            "verdict": self.verdict,
            "grade": self.grade,
            "nights": self.nights,
            "worst_night": self.worst_night,
            "reports": self.reports.iter().map(|path| shown(&path.to_string_lossy(), 400).into_owned()).collect::<Vec<_>>(),
            "text": self.sentence(),
        })
    }
}

impl Message {
    /// What tells it from others, so that a receiver can pass over what it has had before.
    pub fn id(&self) -> &str {
        match self {
            Self::VerdictChange(notice) => &notice.id,
            Self::Digest { id, .. } => id,
        }
    }

    /// What sort it is.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::VerdictChange(_) => "verdict-change",
            Self::Digest { .. } => "digest",
        }
    }

    /// The changes that it tells.
    pub fn notices(&self) -> &[Notice] {
        match self {
            Self::VerdictChange(notice) => std::slice::from_ref(notice),
            Self::Digest { notices, .. } => notices,
        }
    }

    /// In one line.
    pub fn headline(&self) -> String {
        match self {
            Self::VerdictChange(notice) => notice.sentence(),
            Self::Digest { notices, further, .. } => {
                format!("{} further verdicts changed", notices.len() as u64 + further)
            }
        }
    }

    /// In plain text, a line for each change.
    pub fn text(&self) -> String {
        let mut lines = vec![self.headline()];
        for notice in self.notices() {
            if matches!(self, Self::Digest { .. }) {
                lines.extend([String::new(), notice.sentence()]);
            }
            if let Some(worst) = notice.worst_night {
                lines.push(format!("Nights judged: {}; most that left unattended on one: {worst}.", notice.nights));
            }
            let reports = notice.reports.iter().map(|path| format!("Report: {}", shown(&path.to_string_lossy(), 400)));
            lines.extend(reports);
        }
        if let Self::Digest { further: further @ 1.., .. } = self {
            lines.extend([String::new(), format!("and {further} more; see the reports.")]);
        }
        lines.extend([String::new(), "A verdict describes traffic, not content or intent.".to_owned(), String::new()]);
        lines.join("\n")
    }

    /// As JSON, in which no character moves a cursor or turns the direction.
    pub fn json(&self) -> String {
        let mut value = match self {
            Self::VerdictChange(notice) => notice.json(),
            Self::Digest { id, time, notices, further } => json!({
                "id": id,
                "time": Stamp::new(*time, 0).utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "changes": notices.iter().map(Notice::json).collect::<Vec<_>>(),
                "further": further,
                "text": self.headline(),
            }),
        };
        value["schema"] = 1.into();
        value["event"] = self.event().into();
        value["tool"] = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
        json_text(&value)
    }
}
