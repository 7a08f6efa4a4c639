//! A run: equal packets at even distances, one way. Everything a phone sends or receives is a row of runs.
//!
//! Ledger and capture read the same runs. What lies in a minute follows from the run by arithmetic alone, so the
//! ledger need not visit its packets, and still agrees with the capture to the byte.

use crate::base::{Minute, Stamp};

/// Which way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub(super) enum Way {
    /// From the phone.
    Up,
    /// To it.
    Down,
}

impl Way {
    /// The other way.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// `bytes` of payload in packets of `packet` bytes, the last one with what is left, sent evenly over `lasts` ns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Run {
    pub(super) start: Stamp,
    pub(super) lasts: u64,
    pub(super) bytes: u64,
    pub(super) packet: u32,
    pub(super) way: Way,
}

impl Run {
    /// How many packets.
    pub(super) fn packets(&self) -> u64 {
        self.bytes.div_ceil(self.packet.max(1).into())
    }

    /// When packet number `n` goes.
    pub(super) fn moment(&self, n: u64) -> Stamp {
        let into = u128::from(n) * u128::from(self.lasts) / u128::from(self.packets().max(1));
        self.start.plus_nanos(u64::try_from(into).unwrap_or(u64::MAX))
    }

    /// How many payload bytes packet number `n` carries.
    pub(super) fn size(&self, n: u64) -> u64 {
        self.bytes.saturating_sub(n.saturating_mul(self.packet.into())).min(self.packet.into())
    }

    /// How many packets go before `moment`.
    fn packets_before(&self, moment: Stamp) -> u64 {
        let packets = self.packets();
        let into = u128::from(moment.since(self.start));
        if into == 0 {
            return 0;
        }
        if self.lasts == 0 {
            return packets;
        }
        let count = (into * u128::from(packets)).div_ceil(u128::from(self.lasts));
        u64::try_from(count).unwrap_or(u64::MAX).min(packets)
    }

    /// The minutes it touches, with the numbers of the packets (first, and one past the last) in each.
    pub(super) fn by_minute(self) -> impl Iterator<Item = (Minute, u64, u64)> {
        let first = self.start.minute();
        let packets = self.packets();
        // Most runs are over within their minute, and need no division.
        let brief = self.start.plus_nanos(self.lasts).minute() == first;
        let whole = (brief && packets > 0).then_some((first, 0, packets));
        let last = if brief { first } else { self.moment(packets.saturating_sub(1)).minute() };
        let minutes = if brief { first.0 + 1..=first.0 } else { first.0..=last.0 };
        let mut sent = 0;
        whole.into_iter().chain(minutes.map(Minute).filter_map(move |minute| {
            let from = std::mem::replace(&mut sent, self.packets_before(minute.plus(1).start()));
            (sent > from).then_some((minute, from, sent))
        }))
    }

    /// Payload in packets `from` to `to - 1`.
    pub(super) fn payload(&self, from: u64, to: u64) -> u64 {
        let before = |n: u64| n.saturating_mul(self.packet.into()).min(self.bytes);
        before(to) - before(from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_arithmetic_of_a_run_is_that_of_its_packets(
            start in 0_u64..400_000_000_000, lasts in 0_u64..600_000_000_000, bytes in 0_u64..400_000, packet in 1_u32..1_500,
        ) {
            let run = Run { start: Stamp::from_nanos(start), lasts, bytes, packet, way: Way::Up };
            let mut one_by_one = std::collections::BTreeMap::<Minute, (u64, u64)>::new();
            for n in 0..run.packets() {
                let slot = one_by_one.entry(run.moment(n).minute()).or_default();
                slot.0 += 1;
                slot.1 += run.size(n);
            }
            let by_minute: Vec<_> =
                run.by_minute().map(|(minute, from, to)| (minute, (to - from, run.payload(from, to)))).collect();
            prop_assert_eq!(by_minute, one_by_one.into_iter().collect::<Vec<_>>());
        }
    }
}
