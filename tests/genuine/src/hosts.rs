//! Who is who in the recorded network. The names and addresses are those of real services, so that rules can be tried
//! on them; the machines behind them are this program's own.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The audited device.
pub const PHONE_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 23);
/// The audited device.
pub const PHONE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x23);
/// Router and resolver.
pub const ROUTER_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 1);
/// Router.
pub const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 1);

/// A server.
pub struct Host {
    /// The name that clients ask for.
    pub name: &'static str,
    /// The name that it is an alias of.
    pub alias_of: Option<&'static str>,
    /// Its address.
    pub v4: Ipv4Addr,
    /// Its address.
    pub v6: Option<Ipv6Addr>,
    /// Seconds for which an answer holds.
    pub lifetime: u32,
}

/// Every server.
pub const HOSTS: &[Host] = &[
    Host {
        name: "mmg.whatsapp.net",
        alias_of: Some("mmx-ds.cdn.whatsapp.net"),
        v4: Ipv4Addr::new(157, 240, 0, 60),
        v6: Some(Ipv6Addr::new(0x2a03, 0x2880, 0xf23d, 0xc1, 0xface, 0xb00c, 0, 0x167)),
        lifetime: 60,
    },
    Host { name: "g.whatsapp.net", alias_of: None, v4: Ipv4Addr::new(157, 240, 0, 53), v6: None, lifetime: 300 },
    Host {
        name: "chat.signal.org",
        alias_of: None,
        v4: Ipv4Addr::new(76, 223, 92, 165),
        v6: Some(Ipv6Addr::new(0x2600, 0x9000, 0xa507, 0xab6d, 0x4ce3, 0x2f58, 0x25d7, 0x9cbf)),
        lifetime: 300,
    },
    Host { name: "cdn2.signal.org", alias_of: None, v4: Ipv4Addr::new(104, 18, 10, 47), v6: None, lifetime: 300 },
    Host { name: "web.telegram.org", alias_of: None, v4: Ipv4Addr::new(149, 154, 167, 99), v6: None, lifetime: 120 },
    Host {
        name: "photosdata-pa.googleapis.com",
        alias_of: None,
        v4: Ipv4Addr::new(142, 250, 74, 10),
        v6: None,
        lifetime: 300,
    },
    Host { name: "cloudflare-ech.com", alias_of: None, v4: Ipv4Addr::new(104, 18, 11, 118), v6: None, lifetime: 300 },
    Host {
        name: "connectivitycheck.gstatic.com",
        alias_of: None,
        v4: Ipv4Addr::new(142, 250, 74, 3),
        v6: None,
        lifetime: 300,
    },
];

/// The server called `name`.
pub fn host(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.name.eq_ignore_ascii_case(name))
}
