//! What reading the first bytes of a flow costs, hint by hint: `cargo bench --bench hints`.
//!
//! A figure is nanoseconds for one flow's opening: a hello, a look-up, a request, or some tens of packets of a call.

#![expect(clippy::expect_used, reason = "a benchmark without its input has nothing to say")]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nightaudit::{
    base::{Endpoint, Stamp},
    flow::{FlowKey, Protocol, Side},
    hint::{Appetite, Detail, Hint, Inspector},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider},
    quic,
};

/// One flow's first pieces.
struct Opening {
    name: &'static str,
    key: FlowKey,
    detail: Detail,
    pieces: Vec<(Side, Vec<u8>)>,
}

fn hints(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hint");
    for opening in openings() {
        group.throughput(Throughput::Elements(opening.pieces.len() as u64));
        let mut found: Vec<Hint> = Vec::new();
        group.bench_function(opening.name, |b| {
            b.iter(|| {
                found.clear();
                let mut inspector = Inspector::with_detail(&opening.key, opening.detail);
                for (side, bytes) in &opening.pieces {
                    if inspector.feed(*side, Stamp::default(), bytes, &mut found) == Appetite::Sated {
                        break;
                    }
                }
                inspector.finish(&mut found);
                black_box(&found);
            });
        });
        // A benchmark of bytes that say nothing would measure nothing; only what is unknown may say so.
        assert_eq!(found.is_empty(), opening.name.contains("unknown"), "{}: {found:?}", opening.name);
    }
    group.finish();
}

fn openings() -> Vec<Opening> {
    let tcp = |name, detail, pieces| Opening { name, key: key(Protocol::Tcp, 443), detail, pieces };
    let udp = |name, port, pieces| Opening { name, key: key(Protocol::Udp, port), detail: Detail::Brief, pieces };
    let hello = tls_hello();
    let halves = hello.chunks(hello.len() / 2 + 1).map(<[u8]>::to_vec).map(up).collect();
    let request = b"GET /feed HTTP/1.1\r\nUser-Agent: x\r\nAccept: */*\r\nHost: media.example\r\n\r\n".to_vec();
    let noise: Vec<u8> = (0..600_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    vec![
        tcp("tls hello, with JA4", Detail::Full, vec![up(hello.clone())]),
        tcp("tls hello", Detail::Brief, vec![up(hello)]),
        tcp("tls hello, in two segments", Detail::Brief, halves),
        udp("quic v1 hello", 443, vec![up(initial(quic::Version::V1))]),
        udp("quic v2 hello", 443, vec![up(initial(quic::Version::V2))]),
        udp("dns, query and answer", 53, dns()),
        Opening { name: "http request", key: key(Protocol::Tcp, 80), detail: Detail::Brief, pieces: vec![up(request)] },
        udp("stun binding", 3478, vec![up(stun())]),
        udp("rtp, 24 packets", 50_000, (0..24).map(|n| up(rtp(n))).collect()),
        tcp(
            "app signature: whatsapp",
            Detail::Brief,
            vec![up(b"WA\x06\x03\0\0$\n\"\x12 abcdefghijklmnopqrstuvwxyz".to_vec())],
        ),
        tcp("unknown over tcp, 48 segments", Detail::Brief, vec![up(noise.clone()); 48]),
        udp("unknown over udp, 48 datagrams", 40_001, vec![up(noise); 48]),
        udp("tunnel: wireguard", 51_820, wireguard()),
        udp("tunnel: openvpn", 1_194, openvpn()),
    ]
}

fn key(protocol: Protocol, port: u16) -> FlowKey {
    let initiator = Endpoint::new([192, 168, 7, 23].into(), 40_000);
    let responder = Endpoint::new([203, 0, 113, 5].into(), port);
    FlowKey { protocol, initiator, responder, initiator_mac: None, responder_mac: None }
}

fn up(bytes: Vec<u8>) -> (Side, Vec<u8>) {
    (Side::Initiator, bytes)
}

fn config(protocol: &[u8]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).expect("a version");
    let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

fn tls_hello() -> Vec<u8> {
    let name = "media.example.org".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(config(b"h2")), name).expect("a client");
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("a hello");
    bytes
}

/// A client's Initial packet with its whole hello.
fn initial(version: quic::Version) -> Vec<u8> {
    const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
    let name = "media.example.org".try_into().expect("a name");
    let mut client =
        quic::ClientConnection::new(Arc::new(config(b"h3")), version, name, vec![1, 1, 0]).expect("a client");
    let mut hello = Vec::new();
    client.write_hs(&mut hello);
    let length = u16::try_from(hello.len()).expect("a short hello") | 0x4000;
    let mut payload = [&[6, 0][..], &length.to_be_bytes(), &hello].concat();
    payload.resize(1_162, 0);
    let (first, number) = if matches!(version, quic::Version::V2) { (0xd3, 0x6b33_43cf_u32) } else { (0xc3, 1) };
    let sealed = u16::try_from(payload.len() + 20).expect("a short packet") | 0x4000;
    let mut packet = [&[first][..], &number.to_be_bytes(), &[8], &DCID, &[0, 0], &sealed.to_be_bytes()].concat();
    let number_at = packet.len();
    packet.extend([0; 4]);
    let suite =
        TLS13_AES_128_GCM_SHA256.tls13().and_then(rustls::Tls13CipherSuite::quic_suite).expect("a suite for QUIC");
    let keys = suite.keys(&DCID, rustls::Side::Client, version).local;
    let tag = keys.packet.encrypt_in_place(0, &packet, &mut payload).expect("a sealed packet");
    packet.extend([&payload, tag.as_ref()].concat());
    let sample: Vec<u8> = packet[number_at + 4..number_at + 20].to_vec();
    let (head, rest) = packet.split_at_mut(1);
    let number = &mut rest[number_at - 1..number_at + 3];
    keys.header.encrypt_in_place(&sample, &mut head[0], number).expect("a masked header");
    packet
}

fn dns() -> Vec<(Side, Vec<u8>)> {
    let question = b"\x03mmg\x08whatsapp\x03net\0\0\x01\0\x01";
    let query = [&[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], question].concat();
    let record = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &[157, 240, 1, 60]].concat();
    let answer = [&[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], question, &record].concat();
    vec![up(query), (Side::Responder, answer)]
}

fn stun() -> Vec<u8> {
    [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0xc0, 0x57, 0, 4, 0, 0, 0, 1]].concat()
}

fn rtp(sequence: u16) -> Vec<u8> {
    let stamp = (u32::from(sequence) * 960).to_be_bytes();
    [&[0x80, 111][..], &sequence.to_be_bytes(), &stamp, &[0, 0, 0, 7], &[0x5a; 60]].concat()
}

fn wireguard() -> Vec<(Side, Vec<u8>)> {
    let initiation = [&[1, 0, 0, 0, 1, 2, 3, 4][..], &[0x5a; 140]].concat();
    let response = [&[2, 0, 0, 0, 9, 8, 7, 6, 1, 2, 3, 4][..], &[0x5a; 80]].concat();
    vec![up(initiation), (Side::Responder, response)]
}

fn openvpn() -> Vec<(Side, Vec<u8>)> {
    let session = [1, 2, 3, 4, 5, 6, 7, 8];
    let client = [&[0x38][..], &session, &[0, 0, 0, 0, 0]].concat();
    let server = [&[0x40][..], &[9; 8], &[1, 0, 0, 0, 0], &session, &[0, 0, 0, 0]].concat();
    vec![up(client), (Side::Responder, server)]
}

criterion_group!(benches, hints);
criterion_main!(benches);
