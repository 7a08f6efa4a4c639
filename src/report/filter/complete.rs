//! What could come next while a filter is typed.

use std::ops::Range;

use super::term::{FLAGS, KEYS};

/// The words that values are completed from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Vocabulary {
    /// Ids of apps and services.
    pub apps: Vec<String>,
    /// Operators.
    pub operators: Vec<String>,
    /// Ids and labels of devices.
    pub devices: Vec<String>,
    /// Hosts.
    pub hosts: Vec<String>,
    /// Dates of nights, such as `2026-06-03`.
    pub nights: Vec<String>,
}

/// One way to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completion {
    /// Which bytes of the text it replaces.
    pub at: Range<usize>,
    /// By what.
    pub text: String,
    /// What it means, in a few words; may be empty.
    pub means: &'static str,
}

/// The most ways that are offered.
const MOST: usize = 12;

/// How `text` could go on at byte `cursor`, best first.
pub fn complete(text: &str, cursor: usize, vocabulary: &Vocabulary) -> Vec<Completion> {
    let head = text.get(..cursor.min(text.len())).unwrap_or(text);
    let start = head.rfind([' ', '(', '"']).map_or(0, |at| at + 1);
    let start = start + head[start..].chars().take_while(|c| matches!(c, '-' | '!')).count();
    let word = &head[start..];
    match word.split_once([':', '=', '~']) {
        None => keys(word, start..head.len()),
        Some((key, value)) => {
            let part = value.rfind(',').map_or(value, |comma| &value[comma + 1..]);
            let from = head.len() - part.len();
            values(key, part, from..head.len(), vocabulary)
        }
    }
}

fn keys(word: &str, at: Range<usize>) -> Vec<Completion> {
    let word = word.to_lowercase();
    let flags = FLAGS.iter().map(|flag| ((*flag).to_owned(), "when the upload began"));
    let keys = KEYS.iter().map(|help| {
        let number = help.example.contains('>') || help.example.contains('<');
        (format!("{}{}", help.key, if number { '>' } else { ':' }), help.asks)
    });
    let all = keys.chain(flags);
    let fitting = all.filter(|(key, _)| key.starts_with(&word));
    fitting.take(MOST).map(|(text, means)| Completion { at: at.clone(), text, means }).collect()
}

fn values(key: &str, part: &str, at: Range<usize>, vocabulary: &Vocabulary) -> Vec<Completion> {
    let fixed = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let known = match key.to_lowercase().as_str() {
        "app" | "subject" => vocabulary.apps.clone(),
        "operator" => vocabulary.operators.clone(),
        "device" => vocabulary.devices.clone(),
        "host" | "destination" => vocabulary.hosts.clone(),
        "night" | "nights" | "date" => vocabulary.nights.clone(),
        "kind" => fixed(&["messenger", "cloud", "os", "push", "tracker", "web", "unattributed"]),
        "role" => {
            fixed(&["chat", "media", "call", "push", "backup", "telemetry", "account", "update", "web", "unknown"])
        }
        "proto" | "protocol" => fixed(&["tcp", "udp"]),
        "evidence" => {
            fixed(&["uid", "process", "sni", "quic-sni", "dns", "signature", "prefix", "asn", "inherited", "none"])
        }
        "confidence" => fixed(&["high", "medium", "low"]),
        "verdict" => {
            fixed(&["export-like", "backup-like", "bulk-but-irregular", "small-recurrent", "routine", "insufficient"])
        }
        _ => Vec::new(),
    };
    let part = part.to_lowercase();
    let (first, second): (Vec<_>, Vec<_>) = known
        .into_iter()
        .filter(|word| word.to_lowercase().contains(&part) && !word.contains('"'))
        .partition(|word| word.to_lowercase().starts_with(&part));
    let quoted = |word: String| if word.contains([' ', '(', ')', ',']) { format!("\"{word}\"") } else { word };
    let found = first.into_iter().chain(second).take(MOST);
    found.map(|word| Completion { at: at.clone(), text: quoted(word), means: "" }).collect()
}
