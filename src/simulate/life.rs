//! A scenario played: one model of what was said on the wire, from which ledger and capture are both written.

use super::{
    Judge, Scenario, background,
    calendar::Calendar,
    chance::Chance,
    diary::Diary,
    exports, happenings,
    hosts::{Host, HostId, Hosts, Party},
    person::{Habits, Person},
    run::Run,
    sight::Sight,
    talk::{Carrier, Ceremony, Cut, Flow, HANDSHAKE, Lookup, Move, Part, ceremony_of},
    truth::Exported,
    usage,
};
use crate::{identify::Kind, ledger::DeviceLedger};

/// A scenario played with one seed: everything its phones said, and what of that could be seen.
///
/// The same scenario and seed give the same life, byte for byte.
///
/// ```
/// use nightaudit::simulate::{Life, Scenario};
///
/// let scenario = Scenario::parse("name = \"a plain phone\"\nnights = 7\n", "plain.toml").expect("a scenario");
/// let (ledger, truth) = Life::of(&scenario, 1).ledger();
/// assert!(truth.exports.is_empty());
/// assert!(ledger.subjects[0].minutes.len() > 1_000, "keepalives alone come every few minutes");
/// ```
#[derive(Clone, Debug)]
pub struct Life {
    pub(super) scenario: Scenario,
    pub(super) seed: u64,
    pub(super) calendar: Calendar,
    pub(super) hosts: Hosts,
    pub(super) flows: Vec<Flow>,
    pub(super) moves: Vec<Move>,
    pub(super) lookups: Vec<Lookup>,
    pub(super) exports: Vec<Exported>,
    pub(super) sight: Sight,
}

/// A run of packets with what it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Tells this run from all others of the life.
    pub(super) key: u64,
    pub(super) host: HostId,
    pub(super) source: Source,
    pub(super) run: Run,
}

/// Where a run comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// Part of the flow with this index.
    Flow(u32, Part),
    /// Question or answer of the look-up with this index.
    Lookup(u32),
}

impl Life {
    /// Plays `scenario` with `seed`.
    pub fn of(scenario: &Scenario, seed: u64) -> Self {
        let habits = Habits::draw(scenario, &mut Chance::of(seed, "persona"));
        let calendar = Calendar::of(scenario, habits.bedtime);
        let hosts = Hosts::of(scenario.app);
        let person = Person::living(habits, scenario.nights, &calendar, &mut Chance::of(seed, "sleep and use"));
        let mut diary = Diary::new(scenario, &calendar, &hosts, 0, &mut Chance::of(seed, "acks"));
        background::play(&person, seed, &mut diary);
        usage::play(&person, seed, &mut diary);
        happenings::play(&person, seed, &mut diary);
        let exports = exports::play(&person, seed, &mut diary);
        let Diary { flows, moves, lookups, .. } = diary;
        let sight = Sight::of(&scenario.coverage, &person, &calendar, seed);
        let mut life =
            Self { scenario: scenario.clone(), seed, calendar, hosts, flows, moves, lookups, exports, sight };
        if scenario.network.second_phone {
            life.join(second_phone(scenario, seed, &life.calendar, &life.hosts));
        }
        if scenario.network.names_hidden {
            life.hide_names();
        }
        if scenario.network.vpn {
            life.enter_tunnel();
        }
        life
    }

    /// The subject that the scenario is graded on, as an index into the subjects of `ledger`.
    pub fn judged(&self, ledger: &DeviceLedger) -> Option<usize> {
        let kind = match self.scenario.judge {
            Judge::Messenger => Kind::Messenger,
            Judge::Cloud => Kind::Cloud,
            Judge::Unattributed => Kind::Unattributed,
        };
        ledger.subjects.iter().position(|subject| subject.subject.kind == kind)
    }

    /// Whose name stands in the clear where Encrypted ClientHello hides that of `host`.
    pub(super) fn outer_name(&self, host: HostId) -> HostId {
        match self.hosts.get(host) {
            // The resolver's own name, and servers that are reached without any, are as they were.
            Host { party: Party::EncryptedResolver, .. } | Host { name: None, .. } => host,
            _ => self.hosts.party(Party::Front),
        }
    }

    /// Shows `tell` every run of the life, in no order of time.
    pub(super) fn tell(&self, mut tell: impl FnMut(Said)) {
        const EACH: u64 = 4;
        let mut taken = 0;
        let mut next = || {
            taken += EACH;
            taken
        };
        for (index, flow) in (0_u32..).zip(&self.flows) {
            let key = next();
            for (n, (part, run)) in (0_u64..).zip(flow.ceremony()) {
                tell(Said { key: key + n, host: flow.host, source: Source::Flow(index, part), run });
            }
        }
        for transfer in &self.moves {
            let (key, flow) = (next(), &self.flows[transfer.flow as usize]);
            for (n, (part, run)) in (0_u64..).zip(transfer.runs(flow)) {
                tell(Said { key: key + n, host: flow.host, source: Source::Flow(transfer.flow, part), run });
            }
        }
        let resolver = self.hosts.party(Party::Resolver);
        for (index, lookup) in (0_u32..).zip(&self.lookups) {
            let key = next();
            for (n, run) in (0_u64..).zip(lookup.runs(self.hosts.get(lookup.host))) {
                tell(Said { key: key + n, host: resolver, source: Source::Lookup(index), run });
            }
        }
    }

    /// Adds what another phone behind the same address said.
    fn join(&mut self, (flows, moves, lookups): (Vec<Flow>, Vec<Move>, Vec<Lookup>)) {
        let before = u32::try_from(self.flows.len()).unwrap_or(u32::MAX);
        self.flows.extend(flows);
        self.moves.extend(moves.into_iter().map(|m| Move { flow: m.flow + before, ..m }));
        self.lookups.extend(lookups);
    }

    /// Look-ups go encrypted, to one resolver over one connection a day.
    fn hide_names(&mut self) {
        const QUESTION: u64 = 138;
        const ANSWER: u64 = 196;
        const A_DAY: u64 = 86_400_000_000_000;
        let host = self.hosts.party(Party::EncryptedResolver);
        let mut lookups = std::mem::take(&mut self.lookups);
        lookups.sort_by_key(|lookup| lookup.at);
        let mut opened: Option<Flow> = None;
        for Lookup { at, .. } in lookups {
            if opened.is_none_or(|flow| at.since(flow.opened) >= A_DAY) {
                let flow = Flow { host, carrier: Carrier::Tls, opened: at, closed: None, merged: 1 };
                opened = Some(flow);
                self.flows.push(flow);
            }
            let flow = u32::try_from(self.flows.len() - 1).unwrap_or(u32::MAX);
            let start = opened.map_or(at, |f| at.max(f.opened.plus_nanos(HANDSHAKE)));
            let cut = Cut::Full { small_up: 0 };
            self.moves.push(Move { flow, start, lasts: 30_000_000, up: QUESTION, down: ANSWER, acks: 0.0, cut });
        }
    }

    /// Everything moves into one tunnel, which adds a twentieth to every byte.
    fn enter_tunnel(&mut self) {
        self.lookups.clear();
        let Some(opened) = self.flows.iter().map(|flow| flow.opened).min() else { return };
        let host = self.hosts.party(Party::Tunnel);
        for transfer in &mut self.moves {
            let Ceremony { hello, flight, .. } = ceremony_of(self.flows[transfer.flow as usize].carrier);
            let wrapped = |bytes: u64| bytes + bytes / 20 + 32;
            *transfer = Move {
                flow: 0,
                up: wrapped(transfer.up + hello),
                down: wrapped(transfer.down + flight),
                cut: Cut::Full { small_up: 0 },
                ..*transfer
            };
        }
        self.flows = vec![Flow { host, carrier: Carrier::Tunnel, opened, closed: None, merged: 1 }];
    }
}

/// Another owner's phone, without the scenario's exports and happenings.
fn second_phone(
    scenario: &Scenario,
    seed: u64,
    calendar: &Calendar,
    hosts: &Hosts,
) -> (Vec<Flow>, Vec<Move>, Vec<Lookup>) {
    let habits = Habits::draw(scenario, &mut Chance::of(seed, "second persona"));
    let mut chance = Chance::of(seed, "second sleep and use");
    let person = Person::living(habits, scenario.nights, calendar, &mut chance);
    let mut diary = Diary::new(scenario, calendar, hosts, 1, &mut Chance::of(seed, "second acks"));
    background::play(&person, seed, &mut diary);
    usage::play(&person, seed, &mut diary);
    (diary.flows, diary.moves, diary.lookups)
}
