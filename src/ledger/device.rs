//! One device's rows become what the night stage judges.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Cell, DeviceLedger, Ledger, NameSeen, Row, RowKey, Subject, SubjectLedger, Unplaced, Watched};
use crate::{
    base::{Bytes, Minute},
    identify::{DeclaredFeatures, DeviceId, Kind, Role},
};

/// A web site that was sent less than this over the whole audit is told apart in the destinations only.
const OWN_WEB_SUBJECT: Bytes = Bytes::mb(1);

/// What the rule files and the hints know of a subject beyond its name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SubjectFacts {
    /// An opaque tunnel (VPN).
    pub tunnel: bool,
    /// Features that upload to this subject by design, such as an in-app backup, whose servers were used.
    pub features: DeclaredFeatures,
}

impl Ledger {
    /// One device's minutes, with `watched` saying when a sensor was capturing and `facts` what is known of subjects.
    ///
    /// Web sites that were sent little are one subject together, named `web`: judged one by one they would be
    /// hundreds of rows without evidence.
    pub fn device(&self, device: DeviceId, watched: &[Watched], facts: &HashMap<u32, SubjectFacts>) -> DeviceLedger {
        let rows: Vec<_> = self.rows(device).collect();
        let unplaced: Vec<_> = self.unplaced(device).collect();
        let sums: Vec<_> = self.sums(device).collect();
        let keyed = rows.iter().chain(&unplaced).map(|(key, row)| (key.subject, row.up));
        let lumped = self.small_web_subjects(keyed.chain(sums.iter().map(|(subject, _, _, row)| (*subject, row.up))));
        // By number first, a subject at a time as the rows lie: names are compared once for each subject.
        let mut gathered: HashMap<Option<u32>, Gathered> = HashMap::new();
        let group = |subject: u32| (!lumped.contains(&subject)).then_some(subject);
        for rows in rows.chunk_by(|a, b| a.0.subject == b.0.subject) {
            let Some((key, _)) = rows.first() else { continue };
            let group = gathered.entry(group(key.subject)).or_default();
            for (key, row) in rows {
                group.add(key, row);
            }
        }
        for (key, row) in unplaced {
            gathered.entry(group(key.subject)).or_default().add_unplaced(key, row);
        }
        for (subject, role, _, row) in sums {
            gathered.entry(group(subject)).or_default().add_role(role, row);
        }
        let named = |id: Option<u32>| (id.map_or_else(Subject::web, |id| self.subject(id)), id);
        let mut groups: Vec<_> = gathered.into_iter().map(|(id, gathered)| (named(id), gathered)).collect();
        groups.sort_by(|(a, _), (b, _)| a.cmp(b));
        let index: HashMap<u32, u32> =
            (0_u32..).zip(&groups).filter_map(|(at, ((_, id), _))| id.map(|id| (id, at))).collect();
        DeviceLedger {
            watched: watched.to_vec(),
            seen: self.seen.get(&device).map(|minutes| minutes.keys().copied().collect()).unwrap_or_default(),
            names: self.device_names(device, &index),
            subjects: groups
                .into_iter()
                .map(|((subject, id), gathered)| {
                    gathered.into_subject(subject, id.and_then(|id| facts.get(&id)).cloned().unwrap_or_default())
                })
                .collect(),
        }
    }

    fn small_web_subjects(&self, moved: impl Iterator<Item = (u32, Bytes)>) -> HashSet<u32> {
        let mut sent: HashMap<u32, Bytes> = HashMap::new();
        for (subject, up) in moved {
            *sent.entry(subject).or_default() += up;
        }
        sent.retain(|subject, up| *up < OWN_WEB_SUBJECT && self.subject(*subject).kind == Kind::Web);
        sent.into_keys().collect()
    }

    /// The names of a device, in an order and with numbers that depend on nothing but themselves: a stored ledger gives
    /// the same as the one in memory.
    fn device_names(&self, device: DeviceId, index: &HashMap<u32, u32>) -> Vec<NameSeen> {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let mut seen = Vec::new();
        for ((_, minute), names) in self.names.range((device, Minute(0))..=(device, Minute(u32::MAX))) {
            let mut names: Vec<_> = names.iter().map(|entry| (self.name_text(entry.name), entry)).collect();
            names.sort_unstable_by_key(|(text, entry)| (*text, entry.background, entry.subject));
            for (_, entry) in names {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                seen.push(NameSeen {
                    minute: *minute,
                    name: *numbers.entry(entry.name).or_insert(next),
                    subject: entry.subject.and_then(|subject| index.get(&subject).copied()),
                    background: entry.background,
                });
            }
        }
        seen
    }
}

/// One subject's rows, summed two ways.
#[derive(Debug, Default)]
struct Gathered {
    /// In the order in which rows came; several of one minute may be there.
    minutes: Vec<(Minute, Cell)>,
    unplaced: Unplaced,
    roles: BTreeMap<Role, (Bytes, Bytes)>,
}

impl Gathered {
    fn add(&mut self, key: &RowKey, row: &Row) {
        match self.minutes.last_mut() {
            Some((minute, sum)) if *minute == key.minute => sum.add(&cell(row)),
            _ => self.minutes.push((key.minute, cell(row))),
        }
        self.add_role(key.role, row);
    }

    fn add_unplaced(&mut self, key: &RowKey, row: &Row) {
        self.unplaced.up += row.up;
        self.unplaced.down += row.down;
        self.unplaced.connections = self.unplaced.connections.saturating_add(row.flows);
        self.add_role(key.role, row);
    }

    fn add_role(&mut self, role: Role, row: &Row) {
        let (up, down) = self.roles.entry(role).or_default();
        *up += row.up;
        *down += row.down;
    }

    fn into_subject(self, subject: Subject, facts: SubjectFacts) -> SubjectLedger {
        SubjectLedger {
            subject,
            minutes: summed(self.minutes),
            unplaced: self.unplaced,
            roles: self.roles.into_iter().map(|(role, (up, down))| (role, up, down)).collect(),
            tunnel: facts.tunnel,
            features: facts.features,
        }
    }
}

/// The minutes in their order, each once.
fn summed(mut minutes: Vec<(Minute, Cell)>) -> Vec<(Minute, Cell)> {
    minutes.sort_by_key(|(minute, _)| *minute);
    minutes.dedup_by(|(minute, cell), (before, sum)| {
        let same = minute == before;
        if same {
            sum.add(cell);
        }
        same
    });
    minutes
}

const fn cell(row: &Row) -> Cell {
    let Row { up, down, bulk_up, stream_up, stream_down, packets, flows, .. } = *row;
    Cell { up, down, bulk_up, stream_up, stream_down, packets, flows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(id: &str, kind: Kind) -> Subject {
        Subject { id: id.into(), name: id.into(), operator: String::new(), kind }
    }

    fn post(ledger: &mut Ledger, whose: &Subject, minute: u32, up: u64) -> u32 {
        let subject = ledger.subject_id(whose);
        let destination = ledger.destination_id("x");
        let key = RowKey { device: DeviceId(1), subject, role: Role::Media, destination, minute: Minute(minute) };
        ledger.post(key, &Row { up: Bytes(up), packets: 1, ..Row::default() });
        subject
    }

    #[test]
    fn a_devices_minutes_add_up_to_what_was_posted() {
        let mut ledger = Ledger::default();
        post(&mut ledger, &subject("signal", Kind::Messenger), 5, 10);
        post(&mut ledger, &subject("signal", Kind::Messenger), 5, 20);
        post(&mut ledger, &subject("small.example", Kind::Web), 6, 30);
        post(&mut ledger, &subject("large.example", Kind::Web), 7, 2_000_000);
        let device = ledger.device(DeviceId(1), &[], &HashMap::new());
        let sums: Vec<_> = device
            .subjects
            .iter()
            .map(|s| (s.subject.id.as_str(), s.minutes.iter().map(|(_, cell)| cell.up.0).sum::<u64>()))
            .collect();
        assert_eq!(sums, [("large.example", 2_000_000), ("signal", 30), ("web", 30)]);
        assert_eq!(device.seen, [Minute(5), Minute(6), Minute(7)]);
        assert_eq!(ledger.device(DeviceId(2), &[], &HashMap::new()), DeviceLedger::default());
    }

    #[test]
    fn names_point_at_the_subject_they_belong_to() {
        let mut ledger = Ledger::default();
        let signal = post(&mut ledger, &subject("signal", Kind::Messenger), 5, 10);
        let small = post(&mut ledger, &subject("small.example", Kind::Web), 5, 10);
        ledger.name(DeviceId(1), Minute(5), "chat.signal.org", Some(signal), false);
        ledger.name(DeviceId(1), Minute(5), "chat.signal.org", Some(signal), false);
        ledger.name(DeviceId(1), Minute(5), "small.example", Some(small), false);
        let device = ledger.device(DeviceId(1), &[], &HashMap::new());
        let named: Vec<_> =
            device.names.iter().map(|n| n.subject.map(|s| &*device.subjects[s as usize].subject.id)).collect();
        assert_eq!(named, [Some("signal"), None], "a small site's name belongs to no single subject");
    }
}
