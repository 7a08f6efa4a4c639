//! Local days and hours become moments: the owner's clock, with its time zone and travel.

use chrono::{Days, NaiveDate, TimeZone};
use chrono_tz::Tz;

use super::{Amount, Scenario, scenario::Travel};
use crate::base::{Minute, Span, Stamp};

/// Seconds after the midnight that day 0 begins with: the model's own time.
pub(super) type Seconds = f64;

pub(super) const MINUTE: Seconds = 60.0;
pub(super) const HOUR: Seconds = 3_600.0;
pub(super) const DAY: Seconds = 86_400.0;

/// When which local hour comes, from the first captured moment to the last.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    origin: Stamp,
    start: NaiveDate,
    zone: Tz,
    travel: Vec<Travel>,
    /// Seconds that the sensor's clock gains in each.
    gain: f64,
    /// When it is put forward, and by how much.
    jump: (Seconds, Seconds),
    /// When the capture begins and ends.
    pub(super) from: Seconds,
    pub(super) to: Seconds,
}

impl Calendar {
    /// The days of `scenario`, captured from twelve hours before the owner's usual `bedtime` (local hours).
    pub(super) fn of(scenario: &Scenario, bedtime: f64) -> Self {
        let origin = midnight(scenario.start, scenario.timezone);
        let from = (bedtime.round() - 12.0).max(0.0) * HOUR;
        let minutes = |amount: Option<Amount>| amount.map_or(0.0, |amount| amount.0 * MINUTE);
        let middle = from + f64::from(scenario.nights) * DAY / 2.0;
        Self {
            gain: minutes(scenario.coverage.clock_gains_minutes_per_day) / DAY,
            jump: (middle, minutes(scenario.coverage.clock_jumps_ahead_minutes)),
            origin,
            start: scenario.start,
            zone: scenario.timezone,
            travel: scenario.travel.clone(),
            from,
            to: from + f64::from(scenario.nights) * DAY,
        }
    }

    /// When the owner's clock shows `hour` (24 and more: the next morning) of `day`.
    pub(super) fn at(&self, day: u32, hour: f64) -> Seconds {
        let midnight = midnight(self.date(day), self.zone);
        let ahead = self.travel.iter().filter(|t| t.from_day <= day && t.until_day.is_none_or(|until| day < until));
        let ahead: i32 = ahead.map(|t| t.minutes_ahead).sum();
        midnight.since(self.origin) as f64 / 1e9 + hour * HOUR - f64::from(ahead) * MINUTE
    }

    /// The date of `day`.
    pub(super) fn date(&self, day: u32) -> NaiveDate {
        self.start.checked_add_days(Days::new(day.into())).unwrap_or(self.start)
    }

    /// The moment `seconds` after day 0 began, as the sensor's clock shows it.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a year of nanoseconds fits")]
    pub(super) fn moment(&self, seconds: Seconds) -> Stamp {
        let gained = (seconds - self.from).max(0.0) * self.gain;
        let jumped = if seconds < self.jump.0 { 0.0 } else { self.jump.1 };
        self.origin.plus_nanos(((seconds.max(0.0) + gained + jumped) * 1e6) as u64 * 1_000)
    }

    /// The minutes captured.
    pub(super) fn span(&self) -> Span {
        Span { first: self.moment(self.from).minute(), end: self.moment(self.to).minute() }
    }

    /// Which day of the capture, counted from 0 and cut where the capture begins, `minute` lies in.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of nights")]
    pub(super) fn night_of(&self, minute: Minute) -> u32 {
        let day = DAY / MINUTE * (1.0 + self.gain);
        (f64::from(minute.since(self.span().first)) / day) as u32
    }
}

/// The first moment of `date` in `zone`; where clocks skip it, an hour later.
fn midnight(date: NaiveDate, zone: Tz) -> Stamp {
    let local = date.and_time(chrono::NaiveTime::MIN);
    let utc = zone
        .from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest())
        .map_or(0, |moment| moment.timestamp());
    Stamp::new(u64::try_from(utc).unwrap_or_default(), 0)
}
