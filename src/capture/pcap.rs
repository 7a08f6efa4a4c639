//! Classic pcap: a file header, then a header and bytes for each packet
//! (draft-ietf-opsawg-pcap; the modified variant as Linux 2.2-era tools wrote it).

use super::{
    LinkType,
    error::{Cut, CutReason},
    record::{Record, Stop, Tag},
    window::Window,
};
use crate::base::Stamp;

/// How a classic pcap file writes its numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Flavour {
    order: Order,
    fraction: Fraction,
    /// Length of a packet header.
    header: usize,
}

/// Byte order of a file's numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// What the second field of a stamp counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fraction {
    Micros,
    Nanos,
}

impl Flavour {
    /// What the first four bytes of a file announce; `None` where it is no classic pcap.
    pub(super) fn of(magic: [u8; 4]) -> Option<Self> {
        let known = |number| match number {
            0xa1b2_c3d4 => Some((Fraction::Micros, 16)),
            0xa1b2_3c4d => Some((Fraction::Nanos, 16)),
            0xa1b2_cd34 => Some((Fraction::Micros, 24)),
            _ => None,
        };
        [Order::Little, Order::Big]
            .into_iter()
            .find_map(|order| known(order.u32(magic)).map(|(fraction, header)| Self { order, fraction, header }))
    }

    /// Byte order of its numbers.
    #[cfg(feature = "live")]
    pub(super) const fn order(self) -> Order {
        self.order
    }

    /// Length of a packet header.
    #[cfg(feature = "live")]
    pub(super) const fn header(self) -> usize {
        self.header
    }
}

/// Reads packets one after another.
pub(super) struct PcapReader {
    flavour: Flavour,
    link: LinkType,
    lengths: Lengths,
}

/// In which order a packet header gives its two lengths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lengths {
    /// Kept, then original: every file of this century.
    KeptFirst,
    /// The other way round: versions before 2.3, and 543.0 of DG/UX.
    OriginalFirst,
    /// Version 2.3 was written both ways; the larger is the original.
    Either,
}

impl PcapReader {
    /// Reads the file header; `None` where the file ends within it.
    pub(super) fn open(flavour: Flavour, window: &mut Window) -> std::io::Result<Option<Self>> {
        if !window.has(FILE_HEADER)? {
            return Ok(None);
        }
        let header: [u8; FILE_HEADER] = window.array();
        window.take(FILE_HEADER);
        let [.., a, b, c, d] = header;
        let [_, _, _, _, m0, m1, n0, n1, ..] = header;
        // The upper half of the link type field holds the length of a frame check sequence and reserved bits.
        let link = LinkType((flavour.order.u32([a, b, c, d]) & 0xffff) as u16);
        let lengths = match (flavour.order.u16([m0, m1]), flavour.order.u16([n0, n1])) {
            (2, 0..=2) | (543, _) => Lengths::OriginalFirst,
            (2, 3) => Lengths::Either,
            _ => Lengths::KeptFirst,
        };
        Ok(Some(Self { flavour, link, lengths }))
    }

    /// Reads the next packet into `record`; false at the end of the file.
    #[inline]
    pub(super) fn advance(&self, window: &mut Window, record: &mut Record) -> Result<bool, Stop> {
        let header = self.flavour.header;
        if !window.has(header)? {
            return if window.left() == 0 { Ok(false) } else { Err(Stop::cut(window, CutReason::EndsWithin)) };
        }
        let [s0, s1, s2, s3, f0, f1, f2, f3, k0, k1, k2, k3, o0, o1, o2, o3] = window.array::<16>();
        let order = self.flavour.order;
        let lengths = (order.u32([k0, k1, k2, k3]), order.u32([o0, o1, o2, o3]));
        let (kept, original) = match self.lengths {
            Lengths::KeptFirst => lengths,
            Lengths::OriginalFirst => (lengths.1, lengths.0),
            Lengths::Either => (lengths.0.min(lengths.1), lengths.0.max(lengths.1)),
        };
        if kept > MOST_KEPT {
            return Err(Stop::cut(window, CutReason::AbsurdLength(kept)));
        }
        let kept_len = kept as usize;
        if !window.has(header + kept_len)? {
            return Err(Stop::cut(window, CutReason::EndsWithin));
        }
        window.take(header);
        record.stamp = self.stamp(order.u32([s0, s1, s2, s3]), order.u32([f0, f1, f2, f3]));
        record.link = self.link;
        record.data = window.take(kept_len);
        record.original_len = original.max(kept);
        record.heading = None;
        record.tag = Tag::None;
        Ok(true)
    }

    #[inline]
    fn stamp(&self, seconds: u32, fraction: u32) -> Stamp {
        let nanos = match self.flavour.fraction {
            Fraction::Micros => u64::from(fraction) * 1_000,
            Fraction::Nanos => u64::from(fraction),
        };
        Stamp::new(seconds.into(), nanos)
    }
}

impl Stop {
    /// That the record at the window's front cannot be read.
    #[cold]
    pub(super) fn cut(window: &Window, why: CutReason) -> Self {
        Self::Cut(Cut { offset: window.offset(), why })
    }
}

pub(super) const FILE_HEADER: usize = 24;
/// The largest snap length that libpcap accepts: no capture program keeps more of a packet.
pub(super) const MOST_KEPT: u32 = 262_144;
