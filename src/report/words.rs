//! What is said of one subject, in words that need no training.
//!
//! A verdict describes traffic, not intent, and never stands alone: with it goes what was seen and on how many nights,
//! what else could explain it, what cannot be seen, and what would settle it.

use chrono_tz::Tz;

use super::calendar::moment;
use crate::{
    base::Bytes,
    identify::{Evidence, Kind, Role},
    ledger::SubjectLedger,
    night::{Annotation, Finding, Grade, Lacking, Night, Upload, Verdict},
};

/// One subject with what was found of it.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    /// Its name, safe to show.
    pub(super) name: &'a str,
    /// Whose servers, safe to show.
    pub(super) operator: &'a str,
    /// Its minutes.
    pub(super) ledger: &'a SubjectLedger,
    /// What is said of it.
    pub(super) finding: &'a Finding,
    /// In which zone times are shown.
    pub(super) zone: Tz,
}

/// A verdict in words.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Insufficient => "not enough seen for a verdict",
        Verdict::Routine => "routine",
        Verdict::SmallRecurrent => "small uploads that come back",
        Verdict::BulkButIrregular => "large uploads, but no pattern",
        Verdict::BackupLike => "looks like a backup",
        Verdict::ExportLike => "looks like an export",
    }
}

/// A grade in words.
pub(super) const fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Strong => "strong evidence",
        Grade::Suggestive => "suggestive evidence",
    }
}

/// What an endpoint is for, in words.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Chat => "messages",
        Role::Media => "media",
        Role::Call => "calls",
        Role::Push => "wake-ups",
        Role::Backup => "backup",
        Role::Telemetry => "measurements",
        Role::Account => "account",
        Role::Update => "updates",
        Role::Web => "web",
        Role::Unknown => "purpose unknown",
    }
}

/// What an endpoint is for, in a word.
pub(super) const fn role_short(role: Role) -> &'static str {
    match role {
        Role::Telemetry => "telemetry",
        Role::Unknown => "-",
        Role::Chat => "chat",
        Role::Call => "call",
        Role::Push => "push",
        Role::Update => "update",
        named => self::role(named),
    }
}

/// By what traffic was attributed, in words.
pub(super) const fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::None => "unknown",
        Evidence::Asn => "network owner",
        Evidence::Prefix => "address block",
        Evidence::Inherited => "same server",
        Evidence::Dns => "name looked up",
        Evidence::Signature => "byte pattern",
        Evidence::QuicSni | Evidence::Sni => "server name",
        Evidence::Process => "process",
        Evidence::Uid => "app id",
    }
}

/// What traffic of an ordinary size weighs: no report of "routine" goes without it.
pub(super) const SIZE_GUIDE: &str = "For scale: a day of text messages is about 20 to 100 kB, 10,000 messages are 1 to \
    3 MB, an address book is about 50 kB. An export of that size cannot be told from ordinary traffic.";

/// What no capture of this kind shows.
pub(super) const UNSEEN: [&str; 3] = [
    "What the messages and files contain: it is encrypted, and only headers and handshakes are read.",
    "What went over other networks, such as mobile data, unless they were captured too.",
    "What was sent while somebody was using the phone anyway, mixed with their own uploads.",
];

/// `1 night`, `2 nights`.
pub(super) fn nights(n: u32) -> String {
    plural(u64::from(n), "night", "nights")
}

/// `n` with the right form of a noun.
pub(super) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// `1,262,154`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share of 0 to 1 as whole per cent; what is not nothing or everything never reads as 0 % or 100 %.
pub(super) fn percent(share: f64) -> String {
    let share = share.clamp(0.0, 1.0);
    if share > 0.0 && share < 0.005 {
        "under 1 %".to_owned()
    } else if (0.995..1.0).contains(&share) {
        "over 99 %".to_owned()
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

impl Case<'_> {
    fn has(&self, annotation: Annotation) -> bool {
        self.finding.annotations.contains(&annotation)
    }

    fn kind(&self) -> Kind {
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
    pub(super) fn meaning(&self) -> String {
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
    pub(super) fn headline(&self) -> Option<String> {
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
    pub(super) fn evidence(&self) -> Vec<String> {
        let mut said = Vec::new();
        said.extend(self.recurrence());
        said.extend(self.tipping());
        said.extend(self.by_hand());
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

    /// What could explain the traffic without any export.
    pub(super) fn explanations(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(feature) = &self.ledger.declared_feature {
            let feature = crate::base::text::shown(feature, 80);
            said.push(format!("Something this app is known to do: {feature}."));
        }
        match self.kind() {
            Kind::Messenger => said.extend(messenger_explanations(self.finding.verdict)),
            Kind::Cloud => said.extend([
                "The phone's own backup, which runs at night on power and Wi-Fi.".to_owned(),
                "Photo and file sync, which may include pictures that messaging apps have saved.".to_owned(),
                "A messaging app's backup into this storage: check each app's backup setting.".to_owned(),
            ]),
            Kind::Unattributed => said.extend([
                "Any app, or the system: no name and no rule says whose traffic this is.".to_owned(),
                "A backup or sync service whose servers no rule knows yet.".to_owned(),
            ]),
            Kind::Os => said.push("The system's own backup, updates or diagnostics.".to_owned()),
            Kind::Push | Kind::Tracker | Kind::Web => {
                said.push("Measurements or sync by whichever apps use this service.".to_owned());
            }
        }
        if self.finding.verdict == Verdict::BulkButIrregular {
            said.push("A large picture or video that was sent late because the connection was poor.".to_owned());
        }
        said
    }

    /// What this capture could not show.
    pub(super) fn unseen(&self) -> Vec<String> {
        let mut said: Vec<String> = UNSEEN.map(str::to_owned).into();
        if let Some(floor) = self.finding.bounds.detectable {
            said.push(format!("Nightly uploads smaller than {floor}: larger ones would have been noticed."));
        }
        if let Some(missed) = unobserved(&self.finding.nights) {
            said.push(missed);
        }
        if self.has(Annotation::Tunnel) {
            said.push("What is inside the VPN tunnel that this phone uses.".to_owned());
        }
        said
    }

    /// What its reader can do to settle the question.
    pub(super) fn next(&self) -> Vec<String> {
        let toggle = |what: &str| {
            format!(
                "Turn {what} off for seven nights and on for seven, in random order, and capture all of them: if the \
                 uploads follow the switch, that explains them."
            )
        };
        match (self.finding.verdict, self.kind()) {
            (Verdict::Insufficient, _) => self.missing(),
            (Verdict::Routine, _) => Vec::new(),
            (Verdict::BulkButIrregular, _) => {
                vec!["Capture 28 nights or more, to see whether it comes back.".to_owned()]
            }
            (_, Kind::Unattributed) => vec![
                "Capture on the phone itself (PCAPdroid names the app behind each connection), to learn whose it is."
                    .to_owned(),
            ],
            (_, Kind::Cloud) => vec![toggle("backup and photo sync")],
            (_, Kind::Messenger) => vec![
                "Look in the app for backup, sync and automatic upload, and for linked computers.".to_owned(),
                toggle("what you find"),
                "Do not publish this line alone: it is a reason to look closer.".to_owned(),
            ],
            _ => vec![toggle("the service")],
        }
    }

    /// Why there is no verdict, and what would mend it.
    pub(super) fn missing(&self) -> Vec<String> {
        self.finding.lacking.iter().map(lacking).collect()
    }

    /// How much went up while nobody used the phone, where that can be told.
    pub(super) fn unattended(&self) -> Option<String> {
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
    pub(super) fn largest(&self) -> Option<String> {
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
    pub(super) fn numbers(&self) -> String {
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

/// Why there is no verdict, and what would mend it.
pub(super) fn lacking(lacking: &Lacking) -> String {
    match *lacking {
        Lacking::Nights { eligible, needed } => {
            let more = needed.saturating_sub(eligible).max(1);
            let were = if eligible == 1 { "was" } else { "were" };
            let observed = if eligible == 0 { "none".to_owned() } else { eligible.to_string() };
            format!(
                "Whether uploads come back takes {} to tell; {observed} {were} observed well enough. Capture {more} \
                 more (14 are better, 28 best).",
                nights(needed)
            )
        }
        Lacking::AttendedTime { leak } => format!(
            "When the phone was in use cannot be told: {} of its downloads came without a readable name. State the \
             hours of use, or capture on the phone itself, where apps are named.",
            percent(leak)
        ),
        Lacking::Tunnel => "A VPN tunnel hides which app sent what. Capture with the VPN off, or on the phone before \
            the traffic enters the tunnel."
            .to_owned(),
        Lacking::OtherTraffic { used, nights } => format!(
            "When the phone was in use cannot be told: its other traffic shows a person on {used} of {nights} nights. \
             Capture all of its apps, not one alone, or state the hours of rest (--asleep 23:30-07:00)."
        ),
        Lacking::Coverage => {
            "The phone was hardly seen while nobody used it. Capture where it spends the night.".to_owned()
        }
        Lacking::Unplaced { share } => format!(
            "When it was uploaded cannot be told: {} of it went up in connections of more than 10 minutes, of which a \
             log gives the sum alone. Capture packets.",
            percent(share)
        ),
    }
}

/// What is missing for a verdict, in a few words.
pub(super) fn lacking_short(lacking: &Lacking) -> String {
    match *lacking {
        Lacking::Nights { eligible, needed } => {
            let more = needed.saturating_sub(eligible).max(1);
            format!("{} more needed", nights(more))
        }
        Lacking::AttendedTime { .. } => "when it was in use cannot be told".to_owned(),
        Lacking::Tunnel => "a VPN hides which app sent what".to_owned(),
        Lacking::OtherTraffic { .. } => "other traffic shows no use".to_owned(),
        Lacking::Coverage => "hardly observed while unused".to_owned(),
        Lacking::Unplaced { .. } => "when it was uploaded cannot be told".to_owned(),
    }
}

fn messenger_explanations(verdict: Verdict) -> Vec<String> {
    let said: &[&str] = match verdict {
        Verdict::SmallRecurrent => &["Log and crash reports.", "Pictures or voice notes that waited for a connection."],
        Verdict::BulkButIrregular => {
            &["A newly linked computer, to which the message history is copied once.", "Crash reports."]
        }
        _ => &[
            "The app's own backup to its operator, where it offers one and it is turned on.",
            "A linked computer or a second user that has the phone send pictures and videos on.",
            "Pictures and videos that wait for Wi-Fi and power each night.",
        ],
    };
    said.iter().map(|text| (*text).to_owned()).collect()
}

/// How many nights were not observed well enough, where any were.
pub(super) fn unobserved(nights_seen: &[Night]) -> Option<String> {
    let missed = nights_seen.iter().filter(|night| night.coverage < 0.5).count();
    let (missed, all) = (u32::try_from(missed).ok()?, u32::try_from(nights_seen.len()).ok()?);
    (missed > 0).then(|| format!("{missed} of {}, which were hardly observed or not at all.", nights(all)))
}

/// The middle of `sizes`; of two middles the smaller.
pub(super) fn median(sizes: impl Iterator<Item = Bytes>) -> Option<Bytes> {
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort_unstable();
    sizes.get(sizes.len().checked_sub(1)? / 2).copied()
}

/// `5MB`: a size as a key.
pub(super) fn compact(size: Bytes) -> String {
    match size.0 {
        n if n >= 1_000_000 && n.is_multiple_of(1_000_000) => format!("{}MB", n / 1_000_000),
        n if n >= 1_000 && n.is_multiple_of(1_000) => format!("{}kB", n / 1_000),
        n => format!("{n}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_262_154].map(grouped), ["0", "999", "1,000", "1,262,154"]);
        assert_eq!([0.0, 0.001, 0.19, 0.999, 1.0].map(percent), ["0 %", "under 1 %", "19 %", "over 99 %", "100 %"]);
        assert_eq!([Bytes(5_000_000), Bytes(256_000), Bytes(7)].map(compact), ["5MB", "256kB", "7B"]);
        assert_eq!(nights(1), "1 night");
    }

    #[test]
    fn a_missing_night_says_how_many_more_are_needed() {
        let said = lacking(&Lacking::Nights { eligible: 1, needed: 5 });
        assert!(said.contains("takes 5 nights") && said.contains("Capture 4 more"), "{said}");
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3, 1, 2, 9].into_iter().map(Bytes)), Some(Bytes(2)));
    }
}
