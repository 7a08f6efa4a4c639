//! The key of the flow table: both directions of a transport 5-tuple.

use std::net::IpAddr;

use crate::{base::Endpoint, decode::Packet, decode::Transport, flow::Protocol};

/// A 5-tuple without direction: the smaller endpoint first. Sixteen-byte addresses keep hashing to a few words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub(super) struct Tuple {
    low: u128,
    high: u128,
    ports_and_protocol: u64,
}

impl Tuple {
    /// The tuple of a packet, and whether the sender is its smaller endpoint.
    pub(super) fn of(packet: &Packet<'_>) -> (Self, bool) {
        let (src, dst) = (number(packet.src), number(packet.dst));
        let protocol = u64::from(number_of(protocol(packet.transport))) | u64::from(packet.src.addr.is_ipv4()) << 8;
        let forward = src <= dst;
        let (low, high) = if forward { (src, dst) } else { (dst, src) };
        let ports_and_protocol = u64::from(low.1) << 48 | u64::from(high.1) << 32 | protocol;
        (Self { low: low.0, high: high.0, ports_and_protocol }, forward)
    }
}

/// The flow protocol of a transport.
pub(super) const fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Tcp { .. } => Protocol::Tcp,
        Transport::Udp => Protocol::Udp,
        Transport::Other(number) => Protocol::Other(number),
    }
}

const fn number_of(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Other(number) => number,
    }
}

fn number(endpoint: Endpoint) -> (u128, u16) {
    let address = match endpoint.addr {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    };
    (address, endpoint.port)
}
