//! Classic pcap files, byte by byte, with no code of nightaudit's own.

use std::path::Path;

/// A little-endian capture with microseconds, as its records.
#[derive(Clone, Debug)]
pub(crate) struct Pcap {
    /// The file header, 24 bytes.
    pub(crate) header: Vec<u8>,
    /// The records, each with its header of 16 bytes.
    pub(crate) records: Vec<Vec<u8>>,
}

/// Link type of Ethernet.
pub(crate) const ETHERNET: u32 = 1;

impl Pcap {
    /// A capture of `link_type` that holds nothing yet.
    pub(crate) fn empty(link_type: u32) -> Self {
        let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header.extend(262_144_u32.to_le_bytes());
        header.extend(link_type.to_le_bytes());
        Self { header, records: Vec::new() }
    }

    /// The capture at `path`.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]), "{} is no little-endian pcap", path.display());
        let (header, mut rest) = bytes.split_at(24);
        let mut records = Vec::new();
        while !rest.is_empty() {
            let kept = u32::from_le_bytes(rest[8..12].try_into().expect("four bytes"));
            let (record, after) = rest.split_at(16 + kept as usize);
            records.push(record.to_vec());
            rest = after;
        }
        Self { header: header.to_vec(), records }
    }

    /// Adds `frame`, whole, at `seconds` since 1970.
    pub(crate) fn push(&mut self, seconds: u32, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("a short frame").to_le_bytes();
        self.records.push([&seconds.to_le_bytes(), &[0; 4], &length, &length, frame].concat());
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.header.clone(), self.records.concat()].concat()
    }

    /// The same records with every field of the file's own in big-endian order.
    pub(crate) fn big_endian(&self) -> Vec<u8> {
        let mut bytes = swapped(&self.header, &[4, 2, 2, 4, 4, 4, 4]);
        for record in &self.records {
            let (head, frame) = record.split_at(16);
            bytes.extend(swapped(head, &[4, 4, 4, 4]));
            bytes.extend(frame);
        }
        bytes
    }

    /// The same records with nanoseconds in place of microseconds.
    pub(crate) fn nanoseconds(&self) -> Vec<u8> {
        let mut finer = self.clone();
        finer.header[..4].copy_from_slice(&[0x4d, 0x3c, 0xb2, 0xa1]);
        for record in &mut finer.records {
            let nanos = 1_000 * u32::from_le_bytes(record[4..8].try_into().expect("four bytes"));
            record[4..8].copy_from_slice(&nanos.to_le_bytes());
        }
        finer.bytes()
    }

    /// The same records as pcapng: a section, an interface with microseconds, and a packet block each.
    pub(crate) fn pcapng(&self) -> Vec<u8> {
        let link_type = &self.header[20..22];
        let section = [&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0], &[0xff; 8][..]].concat();
        let mut bytes = block(0x0a0d_0d0a, &section);
        bytes.extend(block(1, &[link_type, &[0; 6]].concat()));
        for record in &self.records {
            let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("four bytes"));
            let micros = u64::from(word(0)) * 1_000_000 + u64::from(word(4));
            let (high, low) = (micros >> 32, micros & 0xffff_ffff);
            let stamp = [high, low].map(|half| u32::try_from(half).expect("half of it").to_le_bytes()).concat();
            bytes.extend(block(6, &[&[0; 4], stamp.as_slice(), &record[8..]].concat()));
        }
        bytes
    }

    /// `parts` files of about the same number of records that follow one another.
    pub(crate) fn rotated(&self, parts: usize) -> Vec<Self> {
        let size = self.records.len().div_ceil(parts);
        let part = |records: &[Vec<u8>]| Self { header: self.header.clone(), records: records.to_vec() };
        self.records.chunks(size).map(part).collect()
    }
}

/// `bytes` with each of the fields of `widths` turned round.
fn swapped(bytes: &[u8], widths: &[usize]) -> Vec<u8> {
    let mut rest = bytes;
    let mut turned = Vec::new();
    for width in widths {
        let (field, after) = rest.split_at(*width);
        turned.extend(field.iter().rev());
        rest = after;
    }
    turned
}

/// A pcapng block around `body`.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).expect("a short block").to_le_bytes();
    let mut block = [&kind.to_le_bytes(), &length, body].concat();
    block.resize(8 + padded, 0);
    block.extend(length);
    block
}

/// An Ethernet frame from `192.168.7.23` that asks the resolver at `192.168.7.1` for the address of a name. Its labels
/// are taken as they are.
pub(crate) fn lookup(labels: &[&[u8]]) -> Vec<u8> {
    let mut dns = vec![0x4e, 0x41, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        dns.push(u8::try_from(label.len()).expect("a short label"));
        dns.extend(*label);
    }
    dns.extend([0, 0, 1, 0, 1]);
    datagram(40_000, 53, [192, 168, 7, 1], &dns)
}

/// An Ethernet frame from `port` of `192.168.7.23` with `payload` in a TCP segment to port 80 of `157.240.0.60`.
pub(crate) fn http(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(port.to_be_bytes());
    tcp.extend(80_u16.to_be_bytes());
    tcp.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    ethernet(6, [157, 240, 0, 60], &tcp)
}

/// An Ethernet frame with a TCP segment from `port` of `192.168.7.23` to port 443 of `receiver`.
pub(crate) fn segment(port: u16, receiver: [u8; 4], seq: u32, payload: &[u8]) -> Vec<u8> {
    let ports = [port, 443].map(u16::to_be_bytes).concat();
    let rest = [0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0];
    ethernet(6, receiver, &[&ports[..], &seq.to_be_bytes(), &rest, payload].concat())
}

/// An Ethernet frame with a UDP datagram from `192.168.7.23`.
pub(crate) fn datagram(from: u16, to: u16, receiver: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).expect("a short payload");
    let head = [from, to, length, 0].map(u16::to_be_bytes).concat();
    ethernet(17, receiver, &[head.as_slice(), payload].concat())
}

fn ethernet(protocol: u8, receiver: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 20).expect("a short payload").to_be_bytes();
    let mut frame = vec![2, 0, 0, 0, 7, 1, 2, 0, 0, 0, 7, 0x17, 8, 0];
    frame.extend([0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0]);
    frame.extend([192, 168, 7, 23]);
    frame.extend(receiver);
    frame.extend(payload);
    frame
}
