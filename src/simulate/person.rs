//! The phone's owner: when they sleep, and when they have the phone in their hands.

use super::{
    Scenario,
    calendar::{Calendar, DAY, HOUR, MINUTE, Seconds},
    chance::Chance,
    scenario::Amount,
};

/// A stretch of time, `to` not included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from: Seconds,
    pub(super) to: Seconds,
}

impl Stretch {
    pub(super) fn long(self) -> Seconds {
        (self.to - self.from).max(0.0)
    }
}

/// What an owner is like: the persona of the scenario, with everything it leaves open drawn.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    pub(super) bedtime: f64,
    bedtime_varies: f64,
    sleep_hours: f64,
    pub(super) sessions: f64,
    pub(super) messages: f64,
    pub(super) photos: f64,
    pub(super) videos: f64,
    pub(super) video_mb: f64,
    pub(super) voice_notes: f64,
    pub(super) calls: f64,
    pub(super) video_calls: f64,
    wakes: f64,
    pub(super) queued: f64,
    pub(super) browsing_mb: f64,
}

impl Habits {
    pub(super) fn draw(scenario: &Scenario, chance: &mut Chance) -> Self {
        let persona = &scenario.persona;
        let or = |given: Option<Amount>, usual: f64| given.map_or(usual, |amount| amount.0);
        let usual_bedtime = 23.75 + chance.normal(0.0, 0.7);
        let usual_sleep = 7.3 + chance.normal(0.0, 0.5);
        Self {
            bedtime: persona.bedtime.map_or(usual_bedtime, super::scenario::Clock::of_night),
            bedtime_varies: or(persona.bedtime_varies_hours, 0.6),
            sleep_hours: or(persona.sleep_hours, usual_sleep),
            sessions: chance.lognormal(or(persona.sessions_per_day, 55.0), 0.35).min(500.0),
            messages: chance.lognormal(or(persona.messages_per_day, 60.0), 0.6).min(5_000.0),
            photos: chance.lognormal(or(persona.photos_per_day, 3.0), 0.8).min(500.0),
            videos: chance.lognormal(or(persona.videos_per_day, 0.35), 0.9).min(100.0),
            video_mb: or(persona.video_mb, 7.0),
            voice_notes: chance.lognormal(or(persona.voice_notes_per_day, 2.0), 0.9).min(500.0),
            calls: chance.lognormal(or(persona.calls_per_day, 0.35), 0.8).min(50.0),
            video_calls: persona.video_calls.map_or(0.25, |share| share.0),
            wakes: or(persona.wakes_per_night, 0.35),
            queued: persona.queued_uploads.map_or(0.015, |share| share.0),
            browsing_mb: or(persona.browsing_mb_per_minute, 0.6),
        }
    }
}

/// One owner's days: sleep, and use of the phone.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) habits: Habits,
    /// Night by night, from bedtime to getting up.
    pub(super) sleeps: Vec<Stretch>,
    /// Waking times: before the first night, between nights, and after the last.
    pub(super) days: Vec<Stretch>,
    /// Uses of the phone by waking time: as many lists as `days`.
    pub(super) uses: Vec<Vec<Stretch>>,
    /// Uses in the middle of the night.
    pub(super) wakes: Vec<Stretch>,
}

impl Person {
    pub(super) fn living(habits: Habits, nights: u32, calendar: &Calendar, chance: &mut Chance) -> Self {
        let sleeps = sleeps(&habits, nights, calendar, chance);
        let days = days(&sleeps, calendar);
        let uses = days.iter().map(|day| uses_of(*day, &habits, chance)).collect();
        let wakes = sleeps.iter().flat_map(|sleep| wakes_of(*sleep, habits.wakes, chance)).collect();
        Self { habits, sleeps, days, uses, wakes }
    }

    /// All uses of the phone, day by day, those of the night last.
    pub(super) fn all_uses(&self) -> impl Iterator<Item = Stretch> + '_ {
        self.uses.iter().flatten().chain(&self.wakes).copied()
    }

    /// A moment of waking time number `day` at which the phone is in use; `None` where it never is.
    pub(super) fn moment_of_use(&self, day: usize, chance: &mut Chance) -> Option<Seconds> {
        moment_in(self.uses.get(day)?.iter().copied(), chance)
    }
}

/// A moment within one of `uses`, longer ones more likely.
pub(super) fn moment_in(uses: impl Iterator<Item = Stretch> + Clone, chance: &mut Chance) -> Option<Seconds> {
    let mut into = chance.between(0.0, uses.clone().map(Stretch::long).sum());
    for used in uses.clone() {
        if into < used.long() {
            return Some(used.from + into);
        }
        into -= used.long();
    }
    uses.last().map(|last| last.from)
}

/// What part of a whole day the waking time is, so that a half day has half of a day's messages.
pub(super) fn share_of_day(day: Stretch) -> f64 {
    (day.long() / (DAY - USUAL_SLEEP)).min(2.0)
}

const USUAL_SLEEP: Seconds = 7.3 * HOUR;

fn sleeps(habits: &Habits, nights: u32, calendar: &Calendar, chance: &mut Chance) -> Vec<Stretch> {
    let mut awake_since = calendar.from;
    let mut sleeps = Vec::with_capacity(nights as usize);
    for night in 0..nights {
        let bedtime = calendar.at(night, chance.normal(habits.bedtime, habits.bedtime_varies));
        let hours = chance.normal(habits.sleep_hours, 0.7).clamp(4.0, 11.0);
        let from = bedtime.max(awake_since + 2.0 * HOUR);
        let to = (from + hours * HOUR).min(calendar.to);
        if from < to {
            sleeps.push(Stretch { from, to });
            awake_since = to;
        }
    }
    sleeps
}

fn days(sleeps: &[Stretch], calendar: &Calendar) -> Vec<Stretch> {
    let mut from = calendar.from;
    let mut days: Vec<_> =
        sleeps.iter().map(|sleep| Stretch { from: std::mem::replace(&mut from, sleep.to), to: sleep.from }).collect();
    days.push(Stretch { from, to: calendar.to });
    days
}

/// The times a day that the phone is taken up: more of them in the evening, one that ends at bedtime.
fn uses_of(day: Stretch, habits: &Habits, chance: &mut Chance) -> Vec<Stretch> {
    if day.long() < MINUTE {
        return Vec::new();
    }
    let mut uses: Vec<_> = (0..chance.count(habits.sessions * share_of_day(day)))
        .map(|_| {
            let evening = chance.holds(EVENING);
            let from = day.from + day.long() * chance.between(if evening { 0.7 } else { 0.0 }, 1.0);
            Stretch { from, to: (from + session(chance)).min(day.to) }
        })
        .collect();
    uses.push(Stretch { from: (day.to - session(chance)).max(day.from), to: day.to });
    joined(uses)
}

/// How long the phone stays in the hand.
fn session(chance: &mut Chance) -> Seconds {
    chance.lognormal(1.6, 1.1).min(90.0) * MINUTE
}

/// Share of sessions that belong to the last three tenths of the day beyond their due.
const EVENING: f64 = 0.2;

fn wakes_of(sleep: Stretch, mean: f64, chance: &mut Chance) -> Vec<Stretch> {
    (0..chance.count(mean))
        .map(|_| {
            let from = sleep.from + sleep.long() * chance.between(0.05, 0.9);
            Stretch { from, to: (from + chance.between(1.0, 9.0) * MINUTE).min(sleep.to) }
        })
        .collect()
}

/// `stretches` in order, those that overlap made one.
fn joined(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_by(|a, b| a.from.total_cmp(&b.from));
    stretches.dedup_by(|next, last| {
        let overlap = next.from <= last.to;
        if overlap {
            last.to = last.to.max(next.to);
        }
        overlap
    });
    stretches
}
