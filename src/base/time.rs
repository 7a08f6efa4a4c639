//! Moments and minutes of capture time. They come from packets, never from this machine's clock.

use std::fmt;

use chrono::{DateTime, Utc};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const NANOS_PER_MINUTE: u64 = 60 * NANOS_PER_SECOND;

/// A moment of capture, in nanoseconds since the Unix epoch (UTC).
///
/// It comes from the packet, so replaying last week's capture gives last week's verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// The moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment `seconds` and `nanos` after the epoch; a moment past the year 2554 becomes the last there is.
    pub const fn new(seconds: u64, nanos: u64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / NANOS_PER_SECOND
    }

    /// The minute this moment falls in: the ledger row its bytes are posted to.
    pub const fn minute(self) -> Minute {
        // 2^64 ns are 307 million minutes: they fit.
        Minute((self.0 / NANOS_PER_MINUTE) as u32)
    }

    /// Which second of its minute this moment is in, 0 to 59.
    pub const fn second_of_minute(self) -> u8 {
        (self.seconds() % 60) as u8
    }

    /// Nanoseconds from `earlier` to this moment; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `nanos` later.
    #[must_use]
    pub const fn plus_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The moment `seconds` later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        self.plus_nanos(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// The same moment as a UTC date and time.
    pub fn utc(self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.seconds()).unwrap_or(i64::MAX);
        let nanos = (self.0 % NANOS_PER_SECOND) as u32;
        DateTime::from_timestamp(seconds, nanos).unwrap_or_default()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.utc().format("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

/// A UTC minute, counted from the Unix epoch: the grain of the ledger.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Minute(pub u32);

impl Minute {
    /// Its first moment.
    pub const fn start(self) -> Stamp {
        Stamp((self.0 as u64).saturating_mul(NANOS_PER_MINUTE))
    }

    /// The minute `minutes` later.
    #[must_use]
    pub const fn plus(self, minutes: u32) -> Self {
        Self(self.0.saturating_add(minutes))
    }

    /// The minute `minutes` earlier, or the epoch.
    #[must_use]
    pub const fn minus(self, minutes: u32) -> Self {
        Self(self.0.saturating_sub(minutes))
    }

    /// Minutes from `earlier` to this one; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A run of minutes, `first` included and `end` not.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Span {
    /// The first minute of the run.
    pub first: Minute,
    /// The minute after the last.
    pub end: Minute,
}

impl Span {
    /// How many minutes it holds.
    pub const fn minutes(self) -> u32 {
        self.end.since(self.first)
    }

    /// Whether `minute` lies in it.
    pub const fn contains(self, minute: Minute) -> bool {
        self.first.0 <= minute.0 && minute.0 < self.end.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_knows_its_minute_and_second() {
        let stamp = Stamp::new(61, 5);
        assert_eq!(stamp.minute(), Minute(1));
        assert_eq!(stamp.second_of_minute(), 1);
        assert_eq!(stamp.minute().start(), Stamp::new(60, 0));
    }

    #[test]
    fn a_moment_beyond_all_time_is_the_last_there_is() {
        assert_eq!(Stamp::new(u64::MAX, 1).nanos(), u64::MAX);
        assert!(Stamp::new(u64::MAX, 1).to_string().starts_with("2554-"));
    }
}
