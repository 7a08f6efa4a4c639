//! A QUIC handshake that never gets further than its first packet.

use rustls::{crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256, quic::Version};

/// The connection id that the packet's keys follow from.
const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// A client's Initial packet of version 1, as another implementation seals it, with the first kilobyte of a hello that
/// says it is 16,000 bytes long.
pub(crate) fn half_open() -> Vec<u8> {
    let hello = [&[1, 0, 0x3e, 0x80, 3, 3][..], &[0x5a; 1_000]].concat();
    let length = u16::try_from(hello.len()).expect("a short hello") | 0x4000;
    let mut payload = [&[6, 0][..], &length.to_be_bytes(), &hello].concat();
    payload.resize(1_162, 0);
    let sealed = u16::try_from(payload.len() + 4 + 16).expect("a short packet") | 0x4000;
    let mut packet = [&[0xc3, 0, 0, 0, 1, 8][..], &DCID, &[0, 0], &sealed.to_be_bytes()].concat();
    let number_at = packet.len();
    packet.extend([0; 4]);
    let suite =
        TLS13_AES_128_GCM_SHA256.tls13().and_then(rustls::Tls13CipherSuite::quic_suite).expect("a suite for QUIC");
    let keys = suite.keys(&DCID, rustls::Side::Client, Version::V1).local;
    let tag = keys.packet.encrypt_in_place(0, &packet, &mut payload).expect("a sealed packet");
    packet.extend([&payload, tag.as_ref()].concat());
    let sample: Vec<u8> = packet[number_at + 4..number_at + 20].to_vec();
    let (head, rest) = packet.split_at_mut(1);
    let number = &mut rest[number_at - 1..number_at + 3];
    keys.header.encrypt_in_place(&sample, &mut head[0], number).expect("a masked header");
    packet
}
