//! VPNs: recognised, never looked into. A phone inside one is opaque to the audit, and must be known to be.

mod ipsec;
mod openvpn;
mod wireguard;

pub(super) use self::openvpn::Stream as OpenVpnStream;
use self::{ipsec::Ipsec, openvpn::OpenVpn, wireguard::WireGuard};
use super::{Probe, Recognised, notes::Notes};
use crate::flow::Side;

/// What has been seen of the tunnels a UDP flow may be.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    wireguard: WireGuard,
    openvpn: OpenVpn,
    ipsec: Ipsec,
}

impl Tunnels {
    /// Reads one datagram.
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        let answers = [
            (Recognised::WireGuard, self.wireguard.feed(side, bytes, notes.ends)),
            (Recognised::OpenVpn, self.openvpn.feed(side, bytes)),
            (Recognised::Ipsec, self.ipsec.feed(side, bytes, notes.ends)),
        ];
        if let Some((protocol, _)) = answers.iter().find(|(_, probe)| *probe == Probe::Certain) {
            notes.protocol(*protocol);
            return Probe::Certain;
        }
        if answers.iter().any(|(_, probe)| *probe == Probe::Unsure) { Probe::Unsure } else { Probe::NotForUs }
    }
}
