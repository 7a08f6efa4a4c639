//! Local dates and times of capture time. Nights are named by the local date on which they begin.

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use crate::base::{Minute, Stamp};

/// `minute` as a local time.
pub(crate) fn local(minute: Minute, zone: Tz) -> DateTime<Tz> {
    minute.start().utc().with_timezone(&zone)
}

/// The local date of `minute`.
pub(crate) fn date(minute: Minute, zone: Tz) -> NaiveDate {
    local(minute, zone).date_naive()
}

/// `2 Jun`.
pub(crate) fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// `2 June 2026`.
pub(crate) fn full_day(date: NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

/// `2 June 2026 to 30 June 2026`, or one date where both are the same.
pub(crate) fn span(first: NaiveDate, last: NaiveDate) -> String {
    if first == last { full_day(first) } else { format!("{} to {}", full_day(first), full_day(last)) }
}

/// `2 Jun 02:31`.
pub(crate) fn moment(minute: Minute, zone: Tz) -> String {
    local(minute, zone).format("%-d %b %H:%M").to_string()
}

/// `2026-06-02 08:02:46`.
pub(crate) fn clock(stamp: Stamp, zone: Tz) -> String {
    stamp.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_named_by_the_local_date_on_which_it_begins() {
        let late = Stamp::new(1_780_352_400, 0).minute(); // 2026-06-01T22:20:00Z
        assert_eq!(date(late, Tz::UTC).to_string(), "2026-06-01");
        assert_eq!(date(late, Tz::Europe__Berlin).to_string(), "2026-06-02");
        assert_eq!(moment(late, Tz::Europe__Berlin), "2 Jun 00:20");
    }
}
