//! Every link type and tunnel leads to the same datagram.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test says what it expected by failing")]

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use nightaudit::{
    base::{Mac, Stamp},
    capture::{AppTag, Frame, Heading, LinkType},
    decode::{Decoded, Decoder, Packet, Transport},
};

const PHONE: [u8; 6] = [0x02, 0, 0, 0, 0x07, 0x17];
const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const PAYLOAD: &[u8] = b"thirty bytes of it, thirty byt";

fn datagram() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 168, 7, 23], [149, 154, 167, 51], 64)
        .tcp(40_000, 443, 7, 1_000)
        .write(&mut bytes, PAYLOAD)
        .unwrap();
    bytes
}

fn datagram_v6() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6([0x20; 16], [0x26; 16], 64).udp(40_000, 443).write(&mut bytes, PAYLOAD).unwrap();
    bytes
}

fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    let original_len = u32::try_from(data.len()).unwrap();
    Frame { stamp: Stamp::new(9, 0), link, data, original_len, heading: None, app: None }
}

/// Decodes `front` and then `inner` as a frame, and checks that `inner` is what comes out.
fn assert_leads_to(link: LinkType, front: &[u8], inner: &[u8]) -> (Option<Mac>, Option<Mac>, Option<Heading>) {
    let data = [front, inner].concat();
    let mut decoder = Decoder::default();
    match decoder.decode(&frame(link, &data)) {
        Decoded::Packet(packet) => {
            assert_eq!(packet.wire_len as usize, inner.len(), "link type {}", link.0);
            assert_eq!(packet.payload, PAYLOAD, "link type {}", link.0);
            assert_eq!((packet.src.port, packet.dst.port), (40_000, 443));
            (packet.src_mac, packet.dst_mac, packet.heading)
        }
        other => panic!("link type {}: {other:?}", link.0),
    }
}

fn ethernet(ether_type: u16) -> Vec<u8> {
    [&ROUTER[..], &PHONE, &ether_type.to_be_bytes()].concat()
}

fn with(front: &[u8], more: &[u8]) -> Vec<u8> {
    [front, more].concat()
}

#[test]
fn ethernet_names_both_hosts() {
    let (src, dst, _) = assert_leads_to(LinkType::ETHERNET, &ethernet(0x0800), &datagram());
    assert_eq!((src, dst), (Some(Mac(PHONE)), Some(Mac(ROUTER))));
    assert_leads_to(LinkType::ETHERNET, &ethernet(0x86dd), &datagram_v6());
    let (src, dst, _) = assert_leads_to(LinkType::ETHERNET, &with(&[0; 12], &[0x08, 0]), &datagram());
    assert_eq!((src, dst), (None, None), "zeros name nobody");
}

#[test]
fn tags_before_ip_are_passed_over() {
    let tags: [&[u8]; 6] = [
        &[0x81, 0, 0, 7, 0x08, 0],
        &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7, 0x08, 0],
        &[0x91, 0, 0, 9, 0x81, 0, 0, 8, 0x81, 0, 0, 7, 0x08, 0],
        &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64],
        &[0x89, 0x3f, 0x10, 0, 0, 0xd8, 0, 0, 0x08, 0],
        &[0x88, 0x64, 0x11, 0, 0, 1, 0, 72, 0, 0x21],
    ];
    for tag in tags {
        assert_leads_to(LinkType::ETHERNET, &with(&ethernet(0)[..12], tag), &datagram());
    }
}

#[test]
fn llc_with_and_without_snap_leads_to_ip() {
    let length = u16::try_from(datagram().len() + 8).unwrap().to_be_bytes();
    let front = [&ethernet(0)[..12], &length, &[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0]].concat();
    assert_leads_to(LinkType::ETHERNET, &front, &datagram());
    let front = [&ethernet(0)[..12], &length, &[6, 6, 3]].concat();
    assert_leads_to(LinkType::ETHERNET, &front, &datagram());
}

#[test]
fn cooked_captures_name_the_sender_and_the_heading() {
    let v1 = [&[0, 4, 0, 1, 0, 6][..], &PHONE, &[0, 0, 0x08, 0]].concat();
    assert_eq!(
        assert_leads_to(LinkType::LINUX_SLL, &v1, &datagram()),
        (Some(Mac(PHONE)), None, Some(Heading::Outbound))
    );
    let v2 = [&[0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6][..], &PHONE, &[0, 0]].concat();
    assert_eq!(
        assert_leads_to(LinkType::LINUX_SLL2, &v2, &datagram_v6()),
        (Some(Mac(PHONE)), None, Some(Heading::Inbound))
    );
    let no_hardware = [&[0, 4, 0xff, 0xfe, 0, 0][..], &[0; 8], &[0x08, 0]].concat();
    assert_eq!(assert_leads_to(LinkType::LINUX_SLL, &no_hardware, &datagram()).0, None);
}

#[test]
fn fddi_leads_through_llc_to_ip() {
    let front = [&[0x50][..], &[0xaa; 12], &[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0]].concat();
    assert_leads_to(LinkType(10), &front, &datagram());
}

#[test]
fn loopback_families_are_read_in_either_order() {
    assert_leads_to(LinkType::NULL, &2_u32.to_le_bytes(), &datagram());
    assert_leads_to(LinkType::NULL, &2_u32.to_be_bytes(), &datagram());
    assert_leads_to(LinkType::LOOP, &2_u32.to_be_bytes(), &datagram());
    for family in [10_u32, 24, 28, 30] {
        assert_leads_to(LinkType::NULL, &family.to_le_bytes(), &datagram_v6());
        assert_leads_to(LinkType::NULL, &family.to_be_bytes(), &datagram_v6());
    }
}

#[test]
fn raw_ip_has_many_numbers() {
    for link in [12, 14, 101, 228] {
        assert_leads_to(LinkType(link), &[], &datagram());
    }
    for link in [12, 14, 101, 229] {
        assert_leads_to(LinkType(link), &[], &datagram_v6());
    }
}

#[test]
fn ppp_in_all_its_forms_leads_to_ip() {
    assert_leads_to(LinkType::PPP, &[0xff, 3, 0, 0x21], &datagram());
    assert_leads_to(LinkType::PPP, &[0, 0x57], &datagram_v6());
    assert_leads_to(LinkType::PPP, &[0x21], &datagram());
    assert_leads_to(LinkType(51), &[0x11, 0, 0, 1, 0, 72, 0, 0x21], &datagram());
    assert_leads_to(LinkType(104), &[0x0f, 0, 0x08, 0], &datagram());
}

#[test]
fn a_netfilter_log_carries_the_packet_in_a_field() {
    let front = [2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 1, 0, 5, 0, 10, 0, 0, 9, 9, 9];
    let field = u16::try_from(datagram().len() + 4).unwrap().to_le_bytes();
    assert_leads_to(LinkType(239), &[&front[..], &field, &[9, 0]].concat(), &datagram());
}

#[test]
fn wifi_data_frames_name_the_stations_by_their_way() {
    let llc = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0];
    let access_point = [0x06; 6];
    let to_it = [&[0x08, 0x01, 0, 0][..], &access_point, &PHONE, &ROUTER, &[0, 0], &llc].concat();
    let from_it = [&[0x08, 0x02, 0, 0][..], &ROUTER, &access_point, &PHONE, &[0, 0], &llc].concat();
    let bridged = [&[0x88, 0x03, 0, 0][..], &[6; 6], &[8; 6], &ROUTER, &[0, 0], &PHONE, &[0, 0], &llc].concat();
    for front in [&to_it, &from_it, &bridged] {
        let (src, dst, _) = assert_leads_to(LinkType::IEEE802_11, front, &datagram());
        assert_eq!((src, dst), (Some(Mac(PHONE)), Some(Mac(ROUTER))));
    }
    let radiotap = [0, 0, 16, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let longer = [&[0, 0, 18, 0][..], &radiotap[4..], &[0, 9]].concat();
    assert_leads_to(LinkType::IEEE802_11_RADIOTAP, &with(&longer, &to_it), &datagram());
    // Timestamp, then flags that say the 26-byte header is padded to 28.
    let padded = [&[0, 0, 17, 0][..], &radiotap[4..], &[0x20]].concat();
    let quality = [&[0x88, 0x01, 0, 0][..], &access_point, &PHONE, &ROUTER, &[0, 0], &[0; 2], &[0; 2], &llc].concat();
    assert_leads_to(LinkType::IEEE802_11_RADIOTAP, &with(&padded, &quality), &datagram());
}

#[test]
fn encrypted_wifi_stays_closed_and_is_counted() {
    let data = [&[0x08, 0x41, 0, 0][..], &[6; 18], &[0; 2], &datagram()].concat();
    let mut decoder = Decoder::default();
    assert!(matches!(decoder.decode(&frame(LinkType::IEEE802_11, &data)), Decoded::Closed));
    assert_eq!((decoder.counts().closed, decoder.counts().unsupported()), (1, 1));
}

fn pktap(effective: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 108];
    header[0] = 108;
    header[4] = 1;
    header[8] = 1; // Ethernet
    header[36] = 2; // outbound
    header[52..54].copy_from_slice(&77_u16.to_le_bytes());
    header[56..66].copy_from_slice(b"networkd-x");
    header[84..86].copy_from_slice(&501_u16.to_le_bytes());
    header[88..88 + effective.len()].copy_from_slice(effective);
    header
}

#[test]
fn pktap_names_the_process_it_works_for() {
    let tagged = |link, header: &[u8]| {
        let data = [header, &ethernet(0x0800), &datagram()].concat();
        let mut decoder = Decoder::default();
        let Decoded::Packet(packet) = decoder.decode(&frame(link, &data)) else { panic!("link type {}", link.0) };
        assert_eq!((packet.heading, packet.src_mac), (Some(Heading::Outbound), Some(Mac(PHONE))));
        match packet.app {
            Some(AppTag::Process { pid, name }) => (pid, name.to_owned()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tagged(LinkType::PKTAP, &pktap(b"WhatsApp")), (501, "WhatsApp".to_owned()));
    assert_eq!(tagged(LinkType::USER2, &pktap(b"WhatsApp")), (501, "WhatsApp".to_owned()));
    assert_eq!(tagged(LinkType::PKTAP, &pktap(b"")), (77, "networkd-x".to_owned()));
}

#[test]
fn what_is_not_ip_or_not_known_says_so() {
    let mut decoder = Decoder::default();
    let arp = with(&ethernet(0x0806), &[0; 28]);
    assert!(matches!(decoder.decode(&frame(LinkType::ETHERNET, &arp)), Decoded::NotIp));
    let user = frame(LinkType::USER2, &[9; 200]);
    assert!(matches!(decoder.decode(&user), Decoded::UnknownLink(LinkType::USER2)));
    assert!(matches!(decoder.decode(&frame(LinkType::ETHERNET, &[1, 2])), Decoded::Malformed(_)));
    assert!(matches!(decoder.decode(&frame(LinkType::RAW, &[0x95; 40])), Decoded::Malformed(_)));
    let counts = decoder.counts();
    assert_eq!((counts.frames, counts.not_ip, counts.unknown_link, counts.unreadable), (4, 1, 1, 2));
    assert_eq!(counts.malformed_by_layer().collect::<Vec<_>>(), [("Ethernet", 1), ("IP", 1)]);
    assert_eq!(counts.unreadable_bytes.0, 40);
}

#[test]
fn pcapdroid_trailers_name_the_app_and_count_as_nothing() {
    let trailer =
        [&[0x01, 0x07, 0x20, 0x21, 0, 0, 0x27, 0x8b][..], b"WhatsApp\0\0\0\0\0\0\0\0\0\0\0\0", &[0; 4]].concat();
    let data = [&[0; 12][..], &[0x08, 0], &datagram(), &[0, 0], &trailer].concat();
    let mut decoder = Decoder::default();
    let Decoded::Packet(packet) = decoder.decode(&frame(LinkType::ETHERNET, &data)) else { panic!("IP") };
    assert_eq!(packet.app, Some(AppTag::Uid { uid: 10_123, name: Some("WhatsApp") }));
    assert_eq!((packet.wire_len as usize, packet.payload), (datagram().len(), PAYLOAD));
}

/// An IPv4 datagram from 10.0.0.1 to 10.0.0.2.
fn outer(protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend(u16::try_from(20 + body.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(body);
    bytes
}

fn over_udp(port: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + body.len()).unwrap().to_be_bytes();
    outer(17, &[&[0x99, 0x99][..], &port.to_be_bytes(), &length, &[0, 0], body].concat())
}

fn assert_opens(outer: &[u8]) {
    let mut decoder = Decoder::default();
    let Decoded::Packet(packet) = decoder.decode(&frame(LinkType::RAW, outer)) else { panic!("IP") };
    assert_eq!(packet.payload, PAYLOAD);
    assert_eq!((packet.src.port, packet.dst.port), (40_000, 443));
    assert!([datagram().len(), datagram_v6().len()].contains(&(packet.wire_len as usize)));
}

#[test]
fn tunnels_are_opened() {
    let framed = with(&ethernet(0x0800), &datagram());
    assert_opens(&outer(4, &datagram()));
    assert_opens(&outer(41, &datagram_v6()));
    assert_opens(&outer(47, &with(&[0, 0, 0x08, 0], &datagram())));
    assert_opens(&outer(47, &with(&[0x30, 0, 0x86, 0xdd, 0, 0, 0, 1, 0, 0, 0, 2], &datagram_v6())));
    assert_opens(&outer(47, &with(&[0, 0, 0x65, 0x58], &framed)));
    assert_opens(&outer(
        47,
        &with(&[0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0x21], &datagram()),
    ));
    assert_opens(&outer(47, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0; 8], &framed].concat()));
    assert_opens(&over_udp(4789, &with(&[8, 0, 0, 0, 0, 0, 1, 0], &framed)));
    assert_opens(&over_udp(4790, &with(&[0x0c, 0, 0, 3, 0, 0, 1, 0], &framed)));
    assert_opens(&over_udp(6081, &with(&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 9, 9, 9, 9], &framed)));
    let length = u16::try_from(datagram().len()).unwrap().to_be_bytes();
    assert_opens(&over_udp(2152, &[&[0x30, 255][..], &length, &[0, 0, 0, 1], &datagram()].concat()));
    assert_opens(&over_udp(3544, &datagram_v6()));
}

#[test]
fn tunnels_in_tunnels_are_opened_four_deep() {
    let nested = |depth| (0..depth).fold(datagram(), |inner, _| outer(4, &inner));
    assert_opens(&nested(4));
    let mut decoder = Decoder::default();
    let five = nested(5);
    let Decoded::Packet(packet) = decoder.decode(&frame(LinkType::RAW, &five)) else { panic!("IP") };
    assert_eq!((packet.transport, packet.wire_len as usize), (Transport::Other(4), datagram().len() + 20));
}

#[test]
fn what_only_looks_like_a_tunnel_counts_as_it_is() {
    let quiet = [9; 40];
    let mut longer = datagram();
    longer[3] += 1; // the inner total length is beyond the tunnel
    // Behind a true VXLAN header and datagram, more than headers and padding account for.
    let roomy = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &ethernet(0x0800), &datagram(), &[0; 200]].concat();
    for body in [&quiet[..], &longer, &[], &roomy] {
        for port in [2152, 3544, 4789, 4790, 6081] {
            let data = over_udp(port, body);
            let mut decoder = Decoder::default();
            let Decoded::Packet(packet) = decoder.decode(&frame(LinkType::RAW, &data)) else { panic!("IP") };
            assert_is_outer(&packet, port, data.len());
        }
    }
}

fn assert_is_outer(packet: &Packet<'_>, port: u16, length: usize) {
    assert_eq!((packet.transport, packet.dst.port), (Transport::Udp, port));
    assert_eq!(packet.src.addr, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(packet.wire_len as usize, length);
}
