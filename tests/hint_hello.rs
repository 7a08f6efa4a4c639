//! Handshakes that genuine clients make, through the inspector: whole, split, shuffled, cut and bent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

mod opening;

use std::sync::Arc;

use nightaudit::{
    base::Stamp,
    flow::{Protocol, Side},
    hint::{Appetite, Detail, Hint, Inspector, NameSource, Recognised},
};
use opening::{NAME, client_config, hello, inspect, inspector, key, names, read, sent};
use proptest::prelude::*;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::{
        CryptoProvider,
        ring::{default_provider, kx_group},
    },
    pki_types::PrivateKeyDer,
};

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
fn a_hello_on_the_port_of_dns_over_tls_is_dns_over_tls() {
    let (hints, _) = inspect(Protocol::Tcp, 853, [sent(&genuine())]);
    assert!(hints.contains(&Hint::Protocol(Recognised::Dot)), "{hints:?}");
    assert_eq!(names(&hints), [(NAME, NameSource::Tls)], "the resolver is named all the same");
    assert!(!read(Protocol::Tcp, [sent(&genuine())]).contains(&Hint::Protocol(Recognised::Dot)));
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

fn server_config(provider: Arc<CryptoProvider>, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap())
}

/// The first flights of a TLS 1.2 handshake, with a server name or to a bare address.
fn old_handshake(named: bool) -> [Vec<u8>; 2] {
    let to = if named { NAME } else { "203.0.113.5" };
    let mut client =
        ClientConnection::new(Arc::new(client_config(&[&rustls::version::TLS12])), to.try_into().unwrap()).unwrap();
    let mut server =
        ServerConnection::new(server_config(Arc::new(default_provider()), &rustls::version::TLS12)).unwrap();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    client.write_tls(&mut up).unwrap();
    server.read_tls(&mut up.as_slice()).unwrap();
    server.process_new_packets().unwrap();
    server.write_tls(&mut down).unwrap();
    [up, down]
}

/// A client that would rather agree on another group than its server would: what each says in turn until the client
/// has said hello twice.
fn asked_to_say_hello_again() -> [(Side, Vec<u8>); 3] {
    let prefer = |groups: &[&'static dyn rustls::crypto::SupportedKxGroup]| {
        Arc::new(CryptoProvider { kx_groups: groups.to_vec(), ..default_provider() })
    };
    let client = ClientConfig::builder_with_provider(prefer(&[kx_group::X25519, kx_group::SECP384R1]))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), NAME.try_into().unwrap()).unwrap();
    let mut server =
        ServerConnection::new(server_config(prefer(&[kx_group::SECP384R1]), &rustls::version::TLS13)).unwrap();
    let (mut hello, mut request, mut again) = (Vec::new(), Vec::new(), Vec::new());
    client.write_tls(&mut hello).unwrap();
    server.read_tls(&mut hello.as_slice()).unwrap();
    server.process_new_packets().unwrap();
    server.write_tls(&mut request).unwrap();
    client.read_tls(&mut request.as_slice()).unwrap();
    client.process_new_packets().unwrap();
    client.write_tls(&mut again).unwrap();
    [(Side::Initiator, hello), (Side::Responder, request), (Side::Initiator, again)]
}

#[test]
fn a_second_hello_that_the_server_asked_for_says_its_own_fingerprint_and_the_same_name() {
    let [hello, request, again] = asked_to_say_hello_again();
    let turns = |pieces: &[&(Side, Vec<u8>)], size: usize| {
        let pieces = pieces.iter().flat_map(|(side, bytes)| bytes.chunks(size).map(|part| (*side, part)));
        read(Protocol::Tcp, pieces.collect::<Vec<_>>())
    };
    let hellos = |hints: &[Hint]| hints.iter().filter(|hint| matches!(hint, Hint::Hello(_))).count();
    for size in [usize::MAX, 100, 1] {
        let hints = turns(&[&hello, &request, &again], size);
        assert_eq!(names(&hints), [(NAME, NameSource::Tls)], "in pieces of {size}");
        assert_eq!(hellos(&hints), 2, "in pieces of {size}");
        assert_eq!(hellos(&turns(&[&hello, &again], size)), 2, "the server's side was not captured");
    }
    let mut inspector = Inspector::with_detail(&key(Protocol::Tcp, 443), Detail::Brief);
    let mut hints = Vec::new();
    assert_eq!(inspector.feed(Side::Initiator, Stamp::default(), &hello.1, &mut hints), Appetite::Sated);
    assert!(self::hello(&hints).unwrap().ja4.is_none(), "nobody asked for fingerprints");
}

#[test]
fn a_server_that_goes_on_with_the_handshake_ends_the_reading() {
    let [client, server] = old_handshake(true);
    let (mut inspector, mut hints) = (inspector(Protocol::Tcp, 443), Vec::new());
    assert_eq!(inspector.feed(Side::Initiator, Stamp::default(), &client, &mut hints), Appetite::More);
    assert_eq!(inspector.feed(Side::Responder, Stamp::default(), &server[..200], &mut hints), Appetite::Sated);
}

#[test]
fn a_connection_joined_midway_is_known_to_be_tls_and_no_more() {
    let data = [&record(23, 40)[..], &[0x5a; 40], &record(23, 30), &[0x5a; 30]].concat();
    assert_eq!(read(Protocol::Tcp, [sent(&data)]), [Hint::Protocol(Recognised::Tls)]);
    let noise: Vec<u8> = (0..200_u8).collect();
    assert_eq!(read(Protocol::Tcp, [sent(&noise), sent(&data)]), [Hint::Protocol(Recognised::Tls)]);
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
