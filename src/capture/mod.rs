//! A file or a wire becomes frames.
//!
//! In: capture files (classic pcap, pcapng; plain, gzip, zstd), standard input, an interface. Out: [`Frame`]s in
//! time order, and a [`FileReport`] on each input. The source owns the buffer; a frame borrows it.

use crate::base::Stamp;

/// The data-link protocol of a frame, by its number in the registry at tcpdump.org (LINKTYPE_ values).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a host-order address family, then IP.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3 Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP, as some systems' `DLT_RAW` numbers it.
    pub const RAW_BSD: Self = Self(12);
    /// PPP.
    pub const PPP: Self = Self(9);
    /// PPP over Ethernet session packets, without Ethernet.
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP: the version nibble says which.
    pub const RAW: Self = Self(101);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback: a network-order address family, then IP.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// IEEE 802.11 behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// USER2, which Apple's tools used for PKTAP.
    pub const USER2: Self = Self(149);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Apple PKTAP: interface and process information before the frame.
    pub const PKTAP: Self = Self(258);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// Which way a frame went, where the capture says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heading {
    /// Received by the capturing host.
    Inbound,
    /// Sent by it.
    Outbound,
}

/// How a capture names the app or process that a frame belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AppTag<'a> {
    /// An Android user id, with its package or app name where the capture gives one (PCAPdroid).
    Uid {
        /// The numeric user id.
        uid: i32,
        /// Package name (`com.whatsapp`) or, in older trailers, the app's label, possibly cut.
        name: Option<&'a str>,
    },
    /// A process (Apple PKTAP, pcapng process options), by command name.
    Process {
        /// The process id.
        pid: u32,
        /// The command name, possibly cut.
        name: &'a str,
    },
}

/// What a source yields: one link-layer frame, borrowed from the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub stamp: Stamp,
    /// What its first header is.
    pub link: LinkType,
    /// The bytes that the snap length kept.
    pub data: &'a [u8],
    /// How long it was on the wire.
    pub original_len: u32,
    /// Which way it went, where the capture says so.
    pub heading: Option<Heading>,
    /// Whose it is, where the capture says so (pcapng comments, UID maps and process blocks).
    pub app: Option<AppTag<'a>>,
}
