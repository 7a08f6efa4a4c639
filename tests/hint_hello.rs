//! Handshakes that genuine clients make, through the inspector: whole, split, shuffled, cut and bent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

use std::sync::Arc;

use nightaudit::{
    base::{Endpoint, Stamp},
    flow::{FlowKey, Protocol, Side},
    hint::{Appetite, ClientHello, Hint, Inspector, NameSource, Recognised},
};
use proptest::prelude::*;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::ring::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider},
    pki_types::PrivateKeyDer,
    quic,
};

const NAME: &str = "media.example.org";

fn inspector(protocol: Protocol, port: u16) -> Inspector {
    let initiator = Endpoint::new([192, 168, 7, 23].into(), 40_000);
    let responder = Endpoint::new([203, 0, 113, 5].into(), port);
    Inspector::new(&FlowKey { protocol, initiator, responder, initiator_mac: None, responder_mac: None })
}

fn read<'a>(protocol: Protocol, pieces: impl IntoIterator<Item = (Side, &'a [u8])>) -> Vec<Hint> {
    let (mut inspector, mut hints) = (inspector(protocol, 443), Vec::new());
    for (side, bytes) in pieces {
        if inspector.feed(side, Stamp::default(), bytes, &mut hints) == Appetite::Sated {
            break;
        }
    }
    hints
}

fn sent(bytes: &[u8]) -> (Side, &[u8]) {
    (Side::Initiator, bytes)
}

fn hello(hints: &[Hint]) -> Option<&ClientHello> {
    hints.iter().find_map(|hint| if let Hint::Hello(hello) = hint { Some(hello) } else { None })
}

fn names(hints: &[Hint]) -> Vec<(&str, NameSource)> {
    let names = hints.iter().filter_map(|hint| match hint {
        Hint::ServerName { name, source, .. } => Some((name.as_str(), *source)),
        _ => None,
    });
    names.collect()
}

fn client_config(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}

/// What a client that offers HTTP/2 sends first: one record with a ClientHello.
fn genuine() -> Vec<u8> {
    let mut config = client_config(&[&rustls::version::TLS13, &rustls::version::TLS12]);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut client = ClientConnection::new(Arc::new(config), NAME.try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_genuine_hello_says_its_name_and_its_protocols() {
    let hints = read(Protocol::Tcp, [sent(&genuine())]);
    assert_eq!(names(&hints), [(NAME, NameSource::Tls)]);
    let hello = hello(&hints).unwrap();
    assert_eq!(hello.alpn, ["h2", "http/1.1"]);
    assert!(!hello.ech);
    let ja4 = hello.ja4.as_deref().unwrap();
    assert!(ja4.starts_with("t13d") && ja4.len() == 36, "{ja4}");
    assert!(hints.contains(&Hint::Protocol(Recognised::Tls)));
}

#[test]
fn wherever_a_hello_is_split_it_says_the_same() {
    let bytes = genuine();
    let whole = read(Protocol::Tcp, [sent(&bytes)]);
    for at in 1..bytes.len() {
        let (front, back) = bytes.split_at(at);
        assert_eq!(read(Protocol::Tcp, [sent(front), sent(back)]), whole, "split at {at}");
    }
    assert_eq!(read(Protocol::Tcp, bytes.chunks(1).map(sent)), whole, "byte by byte");
}

#[test]
fn a_hello_over_several_records_says_the_same() {
    let bytes = genuine();
    let whole = read(Protocol::Tcp, [sent(&bytes)]);
    for size in [1, 7, 64, 100] {
        let records: Vec<u8> =
            bytes[5..].chunks(size).flat_map(|part| [&record(22, part.len())[..], part].concat()).collect();
        assert_eq!(read(Protocol::Tcp, [sent(&records)]), whole, "records of {size}");
    }
}

fn record(kind: u8, length: usize) -> [u8; 5] {
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    [kind, 3, 3, high, low]
}

#[test]
fn a_cut_hello_says_nothing_wrong() {
    let bytes = genuine();
    for cut in 0..bytes.len() {
        let hints = read(Protocol::Tcp, [sent(&bytes[..cut])]);
        assert!(names(&hints).is_empty() && hello(&hints).is_none(), "cut at {cut}: {hints:?}");
    }
}

#[test]
fn a_hello_that_the_snap_length_cut_still_names_its_server_when_the_flow_ends() {
    let bytes = genuine();
    let said = |cut: usize| {
        let (mut inspector, mut hints) = (inspector(Protocol::Tcp, 443), Vec::new());
        inspector.feed(Side::Initiator, Stamp::default(), &bytes[..cut], &mut hints);
        inspector.finish(&mut hints);
        hints
    };
    let name_ends = bytes.windows(NAME.len()).position(|window| window == NAME.as_bytes()).unwrap() + NAME.len();
    for cut in 0..bytes.len() {
        let hints = said(cut);
        assert_eq!(names(&hints).len(), usize::from(cut >= name_ends), "cut at {cut}");
        assert!(hello(&hints).is_none_or(|hello| hello.ja4.is_none()), "no fingerprint of a part");
    }
    assert_eq!(
        said(bytes.len()),
        read(Protocol::Tcp, [sent(&bytes)]),
        "the end of a flow adds nothing to a whole hello"
    );
}

#[test]
fn a_hello_behind_a_proxy_or_starttls_is_found() {
    let tls = genuine();
    let starts: [&[&[u8]]; 3] = [
        &[b"CONNECT media.example.org:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"],
        &[&[5, 1, 0], &[5, 0], b"\x05\x01\x00\x03\x11media.example.org\x01\xbb", &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]],
        &[b"EHLO phone\r\n", b"250-STARTTLS\r\n250 OK\r\n", b"STARTTLS\r\n", b"220 go ahead\r\n"],
    ];
    for turns in starts {
        let sides = [Side::Initiator, Side::Responder].into_iter().cycle();
        let before = sides.zip(turns.iter().copied());
        let hints = read(Protocol::Tcp, before.chain([sent(&tls)]));
        assert!(names(&hints).contains(&(NAME, NameSource::Tls)), "{hints:?}");
        assert!(hello(&hints).is_some());
    }
}

#[test]
fn a_malformed_extension_hides_nothing_after_it() {
    let extensions = [
        &[0, 16, 0, 3, 0xff, 0xff, 9][..], // ALPN whose inner length lies
        &[0, 0, 0, 16, 0, 14, 0, 0, 11],
        b"bad.example",
    ];
    let hints = read(Protocol::Tcp, [sent(&hello_with(&extensions.concat()))]);
    assert_eq!(names(&hints), [("bad.example", NameSource::Tls)]);
}

#[test]
fn an_encrypted_hello_makes_its_name_an_outer_one() {
    let extensions = [&[0, 0, 0, 16, 0, 14, 0, 0, 11][..], b"out.example", &[0xfe, 0x0d, 0, 2, 0, 0]];
    let hints = read(Protocol::Tcp, [sent(&hello_with(&extensions.concat()))]);
    assert!(hello(&hints).unwrap().ech);
    let outer = Hint::ServerName { name: "out.example".into(), source: NameSource::Tls, outer: true };
    assert!(hints.contains(&outer), "{hints:?}");
}

/// A record with a ClientHello that carries these extensions.
fn hello_with(extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 0x01, 1, 0], &length, extensions].concat();
    let [_, _, high, low] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&record(22, body.len() + 4)[..], &[1, 0, high, low], &body].concat()
}

#[test]
fn where_the_hello_names_nobody_the_certificate_does() {
    let [client, server] = old_handshake(false);
    let hints = read(Protocol::Tcp, [sent(&client), (Side::Responder, &server)]);
    assert_eq!(names(&hints), [(NAME, NameSource::Certificate)]);
    let alone = read(Protocol::Tcp, server.chunks(100).map(|part| (Side::Responder, part)));
    assert_eq!(names(&alone), [(NAME, NameSource::Certificate)], "the client's side was not captured");
    let [client, server] = old_handshake(true);
    let hints = read(Protocol::Tcp, [sent(&client), (Side::Responder, &server)]);
    assert_eq!(names(&hints), [(NAME, NameSource::Tls)], "a name asked for beats the certificate");
}

/// The first flights of a TLS 1.2 handshake, with a server name or to a bare address.
fn old_handshake(named: bool) -> [Vec<u8>; 2] {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let to = if named { NAME } else { "203.0.113.5" };
    let mut client =
        ClientConnection::new(Arc::new(client_config(&[&rustls::version::TLS12])), to.try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    client.write_tls(&mut up).unwrap();
    server.read_tls(&mut up.as_slice()).unwrap();
    server.process_new_packets().unwrap();
    server.write_tls(&mut down).unwrap();
    [up, down]
}

#[test]
fn a_connection_joined_midway_is_known_to_be_tls_and_no_more() {
    let data = [&record(23, 40)[..], &[0x5a; 40], &record(23, 30), &[0x5a; 30]].concat();
    assert_eq!(read(Protocol::Tcp, [sent(&data)]), [Hint::Protocol(Recognised::Tls)]);
    let noise: Vec<u8> = (0..200_u8).collect();
    assert_eq!(read(Protocol::Tcp, [sent(&noise), sent(&data)]), [Hint::Protocol(Recognised::Tls)]);
}

mod over_quic {
    use super::*;

    const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    /// The CRYPTO stream of a genuine client that offers HTTP/3.
    fn crypto(version: quic::Version) -> Vec<u8> {
        let mut config = client_config(&[&rustls::version::TLS13]);
        config.alpn_protocols = vec![b"h3".to_vec()];
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
        let (first, wire) = match version {
            quic::Version::V2 => (0xd3, 0x6b33_43cf_u32),
            _ => (0xc3, 1),
        };
        let mut payload = frames.to_vec();
        payload.resize(1162, 0);
        let length = u16::try_from(payload.len() + 4 + 16).unwrap() | 0x4000;
        let mut packet =
            [&[first][..], &wire.to_be_bytes(), &[u8::try_from(dcid.len()).unwrap()], dcid, &[0, 0]].concat();
        packet.extend(length.to_be_bytes());
        let number_at = packet.len();
        packet.extend(number.to_be_bytes());
        let keys = TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
        let keys = keys.keys(dcid, rustls::Side::Client, version).local;
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
        assert!(
            packet.starts_with(&hex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b"))
        );
        assert!(packet.ends_with(&hex("e221af44860018ab0856972e194cd934")), "section A.2 prints this packet");
        let hints = read(Protocol::Udp, [sent(&packet)]);
        assert_eq!(names(&hints), [("example.com", NameSource::Quic)]);
        assert_eq!(hello(&hints).unwrap().alpn, ["alpn"]);
    }

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
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
        let forged = |n: u32| {
            [&[0xc0, 0, 0, 0, 1, 8][..], &[1; 4], &n.to_be_bytes(), &[0, 0, 0x44, 0x9e], &[0x5a; 1182]].concat()
        };
        let sated = (0..200)
            .find(|n| inspector.feed(Side::Initiator, Stamp::default(), &forged(*n), &mut hints) == Appetite::Sated);
        assert!(sated.is_some_and(|n| n < 64), "{sated:?}");
        assert_eq!(hints, [Hint::Protocol(Recognised::Quic)]);
    }
}

fn pieces() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
    prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..400)), 0..20)
}

proptest! {
    #[test]
    fn no_bytes_can_break_the_inspector(pieces in pieces(), udp: bool, port in prop::sample::select(vec![53, 443, 500, 853, 3478, 4500, 5222, 5353, 8801, 51820])) {
        let mut inspector = inspector(if udp { Protocol::Udp } else { Protocol::Tcp }, port);
        let mut hints = Vec::new();
        for (back, bytes) in &pieces {
            let side = if *back { Side::Responder } else { Side::Initiator };
            inspector.feed(side, Stamp::default(), bytes, &mut hints);
        }
        let named = hints.iter().any(|hint| matches!(hint, Hint::ServerName { .. } | Hint::Hello(_)));
        prop_assert!(!named, "noise has no name: {:?}", hints);
    }

    #[test]
    fn a_bent_hello_never_breaks_anything(at in any::<prop::sample::Index>(), value: u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = genuine();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let cut = cut.index(bytes.len());
        let (front, back) = bytes.split_at(cut);
        read(Protocol::Tcp, [sent(front), sent(back)]);
    }
}
