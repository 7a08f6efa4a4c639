//! Values: sizes, counts, lengths of time, dates, hours, moments, and ranges of them.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::{
    FilterError,
    lex::{Relation, Word},
};

/// From and to, both included.
pub(super) type Range<T> = RangeInclusive<T>;

/// A range that is written `a..b`, `a`, or with a relation in front.
pub(super) fn range<T: Copy + Ord>(
    word: &Word,
    relation: Relation,
    read: impl Fn(&str) -> Option<T>,
    least: T,
    most: T,
    wanted: &str,
) -> Result<Range<T>, FilterError> {
    let wrong = || FilterError::new(word.at.clone(), format!("{} is no {wanted}", quoted(&word.text)));
    let open = |text: &str, end: T| if text.is_empty() { Some(end) } else { read(text) };
    if let Some((from, to)) = word.text.split_once("..").filter(|_| relation == Relation::Is) {
        let (from, to) = open(from, least).zip(open(to, most)).ok_or_else(wrong)?;
        if from > to {
            return Err(FilterError::new(word.at.clone(), "the range ends before it begins"));
        }
        return Ok(from..=to);
    }
    let value = read(&word.text).ok_or_else(wrong)?;
    Ok(match relation {
        Relation::Is | Relation::Like => value..=value,
        Relation::Above | Relation::AtLeast => value..=most,
        Relation::Below | Relation::AtMost => least..=value,
    })
}

/// Numbers with a relation, which may leave the number itself out.
pub(super) fn numbers(
    word: &Word,
    relation: Relation,
    read: impl Fn(&str) -> Option<u64>,
    wanted: &str,
) -> Result<Range<u64>, FilterError> {
    let found = range(word, relation, read, 0, u64::MAX, wanted)?;
    Ok(match relation {
        Relation::Above => found.start().saturating_add(1)..=*found.end(),
        Relation::Below => match found.end().checked_sub(1) {
            Some(end) => *found.start()..=end,
            None => return Err(FilterError::new(word.at.clone(), "nothing is less than that")),
        },
        _ => found,
    })
}

/// `5MB`, `0.5 GB`, `700`, `64KiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 9] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
    ];
    scaled(text.to_lowercase().trim_end_matches(' '), &UNITS).or_else(|| {
        let bytes = text.strip_suffix(['b', 'B'])?;
        bytes.trim_end().parse().ok()
    })
}

/// `90s`, `15m`, `2h`, `1d`, in seconds.
pub(super) fn length(text: &str) -> Option<u64> {
    scaled(text, &[("s", 1), ("min", 60), ("m", 60), ("h", 3_600), ("d", 86_400)])
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit = units.iter().find_map(|(unit, times)| Some((text.strip_suffix(unit)?, *times)));
    let (number, times) = unit.unwrap_or((text, 1));
    let number = number.trim_end();
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(times);
    }
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = number.parse().ok().filter(|_| plain && times > 1)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: positive and in range")]
    (value * times as f64 <= 1e18).then_some((value * times as f64) as u64)
}

/// A plain number.
pub(super) fn count(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// `2026-06-03`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// `2026-06-03T02:30`, with seconds or without, or a whole date, by the clock of the zone shown.
pub(super) fn moment(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| Some(date(text)?.and_time(NaiveTime::MIN)))
}

/// Minutes of the day, from and until; until the same: the whole day. `1-5` is from 01:00 until 05:00, `22-6` goes over
/// midnight, `3` is from 03:00 until 04:00, `01:30-02:15` is by the minute.
pub(super) fn hours(word: &Word) -> Result<(u32, u32), FilterError> {
    let wrong = || {
        let what = format!("{} is no hours: want 1-5, 22-6, 3 or 01:30-02:15", quoted(&word.text));
        FilterError::new(word.at.clone(), what)
    };
    let minute = |text: &str| -> Option<u32> {
        if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
            return Some(time.hour() * 60 + time.minute());
        }
        text.parse::<u32>().ok().filter(|hour| *hour <= 24).map(|hour| hour * 60 % 1_440)
    };
    let ends = word.text.split_once("..").or_else(|| word.text.split_once('-'));
    match ends {
        Some((from, to)) => minute(from).zip(minute(to)).ok_or_else(wrong),
        None => minute(&word.text).map(|from| (from, (from + 60) % 1_440)).ok_or_else(wrong),
    }
}

/// Any date, for open ranges.
pub(super) const FIRST_DATE: NaiveDate = NaiveDate::MIN;
/// See [`FIRST_DATE`].
pub(super) const LAST_DATE: NaiveDate = NaiveDate::MAX;
/// Any moment, for open ranges.
pub(super) const FIRST_MOMENT: NaiveDateTime = DateTime::UNIX_EPOCH.naive_utc();
/// See [`FIRST_MOMENT`].
pub(super) const LAST_MOMENT: NaiveDateTime = NaiveDateTime::MAX;

/// A value as an error names it.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", crate::base::text::shown(text, 40))
}
