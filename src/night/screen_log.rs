//! A log of when the screen was on, as its owner exports it: CSV in, minutes in use out.
//!
//! Columns are found by name, and others are passed over: `from,to` for a row per use, or `time,state` for a row per
//! change. Times are ISO 8601; one without a zone is local.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::{
    base::{Minute, Span},
    night::Declared,
};

/// A row of a screen log that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScreenLogError {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong and what would mend it.
    pub what: String,
}

/// Which of two readings of a local time is meant, where a clock change makes two of one.
#[derive(Clone, Copy)]
enum Reading {
    Earlier,
    Later,
}

/// Reads a screen log. Nothing is known before its first and after its last entry, so these times count as in use: a
/// log that ends early must not make the nights after it look unattended.
pub fn screen_log(text: &str, zone: Tz) -> Result<Declared, ScreenLogError> {
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let headings = rows.headers().map_err(|error| unreadable(&error))?.clone();
    let column = |name: &str| headings.iter().position(|heading| heading.eq_ignore_ascii_case(name));
    let mut runs = match (column("from"), column("to"), column("time"), column("state")) {
        (Some(from), Some(to), ..) => uses(rows, from, to, zone)?,
        (_, _, Some(time), Some(state)) => changes(rows, time, state, zone)?,
        _ => {
            let what = "the first line must name the columns: from,to or time,state".to_owned();
            return Err(ScreenLogError { line: 1, what });
        }
    };
    let known = runs.iter().map(|run| run.first).min().zip(runs.iter().map(|run| run.end).max());
    let Some((first, end)) = known else {
        return Err(ScreenLogError { line: 2, what: "the log holds no time at which the screen was on".to_owned() });
    };
    runs.push(Span { first: Minute(0), end: first });
    runs.push(Span { first: end, end: Minute(u32::MAX) });
    runs.sort_unstable();
    Ok(Declared::InUse(runs))
}

type Rows<'a> = csv::Reader<&'a [u8]>;

fn uses(mut rows: Rows<'_>, from: usize, to: usize, zone: Tz) -> Result<Vec<Span>, ScreenLogError> {
    let mut runs = Vec::new();
    for record in rows.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let first = time(&record, from, line, zone, Reading::Earlier)?;
        let last = time(&record, to, line, zone, Reading::Later)?;
        if last < first {
            return Err(ScreenLogError { line, what: "it ends before it begins".to_owned() });
        }
        runs.push(Span { first, end: last.plus(1) });
    }
    Ok(runs)
}

fn changes(mut rows: Rows<'_>, at: usize, state: usize, zone: Tz) -> Result<Vec<Span>, ScreenLogError> {
    let mut changes = Vec::new();
    for record in rows.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let on = match record.get(state).unwrap_or_default().to_lowercase().as_str() {
            "on" | "1" | "true" => true,
            "off" | "0" | "false" => false,
            other => {
                let what = format!("{:?} is no state: write on or off", crate::base::text::shown(other, 40));
                return Err(ScreenLogError { line, what });
            }
        };
        let reading = if on { Reading::Earlier } else { Reading::Later };
        changes.push((time(&record, at, line, zone, reading)?, on));
    }
    changes.sort_by_key(|change| change.0);
    let (mut runs, mut since) = (Vec::new(), None);
    for (minute, on) in changes {
        if on {
            since.get_or_insert(minute);
        } else if let Some(first) = since.take() {
            runs.push(Span { first, end: minute.plus(1) });
        }
    }
    // Nobody knows how long the last use lasted; at least it began.
    runs.extend(since.map(|first| Span { first, end: first.plus(1) }));
    Ok(runs)
}

fn time(
    record: &csv::StringRecord,
    column: usize,
    line: u64,
    zone: Tz,
    reading: Reading,
) -> Result<Minute, ScreenLogError> {
    let text = record.get(column).unwrap_or_default();
    let seconds = zoned(text).or_else(|| local(text, zone, reading));
    let minute = seconds.and_then(|seconds| u32::try_from(seconds.div_euclid(60)).ok());
    minute.map(Minute).ok_or_else(|| ScreenLogError {
        line,
        what: format!(
            "{:?} is no time since 1970: write it as 2026-06-01T22:10:00+02:00, or without a zone for local time",
            crate::base::text::shown(text, 40)
        ),
    })
}

fn zoned(text: &str) -> Option<i64> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"];
    let spelled = text.strip_suffix(['Z', 'z']).map(|head| format!("{}+00:00", head.trim_end()));
    let text = spelled.as_deref().unwrap_or(text);
    forms.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()).map(|moment| moment.timestamp())
}

fn local(text: &str, zone: Tz, reading: Reading) -> Option<i64> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    let moment = zone.from_local_datetime(&local);
    let skipped = || zone.from_local_datetime(&local.checked_add_signed(TimeDelta::hours(1))?).earliest();
    let read = match reading {
        Reading::Earlier => moment.earliest(),
        Reading::Later => moment.latest(),
    };
    read.or_else(skipped).map(|moment| moment.timestamp())
}

fn unreadable(error: &csv::Error) -> ScreenLogError {
    let line = error.position().map_or(1, csv::Position::line);
    ScreenLogError { line, what: "not readable as CSV text in UTF-8".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = Tz::Europe__Berlin;

    /// Minutes in use between the first entry and the last, from the first on.
    fn within(text: &str) -> Vec<(u32, u32)> {
        let Declared::InUse(runs) = screen_log(text, ZONE).unwrap() else { panic!("a log") };
        assert_eq!((runs.first().unwrap().first, runs.last().unwrap().end), (Minute(0), Minute(u32::MAX)));
        let known = &runs[1..runs.len() - 1];
        known.iter().map(|run| (run.first.since(known[0].first), run.end.since(known[0].first))).collect()
    }

    fn refused(text: &str) -> String {
        screen_log(text, ZONE).unwrap_err().to_string()
    }

    #[test]
    fn both_layouts_and_every_way_to_write_a_time_say_the_same() {
        let uses =
            "from,to\n2026-06-01T22:10:00+02:00,2026-06-01T22:20:30+02:00\n2026-06-01T20:40Z,2026-06-01 20:41:00Z\n";
        let local = "to,from\n2026-06-01 22:20,2026-06-01T22:10\n2026-06-01 22:41:59.5,2026-06-01 22:40\n";
        let changes = "app, time ,state\nx,2026-06-01T22:10,on\nx,2026-06-01T22:20,OFF\ny,2026-06-01T22:40,1\ny,2026-06-01T22:41,0\n";
        for text in [uses, local, changes] {
            assert_eq!(within(text), [(0, 11), (30, 32)], "{text}");
        }
    }

    #[test]
    fn what_is_not_known_counts_as_in_use() {
        let Declared::InUse(runs) = screen_log("time,state\n2026-06-01T22:10Z,on\n", ZONE).unwrap() else { panic!() };
        let all = runs.windows(2).all(|pair| pair[0].end == pair[1].first);
        assert!(all && runs.len() == 3, "before, the one minute, after: {runs:?}");
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        assert_eq!(refused("when,what\n1,2\n"), "line 1: the first line must name the columns: from,to or time,state");
        assert!(refused("").starts_with("line 1"), "{}", refused(""));
        assert!(refused("from,to\n").contains("no time at which"), "{}", refused("from,to\n"));
        let late = refused("from,to\n2026-06-01T22:10,2026-06-01T22:20\n2026-06-01T22:10,25:00\n");
        assert!(late.starts_with("line 3: \"25:00\" is no time"), "{late}");
        let back = refused("from,to\n2026-06-01T22:10,2026-06-01T22:00\n");
        assert_eq!(back, "line 2: it ends before it begins");
        let state = refused("time,state\n2026-06-01T22:10,dim\u{1b}[2J\n");
        assert!(state.starts_with("line 2: \"dim") && !state.contains('\u{1b}'), "{state}");
        assert!(refused("from,to\n1969-06-01T22:10,1969-06-01T22:20\n").contains("since 1970"));
    }

    #[test]
    fn a_local_time_that_a_clock_change_makes_twice_is_taken_so_that_use_is_longer() {
        let autumn = within("from,to\n2026-10-25T02:10,2026-10-25T02:20\n");
        assert_eq!(autumn, [(0, 71)]);
        let spring = within("from,to\n2026-03-29T02:10,2026-03-29T03:20\n");
        assert_eq!(spring, [(0, 11)], "02:10 does not exist on that day");
    }
}
