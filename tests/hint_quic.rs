//! QUIC handshakes that genuine clients make, sealed by another implementation: every version, shuffled, merged, retried
//! and cut; and those of published captures, draft by draft.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "in a test a panic is the report, and a skipped one says so"
)]

#[allow(dead_code, reason = "other tests read the records beside the captures")]
mod hint_support;
mod opening;

use std::{collections::BTreeMap, sync::Arc};

use hint_support::{corpus, files, first_payloads, hints};
use nightaudit::{
    base::Stamp,
    flow::{Protocol, Side},
    hint::{Appetite, Hint, NameSource, Recognised},
};
use opening::{NAME, client_config, hello, inspector, names, read, sent};
use rustls::{crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256, quic};

const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// The CRYPTO stream of a genuine client that offers HTTP/3.
fn crypto(version: quic::Version) -> Vec<u8> {
    crypto_offering(version, "h3")
}

fn crypto_offering(version: quic::Version, protocol: &str) -> Vec<u8> {
    let mut config = client_config(&[&rustls::version::TLS13]);
    config.alpn_protocols = vec![protocol.into()];
    let name = NAME.try_into().unwrap();
    let mut client = quic::ClientConnection::new(Arc::new(config), version, name, vec![1, 1, 0]).unwrap();
    let mut bytes = Vec::new();
    assert!(client.write_hs(&mut bytes).is_none());
    bytes
}

fn crypto_frame(stream: &[u8], from: usize, to: usize) -> Vec<u8> {
    let number = |n: usize| (u16::try_from(n).unwrap() | 0x4000).to_be_bytes();
    [&[6][..], &number(from), &number(to - from), &stream[from..to]].concat()
}

/// An Initial packet as another implementation seals it: frames padded to a full datagram.
fn seal(version: quic::Version, dcid: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    let wire = if matches!(version, quic::Version::V2) { 0x6b33_43cf } else { 1 };
    seal_as(wire, version, dcid, number, frames)
}

/// Sealed by the keys of one connection id, and sent to another, as a client does once the server has named its own.
fn seal_keyed(keys_of: &[u8], dcid: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    seal_all(1, quic::Version::V1, [keys_of, dcid], number, frames)
}

fn seal_as(wire: u32, version: quic::Version, dcid: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    seal_all(wire, version, [dcid, dcid], number, frames)
}

fn seal_all(wire: u32, version: quic::Version, [keys_of, dcid]: [&[u8]; 2], number: u32, frames: &[u8]) -> Vec<u8> {
    let first = if matches!(version, quic::Version::V2) { 0xd3 } else { 0xc3 };
    let mut payload = frames.to_vec();
    payload.resize(1162, 0);
    let length = u16::try_from(payload.len() + 4 + 16).unwrap() | 0x4000;
    let mut packet = [&[first][..], &wire.to_be_bytes(), &[u8::try_from(dcid.len()).unwrap()], dcid, &[0, 0]].concat();
    packet.extend(length.to_be_bytes());
    let number_at = packet.len();
    packet.extend(number.to_be_bytes());
    let keys = TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
    let keys = keys.keys(keys_of, rustls::Side::Client, version).local;
    let tag = keys.packet.encrypt_in_place(number.into(), &packet, &mut payload).unwrap();
    packet.extend([&payload, tag.as_ref()].concat());
    let sample: Vec<u8> = packet[number_at + 4..number_at + 20].to_vec();
    let (head, rest) = packet.split_at_mut(1);
    keys.header.encrypt_in_place(&sample, &mut head[0], &mut rest[number_at - 1..number_at + 3]).unwrap();
    packet
}

fn assert_named(hints: &[Hint]) {
    assert_eq!(names(hints), [(NAME, NameSource::Quic)]);
    let hello = hello(hints).unwrap();
    assert_eq!(hello.alpn, ["h3"]);
    assert!(hello.ja4.as_deref().unwrap().starts_with("q13d"));
}

#[test]
fn the_packet_of_rfc_9001_is_opened() {
    let frames = hex(
        "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c0\
         00000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e0005000501\
         00000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304\
         000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07\
         048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff",
    );
    let packet = seal(quic::Version::V1, &DCID, 2, &frames);
    assert!(packet.starts_with(&hex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b")));
    assert!(packet.ends_with(&hex("e221af44860018ab0856972e194cd934")), "section A.2 prints this packet");
    let hints = read(Protocol::Udp, [sent(&packet)]);
    assert_eq!(names(&hints), [("example.com", NameSource::Quic)]);
    assert_eq!(hello(&hints).unwrap().alpn, ["alpn"]);
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn both_versions_say_their_name() {
    for version in [quic::Version::V1, quic::Version::V2] {
        let stream = crypto(version);
        let packet = seal(version, &DCID, 0, &crypto_frame(&stream, 0, stream.len()));
        assert_named(&read(Protocol::Udp, [sent(&packet)]));
    }
}

/// Two packets whose frames are out of order and overlap, as post-quantum and shuffled hellos come.
#[test]
fn a_hello_that_offers_dns_is_dns_over_quic_on_any_port() {
    let speaks = |protocol| {
        let stream = crypto_offering(quic::Version::V1, protocol);
        let packet = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, stream.len()));
        read(Protocol::Udp, [sent(&packet)]).contains(&Hint::Protocol(Recognised::Doq))
    };
    assert!(speaks("doq") && speaks("doq-i02"));
    assert!(!speaks("h3"));
}

fn shuffled() -> [Vec<u8>; 2] {
    let stream = crypto(quic::Version::V1);
    let (third, end) = (stream.len() / 3, stream.len());
    let late = [crypto_frame(&stream, 2 * third, end), vec![0, 1, 0], crypto_frame(&stream, third - 4, 2 * third)];
    let early = [vec![1], crypto_frame(&stream, 0, third)];
    [seal(quic::Version::V1, &DCID, 0, &late.concat()), seal(quic::Version::V1, &DCID, 1, &early.concat())]
}

#[test]
fn frames_out_of_order_over_two_datagrams_are_put_together() {
    let [one, two] = shuffled();
    assert_named(&read(Protocol::Udp, [sent(&one), sent(&two)]));
    assert_named(&read(Protocol::Udp, [sent(&two), sent(&one)]));
}

#[test]
fn datagrams_that_receive_offload_merged_are_taken_apart() {
    assert_named(&read(Protocol::Udp, [sent(&shuffled().concat())]));
    let [one, two] = shuffled();
    assert_named(&read(Protocol::Udp, [sent(&[one, vec![0; 90], two].concat())]));
}

#[test]
fn early_data_and_the_servers_packets_are_passed_over() {
    let [one, two] = shuffled();
    let early = [&[0xd0, 0, 0, 0, 1, 8][..], &DCID, &[0, 0x40, 30], &[0x5a; 30]].concat();
    let server = [&[0xc0, 0, 0, 0, 1, 0, 8][..], &[9; 8], &[0, 0x40, 40], &[0x5a; 40]].concat();
    let pieces = [sent(&early), sent(&one), (Side::Responder, &server), sent(&two)];
    assert_named(&read(Protocol::Udp, pieces));
}

#[test]
fn after_a_retry_the_keys_follow_the_new_connection_id() {
    let stream = crypto(quic::Version::V1);
    let first = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, 60));
    let retry = [&[0xf0, 0, 0, 0, 1, 0, 5][..], &[7; 5], &[0x5a; 40]].concat();
    let again = seal(quic::Version::V1, &[7; 5], 1, &crypto_frame(&stream, 0, stream.len()));
    assert_named(&read(Protocol::Udp, [sent(&first), (Side::Responder, &retry), sent(&again)]));
}

#[test]
fn a_second_hello_is_told_where_the_server_does_not_go_on_with_the_first() {
    let (first, second) = (crypto(quic::Version::V1), crypto(quic::Version::V1));
    let stream = [first.clone(), second].concat();
    let one = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, first.len()));
    let two = seal(quic::Version::V1, &DCID, 1, &crypto_frame(&stream, first.len(), stream.len()));
    let server = |kind: u8| [&[kind, 0, 0, 0, 1, 0, 8][..], &[9; 8], &[0, 0x40, 40], &[0x5a; 40]].concat();
    let (initial, handshake) =
        (server(0xc0), [&[0xe0, 0, 0, 0, 1, 0, 8][..], &[9; 8], &[0x40, 40], &[0x5a; 40]].concat());
    let hellos = |pieces: &[(Side, &[u8])]| {
        let hints = read(Protocol::Udp, pieces.iter().copied());
        assert_eq!(names(&hints), [(NAME, NameSource::Quic)]);
        hints.iter().filter(|hint| matches!(hint, Hint::Hello(_))).count()
    };
    assert_eq!(hellos(&[sent(&one), (Side::Responder, &initial), sent(&two)]), 2);
    assert_eq!(hellos(&[sent(&one), (Side::Responder, &handshake), sent(&two)]), 1, "it went on with the first");
}

#[test]
fn the_last_drafts_are_opened_like_version_one() {
    let stream = crypto(quic::Version::V1);
    let packet = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, stream.len()));
    for draft in [0xff00_0021_u32, 0xff00_0022] {
        // The version is authenticated with the packet, so it has to be sealed under its own number.
        let sealed = seal_as(draft, quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, stream.len()));
        assert_ne!(sealed, packet);
        assert_named(&read(Protocol::Udp, [sent(&sealed)]));
    }
}

#[test]
fn a_new_connection_id_without_a_retry_changes_no_keys() {
    let stream = crypto(quic::Version::V1);
    let half = stream.len() / 2;
    let first = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, half));
    let second = seal_keyed(&DCID, &[9; 11], 1, &crypto_frame(&stream, half, stream.len()));
    assert_named(&read(Protocol::Udp, [sent(&first), sent(&second)]));
    let strange = seal_keyed(&[8; 8], &[9; 11], 1, &crypto_frame(&stream, half, stream.len()));
    assert_eq!(names(&read(Protocol::Udp, [sent(&first), sent(&strange)])), [], "sealed by keys that nobody knows");
}

#[test]
fn numbers_of_facebooks_own_are_opened_by_whichever_keys_fit() {
    let stream = crypto(quic::Version::V1);
    let frame = crypto_frame(&stream, 0, stream.len());
    let newer = seal_as(0xface_b010, quic::Version::V1, &DCID, 0, &frame);
    assert_named(&read(Protocol::Udp, [sent(&newer)]));
}

#[test]
fn halves_of_a_hello_under_keys_of_their_own_are_put_together() {
    let stream = crypto(quic::Version::V1);
    let half = stream.len() / 2;
    let first = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, half));
    let second = seal(quic::Version::V1, &[9; 8], 0, &crypto_frame(&stream, half, stream.len()));
    assert_named(&read(Protocol::Udp, [sent(&first), sent(&second)]));
}

#[test]
fn a_cut_datagram_says_no_name() {
    let stream = crypto(quic::Version::V1);
    let packet = seal(quic::Version::V1, &DCID, 0, &crypto_frame(&stream, 0, stream.len()));
    for cut in 0..packet.len() {
        assert!(names(&read(Protocol::Udp, [sent(&packet[..cut])])).is_empty(), "cut at {cut}");
    }
}

#[test]
fn a_flood_of_connection_ids_wears_the_inspector_out() {
    let (mut inspector, mut hints) = (inspector(Protocol::Udp, 443), Vec::new());
    let forged =
        |n: u32| [&[0xc0, 0, 0, 0, 1, 8][..], &[1; 4], &n.to_be_bytes(), &[0, 0, 0x44, 0x9e], &[0x5a; 1182]].concat();
    let sated = (0..200)
        .find(|n| inspector.feed(Side::Initiator, Stamp::default(), &forged(*n), &mut hints) == Appetite::Sated);
    assert!(sated.is_some_and(|n| n < 64), "{sated:?}");
    assert_eq!(hints, [Hint::Protocol(Recognised::Quic)]);
}

/// Versions whose handshake published captures hold, each with the fewest flows whose hello must be read.
const VERSIONS: [(u32, usize); 15] = [
    (1, 20),
    (0x6b33_43cf, 2),
    (0x0a0a_0a0a, 50),
    (0xff00_0017, 1),
    (0xff00_001c, 3),
    (0xff00_001d, 1),
    (0xff00_0020, 1),
    (0xface_b001, 1),
    (u32::from_be_bytes(*b"Q024"), 2),
    (u32::from_be_bytes(*b"Q025"), 6),
    (u32::from_be_bytes(*b"Q035"), 3),
    (u32::from_be_bytes(*b"Q046"), 4),
    (u32::from_be_bytes(*b"Q050"), 2),
    (u32::from_be_bytes(*b"T050"), 1),
    (u32::from_be_bytes(*b"T051"), 2),
];

#[test]
fn the_hello_of_every_version_that_published_captures_hold_is_read() {
    let Some(root) = corpus() else { return };
    let mut named: BTreeMap<u32, usize> = BTreeMap::new();
    for capture in files(&root.join("apps")) {
        let said = hints(&capture);
        for (key, first) in first_payloads(&capture) {
            let pair = hint_support::Pair::new(false, key.initiator, key.responder);
            let told = said.get(&pair).is_some_and(|hints| !names(hints).is_empty() || hello(hints).is_some());
            if let (Protocol::Udp, true, Some(version)) = (key.protocol, told, version(&first)) {
                *named.entry(version).or_default() += 1;
            }
        }
    }
    println!("{named:x?}");
    for (version, least) in VERSIONS {
        let found = named.get(&version).copied().unwrap_or(0);
        assert!(found >= least, "version {version:08x}: {found} hellos read");
    }
}

/// The version that a datagram names: of a long header, or of a public header of Google's.
fn version(datagram: &[u8]) -> Option<u32> {
    let at = match datagram.first()? {
        0x80.. => 1,
        0x09 | 0x0d => 9,
        _ => return None,
    };
    datagram.get(at..at + 4).map(|v| u32::from_be_bytes([v[0], v[1], v[2], v[3]]))
}
