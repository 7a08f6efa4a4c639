//! A life as it is written down: connections, transfers and look-ups, in the order they were thought of.

use super::{
    calendar::{Calendar, HOUR, Seconds},
    chance::Chance,
    hosts::{HostId, Hosts, Party},
    scenario::Scenario,
    talk::{Carrier, Cut, Flow, HANDSHAKE, Lookup, Move, ROUND_TRIP},
};

/// How much goes each way, and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) up: u64,
    pub(super) down: u64,
    /// Bytes a second.
    pub(super) rate: f64,
    /// Share of the bytes up in full packets.
    pub(super) full: f64,
}

impl Load {
    /// An upload in full packets, with the answer that confirms it.
    pub(super) const fn upload(up: u64, rate: f64) -> Self {
        Self { up, down: 420, rate, full: 1.0 }
    }

    /// A download, with the request for it.
    pub(super) const fn download(down: u64, rate: f64) -> Self {
        Self { up: 640, down, rate, full: 1.0 }
    }

    /// Something small each way, at once.
    pub(super) const fn exchange(up: u64, down: u64) -> Self {
        Self { up, down, rate: 1e6, full: 1.0 }
    }
}

/// One phone's connections, transfers and look-ups.
#[derive(Debug)]
pub(super) struct Diary<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) calendar: &'a Calendar,
    pub(super) hosts: &'a Hosts,
    /// Which of the phones behind the address.
    pub(super) phone: u8,
    pub(super) flows: Vec<Flow>,
    pub(super) moves: Vec<Move>,
    pub(super) lookups: Vec<Lookup>,
    /// Media that the app received: when, and how much.
    pub(super) received: Vec<(Seconds, u64)>,
    /// Share of downloads over QUIC that comes back up as acknowledgements.
    pub(super) acks: f64,
    /// Connections that stand, newest last, by host.
    standing: Vec<(HostId, u32)>,
}

impl<'a> Diary<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        calendar: &'a Calendar,
        hosts: &'a Hosts,
        phone: u8,
        chance: &mut Chance,
    ) -> Self {
        Self {
            scenario,
            calendar,
            hosts,
            phone,
            flows: Vec::new(),
            moves: Vec::new(),
            lookups: Vec::new(),
            received: Vec::new(),
            acks: chance.between(0.012, 0.03),
            standing: Vec::new(),
        }
    }

    /// Looks the name up, opens a connection, moves the load, closes it. Gives the time the load has moved.
    pub(super) fn visit(&mut self, host: HostId, carrier: Carrier, at: Seconds, load: Load) -> Seconds {
        if !self.lives_at(at) {
            return at;
        }
        self.look_up(host, at);
        self.connect(host, carrier, at, load)
    }

    /// Opens a connection without a look-up (the name is still known), moves the load, closes it.
    pub(super) fn connect(&mut self, host: HostId, carrier: Carrier, at: Seconds, load: Load) -> Seconds {
        let flow = self.open(host, carrier, at);
        let begin = self.flows[flow as usize].opened.plus_nanos(HANDSHAKE);
        let lasts = self.load(flow, begin, load);
        if load.down > load.up && self.hosts.get(host).party == Party::Media {
            self.received.push((at + (HANDSHAKE + lasts) as f64 / 1e9, load.down));
        }
        self.flows[flow as usize].closed = Some(begin.plus_nanos(lasts + 5 * ROUND_TRIP));
        at + (HANDSHAKE + lasts) as f64 / 1e9
    }

    /// Moves a small load on the connection that stands to `party`, opening one where none does.
    pub(super) fn exchange(&mut self, party: Party, at: Seconds, up: u64, down: u64) {
        if !self.lives_at(at) {
            return;
        }
        let flow = self.standing(party, at);
        let start = self.calendar.moment(at).max(self.flows[flow as usize].opened.plus_nanos(HANDSHAKE));
        self.load(flow, start, Load::exchange(up, down));
    }

    /// Two-way sound or pictures for `seconds`, at bytes a second each way.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a call's bytes fit")]
    pub(super) fn call(&mut self, at: Seconds, seconds: Seconds, up: f64, down: f64) {
        if !self.lives_at(at) || seconds < 1.0 {
            return;
        }
        let flow = self.open(self.hosts.party(Party::Call), Carrier::Rtp, at);
        let start = self.flows[flow as usize].opened.plus_nanos(HANDSHAKE);
        let packet = if up > 50e3 { 1_100 } else { 240 };
        let total = |rate: f64| (rate * seconds) as u64;
        let (up, down, lasts) = (total(up), total(down), (seconds * 1e6) as u64 * 1_000);
        self.moves.push(Move { flow, start, lasts, up, down, acks: 0.0, cut: Cut::Stream { packet } });
    }

    /// Notes that `host`'s name was looked up.
    pub(super) fn look_up(&mut self, host: HostId, at: Seconds) {
        if self.lives_at(at) && self.hosts.get(host).name.is_some() {
            self.lookups.push(Lookup { host, at: self.calendar.moment(at - 0.06) });
        }
    }

    /// Which carrier `party`'s standing connections and uploads use.
    pub(super) fn carrier(&self, host: HostId) -> Carrier {
        let noise = matches!(self.scenario.app, super::scenario::App::Whatsapp);
        match self.hosts.get(host).party {
            Party::Chat if noise => Carrier::Noise,
            _ => Carrier::Tls,
        }
    }

    fn lives_at(&self, at: Seconds) -> bool {
        (self.calendar.from..self.calendar.to).contains(&at)
    }

    fn open(&mut self, host: HostId, carrier: Carrier, at: Seconds) -> u32 {
        let opened = self.calendar.moment(at);
        self.flows.push(Flow {
            host,
            carrier,
            opened,
            closed: None,
            merged: if self.scenario.network.receive_offload { MERGED } else { 1 },
        });
        u32::try_from(self.flows.len() - 1).unwrap_or(u32::MAX)
    }

    /// The connection that stands to `party` at `at`; a new one every day, or as often as the scenario says.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours in nanoseconds fit")]
    fn standing(&mut self, party: Party, at: Seconds) -> u32 {
        let host = self.hosts.party(party);
        let moment = self.calendar.moment(at);
        let stands = (self.scenario.network.connections_stand_hours.0 * HOUR * 1e9) as u64;
        let found = self.standing.iter().rev().find(|(h, flow)| {
            let opened = self.flows[*flow as usize].opened;
            *h == host && opened <= moment && moment.since(opened) < stands
        });
        if let Some((_, flow)) = found {
            return *flow;
        }
        self.look_up(host, at);
        let flow = self.open(host, self.carrier(host), at);
        self.standing.push((host, flow));
        flow
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares and times of bounded loads")]
    fn load(&mut self, flow: u32, start: crate::base::Stamp, load: Load) -> u64 {
        let bytes = load.up.max(load.down);
        let lasts = ((bytes as f64 / load.rate.max(1.0)) * 1e6) as u64 * 1_000;
        let quic = self.flows[flow as usize].carrier == Carrier::Quic;
        let small_up = (load.up as f64 * (1.0 - load.full)) as u64;
        let acks = if quic { self.acks as f32 } else { 0.0 };
        let Load { up, down, .. } = load;
        self.moves.push(Move { flow, start, lasts, up, down, acks, cut: Cut::Full { small_up } });
        lasts
    }
}

/// Segments that receive offload makes one: of the 64 kB that it may, what pauses between segments leave.
const MERGED: u32 = 10;
