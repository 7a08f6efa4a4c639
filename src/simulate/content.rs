//! What stands in a packet: handshakes as they are, records with their headers, zeros for the rest.

use super::{
    chance::Chance,
    connection::Connection,
    hosts::HostId,
    life::{Life, Said},
    run::Way,
    talk::{Carrier, Ceremony, Flow, Part, ceremony_of},
    wire::{
        call, dns, noise, quic,
        stream::Framing,
        tls::{self, Offer},
        tunnel,
    },
};

/// Fills packets, one after another, into one buffer.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    life: &'a Life,
    payload: Vec<u8>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(life: &'a Life) -> Self {
        Self { life, payload: Vec::with_capacity(1_500) }
    }

    /// The payload of packet `n` of a run over TCP.
    pub(super) fn segment(
        &mut self,
        index: u32,
        flow: &Flow,
        connection: &mut Connection,
        said: &Said,
        part: Part,
        n: u64,
    ) -> &[u8] {
        match part {
            Part::Data | Part::Acks => {
                self.zeros(said, n);
                let framing = if flow.carrier == Carrier::Noise { Framing::Noise } else { Framing::Tls };
                let records = &mut connection.records[usize::from(said.run.way == Way::Down)];
                let sent = n * u64::from(said.run.packet);
                records.fill(framing, &mut self.payload, said.run.bytes - sent);
            }
            _ => self.slice(&self.ceremony(index, flow, part), said, n),
        }
        &self.payload
    }

    /// The payload of packet `n` of a run over UDP.
    pub(super) fn datagram(&mut self, index: u32, flow: &Flow, said: &Said, part: Part, n: u64) -> &[u8] {
        let length = usize::try_from(said.run.size(n)).unwrap_or_default();
        let down = said.run.way == Way::Down;
        self.payload = match (flow.carrier, part) {
            (Carrier::Rtp, Part::Data) => call::rtp(n, index << 1 | u32::from(down), length),
            (Carrier::Tunnel, Part::Data | Part::Acks) => tunnel::data(said.key ^ n, length),
            (Carrier::Quic, Part::Data | Part::Acks | Part::Goodbye) => quic::short(&self.ids(index), down, length),
            (Carrier::Quic, Part::Flight) => {
                quic::closed_long(&self.ids(index), if n == 0 { 0 } else { 2 }, down, length, n)
            }
            (Carrier::Quic, Part::Finish) => quic::closed_long(&self.ids(index), 2, down, length, n),
            _ => self.ceremony(index, flow, part),
        };
        // The truth counts what the run says, so the packet must be that long whatever was written.
        self.payload.resize(length, 0);
        &self.payload
    }

    /// A question or an answer of the look-up with this index.
    pub(super) fn lookup(&mut self, index: u32, way: Way) -> &[u8] {
        let host = self.life.hosts.get(self.life.lookups[index as usize].host);
        let mut id = [0; 2];
        self.chance("id", index).fill(&mut id);
        let id = u16::from_be_bytes(id);
        self.payload = match way {
            Way::Up => dns::question(host, id),
            Way::Down => dns::answer(host, id),
        };
        &self.payload
    }

    /// The bytes of a handshake or an end, whole.
    fn ceremony(&self, index: u32, flow: &Flow, part: Part) -> Vec<u8> {
        let mut chance = self.chance(if part == Part::Hello { "hello" } else { "answer" }, index);
        let Ceremony { hello, flight, finish, goodbye } = ceremony_of(flow.carrier);
        let [hello, flight, finish, goodbye] =
            [hello, flight, finish, goodbye].map(|n| usize::try_from(n).unwrap_or_default());
        let ech = self.life.scenario.network.names_hidden;
        let name = self.name(flow.host);
        let app = self.life.scenario.app;
        match (flow.carrier, part) {
            (Carrier::Tls, Part::Hello) => {
                let offer = Offer { name, alpn: &["h2", "http/1.1"], ech, quic: None };
                tls::client_hello_record(&offer, &mut chance)
            }
            (Carrier::Tls, Part::Flight) => tls::server_flight(flight, &mut chance),
            (Carrier::Tls, Part::Finish) => tls::client_finish(finish),
            (Carrier::Tls, _) => tls::goodbye(goodbye),
            (Carrier::Noise, Part::Hello) => noise::hello(hello, &mut chance),
            (Carrier::Noise, Part::Flight) => noise::frame(flight, &mut chance),
            (Carrier::Noise, _) => noise::frame(finish, &mut chance),
            (Carrier::Quic, _) => quic::initial(&self.ids(index), name, ech, hello, &mut chance).unwrap_or_default(),
            (Carrier::Rtp, Part::Flight) => call::allocated(app, flight, &mut chance),
            (Carrier::Rtp, _) => call::allocate(app, hello, &mut chance),
            (Carrier::Tunnel, Part::Hello) => tunnel::handshake(1, hello, &mut chance),
            (Carrier::Tunnel, Part::Flight) => tunnel::handshake(2, flight, &mut chance),
            (Carrier::Tunnel, _) => tunnel::data(0, finish),
        }
    }

    /// The name that stands in the clear for `host`.
    fn name(&self, host: HostId) -> Option<&'a str> {
        let hidden = self.life.scenario.network.names_hidden;
        let shown = if hidden { self.life.outer_name(host) } else { host };
        self.life.hosts.get(shown).name.as_deref()
    }

    fn ids(&self, index: u32) -> quic::Ids {
        quic::Ids::draw(&mut self.chance("ids", index))
    }

    fn chance(&self, what: &str, index: u32) -> Chance {
        Chance::of(self.life.seed ^ u64::from(index).rotate_left(32), what)
    }

    fn zeros(&mut self, said: &Said, n: u64) {
        self.payload.clear();
        self.payload.resize(usize::try_from(said.run.size(n)).unwrap_or_default(), 0);
    }

    fn slice(&mut self, whole: &[u8], said: &Said, n: u64) {
        self.zeros(said, n);
        let from = usize::try_from(n * u64::from(said.run.packet)).unwrap_or(usize::MAX);
        let rest = whole.get(from..).unwrap_or_default();
        self.payload.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    }
}
