//! What a report says, before any format lays it out: subjects in order of importance, each with its sentences.

mod card;
mod device;
mod inputs;

use card::is_flagged;
pub(super) use card::{Card, card};
use device::{common_lacking, identity, summary, unplaced};
pub(super) use inputs::InputLine;
use inputs::{input_line, notes};

use super::{calendar, redact::Redaction, words};
use crate::{
    base::{Bytes, text::shown},
    identify::Kind,
    night::{Annotation, Finding, Verdict},
    pipeline::{Audit, DeviceAudit},
};

/// No name in a report is shown longer.
const LONGEST_NAME: usize = 64;

/// What a report says.
pub(super) struct Page<'a> {
    /// From when to when, in words; `None` where nothing was captured.
    pub(super) span: Option<String>,
    /// The devices that did more than system and web traffic.
    pub(super) devices: Vec<DevicePage<'a>>,
    /// Index of each of them in the audit.
    pub(super) places: Vec<usize>,
    /// The rest, a sentence.
    pub(super) others: Option<String>,
    /// What was read.
    pub(super) inputs: Vec<InputLine<'a>>,
    /// What its reader must know of the inputs: failures, losses, what is unattributed.
    pub(super) notes: Vec<String>,
    /// What is said where there is no span.
    pub(super) no_span: &'static str,
    /// What is said where there is no device.
    pub(super) no_device: [&'static str; 2],
    /// When the device was in use is its owner's word.
    pub(super) is_declared: bool,
}

/// What is said of one device.
pub(super) struct DevicePage<'a> {
    /// Label and id, or pseudonym.
    pub(super) name: String,
    /// Id and addresses, as far as the name does not say them.
    pub(super) identity: String,
    /// Nights, attended share.
    pub(super) summary: String,
    /// What cannot be placed in time, and whose it is.
    pub(super) unplaced: Option<String>,
    /// Subjects with a page of their own, most important first.
    pub(super) cards: Vec<Card<'a>>,
    /// Why there is no verdict, where that is the same for every subject without one.
    pub(super) missing: Vec<String>,
    /// The same in a few words.
    pub(super) missing_short: Option<String>,
    /// It was said of the device before, in the same words.
    pub(super) missing_was_said: bool,
    /// Routine subjects that are messengers, clouds or unattributed.
    pub(super) routine: Vec<Row<'a>>,
    /// Everything else without a finding: system, push, trackers, web.
    pub(super) background: Vec<Row<'a>>,
}

/// What is said of one subject in a line.
pub(super) struct Row<'a> {
    pub(super) name: String,
    pub(super) up: Bytes,
    pub(super) down: Bytes,
    pub(super) finding: &'a Finding,
}

impl<'a> Page<'a> {
    pub(super) fn of(audit: &'a Audit, redaction: &Redaction) -> Self {
        let pages = audit.devices.iter().map(|device| device_page(device, audit, redaction));
        // Where only a part is shown, what is not shown is not told of.
        let is_shown = |page: &DevicePage<'_>| page.is_major() || audit.remit.narrowed;
        let (major, minor): (Vec<_>, Vec<_>) = pages.enumerate().partition(|(_, page)| is_shown(page));
        let (places, mut devices): (Vec<_>, Vec<_>) = major.into_iter().unzip();
        say_once(&mut devices);
        Self {
            span: span(audit).map(|span| format!("{span}, times in {}", audit.timezone.name())),
            no_span: no_span(audit),
            no_device: no_device(audit),
            is_declared: audit.devices.iter().flat_map(|device| &device.finding.findings).any(is_declared),
            others: others(&minor, devices.is_empty()),
            places,
            devices,
            inputs: audit.inputs.iter().enumerate().map(|(n, input)| input_line(n, input, audit, redaction)).collect(),
            notes: notes(audit, redaction),
        }
    }
}

impl Page<'_> {
    /// Whether something was judged and no card says what cannot be seen.
    pub(super) fn tells_no_limits(&self) -> bool {
        !self.devices.is_empty() && self.devices.iter().all(|device| device.cards.is_empty())
    }
}

impl DevicePage<'_> {
    /// Whether it did more than system and web traffic.
    fn is_major(&self) -> bool {
        !(self.cards.is_empty() && self.routine.is_empty())
    }
}

fn is_declared(finding: &Finding) -> bool {
    finding.annotations.contains(&Annotation::DeclaredHours)
}

/// Marks what the device before lacks in the same words.
fn say_once(devices: &mut [DevicePage<'_>]) {
    for at in (1..devices.len()).rev() {
        if let [.., before, here] = devices.get_mut(..=at).unwrap_or_default() {
            here.missing_was_said = here.missing == before.missing;
        }
    }
}

/// The devices of which only system and web traffic was seen.
fn others(minor: &[(usize, DevicePage<'_>)], alone: bool) -> Option<String> {
    const NAMED: usize = 8;
    let mut said: Vec<_> = minor.iter().take(NAMED).map(|(_, page)| page.name.clone()).collect();
    if minor.len() > NAMED {
        said.push(format!("{} more", minor.len() - NAMED));
    }
    let first = if alone { "Only" } else { "Of further devices, only" };
    (!minor.is_empty()).then(|| format!("{first} system and web traffic was seen: {}.", words::listed(&said)))
}

/// A name from the wire or the settings, safe and short enough to show.
pub(super) fn name(text: &str) -> String {
    shown(text, LONGEST_NAME).into_owned()
}

/// From when to when what was read, and was asked for, reaches.
fn span(audit: &Audit) -> Option<String> {
    let mut first = audit.inputs.iter().filter_map(|input| input.first).min()?.minute();
    let mut last = audit.inputs.iter().filter_map(|input| input.last).max()?.minute();
    if let Some(asked) = audit.remit.span {
        (first, last) = (first.max(asked.first), last.min(asked.end.minus(1)));
    }
    let date = |minute| calendar::date(minute, audit.timezone);
    (first <= last).then(|| calendar::span(date(first), date(last)))
}

/// What is said in place of a span.
fn no_span(audit: &Audit) -> &'static str {
    if audit.remit.span.is_some() {
        "The ledger holds nothing of the time that was asked for."
    } else {
        "No packets were captured."
    }
}

/// What is said where no device is shown, and what would mend it.
fn no_device(audit: &Audit) -> [&'static str; 2] {
    if audit.remit.narrowed {
        ["Nothing that was judged fits what was asked for.", "Ask without --subject and --filter for all there is."]
    } else if audit.remit.span.is_some() {
        ["There is nothing to judge.", "Ask without --from, --to and --last for all that the ledger holds."]
    } else {
        [
            "No traffic of a phone or computer was found, so there is nothing to judge.",
            "Check that the capture ran on the network the phone was using, and that the phone was on it.",
        ]
    }
}

fn device_page<'a>(device: &'a DeviceAudit, audit: &'a Audit, redaction: &Redaction) -> DevicePage<'a> {
    let id = name(&redaction.device(&device.id));
    let label = redaction.label(device.label.as_deref()).map(name);
    let mut order: Vec<&Finding> = device.finding.findings.iter().collect();
    order.sort_by_key(|finding| importance(device, finding));
    let (mut cards, mut routine, mut background) = (Vec::new(), Vec::new(), Vec::new());
    for finding in order {
        let Some(ledger) = device.ledger.subjects.get(finding.subject) else { continue };
        let primary = matches!(ledger.subject.kind, Kind::Messenger | Kind::Cloud | Kind::Unattributed);
        if is_flagged(finding.verdict) || (primary && finding.verdict == Verdict::Insufficient) {
            cards.push(card(device, finding, audit, redaction));
        } else {
            let (up, down) = moved(ledger);
            if up + down == Bytes::ZERO {
                continue;
            }
            let row = Row { name: subject_name(&ledger.subject), up, down, finding };
            if primary { routine.push(row) } else { background.push(row) }
        }
    }
    background.sort_by_key(|row| std::cmp::Reverse(row.up));
    DevicePage {
        identity: identity(device, &id, label.is_some(), redaction),
        name: label.unwrap_or(id),
        summary: summary(device),
        unplaced: unplaced(device),
        missing: common_lacking(device).iter().map(words::lacking).collect(),
        missing_was_said: false,
        missing_short: common_lacking(device).first().map(words::lacking_short),
        cards,
        routine,
        background,
    }
}

/// Flagged first, then messengers, clouds and the unattributed, then by what went up.
pub(super) fn importance(device: &DeviceAudit, finding: &Finding) -> (u8, u8, std::cmp::Reverse<Bytes>) {
    let ledger = device.ledger.subjects.get(finding.subject);
    let kind = match ledger.map(|ledger| ledger.subject.kind) {
        Some(Kind::Messenger) => 0,
        Some(Kind::Cloud) => 1,
        Some(Kind::Unattributed) => 2,
        Some(Kind::Web) => 3,
        Some(Kind::Tracker) => 4,
        Some(Kind::Os) => 5,
        Some(Kind::Push) | None => 6,
    };
    let verdict = match finding.verdict {
        Verdict::ExportLike => 0,
        Verdict::BulkButIrregular => 1,
        Verdict::SmallRecurrent => 2,
        Verdict::BackupLike => 3,
        Verdict::Insufficient => 4,
        Verdict::Routine => 5,
    };
    (verdict, kind, std::cmp::Reverse(ledger.map_or(Bytes::ZERO, |ledger| moved(ledger).0)))
}

pub(super) fn moved(ledger: &crate::ledger::SubjectLedger) -> (Bytes, Bytes) {
    (ledger.roles.iter().map(|(_, up, _)| *up).sum(), ledger.roles.iter().map(|(_, _, down)| *down).sum())
}

/// How a subject is called, safe to show.
pub(super) fn subject_name(subject: &crate::ledger::Subject) -> String {
    match (subject.kind, subject.id.as_str()) {
        (Kind::Unattributed, _) => "Unidentified traffic".to_owned(),
        (Kind::Web, "web") => "Other web sites".to_owned(),
        _ => name(&subject.name),
    }
}
