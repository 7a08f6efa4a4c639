//! The owner's word for when a device was in use, instead of what its traffic shows.

use chrono::{Datelike, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::{
    base::{Minute, Span},
    night::{settings::Declared, spans::Spans},
};

/// The minutes in use by what the owner said, over the days that `observed` reaches.
pub(super) fn in_use(said: &Declared, hold: u32, observed: &Spans) -> Spans {
    match said {
        Declared::InUse(runs) => {
            Spans::new(runs.iter().map(|run| Span { first: run.first, end: run.end.plus(hold) }).collect())
        }
        Declared::Asleep { from, to, zone } => {
            let mut asleep = Vec::new();
            let mut reached = Vec::new();
            for run in observed.runs() {
                let days = local_day(run.first, *zone).zip(local_day(run.end, *zone));
                let Some((first, last)) = days else { continue };
                let mut day = first - TimeDelta::days(1);
                while day <= last {
                    asleep.extend(rest_on(day, *from, *to, *zone));
                    day += TimeDelta::days(1);
                }
                reached.push(Span { first: run.first.minus(DAY), end: run.end.plus(DAY) });
            }
            Spans::new(reached).without(&Spans::new(asleep))
        }
    }
}

const DAY: u32 = 1_440;

fn local_day(minute: Minute, zone: Tz) -> Option<NaiveDate> {
    let local = minute.start().utc().with_timezone(&zone).date_naive();
    (1900..9000).contains(&local.year()).then_some(local)
}

/// The rest that begins on the local date `day`. Where a clock change skips or repeats a time of day, the reading that
/// makes the rest shorter is taken: a minute in doubt counts as in use.
fn rest_on(day: NaiveDate, from: u16, to: u16, zone: Tz) -> Option<Span> {
    let ends = if to <= from { day + TimeDelta::days(1) } else { day };
    let at = |day: NaiveDate, minute: u16| {
        let local = day.and_hms_opt(0, 0, 0)? + TimeDelta::minutes(i64::from(minute));
        let shifted = local + TimeDelta::hours(1);
        let moment = zone.from_local_datetime(&local);
        Some((moment.earliest().or(zone.from_local_datetime(&shifted).earliest())?, moment.latest()))
    };
    let (begin, late_begin) = at(day, from)?;
    let (end, _) = at(ends, to)?;
    let minute = |seconds: i64| u32::try_from(seconds.div_euclid(60)).ok().map(Minute);
    Some(Span { first: minute(late_begin.unwrap_or(begin).timestamp())?, end: minute(end.timestamp())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_hours_follow_the_local_clock_through_a_clock_change() {
        let said = Declared::Asleep { from: 23 * 60, to: 7 * 60, zone: chrono_tz::Europe::Berlin };
        let day = |d: u32| {
            let date = NaiveDate::from_ymd_opt(2026, 3, d).unwrap().and_hms_opt(0, 0, 0).unwrap();
            Minute(u32::try_from(date.and_utc().timestamp() / 60).unwrap())
        };
        let observed = Spans::new(vec![Span { first: day(27), end: day(31) }]);
        let used = in_use(&said, 20, &observed);
        // 22:00 UTC to 06:00 UTC before the change of 29 March, an hour earlier after it; seven hours on the night itself.
        assert!(used.contains(day(28).minus(121)) && !used.contains(day(28).minus(120)));
        assert!(!used.contains(day(28).plus(359)) && used.contains(day(28).plus(360)));
        assert!(!used.contains(day(29).plus(299)) && used.contains(day(29).plus(300)));
        assert!(used.contains(day(30).minus(181)) && !used.contains(day(30).minus(180)));
    }
}
