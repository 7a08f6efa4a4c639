//! The audit as JSON, schema 1 (docs/schema-1.json).
//!
//! Bytes are integers; `null` says not reachable or not known. Fields are only ever added under the same number.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde_json::{Map, Value, json, ser::Formatter};

use super::{calendar, redact::Redaction, words::compact};
use crate::{
    base::{Stamp, text::shown},
    ledger::SubjectLedger,
    night::{
        Annotation, Bounds, Cause, Deductions, EvidenceNumbers, Explanation, Finding, Grade, Lacking, Night, Score,
        Standing, Verdict,
    },
    pipeline::{Audit, DestinationTotal, DeviceAudit, InputReport},
};

/// The audit as a value of schema 1.
pub fn json(audit: &Audit, redaction: &Redaction) -> Value {
    let totals = &audit.totals;
    json!({
        "schema": 1,
        "tool": {
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "rules": {"count": audit.rules.count, "sha256": audit.rules.sha256},
        },
        "timezone": audit.timezone.name(),
        "inputs": audit.inputs.iter().enumerate().map(|(n, i)| input(n, i, redaction)).collect::<Vec<_>>(),
        "failed": audit.failed.iter().map(|why| redaction.failure(why)).collect::<Vec<_>>(),
        "totals": {
            "packets": totals.packets,
            "wire_bytes": totals.wire,
            "payload_up": totals.payload_up,
            "payload_down": totals.payload_down,
            "unattributed_up": totals.unattributed_up,
            "unattributed_down": totals.unattributed_down,
        },
        "notes": audit.notes.iter().map(|note| redaction.remark(note)).collect::<Vec<_>>(),
        "conditions": audit.remit.conditions,
        "losses": audit.losses.iter().map(|loss| json!({"what": loss.what, "count": loss.count})).collect::<Vec<_>>(),
        "devices": audit.devices.iter().map(|d| device(d, audit, redaction)).collect::<Vec<_>>(),
    })
}

/// `value` as indented text in which every character that could move a cursor or turn the direction is escaped, so
/// that it may be printed on a terminal.
pub fn json_text(value: &Value) -> String {
    let mut out = Vec::new();
    let layout = Harmless(serde_json::ser::PrettyFormatter::new());
    // Writing to memory cannot fail, and a `Value` has string keys only.
    let written = serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, layout));
    debug_assert!(written.is_ok());
    out.push(b'\n');
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes `value` on one line, escaped as by [`json_text`].
pub(super) fn write_line(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    let layout = Harmless(serde_json::ser::CompactFormatter);
    serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut *out, layout))?;
    out.write_all(b"\n")
}

/// A layout that writes invisible and direction-turning characters as `\u` escapes.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if is_plain(fragment) {
            return out.write_all(fragment.as_bytes());
        }
        let (mut bytes, mut units) = ([0; 4], [0; 2]);
        for c in fragment.chars() {
            let c_text = &*c.encode_utf8(&mut bytes);
            if is_plain(c_text) {
                out.write_all(c_text.as_bytes())?;
            } else {
                c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

fn is_plain(text: &str) -> bool {
    matches!(shown(text, text.len()), Cow::Borrowed(_))
}

fn input(n: usize, input: &InputReport, redaction: &Redaction) -> Value {
    json!({
        "path": redaction.path(n, &input.path),
        "sha256": input.sha256,
        "packets": input.packets,
        "records": input.is_log().then_some(input.records),
        "first": input.first.map(|stamp| stamp.to_string()),
        "last": input.last.map(|stamp| stamp.to_string()),
        "link_types": input.link_types,
        "malformed": input.malformed,
        "unsupported": input.unsupported,
        "truncated": input.truncated,
    })
}

fn device(device: &DeviceAudit, audit: &Audit, redaction: &Redaction) -> Value {
    let finding = &device.finding;
    let subjects = finding.findings.iter().filter_map(|one| {
        let ledger = device.ledger.subjects.get(one.subject)?;
        Some(subject(ledger, one, device, audit, redaction))
    });
    json!({
        "id": redaction.device(&device.id),
        "label": redaction.label(device.label.as_deref()),
        "addresses": device.addresses.iter().map(|addr| redaction.own_address(*addr)).collect::<Vec<_>>(),
        "attended_share": finding.attended_share,
        "leak": finding.leak,
        "nights": finding.findings.iter().map(|one| one.nights.len()).max().unwrap_or(0),
        "cut_utc_minute": finding.cut,
        "watched": device.ledger.watched.iter().map(|watched| json!({
            "first": moment(watched.span.first.start()),
            "end": moment(watched.span.end.start()),
            "dropped": watched.dropped,
        })).collect::<Vec<_>>(),
        "subjects": subjects.collect::<Vec<_>>(),
    })
}

fn subject(
    ledger: &SubjectLedger,
    finding: &Finding,
    device: &DeviceAudit,
    audit: &Audit,
    redaction: &Redaction,
) -> Value {
    let destinations = device.destinations.iter().filter(|total| total.subject == finding.subject);
    let roles: Map<String, Value> =
        ledger.roles.iter().map(|(role, up, down)| (key(role), json!({"up": up, "down": down}))).collect();
    json!({
        "subject": ledger.subject.name,
        "id": ledger.subject.id,
        "kind": ledger.subject.kind,
        "operator": ledger.subject.operator,
        "roles": roles,
        "unplaced": ledger.unplaced.is_some().then(|| json!({
            "up": ledger.unplaced.up,
            "down": ledger.unplaced.down,
            "connections": ledger.unplaced.connections,
        })),
        "verdict": verdict(finding.verdict),
        "grade": finding.grade.map(grade),
        "lacking": finding.lacking.iter().map(lacking).collect::<Vec<_>>(),
        "annotations": finding.annotations.iter().copied().map(annotation).collect::<Vec<_>>(),
        "declared_feature": ledger.features.names(),
        "evidence": evidence(&finding.evidence),
        "bounds": bounds(&finding.bounds),
        "score": finding.score.as_ref().map(score),
        "explanations": finding.explanations.iter().map(explanation).collect::<Vec<_>>(),
        "largest_upload": finding.largest_upload.map(|upload| json!({
            "start": moment(upload.start.start()),
            "minutes": upload.minutes,
            "bytes": upload.bytes,
            "attended": upload.attended,
        })),
        "destinations": destinations.map(|total| destination(total, device, redaction)).collect::<Vec<_>>(),
        "nights": finding.nights.iter().map(|one| night(one, audit)).collect::<Vec<_>>(),
    })
}

fn evidence(evidence: &EvidenceNumbers) -> Value {
    let hits: Map<String, Value> =
        evidence.hits.iter().map(|(size, nights)| (compact(*size), (*nights).into())).collect();
    json!({
        "log10_e": finite(evidence.log10_e),
        "log10_e_drip": finite(evidence.log10_e_drip),
        "tipping_rate": evidence.tipping_rate,
        "eligible_nights": evidence.eligible_nights,
        "hits": hits,
        "median_hit": evidence.median_hit,
        "first_flagged_night": evidence.first_flagged_night,
        "hit_share_95": evidence.hit_share.map(|(low, high)| [low, high]),
        "stands_among_rows": evidence.stands_among_rows,
        "clock": evidence.clock.map(|clock| json!({
            "utc_minute": clock.minute,
            "concentration": clock.concentration,
            "p_value": clock.p_value,
        })),
    })
}

fn bounds(bounds: &Bounds) -> Value {
    json!({
        "worst_night": bounds.worst_night,
        "third_worst_night": bounds.third_worst_night,
        "median_night": bounds.median_night,
        "raw_worst_night": bounds.raw_worst_night,
        "frequency_upper_95": bounds.frequency_upper_95,
        "minimal_detectable": {"any": bounds.detectable, "export_like": bounds.detectable_export},
        "minimal_detectable_every_other_night": {
            "any": bounds.detectable_alternate,
            "export_like": bounds.detectable_export_alternate,
        },
        "raw_worst_night_deductions": deductions(&bounds.raw_deductions),
        "nights_to_notice_10_mb": bounds.nights_to_notice,
        "hidden_share": bounds.hidden_share,
    })
}

fn night(night: &Night, audit: &Audit) -> Value {
    json!({
        "date": calendar::date(night.start, audit.timezone).to_string(),
        "start": moment(night.start.start()),
        "coverage": night.coverage,
        "unattended_up": night.unattended_up,
        "unattended_raw_up": night.unattended_raw_up,
        "bulk_up": night.bulk_up,
        "attended_up": night.attended_up,
        "streams_up": night.streams_up,
        "deductions": deductions(&night.deductions),
    })
}

fn deductions(deductions: &Deductions) -> Value {
    json!({
        "acknowledgements": deductions.acknowledgements,
        "streams": deductions.streams,
        "attended_starts": deductions.attended_starts,
    })
}

fn score(score: &Score) -> Value {
    json!({
        "probability": score.probability(),
        "log_odds": score.log_odds(),
        "terms": score.terms.iter().map(|term| json!({
            "what": term.what,
            "value": term.value,
            "weight": term.weight,
        })).collect::<Vec<_>>(),
    })
}

fn explanation(explanation: &Explanation) -> Value {
    json!({
        "cause": cause(explanation.cause),
        "standing": standing(explanation.standing),
        "because": explanation.because,
    })
}

fn destination(total: &DestinationTotal, device: &DeviceAudit, redaction: &Redaction) -> Value {
    json!({
        "destination": redaction.destination(&total.destination, &device.addresses),
        "role": total.role,
        "up": total.up,
        "down": total.down,
        "unattended_up": total.unattended_up,
        "evidence": total.evidence,
    })
}

fn lacking(lacking: &Lacking) -> Value {
    match *lacking {
        Lacking::Nights { eligible, needed } => json!({"what": "nights", "eligible": eligible, "needed": needed}),
        Lacking::AttendedTime { leak } => json!({"what": "attended-time", "leak": leak}),
        Lacking::Tunnel => json!({"what": "tunnel"}),
        Lacking::OtherTraffic { used, nights } => json!({"what": "other-traffic", "used": used, "nights": nights}),
        Lacking::Coverage => json!({"what": "coverage"}),
        Lacking::Unplaced { share } => json!({"what": "unplaced", "share": share}),
    }
}

/// A verdict's name in JSON and CSV.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Insufficient => "insufficient",
        Verdict::Routine => "routine",
        Verdict::SmallRecurrent => "small-recurrent",
        Verdict::BulkButIrregular => "bulk-but-irregular",
        Verdict::BackupLike => "backup-like",
        Verdict::ExportLike => "export-like",
    }
}

/// The verdict of a name in JSON.
pub(super) fn verdict_of(name: &str) -> Option<Verdict> {
    use Verdict::{BackupLike, BulkButIrregular, ExportLike, Insufficient, Routine, SmallRecurrent};
    let all = [Insufficient, Routine, SmallRecurrent, BulkButIrregular, BackupLike, ExportLike];
    all.into_iter().find(|one| verdict(*one) == name)
}

/// The grade of a name in JSON.
pub(super) fn grade_of(name: &str) -> Option<Grade> {
    [Grade::Strong, Grade::Suggestive].into_iter().find(|one| grade(*one) == name)
}

/// A grade's name in JSON and CSV.
pub(super) const fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Strong => "strong",
        Grade::Suggestive => "suggestive",
    }
}

/// An annotation's name in JSON and CSV.
pub(super) const fn annotation(annotation: Annotation) -> &'static str {
    match annotation {
        Annotation::DeclaredFeature => "declared-feature",
        Annotation::Unattributed => "unattributed",
        Annotation::Drip => "drip",
        Annotation::TailRecurrent => "tail-recurrent",
        Annotation::Tunnel => "tunnel",
        Annotation::PartialCoverage => "partial-coverage",
        Annotation::DeclaredHours => "declared-hours",
        Annotation::Unplaced => "unplaced",
    }
}

/// An innocent cause's name in JSON.
pub(super) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::DeclaredFeature => "declared-feature",
        Cause::CloudBackup => "cloud-backup",
        Cause::PhotoSync => "photo-sync",
        Cause::ForwardedMedia => "forwarded-media",
        Cause::HistorySync => "history-sync",
        Cause::CrashDump => "crash-dump",
        Cause::LateUpload => "late-upload",
        Cause::UpdateAcknowledgements => "update-acknowledgements",
        Cause::Call => "call",
    }
}

/// What is said of a cause, in JSON.
pub(super) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Supported => "supported",
        Standing::RuledOut => "ruled-out",
        Standing::CannotTell => "cannot-tell",
    }
}

/// The kebab-case name of a role, kind, evidence or confidence.
pub(super) fn key(named: impl serde::Serialize) -> String {
    serde_json::to_value(named).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn moment(stamp: Stamp) -> String {
    stamp.to_string()
}

/// JSON has no infinity: a logarithm beyond all numbers is the largest there is.
fn finite(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(-1e6, 1e6) }
}
