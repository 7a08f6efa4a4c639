//! WireGuard by its four message types and their fixed lengths (WireGuard whitepaper, section 5.4).
//!
//! Some services put a client number in the three reserved bytes, so those are held to stay the same rather than to
//! be zero; what makes it certain is that an answer names the initiation it answers, or that counters count.

use crate::{
    flow::Side,
    hint::{Ends, Probe},
};

/// What has been seen of a handshake or of transport data.
#[derive(Debug, Default)]
pub(super) struct WireGuard {
    initiation: Option<(Side, [u8; 4])>,
    initiations: u8,
    data: [Option<Data>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Data {
    receiver: [u8; 4],
    counter: u64,
    run: u8,
}

const INITIATION: usize = 148;
const RESPONSE: usize = 92;
const PORT: u16 = 51820;
/// Data packets in a row whose counter counts.
const RUN: u8 = 4;

impl WireGuard {
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], ends: &Ends) -> Probe {
        let Some((kind, rest)) = bytes.split_first() else { return Probe::NotForUs };
        let plain = bytes.starts_with(&[*kind, 0, 0, 0]);
        match (kind, bytes.len()) {
            (1, INITIATION) => self.initiated(side, rest, plain, ends),
            (2, RESPONSE) => self.answered(side, rest),
            (4, 32..) if bytes.len().is_multiple_of(16) => self.carried(side, bytes),
            (3, 64) if plain => Probe::Unsure,
            _ => Probe::NotForUs,
        }
    }

    fn initiated(&mut self, side: Side, rest: &[u8], plain: bool, ends: &Ends) -> Probe {
        self.initiation = index(rest, 3).map(|sender| (side, sender));
        self.initiations = self.initiations.saturating_add(1);
        if plain && ends.use_port(PORT) { Probe::Certain } else { Probe::Unsure }
    }

    /// An answer repeats the initiator's index behind its own.
    fn answered(&mut self, side: Side, rest: &[u8]) -> Probe {
        match (self.initiation, index(rest, 7)) {
            (Some((from, sender)), Some(receiver)) if from != side && sender == receiver => Probe::Certain,
            _ => Probe::Unsure,
        }
    }

    fn carried(&mut self, side: Side, bytes: &[u8]) -> Probe {
        let (Some(receiver), Some(counter)) = (index(bytes, 4), bytes.get(8..16)) else { return Probe::NotForUs };
        let counter = u64::from_le_bytes(counter.try_into().unwrap_or_default());
        let known = &mut self.data[usize::from(side == Side::Responder)];
        let run = match known {
            Some(last) if last.receiver == receiver && (1..=64).contains(&counter.wrapping_sub(last.counter)) => {
                last.run.saturating_add(1)
            }
            _ => 1,
        };
        *known = Some(Data { receiver, counter, run });
        if run >= RUN { Probe::Certain } else { Probe::Unsure }
    }
}

fn index(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}
