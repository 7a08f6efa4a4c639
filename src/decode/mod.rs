//! A frame becomes a packet: link types, VLAN tags, tunnels, fragments, IP, TCP, UDP, and the app tags that phone
//! captures append.
//!
//! In: [`Frame`](crate::capture::Frame)s. Out: [`Packet`]s, whose lengths come from header fields, so that a frame
//! cut by the snap length or merged by receive offload counts what was on the wire (RFC 791, RFC 8200, RFC 9293).

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
    /// Any other IP protocol, by its IANA number: counted whole, never looked into.
    Other(u8),
}

/// What is decoded from a frame: addresses, ports, lengths, payload.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured.
    pub stamp: Stamp,
    /// Who sent it. An IPv4-mapped IPv6 address is unwrapped.
    pub src: Endpoint,
    /// Who it is for.
    pub dst: Endpoint,
    /// TCP, UDP or another protocol.
    pub transport: Transport,
    /// IP total length, headers included, as the header states it: what the ledger calls wire bytes.
    pub wire_len: u32,
    /// Payload length by the headers, whatever the snap length kept. For [`Transport::Other`] the IP payload.
    pub payload_len: u32,
    /// The payload bytes that were kept: at most `payload_len`.
    pub payload: &'a [u8],
    /// Hardware address of the sender, where the link layer has one.
    pub src_mac: Option<Mac>,
    /// Hardware address of the receiver, where the link layer has one.
    pub dst_mac: Option<Mac>,
    /// Which way it went, where the capture says so.
    pub heading: Option<Heading>,
    /// Whose it is, where the capture says so.
    pub app: Option<AppTag<'a>>,
}
