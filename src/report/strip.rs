//! One character for each night, by the logarithm of what went up in it while nobody used the device.

use super::look::Glyphs;
use crate::{base::Bytes, night::Night};

/// A night of which less than this share was observed says nothing, and is marked so.
const OBSERVED_ENOUGH: f64 = 0.5;

/// Where the levels end: each is about five times the one before.
const LIMITS: [Bytes; 5] = [Bytes::kb(100), Bytes::mb(1), Bytes::mb(5), Bytes::mb(25), Bytes::mb(100)];

/// What a night shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) enum Level {
    /// Too little of it was observed.
    Unobserved,
    /// By volume, 0 to 5.
    Volume(usize),
}

/// The levels by volume, in words, least first.
pub(super) const LEVEL_WORDS: [&str; 6] =
    ["under 0.1 MB", "0.1 to 1 MB", "1 to 5 MB", "5 to 25 MB", "25 to 100 MB", "over 100 MB"];

impl Level {
    /// What `night` shows.
    pub(super) fn of(night: &Night) -> Self {
        if night.coverage < OBSERVED_ENOUGH { Self::Unobserved } else { Self::of_volume(night.unattended_up) }
    }

    /// The level of `volume`.
    pub(super) fn of_volume(volume: Bytes) -> Self {
        Self::Volume(LIMITS.iter().filter(|limit| volume >= **limit).count())
    }

    /// The character it is drawn with.
    pub(super) fn glyph(self, glyphs: Glyphs) -> char {
        let ramp = match glyphs {
            Glyphs::Unicode => ['·', '▁', '▂', '▄', '▆', '█'],
            Glyphs::Ascii => ['.', '-', '+', '*', '#', '@'],
        };
        match self {
            Self::Unobserved => '?',
            Self::Volume(n) => ramp.get(n).copied().unwrap_or('?'),
        }
    }
}

/// The levels that occur in `nights`, each once, least first.
pub(super) fn levels_met(nights: &[Night]) -> Vec<Level> {
    let met: Vec<_> = nights.iter().map(Level::of).collect();
    let volumes = (0..LEVEL_WORDS.len()).map(Level::Volume);
    volumes.chain([Level::Unobserved]).filter(|level| met.contains(level)).collect()
}

/// What a level means.
pub(super) fn meaning(level: Level) -> &'static str {
    match level {
        Level::Unobserved => "not observed",
        Level::Volume(n) => LEVEL_WORDS.get(n).copied().unwrap_or("?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(coverage: f64, up: u64) -> Night {
        Night { coverage, unattended_up: Bytes(up), ..Night::default() }
    }

    #[test]
    fn more_volume_never_shows_less() {
        let shown: Vec<_> = [0, 99_999, 100_000, 1_000_000, 5_000_000, 25_000_000, 100_000_000, u64::MAX]
            .map(|up| Level::of(&night(1.0, up)).glyph(Glyphs::Ascii))
            .into();
        assert_eq!(shown.iter().collect::<String>(), "..-+*#@@");
    }

    #[test]
    fn a_night_hardly_observed_shows_no_volume() {
        assert_eq!(Level::of(&night(0.49, 9_000_000)), Level::Unobserved);
        assert_eq!(Level::of(&night(0.5, 9_000_000)), Level::Volume(3));
    }
}
