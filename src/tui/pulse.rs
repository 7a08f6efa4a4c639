//! How fast it goes right now, from one live snapshot to the next.

use std::{collections::VecDeque, time::Duration};

use crate::base::Bytes;

/// No more beats are kept than any screen has columns.
const MOST: usize = 500;
/// Snapshots closer together than this are one beat.
const LEAST: Duration = Duration::from_millis(400);

/// Bytes a second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rate {
    /// From the devices.
    pub up: Bytes,
    /// To the devices.
    pub down: Bytes,
}

/// The rates of the last minutes, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    beats: VecDeque<Rate>,
    /// When the last beat was taken, and what had moved by then.
    last: Option<(Duration, Bytes, Bytes)>,
}

impl Pulse {
    /// By `now`, so much had moved in all.
    pub fn beat(&mut self, now: Duration, up: Bytes, down: Bytes) {
        let Some((then, before_up, before_down)) = self.last else {
            self.last = Some((now, up, down));
            return;
        };
        let passed = now.saturating_sub(then);
        if passed < LEAST {
            return;
        }
        let rate = |bytes: Bytes| {
            let a_second = u128::from(bytes.0) * 1_000 / passed.as_millis().max(1);
            Bytes(u64::try_from(a_second).unwrap_or(u64::MAX))
        };
        self.beats.push_back(Rate { up: rate(up.less(before_up)), down: rate(down.less(before_down)) });
        self.beats.drain(..self.beats.len().saturating_sub(MOST));
        self.last = Some((now, up, down));
    }

    /// The newest; nothing before the second snapshot.
    pub fn now(&self) -> Option<Rate> {
        self.beats.back().copied()
    }

    /// The last `count`, the oldest first.
    pub fn latest(&self, count: usize) -> impl ExactSizeIterator<Item = Rate> {
        self.beats.range(self.beats.len().saturating_sub(count)..).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_moved_between_two_snapshots() {
        let mut pulse = Pulse::default();
        let ms = Duration::from_millis;
        pulse.beat(ms(1_000), Bytes(50), Bytes(0));
        assert_eq!(pulse.now(), None);
        pulse.beat(ms(1_100), Bytes(60), Bytes(0));
        assert_eq!(pulse.now(), None, "too soon to tell");
        pulse.beat(ms(3_000), Bytes(2_050), Bytes(500));
        assert_eq!(pulse.now(), Some(Rate { up: Bytes(1_000), down: Bytes(250) }));
        for n in 0..2_000 {
            pulse.beat(ms(4_000 + n * 1_000), Bytes(2_050), Bytes(500));
        }
        assert_eq!((pulse.now(), pulse.latest(9_999).len()), (Some(Rate::default()), MOST));
    }
}
