//! Uploads that have an occasion: a computer that is linked, a crash, a picture that waits.

use super::{
    Said, Seen,
    Standing::{CannotTell, RuledOut, Supported},
};
use crate::{
    base::{Bytes, Minute},
    identify::{Kind, Role},
    night::{Verdict, cycle::DAY, verdict::median},
};

/// Uploads that follow each other by less than this belong to one event, minutes.
const APART: u32 = 12 * 60;
/// An event is over after this long, minutes.
const LONGEST: u32 = 2 * DAY;
/// A history goes in at least so many pieces.
const PIECES: usize = 3;
/// A history is so many times what goes up by hand on an ordinary day, or more.
const OUT_OF_THE_ORDINARY: u64 = 5;
/// A computer is linked, or linked again, this often at most.
const LINKINGS: usize = 2;
/// What waited was once chosen by hand: more than so many times all that goes up by hand did not wait.
const FAR_MORE: u64 = 2;

/// Uploads to be explained that followed each other closely.
struct Cluster {
    first: Minute,
    last: Minute,
    pieces: usize,
    sent: Bytes,
}

impl Seen<'_> {
    /// A message history leaves within a day or two, is far more than the owner sends in a day, and does not come back.
    /// What speaks for one are its many pieces.
    pub(super) fn history_sync(&self) -> Said {
        let kind = self.row.subject.kind;
        if !matches!(kind, Kind::Messenger | Kind::Web | Kind::Unattributed) {
            return (RuledOut, format!("it went to {}, which passes no messages on", self.name()));
        }
        if self.recurs() {
            return (RuledOut, format!("{} are no single event", self.habit()));
        }
        let clusters = self.clusters();
        let total: Bytes = clusters.iter().map(|cluster| cluster.sent).sum();
        let usual = self.by_hand();
        let is_extraordinary = |cluster: &&Cluster| {
            cluster.last.since(cluster.first) <= LONGEST
                && cluster.sent.0 >= usual.0.saturating_mul(OUT_OF_THE_ORDINARY).max(self.settings.export_size.0)
        };
        let events: Vec<_> = clusters.iter().filter(is_extraordinary).collect();
        let explained: Bytes = events.iter().map(|event| event.sent).sum();
        let Some(largest) = events.iter().max_by_key(|event| event.sent) else {
            let because = format!("{} are not far above the {usual} that go up by hand a day", self.habit());
            return (RuledOut, because);
        };
        let hours = largest.last.since(largest.first).div_ceil(60).max(1);
        let pieces = if largest.pieces == 1 { "piece" } else { "pieces" };
        let said = format!(
            "{} left in {} {pieces} within {hours} hours, where {usual} go up by hand on an ordinary day",
            largest.sent, largest.pieces
        );
        let in_pieces = events.iter().all(|event| event.pieces >= PIECES);
        match events.len() {
            1..=LINKINGS if in_pieces && explained.0 as f64 >= 0.9 * total.0 as f64 => (Supported, said),
            _ if explained.0 < total.0 / 2 => (RuledOut, format!("{said}, but that is less than half of the uploads")),
            1 => (CannotTell, said),
            times => (CannotTell, format!("{said}; so much left {times} times")),
        }
    }

    fn clusters(&self) -> Vec<Cluster> {
        let mut clusters: Vec<Cluster> = Vec::new();
        for burst in self.to_explain() {
            match clusters.last_mut().filter(|open| burst.first.since(open.last) <= APART) {
                Some(open) => {
                    open.last = burst.last;
                    open.pieces += 1;
                    open.sent += burst.excess;
                }
                None => {
                    clusters.push(Cluster { first: burst.first, last: burst.last, pieces: 1, sent: burst.excess });
                }
            }
        }
        clusters
    }

    /// A crash is rare and its dump goes up in one piece. What speaks for one is that it went to servers that take
    /// measurements; elsewhere it looks like any file.
    pub(super) fn crash_dump(&self) -> Said {
        let (hits, nights) = self.hits();
        let least = self.evidence.hit_share.map_or(0.0, |(low, _)| low);
        let large = matches!(self.verdict, Verdict::ExportLike | Verdict::BackupLike);
        if large && least > self.settings.strong_tipping_rate {
            return (RuledOut, format!("{}: no app crashes that often", self.habit()));
        }
        let telemetry: Bytes =
            self.row.roles.iter().filter(|(role, ..)| *role == Role::Telemetry).map(|(_, up, _)| *up).sum();
        let sent: Bytes = self.to_explain().map(|burst| burst.excess).sum();
        let pieces = self.to_explain().count();
        if sent > Bytes::ZERO && telemetry.0 >= sent.0 / 2 {
            return (Supported, format!("servers that take measurements were sent {telemetry}, as much as half of it"));
        }
        if self.verdict == Verdict::BulkButIrregular && pieces >= PIECES * (hits.max(1) as usize) {
            return (RuledOut, format!("{pieces} uploads on {hits} nights: a dump goes up in one piece"));
        }
        let elsewhere = format!("servers that take measurements were sent {telemetry} in all");
        (CannotTell, format!("uploads on {hits} of {nights} nights may be dumps, but {elsewhere}"))
    }

    /// What waits is the owner's, so it is of the size of what the owner sends by hand.
    pub(super) fn late_upload(&self) -> Said {
        if matches!(self.row.subject.kind, Kind::Cloud | Kind::Os | Kind::Push | Kind::Tracker) {
            return (RuledOut, format!("it went to {}, through which nobody sends pictures to others", self.name()));
        }
        let usual = self.by_hand();
        let most = self.nights.iter().map(|night| night.attended_up).max().unwrap_or_default();
        let (hits, nights) = self.hits();
        let typical = self.evidence.median_hit.unwrap_or_default();
        let said = format!("by hand it sends {usual} on an ordinary day and {most} on the busiest");
        if self.verdict == Verdict::ExportLike && typical > most {
            return (RuledOut, format!("{said}, while {typical} left on a typical one of {hits} nights"));
        }
        let waited: Bytes = self.nights.iter().map(|night| night.bulk_up).sum();
        let sent: Bytes = self.nights.iter().map(|night| night.attended_up).sum();
        if self.verdict == Verdict::ExportLike && waited.0 > sent.0.saturating_mul(FAR_MORE) {
            return (RuledOut, format!("by hand it sent {sent} on all days together, while {waited} left unattended"));
        }
        if let Some(rate) = self.evidence.tipping_rate.filter(|rate| *rate >= self.settings.strong_tipping_rate) {
            let rate = (rate * 100.0).round();
            return (RuledOut, format!("pictures would have to wait on more than {rate} % of nights to explain it"));
        }
        (CannotTell, format!("uploads on {hits} of {nights} nights may have waited: {said}"))
    }

    /// What goes up while attended on an ordinary day.
    fn by_hand(&self) -> Bytes {
        median(self.nights.iter().map(|night| night.attended_up).collect()).unwrap_or_default()
    }
}
