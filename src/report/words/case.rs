//! One subject in sentences: what was found and what it rests on.

use chrono_tz::Tz;

use super::figures::{compact, listed, median, nights, percent, plural};
use crate::{
    base::Bytes,
    identify::Kind,
    ledger::SubjectLedger,
    night::{Annotation, Finding, Grade, Lacking, Upload, Verdict},
    report::calendar::moment,
};

/// One subject with what was found of it.
#[derive(Clone, Copy)]
pub(in crate::report) struct Case<'a> {
    /// Its name, safe to show.
    pub(in crate::report) name: &'a str,
    /// Whose servers, safe to show.
    pub(in crate::report) operator: &'a str,
    /// Its minutes.
    pub(in crate::report) ledger: &'a SubjectLedger,
    /// What is said of it.
    pub(in crate::report) finding: &'a Finding,
    /// In which zone times are shown.
    pub(in crate::report) zone: Tz,
}

impl Case<'_> {
    pub(super) fn has(&self, annotation: Annotation) -> bool {
        self.finding.annotations.contains(&annotation)
    }

    pub(super) fn kind(&self) -> Kind {
        self.ledger.subject.kind
    }

    /// Whom the traffic went to.
    fn target(&self) -> String {
        match self.kind() {
            Kind::Unattributed => "servers that nothing identifies".to_owned(),
            Kind::Messenger if !self.operator.is_empty() => format!("servers of {}", self.operator),
            _ => self.name.to_owned(),
        }
    }

    /// What the verdict means, in a sentence.
    pub(in crate::report) fn meaning(&self) -> String {
        let (name, target) = (self.name, self.target());
        match self.finding.verdict {
            Verdict::ExportLike if self.kind() == Kind::Unattributed => {
                "Night after night, large amounts of data went to servers that nothing identifies, while nobody was \
                 using the phone. This describes the traffic, not an intent: what was in it cannot be read."
                    .to_owned()
            }
            Verdict::ExportLike => format!(
                "Night after night, {name} sent large amounts of data to {target} while nobody was using the phone. \
                 This describes the traffic, not an intent: what was in it cannot be read."
            ),
            Verdict::BackupLike => format!(
                "Night after night, large amounts of data went to {name} while nobody was using the phone, as they \
                 do for a backup or photo sync. Which app's data it was cannot be told from traffic alone."
            ),
            Verdict::BulkButIrregular => format!(
                "Large amounts of data went to {target} while nobody was using the phone, but not often enough to \
                 call it a habit."
            ),
            Verdict::SmallRecurrent => format!(
                "Small amounts of data went to {target} night after night while nobody was using the phone. It may \
                 be diagnostics, or an export the size of text messages: traffic alone cannot tell."
            ),
            Verdict::Routine => format!("Nothing beyond ordinary traffic went to {target} in bulk."),
            Verdict::Insufficient => "No verdict yet. What was seen is listed here all the same.".to_owned(),
        }
    }

    /// The bound, which leads: an account of what left, not a probability.
    pub(in crate::report) fn headline(&self) -> Option<String> {
        let (bounds, seen) = (&self.finding.bounds, self.finding.evidence.eligible_nights);
        let worst = bounds.worst_night?;
        let on = if seen == 1 { "the one night".to_owned() } else { format!("the {}", nights(seen)) };
        let who = match self.kind() {
            Kind::Messenger => "this app uploaded".to_owned(),
            Kind::Unattributed => "that went to unidentified servers".to_owned(),
            _ => format!("that went to {}", self.name),
        };
        let half = match bounds.median_night.filter(|_| seen > 1) {
            Some(median) => format!("; on half of the nights it was {median} or less"),
            None => String::new(),
        };
        let raw = self.set_aside().unwrap_or_default();
        Some(format!("On {on} observed, the most {who} while nobody used the phone was {worst}{half}.{raw}"))
    }

    /// What the most was with nothing set aside, and what was, where that makes a difference.
    fn set_aside(&self) -> Option<String> {
        let bounds = &self.finding.bounds;
        let (worst, raw) = (bounds.worst_night?, bounds.raw_worst_night?);
        if raw <= worst + Bytes(worst.0 / 2) + Bytes::kb(100) {
            return None;
        }
        let aside = bounds.raw_deductions;
        let items = [
            ("for acknowledging downloads", aside.acknowledgements),
            ("of calls and live streams", aside.streams),
            ("of uploads begun while the phone was in use", aside.attended_starts),
        ];
        let items: Vec<_> =
            items.iter().filter(|(_, size)| *size > Bytes::ZERO).map(|(what, size)| format!("{size} {what}")).collect();
        let items = if items.is_empty() { String::new() } else { format!(" ({})", listed(&items)) };
        Some(format!(" With nothing set aside{items} the most was {raw}."))
    }

    /// What the verdict rests on: how many nights, how much, and how common accidents would have to be.
    pub(in crate::report) fn evidence(&self) -> Vec<String> {
        let mut said = Vec::new();
        said.extend(self.recurrence());
        said.extend(self.tipping());
        said.extend(self.by_hand());
        said.extend(self.remarks());
        said
    }

    /// What else its reader must know of how it was reached.
    pub(in crate::report) fn remarks(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.has(Annotation::Drip) {
            said.push("It went up in many small pieces rather than in a few large ones.".to_owned());
        }
        if self.has(Annotation::TailRecurrent) {
            said.push(
                "It tends to begin shortly after the last use of the day, more often than after other pauses."
                    .to_owned(),
            );
        }
        if self.is_recurrent() && !self.finding.evidence.stands_among_rows {
            said.push(
                "So many apps and services were judged at once that one such pattern may be chance; look at more nights."
                    .to_owned(),
            );
        }
        if self.has(Annotation::DeclaredHours) {
            said.push("When the phone was in use was stated by its owner, not read from traffic.".to_owned());
        }
        said
    }

    fn recurrence(&self) -> Option<String> {
        let evidence = &self.finding.evidence;
        let (size, hits) = self.telling_hits()?;
        let (size, of) = (compact(size).replace("MB", " MB"), nights(evidence.eligible_nights));
        let typical = evidence.median_hit.map(|median| format!("; on such a night it was typically {median}"));
        let first = evidence.first_flagged_night.map(|n| format!(" The pattern was clear from night {n} on."));
        Some(format!(
            "On {hits} of {of} at least {size} went up while nobody used the phone{}.{}",
            typical.unwrap_or_default(),
            first.unwrap_or_default()
        ))
    }

    /// The size that tells most: the largest that the usual hit reaches, with its nights.
    fn telling_hits(&self) -> Option<(Bytes, u32)> {
        let evidence = &self.finding.evidence;
        let median = evidence.median_hit.unwrap_or(Bytes(u64::MAX));
        let reached = evidence.hits.iter().filter(|(size, hits)| *hits > 0 && *size <= median && *size <= Bytes::mb(5));
        reached.max_by_key(|(size, _)| *size).copied()
    }

    fn tipping(&self) -> Option<String> {
        let rate = self.finding.evidence.tipping_rate.filter(|_| self.is_recurrent())?;
        let tail = match self.finding.grade {
            Some(Grade::Strong) => "",
            _ => "; on a phone that often finishes uploads late, that can happen",
        };
        let rate = percent(rate);
        Some(format!(
            "For this to be chance, accidental uploads would have to happen on more than {rate} of nights{tail}."
        ))
    }

    fn is_recurrent(&self) -> bool {
        matches!(self.finding.verdict, Verdict::ExportLike | Verdict::BackupLike | Verdict::SmallRecurrent)
    }

    fn by_hand(&self) -> Option<String> {
        if matches!(self.finding.verdict, Verdict::Routine | Verdict::Insufficient) {
            return None;
        }
        let usual = median(self.finding.nights.iter().map(|night| night.attended_up))?;
        (usual > Bytes::ZERO).then(|| format!("While in use, it sends {usual} on an ordinary day."))
    }

    /// How much went up while nobody used the phone, where that can be told.
    pub(in crate::report) fn unattended(&self) -> Option<String> {
        let nights = self.finding.nights.iter();
        let (unused, used) = nights.fold((Bytes::ZERO, Bytes::ZERO), |(unused, used), night| {
            (unused + night.unattended_raw_up, used + night.attended_up)
        });
        (self.knows_use() && unused + used > Bytes::ZERO)
            .then(|| format!(" {unused} went up while nobody was using the phone, {used} while somebody was."))
    }

    /// Whether use of the phone can be told from its traffic.
    fn knows_use(&self) -> bool {
        let blind = |lacking: &Lacking| {
            matches!(lacking, Lacking::AttendedTime { .. } | Lacking::OtherTraffic { .. } | Lacking::Tunnel)
        };
        !self.finding.lacking.iter().any(blind)
    }

    /// The largest upload seen.
    pub(in crate::report) fn largest(&self) -> Option<String> {
        let Upload { start, minutes, bytes, attended } = self.finding.largest_upload?;
        let when = moment(start, self.zone);
        let long = plural(u64::from(minutes.max(1)), "minute", "minutes");
        if !self.knows_use() {
            return Some(format!("The largest upload was {bytes} on {when}, over {long}."));
        }
        let use_then = if attended { "while somebody was using the phone" } else { "while nobody was using the phone" };
        Some(format!("The largest upload was {bytes} on {when}, over {long}, begun {use_then}."))
    }

    /// The numbers behind the verdict, for experts.
    pub(in crate::report) fn numbers(&self) -> String {
        let (e, b) = (&self.finding.evidence, &self.finding.bounds);
        let hits: Vec<_> = e.hits.iter().map(|(size, hits)| format!("{}:{hits}", compact(*size))).collect();
        let size = |bytes: Option<Bytes>| bytes.map_or("n/a".to_owned(), |bytes| bytes.to_string());
        let rate = |rate: Option<f64>| rate.map_or("n/a".to_owned(), |rate| format!("{rate:.2}"));
        let span = e.hit_share.map_or("n/a".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"));
        let score = self.finding.score.as_ref().map_or(String::new(), |score| {
            format!("; score {:.2} (on synthetic phones, 46 % of which export)", score.probability())
        });
        format!(
            "log10 e {:.1} (drip {:.1}), tipping rate {}, eligible nights {}, hits {}, hit share {span}; night S(1) {}, S(3) {}, median \
             {}, raw {}; 95 % limit on nights with 1 MB {}; detectable {}, as export {}{score}",
            e.log10_e,
            e.log10_e_drip,
            rate(e.tipping_rate),
            e.eligible_nights,
            if hits.is_empty() { "none".to_owned() } else { hits.join(" ") },
            size(b.worst_night),
            size(b.third_worst_night),
            size(b.median_night),
            size(b.raw_worst_night),
            rate(b.frequency_upper_95),
            size(b.detectable),
            size(b.detectable_export),
        )
    }
}
