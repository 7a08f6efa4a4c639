//! A life becomes a capture: its runs, packet by packet, in order of time, with TCP's own packets around them.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    io::{self, Write},
};

use super::{
    connection::{Connection, Reply},
    content::Contents,
    life::{Life, Said, Source},
    run::Way,
    talk::{Flow, Part, ROUND_TRIP},
    tally::Tally,
    truth::Truth,
    wire::{
        frame::{self, Ends, Segment, flag},
        pcap,
    },
};
use crate::base::{Endpoint, Mac, Stamp};

/// Takes a frame: when it came, the bytes kept of it, and how long it was.
pub type Sink<'a> = dyn FnMut(Stamp, &[u8], u32) -> io::Result<()> + 'a;

impl Life {
    /// Writes the capture that a sensor beside the phone's router would have made, as classic pcap, and gives its
    /// truth. Fails where `out` does.
    pub fn write_capture(&self, out: &mut dyn Write) -> io::Result<Truth> {
        pcap::begin(out)?;
        self.frames(&mut |at, kept, original| pcap::append(out, at, kept, original))
    }

    /// Shows `sink` every frame that the sensor saw, in order of time: when, what the snap length kept, and how long
    /// it was. Handshakes and look-ups are kept whole; of other frames, what is beyond headers is zeros.
    pub fn frames(&self, sink: &mut Sink<'_>) -> io::Result<Truth> {
        Recording::of(self, sink).play()
    }
}

/// What comes next on the wire.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Packet `n` of a run.
    Packet { said: u32, n: u64 },
    /// A step of a connection's opening, 0 to 2.
    Open { flow: u32, step: u8 },
    /// A step of its end, 0 to 2.
    Close { flow: u32, step: u8 },
    /// A stranger's reset, far from what the connection has reached.
    Stray { flow: u32 },
    /// An acknowledgement without data, sent `way`.
    Reply { flow: u32, way: Way, reply: Reply },
}

struct Recording<'a> {
    life: &'a Life,
    sink: &'a mut Sink<'a>,
    tally: Tally,
    said: Vec<Said>,
    /// What begins when, ascending.
    agenda: Vec<(Stamp, Task)>,
    /// What has begun, by its next moment.
    due: BinaryHeap<Reverse<Due>>,
    queued: u64,
    connections: Vec<Connection>,
    contents: Contents<'a>,
    frame: Vec<u8>,
}

impl<'a> Recording<'a> {
    fn of(life: &'a Life, sink: &'a mut Sink<'a>) -> Self {
        let mut said = Vec::new();
        life.tell(|one| said.push(one));
        let runs = (0_u32..).zip(&said).map(|(n, one)| (one.run.start, Task::Packet { said: n, n: 0 }));
        let flows = (0_u32..).zip(&life.flows).filter(|(_, flow)| flow.is_tcp());
        let opened = flows.map(|(n, flow)| (flow.opened, Task::Open { flow: n, step: 0 }));
        let strangers = if life.scenario.network.stray_resets { usize::MAX } else { 0 };
        let standing = (0_u32..).zip(&life.flows).filter(|(_, flow)| flow.is_tcp() && flow.closed.is_none());
        let strays = standing.take(strangers).map(|(n, flow)| (flow.opened.plus_nanos(STRAY), Task::Stray { flow: n }));
        let mut agenda: Vec<_> = opened.chain(runs).chain(strays).collect();
        agenda.sort_by_key(|(at, _)| *at);
        agenda.reverse();
        let connections = (0..).zip(&life.flows).map(|(n, _)| Connection::new(life.seed, n)).collect();
        Self {
            life,
            sink,
            tally: Tally::of(life),
            said,
            agenda,
            due: BinaryHeap::new(),
            queued: 0,
            connections,
            contents: Contents::of(life),
            frame: Vec::with_capacity(16_384),
        }
    }

    fn play(mut self) -> io::Result<Truth> {
        loop {
            self.begin_what_is_due();
            let Some(Reverse(Due { at, task, .. })) = self.due.pop() else { break };
            match task {
                Task::Packet { said, n } => self.packet(at, said, n)?,
                Task::Open { flow, step } => self.open(at, flow, step)?,
                Task::Close { flow, step } => self.close(at, flow, step)?,
                Task::Stray { flow } => self.stray(at, flow)?,
                Task::Reply { flow, way, reply } => self.reply(at, flow, way, reply)?,
            }
        }
        Ok(self.tally.truth(self.life))
    }

    fn begin_what_is_due(&mut self) {
        while let Some((at, task)) = self.agenda.last().copied() {
            if self.due.peek().is_some_and(|Reverse(first)| first.at < at) {
                break;
            }
            self.agenda.pop();
            self.queue(at, task);
        }
    }

    fn queue(&mut self, at: Stamp, task: Task) {
        self.queued += 1;
        self.due.push(Reverse(Due { at, order: self.queued, task }));
    }

    fn packet(&mut self, at: Stamp, index: u32, n: u64) -> io::Result<()> {
        let said = self.said[index as usize];
        if n + 1 < said.run.packets() {
            self.queue(said.run.moment(n + 1), Task::Packet { said: index, n: n + 1 });
        }
        let size = said.run.size(n);
        let seen = self.life.sight.covers(at.minute()) && self.life.sight.keeps(said.key, n);
        if seen {
            self.tally.count(self.life, said.host, at.minute(), said.run.way, size);
        }
        match said.source {
            Source::Flow(index, part) if self.life.flows[index as usize].is_tcp() => {
                self.segment(at, &said, index, part, n, seen)
            }
            source => self.datagram(at, &said, source, n, seen),
        }
    }

    /// A TCP segment with data, and the acknowledgement it brings about.
    fn segment(&mut self, at: Stamp, said: &Said, index: u32, part: Part, n: u64, seen: bool) -> io::Result<()> {
        let connection = &mut self.connections[index as usize];
        let flow = &self.life.flows[index as usize];
        let payload = self.contents.segment(index, flow, connection, said, part, n);
        let length = u32::try_from(payload.len()).unwrap_or_default();
        let last = if n + 1 == said.run.packets() { flag::PSH } else { 0 };
        let (seq, ack) = connection.send(said.run.way, length);
        if seen {
            let ends = ends(self.life, flow, index, said.run.way, at);
            frame::tcp(&mut self.frame, &ends, Segment { seq, ack, flags: flag::ACK | last }, payload);
            self.write(at, part == Part::Data)?;
        }
        let (wait, reply) = self.connections[index as usize].heard(said.run.way);
        self.queue(at.plus_nanos(wait), Task::Reply { flow: index, way: said.run.way.other(), reply });
        if part == Part::Goodbye {
            self.queue(at.plus_nanos(100_000), Task::Close { flow: index, step: 0 });
        }
        Ok(())
    }

    fn datagram(&mut self, at: Stamp, said: &Said, source: Source, n: u64, seen: bool) -> io::Result<()> {
        if !seen {
            return Ok(());
        }
        let (ends, payload, cut) = match source {
            Source::Flow(index, part) => {
                let flow = &self.life.flows[index as usize];
                let payload = self.contents.datagram(index, flow, said, part, n);
                (ends(self.life, flow, index, said.run.way, at), payload, part != Part::Hello)
            }
            Source::Lookup(index) => {
                (lookup_ends(self.life, index, said.run.way, at), self.contents.lookup(index, said.run.way), false)
            }
        };
        frame::udp(&mut self.frame, &ends, payload);
        self.write(at, cut)
    }

    /// SYN, SYN and ACK, ACK (RFC 9293, section 3.5).
    fn open(&mut self, at: Stamp, index: u32, step: u8) -> io::Result<()> {
        let (way, flags, wait) = match step {
            0 => (Way::Up, flag::SYN, ROUND_TRIP - 2_000_000),
            1 => (Way::Down, flag::SYN | flag::ACK, 1_000_000),
            _ => (Way::Up, flag::ACK, 0),
        };
        self.control(at, index, way, flags)?;
        if step < 2 {
            self.queue(at.plus_nanos(wait), Task::Open { flow: index, step: step + 1 });
        }
        Ok(())
    }

    /// FIN both ways, and the last ACK.
    fn close(&mut self, at: Stamp, index: u32, step: u8) -> io::Result<()> {
        let (way, flags, wait) = match step {
            0 => (Way::Up, flag::FIN | flag::ACK, ROUND_TRIP),
            1 => (Way::Down, flag::FIN | flag::ACK, 1_000_000),
            _ => (Way::Up, flag::ACK, 0),
        };
        self.control(at, index, way, flags)?;
        if step < 2 {
            self.queue(at.plus_nanos(wait), Task::Close { flow: index, step: step + 1 });
        }
        Ok(())
    }

    fn reply(&mut self, at: Stamp, index: u32, way: Way, reply: Reply) -> io::Result<()> {
        match self.connections[index as usize].acknowledge(way, reply) {
            Some((seq, ack)) => self.bare(at, index, way, Segment { seq, ack, flags: flag::ACK }),
            None => Ok(()),
        }
    }

    /// A reset that no endpoint would heed (RFC 9293, section 3.10.7.4): its number lies outside the window.
    fn stray(&mut self, at: Stamp, index: u32) -> io::Result<()> {
        let (seq, ack) = self.connections[index as usize].numbers(Way::Down);
        let seq = seq.wrapping_add(FAR_OFF);
        self.bare(at, index, Way::Down, Segment { seq, ack, flags: flag::RST | flag::ACK })
    }

    /// A segment without data; SYN and FIN take a sequence number.
    fn control(&mut self, at: Stamp, index: u32, way: Way, flags: u8) -> io::Result<()> {
        let taken = u32::from(flags & (flag::SYN | flag::FIN) != 0);
        let (seq, ack) = self.connections[index as usize].send(way, taken);
        let ack = if flags & flag::ACK == 0 { 0 } else { ack };
        self.bare(at, index, way, Segment { seq, ack, flags })
    }

    fn bare(&mut self, at: Stamp, index: u32, way: Way, segment: Segment) -> io::Result<()> {
        let bare = self.connections[index as usize].next_bare();
        let kept = self.life.sight.covers(at.minute()) && self.life.sight.keeps(BARE | u64::from(index), bare);
        if !kept {
            return Ok(());
        }
        let ends = ends(self.life, &self.life.flows[index as usize], index, way, at);
        frame::tcp(&mut self.frame, &ends, segment, &[]);
        self.write(at, true)
    }

    fn write(&mut self, at: Stamp, cut: bool) -> io::Result<()> {
        let original = u32::try_from(self.frame.len()).unwrap_or(u32::MAX);
        let snap = if cut { (self.life.scenario.network.snap_length as usize).max(LEAST_KEPT) } else { usize::MAX };
        (self.sink)(at, &self.frame[..self.frame.len().min(snap)], original)
    }
}

/// How long a connection has stood when a stranger's reset reaches it: half an hour.
const STRAY: u64 = 1_800 * 1_000_000_000;
/// As far as a scanner's reset lies ahead of a connection in a published set of flow logs.
const FAR_OFF: u32 = 1_964_191_874;
/// Keys of packets without data, apart from those of runs.
const BARE: u64 = 1 << 63;
/// Ethernet, IPv6, and TCP with the options of a SYN.
const LEAST_KEPT: usize = 14 + 40 + 32;

/// Who sends what a flow's packets say.
fn ends(life: &Life, flow: &Flow, index: u32, way: Way, at: Stamp) -> Ends {
    let host = life.hosts.get(flow.host);
    // Phones take ports from 32,768 up (Linux); none is taken twice within as many connections.
    let port = 32_768 + (index % 28_000) as u16;
    let phone = Endpoint::new(phone_addr(host.addr), port);
    directed(life, phone, Endpoint::new(host.addr, host.port), way, at)
}

fn lookup_ends(life: &Life, index: u32, way: Way, at: Stamp) -> Ends {
    let resolver = life.hosts.get(life.hosts.party(super::hosts::Party::Resolver));
    let phone = Endpoint::new(phone_addr(resolver.addr), 10_000 + (index % 20_000) as u16);
    directed(life, phone, Endpoint::new(resolver.addr, resolver.port), way, at)
}

fn directed(life: &Life, phone: Endpoint, server: Endpoint, way: Way, at: Stamp) -> Ends {
    let day = life.calendar.night_of(at.minute()).to_be_bytes();
    let phone_mac =
        if life.scenario.network.randomised_mac { Mac([0x02, 0x5e, 0x17, 0, day[2], day[3]]) } else { PHONE_MAC };
    match way {
        Way::Up => Ends { src_mac: phone_mac, dst_mac: ROUTER_MAC, src: phone, dst: server, hops: 64 },
        Way::Down => Ends { src_mac: ROUTER_MAC, dst_mac: phone_mac, src: server, dst: phone, hops: 52 },
    }
}

/// The phone's address that can reach `server`.
fn phone_addr(server: std::net::IpAddr) -> std::net::IpAddr {
    if server.is_ipv4() { PHONE_V4.into() } else { PHONE_V6.into() }
}

const PHONE_V4: std::net::Ipv4Addr = std::net::Ipv4Addr::new(192, 168, 7, 23);
const PHONE_V6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x23);
const PHONE_MAC: Mac = Mac([0x02, 0, 0, 0, 0x07, 0x17]);
const ROUTER_MAC: Mac = Mac([0x02, 0, 0, 0, 0x07, 0x01]);

/// A task with its moment; equal moments go in the order they were queued.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Stamp,
    order: u64,
    task: Task,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
