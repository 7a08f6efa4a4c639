//! Every entry of the table matches its own payloads and nobody else's.

use super::{super::Hint, table::*, *};
use crate::{
    base::Endpoint,
    flow::Protocol,
    hint::{notes::Said, stun::Message},
};

fn payload(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn ends_for(signature: &Signature) -> Ends {
    let port = match signature.ports.first() {
        Some(Ports::One(port) | Ports::Run([port, _])) => *port,
        None => 9_999,
    };
    let protocol = if signature.on == On::Tcp { Protocol::Tcp } else { Protocol::Udp };
    let server = signature.blocks.first().map_or_else(|| [203, 0, 113, 9].into(), |block| block.base());
    Ends {
        protocol,
        initiator: Endpoint::new([192, 168, 7, 23].into(), 40_000),
        responder: Endpoint::new(server, port),
    }
}

fn matched(on: On, ends: &Ends, side: Side, bytes: &[u8]) -> Vec<(&'static str, &'static str)> {
    let (mut said, mut hints) = (Said::default(), Vec::new());
    let mut notes = Notes { ends, said: &mut said, hints: &mut hints };
    match on {
        On::Tcp => stream(side, bytes, &mut notes),
        On::Udp => datagram(side, bytes, &mut notes),
        On::Stun => super::super::stun::note(&Message::read(bytes).expect("a STUN message"), &mut notes),
        On::Certificate | On::Rtp => unreachable!("no payloads"),
    }
    let signatures = hints.into_iter().filter_map(|hint| match hint {
        Hint::Signature { app, pattern } | Hint::Shape { app, pattern } => Some((app, pattern)),
        _ => None,
    });
    signatures.collect()
}

#[test]
fn the_file_of_signatures_can_be_read() {
    let all = read(include_str!("../signatures.toml")).unwrap();
    assert_eq!(all.len(), SIGNATURES.len());
    let by_place = [On::Tcp, On::Udp, On::Stun, On::Certificate, On::Rtp].map(on).concat();
    assert_eq!(by_place.len(), all.len(), "each is looked for in one place");
    assert!(on(On::Stun).iter().all(|signature| signature.on == On::Stun) && !on(On::Stun).is_empty());
    assert!(all.len() > 30, "only {} signatures", all.len());
    for signature in &all {
        assert!(signature.source.len() > 8, "{} {}: where from?", signature.app, signature.name);
    }
}

#[test]
fn every_signature_matches_its_own_payloads_and_no_other_app_does() {
    let mut tried = 0;
    for signature in SIGNATURES.iter() {
        let side = if signature.from == Some(table::From::Responder) { Side::Responder } else { Side::Initiator };
        for hex in &signature.expect {
            tried += 1;
            let found = matched(signature.on, &ends_for(signature), side, &payload(hex));
            assert!(found.contains(&(&signature.app, &signature.name)), "{} {}: {hex}", signature.app, signature.name);
            assert!(
                found.iter().all(|(app, _)| *app == signature.app),
                "{} {}: {found:?}",
                signature.app,
                signature.name
            );
        }
    }
    assert!(tried >= 30, "only {tried} payloads");
}

#[test]
fn a_signature_holds_only_on_its_ports_and_within_its_blocks() {
    for signature in SIGNATURES.iter().filter(|s| !s.ports.is_empty() || !s.blocks.is_empty()) {
        let elsewhere = Ends { responder: Endpoint::new([198, 51, 100, 1].into(), 9), ..ends_for(signature) };
        for hex in &signature.expect {
            let found = matched(signature.on, &elsewhere, Side::Initiator, &payload(hex));
            assert!(!found.contains(&(&signature.app, &signature.name)), "{} {}", signature.app, signature.name);
        }
    }
}

#[test]
fn only_what_has_no_structure_looks_random() {
    let mut state = 7_u64;
    let mut noise = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        state.to_be_bytes()[0]
    };
    let passed = (0..2_000).filter(|_| looks_random(&std::array::from_fn::<u8, 64, _>(|_| noise()))).count();
    assert!(passed >= 1_998, "{passed} of 2,000 random beginnings");
    let text = b"GET /api/v1/messages?since=1750000000 HTTP/1.1\r\nHost: chat.example\r\n";
    let counting: [u8; 64] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    for plain in [&text[..64], &[0; 64], &[0x5a; 64], &counting] {
        assert!(!looks_random(plain), "{plain:x?}");
    }
}

#[test]
fn traps_fire_nothing() {
    let ends = |protocol, port| Ends {
        protocol,
        initiator: Endpoint::new([192, 168, 7, 23].into(), 40_000),
        responder: Endpoint::new([203, 0, 113, 9].into(), port),
    };
    // A DNSCrypt query, a LINE-like first byte outside of LINE's network, libwebrtc's attributes, MS attribute 0x0800.
    let udp = ["71366e76575873620d0602", "d8ee0066060257f4494eae4ff1e5cd60ef57745ef4163f4a"];
    for hex in udp {
        for port in [443, 8000, 8801, 7985, 530, 5222] {
            assert_eq!(
                matched(On::Udp, &ends(Protocol::Udp, port), Side::Initiator, &payload(hex)),
                [],
                "{hex} {port}"
            );
        }
    }
    for hex in [
        "000100082112a44200007510f843431fd05e2379c057000400000001",
        "000100082112a44200007510f843431fd05e23790800000400000001",
    ] {
        assert_eq!(matched(On::Stun, &ends(Protocol::Udp, 3478), Side::Initiator, &payload(hex)), [], "{hex}");
    }
    for text in ["WAKE 1", "EDIT", "GET / HTTP/1.1\r\n"] {
        assert_eq!(matched(On::Tcp, &ends(Protocol::Tcp, 443), Side::Initiator, text.as_bytes()), [], "{text}");
    }
}

#[test]
fn mtproto_is_told_by_the_key_that_both_sides_name() {
    let frame = |key: u8| [&[18][..], &[key; 8], &[0x33; 64]].concat();
    let ends = Ends {
        protocol: Protocol::Tcp,
        initiator: Endpoint::new([192, 168, 7, 23].into(), 40_000),
        responder: Endpoint::new([203, 0, 113, 9].into(), 443),
    };
    let told = |client: &[u8], server: &[u8]| {
        let (mut said, mut hints) = (Said::default(), Vec::new());
        let mut notes = Notes { ends: &ends, said: &mut said, hints: &mut hints };
        Turns::default().feed(Side::Responder, server.len(), client, server, &mut notes);
        hints.contains(&Hint::Signature { app: "telegram", pattern: "mtproto" })
    };
    assert!(told(&[&[0xef][..], &frame(7)].concat(), &frame(7)));
    assert!(!told(&[&[0xef][..], &frame(7)].concat(), &frame(8)), "two keys");
    assert!(!told(&frame(7), &frame(7)), "no transport header");
    let plain = [&[0xee; 4][..], &40_u32.to_le_bytes(), &[0; 8], &[1; 8], &20_u32.to_le_bytes(), &[2; 20]].concat();
    assert!(told(&plain, &plain[4..]), "a key being made");
}

/// What pieces in turn show on a connection to `port`.
fn told_by_turns(port: u16, pieces: &[(Side, Vec<u8>)]) -> Vec<&'static str> {
    let ends = Ends {
        protocol: Protocol::Tcp,
        initiator: Endpoint::new([192, 168, 7, 23].into(), 40_000),
        responder: Endpoint::new([203, 0, 113, 9].into(), port),
    };
    let (mut said, mut hints, mut turns) = (Said::default(), Vec::new(), Turns::default());
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (side, piece) in pieces {
        match side {
            Side::Initiator => up.extend_from_slice(piece),
            Side::Responder => down.extend_from_slice(piece),
        }
        let mut notes = Notes { ends: &ends, said: &mut said, hints: &mut hints };
        turns.feed(*side, piece.len(), &up, &down, &mut notes);
    }
    hints.into_iter().filter_map(|hint| if let Hint::Signature { app, .. } = hint { Some(app) } else { None }).collect()
}

fn up(bytes: Vec<u8>) -> (Side, Vec<u8>) {
    (Side::Initiator, bytes)
}

fn down(bytes: Vec<u8>) -> (Side, Vec<u8>) {
    (Side::Responder, bytes)
}

#[test]
fn threema_is_told_by_the_sizes_of_its_first_turns() {
    let handshake =
        |login| [up(vec![7; 20]), up(vec![7; 28]), down(vec![8; 80]), up(vec![9; login]), down(vec![1; 32])];
    assert_eq!(told_by_turns(5222, &handshake(191)), ["threema"]);
    assert_eq!(told_by_turns(5222, &handshake(192)), [""; 0]);
    assert_eq!(told_by_turns(8080, &handshake(191)), [""; 0], "another port");
    assert_eq!(told_by_turns(5222, &handshake(191)[..4]), [""; 0], "the login's turn may go on");
}

#[test]
fn kakaotalk_is_told_by_frames_that_tile_both_ways() {
    let frame = |length: u32| [&length.to_le_bytes()[..], &vec![0x5a; length as usize]].concat();
    let two = || [frame(27), frame(202)].concat();
    assert_eq!(told_by_turns(5242, &[up(two()), down(two())]), ["kakaotalk"]);
    let opening = [&[0, 1, 0, 0][..], &[0x5a; 264], &two()].concat();
    assert_eq!(told_by_turns(9282, &[up(opening), down(two())]), ["kakaotalk"], "behind the handshake");
    assert_eq!(told_by_turns(5242, &[up(two()), down([two(), vec![1]].concat())]), [""; 0], "a byte too many");
    assert_eq!(told_by_turns(443, &[up(two()), down(two())]), [""; 0], "a port that others use");
}

#[test]
fn viber_is_told_by_lengths_that_count_themselves_on_its_ports() {
    let message = |kind| [&[30, 0, kind, 0][..], &[0x5a; 26]].concat();
    assert_eq!(told_by_turns(4244, &[up(message(10)), down(message(11))]), ["viber"]);
    assert_eq!(told_by_turns(4244, &[up(message(10)), down(vec![0x5a; 30])]), [""; 0]);
    assert_eq!(told_by_turns(443, &[up(message(10)), down(message(11))]), [""; 0]);
}
