//! A frame becomes a packet: link types, VLAN tags, tunnels, fragments, IP, TCP, UDP, and the app tags that phone
//! captures append.
//!
//! In: [`Frame`](crate::capture::Frame)s. Out: [`Packet`]s, whose lengths come from header fields, so that a frame
//! cut by the snap length or merged by receive offload counts what was on the wire (RFC 791, RFC 8200, RFC 9293).
//!
//! The stage balances: the wire bytes of the packets that come out are the wire bytes of the IP datagrams that went
//! in, each counted once. A datagram inside a tunnel counts in place of the tunnel's own; a broken transport header
//! costs the payload, not the packet; fragments that never become whole come out of [`Decoder::abandoned`].
//!
//! ```
//! use nightaudit::{base::Stamp, capture::{Frame, LinkType}, decode::{Decoded, Decoder, Transport}};
//!
//! let datagram = [
//!     0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 192, 168, 7, 23, 9, 9, 9, 9, // IPv4
//!     0xc0, 0x01, 0, 53, 0, 10, 0, 0, b'h', b'i', // UDP
//! ];
//! let frame = Frame {
//!     stamp: Stamp::new(1_700_000_000, 0),
//!     link: LinkType::RAW,
//!     data: &datagram,
//!     original_len: 30,
//!     heading: None,
//!     app: None,
//! };
//! let mut decoder = Decoder::default();
//! let Decoded::Packet(packet) = decoder.decode(&frame) else { panic!("a plain datagram") };
//! assert_eq!(packet.transport, Transport::Udp);
//! assert_eq!(packet.dst.to_string(), "9.9.9.9:53");
//! assert_eq!((packet.wire_len, packet.payload), (30, &b"hi"[..]));
//! ```

mod counts;
mod decoder;
mod extension;
mod fragment;
mod ip;
mod link;
mod partial;
mod piece;
mod trailer;
mod transport;
mod tunnel;

pub use counts::Counts;
pub use decoder::{DatagramId, Decoded, Decoder};
pub use fragment::Limits;

use crate::{
    base::{Endpoint, Mac, Stamp},
    capture::{AppTag, Heading},
};

/// TCP control bits that the flow stage reads (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the header's own bits")]
pub struct TcpFlags {
    /// Synchronise sequence numbers.
    pub syn: bool,
    /// The acknowledgement number counts.
    pub ack: bool,
    /// No more data from the sender.
    pub fin: bool,
    /// Reset.
    pub rst: bool,
}

/// What carries the payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// A TCP segment.
    Tcp {
        /// Sequence number of the first payload byte (or of the SYN).
        seq: u32,
        /// Acknowledgement number; meaningless without `flags.ack`.
        ack: u32,
        /// Control bits.
        flags: TcpFlags,
    },
    /// A UDP datagram.
    Udp,
    /// Any other IP protocol, by its IANA number: counted whole, never looked into. Also TCP and UDP where the snap
    /// length or fragmentation left too little of their header to follow them.
    Other(u8),
}

/// What is decoded from a frame: addresses, ports, lengths, payload.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured; for a datagram in fragments, when the last of them was.
    pub stamp: Stamp,
    /// Who sent it. An IPv4-mapped IPv6 address is unwrapped.
    pub src: Endpoint,
    /// Who it is for.
    pub dst: Endpoint,
    /// TCP, UDP or another protocol.
    pub transport: Transport,
    /// IP total length, headers included, as the header states it: what the ledger calls wire bytes. For a datagram
    /// in fragments the sum over all that were seen, a fragment sent twice counted twice.
    pub wire_len: u32,
    /// Payload length by the headers, whatever the snap length kept. For [`Transport::Other`] the IP payload.
    pub payload_len: u32,
    /// The payload bytes that were kept: at most `payload_len`.
    pub payload: &'a [u8],
    /// Hardware address of the sender, where the link layer has one that names a host.
    pub src_mac: Option<Mac>,
    /// Hardware address of the receiver, where the link layer has one that names a host.
    pub dst_mac: Option<Mac>,
    /// Which way it went, where the capture says so.
    pub heading: Option<Heading>,
    /// Whose it is, where the capture says so.
    pub app: Option<AppTag<'a>>,
}
