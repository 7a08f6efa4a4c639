//! What was read, and what its reader must know of it.

use std::borrow::Cow;

use super::name;
use crate::{
    base::{Bytes, text::shown},
    pipeline::{Audit, InputReport},
    report::{calendar, redact::Redaction, words},
};

/// One input.
pub(in crate::report) struct InputLine<'a> {
    pub(in crate::report) name: String,
    pub(in crate::report) report: &'a InputReport,
    /// How many packets, and of a log how many rows.
    pub(in crate::report) what: String,
    pub(in crate::report) when: String,
    pub(in crate::report) troubles: Vec<String>,
}

/// What is said of one input.
pub(super) fn input_line<'a>(n: usize, input: &'a InputReport, audit: &Audit, redaction: &Redaction) -> InputLine<'a> {
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

/// What a reader must know of the inputs.
pub(super) fn notes(audit: &Audit, redaction: &Redaction) -> Vec<String> {
    let mut said: Vec<String> =
        audit.failed.iter().map(|why| format!("Not read: {}", shown(&redaction.failure(why), 300))).collect();
    said.extend(audit.remit.conditions.iter().map(|told| format!("{told}.")));
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
