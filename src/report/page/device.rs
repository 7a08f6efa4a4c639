//! What is said of one device as a whole.

use super::subject_name;
use crate::{
    base::Bytes,
    night::{Lacking, Verdict},
    pipeline::DeviceAudit,
    report::{redact::Redaction, words},
};

/// What a device is known by, beside its name.
pub(super) fn identity(device: &DeviceAudit, id: &str, labelled: bool, redaction: &Redaction) -> String {
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

/// How long it was observed, and used.
pub(super) fn summary(device: &DeviceAudit) -> String {
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
    let unknown = |lacking: &Lacking| matches!(lacking, Lacking::OtherTraffic { .. } | Lacking::AttendedTime { .. });
    let findings = &device.finding.findings;
    if !findings.is_empty() && findings.iter().all(|finding| finding.lacking.iter().any(unknown)) {
        return format!("{seen} When it was in use cannot be told.");
    }
    format!("{seen} Somebody was using it {} of the time.", words::percent(device.finding.attended_share))
}

/// `14 connections lasted more than 10 minutes; …`, with the subjects that uploaded most in them.
pub(super) fn unplaced(device: &DeviceAudit) -> Option<String> {
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
pub(super) fn common_lacking(device: &DeviceAudit) -> Vec<Lacking> {
    let mut without = device.finding.findings.iter().filter(|finding| finding.verdict == Verdict::Insufficient);
    let Some(first) = without.next() else { return Vec::new() };
    let common = |lacking: &Lacking| without.clone().all(|finding| finding.lacking.contains(lacking));
    first.lacking.iter().copied().filter(common).collect()
}
