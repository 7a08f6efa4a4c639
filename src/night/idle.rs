//! How many names a phone looks up by itself, and so how many it takes to show a person.
//!
//! Apps look names up while nobody is there, some phones' far more than others'. In the six hours in which fewest windows
//! of five minutes hold a name, the share `p` of empty windows gives the rate, `-ln p` a window (Poisson): looks at the
//! phone and the system's chores fill few windows, and hardly move it. Taken from all subjects together; a subject that
//! adds names raises what is asked of a person, which counts against it.

use crate::{
    base::Minute,
    night::{Settings, spans::Spans},
};

/// Distinct names that show a person on one phone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Needed {
    /// Within [`Settings::name_window`].
    pub(super) within: u32,
    /// Around the beginning of an upload.
    pub(super) around: u32,
}

impl Needed {
    /// What the settings ask for, or as many more as would be rare on a phone that lies idle. `touches` are the foreground
    /// names with their minutes, ascending.
    pub(super) fn of(
        touches: impl Iterator<Item = (Minute, u32)> + Clone,
        observed: &Spans,
        settings: &Settings,
    ) -> Self {
        let a_minute = idle_rate(touches, observed);
        let width = f64::from(settings.name_window.max(1));
        let rare = |least: u32, mean: f64, share: f64| {
            let most = least.max(MOST_NAMES);
            (least.max(1)..most).find(|&names| at_least(names, mean) <= share).unwrap_or(most)
        };
        Self {
            within: rare(settings.names, a_minute * width, RARELY_ATTENDED),
            around: rare(settings.names_around, a_minute * (2.0 * width - 1.0), RARELY_BEGUN),
        }
    }
}

/// The share of idle windows that may pass for attended, and of uploads that may pass for begun by a person.
const RARELY_ATTENDED: f64 = 0.002;
const RARELY_BEGUN: f64 = 0.025;
/// More names than this within minutes are a person's whatever the phone does by itself.
const MOST_NAMES: u32 = 8;

/// Minutes in a window, and windows that must have been seen to tell a rate: six hours.
const WINDOW: u32 = 5;
const FEWEST_WINDOWS: f64 = 72.0;

/// Names a minute that the phone looks up in its quietest six hours of the day.
fn idle_rate(touches: impl Iterator<Item = (Minute, u32)> + Clone, observed: &Spans) -> f64 {
    let (mut all, mut filled) = ([0_u32; 24], [0_u32; 24]);
    let hour = |window: u32| (window / (60 / WINDOW) % 24) as usize;
    for run in observed.runs() {
        let (first, end) = (run.first.0.div_ceil(WINDOW), run.end.0 / WINDOW);
        let days = end.saturating_sub(first) / WINDOWS_A_DAY;
        for count in &mut all {
            *count = count.saturating_add(days * (60 / WINDOW));
        }
        for window in first + days * WINDOWS_A_DAY..end {
            all[hour(window)] += 1;
        }
    }
    let clockwork = clockwork(touches.clone(), all.iter().map(|count| u64::from(*count)).sum());
    let mut last = None;
    for (minute, name) in touches {
        let window = minute.0 / WINDOW;
        if !clockwork.contains(&name) && last.replace(window) != Some(window) {
            filled[hour(window)] += 1;
        }
    }
    let sum = |counts: &[u32; 24], first: usize| (first..first + 6).map(|at| f64::from(counts[at % 24])).sum::<f64>();
    let quiet = (0..24).filter(|&first| sum(&all, first) >= FEWEST_WINDOWS);
    let share = quiet.map(|first| sum(&filled, first) / sum(&all, first)).fold(f64::INFINITY, f64::min);
    if share.is_finite() { -(1.0 - share.min(0.99)).ln() / f64::from(WINDOW) } else { 0.0 }
}

const WINDOWS_A_DAY: u32 = 1_440 / WINDOW;

/// Names that come round in a tenth of all windows: one name again and again is no crowd of names, and must not raise
/// what is asked of a person.
fn clockwork(touches: impl Iterator<Item = (Minute, u32)>, windows: u64) -> Vec<u32> {
    let mut times: Vec<(u64, u32)> = Vec::new();
    for (minute, name) in touches.filter(|touch| touch.1 < MOST_KNOWN) {
        let at = name as usize;
        if times.len() <= at {
            times.resize(at + 1, (0, u32::MAX));
        }
        let window = minute.0 / WINDOW;
        if times[at].1 != window {
            times[at] = (times[at].0 + 1, window);
        }
    }
    let often = (0_u32..).zip(&times).filter(|(_, (times, _))| times * 10 > windows);
    often.map(|(name, _)| name).collect()
}

/// Names are numbered as they come; those of a ledger with more are not looked at one by one.
const MOST_KNOWN: u32 = 1 << 18;

/// The chance of so many of something that happens `mean` times on average (Poisson).
fn at_least(count: u32, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for n in 0..count {
        below += term;
        term *= mean / f64::from(n + 1);
    }
    (1.0 - below).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    /// Twenty days with a name every `pause` minutes by night, and every minute by day.
    fn needed(pause: u32) -> Needed {
        let observed = Spans::new(vec![Span { first: Minute(0), end: Minute(20 * 1_440) }]);
        let by_night = |minute: &u32| *minute % 1_440 >= 480 || minute.is_multiple_of(pause);
        let touches = (0..20 * 1_440).filter(by_night).map(|minute| (Minute(minute), minute % 300));
        Needed::of(touches, &observed, &Settings::default())
    }

    #[test]
    fn a_noisy_phone_needs_more_names_and_a_quiet_one_those_of_the_settings() {
        assert_eq!(needed(60), Needed { within: 4, around: 3 });
        let noisy = needed(7);
        assert!(noisy.within > 4 && noisy.around > 4, "{noisy:?}");
        assert_eq!(needed(1), Needed { within: MOST_NAMES, around: MOST_NAMES });
    }

    #[test]
    fn what_was_hardly_seen_is_taken_for_quiet() {
        let hour = Spans::new(vec![Span { first: Minute(0), end: Minute(60) }]);
        let touches = (0..60).map(|minute| (Minute(minute), minute));
        assert_eq!(Needed::of(touches, &hour, &Settings::default()), Needed { within: 4, around: 3 });
    }

    #[test]
    fn one_name_again_and_again_raises_nothing() {
        let observed = Spans::new(vec![Span { first: Minute(0), end: Minute(20 * 1_440) }]);
        let touches = (0..20 * 1_440).step_by(5).map(|minute| (Minute(minute), 7));
        assert_eq!(Needed::of(touches, &observed, &Settings::default()), Needed { within: 4, around: 3 });
    }

    #[test]
    fn poisson_by_hand() {
        assert!((at_least(1, 0.5) - (1.0 - (-0.5_f64).exp())).abs() < 1e-12);
        assert!((at_least(3, 2.7) - 0.506_4).abs() < 1e-3, "{}", at_least(3, 2.7));
        assert!(at_least(0, 3.0) >= 1.0);
    }
}
