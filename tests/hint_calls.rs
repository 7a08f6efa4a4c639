//! Calls and tunnels through the inspector: STUN, TURN, DTLS, RTP, WireGuard, IPsec.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

mod opening;

use nightaudit::{
    flow::{Protocol, Side},
    hint::{Appetite, Hint, NameSource, Recognised},
};
use opening::inspect;

fn read(protocol: Protocol, port: u16, pieces: &[(Side, Vec<u8>)]) -> (Vec<Hint>, Appetite) {
    inspect(protocol, port, pieces.iter().map(|(side, bytes)| (*side, bytes.as_slice())))
}

fn udp(port: u16, pieces: &[(Side, Vec<u8>)]) -> Vec<Hint> {
    read(Protocol::Udp, port, pieces).0
}

fn up(bytes: impl Into<Vec<u8>>) -> (Side, Vec<u8>) {
    (Side::Initiator, bytes.into())
}

fn down(bytes: impl Into<Vec<u8>>) -> (Side, Vec<u8>) {
    (Side::Responder, bytes.into())
}

fn stun(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &length, &[0x21, 0x12, 0xa4, 0x42], &[7; 12], attributes].concat()
}

fn rtp(sequence: u16) -> Vec<u8> {
    [&[0x80, 111][..], &sequence.to_be_bytes(), &[0, 0, 1, 0], &[0xca, 0xfe, 0, 1], &[0x5a; 60]].concat()
}

const STUN: Hint = Hint::Protocol(Recognised::Stun);
const RTP: Hint = Hint::Protocol(Recognised::Rtp);

#[test]
fn a_stream_one_way_is_live_media() {
    let (hints, appetite) = read(Protocol::Udp, 9_000, &(0..40).map(|n| up(rtp(n))).collect::<Vec<_>>());
    assert_eq!((hints, appetite), (vec![RTP], Appetite::Sated));
}

#[test]
fn media_inside_turn_is_found() {
    let channel = |n| [&[0x40, 1, 0, 72][..], &rtp(n)].concat();
    let pieces: Vec<_> = [up(stun(0x0003, &[]))].into_iter().chain((0..6).map(|n| up(channel(n)))).collect();
    assert_eq!(udp(3478, &pieces), [STUN, RTP]);
    let indication = |n| stun(0x0016, &[&[0, 0x13, 0, 72][..], &rtp(n)].concat());
    assert_eq!(udp(3478, &(0..6).map(|n| up(indication(n))).collect::<Vec<_>>()), [STUN, RTP]);
    assert_eq!(udp(3478, &(0..6).map(|n| up(channel(n))).collect::<Vec<_>>()), [], "no channel without STUN");
}

#[test]
fn stun_over_tcp_is_read_plain_and_behind_lengths() {
    let message = stun(0x0003, &[&[0, 0x14, 0, 10][..], b"signal.org\0\0"].concat());
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    let framed = [&length[..], &message].concat();
    for bytes in [message, framed] {
        for size in [1, 7, 100] {
            let pieces: Vec<_> = bytes.chunks(size).map(up).collect();
            let signal = Hint::Signature { app: "signal", pattern: "stun-realm" };
            assert_eq!(read(Protocol::Tcp, 443, &pieces).0, [STUN, signal], "pieces of {size}");
        }
    }
}

#[test]
fn a_binding_of_the_first_stun_is_known_by_its_attributes() {
    let mut classic = stun(0x0101, &[0, 1, 0, 8, 0, 1, 0x9c, 0x40, 203, 0, 113, 5]);
    classic[4..8].copy_from_slice(&[9; 4]);
    assert_eq!(udp(3479, &[down(classic.clone())]), [STUN]);
    classic[21] = 0x77;
    assert_eq!(udp(3479, &[down(classic)]), [], "an attribute that nobody defined");
}

/// A DTLS 1.2 ClientHello for `call.example`, in handshake fragments of `size` bytes, a record each.
#[test]
fn stun_without_padding_is_read_as_microsofts_draft_sends_it() {
    let mut message = stun(0x0003, &[0x80, 0x08, 0, 4, 0, 0, 0, 6, 0, 0x15, 0, 2, b'n', b'o', 0x80, 0x55, 0, 1, 7]);
    let teams = Hint::Signature { app: "teams", pattern: "stun-attributes" };
    assert_eq!(udp(3478, &[up(message.clone())]), [STUN, teams]);
    message.push(0);
    assert_eq!(udp(3478, &[up(message)]), [], "a length that neither fits nor is whole words");
}

fn dtls_hello(size: usize) -> Vec<Vec<u8>> {
    let name = [&[0, 0, 0, 17, 0, 15, 0, 0, 12][..], b"call.example"].concat();
    let extensions = u16::try_from(name.len()).unwrap().to_be_bytes();
    let body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 4, 1, 2, 3, 4, 0, 2, 0xc0, 0x2b, 1, 0], &extensions, &name].concat();
    let u24 = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
    let fragment = |at: usize, part: &[u8]| {
        let handshake = [&[1][..], &u24(body.len()), &[0, 1], &u24(at * size), &u24(part.len()), part].concat();
        let length = u16::try_from(handshake.len()).unwrap().to_be_bytes();
        [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1][..], &length, &handshake].concat()
    };
    body.chunks(size).enumerate().map(|(at, part)| fragment(at, part)).collect()
}

#[test]
fn a_dtls_hello_names_its_server_whole_fragmented_and_out_of_order() {
    for size in [1_000, 40, 13] {
        let records = dtls_hello(size);
        let apart: Vec<_> = records.iter().rev().cloned().map(up).collect();
        for pieces in [apart, vec![up(records.concat())]] {
            let hints = udp(443, &pieces);
            let name = Hint::ServerName { name: "call.example".into(), source: NameSource::Dtls, outer: false };
            assert_eq!(hints[..2], [Hint::Protocol(Recognised::Dtls), name], "fragments of {size}");
            let [Hint::Hello(hello)] = &hints[2..] else { panic!("{hints:?}") };
            assert_eq!(hello.ja4.as_deref().map(|ja4| &ja4[..8]), Some("dd2d0101"));
        }
    }
}

#[test]
fn a_call_that_sets_up_with_stun_and_dtls_before_it_talks_is_all_three() {
    let mut pieces: Vec<_> = (0..100).map(|_| up(stun(1, &[]))).collect();
    pieces.extend(dtls_hello(1_000).into_iter().map(up));
    pieces.extend((0..8).map(|n| down(rtp(n))));
    let hints = udp(50_000, &pieces);
    for protocol in [Recognised::Stun, Recognised::Dtls, Recognised::Rtp] {
        assert!(hints.contains(&Hint::Protocol(protocol)), "{protocol:?}: {hints:?}");
    }
}

#[test]
fn wireguard_is_known_by_the_answer_to_its_initiation() {
    let initiation = [&[1, 0, 0, 0][..], &[5, 6, 7, 8], &[0x5a; 140]].concat();
    let response = |receiver: u8| [&[2, 0, 0, 0][..], &[1, 2, 3, 4], &[receiver, 6, 7, 8], &[0x5a; 80]].concat();
    let wireguard = [Hint::Protocol(Recognised::WireGuard)];
    assert_eq!(udp(2408, &[up(initiation.clone()), down(response(5))]), wireguard);
    assert_eq!(udp(2408, &[up(initiation.clone()), down(response(9))]), [], "an answer to somebody else");
    assert_eq!(udp(51820, &[up(initiation)]), wireguard, "on its own port an initiation will do");
}

#[test]
fn a_wireguard_tunnel_joined_midway_is_known_by_its_counter() {
    let data = |n: u64| [&[4, 0, 0, 0, 9, 9, 9, 9][..], &n.to_le_bytes(), &[0x5a; 80]].concat();
    assert_eq!(udp(1234, &[3, 4, 5, 6].map(|n| up(data(n)))), [Hint::Protocol(Recognised::WireGuard)]);
    assert_eq!(udp(1234, &[3, 400, 5, 60_000, 1].map(|n| up(data(n)))), []);
}

#[test]
fn ipsec_is_known_by_its_key_exchange_or_its_counting() {
    let exchange = [&[3; 8][..], &[0; 8], &[33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 60], &[0x5a; 32]].concat();
    let ipsec = [Hint::Protocol(Recognised::Ipsec)];
    assert_eq!(udp(500, &[up(exchange.clone())]), ipsec);
    assert_eq!(udp(4500, &[up([&[0; 4][..], &exchange].concat())]), ipsec);
    assert_eq!(udp(501, &[up(exchange)]), []);
    let esp = |n: u32| [&[0xc0, 0, 0, 1][..], &n.to_be_bytes(), &[0x5a; 60]].concat();
    assert_eq!(udp(4500, &[1, 2, 3, 4].map(|n| up(esp(n)))), ipsec);
}

#[test]
fn esp_without_udp_is_a_tunnel_by_its_number() {
    assert_eq!(read(Protocol::Other(50), 0, &[up(vec![])]).0, [Hint::Protocol(Recognised::Ipsec)]);
    assert_eq!(read(Protocol::Other(1), 0, &[up(vec![8])]), (vec![], Appetite::Sated));
}

#[test]
fn what_is_nothing_known_is_given_up() {
    let noise: Vec<_> = (0..200_u8).map(|n| up(vec![0x70 | n & 7, n, 200 - n, 1, n])).collect();
    assert_eq!(udp(9_999, &noise), []);
    assert_eq!(read(Protocol::Udp, 9_999, &noise).1, Appetite::Sated);
    assert_eq!(read(Protocol::Tcp, 9_999, &noise), (vec![], Appetite::Sated));
}
