//! What became of the frames, by kind.

use std::collections::BTreeMap;

use crate::base::{Bytes, Malformed};

/// What became of the frames that were decoded.
///
/// `frames` is the sum of `packets - abandoned`, `held`, `not_ip`, `closed`, `unknown_link` and `unreadable`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Frames handed in.
    pub frames: u64,
    /// Packets handed out, the abandoned ones included.
    pub packets: u64,
    /// Fragments kept back because their datagram was not whole yet.
    pub held: u64,
    /// Packets that were put together from fragments.
    pub reassembled: u64,
    /// Packets made of fragments whose datagram never became whole (or that overlapped, RFC 5722).
    pub abandoned: u64,
    /// Fragments handed out by themselves because the table of fragments was full or they could not belong to a
    /// datagram.
    pub unassembled: u64,
    /// Frames without IP: ARP, LLDP, spanning tree, Wi-Fi management and the like.
    pub not_ip: u64,
    /// Frames whose IP this stage cannot get at: Wi-Fi with WEP or WPA, in fragments, or several datagrams in a
    /// frame; `MACsec`.
    pub closed: u64,
    /// Frames of a link type that this stage does not read.
    pub unknown_link: u64,
    /// Frames dropped because no IP header could be read from them.
    pub unreadable: u64,
    /// How many bytes those frames had on the wire from the broken IP header on.
    pub unreadable_bytes: Bytes,
    by_layer: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Frames that may well carry IP, but that this stage cannot open.
    pub const fn unsupported(&self) -> u64 {
        self.closed + self.unknown_link
    }

    /// How many headers were broken: those of dropped frames, and those that only cost a packet its payload.
    pub fn malformed(&self) -> u64 {
        self.by_layer.values().sum()
    }

    /// The same by layer, such as `("TCP", 3)`, in alphabetical order.
    pub fn malformed_by_layer(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.by_layer.iter().map(|(layer, n)| (*layer, *n))
    }

    #[cold]
    pub(super) fn note(&mut self, what: Malformed) {
        *self.by_layer.entry(what.layer).or_default() += 1;
    }
}
