//! A UDP flow, datagram by datagram.

use super::{Appetite, Probe, dns, notes::Notes, quic};
use crate::{base::Stamp, flow::Side};

/// What has been read of a UDP flow.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    seen: u16,
    dns: bool,
    quic: Option<Box<quic::Connection>>,
}

/// Datagrams looked at before an unrecognised flow is given up.
const SEEN: u16 = 64;

impl Datagrams {
    /// Reads one datagram.
    pub(super) fn feed(&mut self, side: Side, _at: Stamp, bytes: &[u8], notes: &mut Notes<'_>) -> Appetite {
        self.seen = self.seen.saturating_add(1);
        if dns::datagram(bytes, notes) {
            self.dns = true;
            return Appetite::More;
        }
        match self.quic.get_or_insert_default().feed(side, bytes, notes) {
            Probe::Certain => return Appetite::Sated,
            Probe::Unsure => return Appetite::More,
            Probe::NotForUs => {}
        }
        if self.dns || self.seen < SEEN { Appetite::More } else { Appetite::Sated }
    }
}
