//! A stored ledger in, an [`Audit`] out: the same as from the packets it was made of.

use std::sync::Arc;

use super::{
    audit::{Audit, DeviceAudit, InputReport, Loss, Remit, Totals},
    conclude,
    offline::Judging,
};
use crate::{
    base::Span,
    identify::{Device, DeviceId, Rules},
    ledger::{Archive, CaptureRecord, Coverage, DeviceRecord, LiveRecord, Row, Store, StoreError},
};

/// Which part of a ledger is audited.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Query {
    /// Which minutes; `None` for all.
    pub span: Option<Span>,
    /// Which device, by its id, label or one of its addresses; `None` for all.
    pub device: Option<String>,
    /// Which subject is reported, by its id or name; `None` for all. Others still say when somebody was there.
    pub subject: Option<String>,
}

/// Audits what `query` asks for, as the ledger is at this moment, also while another process writes to it.
///
/// `rules` are named in the report; attribution was made when the packets were read.
pub fn recall(store: &Store, query: &Query, rules: &Arc<Rules>, judging: &Judging) -> Result<Audit, StoreError> {
    store.at_one_moment(|store| recall_from(store, query, rules, judging))
}

/// As [`recall`], from any place minutes are kept in.
pub fn recall_from<A: Archive>(
    archive: &A,
    query: &Query,
    rules: &Rules,
    judging: &Judging,
) -> Result<Audit, A::Error> {
    let captured = archive.captured(query.span)?;
    let (mut all, mut devices) = (Row::default(), Vec::new());
    for record in archive.devices(query.span)?.iter().filter(|record| query.wants(&record.device)) {
        let (device, total) = judge(archive, record, query.span, &captured.coverage, judging)?;
        all.add(&total);
        devices.push(device);
    }
    let devices = conclude::in_order(devices, judging);
    let totals = conclude::totals(&all, &devices);
    let mut audit = Audit {
        timezone: judging.timezone,
        rules: conclude::rules_info(rules),
        failed: Vec::new(),
        notes: notes(&captured, query),
        remit: Remit { span: query.span, narrowed: false, conditions: judging.night.conditions() },
        totals: Totals { packets: captured.frames, wire: captured.wire, ..totals },
        losses: captured.losses.iter().map(|(what, count)| loss(what, *count)).collect(),
        inputs: captured.live.iter().map(live_input).chain(captured.files.iter().cloned()).collect(),
        devices,
    };
    if let Some(subject) = &query.subject {
        keep_subject(&mut audit, subject);
    }
    Ok(audit)
}

/// Judges one stored device; gives with it the sums of its rows.
pub fn judge<A: Archive>(
    archive: &A,
    record: &DeviceRecord,
    span: Option<Span>,
    coverage: &Coverage,
    judging: &Judging,
) -> Result<(DeviceAudit, Row), A::Error> {
    let id = DeviceId(0);
    let account = archive.account(record, id, span)?;
    let device = conclude::device(&account, id, record.device.clone(), coverage, judging);
    Ok((device, *account.ledger.total()))
}

impl Query {
    /// Whether it asks for this device.
    pub fn wants(&self, device: &Device) -> bool {
        self.device.as_deref().is_none_or(|asked| {
            device.id.eq_ignore_ascii_case(asked)
                || device.label.as_deref().is_some_and(|label| label.eq_ignore_ascii_case(asked))
                || asked.parse().is_ok_and(|address| device.addresses.contains(&address))
        })
    }
}

fn keep_subject(audit: &mut Audit, asked: &str) {
    audit.remit.narrowed = true;
    for device in &mut audit.devices {
        let subjects = &device.ledger.subjects;
        let wanted = |at: usize| {
            subjects.get(at).is_some_and(|row| {
                row.subject.id.eq_ignore_ascii_case(asked) || row.subject.name.eq_ignore_ascii_case(asked)
            })
        };
        device.finding.findings.retain(|finding| wanted(finding.subject));
        device.destinations.retain(|total| wanted(total.subject));
    }
    audit.devices.retain(|device| !device.finding.findings.is_empty());
}

fn notes(captured: &CaptureRecord, query: &Query) -> Vec<String> {
    let from = captured.minutes_from;
    let older = from.0 > 0 && query.span.is_none_or(|span| span.first < from);
    let day = from.start().utc().format("%Y-%m-%d");
    older
        .then(|| {
            format!("the ledger keeps sums by the hour of what is older than {day}: nights before that are not judged")
        })
        .into_iter()
        .collect()
}

fn loss(what: &str, count: u64) -> Loss {
    Loss { what: what.to_owned().into(), count }
}

fn live_input(live: &LiveRecord) -> InputReport {
    let path = match (live.source.interface.as_str(), live.source.sensor.as_str()) {
        ("", "") => "live capture".to_owned(),
        (interface, "") => interface.to_owned(),
        (interface, sensor) => format!("{interface} ({sensor})"),
    };
    InputReport { path, packets: live.frames, first: live.first, last: live.last, ..InputReport::default() }
}
