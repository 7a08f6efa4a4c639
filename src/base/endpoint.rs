//! Addresses, ports, hardware addresses and address blocks.

use std::{fmt, net::IpAddr, str::FromStr};

/// One end of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Endpoint {
    /// The IP address, an IPv4-mapped IPv6 address already unwrapped.
    pub addr: IpAddr,
    /// The port; 0 for protocols that have none.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint at `addr` and `port`.
    pub const fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(v4) => write!(f, "{v4}:{}", self.port),
            IpAddr::V6(v6) => write!(f, "[{v6}]:{}", self.port),
        }
    }
}

/// A hardware (MAC-48) address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether it can name a host: neither all zeros (as PCAPdroid writes it) nor a group address.
    pub const fn names_a_host(self) -> bool {
        self.0[0] & 1 == 0 && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|octet| write!(f, ":{octet:02x}"))
    }
}

/// A text that names no hardware address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no hardware address: six pairs of hexadecimal digits, such as 02:00:00:00:07:17")]
pub struct NotAMac(String);

impl FromStr for Mac {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|p| p.len() == 2);
            *octet = part
                .and_then(|p| u8::from_str_radix(p, 16).ok())
                .ok_or_else(|| NotAMac(text.chars().take(40).collect()))?;
        }
        if parts.next().is_some() {
            return Err(NotAMac(text.chars().take(40).collect()));
        }
        Ok(Self(octets))
    }
}

/// An address block, such as `157.240.0.0/16`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Cidr {
    base: IpAddr,
    length: u8,
}

/// A text that names no address block.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotACidr {
    /// The address before the slash cannot be read.
    #[error("{0:?} is no address block: an address, a slash and a prefix length, such as 192.168.7.0/24")]
    Shape(String),
    /// The length is larger than the address has bits.
    #[error("{text:?}: a prefix length of {length} is more than the {bits} bits of the address")]
    Length {
        /// What was written.
        text: String,
        /// The length it asks for.
        length: u8,
        /// How many there are.
        bits: u8,
    },
}

impl Cidr {
    /// The block of the first `length` bits of `addr`; `None` where the address has fewer.
    pub fn new(addr: IpAddr, length: u8) -> Option<Self> {
        (length <= bits(addr)).then(|| Self { base: masked(addr, length), length })
    }

    /// Its first address.
    pub const fn base(self) -> IpAddr {
        self.base
    }

    /// How many leading bits it fixes.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether `addr` lies in it.
    pub fn contains(self, addr: IpAddr) -> bool {
        bits(addr) == bits(self.base) && masked(addr, self.length) == self.base
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let shape = || NotACidr::Shape(text.chars().take(60).collect());
        let (addr, length) = match text.split_once('/') {
            Some((addr, length)) => (addr, Some(length)),
            None => (text, None),
        };
        let addr: IpAddr = addr.trim().parse().map_err(|_| shape())?;
        let length = match length {
            Some(length) => length.trim().parse().map_err(|_| shape())?,
            None => bits(addr),
        };
        Self::new(addr, length).ok_or_else(|| NotACidr::Length { text: text.to_owned(), length, bits: bits(addr) })
    }
}

const fn bits(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn masked(addr: IpAddr, length: u8) -> IpAddr {
    match addr {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}

/// Whether `addr` belongs to a network that is not the public Internet: RFC 1918, RFC 6598 (carrier NAT),
/// RFC 3927 and RFC 4291 link-local, RFC 4193 unique local, loopback.
pub fn is_private(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            v6.is_loopback() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

/// Whether `addr` names no single host: multicast, broadcast or unspecified.
pub fn is_group(addr: IpAddr) -> bool {
    addr.is_multicast() || addr.is_unspecified() || matches!(addr, IpAddr::V4(v4) if v4.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        let block: Cidr = "149.154.160.0/20".parse().unwrap();
        assert!(block.contains("149.154.175.255".parse().unwrap()));
        assert!(!block.contains("149.154.176.0".parse().unwrap()));
        assert!(!block.contains("::1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains("255.1.1.1".parse().unwrap()));
        assert_eq!("10.1.2.3/8".parse::<Cidr>().unwrap().to_string(), "10.0.0.0/8");
    }

    #[test]
    fn a_wrong_block_says_what_is_wrong() {
        assert!("10.0.0.0/33".parse::<Cidr>().unwrap_err().to_string().contains("more than the 32 bits"));
        assert!("nonsense/8".parse::<Cidr>().is_err());
    }

    #[test]
    fn hardware_addresses_are_read_and_written() {
        let mac: Mac = "02:00:00:00:07:17".parse().unwrap();
        assert_eq!(mac.to_string(), "02:00:00:00:07:17");
        assert!(mac.names_a_host());
        assert!(!Mac([0; 6]).names_a_host());
        assert!(!Mac([0xff; 6]).names_a_host());
        assert!("02:00:00:00:07".parse::<Mac>().is_err());
        assert!("02:00:00:00:07:17:18".parse::<Mac>().is_err());
    }

    #[test]
    fn private_networks_are_known() {
        for private in ["10.1.1.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "fe80::1", "fd00::1", "127.0.0.1"] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "2001:db8::1", "172.32.0.1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
