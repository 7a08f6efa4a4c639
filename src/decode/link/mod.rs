//! From a frame's first byte to its IP header, by link type.

mod ethernet;
mod other;
mod ppp;
mod wifi;

pub(super) use ethernet::{by_ether_type, ethernet};
pub(super) use ppp::ppp;

use super::{ip::Envelope, piece::Piece};
use crate::{base::Malformed, capture::LinkType};

/// Why there is no IP to be read in a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    NotIp,
    Closed,
    UnknownLink(LinkType),
    Malformed(Malformed),
}

impl From<Malformed> for Refusal {
    fn from(lie: Malformed) -> Self {
        Self::Malformed(lie)
    }
}

/// What a link header hands on: the bytes from the IP header on.
pub(super) type Opened<'a> = Result<Piece<'a>, Refusal>;

/// Passes over the link headers of a frame of type `link`, and notes in `envelope` the hardware addresses, the
/// heading and the app that they name.
#[inline]
pub(super) fn open<'a>(link: LinkType, piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    if link == LinkType::ETHERNET { ethernet(piece, envelope) } else { open_other(link, piece, envelope) }
}

fn open_other<'a>(link: LinkType, piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    match link {
        LinkType::PKTAP => {
            let (link, inner) = other::pktap(piece, envelope)?;
            open_plain(link, inner, envelope)
        }
        LinkType::USER2 if other::looks_like_pktap(piece) => {
            let (link, inner) = other::pktap(piece, envelope)?;
            open_plain(link, inner, envelope)
        }
        _ => open_plain(link, piece, envelope),
    }
}

fn open_plain<'a>(link: LinkType, piece: Piece<'a>, envelope: &mut Envelope<'a>) -> Opened<'a> {
    match link {
        LinkType::ETHERNET => ethernet(piece, envelope),
        LinkType::RAW | LinkType::RAW_BSD | RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => Ok(piece),
        LinkType::NULL | LinkType::LOOP => other::loopback(piece),
        LinkType::LINUX_SLL => other::cooked(piece, envelope),
        LinkType::LINUX_SLL2 => other::cooked_2(piece, envelope),
        LinkType::PPP | PPP_HDLC => ppp(piece),
        PPP_ETHER => ppp::pppoe(piece),
        CISCO_HDLC => ppp::cisco_hdlc(piece, envelope),
        FDDI => other::fddi(piece),
        NETFILTER_LOG => other::netfilter_log(piece),
        LinkType::IEEE802_11 => wifi::frame(piece, envelope),
        LinkType::IEEE802_11_RADIOTAP => wifi::radiotap(piece, envelope),
        unknown => Err(Refusal::UnknownLink(unknown)),
    }
}

const FDDI: LinkType = LinkType(10);
const RAW_OPENBSD: LinkType = LinkType(14);
const PPP_HDLC: LinkType = LinkType(50);
const PPP_ETHER: LinkType = LinkType(51);
const CISCO_HDLC: LinkType = LinkType(104);
const NETFILTER_LOG: LinkType = LinkType(239);
