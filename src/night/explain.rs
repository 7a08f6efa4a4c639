//! What else could have sent it: innocent explanations, each held against this capture.

use crate::{
    base::{Bytes, Minute},
    identify::Kind,
    ledger::{Cell, SubjectLedger},
    night::{
        EvidenceNumbers, Night, Settings, Verdict,
        burst::{Burst, Shape},
        cycle::DAY,
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
    /// Media that the app had received and passes on.
    ForwardedMedia,
    /// The message history sent to a newly linked computer.
    HistorySync,
    /// Crash dumps or diagnostics.
    CrashDump,
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
    /// By what, in one sentence.
    pub because: String,
}

/// What the explanations are drawn from.
pub(super) struct Seen<'a> {
    pub(super) row: &'a SubjectLedger,
    pub(super) bursts: &'a [Burst],
    pub(super) nights: &'a [Night],
    pub(super) evidence: &'a EvidenceNumbers,
    pub(super) verdict: Verdict,
    pub(super) settings: &'a Settings,
}

impl Seen<'_> {
    /// Every cause with its standing; none where there is nothing to explain, or nothing can be said.
    pub(super) fn explanations(&self) -> Vec<Explanation> {
        let raw = self.nights.iter().map(|night| night.unattended_raw_up).max().unwrap_or_default();
        let notable = raw >= self.smallest() || self.verdict != Verdict::Routine;
        if self.verdict == Verdict::Insufficient || !notable {
            return Vec::new();
        }
        let mut all = Vec::new();
        if self.verdict != Verdict::Routine {
            all.extend([
                self.declared_feature(),
                self.cloud(Cause::CloudBackup, "a backup"),
                self.cloud(Cause::PhotoSync, "photo synchronisation"),
                self.forwarded_media(),
                self.history_sync(),
                self.crash_dump(),
            ]);
        }
        let acknowledged = |night: &Night| night.deductions.acknowledgements;
        let streamed = |night: &Night| night.deductions.streams;
        all.push(self.deducted(Cause::UpdateAcknowledgements, "acknowledging downloads", acknowledged));
        all.push(self.deducted(Cause::Call, "real-time streams", streamed));
        all
    }

    fn smallest(&self) -> Bytes {
        self.settings.sizes.first().copied().unwrap_or(Bytes::mb(1))
    }

    fn declared_feature(&self) -> Explanation {
        let name = &self.row.subject.name;
        let (standing, because) = match &self.row.declared_feature {
            Some(feature) => (
                Standing::Supported,
                format!("{name} offers {feature}: switch it off for some nights and see whether the uploads stop"),
            ),
            None => (Standing::CannotTell, format!("no rule knows of a feature of {name} that uploads by design")),
        };
        Explanation { cause: Cause::DeclaredFeature, standing, because }
    }

    fn cloud(&self, cause: Cause, what: &str) -> Explanation {
        let name = &self.row.subject.name;
        let (standing, because) = match self.row.subject.kind {
            Kind::Cloud => (Standing::Supported, format!("it went to {name}, where {what} goes")),
            Kind::Os | Kind::Push => {
                (Standing::Supported, format!("it went to the vendor of the system, where {what} may go"))
            }
            Kind::Messenger | Kind::Tracker => {
                (Standing::RuledOut, format!("it went to servers of {name}, and {what} to a consumer cloud does not"))
            }
            Kind::Web | Kind::Unattributed => {
                (Standing::CannotTell, "no rule knows the receiver: it may belong to a cloud".to_owned())
            }
        };
        Explanation { cause, standing, because }
    }

    /// An app can pass on no more than it had received.
    fn forwarded_media(&self) -> Explanation {
        let cause = Cause::ForwardedMedia;
        let bulk: Vec<_> = self.unattended_bulk().collect();
        let (minutes, received) = running_download(&self.row.minutes);
        let before = |minute: Minute| {
            let at = minutes.partition_point(|seen| *seen < minute);
            at.checked_sub(1).and_then(|at| received.get(at)).copied().unwrap_or_default()
        };
        let within_a_day = |burst: &&&Burst| before(burst.first).less(before(burst.first.minus(DAY))) >= burst.excess;
        let enough = bulk.iter().filter(within_a_day).count();
        let all = bulk.len();
        if all == 0 {
            let because = "there was no bulk upload: forwarded files would have shown as such".to_owned();
            return Explanation { cause, standing: Standing::RuledOut, because };
        }
        let because = format!("before {enough} of {all} uploads, it had received as much within a day");
        let standing = if enough * 2 < all { Standing::RuledOut } else { Standing::CannotTell };
        Explanation { cause, standing, because }
    }

    fn history_sync(&self) -> Explanation {
        let large = |night: &(usize, &Night)| night.1.bulk_up >= self.settings.export_size;
        let days: Vec<_> = self.nights.iter().enumerate().filter(large).map(|(at, _)| at).collect();
        let span = days.first().zip(days.last()).map_or(0, |(first, last)| last - first + 1);
        let (standing, because) = match days.len() {
            0 => (Standing::RuledOut, "there was no upload of that size".to_owned()),
            1..=4 if span <= 4 => {
                (Standing::Supported, format!("all large uploads fall within {span} night(s): it happened once"))
            }
            nights => (Standing::RuledOut, format!("large uploads on {nights} nights over {span} are no single event")),
        };
        Explanation { cause: Cause::HistorySync, standing, because }
    }

    fn crash_dump(&self) -> Explanation {
        let least = self.evidence.hit_share.map_or(0.0, |(low, _)| low);
        let hits = self.evidence.hits.first().map_or(0, |hit| hit.1);
        let nights = self.evidence.eligible_nights;
        let because = format!("unattended uploads on {hits} of {nights} nights");
        let standing =
            if least > self.settings.strong_tipping_rate { Standing::RuledOut } else { Standing::CannotTell };
        Explanation { cause: Cause::CrashDump, standing, because }
    }

    /// Whether one of the deductions is most of the raw upload. What was deducted explains nothing of what is left.
    fn deducted(&self, cause: Cause, what: &str, part: fn(&Night) -> Bytes) -> Explanation {
        let raw: Bytes = self.nights.iter().map(|night| night.unattended_raw_up).sum();
        let part: Bytes = self.nights.iter().map(part).sum();
        let left: Bytes = self.nights.iter().map(|night| night.unattended_up).sum();
        let because = format!("{part} of {raw} sent unattended may be {what}, which leaves {left}");
        let standing = match (part.0 >= raw.0.div_ceil(2), self.verdict) {
            (true, Verdict::Routine) => Standing::Supported,
            (false, Verdict::Routine) => Standing::CannotTell,
            _ => Standing::RuledOut,
        };
        Explanation { cause, standing, because }
    }

    fn unattended_bulk(&self) -> impl Iterator<Item = &Burst> {
        let smallest = self.smallest();
        self.bursts.iter().filter(move |b| !b.attended && b.shape == Shape::Bulk && b.excess >= smallest)
    }
}

/// The minutes of a subject, with all that it had received by the end of each.
fn running_download(minutes: &[(Minute, Cell)]) -> (Vec<Minute>, Vec<Bytes>) {
    let sums = minutes.iter().scan(Bytes::ZERO, |sum, (minute, cell)| {
        *sum += cell.down;
        Some((*minute, *sum))
    });
    sums.unzip()
}
