//! A UDP flow, datagram by datagram.

use super::{Appetite, dns, notes::Notes};
use crate::{base::Stamp, flow::Side};

/// What has been read of a UDP flow.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    seen: u16,
    dns: bool,
}

/// Datagrams looked at before an unrecognised flow is given up.
const SEEN: u16 = 64;

impl Datagrams {
    /// Reads one datagram.
    pub(super) fn feed(&mut self, _side: Side, _at: Stamp, bytes: &[u8], notes: &mut Notes<'_>) -> Appetite {
        self.seen = self.seen.saturating_add(1);
        if dns::datagram(bytes, notes) {
            self.dns = true;
        }
        if self.dns || self.seen < SEEN { Appetite::More } else { Appetite::Sated }
    }
}
