//! A capture in datagrams, as PCAPdroid's UDP exporter sends it: the file's header once, then a record in each.
//!
//! Nothing is acknowledged. A datagram that is no whole record is passed over, so that the rest stays readable. A
//! lost header is made up: the link type shows in the packets themselves.

use std::{
    io::{self, Read},
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Door, News, Until,
    outlet::Unwanted,
    pour::pour,
    tap::{Line, await_bytes},
    tcp::is_welcome,
};
use crate::capture::{
    LinkType,
    pcap::{FILE_HEADER, Flavour, MOST_KEPT, Order},
    pcapng::{BYTE_ORDER, ENHANCED, INTERFACE, SECTION},
};

/// A sender that was silent for so long makes room for another.
const SILENCE: Duration = Duration::from_secs(10);

/// Reads the datagrams that come to `socket` until told to stop.
pub(super) fn listen(socket: UdpSocket, door: &Door, line: &Line) -> Result<(), Unwanted> {
    let mailbox = Mailbox::new(socket, *door, line.clone());
    let mailbox = Arc::new(Mutex::new(mailbox));
    while !line.stopped() {
        let ending = pour(Box::new(Letters(Arc::clone(&mailbox))), line, None)?;
        let dropped = {
            let mut mailbox = mailbox.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut mailbox.refused)
        };
        if dropped > 0 {
            line.outlet.tell(News::Remark(format!("{dropped} datagrams were no records and were passed over")))?;
        }
        if !line.stopped() {
            line.outlet.tell(News::Gap { why: ending.why, until: Until::LastPacket })?;
        }
    }
    Ok(())
}

/// A capture's bytes, out of a mailbox.
struct Letters(Arc<Mutex<Mailbox>>);

impl Read for Letters {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(out)
    }
}

/// A socket, and what is known of the capture that comes in by it.
struct Mailbox {
    socket: UdpSocket,
    door: Door,
    line: Line,
    letter: Vec<u8>,
    /// Bytes of the capture that nobody has read yet.
    unread: Vec<u8>,
    at: usize,
    form: Option<Form>,
    /// Something of the current capture has been read.
    begun: bool,
    sender: Option<(SocketAddr, Instant)>,
    refused: u64,
}

/// How the records of a capture are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Pcap(Flavour),
    Pcapng(Order),
}

/// What a datagram is.
#[derive(Debug, Eq, PartialEq)]
enum Letter {
    /// It begins a capture.
    Header(Form),
    /// Whole records of the current capture.
    Records,
    /// Whole records of a capture whose header was lost: the header made up for it, and the link type in it.
    Headless(Form, Vec<u8>, LinkType),
    /// Something else.
    Junk,
}

impl Mailbox {
    fn new(socket: UdpSocket, door: Door, line: Line) -> Self {
        Self {
            socket,
            door,
            line,
            letter: vec![0; LONGEST_DATAGRAM],
            unread: Vec::new(),
            at: 0,
            form: None,
            begun: false,
            sender: None,
            refused: 0,
        }
    }

    /// Bytes of the current capture; none at its end: a stop, or the header of another.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.unread.len() {
            if !await_bytes(&self.socket, &self.line) {
                return Ok(0);
            }
            if !self.receive()? && self.begun {
                self.begun = false;
                return Ok(0);
            }
        }
        let left = self.unread.get(self.at..).unwrap_or_default();
        let n = left.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), left.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        self.begun = true;
        Ok(n)
    }

    /// Takes a datagram in; false where another capture begins with it.
    fn receive(&mut self) -> io::Result<bool> {
        let (length, peer) = match self.socket.recv_from(&mut self.letter) {
            Ok(received) => received,
            Err(error) if is_passing(&error) => return Ok(true),
            Err(error) => return Err(error),
        };
        if !is_welcome(self.door.from, peer) {
            return Ok(true);
        }
        let another = match self.sender {
            Some((known, last)) if known != peer => {
                if last.elapsed() < SILENCE {
                    self.refused += 1;
                    return Ok(true);
                }
                true
            }
            _ => false,
        };
        let letter = self.letter.get(..length).unwrap_or_default();
        let kind = read_letter(letter, self.form.filter(|_| !another));
        if kind == Letter::Junk {
            self.refused += 1;
            return Ok(true);
        }
        self.sender = Some((peer, Instant::now()));
        self.unread.clear();
        self.at = 0;
        let mut same = true;
        match kind {
            Letter::Header(form) => {
                self.form = Some(form);
                same = false;
            }
            Letter::Headless(form, header, link) => {
                self.form = Some(form);
                let _ = self.line.outlet.tell(News::Remark(format!(
                    "the datagram with the capture's header did not come; the link type, {}, was told from the packets",
                    link.name()
                )));
                self.unread.extend(header);
                same = false;
            }
            Letter::Records | Letter::Junk => {}
        }
        self.unread.extend_from_slice(letter);
        Ok(same)
    }
}

/// Errors after which the next datagram can come as if nothing had happened.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused)
}

/// Says what a datagram is, in a capture of which `form` is known so far.
fn read_letter(bytes: &[u8], form: Option<Form>) -> Letter {
    if let Some(begun) = header(bytes) {
        return Letter::Header(begun);
    }
    match form {
        Some(Form::Pcap(flavour)) if are_records(bytes, flavour) => return Letter::Records,
        Some(Form::Pcapng(order)) if are_blocks(bytes, order) => return Letter::Records,
        Some(_) => return Letter::Junk,
        None => {}
    }
    headless(bytes).unwrap_or(Letter::Junk)
}

/// The form of the capture that `bytes` begin, whole records after the header included.
fn header(bytes: &[u8]) -> Option<Form> {
    let magic = *bytes.first_chunk()?;
    if u32::from_be_bytes(magic) == SECTION {
        let mark = *bytes.get(8..)?.first_chunk()?;
        let order = [Order::Little, Order::Big].into_iter().find(|order| order.u32(mark) == BYTE_ORDER)?;
        return are_blocks(bytes, order).then_some(Form::Pcapng(order));
    }
    let flavour = Flavour::of(magic)?;
    are_records(bytes.get(FILE_HEADER..)?, flavour).then_some(Form::Pcap(flavour))
}

/// Whether `bytes` are whole records of classic pcap, any number of them.
fn are_records(mut bytes: &[u8], flavour: Flavour) -> bool {
    while !bytes.is_empty() {
        let Some(kept) = bytes.get(8..12).and_then(|four| four.first_chunk().copied()) else { return false };
        let kept = flavour.order().u32(kept);
        let rest = usize::try_from(kept).ok().and_then(|kept| bytes.get(flavour.header().checked_add(kept)?..));
        match rest.filter(|_| kept <= MOST_KEPT) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

/// Whether `bytes` are whole pcapng blocks.
fn are_blocks(mut bytes: &[u8], order: Order) -> bool {
    while !bytes.is_empty() {
        let Some((_, block, rest)) = block(bytes, order) else { return false };
        let tail = block.last_chunk().map(|&tail| order.u32(tail));
        if tail != u32::try_from(block.len()).ok() {
            return false;
        }
        bytes = rest;
    }
    true
}

/// The first block: its kind, itself, and what follows.
fn block(bytes: &[u8], order: Order) -> Option<(u32, &[u8], &[u8])> {
    let &[k0, k1, k2, k3, l0, l1, l2, l3] = bytes.first_chunk()?;
    let length = usize::try_from(order.u32([l0, l1, l2, l3])).ok()?;
    let whole = length >= 12 && length.is_multiple_of(4);
    let (block, rest) = bytes.split_at_checked(length).filter(|_| whole)?;
    Some((order.u32([k0, k1, k2, k3]), block, rest))
}

/// Records of a capture whose header was lost, as Android phones write them: little-endian.
fn headless(bytes: &[u8]) -> Option<Letter> {
    const ENHANCED_HEAD: usize = 28;
    let order = Order::Little;
    if are_blocks(bytes, order)
        && let Some((ENHANCED, block, _)) = block(bytes, order)
    {
        let link = link_of(block.get(ENHANCED_HEAD..)?)?;
        return Some(Letter::Headless(Form::Pcapng(order), section(link), link));
    }
    let magic = magic(bytes)?;
    let flavour = Flavour::of(magic).filter(|&flavour| are_records(bytes, flavour))?;
    let link = link_of(bytes.get(flavour.header()..)?)?;
    let mut header = magic.to_vec();
    header.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.extend(MOST_KEPT.to_le_bytes());
    header.extend(u32::from(link.0).to_le_bytes());
    Some(Letter::Headless(Form::Pcap(flavour), header, link))
}

/// The magic of a little-endian file with records like this: a fraction of a second beyond a million is nanoseconds.
fn magic(record: &[u8]) -> Option<[u8; 4]> {
    let fraction = u32::from_le_bytes(*record.get(4..)?.first_chunk()?);
    match fraction {
        0..1_000_000 => Some(0xa1b2_c3d4_u32.to_le_bytes()),
        1_000_000..1_000_000_000 => Some(0xa1b2_3c4d_u32.to_le_bytes()),
        _ => None,
    }
}

/// A section header and an interface of frames of type `link`, in microseconds.
fn section(link: LinkType) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [SECTION, 28, BYTE_ORDER, 1, u32::MAX, u32::MAX, 28, INTERFACE, 20, link.0.into(), MOST_KEPT, 20] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// The link type of a packet by its shape: bare IP, or Ethernet with IP in it.
fn link_of(packet: &[u8]) -> Option<LinkType> {
    let is_ip = |bytes: &[u8]| {
        let version = bytes.first().map(|first| first >> 4);
        let be16 = |at: usize| bytes.get(at..)?.first_chunk().map(|&two| usize::from(u16::from_be_bytes(two)));
        match version {
            Some(4) => be16(2).is_some_and(|total| (20..=bytes.len()).contains(&total)),
            Some(6) => be16(4).is_some_and(|payload| 40 + payload <= bytes.len()),
            _ => false,
        }
    };
    let ethernet = match packet.get(12..14) {
        Some([0x08, 0x00] | [0x86, 0xdd]) => packet.get(14..).is_some_and(is_ip),
        // ARP for Ethernet.
        Some([0x08, 0x06]) => packet.get(14..16) == Some(&[0, 1]),
        _ => false,
    };
    if ethernet {
        return Some(LinkType::ETHERNET);
    }
    is_ip(packet).then_some(LinkType::RAW)
}

const LONGEST_DATAGRAM: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::Stamp,
        capture::{Frame, PcapWriter, PcapngWriter, Precision},
    };

    /// A bare IPv4 packet, and the same in Ethernet.
    fn packets() -> [(LinkType, Vec<u8>); 2] {
        let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        ip.extend([0; 8]);
        let ethernet = [&[0; 12][..], &[0x08, 0x00], &ip].concat();
        [(LinkType::RAW, ip), (LinkType::ETHERNET, ethernet)]
    }

    fn classic(link: LinkType, data: &[u8], precision: Precision) -> (Vec<u8>, Vec<u8>) {
        let mut writer = PcapWriter::new(Vec::new(), link, precision, 65_535).unwrap();
        let stamp = Stamp::new(1_780_000_000, 999_999_000);
        writer.write(&Frame { data, link, stamp, original_len: 28, ..Frame::NONE }).unwrap();
        let file = writer.finish().unwrap();
        let (header, record) = file.split_at(FILE_HEADER);
        (header.to_vec(), record.to_vec())
    }

    #[test]
    fn a_header_and_then_records_are_told_apart() {
        let [(link, data), _] = packets();
        let (header, record) = classic(link, &data, Precision::Micros);
        let Letter::Header(form) = read_letter(&header, None) else { panic!("no header") };
        assert_eq!(read_letter(&record, Some(form)), Letter::Records);
        assert_eq!(read_letter(&[record.clone(), record.clone()].concat(), Some(form)), Letter::Records);
        assert!(matches!(read_letter(&[header, record.clone()].concat(), None), Letter::Header(_)));
        assert_eq!(read_letter(&record[..record.len() - 1], Some(form)), Letter::Junk);
        assert_eq!(read_letter(b"hello", Some(form)), Letter::Junk);
    }

    #[test]
    fn a_lost_header_is_made_up_from_the_packets_shape() {
        for (link, data) in packets() {
            for precision in [Precision::Micros, Precision::Nanos] {
                let (header, record) = classic(link, &data, precision);
                let Letter::Headless(form, made_up, guessed) = read_letter(&record, None) else { panic!("{link}") };
                assert_eq!(guessed, link);
                assert_eq!((&made_up[..4], &made_up[20..]), (&header[..4], &header[20..]), "magic and link type");
                assert_eq!(read_letter(&record, Some(form)), Letter::Records);
            }
            let mut writer = PcapngWriter::new(Vec::new(), 65_535).unwrap();
            writer.write(&Frame { data: &data, link, ..Frame::NONE }, None).unwrap();
            let file = writer.finish().unwrap();
            let packet = &file[file.len() - 36 - data.len().div_ceil(4) * 4..];
            let Letter::Headless(Form::Pcapng(_), made_up, guessed) = read_letter(packet, None) else {
                panic!("{link}")
            };
            assert_eq!((guessed, made_up.len()), (link, 48));
            assert!(are_blocks(&made_up, Order::Little));
        }
        assert_eq!(read_letter(&classic(LinkType::RAW, &[0x99; 40], Precision::Micros).1, None), Letter::Junk);
    }

    #[test]
    fn hostile_lengths_are_junk() {
        let mut record = vec![0; 16];
        for length in [u32::MAX, MOST_KEPT + 1, 1 << 31] {
            record[8..12].copy_from_slice(&length.to_le_bytes());
            assert_eq!(read_letter(&record, None), Letter::Junk);
            let block = [&6_u32.to_le_bytes()[..], &length.to_le_bytes(), &[0; 40]].concat();
            assert_eq!(read_letter(&block, Some(Form::Pcapng(Order::Little))), Letter::Junk);
        }
        for length in 0..12 {
            assert_eq!(read_letter(&vec![0; length], None), Letter::Junk);
        }
    }
}
