//! Ethernet, IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293) and UDP (RFC 768) headers, checksums included.

use std::net::IpAddr;

use super::Put;
use crate::base::{Endpoint, Mac};

/// Who a frame is between.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Ends {
    pub(in crate::simulate) src_mac: Mac,
    pub(in crate::simulate) dst_mac: Mac,
    pub(in crate::simulate) src: Endpoint,
    pub(in crate::simulate) dst: Endpoint,
    /// Hops left: tells the phone's packets from those that crossed the internet.
    pub(in crate::simulate) hops: u8,
}

/// TCP's control bits (RFC 9293, section 3.1).
pub(in crate::simulate) mod flag {
    pub(in crate::simulate) const FIN: u8 = 0x01;
    pub(in crate::simulate) const SYN: u8 = 0x02;
    pub(in crate::simulate) const RST: u8 = 0x04;
    pub(in crate::simulate) const PSH: u8 = 0x08;
    pub(in crate::simulate) const ACK: u8 = 0x10;
}

/// A TCP header's changing fields.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Segment {
    pub(in crate::simulate) seq: u32,
    pub(in crate::simulate) ack: u32,
    pub(in crate::simulate) flags: u8,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Writes the frame of a TCP segment with `payload` over `out`.
pub(in crate::simulate) fn tcp(out: &mut Vec<u8>, ends: &Ends, segment: Segment, payload: &[u8]) {
    let options: &[u8] = if segment.flags & flag::SYN == 0 { &[] } else { SYN_OPTIONS };
    let header = 20 + options.len();
    let start = network(out, ends, TCP, header + payload.len());
    out.put16(ends.src.port);
    out.put16(ends.dst.port);
    out.put32(segment.seq);
    out.put32(segment.ack);
    out.put8(u8::try_from(header / 4).unwrap_or_default() << 4);
    out.put8(segment.flags);
    out.put16(WINDOW);
    out.put32(0); // checksum and urgent pointer
    out.extend(options);
    out.extend(payload);
    let sum = checksum(pseudo_sum(ends, TCP, out.len() - start), &out[start..]);
    out[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
}

/// Maximum segment size 1460, selective acknowledgement, window scale 8 (RFC 9293, RFC 2018, RFC 7323).
const SYN_OPTIONS: &[u8] = &[2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 8];
const WINDOW: u16 = 2_048;

/// Writes the frame of a UDP datagram over `out`.
pub(in crate::simulate) fn udp(out: &mut Vec<u8>, ends: &Ends, payload: &[u8]) {
    let length = 8 + payload.len();
    let start = network(out, ends, UDP, length);
    out.put16(ends.src.port);
    out.put16(ends.dst.port);
    out.put16(u16::try_from(length).unwrap_or(u16::MAX));
    out.put16(0);
    out.extend(payload);
    let sum = match checksum(pseudo_sum(ends, UDP, length), &out[start..]) {
        0 => 0xffff, // zero would mean: no checksum (RFC 768)
        sum => sum,
    };
    out[start + 6..start + 8].copy_from_slice(&sum.to_be_bytes());
}

/// Link and network headers; gives where the transport header begins.
fn network(out: &mut Vec<u8>, ends: &Ends, protocol: u8, length: usize) -> usize {
    out.clear();
    out.extend(ends.dst_mac.0);
    out.extend(ends.src_mac.0);
    match (ends.src.addr, ends.dst.addr) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            out.put16(0x0800);
            let start = out.len();
            out.put16(0x4500);
            out.put16(u16::try_from(20 + length).unwrap_or(u16::MAX));
            out.put32(0x0000_4000); // never fragmented, so it needs no identification (RFC 6864)
            out.put8(ends.hops);
            out.put8(protocol);
            out.put16(0);
            out.extend(src.octets());
            out.extend(dst.octets());
            let sum = checksum(0, &out[start..]);
            out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
        }
        (src, dst) => {
            out.put16(0x86dd);
            out.put32(0x6000_0000);
            out.put16(u16::try_from(length).unwrap_or(u16::MAX));
            out.put8(protocol);
            out.put8(ends.hops);
            out.extend(v6(src));
            out.extend(v6(dst));
        }
    }
    out.len()
}

fn v6(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// What addresses, protocol and length add to a transport checksum (RFC 9293, section 3.1; RFC 8200, section 8.1).
fn pseudo_sum(ends: &Ends, protocol: u8, length: usize) -> u64 {
    let addresses = match (ends.src.addr, ends.dst.addr) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => words(&src.octets()) + words(&dst.octets()),
        (src, dst) => words(&v6(src)) + words(&v6(dst)),
    };
    addresses + u64::from(protocol) + length as u64
}

/// The internet checksum over `bytes`, begun with `sum` (RFC 1071).
fn checksum(sum: u64, bytes: &[u8]) -> u16 {
    let mut sum = sum + words(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

fn words(bytes: &[u8]) -> u64 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let last = odd.first().map_or(0, |byte| u64::from(*byte) << 8);
    pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>() + last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(src: &str, dst: &str) -> Ends {
        let at = |addr: &str, port| Endpoint::new(addr.parse().unwrap(), port);
        Ends { src_mac: Mac([2; 6]), dst_mac: Mac([4; 6]), src: at(src, 40_000), dst: at(dst, 443), hops: 64 }
    }

    #[test]
    fn an_independent_decoder_reads_the_frames_and_agrees_on_their_checksums() {
        for (src, dst) in [("192.168.7.23", "157.240.27.60"), ("2001:db8:7::17", "2001:db8:8000::1")] {
            let ends = ends(src, dst);
            for payload in [&[][..], &[7], &[1, 2, 3, 4, 250]] {
                let mut frame = vec![0xee; 9];
                tcp(&mut frame, &ends, Segment { seq: 7, ack: 9, flags: flag::ACK | flag::PSH }, payload);
                let packet = etherparse::PacketHeaders::from_ethernet_slice(&frame).unwrap();
                assert_eq!(packet.payload.slice(), payload);
                let (net, header) = (packet.net.unwrap(), packet.transport.unwrap().tcp().unwrap());
                assert_eq!((header.sequence_number, header.acknowledgment_number, header.psh), (7, 9, true));
                let expected = match net {
                    etherparse::NetHeaders::Ipv4(ip, _) => {
                        assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                        header.calc_checksum_ipv4(&ip, payload).unwrap()
                    }
                    etherparse::NetHeaders::Ipv6(ip, _) => header.calc_checksum_ipv6(&ip, payload).unwrap(),
                    other @ etherparse::NetHeaders::Arp(_) => panic!("{other:?}"),
                };
                assert_eq!(header.checksum, expected);
                udp(&mut frame, &ends, payload);
                let packet = etherparse::PacketHeaders::from_ethernet_slice(&frame).unwrap();
                assert_eq!(packet.payload.slice(), payload);
                let header = packet.transport.unwrap().udp().unwrap();
                let expected = match packet.net.unwrap() {
                    etherparse::NetHeaders::Ipv4(ip, _) => header.calc_checksum_ipv4(&ip, payload).unwrap(),
                    etherparse::NetHeaders::Ipv6(ip, _) => header.calc_checksum_ipv6(&ip, payload).unwrap(),
                    other @ etherparse::NetHeaders::Arp(_) => panic!("{other:?}"),
                };
                assert_eq!(header.checksum, expected);
            }
        }
    }
}
