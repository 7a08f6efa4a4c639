//! From numbers to words: the tree of decisions.

use crate::{
    base::Bytes,
    identify::Kind,
    night::{EvidenceNumbers, Grade, Lacking, Night, Settings, Verdict},
};

/// What recurrence shows in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Recurrent {
    /// Bulk uploads recur.
    pub(super) bulk: bool,
    /// Bulk uploads of the size of an export recur.
    pub(super) large: bool,
    /// Upload outside bulk bursts recurs.
    pub(super) drip: bool,
}

/// The verdict on a subject of `kind`.
pub(super) fn decide(
    kind: Kind,
    lacking: &[Lacking],
    recurrent: Recurrent,
    nights: &[Night],
    settings: &Settings,
) -> Verdict {
    let irregular = || nights.iter().any(|night| night.bulk_up >= settings.export_size);
    if !lacking.is_empty() {
        Verdict::Insufficient
    } else if recurrent.large || recurrent.drip {
        recurrent_upload(kind)
    } else if recurrent.bulk {
        Verdict::SmallRecurrent
    } else if irregular() {
        Verdict::BulkButIrregular
    } else {
        Verdict::Routine
    }
}

/// What recurrent unattended uploads of size are called. Consumer clouds and the vendor of the system, whose push
/// service is part of it, keep copies by design. A tracker, a web site or an unknown host has no such purpose.
const fn recurrent_upload(kind: Kind) -> Verdict {
    match kind {
        Kind::Cloud | Kind::Os | Kind::Push => Verdict::BackupLike,
        Kind::Messenger | Kind::Tracker | Kind::Web | Kind::Unattributed => Verdict::ExportLike,
    }
}

/// How firm a recurrent verdict is: `strong` needs accidents to be frequent before they explain it, and the evidence to
/// stand among all rows of the device.
pub(super) fn grade(verdict: Verdict, evidence: &EvidenceNumbers, settings: &Settings) -> Option<Grade> {
    let recurrent = matches!(verdict, Verdict::BackupLike | Verdict::ExportLike);
    let firm = evidence.tipping_rate.is_some_and(|rate| rate >= settings.strong_tipping_rate);
    let strong = firm && evidence.stands_among_rows;
    recurrent.then_some(if strong { Grade::Strong } else { Grade::Suggestive })
}

/// The median of `hits`; of an even number, the lower middle one.
pub(super) fn median(mut hits: Vec<Bytes>) -> Option<Bytes> {
    hits.sort_unstable();
    hits.get(hits.len().checked_sub(1)? / 2).copied()
}
