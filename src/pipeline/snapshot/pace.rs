//! How often a screen is told, so that reading is hardly slowed by it.

use std::time::Duration;

/// Frames between two looks at the clock.
const FRAMES_A_LOOK: u32 = 256;
/// Between two snapshots at least.
const LEAST: Duration = Duration::from_millis(250);
/// Between two words on progress.
const PROGRESS: Duration = Duration::from_millis(200);
/// The reading goes on for so many times as long as the last snapshot took before the next is built: it costs at most a
/// twenty-sixth of the time.
const SHARE: u32 = 25;

/// When the next snapshot and the next word on progress are due.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    frames: u32,
    next: Duration,
    progress: Duration,
}

impl Pace {
    /// A pace from `now` on; the first snapshot comes early, so that a screen is not empty for long.
    pub const fn new(now: Duration) -> Self {
        Self { frames: 0, next: now.saturating_add(Duration::from_millis(60)), progress: now }
    }

    /// Counts a frame; whether it is time to look at the clock.
    #[inline]
    pub const fn is_time_to_look(&mut self) -> bool {
        self.frames += 1;
        if self.frames < FRAMES_A_LOOK {
            return false;
        }
        self.frames = 0;
        true
    }

    /// Whether a word on progress is due; if so the next is later.
    pub fn is_progress_due(&mut self, now: Duration) -> bool {
        let due = now >= self.progress;
        if due {
            self.progress = now + PROGRESS;
        }
        due
    }

    /// Whether a snapshot is due.
    pub fn is_snapshot_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// A snapshot was built from `begin` to `end`.
    pub fn took(&mut self, begin: Duration, end: Duration) {
        self.next = end + (end.saturating_sub(begin) * SHARE).max(LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_takes_long_is_followed_by_a_long_pause() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(0));
        assert!(!pace.is_snapshot_due(ms(59)) && pace.is_snapshot_due(ms(60)));
        pace.took(ms(60), ms(61));
        assert!(!pace.is_snapshot_due(ms(310)) && pace.is_snapshot_due(ms(311)), "at most four a second");
        pace.took(ms(400), ms(500));
        assert!(!pace.is_snapshot_due(ms(2_999)) && pace.is_snapshot_due(ms(3_000)));
    }
}
