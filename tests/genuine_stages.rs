//! The stages from a capture to the hints, joined by hand, on captures whose endpoints counted for themselves
//! (`captures/genuine`). Where the binary is wrong about one of them, this says whether its front half is.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::{collections::BTreeMap, path::Path};

use nightaudit::{
    base::Stamp,
    capture::Captures,
    decode::{Decoded, Decoder, Packet},
    flow::{Events, FlowEvent, FlowId, FlowKey, FlowTable, Limits, Protocol, Side},
    hint::{Appetite, ClientHello, Hint, Inspector, NameSource},
};
use support::expect::{Expectation, Flow, host_source};

/// What the front half of the pipeline makes of a flow.
#[derive(Debug, Default)]
struct Read {
    packets: [u64; 2],
    wire: [u64; 2],
    payload: [u64; 2],
    names: Vec<(String, &'static str)>,
    hellos: Vec<ClientHello>,
    lookups: Vec<String>,
    answers: usize,
}

#[test]
fn each_flow_of_a_genuine_capture_is_counted_to_the_byte() {
    for expectation in Expectation::all() {
        let read = read(&expectation.capture);
        let transport = read.keys().filter(|key| key.0 != "other").count();
        assert_eq!(transport, expectation.flows.len(), "flows of {}", expectation.capture.display());
        for flow in &expectation.flows {
            let read = found(&read, flow);
            let counted = (read.packets, read.wire, read.payload);
            let sent = (
                [flow.packets_ab, flow.packets_ba],
                [flow.bytes_ab, flow.bytes_ba],
                [flow.payload_ab, flow.payload_ba],
            );
            assert_eq!(counted, sent, "{flow:?} of {}", expectation.capture.display());
        }
    }
}

#[test]
fn each_hello_of_a_genuine_capture_is_read() {
    for expectation in Expectation::all() {
        let read = read(&expectation.capture);
        for flow in &expectation.flows {
            let Some(session) = &flow.session else { continue };
            let read = found(&read, flow);
            let about = format!("{flow:?} of {}: {read:?}", expectation.capture.display());
            let in_clear = read.names.iter().find(|(_, source)| *source != "cert");
            let source = host_source(&session.version);
            assert_eq!(in_clear.cloned(), session.server_name.clone().map(|name| (name, source)), "{about}");
            let encrypted = session.server_name.is_some() && source != "http";
            assert_eq!(read.hellos.len(), usize::from(encrypted), "{about}");
            for hello in &read.hellos {
                assert_eq!((&hello.alpn, hello.ech), (&session.alpn, session.ech), "{about}");
                assert!(hello.ja4.is_some(), "{about}");
            }
        }
    }
}

#[test]
fn each_lookup_of_a_genuine_capture_is_read() {
    for expectation in Expectation::all() {
        let read = read(&expectation.capture);
        for flow in expectation.flows.iter().filter(|flow| flow.session.is_none()) {
            let read = found(&read, flow);
            let asked: Vec<_> = flow.lookup.iter().cloned().collect();
            assert_eq!(read.lookups, asked, "{flow:?} of {}", expectation.capture.display());
        }
    }
    let answers: usize = read(&support::genuine("tls13")).values().map(|flow| flow.answers).sum();
    assert!(answers >= 4, "{answers} answers to at least four questions for an IPv4 address");
}

/// Protocol, and address and port of both ends.
type Key = (&'static str, String, u16, String, u16);

fn found<'a>(read: &'a BTreeMap<Key, Read>, flow: &Flow) -> &'a Read {
    let proto = if flow.proto == "tcp" { "tcp" } else { "udp" };
    let key = (proto, flow.src.clone(), flow.sport, flow.dst.clone(), flow.dport);
    read.get(&key).unwrap_or_else(|| panic!("no {key:?} among {:?}", read.keys()))
}

fn read(capture: &Path) -> BTreeMap<Key, Read> {
    let mut opened = Captures::open(&[capture]);
    assert!(opened.failed.is_empty(), "{:?}", opened.failed);
    let mut front = Front::default();
    let mut decoder = Decoder::default();
    let mut table = FlowTable::new(Limits::default());
    while opened.captures.advance().is_some() {
        if let Decoded::Packet(packet) = decoder.decode(&opened.captures.frame()) {
            front.ingest(&packet, &mut table);
        }
    }
    let mut events = Events::default();
    table.finish(&mut events);
    front.fold(events, &mut table);
    front.flows.into_values().map(|(key, _, read)| (named(&key), read)).collect()
}

#[derive(Default)]
struct Front {
    flows: BTreeMap<FlowId, (FlowKey, Inspector, Read)>,
}

impl Front {
    fn ingest(&mut self, packet: &Packet<'_>, table: &mut FlowTable) {
        let mut events = Events::default();
        table.ingest(packet, &mut events);
        self.fold(events, table);
    }

    fn fold(&mut self, mut events: Events, table: &mut FlowTable) {
        events.drain(|event, bytes| match event {
            FlowEvent::Opened { flow, key, .. } => {
                let inspector = Inspector::new(&key);
                self.flows.insert(flow, (key, inspector, Read::default()));
            }
            FlowEvent::Data { flow, side, at, .. } => self.inspect(flow, side, at, bytes, table),
            FlowEvent::Moved { flow, initiator, responder, .. } => {
                let (_, _, read) = self.flows.get_mut(&flow).expect("an open flow");
                for (side, sent) in [initiator, responder].into_iter().enumerate() {
                    read.packets[side] += u64::from(sent.packets);
                    read.wire[side] += sent.wire.0;
                    read.payload[side] += sent.payload.0;
                }
            }
            FlowEvent::Owned { .. } | FlowEvent::Closed { .. } => {}
        });
    }

    fn inspect(&mut self, flow: FlowId, side: Side, at: Stamp, bytes: &[u8], table: &mut FlowTable) {
        let (_, inspector, read) = self.flows.get_mut(&flow).expect("an open flow");
        let mut hints = Vec::new();
        if inspector.feed(side, at, bytes, &mut hints) == Appetite::Sated {
            table.sate(flow);
        }
        for hint in hints {
            match hint {
                Hint::ServerName { name, source, .. } => read.names.push((name, word(source))),
                Hint::Hello(hello) => read.hellos.push(hello),
                Hint::Lookup(name) => read.lookups.push(name),
                Hint::Answered(_) => read.answers += 1,
                _ => {}
            }
        }
    }
}

fn named(key: &FlowKey) -> Key {
    let proto = match key.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Other(_) => "other",
    };
    let (from, to) = (key.initiator, key.responder);
    (proto, from.addr.to_string(), from.port, to.addr.to_string(), to.port)
}

fn word(source: NameSource) -> &'static str {
    match source {
        NameSource::Tls => "sni",
        NameSource::Quic => "quic",
        NameSource::Http => "http",
        NameSource::Certificate => "cert",
        NameSource::Dtls | NameSource::Gquic => "another",
    }
}
