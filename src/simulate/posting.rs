//! A life becomes a minute ledger, without a packet being made.

use std::{collections::BTreeSet, sync::LazyLock};

use super::{
    hosts::{HostId, Party, subjects},
    life::{Life, Said, Source},
    run::Way,
    talk::{Carrier, Flow, Part},
    tally::Tally,
    truth::Truth,
};
use crate::{
    base::{Bytes, Minute},
    identify::{DeclaredFeature, DeclaredFeatures, Role, Rules},
    ledger::{Cell, DeviceLedger, NameSeen, Subject, SubjectLedger, Unplaced},
};

/// The rules that the program carries: an audit of the same life's packets goes by them.
static RULES: LazyLock<Option<Rules>> = LazyLock::new(|| Rules::embedded().ok());

/// Packets with this much payload or more count as bulk.
const BULK: u64 = 1_000;

impl Life {
    /// The minute ledger that a sensor would have written, with its truth.
    ///
    /// Packets without payload (a TCP handshake, bare acknowledgements) are not counted in [`Cell::packets`].
    pub fn ledger(&self) -> (DeviceLedger, Truth) {
        let mut posting = Posting::of(self);
        self.tell(|said| posting.post(&said));
        posting.openings();
        posting.finish()
    }
}

struct Posting<'a> {
    life: &'a Life,
    first: Minute,
    seen: Vec<bool>,
    rows: Vec<Row>,
    names: Vec<NameSeen>,
    tally: Tally,
}

/// One subject's minutes while they are being filled: where each minute's cell lies, and the cells.
struct Row {
    place: Vec<u32>,
    cells: Vec<Cell>,
    roles: Vec<(Role, Bytes, Bytes)>,
}

impl<'a> Posting<'a> {
    fn of(life: &'a Life) -> Self {
        let span = life.calendar.span();
        let minutes = span.minutes() as usize;
        let row = || Row { place: vec![0; minutes], cells: Vec::new(), roles: Vec::new() };
        Self {
            life,
            first: span.first,
            seen: vec![false; minutes],
            rows: subjects(life.scenario.app).iter().map(|_| row()).collect(),
            names: Vec::new(),
            tally: Tally::of(life),
        }
    }

    /// Posts what was seen of a run.
    fn post(&mut self, said: &Said) {
        let life = self.life;
        let party = life.hosts.get(said.host).party;
        let stream = matches!(said.source, Source::Flow(flow, Part::Data)
            if life.flows[flow as usize].carrier == Carrier::Rtp);
        for (minute, from, to) in said.run.by_minute() {
            if !life.sight.covers(minute) {
                continue;
            }
            let (bytes, full, packets) = self.kept(said, from, to);
            if packets == 0 {
                continue;
            }
            let row = &mut self.rows[party.subject()];
            row.cell(minute.since(self.first)).add(&cell(said.run.way, bytes, full, packets, stream));
            row.role(party.role(), said.run.way, bytes);
            self.tally.count(life, said.host, minute, said.run.way, bytes);
            self.seen[minute.since(self.first) as usize] = true;
        }
    }

    /// Payload, payload in full packets, and packets, of those numbered `from` to `to - 1` that were not dropped.
    fn kept(&self, said: &Said, from: u64, to: u64) -> (u64, u64, u32) {
        let run = &said.run;
        let sight = &self.life.sight;
        let (mut bytes, mut full, mut packets) = (run.payload(from, to), 0, to - from);
        if sight.dropped > 0.0 {
            let kept = (from..to).filter(|n| sight.keeps(said.key, *n));
            (bytes, packets) = kept.fold((0, 0), |(bytes, count), n| (bytes + run.size(n), count + 1));
        }
        if u64::from(run.packet) >= BULK {
            let last = to - 1;
            let rest = run.size(last);
            let small_rest = rest < BULK && sight.keeps(said.key, last);
            full = bytes - if small_rest { rest } else { 0 };
        }
        (bytes, full, u32::try_from(packets).unwrap_or(u32::MAX))
    }

    /// Posts connections opened, and the names seen in look-ups and handshakes.
    fn openings(&mut self) {
        let hidden = self.life.scenario.network.names_hidden;
        for flow in &self.life.flows {
            let minute = flow.opened.minute();
            if !self.life.sight.covers(minute) {
                continue;
            }
            let party = self.life.hosts.get(flow.host).party;
            self.rows[party.subject()].cell(minute.since(self.first)).flows += 1;
            self.seen[minute.since(self.first) as usize] = true;
            if matches!(flow.carrier, Carrier::Tls | Carrier::Quic) {
                self.name(if hidden { self.life.outer_name(flow.host) } else { flow.host }, minute);
            }
        }
        for lookup in &self.life.lookups {
            let minute = lookup.at.minute();
            if self.life.sight.covers(minute) {
                self.name(lookup.host, minute);
            }
        }
    }

    /// The features that the rule files declare for those of the app's servers that were spoken to under their names.
    fn features(&self) -> DeclaredFeatures {
        let life = self.life;
        let app = Party::Media.subject();
        let own = &subjects(life.scenario.app)[app].id;
        let shown = |flow: &&Flow| !life.scenario.network.names_hidden && life.sight.covers(flow.opened.minute());
        let hosts: BTreeSet<HostId> = life.flows.iter().filter(shown).map(|flow| flow.host).collect();
        let hosts = hosts.into_iter().map(|host| life.hosts.get(host)).filter(|host| host.party.subject() == app);
        let owner = RULES.as_ref().and_then(|rules| Some(rules.owner(rules.by_id(own)?)));
        let names = hosts.filter_map(|host| host.name.as_deref());
        names
            .flat_map(|name| owner.into_iter().flat_map(move |owner| owner.features_of(name)))
            .map(|feature| DeclaredFeature::clone(&feature.declared))
            .collect()
    }

    fn name(&mut self, host: HostId, minute: Minute) {
        let known = self.life.hosts.get(host);
        if known.name.is_none() {
            return;
        }
        let subject = (known.party != Party::Web).then(|| u32::try_from(known.party.subject()).unwrap_or_default());
        self.names.push(NameSeen { minute, name: host.0, subject, background: known.party.is_background() });
    }

    fn finish(mut self) -> (DeviceLedger, Truth) {
        self.names.sort_unstable();
        self.names.dedup();
        let first = self.first;
        let seen = (0..).zip(&self.seen).filter_map(|(n, seen)| seen.then_some(first.plus(n))).collect();
        let subjects = subjects(self.life.scenario.app);
        let tunnel = self.life.scenario.network.vpn;
        let features = self.features();
        let rows = subjects.into_iter().zip(self.rows).map(|(subject, row)| row.finish(subject, first, tunnel));
        let mut rows: Vec<_> = rows.collect();
        rows[Party::Media.subject()].features = features;
        let ledger = DeviceLedger { watched: self.life.sight.watched(), seen, names: self.names, subjects: rows };
        (ledger, self.tally.truth(self.life))
    }
}

impl Row {
    fn cell(&mut self, n: u32) -> &mut Cell {
        let place = &mut self.place[n as usize];
        if *place == 0 {
            self.cells.push(Cell::default());
            *place = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        }
        &mut self.cells[*place as usize - 1]
    }

    fn role(&mut self, role: Role, way: Way, bytes: u64) {
        let at = self.roles.iter().position(|(known, ..)| *known == role).unwrap_or_else(|| {
            self.roles.push((role, Bytes::ZERO, Bytes::ZERO));
            self.roles.len() - 1
        });
        let (_, up, down) = &mut self.roles[at];
        *(if way == Way::Up { up } else { down }) += Bytes(bytes);
    }

    fn finish(mut self, subject: Subject, first: Minute, vpn: bool) -> SubjectLedger {
        self.roles.sort_by_key(|(role, ..)| *role);
        let minutes = (0..).zip(&self.place).filter(|(_, place)| **place > 0);
        let minutes = minutes.map(|(n, place)| (first.plus(n), self.cells[*place as usize - 1])).collect();
        let tunnel = vpn && subject.kind == crate::identify::Kind::Unattributed;
        let unplaced = Unplaced::default();
        SubjectLedger { subject, minutes, unplaced, roles: self.roles, tunnel, features: DeclaredFeatures::default() }
    }
}

fn cell(way: Way, bytes: u64, full: u64, packets: u32, stream: bool) -> Cell {
    let bytes = Bytes(bytes);
    let streamed = if stream { bytes } else { Bytes::ZERO };
    let moved = match way {
        Way::Up if stream => Cell { up: bytes, stream_up: streamed, ..Cell::default() },
        Way::Up => Cell { up: bytes, bulk_up: Bytes(full), ..Cell::default() },
        Way::Down => Cell { down: bytes, stream_down: streamed, ..Cell::default() },
    };
    Cell { packets, ..moved }
}
