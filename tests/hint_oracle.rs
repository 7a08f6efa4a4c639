//! Hellos of genuine clients, held against `tls-parser`: names, protocols, and a JA4 computed from what it reads.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "in a test a panic is the report")]

#[allow(dead_code, reason = "only the first payloads of flows are read here")]
mod hint_support;

use std::{path::Path, sync::Arc};

use hint_support::{files, first_payloads};
use nightaudit::{
    base::{Endpoint, Stamp},
    flow::{FlowKey, Protocol, Side},
    hint::{ClientHello, Hint, Inspector},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion,
    crypto::ring::default_provider,
    version::{TLS12, TLS13},
};
use sha2::{Digest, Sha256};
use tls_parser::{
    TlsExtension, TlsExtensionType, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions,
    parse_tls_plaintext,
};

/// What both readers say of one ClientHello.
#[derive(Debug, Eq, PartialEq)]
struct Said {
    name: Option<String>,
    alpn: Vec<String>,
    ja4: String,
}

#[test]
fn hellos_that_rustls_makes_read_as_another_parser_reads_them() {
    let versions: [&[&'static SupportedProtocolVersion]; 3] = [&[&TLS13, &TLS12], &[&TLS13], &[&TLS12]];
    let protocols: [&[&[u8]]; 4] = [&[], &[b"h2", b"http/1.1"], &[b"http/1.1"], &[b"xmpp-client"]];
    let mut read = 0;
    for versions in versions {
        for protocols in protocols {
            for name in ["media.example.org", "a.b", "203.0.113.9"] {
                let bytes = rustls_hello(versions, protocols, name);
                let theirs = theirs(&bytes).unwrap();
                assert_eq!(ours(&bytes), Some(theirs), "{name} {protocols:?}");
                read += 1;
            }
        }
    }
    assert_eq!(read, 36);
}

#[test]
fn hellos_of_genuine_captures_read_as_another_parser_reads_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/genuine");
    let mut read = 0;
    for capture in folder.read_dir().unwrap().map(|entry| entry.unwrap().path().join("traffic.pcap")) {
        read += agreeing(&capture);
    }
    println!("{read} hellos of genuine captures");
    assert!(read > 0, "no hello in {}", folder.display());
}

#[test]
fn hellos_of_published_captures_read_as_another_parser_reads_them() {
    let Some(root) = hint_support::corpus() else { return };
    let read: usize = files(&root.join("apps")).iter().map(|capture| agreeing(capture)).sum();
    println!("{read} hellos of published captures");
    assert!(read > 300, "only {read} hellos");
}

/// How many flows of `capture` begin with a whole ClientHello; each must read the same.
fn agreeing(capture: &Path) -> usize {
    let mut read = 0;
    for (key, payload) in first_payloads(capture) {
        let theirs = if key.protocol == Protocol::Tcp { theirs(&payload) } else { None };
        if let Some(theirs) = theirs {
            assert_eq!(ours(&payload), Some(theirs), "{} {key:?}", capture.display());
            read += 1;
        }
    }
    read
}

fn rustls_hello(versions: &[&'static SupportedProtocolVersion], protocols: &[&[u8]], name: &str) -> Vec<u8> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let mut client = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

fn ours(bytes: &[u8]) -> Option<Said> {
    let end = |host: [u8; 4], port| Endpoint::new(host.into(), port);
    let key = FlowKey {
        protocol: Protocol::Tcp,
        initiator: end([192, 168, 7, 23], 40_000),
        responder: end([203, 0, 113, 5], 443),
        initiator_mac: None,
        responder_mac: None,
    };
    let (mut inspector, mut hints) = (Inspector::new(&key), Vec::new());
    inspector.feed(Side::Initiator, Stamp::default(), bytes, &mut hints);
    hints.into_iter().find_map(|hint| match hint {
        Hint::Hello(ClientHello { server_name, alpn, ja4, .. }) => Some(Said { name: server_name, alpn, ja4: ja4? }),
        _ => None,
    })
}

/// What the other parser reads, where one record holds a whole ClientHello whose every extension it can read.
fn theirs(bytes: &[u8]) -> Option<Said> {
    let (_, record) = parse_tls_plaintext(bytes).ok()?;
    let hello = record.msg.into_iter().find_map(|message| match message {
        TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) => Some(hello),
        _ => None,
    })?;
    let (rest, extensions) = parse_tls_client_hello_extensions(hello.ext.unwrap_or_default()).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let (mut name, mut alpn, mut algorithms, mut version) = (None, Vec::new(), Vec::new(), hello.version.0);
    for extension in &extensions {
        match extension {
            TlsExtension::SNI(names) => {
                name = names.first().map(|(_, name)| String::from_utf8_lossy(name).to_lowercase());
            }
            TlsExtension::ALPN(list) => {
                alpn = list.iter().map(|protocol| String::from_utf8_lossy(protocol).into_owned()).collect();
            }
            TlsExtension::SignatureAlgorithms(list) => algorithms.clone_from(list),
            TlsExtension::SupportedVersions(list) => {
                version = list.iter().map(|version| version.0).filter(|v| !is_grease(*v)).max().unwrap_or(version);
            }
            _ => {}
        }
    }
    let ciphers: Vec<u16> = hello.ciphers.iter().map(|cipher| cipher.0).filter(|c| !is_grease(*c)).collect();
    let kinds = extensions.iter().map(|extension| TlsExtensionType::from(extension).0);
    let kinds: Vec<u16> = kinds.filter(|kind| !is_grease(*kind)).collect();
    let ja4 = ja4(version, &ciphers, &kinds, &algorithms, alpn.first().map(String::as_str));
    Some(Said { name, alpn, ja4 })
}

/// JA4 as its publication describes it.
fn ja4(version: u16, ciphers: &[u16], kinds: &[u16], algorithms: &[u16], alpn: Option<&str>) -> String {
    let version = match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    let name = if kinds.contains(&0) { 'd' } else { 'i' };
    let ends = alpn.and_then(|alpn| Some([alpn.chars().next()?, alpn.chars().last()?])).unwrap_or(['0', '0']);
    let [first, last] = ends;
    let (suites, extensions) = (ciphers.len().min(99), kinds.len().min(99));
    let mut sorted = ciphers.to_vec();
    sorted.sort_unstable();
    let mut hashed: Vec<u16> = kinds.iter().copied().filter(|kind| !matches!(kind, 0 | 16)).collect();
    hashed.sort_unstable();
    let mut tail = listed(&hashed);
    if !algorithms.is_empty() {
        tail = format!("{tail}_{}", listed(algorithms));
    }
    format!("t{version}{name}{suites:02}{extensions:02}{first}{last}_{}_{}", hash(&listed(&sorted)), hash(&tail))
}

fn listed(numbers: &[u16]) -> String {
    numbers.iter().map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let whole = format!("{:x}", Sha256::digest(text));
    whole.chars().take(12).collect()
}

/// Values that clients insert at random (RFC 8701).
fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}
