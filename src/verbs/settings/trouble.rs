//! What is wrong with a setting, where it is, and what would mend it: one line.

use std::ops::Range;

use strsim::damerau_levenshtein;

use crate::base::text::shown;

/// Names further apart than this are not mistaken for each other.
const MOST_SLIPS: usize = 3;
/// No part of a message is longer.
const LONGEST: usize = 400;

/// What is wrong with a setting.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Trouble {
    /// The file and line, variable or flag.
    pub(super) place: String,
    /// What is wrong and what would mend it.
    pub(super) what: String,
}

impl Trouble {
    pub(super) fn new(place: &str, what: &str) -> Self {
        let line = |text: &str| shown(&text.replace('\n', "; "), LONGEST).into_owned();
        Self { place: line(place), what: line(what) }
    }

    /// Of `text`, the contents of the file at `path`.
    pub(super) fn in_file(path: &str, text: &str, at: Option<Range<usize>>, what: &str) -> Self {
        let before = at.and_then(|at| text.get(..at.start)).unwrap_or_default();
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        Self::new(&format!("{path}:{line}"), what)
    }
}

/// A message of the TOML reader in words for people, with the nearest known name where one is unknown.
pub(super) fn mended(message: &str) -> String {
    match unknown(message) {
        Some(Unknown { what, name, known }) => {
            let hint = match nearest(name, &known) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", known.join(", ")),
            };
            format!("there is no {what} {}; {hint}", shown(name, 60))
        }
        None => plainly(message),
    }
}

/// Of `known`, the name that `name` was probably meant to be.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |one: &str| damerau_levenshtein(&name.to_lowercase(), &one.to_lowercase());
    let (slips, best) = known.iter().map(|one| (distance(one), *one)).min_by_key(|(slips, _)| *slips)?;
    (slips <= MOST_SLIPS.min(best.len() / 2)).then_some(best)
}

/// The names that a message lists as expected, such as the keys of a section.
pub(super) fn expected(message: &str) -> Vec<&str> {
    unknown(message).map(|unknown| unknown.known).unwrap_or_default()
}

struct Unknown<'a> {
    what: &'static str,
    name: &'a str,
    known: Vec<&'a str>,
}

/// Serde's words: "unknown field `a`, expected `b` or `c`", "…, expected one of `b`, `c`", "…, there are no fields".
fn unknown(message: &str) -> Option<Unknown<'_>> {
    let kinds = [("unknown field `", "key"), ("unknown variant `", "such value as")];
    let (rest, what) = kinds.into_iter().find_map(|(start, what)| Some((message.strip_prefix(start)?, what)))?;
    // The name is the user's and may hold backticks itself, so the list is looked for from the end.
    let (name, list) = rest.rsplit_once("`, expected ")?;
    Some(Unknown { what, name, known: list.split('`').skip(1).step_by(2).collect() })
}

/// The reader's names of types, as somebody who writes settings would call them.
fn plainly(message: &str) -> String {
    let Some((said, wanted)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let wanted = match wanted {
        "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "i64" | "usize" => "a whole number",
        "a boolean" | "bool" => "true or false",
        "a sequence" => "a list",
        "a map" => "a section",
        "a string" | "path string" => "a text in quotation marks",
        other => other,
    };
    let said = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: ")).unwrap_or(said);
    format!("{said} where {wanted} is wanted")
}
