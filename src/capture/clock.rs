//! An interface's clock: how its ticks become nanoseconds since the epoch (pcapng `if_tsresol`, `if_tsoffset`).

use crate::base::Stamp;

/// Resolution and offset of a pcapng interface's stamps. Microseconds since the epoch unless it says otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Clock {
    tick: Tick,
    /// Seconds to add.
    offset: i64,
}

/// How long a tick is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tick {
    /// So many nanoseconds.
    Nanos(u64),
    /// A nanosecond is so many ticks.
    PerNano(u64),
    /// 2^-n seconds.
    Binary(u8),
}

impl Default for Clock {
    fn default() -> Self {
        Self { tick: Tick::Nanos(1_000), offset: 0 }
    }
}

impl Clock {
    /// Sets the resolution as `if_tsresol` writes it: a negative power of ten, or of two with the high bit set.
    pub(super) fn set_resolution(&mut self, resolution: u8) {
        let power = resolution & 0x7f;
        self.tick = match resolution {
            0x80.. => Tick::Binary(power),
            0..=9 => Tick::Nanos(10_u64.pow(9 - u32::from(power))),
            // Finer than 10^-28 seconds, 64 bits of ticks are no nanosecond.
            _ => Tick::PerNano(10_u64.checked_pow(u32::from(power) - 9).unwrap_or(u64::MAX)),
        };
    }

    /// Sets what `if_tsoffset` adds, in seconds.
    pub(super) fn set_offset(&mut self, seconds: i64) {
        self.offset = seconds;
    }

    /// The moment that `ticks` name. One before the epoch becomes the epoch.
    pub(super) fn stamp(self, ticks: u64) -> Stamp {
        let nanos = match self.tick {
            Tick::Nanos(each) => ticks.saturating_mul(each),
            Tick::PerNano(each) => ticks / each,
            Tick::Binary(power) => {
                let nanos = (u128::from(ticks) * NANOS).checked_shr(power.into()).unwrap_or(0);
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        if self.offset == 0 {
            return Stamp::from_nanos(nanos);
        }
        let shifted = i128::from(nanos) + i128::from(self.offset) * NANOS.cast_signed();
        Stamp::from_nanos(u64::try_from(shifted.max(0)).unwrap_or(u64::MAX))
    }
}

const NANOS: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(resolution: u8, offset: i64) -> Clock {
        let mut clock = Clock::default();
        clock.set_resolution(resolution);
        clock.set_offset(offset);
        clock
    }

    #[test]
    fn ticks_of_any_resolution_become_nanoseconds() {
        let one_and_a_half = Stamp::new(1, 500_000_000);
        for (resolution, ticks) in [
            (3, 1_500),
            (6, 1_500_000),
            (9, 1_500_000_000),
            (12, 1_500_000_000_000),
            (0x80 | 1, 3),
            (0x80 | 32, 3 << 31),
        ] {
            assert_eq!(clock(resolution, 0).stamp(ticks), one_and_a_half, "if_tsresol {resolution:#x}");
        }
        assert_eq!(Clock::default().stamp(1_500_000), one_and_a_half);
        assert_eq!(clock(0, 0).stamp(3), Stamp::new(3, 0));
    }

    #[test]
    fn an_offset_is_in_seconds_and_may_be_negative() {
        assert_eq!(clock(0, 1_000).stamp(5), Stamp::new(1_005, 0));
        assert_eq!(clock(0, -3).stamp(5), Stamp::new(2, 0));
        assert_eq!(clock(0, -9).stamp(5), Stamp::default());
    }

    #[test]
    fn no_resolution_overflows() {
        for resolution in 0..=u8::MAX {
            clock(resolution, i64::MIN).stamp(u64::MAX);
            clock(resolution, i64::MAX).stamp(u64::MAX);
        }
        assert_eq!(clock(0x7f, 0).stamp(u64::MAX - 1), Stamp::default());
    }
}
