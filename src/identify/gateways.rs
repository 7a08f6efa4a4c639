//! Which hardware addresses are routers: they stand on the frames of many hosts behind them, and name none of these.

use std::{collections::HashMap, net::IpAddr};

use crate::base::{
    Cidr, Mac,
    endpoint::{is_group, is_private},
};

/// Public networks behind one hardware address, seen from a private host, from which on it is a router.
const NETWORKS_FACING_PRIVATE: usize = 2;
/// The same where nothing else tells: a phone has one public IPv4 address and few IPv6 networks.
const PUBLIC_NETWORKS: usize = 5;
/// Private IPv4 addresses behind one hardware address from which on it is a router between local networks.
const PRIVATE_ADDRESSES: usize = 9;
/// Hardware addresses watched; further ones count as hosts.
const MOST_WATCHED: usize = 16_384;

/// What stands behind each hardware address.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    behind: HashMap<Mac, Behind>,
}

#[derive(Debug, Default)]
struct Behind {
    public: Vec<Cidr>,
    private: Vec<Cidr>,
    faces_private: bool,
}

impl Gateways {
    /// Notes that `addr` was behind `mac`, on a flow whose other end was a local host or not.
    pub(super) fn note(&mut self, mac: Mac, addr: IpAddr, far_is_local: bool) {
        let watched = self.behind.len() < MOST_WATCHED || self.behind.contains_key(&mac);
        let Some(network) = network(addr).filter(|_| watched && !is_group(addr)) else { return };
        let behind = self.behind.entry(mac).or_default();
        let (seen, most) = if is_private(addr) {
            (&mut behind.private, PRIVATE_ADDRESSES)
        } else {
            // A router asks a host's IPv6 addresses from a local one of its own.
            behind.faces_private |= far_is_local && addr.is_ipv4();
            (&mut behind.public, PUBLIC_NETWORKS)
        };
        if seen.len() < most && !seen.contains(&network) {
            seen.push(network);
        }
    }

    /// Whether more stands behind `mac` than one host uses.
    pub(super) fn is_gateway(&self, mac: Mac) -> bool {
        is_virtual_router(mac)
            || self.behind.get(&mac).is_some_and(|behind| {
                let most = if behind.faces_private { NETWORKS_FACING_PRIVATE } else { PUBLIC_NETWORKS };
                behind.public.len() >= most || behind.private.len() >= PRIVATE_ADDRESSES
            })
    }
}

/// What counts as one: an IPv4 address, or the IPv6 block of a provider, in which a host's addresses change (RFC 8981) and
/// its network too when the line is dialled anew. A host has as many local IPv6 addresses as it likes.
fn network(addr: IpAddr) -> Option<Cidr> {
    match addr {
        IpAddr::V6(_) if is_private(addr) => None,
        _ => Cidr::new(addr, 32),
    }
}

/// VRRP routers share a hardware address (RFC 9568, section 7.3).
const fn is_virtual_router(mac: Mac) -> bool {
    matches!(mac.0, [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _])
}
