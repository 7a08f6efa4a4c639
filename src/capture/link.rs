//! Link types and their names.

use std::{borrow::Cow, fmt};

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

    /// What people call it: `ethernet`, `linux-sll2`; `linktype-147` where it has no name here.
    pub fn name(self) -> Cow<'static, str> {
        let name = match self {
            Self::NULL => "null",
            Self::ETHERNET => "ethernet",
            Self::PPP => "ppp",
            Self(50) => "ppp-hdlc",
            Self::PPP_ETHER => "ppp-ether",
            Self::RAW | Self::RAW_BSD | Self(14) => "raw",
            Self(104) => "cisco-hdlc",
            Self::IEEE802_11 => "ieee802-11",
            Self(107) => "frame-relay",
            Self::LOOP => "loop",
            Self::LINUX_SLL => "linux-sll",
            Self(117) => "pflog",
            Self(119) => "ieee802-11-prism",
            Self::IEEE802_11_RADIOTAP => "ieee802-11-radiotap",
            Self::USER2 => "user2",
            Self(163) => "ieee802-11-avs",
            Self(187 | 201) => "bluetooth-hci",
            Self(189 | 220 | 249) => "usb",
            Self(192) => "ppi",
            Self(195 | 215 | 230) => "ieee802-15-4",
            Self::IPV4 => "ipv4",
            Self::IPV6 => "ipv6",
            Self(239) => "nflog",
            Self(252) => "wireshark-upper-pdu",
            Self(253) => "netlink",
            Self::PKTAP => "pktap",
            Self::LINUX_SLL2 => "linux-sll2",
            Self(number) => return Cow::Owned(format!("linktype-{number}")),
        };
        Cow::Borrowed(name)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_have_names_for_people() {
        let named = [1, 276, 101, 147].map(|number| LinkType(number).to_string());
        assert_eq!(named, ["ethernet", "linux-sll2", "raw", "linktype-147"]);
    }
}
