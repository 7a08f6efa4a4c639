//! What else could have sent it: innocent explanations, each held against this capture.
//!
//! An explanation is `Supported` where something in the capture speaks for it, not merely where nothing speaks against
//! it. What each is tested by is said at its test; the sentence that goes with it names the numbers.

mod declared_feature;
mod event;
mod kept;
mod passed_on;
mod shape;

use std::borrow::Cow;

use crate::{
    base::{Bytes, text::shown},
    ledger::SubjectLedger,
    night::{
        EvidenceNumbers, Night, Settings, Verdict,
        attended::Mask,
        burst::{Burst, Shape},
        tally::Observed,
    },
};

/// An innocent cause of uploads that nobody began.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Cause {
    /// A feature of the app that uploads by design when it is turned on, such as an in-app backup.
    DeclaredFeature,
    /// A backup of the phone or an app in a consumer cloud.
    CloudBackup,
    /// Photos synchronised with a consumer cloud.
    PhotoSync,
    /// Media that the app had received and passes on, as for a linked computer.
    ForwardedMedia,
    /// The message history sent to a newly linked computer.
    HistorySync,
    /// Crash dumps or diagnostics.
    CrashDump,
    /// The owner's own pictures and videos that waited for a better connection.
    LateUpload,
    /// Acknowledgements of large downloads, such as updates.
    UpdateAcknowledgements,
    /// Calls or other real-time streams.
    Call,
}

/// What this capture says of a cause.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Standing {
    /// It fits what was seen, and something speaks for it.
    Supported,
    /// It does not fit what was seen.
    RuledOut,
    /// It would look the same, or what would tell was not seen.
    CannotTell,
}

/// One cause, held against the capture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// Which.
    pub cause: Cause,
    /// How it stands.
    pub standing: Standing,
    /// By what, in one sentence without its full stop.
    pub because: String,
}

/// No name in a sentence is longer.
const LONGEST_NAME: usize = 64;

/// A standing with the sentence that goes with it.
type Said = (Standing, String);

/// What the explanations are drawn from.
pub(super) struct Seen<'a> {
    pub(super) row: &'a SubjectLedger,
    pub(super) bursts: &'a [Burst],
    pub(super) nights: &'a [Night],
    pub(super) evidence: &'a EvidenceNumbers,
    pub(super) verdict: Verdict,
    pub(super) settings: &'a Settings,
    pub(super) mask: &'a Mask<'a>,
    pub(super) observed: &'a Observed,
}

impl Seen<'_> {
    /// Every cause with its standing; none where there is nothing to explain, or nothing can be said.
    pub(super) fn explanations(&self) -> Vec<Explanation> {
        let raw = self.nights.iter().map(|night| night.unattended_raw_up).max().unwrap_or_default();
        let notable = raw >= self.smallest() || self.verdict != Verdict::Routine;
        if self.verdict == Verdict::Insufficient || !notable {
            return Vec::new();
        }
        let mut said = Vec::new();
        if self.verdict != Verdict::Routine {
            said.extend([
                (Cause::DeclaredFeature, self.declared_features()),
                (Cause::CloudBackup, self.cloud_backup()),
                (Cause::PhotoSync, self.photo_sync()),
                (Cause::ForwardedMedia, self.forwarded_media()),
                (Cause::HistorySync, self.history_sync()),
                (Cause::CrashDump, self.crash_dump()),
                (Cause::LateUpload, self.late_upload()),
            ]);
        }
        said.push((Cause::UpdateAcknowledgements, self.acknowledgements()));
        said.push((Cause::Call, self.call()));
        said.into_iter().map(|(cause, (standing, because))| Explanation { cause, standing, because }).collect()
    }

    fn smallest(&self) -> Bytes {
        self.settings.sizes.first().copied().unwrap_or(Bytes::mb(1))
    }

    /// The subject's name, short and safe to put into a sentence.
    fn name(&self) -> Cow<'_, str> {
        shown(&self.row.subject.name, LONGEST_NAME)
    }

    fn recurs(&self) -> bool {
        matches!(self.verdict, Verdict::ExportLike | Verdict::BackupLike | Verdict::SmallRecurrent)
    }

    /// The uploads that are to be explained: unattended, in bulk, and of the smallest size or more.
    fn to_explain(&self) -> impl Iterator<Item = &Burst> {
        let smallest = self.smallest();
        self.bursts.iter().filter(move |b| !b.attended && b.shape == Shape::Bulk && b.excess >= smallest)
    }

    /// On how many nights, of how many that count, there was an upload of the smallest size or more.
    fn hits(&self) -> (u32, u32) {
        (self.evidence.hits.first().map_or(0, |hit| hit.1), self.evidence.eligible_nights)
    }

    /// `7 uploads on 6 of 28 nights, 14.2 MB on a typical one`.
    fn habit(&self) -> String {
        let uploads = self.to_explain().count();
        let (hits, nights) = self.hits();
        let typical = self.evidence.median_hit.map(|size| format!(", {size} on a typical one")).unwrap_or_default();
        format!("{uploads} {} on {hits} of {nights} nights{typical}", if uploads == 1 { "upload" } else { "uploads" })
    }
}
