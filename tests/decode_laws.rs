//! Laws of the decoder: nothing makes it panic, nothing is lost or counted twice, and a snap length changes no count.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test says what it expected by failing")]

use std::net::IpAddr;

use etherparse::{PacketBuilder, VlanId};
use nightaudit::{
    base::{Mac, Stamp},
    capture::{Frame, LinkType},
    decode::{Decoded, Decoder, Limits, Packet, Transport},
};
use proptest::{collection::vec, prelude::*, sample::Index};

const LINKS: [u16; 22] =
    [0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 127, 149, 228, 229, 239, 258, 276, 147, 10, 65_000];

fn frame(link: LinkType, data: &[u8], original_len: usize) -> Frame<'_> {
    let original_len = u32::try_from(original_len).unwrap();
    Frame { stamp: Stamp::new(9, 0), link, data, original_len, heading: None, app: None }
}

/// What every packet promises.
fn assert_sound(packet: &Packet<'_>) {
    assert!(packet.payload.len() <= packet.payload_len as usize, "{packet:?}");
    assert!(packet.payload_len <= packet.wire_len, "{packet:?}");
    assert!(packet.src_mac.is_none_or(Mac::names_a_host), "{packet:?}");
}

fn assert_counted(decoder: &Decoder) {
    let counts = decoder.counts();
    let others = counts.held + counts.not_ip + counts.closed + counts.unknown_link + counts.unreadable;
    assert_eq!(counts.frames, counts.packets - counts.abandoned + others, "{counts:?}");
}

#[derive(Clone, Copy, Debug)]
enum Front {
    Ethernet,
    Vlan,
    TwoVlans,
    Cooked,
    None,
}

/// A packet as an independent encoder writes it, and what it was told.
#[derive(Clone, Debug)]
struct Written {
    link: LinkType,
    bytes: Vec<u8>,
    /// Where the IP header begins, and how much there is from there on.
    ip_at: usize,
    src: IpAddr,
    ports: (u16, u16),
    /// Sequence number, if it is TCP.
    seq: Option<u32>,
    payload: Vec<u8>,
}

fn written() -> impl Strategy<Value = Written> {
    let front = prop_oneof![
        Just(Front::Ethernet),
        Just(Front::Vlan),
        Just(Front::TwoVlans),
        Just(Front::Cooked),
        Just(Front::None)
    ];
    let ports = (1_024..2_000_u16, 1_u16..1_000); // none of a tunnel's
    (front, any::<bool>(), any::<[u8; 16]>(), ports, any::<Option<u32>>(), vec(any::<u8>(), 0..300))
        .prop_map(|(front, six, addr, ports, seq, payload)| write(front, six, addr, ports, seq, payload))
}

fn write(front: Front, six: bool, addr: [u8; 16], ports: (u16, u16), seq: Option<u32>, payload: Vec<u8>) -> Written {
    let ethernet = || PacketBuilder::ethernet2([2; 6], [4; 6]);
    let vlan = |n| VlanId::try_new(n).unwrap();
    let four: [u8; 4] = *addr.first_chunk().unwrap();
    let (link, ip_at) = match front {
        Front::Ethernet => (LinkType::ETHERNET, 14),
        Front::Vlan => (LinkType::ETHERNET, 18),
        Front::TwoVlans => (LinkType::ETHERNET, 22),
        Front::Cooked => (LinkType::LINUX_SLL, 16),
        Front::None => (LinkType::RAW, 0),
    };
    macro_rules! ip {
        ($builder:expr) => {
            if six { $builder.ipv6(addr, [0x26; 16], 64) } else { $builder.ipv4(four, [9; 4], 64) }
        };
    }
    let step = match front {
        Front::Ethernet => ip!(ethernet()),
        Front::Vlan => ip!(ethernet().single_vlan(vlan(7))),
        Front::TwoVlans => ip!(ethernet().double_vlan(vlan(7), vlan(8))),
        Front::Cooked => {
            ip!(PacketBuilder::linux_sll(etherparse::LinuxSllPacketType::OUTGOING, 6, [2, 2, 2, 2, 2, 2, 0, 0]))
        }
        Front::None if six => PacketBuilder::ipv6(addr, [0x26; 16], 64),
        Front::None => PacketBuilder::ipv4(four, [9; 4], 64),
    };
    let mut bytes = Vec::new();
    match seq {
        Some(seq) => step.tcp(ports.0, ports.1, seq, 9).ack(5).write(&mut bytes, &payload).unwrap(),
        None => step.udp(ports.0, ports.1).write(&mut bytes, &payload).unwrap(),
    }
    let src = if six { IpAddr::from(addr).to_canonical() } else { four.into() };
    Written { link, bytes, ip_at, src, ports, seq, payload }
}

fn assert_is(packet: &Packet<'_>, written: &Written) {
    assert_sound(packet);
    assert_eq!(packet.src.addr, written.src);
    assert_eq!((packet.src.port, packet.dst.port), written.ports);
    assert_eq!(packet.wire_len as usize, written.bytes.len() - written.ip_at);
    assert_eq!(packet.payload_len as usize, written.payload.len());
    match (packet.transport, written.seq) {
        (Transport::Tcp { seq, ack: 5, flags }, Some(told)) => assert!(seq == told && flags.ack && !flags.syn),
        (Transport::Udp, None) => {}
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn what_another_encoder_writes_is_read_back(written in written(), trailing in vec(any::<u8>(), 0..27)) {
        let data = [&written.bytes[..], &trailing].concat();
        let mut decoder = Decoder::default();
        let Decoded::Packet(packet) = decoder.decode(&frame(written.link, &data, data.len())) else { panic!("IP") };
        assert_is(&packet, &written);
        prop_assert_eq!(packet.payload, &written.payload[..]);
        prop_assert_eq!(decoder.counts().malformed(), 0);
    }

    #[test]
    fn a_snap_length_cuts_payload_but_changes_no_count(written in written(), cut in any::<Index>()) {
        let kept = &written.bytes[..cut.index(written.bytes.len())];
        let mut decoder = Decoder::default();
        let decoded = decoder.decode(&frame(written.link, kept, written.bytes.len()));
        let ip_header = if written.bytes.get(written.ip_at).is_some_and(|first| first >> 4 == 6) { 40 } else { 20 };
        let transport_header = if written.seq.is_some() { 8 } else { 4 };
        match decoded {
            Decoded::Packet(packet) if kept.len() >= written.ip_at + ip_header + transport_header => {
                prop_assert_eq!(packet.wire_len as usize, written.bytes.len() - written.ip_at);
                prop_assert_eq!(packet.payload_len as usize, written.payload.len());
                prop_assert_eq!((packet.src.port, packet.dst.port), written.ports);
                prop_assert!(written.payload.starts_with(packet.payload));
            }
            Decoded::Packet(packet) => {
                prop_assert_eq!(packet.wire_len as usize, written.bytes.len() - written.ip_at);
                prop_assert!(kept.len() >= written.ip_at + ip_header);
            }
            Decoded::Malformed(_) => prop_assert!(kept.len() < written.ip_at + ip_header),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn zero_lengths_of_offload_are_taken_from_the_frame(written in written()) {
        let mut written = written;
        let field = if written.bytes[written.ip_at] >> 4 == 6 { 4 } else { 2 };
        written.bytes[written.ip_at + field..][..2].fill(0);
        if written.seq.is_none() {
            let udp = written.bytes.len() - written.payload.len() - 8;
            written.bytes[udp + 4..][..2].fill(0);
        }
        let mut decoder = Decoder::default();
        let decoded = decoder.decode(&frame(written.link, &written.bytes, written.bytes.len()));
        let Decoded::Packet(packet) = decoded else { panic!("IP") };
        assert_is(&packet, &written);
    }

    #[test]
    fn no_bytes_make_it_panic_or_miscount(
        inputs in vec((prop::sample::select(&LINKS[..]), vec(any::<u8>(), 0..200), 0..2_000_usize), 1..20)
    ) {
        let mut decoder = Decoder::default();
        for (link, data, original) in &inputs {
            if let Decoded::Packet(packet) = decoder.decode(&frame(LinkType(*link), data, *original)) {
                assert_sound(&packet);
            }
        }
        decoder.flush();
        while let Some(packet) = decoder.abandoned() {
            assert_sound(&packet);
        }
        assert_counted(&decoder);
    }

    #[test]
    fn no_damage_makes_it_panic_or_miscount(
        written in written(),
        damage in vec((any::<Index>(), any::<u8>()), 1..12),
        link in prop::sample::select(&LINKS[..]),
    ) {
        let mut bytes = written.bytes.clone();
        for (at, value) in damage {
            let at = at.index(bytes.len().min(70));
            bytes[at] = value;
        }
        let mut decoder = Decoder::default();
        for link in [written.link, LinkType(link)] {
            if let Decoded::Packet(packet) = decoder.decode(&frame(link, &bytes, bytes.len())) {
                assert_sound(&packet);
            }
        }
        assert_counted(&decoder);
    }

    #[test]
    fn fragments_balance_whatever_becomes_of_them(
        datagrams in vec((vec(any::<u8>(), 1..400), any::<bool>(), 1..20_usize), 1..8),
        fates in vec((any::<Index>(), 0..10_u8), 0..12),
        room in 0..4_usize,
        step in 0..12_u64,
    ) {
        let mut fragments: Vec<Vec<u8>> = Vec::new();
        for (id, (payload, six, units)) in datagrams.iter().enumerate() {
            fragments.extend(cut_up(u8::try_from(id).unwrap(), payload, *six, *units));
        }
        for (at, fate) in fates {
            let at = at.index(fragments.len());
            match fate {
                0..4 => { let last = fragments.len() - 1; fragments.swap(at, last); }
                4..6 => { let again = fragments[at].clone(); fragments.push(again); }
                6..8 if fragments.len() > 1 => { fragments.remove(at); }
                // A last byte of the offset, so that it overlaps another, or leaves a gap.
                _ => fragments[at][7] ^= 1,
            }
        }
        let limits = Limits { datagrams: 1 + room, ..Limits::default() };
        assert_balances(&fragments, limits, step);
    }

    #[test]
    fn fragments_in_any_order_become_the_datagram(
        payload in vec(any::<u8>(), 1..2_000),
        six in any::<bool>(),
        units in 1..40_usize,
        order in vec(any::<Index>(), 1..40),
    ) {
        let mut fragments = cut_up(1, &payload, six, units);
        let count = fragments.len();
        for (at, other) in order.iter().enumerate() {
            fragments.swap(at % count, other.index(count));
        }
        let wire: usize = fragments.iter().map(Vec::len).sum();
        let mut decoder = Decoder::default();
        let (last, others) = fragments.split_last().unwrap();
        for fragment in others {
            prop_assert!(matches!(decoder.decode(&frame(LinkType::RAW, fragment, fragment.len())), Decoded::Held));
        }
        let Decoded::Packet(packet) = decoder.decode(&frame(LinkType::RAW, last, last.len())) else { panic!("whole") };
        prop_assert_eq!((packet.src.port, packet.dst.port), (4_000, 53));
        prop_assert_eq!(packet.payload, &payload[..]);
        prop_assert_eq!(packet.wire_len as usize, wire);
        assert_counted(&decoder);
    }
}

/// A UDP datagram in fragments of `units` times eight bytes.
fn cut_up(id: u8, payload: &[u8], six: bool, units: usize) -> Vec<Vec<u8>> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let segment = [&4_000_u16.to_be_bytes()[..], &53_u16.to_be_bytes(), &length, &[0, 0], payload].concat();
    let count = segment.len().div_ceil(units * 8);
    let part = |(n, bytes): (usize, &[u8])| {
        let offset = u16::try_from(n * units).unwrap();
        let more = n + 1 < count;
        if six { fragment_v6(id, offset, more, bytes) } else { fragment_v4(id, offset, more, bytes) }
    };
    if count == 1 {
        return vec![part((0, &segment))];
    }
    segment.chunks(units * 8).enumerate().map(part).collect()
}

fn fragment_v4(id: u8, offset: u16, more: bool, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + bytes.len()).unwrap().to_be_bytes();
    let place = (offset | u16::from(more) << 13).to_be_bytes();
    let addresses = [10, 0, 0, 1, 10, 0, 0, 2];
    [&[0x45, 0][..], &length, &[0, id], &place, &[64, 17, 0, 0], &addresses, bytes].concat()
}

fn fragment_v6(id: u8, offset: u16, more: bool, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + bytes.len()).unwrap().to_be_bytes();
    let place = (offset << 3 | u16::from(more)).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &length, &[44, 64], &[0x20; 16], &[0x26; 16], &[17, 0], &place, &[0, 0, 0, id], bytes]
        .concat()
}

/// Feeds `fragments`, `step` seconds apart, and checks that every wire byte comes out once.
fn assert_balances(fragments: &[Vec<u8>], limits: Limits, step: u64) {
    let mut decoder = Decoder::new(limits);
    let (mut wire_in, mut wire_out) = (0, 0);
    for (n, bytes) in fragments.iter().enumerate() {
        wire_in += bytes.len();
        let fragment = Frame { stamp: Stamp::new(n as u64 * step, 0), ..frame(LinkType::RAW, bytes, bytes.len()) };
        if let Decoded::Packet(packet) = decoder.decode(&fragment) {
            assert_sound(&packet);
            wire_out += packet.wire_len as usize;
        }
        while let Some(packet) = decoder.abandoned() {
            assert_sound(&packet);
            wire_out += packet.wire_len as usize;
        }
    }
    decoder.flush();
    while let Some(packet) = decoder.abandoned() {
        assert_sound(&packet);
        wire_out += packet.wire_len as usize;
    }
    assert_eq!(wire_in, wire_out, "{:?}", decoder.counts());
    assert_counted(&decoder);
}

#[test]
fn fragments_wait_thirty_seconds_and_then_come_out_with_their_ports() {
    let fragments = cut_up(1, &[7; 40], false, 2);
    let mut decoder = Decoder::default();
    let first = Frame { stamp: Stamp::new(100, 0), ..frame(LinkType::RAW, &fragments[0], 36) };
    assert!(matches!(decoder.decode(&first), Decoded::Held));
    let whole = fragment_v4(9, 0, false, &[0; 8]);
    for (second, is_due) in [(130, false), (131, true)] {
        let later = Frame { stamp: Stamp::new(second, 0), ..frame(LinkType::RAW, &whole, 28) };
        assert!(matches!(decoder.decode(&later), Decoded::Packet(_)));
        let found = decoder.abandoned().map(|packet| (packet.stamp, packet.src.port, packet.dst.port, packet.wire_len));
        assert_eq!(found.is_some(), is_due);
        assert!(found.is_none_or(|found| found == (Stamp::new(100, 0), 4_000, 53, 36)));
    }
    assert_eq!(decoder.counts().abandoned, 1);
}

#[test]
fn overlapping_fragments_spoil_their_datagram_but_lose_no_byte() {
    for six in [false, true] {
        let mut fragments = cut_up(1, &[7; 40], six, 3);
        let overlap = if six { fragment_v6(1, 1, true, &[9; 8]) } else { fragment_v4(1, 1, true, &[9; 8]) };
        fragments.insert(1, overlap);
        let wire: usize = fragments.iter().map(Vec::len).sum();
        let mut decoder = Decoder::default();
        for fragment in &fragments {
            assert!(matches!(decoder.decode(&frame(LinkType::RAW, fragment, fragment.len())), Decoded::Held));
        }
        decoder.flush();
        let packet = decoder.abandoned().unwrap();
        assert_eq!((packet.wire_len as usize, packet.dst.port), (wire, 53));
        assert_eq!(packet.payload_len, 24 - 8, "what came before the overlap");
        assert!(decoder.abandoned().is_none());
    }
}

#[test]
fn an_end_before_what_was_seen_spoils_the_datagram() {
    let mut decoder = Decoder::default();
    for fragment in [fragment_v4(1, 3, true, &[1; 8]), fragment_v4(1, 1, false, &[2; 8])] {
        assert!(matches!(decoder.decode(&frame(LinkType::RAW, &fragment, 28)), Decoded::Held));
    }
    decoder.flush();
    assert_eq!(decoder.abandoned().map(|packet| (packet.wire_len, packet.payload_len)), Some((56, 8)));
}

#[test]
fn room_is_given_back_when_a_datagram_is_whole_or_given_up() {
    let limits = Limits { datagrams: 2, bytes: 600, patience_seconds: 30 };
    let mut decoder = Decoder::new(limits);
    for id in 0..50 {
        let [first, second] = &cut_up(id, &[id; 80], true, 8)[..] else { panic!("two fragments") };
        assert!(matches!(decoder.decode(&frame(LinkType::RAW, first, first.len())), Decoded::Held), "{id}");
        if id % 2 == 0 {
            assert!(matches!(decoder.decode(&frame(LinkType::RAW, second, second.len())), Decoded::Packet(_)), "{id}");
        } else {
            decoder.flush();
            assert!(decoder.abandoned().is_some(), "{id}");
        }
    }
    assert_eq!((decoder.counts().reassembled, decoder.counts().abandoned), (25, 25));
}

#[test]
fn fragments_without_the_first_have_no_ports() {
    let fragments = cut_up(1, &[7; 40], true, 2);
    let mut decoder = Decoder::default();
    assert!(matches!(decoder.decode(&frame(LinkType::RAW, &fragments[1], fragments[1].len())), Decoded::Held));
    decoder.flush();
    let packet = decoder.abandoned().unwrap();
    assert_eq!((packet.transport, packet.src.port, packet.payload_len), (Transport::Other(17), 0, 16));
}

#[test]
fn a_ping_of_death_is_handed_on_alone() {
    let bytes = fragment_v4(1, 8_191, false, &[1; 100]);
    let mut decoder = Decoder::default();
    let Decoded::Packet(packet) = decoder.decode(&frame(LinkType::RAW, &bytes, bytes.len())) else { panic!("alone") };
    assert_eq!((packet.transport, packet.wire_len), (Transport::Other(17), 120));
    assert_eq!((decoder.counts().unassembled, decoder.counts().malformed()), (1, 1));
}

#[test]
fn a_flood_of_fragments_holds_no_more_than_the_limits() {
    let limits = Limits { datagrams: 10, bytes: 2_000, patience_seconds: 30 };
    let fragments: Vec<_> = (0..200_u8).map(|id| fragment_v4(id, 0, true, &[id; 64])).collect();
    assert_balances(&fragments, limits, 0);
    let mut fuller = Decoder::new(limits);
    for fragment in &fragments {
        fuller.decode(&frame(LinkType::RAW, fragment, fragment.len()));
    }
    assert_eq!((fuller.counts().held, fuller.counts().unassembled), (10, 190));
}
