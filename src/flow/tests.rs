//! The table as a whole: what goes in comes out, once.

use std::{collections::HashSet, net::Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::{
    base::Stamp,
    decode::{Packet, TcpFlags, Transport},
};

const PHONE: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 23);
const SERVER: Ipv4Addr = Ipv4Addr::new(157, 240, 0, 53);
const SYN: TcpFlags = TcpFlags { syn: true, ack: false, fin: false, rst: false };
const ACK: TcpFlags = TcpFlags { syn: false, ack: true, fin: false, rst: false };
const FIN: TcpFlags = TcpFlags { syn: false, ack: true, fin: true, rst: false };
const RST: TcpFlags = TcpFlags { syn: false, ack: false, fin: false, rst: true };

/// A packet between the phone's `port` and a server's 443.
fn packet(up: bool, port: u16, at: Stamp, transport: Transport, payload: &[u8]) -> Packet<'_> {
    let (phone, server) = (Endpoint::new(PHONE.into(), port), Endpoint::new(SERVER.into(), 443));
    let (src, dst) = if up { (phone, server) } else { (server, phone) };
    let length = u32::try_from(payload.len()).unwrap();
    Packet {
        stamp: at,
        src,
        dst,
        transport,
        wire_len: length + 40,
        payload_len: length,
        payload,
        src_mac: None,
        dst_mac: None,
        heading: None,
        app: None,
    }
}

fn tcp(seq: u32, flags: TcpFlags) -> Transport {
    Transport::Tcp { seq, ack: 0, flags }
}

/// An event, with the bytes that it shows.
type Said = (FlowEvent, Vec<u8>);

/// Everything a run of packets makes the table say.
fn events(packets: &[Packet<'_>], limits: Limits) -> Vec<Said> {
    let (mut table, mut events) = (FlowTable::new(limits), Events::default());
    for packet in packets {
        table.ingest(packet, &mut events);
    }
    table.finish(&mut events);
    assert!(table.is_empty());
    all(events)
}

fn all(mut events: Events) -> Vec<Said> {
    let mut all = Vec::new();
    events.drain(|event, bytes| all.push((event, bytes.to_vec())));
    assert!(events.is_empty());
    all
}

fn opened(events: &[Said]) -> Vec<FlowKey> {
    let key = |(event, _): &Said| if let FlowEvent::Opened { key, .. } = event { Some(*key) } else { None };
    events.iter().filter_map(key).collect()
}

fn payload(events: &[Said]) -> (u64, u64) {
    events.iter().fold((0, 0), |(a, b), (event, _)| match event {
        FlowEvent::Moved { initiator, responder, .. } => (a + initiator.payload.0, b + responder.payload.0),
        _ => (a, b),
    })
}

fn prefix(events: &[Said], wanted: Side) -> Vec<u8> {
    let shown = events.iter().filter_map(|(event, bytes)| match event {
        FlowEvent::Data { side, .. } if *side == wanted => Some(&bytes[..]),
        _ => None,
    });
    shown.flatten().copied().collect()
}

fn second(n: u64) -> Stamp {
    Stamp::new(1_700_000_040 + n, 0)
}

#[test]
fn bytes_are_posted_in_the_minute_they_moved_in() {
    let body = [0; 1_000];
    let upload: Vec<_> =
        (0..180).map(|n| packet(true, 5_000, second(n), tcp(u32::try_from(n).unwrap() * 1_000, ACK), &body)).collect();
    let mut by_minute = Vec::new();
    for (event, _) in events(&upload, Limits::default()) {
        if let FlowEvent::Moved { minute, initiator, .. } = event {
            assert_eq!(initiator.payload, initiator.bulk);
            assert_eq!(initiator.seconds.count_ones(), 60);
            by_minute.push((minute, initiator.payload));
        }
    }
    let first = second(0).minute();
    assert_eq!(by_minute, [0, 1, 2].map(|n| (first.plus(n), Bytes::kb(60))));
}

#[test]
fn the_server_answers_even_when_it_is_seen_first() {
    let answer_first = packet(false, 5_000, second(0), tcp(1, TcpFlags { ack: true, ..SYN }), b"");
    let mid_flow = packet(false, 5_001, second(0), tcp(77, ACK), b"data");
    for key in opened(&events(&[answer_first, mid_flow], Limits::default())) {
        assert_eq!(key.initiator.addr, PHONE);
    }
}

#[test]
fn both_sides_opening_at_once_are_one_flow() {
    let crossing =
        [packet(true, 5_000, second(0), tcp(10, SYN), b""), packet(false, 5_000, second(0), tcp(20, SYN), b"")];
    assert_eq!(opened(&events(&crossing, Limits::default())).len(), 1);
}

#[test]
fn reused_ports_make_another_flow_and_a_repeated_syn_does_not() {
    let [first, again, other] =
        [(0, 100), (1, 100), (9, 500)].map(|(at, seq)| packet(true, 5_000, second(at), tcp(seq, SYN), b""));
    let end = packet(true, 5_000, second(5), tcp(101, FIN), b"");
    let last = packet(false, 5_000, second(6), tcp(1, FIN), b"");
    let seen = events(&[first, again, end, last, other], Limits::default());
    assert_eq!(opened(&seen).len(), 2);
}

#[test]
fn a_reset_ends_a_flow_and_its_bytes_are_no_payload() {
    let reset = packet(false, 5_000, second(1), tcp(u32::MAX / 2, RST), b"why");
    let seen = events(&[packet(true, 5_000, second(0), tcp(1, ACK), b"hello"), reset], Limits::default());
    assert_eq!(payload(&seen), (5, 0));
}

#[test]
fn a_keepalive_moves_nothing() {
    let opening = packet(true, 5_000, second(0), tcp(99, SYN), b"");
    let [probe, data, again] = [(1, 99, &b"x"[..]), (2, 100, b"abc"), (60, 102, b"c")]
        .map(|(at, seq, b)| packet(true, 5_000, second(at), tcp(seq, ACK), b));
    assert_eq!(payload(&events(&[opening, probe, data, again], Limits::default())), (3, 0));
}

#[test]
fn swapped_segments_show_their_prefix_in_order() {
    let opening = packet(true, 5_000, second(0), tcp(99, SYN), b"");
    let [late, early] =
        [(104, &b"World"[..]), (100, b"Helo")].map(|(seq, b)| packet(true, 5_000, second(1), tcp(seq, ACK), b));
    assert_eq!(prefix(&events(&[opening, late, early], Limits::default()), Side::Initiator), b"HeloWorld");
}

#[test]
fn idle_flows_close_on_packet_time() {
    let [one, two] = [(0, 5_000), (301, 5_000)].map(|(at, port)| packet(true, port, second(at), Transport::Udp, b"x"));
    assert_eq!(opened(&events(&[one, two], Limits::default())).len(), 2);
    let [one, two] = [0, 299].map(|at| packet(true, 5_000, second(at), Transport::Udp, b"x"));
    assert_eq!(opened(&events(&[one, two], Limits::default())).len(), 1);
}

#[test]
fn one_frame_from_the_far_future_does_not_break_the_flows_after_it() {
    let mut packets: Vec<_> = (0..50).map(|n| packet(true, 5_000, second(n), Transport::Udp, b"x")).collect();
    packets.insert(25, packet(true, 6_000, Stamp::new(4_000_000_000, 0), Transport::Udp, b"x"));
    assert!(opened(&events(&packets, Limits::default())).len() <= 3);
}

#[test]
fn a_full_table_evicts_visibly_and_loses_no_byte() {
    let limits = Limits { flows: 100, ..Limits::default() };
    let (mut table, mut seen) = (FlowTable::new(limits), Events::default());
    for port in 1_000..3_000 {
        table.ingest(&packet(true, port, second(0), Transport::Udp, b"abc"), &mut seen);
        assert!(table.len() <= 100);
    }
    assert_eq!(table.evicted(), 1_900);
    table.finish(&mut seen);
    assert_eq!(payload(&all(seen)), (6_000, 0));
}

#[test]
fn a_sated_flow_is_counted_and_no_longer_copied() {
    let (mut table, mut seen) = (FlowTable::new(Limits::default()), Events::default());
    table.ingest(&packet(true, 5_000, second(0), tcp(1, ACK), b"abc"), &mut seen);
    let mut seen = all(seen);
    let FlowEvent::Opened { flow, .. } = seen[0].0 else { panic!("a flow opens first") };
    table.sate(flow);
    let mut rest = Events::default();
    table.ingest(&packet(true, 5_000, second(0), tcp(4, ACK), b"def"), &mut rest);
    table.finish(&mut rest);
    seen.extend(all(rest));
    assert_eq!(prefix(&seen, Side::Initiator), b"abc");
    assert_eq!(payload(&seen), (6, 0));
}

fn any_flags() -> impl Strategy<Value = TcpFlags> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(syn, ack, fin, rst)| TcpFlags {
        syn,
        ack,
        fin,
        rst,
    })
}

proptest! {
    /// Whatever is sent in whatever order: every packet and wire byte comes out once, no payload byte twice, and no
    /// flow ends twice or speaks after its end.
    #[test]
    fn what_goes_in_comes_out(
        sent in prop::collection::vec(
            (any::<bool>(), 5_000_u16..5_004, 0_u64..9_000, any::<Option<u8>>(), any_flags(), 0_usize..40), 0..120,
        ),
    ) {
        let body = [7; 40];
        let packets: Vec<_> = sent.iter().map(|&(up, port, at, seq, flags, length)| {
            let transport = seq.map_or(Transport::Udp, |seq| tcp(seq.into(), flags));
            packet(up, port, second(at), transport, &body[..length])
        }).collect();
        let seen = events(&packets, Limits { flows: 3, ..Limits::default() });
        let mut open: HashSet<FlowId> = HashSet::new();
        let (mut wire, mut count, mut unique) = (0, 0, 0);
        for (event, _) in &seen {
            match event {
                FlowEvent::Opened { flow, .. } => prop_assert!(open.insert(*flow)),
                FlowEvent::Moved { flow, initiator, responder, .. } => {
                    prop_assert!(open.contains(flow));
                    wire += initiator.wire.0 + responder.wire.0;
                    count += initiator.packets + responder.packets;
                    unique += initiator.payload.0 + responder.payload.0;
                }
                FlowEvent::Data { flow, .. } | FlowEvent::Owned { flow, .. } => prop_assert!(open.contains(flow)),
                FlowEvent::Closed { flow, .. } => prop_assert!(open.remove(flow)),
            }
        }
        prop_assert!(open.is_empty());
        prop_assert_eq!(count as usize, packets.len());
        prop_assert_eq!(wire, packets.iter().map(|p| u64::from(p.wire_len)).sum::<u64>());
        prop_assert!(unique <= packets.iter().map(|p| u64::from(p.payload_len)).sum::<u64>());
    }
}
