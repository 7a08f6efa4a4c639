//! Odd headers: options, extension chains, lengths that lie.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test says what it expected by failing")]

use std::net::Ipv4Addr;

use nightaudit::{
    base::Stamp,
    capture::{Frame, LinkType},
    decode::{Decoded, Decoder, Packet, Transport},
};

const UDP: [u8; 12] = [0x9c, 0x40, 0, 53, 0, 12, 0, 0, b'a', b'b', b'c', b'd'];
const TCP: [u8; 20] = [0x9c, 0x40, 1, 0xbb, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x10, 0, 0, 0, 0, 0, 0];

fn frame(data: &[u8]) -> Frame<'_> {
    let original_len = u32::try_from(data.len()).unwrap();
    Frame { stamp: Stamp::new(9, 0), link: LinkType::RAW, data, original_len, heading: None, app: None }
}

/// Decodes `data`, and says how many headers in it were broken.
fn decoded<T>(data: &[u8], look: impl FnOnce(&Packet<'_>) -> T) -> (T, u64) {
    let mut decoder = Decoder::default();
    let seen = match decoder.decode(&frame(data)) {
        Decoded::Packet(packet) => look(&packet),
        other => panic!("{other:?}"),
    };
    (seen, decoder.counts().malformed())
}

fn lengths(packet: &Packet<'_>) -> (u32, u32, usize) {
    (packet.wire_len, packet.payload_len, packet.payload.len())
}

fn v4(protocol: u8, stated: u16, body: &[u8]) -> Vec<u8> {
    let [l0, l1] = stated.to_be_bytes();
    let head = [0x45, 0, l0, l1, 0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 168, 7, 23, 9, 9, 9, 9];
    [&head[..], body].concat()
}

fn v6(next: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[0x60, 0, 0, 0][..], &length, &[next, 64], &[0x20; 16], &[0x26; 16], body].concat()
}

#[test]
fn options_of_ipv4_are_passed_over() {
    let mut data = v4(17, 36, &[&[1, 1, 1, 0][..], &UDP].concat());
    data[0] = 0x46;
    assert_eq!(decoded(&data, lengths), ((36, 4, 4), 0));
}

#[test]
fn extension_headers_are_passed_over_and_counted_as_wire() {
    let hop_by_hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [60, 0, 4, 0, 0, 0, 0, 0];
    let destination = [51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let only_fragment = [17, 0, 0, 0, 0, 0, 0, 9];
    let data = v6(0, &[&hop_by_hop[..], &routing, &destination, &authentication, &only_fragment, &UDP].concat());
    let ((ports, lengths), broken) = decoded(&data, |packet| ((packet.src.port, packet.dst.port), lengths(packet)));
    assert_eq!((ports, lengths, broken), ((40_000, 53), (40 + 64 + 12, 4, 4), 0));
}

#[test]
fn an_endless_chain_of_extension_headers_is_given_up_but_counted() {
    let chain = [60, 0, 1, 4, 0, 0, 0, 0].repeat(200);
    let data = v6(60, &chain);
    let ((transport, wire), broken) = decoded(&data, |packet| (packet.transport, packet.wire_len));
    assert_eq!((transport, wire as usize, broken), (Transport::Other(60), data.len(), 1));
}

#[test]
fn the_authentication_header_of_ipv4_is_passed_over() {
    let authentication = [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    let data = v4(51, 44, &[&authentication[..], &UDP].concat());
    assert_eq!(decoded(&data, |packet| (packet.dst.port, packet.payload_len)), ((53, 4), 0));
}

#[test]
fn mapped_addresses_are_unwrapped() {
    let mut data = v6(17, &UDP);
    data[8..24].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 7, 23]);
    assert_eq!(decoded(&data, |packet| packet.src.addr).0, Ipv4Addr::new(192, 168, 7, 23));
}

#[test]
fn what_follows_the_total_length_is_no_traffic() {
    let data = [v4(17, 32, &UDP), vec![0; 9]].concat();
    assert_eq!(decoded(&data, lengths), ((32, 4, 4), 0));
}

#[test]
fn a_total_length_beyond_the_frame_is_believed_and_noted() {
    assert_eq!(decoded(&v4(6, 1_500, &TCP), lengths), ((1_500, 1_460, 0), 1));
}

#[test]
fn a_udp_length_is_held_to_the_datagram() {
    let with_length = |length: u8| {
        let mut udp = UDP;
        udp[5] = length;
        decoded(&v4(17, 32, &udp), lengths)
    };
    assert_eq!(with_length(10), ((32, 2, 2), 0), "the rest is padding");
    assert_eq!(with_length(0), ((32, 4, 4), 0), "offload");
    assert_eq!(with_length(200), ((32, 4, 4), 1));
    assert_eq!(with_length(3), ((32, 0, 0), 1));
}

#[test]
fn a_tcp_header_length_that_lies_costs_the_payload_only() {
    let with_offset = |offset: u8| {
        let mut segment = [&TCP[..], b"data"].concat();
        segment[12] = offset << 4;
        decoded(&v4(6, 44, &segment), |packet| (packet.transport, lengths(packet)))
    };
    let ((transport, lengths), broken) = with_offset(5);
    assert!(matches!(transport, Transport::Tcp { seq: 7, ack: 9, .. }));
    assert_eq!((lengths, broken), ((44, 4, 4), 0));
    for offset in [0, 4, 15] {
        let ((transport, lengths), broken) = with_offset(offset);
        assert!(matches!(transport, Transport::Tcp { seq: 7, .. }), "{transport:?}");
        assert_eq!((lengths, broken), ((44, 0, 0), 1), "offset {offset}");
    }
}

#[test]
fn a_transport_without_room_for_ports_is_counted_whole() {
    for protocol in [6, 17] {
        let ((transport, port, lengths), broken) =
            decoded(&v4(protocol, 23, &[1, 2, 3]), |packet| (packet.transport, packet.src.port, lengths(packet)));
        assert_eq!((transport, port, lengths, broken), (Transport::Other(protocol), 0, (23, 3, 3), 1));
    }
}

#[test]
fn other_protocols_are_counted_whole() {
    assert_eq!(
        decoded(&v4(50, 30, &[7; 10]), |packet| (packet.transport, lengths(packet))).0,
        (Transport::Other(50), (30, 10, 10))
    );
}
