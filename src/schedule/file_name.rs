//! What a scheduled report's file is called.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike};
use chrono_tz::Tz;
use serde::Deserialize;

/// A name is cut by most file systems after 255 bytes; an ending follows.
const LONGEST: usize = 120;

/// A file name with placeholders, without its ending.
///
/// | placeholder | becomes |
/// |---|---|
/// | `{name}` | the schedule's name, with everything but letters, digits, `-`, `_` and `.` as `-` |
/// | `{date}` | the local date of the run, such as `2026-06-02` |
/// | `{time}` | its local time of day, such as `0700` |
/// | `{week}` | its ISO week, such as `2026-W23` |
/// | `{month}` | its month, such as `2026-06` |
/// | `{from}` | the local date that the audit reaches back to |
///
/// Nothing that comes from the wire can enter it, and it can name no other folder.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Name,
    Date,
    Time,
    Week,
    Month,
    From,
}

/// What a report file is named after.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The schedule's name.
    pub name: &'a str,
    /// When the run was due, local.
    pub at: DateTime<Tz>,
    /// What the audit reaches back to, local.
    pub from: DateTime<Tz>,
}

/// A pattern that is no file name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("file {text:?}: {why}")]
pub struct BadPattern {
    text: String,
    why: String,
}

impl Default for Pattern {
    fn default() -> Self {
        Self(vec![Part::Text("nightaudit-".into()), Part::Name, Part::Text("-".into()), Part::Date])
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadPattern;

    fn try_from(text: String) -> Result<Self, BadPattern> {
        let wrong = |why: &str| BadPattern { text: text.chars().take(LONGEST).collect(), why: why.to_owned() };
        if text.len() > LONGEST {
            return Err(wrong("longer than 120 bytes"));
        }
        if text.contains(['/', '\\']) {
            return Err(wrong("a file name, not a path: give the folder with folder"));
        }
        if text.chars().any(char::is_control) {
            return Err(wrong("control characters are no part of a file name"));
        }
        if text.is_empty() || text.starts_with(['.', '-', ' ']) {
            return Err(wrong("a file name begins with a letter, a digit or a placeholder"));
        }
        parts(&text).map(Self).map_err(|why| wrong(&why))
    }
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(['{', '}']) {
        let close = rest[open..].find('}').filter(|&close| close > 0);
        let Some(close) = close else { return Err("a brace that opens no placeholder, or that nothing closes".into()) };
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        parts.push(placeholder(&rest[open + 1..open + close])?);
        rest = &rest[open + close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

fn placeholder(word: &str) -> Result<Part, String> {
    Ok(match word {
        "name" => Part::Name,
        "date" => Part::Date,
        "time" => Part::Time,
        "week" => Part::Week,
        "month" => Part::Month,
        "from" => Part::From,
        other => {
            return Err(format!(
                "there is no placeholder {{{other}}}; there are {{name}}, {{date}}, {{time}}, {{week}}, {{month}} and \
                 {{from}}"
            ));
        }
    })
}

impl Pattern {
    /// The file name for one run, without its ending.
    pub fn name(&self, occasion: &Occasion<'_>) -> String {
        let mut name = String::new();
        for part in &self.0 {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(text) => write!(name, "{text}"),
                Part::Name => write!(name, "{}", safe(occasion.name)),
                Part::Date => write!(name, "{}", occasion.at.format("%Y-%m-%d")),
                Part::Time => write!(name, "{}", occasion.at.format("%H%M")),
                Part::Week => write!(name, "{}-W{:02}", occasion.at.iso_week().year(), occasion.at.iso_week().week()),
                Part::Month => write!(name, "{}", occasion.at.format("%Y-%m")),
                Part::From => write!(name, "{}", occasion.from.format("%Y-%m-%d")),
            };
        }
        name
    }
}

/// `name` with nothing in it that a shell, a file system or a terminal would read as more than text.
fn safe(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().map(kept).collect();
    if name.starts_with('.') { format!("-{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn named(pattern: &str, name: &str) -> String {
        let berlin = chrono_tz::Europe::Berlin;
        let at = berlin.with_ymd_and_hms(2026, 6, 2, 7, 0, 0).unwrap();
        let from = berlin.with_ymd_and_hms(2026, 5, 5, 7, 0, 0).unwrap();
        Pattern::try_from(pattern.to_owned()).unwrap().name(&Occasion { name, at, from })
    }

    #[test]
    fn placeholders_become_the_schedule_and_its_dates() {
        assert_eq!(named("{name}_{date}_{time}", "morning"), "morning_2026-06-02_0700");
        assert_eq!(named("{week} {month} since {from}", "x"), "2026-W23 2026-06 since 2026-05-05");
        assert_eq!(Pattern::default(), Pattern::try_from("nightaudit-{name}-{date}".to_owned()).unwrap());
    }

    #[test]
    fn a_hostile_schedule_name_is_only_text() {
        assert_eq!(named("{name}", "../../etc/passwd"), "-..-..-etc-passwd");
        assert_eq!(named("{name}", "a;rm -rf $HOME\u{202e}\u{1b}[2J"), "a-rm--rf--HOME---2J");
    }

    #[test]
    fn what_is_no_file_name_is_refused_with_the_reason() {
        for (text, why) in [
            ("a/b", "not a path"),
            ("..", "begins with"),
            ("", "begins with"),
            ("a\nb", "control"),
            ("{nane}", "there is no placeholder {nane}"),
            ("{name", "nothing closes"),
            ("name}", "opens no placeholder"),
        ] {
            let error = Pattern::try_from(text.to_owned()).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
