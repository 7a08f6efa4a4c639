//! Whether uploads keep to a time of day. It is shown, never required: a scheduler that waits for rest drifts.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    base::Minute,
    night::{ClockHabit, Settings, cycle::DAY, spans::Spans},
};

/// How closely `starts` keep to one time of day, compared with as many moments drawn from the minutes `unattended`.
///
/// Rayleigh's own table would not do: unattended minutes are themselves not spread evenly round the clock, and any
/// subject would seem to keep to the night.
pub(super) fn habit(starts: &[Minute], unattended: &Spans, settings: &Settings) -> Option<ClockHabit> {
    if starts.len() < settings.needed_nights as usize || unattended.is_empty() {
        return None;
    }
    let starts = starts.get(starts.len().saturating_sub(MOST)..).unwrap_or_default();
    let face = face();
    let (concentration, angle) = resultant(starts.iter().copied(), &face);
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let times = TimesOfDay::of(unattended);
    let mut draw = || times.nth(random.random_range(0..times.count()));
    let as_close = (0..PERMUTATIONS).filter(|_| resultant(starts.iter().map(|_| draw()), &face).0 >= concentration);
    let as_close = u32::try_from(as_close.count()).unwrap_or(PERMUTATIONS);
    let turn = angle.rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
    let minute = (0..DAY).take_while(|&minute| f64::from(minute) <= turn * f64::from(DAY)).last().unwrap_or(0);
    Some(ClockHabit {
        minute: u16::try_from(minute).unwrap_or(0),
        concentration,
        p_value: f64::from(as_close + 1) / f64::from(PERMUTATIONS + 1),
    })
}

const PERMUTATIONS: u32 = 99;
/// Of more uploads, the latest so many are looked at.
const MOST: usize = 100;

/// How many minutes of a set fall on each minute of the day.
struct TimesOfDay {
    /// Minutes up to and with each minute of the day.
    until: Vec<u64>,
    /// Where in `until` each of as many equal parts of the whole begins.
    guide: Vec<u32>,
}

impl TimesOfDay {
    fn of(minutes: &Spans) -> Self {
        // A run adds one from its first minute of the day on and takes it back at its end, round the clock.
        let mut steps = vec![0_i64; DAY as usize + 1];
        let mut whole_days = 0;
        for run in minutes.runs() {
            whole_days += u64::from(run.minutes() / DAY);
            let (first, rest) = ((run.first.0 % DAY) as usize, (run.minutes() % DAY) as usize);
            let end = first + rest;
            steps[first] += 1;
            steps[end.min(DAY as usize)] -= 1;
            if end > DAY as usize {
                steps[0] += 1;
                steps[end - DAY as usize] -= 1;
            }
        }
        let (mut level, mut sum) = (0_i64, 0_u64);
        let mut until = Vec::with_capacity(DAY as usize);
        for step in steps.iter().take(DAY as usize) {
            level += step;
            sum += whole_days + u64::try_from(level).unwrap_or(0);
            until.push(sum);
        }
        let parts = (0..u64::from(DAY)).map(|part| part * sum / u64::from(DAY));
        let mut at = 0;
        let guide = parts.map(|part| {
            while until.get(at).is_some_and(|until| *until <= part) {
                at += 1;
            }
            u32::try_from(at).unwrap_or(0)
        });
        Self { guide: guide.collect(), until }
    }

    fn count(&self) -> u64 {
        self.until.last().copied().unwrap_or(0)
    }

    /// The minute of the day of minute number `index`, counted by time of day.
    fn nth(&self, index: u64) -> Minute {
        let part = index * u64::from(DAY) / self.count().max(1);
        let mut at = usize::try_from(part).ok().and_then(|part| self.guide.get(part)).copied().unwrap_or(0);
        while self.until.get(at as usize).is_some_and(|until| *until <= index) {
            at += 1;
        }
        Minute(at)
    }
}

/// Each minute of the day as a point on a clock face.
fn face() -> Vec<(f64, f64)> {
    let angle = |minute: u32| f64::from(minute) / f64::from(DAY) * std::f64::consts::TAU;
    (0..DAY).map(|minute| angle(minute).sin_cos()).collect()
}

/// The mean of the starts as points on a clock face: its length, 0 to 1, and its angle.
fn resultant(starts: impl ExactSizeIterator<Item = Minute>, face: &[(f64, f64)]) -> (f64, f64) {
    let count = starts.len().max(1) as f64;
    let points = starts.filter_map(|start| face.get((start.0 % DAY) as usize));
    let (y, x) = points.fold((0.0, 0.0), |(y, x), (sin, cos)| (y + sin, x + cos));
    (x.hypot(y) / count, y.atan2(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    fn nights() -> Spans {
        Spans::new((0..28).map(|day| Span { first: Minute(day * DAY), end: Minute(day * DAY + 480) }).collect())
    }

    #[test]
    fn a_fixed_hour_is_seen_and_the_night_alone_is_none() {
        let settings = Settings::default();
        let fixed: Vec<_> = (0..28).map(|day| Minute(day * DAY + 180 + day * 7 % 30)).collect();
        let habit = super::habit(&fixed, &nights(), &settings).unwrap();
        assert!((180..210).contains(&habit.minute) && habit.concentration > 0.99 && habit.p_value <= 0.01, "{habit:?}");
        let anywhere: Vec<_> = (0..28).map(|day| Minute(day * DAY + day * 197 % 480)).collect();
        let habit = super::habit(&anywhere, &nights(), &settings).unwrap();
        assert!(habit.p_value > 0.05, "it is night, but no hour of the night: {habit:?}");
    }

    #[test]
    fn every_minute_of_a_set_is_drawn_by_its_time_of_day() {
        let run = |first: u32, end: u32| Span { first: Minute(first), end: Minute(end) };
        let spans = Spans::new(vec![run(1_430, 1_450), run(5_000, 5_003), run(10_000, 13_100)]);
        let times = TimesOfDay::of(&spans);
        assert_eq!(times.count(), spans.minutes());
        let mut drawn: Vec<_> = (0..times.count()).map(|index| times.nth(index).0).collect();
        let mut right: Vec<_> = spans.runs().iter().flat_map(|run| run.first.0..run.end.0).map(|m| m % DAY).collect();
        drawn.sort_unstable();
        right.sort_unstable();
        assert_eq!(drawn, right);
    }

    #[test]
    fn too_few_uploads_have_no_habit() {
        assert_eq!(habit(&[Minute(3); 4], &nights(), &Settings::default()), None);
        assert_eq!(habit(&[Minute(3); 9], &Spans::EMPTY, &Settings::default()), None);
    }
}
