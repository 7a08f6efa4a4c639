//! What a report says, before any format lays it out: subjects in order of importance, each with its sentences.

use std::borrow::Cow;

use super::{
    calendar,
    redact::Redaction,
    words::{self, Case},
};
use crate::{
    base::{Bytes, text::shown},
    identify::{Evidence, Kind, Role},
    night::{Finding, Grade, Lacking, Night, Verdict},
    pipeline::{Audit, DestinationTotal, DeviceAudit, InputReport},
};

/// No name in a report is shown longer.
const LONGEST_NAME: usize = 64;
/// How many destinations a card lists.
const DESTINATIONS: usize = 5;

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

/// What is said of one subject at length.
pub(super) struct Card<'a> {
    pub(super) name: String,
    pub(super) operator: String,
    pub(super) finding: &'a Finding,
    pub(super) minutes: &'a [(crate::base::Minute, crate::ledger::Cell)],
    pub(super) verdict: Verdict,
    pub(super) grade: Option<Grade>,
    pub(super) meaning: String,
    pub(super) headline: Option<String>,
    pub(super) evidence: Vec<String>,
    pub(super) explanations: Vec<String>,
    pub(super) unseen: Vec<String>,
    pub(super) next: Vec<String>,
    pub(super) numbers: String,
    pub(super) traffic: String,
    pub(super) largest: Option<String>,
    pub(super) destinations: Vec<Destination>,
    pub(super) further_destinations: usize,
}

/// One destination of one subject.
pub(super) struct Destination {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) up: Bytes,
    pub(super) down: Bytes,
    pub(super) unattended_up: Bytes,
    pub(super) evidence: Evidence,
}

/// What is said of one subject in a line.
pub(super) struct Row<'a> {
    pub(super) name: String,
    pub(super) up: Bytes,
    pub(super) down: Bytes,
    pub(super) finding: &'a Finding,
}

/// One input.
pub(super) struct InputLine<'a> {
    pub(super) name: String,
    pub(super) report: &'a InputReport,
    /// How many packets, and of a log how many rows.
    pub(super) what: String,
    pub(super) when: String,
    pub(super) troubles: Vec<String>,
}

impl<'a> Page<'a> {
    pub(super) fn of(audit: &'a Audit, redaction: &Redaction) -> Self {
        let pages = audit.devices.iter().map(|device| device_page(device, audit, redaction));
        let (major, minor): (Vec<_>, Vec<_>) = pages.enumerate().partition(|(_, page)| page.is_major());
        let (places, mut devices): (Vec<_>, Vec<_>) = major.into_iter().unzip();
        say_once(&mut devices);
        Self {
            span: span(audit),
            others: others(&minor, devices.is_empty()),
            places,
            devices,
            inputs: audit.inputs.iter().enumerate().map(|(n, input)| input_line(n, input, audit, redaction)).collect(),
            notes: notes(audit, redaction),
        }
    }
}

impl Card<'_> {
    /// The verdict in words, with its grade.
    pub(super) fn verdict_words(&self) -> String {
        match self.grade {
            Some(grade) => format!("{} ({})", words::verdict(self.verdict), words::grade(grade)),
            None => words::verdict(self.verdict).to_owned(),
        }
    }

    /// Its nights.
    pub(super) fn nights(&self) -> &[Night] {
        &self.finding.nights
    }

    /// Whether it is known of any destination how much went there while nobody used the device.
    pub(super) fn tells_unattended(&self) -> bool {
        self.destinations.iter().any(|to| to.unattended_up > Bytes::ZERO)
    }

    /// Whether the reader must look at it.
    pub(super) fn is_flagged(&self) -> bool {
        is_flagged(self.verdict)
    }
}

impl DevicePage<'_> {
    /// Whether it did more than system and web traffic.
    fn is_major(&self) -> bool {
        !(self.cards.is_empty() && self.routine.is_empty())
    }
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

fn is_flagged(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Insufficient | Verdict::Routine)
}

/// A name from the wire or the settings, safe and short enough to show.
pub(super) fn name(text: &str) -> String {
    shown(text, LONGEST_NAME).into_owned()
}

fn span(audit: &Audit) -> Option<String> {
    let first = audit.inputs.iter().filter_map(|input| input.first).min()?;
    let last = audit.inputs.iter().filter_map(|input| input.last).max()?;
    Some(calendar::span(calendar::date(first.minute(), audit.timezone), calendar::date(last.minute(), audit.timezone)))
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

pub(super) fn card<'a>(
    device: &'a DeviceAudit,
    finding: &'a Finding,
    audit: &Audit,
    redaction: &Redaction,
) -> Card<'a> {
    let ledger = &device.ledger.subjects[finding.subject];
    let (subject, operator) = (subject_name(&ledger.subject), name(&ledger.subject.operator));
    let case = Case { name: &subject, operator: &operator, ledger, finding, zone: audit.timezone };
    let all: Vec<&DestinationTotal> =
        device.destinations.iter().filter(|total| total.subject == finding.subject && moved_any(total)).collect();
    Card {
        finding,
        minutes: &ledger.minutes,
        verdict: finding.verdict,
        grade: finding.grade,
        meaning: case.meaning(),
        headline: case.headline(),
        evidence: case.evidence(),
        explanations: case.explanations(),
        unseen: case.unseen(),
        next: case.next(),
        numbers: case.numbers(),
        traffic: traffic(ledger) + &case.unattended().unwrap_or_default(),
        largest: case.largest(),
        destinations: all.iter().take(DESTINATIONS).map(|total| destination(total, device, redaction)).collect(),
        further_destinations: all.len().saturating_sub(DESTINATIONS),
        name: subject,
        operator,
    }
}

fn moved_any(total: &DestinationTotal) -> bool {
    total.up + total.down > Bytes::ZERO
}

fn destination(total: &DestinationTotal, device: &DeviceAudit, redaction: &Redaction) -> Destination {
    Destination {
        name: name(&redaction.destination(&total.destination, &device.addresses)),
        role: total.role,
        up: total.up,
        down: total.down,
        unattended_up: total.unattended_up,
        evidence: total.evidence,
    }
}

/// `1.6 GB up, 20 MB down (media 1.6 GB up, 18 MB down; messages …).`
fn traffic(ledger: &crate::ledger::SubjectLedger) -> String {
    let (up, down) = moved(ledger);
    let mut roles = ledger.roles.clone();
    roles.retain(|(_, up, down)| *up + *down > Bytes::ZERO);
    roles.sort_by_key(|(_, up, down)| std::cmp::Reverse(*up + *down));
    let part = |(role, up, down): &(Role, Bytes, Bytes)| format!("{} {up} up, {down} down", words::role(*role));
    let parts = match roles.as_slice() {
        [] => "nothing moved".to_owned(),
        [(only, ..)] => words::role(*only).to_owned(),
        several => several.iter().map(part).collect::<Vec<_>>().join("; "),
    };
    format!("In all {up} up, {down} down ({parts}).")
}

fn identity(device: &DeviceAudit, id: &str, labelled: bool, redaction: &Redaction) -> String {
    const ADDRESSES: usize = 4;
    let mut parts = Vec::new();
    if labelled {
        parts.push(id.to_owned());
    }
    let own = device.addresses.iter().filter(|addr| addr.to_string() != device.id);
    parts.extend(own.take(ADDRESSES).map(|addr| redaction.own_address(*addr)));
    if device.addresses.len() > ADDRESSES {
        parts.push(format!("{} more addresses", device.addresses.len() - ADDRESSES));
    }
    parts.join(", ")
}

fn summary(device: &DeviceAudit) -> String {
    let nights = device.finding.findings.iter().map(|finding| finding.nights.len()).max().unwrap_or(0);
    let eligible = device.finding.findings.iter().map(|f| f.evidence.eligible_nights).max().unwrap_or(0);
    let watched: u32 = device.ledger.watched.iter().map(|watched| watched.span.minutes()).sum();
    let seen = if nights == 0 || watched < 24 * 60 {
        format!("Observed for {}.", duration(watched))
    } else {
        let all = u32::try_from(nights).unwrap_or(u32::MAX);
        let enough = if eligible >= all { "all".to_owned() } else { format!("{eligible} of them") };
        format!("{}, {enough} observed well enough to count.", words::nights(all))
    };
    format!("{seen} Somebody was using it {} of the time.", words::percent(device.finding.attended_share))
}

/// `14 connections lasted more than 10 minutes; …`, with the subjects that uploaded most in them.
fn unplaced(device: &DeviceAudit) -> Option<String> {
    const NAMED: usize = 5;
    let mut whose: Vec<_> = device.ledger.subjects.iter().filter(|ledger| ledger.unplaced.is_some()).collect();
    whose.sort_by_key(|ledger| std::cmp::Reverse(ledger.unplaced.up));
    let connections: u64 = whose.iter().map(|ledger| u64::from(ledger.unplaced.connections)).sum();
    let (up, down): (Bytes, Bytes) =
        (whose.iter().map(|ledger| ledger.unplaced.up).sum(), whose.iter().map(|ledger| ledger.unplaced.down).sum());
    let share = |ledger: &crate::ledger::SubjectLedger| {
        let share = ledger.unplaced.up.0 as f64 / (ledger.up().0 as f64).max(1.0);
        let of_it = words::percent(share);
        format!("{} {} up ({of_it} of its upload)", subject_name(&ledger.subject), ledger.unplaced.up)
    };
    let named: Vec<_> = whose.iter().take(NAMED).map(|ledger| share(ledger)).collect();
    (connections > 0).then(|| {
        format!(
            "The log gives no more than the sums of {} of more than 10 minutes, {up} up and {down} down: when they \
             moved cannot be told. They count in the totals and in no night: {}.",
            words::plural(connections, "connection", "connections"),
            words::listed(&named)
        )
    })
}

/// `40 minutes`, `7 hours`.
fn duration(minutes: u32) -> String {
    match minutes {
        0..120 => words::plural(u64::from(minutes), "minute", "minutes"),
        120..2_880 => words::plural(u64::from(minutes / 60), "hour", "hours"),
        _ => words::plural(u64::from(minutes / 1_440), "day", "days"),
    }
}

/// What every subject without a verdict lacks.
fn common_lacking(device: &DeviceAudit) -> Vec<Lacking> {
    let mut without = device.finding.findings.iter().filter(|finding| finding.verdict == Verdict::Insufficient);
    let Some(first) = without.next() else { return Vec::new() };
    let common = |lacking: &Lacking| without.clone().all(|finding| finding.lacking.contains(lacking));
    first.lacking.iter().copied().filter(common).collect()
}

fn input_line<'a>(n: usize, input: &'a InputReport, audit: &Audit, redaction: &Redaction) -> InputLine<'a> {
    let when = match (input.first, input.last) {
        (Some(first), Some(last)) => {
            format!("{} to {}", calendar::clock(first, audit.timezone), calendar::clock(last, audit.timezone))
        }
        _ => "no packets".to_owned(),
    };
    let mut troubles = Vec::new();
    if input.truncated {
        let middle = if input.is_log() { "row" } else { "packet" };
        troubles.push(format!("the file ends in the middle of a {middle}; everything before it was read"));
    }
    if input.malformed > 0 {
        let what = if input.is_log() { ("row", "rows") } else { ("packet", "packets") };
        troubles.push(format!("{} broken and passed over", words::plural(input.malformed, what.0, what.1)));
    }
    if input.unsupported > 0 {
        troubles.push(format!("{} of kinds that are not read", words::plural(input.unsupported, "packet", "packets")));
    }
    let what = match (input.records > 0, words::plural(input.packets, "packet", "packets")) {
        (false, packets) => packets,
        (true, packets) => format!("{}, {packets} told of", words::plural(input.records, "row", "rows")),
    };
    InputLine { what, name: name(&redaction.path(n, &input.path)), report: input, when, troubles }
}

fn notes(audit: &Audit, redaction: &Redaction) -> Vec<String> {
    let mut said: Vec<String> =
        audit.failed.iter().map(|why| format!("Not read: {}", shown(&redaction.failure(why), 300))).collect();
    said.extend(audit.notes.iter().map(|note| format!("{}.", shown(&redaction.remark(note), 300))));
    let lost = audit.losses.iter().filter(|loss| loss.count > 0);
    said.extend(
        lost.map(|loss| format!("Dropped to stay within limits: {} {}.", words::grouped(loss.count), loss.what)),
    );
    said.extend(unattributed(audit));
    said
}

fn unattributed(audit: &Audit) -> Option<String> {
    let totals = &audit.totals;
    let share = |part: Bytes, whole: Bytes| {
        if whole == Bytes::ZERO { Cow::Borrowed("0 %") } else { words::percent(part.0 as f64 / whole.0 as f64).into() }
    };
    (totals.payload_up + totals.payload_down > Bytes::ZERO).then(|| {
        format!(
            "Of {} up and {} down, {} and {} could not be attributed to any app or service.",
            totals.payload_up,
            totals.payload_down,
            share(totals.unattributed_up, totals.payload_up),
            share(totals.unattributed_down, totals.payload_down),
        )
    })
}
