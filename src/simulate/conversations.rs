//! A life as a log of connections would tell it: one line each, without the minutes in between.
//!
//! Methods that work on such logs (Zeek's `conn.log`, `NetFlow`) are compared with this project's on these.

use super::{
    hosts::{HostId, Party},
    life::{Life, Said, Source},
    run::Way,
};
use crate::base::{Bytes, Stamp};

/// One connection, as a log of connections would hold it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Conversation {
    /// Index into the subjects of the ledger of the same life.
    pub subject: usize,
    /// Tells the host from all others of the life.
    pub host: u32,
    /// When it was opened.
    pub opened: Stamp,
    /// When its last byte moved.
    pub last: Stamp,
    /// Payload from the phone that the sensor saw.
    pub up: Bytes,
    /// Payload to it.
    pub down: Bytes,
    /// What the phone sent with IP and transport headers, acknowledgements without payload not counted.
    pub wire_up: Bytes,
}

impl Life {
    /// Every connection of which the sensor saw anything, in the order they were opened.
    pub fn conversations(&self) -> Vec<Conversation> {
        let begun = self.flows.iter().map(|flow| self.conversation(flow.host, flow.opened, flow.is_tcp()));
        let mut all: Vec<(Conversation, u64)> = begun.collect();
        self.tell(|said| {
            if let Source::Flow(index, _) = said.source
                && let Some((conversation, header)) = all.get_mut(index as usize)
            {
                self.note(&said, conversation, *header);
            }
        });
        let mut seen: Vec<_> = all.into_iter().map(|(one, _)| one).filter(|one| one.up.0 + one.down.0 > 0).collect();
        seen.sort_by_key(|one| one.opened);
        seen
    }

    /// An empty line, and what headers add to each of its packets.
    fn conversation(&self, host: HostId, opened: Stamp, tcp: bool) -> (Conversation, u64) {
        let party: Party = self.hosts.get(host).party;
        let (up, down, wire_up) = (Bytes::ZERO, Bytes::ZERO, Bytes::ZERO);
        let line = Conversation { subject: party.subject(), host: host.0, opened, last: opened, up, down, wire_up };
        (line, if tcp { 40 } else { 28 })
    }

    fn note(&self, said: &Said, line: &mut Conversation, header: u64) {
        for (minute, from, to) in said.run.by_minute() {
            if !self.sight.covers(minute) {
                continue;
            }
            let bytes = said.run.payload(from, to);
            line.last = line.last.max(said.run.moment(to - 1));
            match said.run.way {
                Way::Up => {
                    line.up += Bytes(bytes);
                    line.wire_up += Bytes(bytes + (to - from) * header);
                }
                Way::Down => line.down += Bytes(bytes),
            }
        }
    }
}
