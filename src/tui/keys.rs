//! What each key does: one table that handles the keys, explains them, and can be changed in the settings.

use std::{collections::BTreeMap, fmt};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
#[expect(missing_docs, reason = "the table below says what each does")]
pub enum Action {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Back,
    Overview,
    Nights,
    Traffic,
    Destinations,
    Flows,
    Finding,
    NextView,
    PreviousView,
    NextSubject,
    PreviousSubject,
    Brush,
    Clear,
    ZoomIn,
    ZoomOut,
    Filter,
    Sort,
    Reverse,
    Group,
    Pause,
    Stop,
    Copy,
    Export,
    Redact,
    Theme,
    Help,
    Quit,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// As the settings name it.
    pub name: &'static str,
    /// The keys, unless the settings say otherwise.
    pub keys: &'static [&'static str],
    /// What it does, in words.
    pub help: &'static str,
}

const fn bind(action: Action, name: &'static str, keys: &'static [&'static str], help: &'static str) -> Binding {
    Binding { action, name, keys, help }
}

/// Every action, in the order in which help lists them.
pub const TABLE: [Binding; 36] = [
    bind(Action::Overview, "overview", &["1"], "verdicts and the state of the capture"),
    bind(Action::Nights, "nights", &["2"], "night by night, hour by hour"),
    bind(Action::Traffic, "traffic", &["3"], "upload and download over time"),
    bind(Action::Destinations, "destinations", &["4"], "who was sent how much"),
    bind(Action::Flows, "flows", &["5"], "every connection"),
    bind(Action::Finding, "finding", &["6"], "what the verdict rests on"),
    bind(Action::NextView, "next-view", &["tab"], "next view"),
    bind(Action::PreviousView, "previous-view", &["backtab"], "previous view"),
    bind(Action::Up, "up", &["up", "k"], "up"),
    bind(Action::Down, "down", &["down", "j"], "down"),
    bind(Action::Left, "left", &["left", "h"], "left, earlier"),
    bind(Action::Right, "right", &["right", "l"], "right, later"),
    bind(Action::PageUp, "page-up", &["pageup", "ctrl-u"], "a page up"),
    bind(Action::PageDown, "page-down", &["pagedown", "ctrl-d"], "a page down"),
    bind(Action::First, "first", &["home", "g"], "to the beginning"),
    bind(Action::Last, "last", &["end", "G"], "to the end"),
    bind(Action::Enter, "enter", &["enter"], "go deeper: app, destination, flow"),
    bind(Action::Back, "back", &["esc", "backspace"], "back up; clears what was brushed"),
    bind(Action::NextSubject, "next-app", &["]"], "next app or device"),
    bind(Action::PreviousSubject, "previous-app", &["["], "previous app or device"),
    bind(Action::Brush, "brush", &["space", "v"], "begin or end brushing a stretch of time"),
    bind(Action::Clear, "clear", &["x"], "clear brush and filter"),
    bind(Action::ZoomIn, "zoom-in", &["+", "="], "zoom in"),
    bind(Action::ZoomOut, "zoom-out", &["-"], "zoom out"),
    bind(Action::Filter, "filter", &["/"], "filter"),
    bind(Action::Sort, "sort", &["s"], "sort by the next column"),
    bind(Action::Reverse, "reverse", &["S"], "turn the order round"),
    bind(Action::Group, "group", &["o"], "group destinations another way; upload or download"),
    bind(Action::Pause, "pause", &["p"], "hold the picture still"),
    bind(Action::Stop, "stop", &["c"], "stop reading and judge what was read"),
    bind(Action::Copy, "copy", &["y"], "copy what is chosen"),
    bind(Action::Export, "export", &["e"], "write this view, finding or its packets to a file"),
    bind(Action::Redact, "redact", &["r"], "hide device names, for screenshots"),
    bind(Action::Theme, "theme", &["t"], "next set of colours"),
    bind(Action::Help, "help", &["?", "f1"], "this page"),
    bind(Action::Quit, "quit", &["q", "ctrl-c"], "quit"),
];

/// A key with what is held down beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub(crate) struct Chord {
    code: KeyCode,
    control: bool,
}

impl Chord {
    /// Reads `q`, `ctrl-c`, `f1`, `space`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (control, name) = match text.strip_prefix("ctrl-") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let code = match name {
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "pageup" => KeyCode::PageUp,
            "pagedown" => KeyCode::PageDown,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "backspace" => KeyCode::Backspace,
            "delete" => KeyCode::Delete,
            "insert" => KeyCode::Insert,
            "tab" => KeyCode::Tab,
            "backtab" => KeyCode::BackTab,
            "space" => KeyCode::Char(' '),
            other => {
                let mut chars = other.chars();
                match (chars.next()?, chars.as_str()) {
                    (only, "") => KeyCode::Char(only),
                    ('f', number) => KeyCode::F(number.parse().ok().filter(|n| (1..=12).contains(n))?),
                    _ => return None,
                }
            }
        };
        Some(Self { code, control })
    }

    /// The chord of a key that was pressed.
    pub(crate) const fn of(key: KeyEvent) -> Self {
        Self { code: key.code, control: key.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "f{n}"),
            KeyCode::PageUp => f.write_str("pgup"),
            KeyCode::PageDown => f.write_str("pgdn"),
            KeyCode::BackTab => f.write_str("shift-tab"),
            other => f.write_str(&format!("{other:?}").to_lowercase()),
        }
    }
}

/// A line of `[view.keys]` that cannot be followed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadKey {
    /// There is no such action.
    #[error("view.keys: there is no action {0:?}; `nightaudit view` lists them under ?")]
    Action(String),
    /// There is no such key.
    #[error("view.keys.{action}: {key:?} is no key: want a letter, ctrl-x, f1, tab, space, enter or the like")]
    Key {
        /// The action.
        action: String,
        /// What was written.
        key: String,
    },
    /// Two actions want the same key.
    #[error("view.keys: {key} is asked to be both {one} and {other}")]
    Twice {
        /// The key.
        key: String,
        /// One action.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
}

/// Which key does what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Keys {
    bound: Vec<(Chord, Action)>,
}

impl Default for Keys {
    fn default() -> Self {
        let chords = |binding: &Binding| {
            let action = binding.action;
            binding.keys.iter().filter_map(|key| Chord::read(key)).map(move |chord| (chord, action)).collect::<Vec<_>>()
        };
        Self { bound: TABLE.iter().flat_map(chords).collect() }
    }
}

impl Keys {
    /// The table with the keys of some actions replaced: `[view.keys]` of the settings. A key given to one action is
    /// taken from the one that had it.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> Result<Self, BadKey> {
        let mut keys = Self::default();
        let mut given: Vec<(Chord, &Binding)> = Vec::new();
        for (name, chords) in changes {
            let binding = TABLE.iter().find(|binding| binding.name == name);
            let binding = binding.ok_or_else(|| BadKey::Action(name.clone()))?;
            keys.bound.retain(|(_, action)| *action != binding.action);
            for key in chords {
                let bad = || BadKey::Key { action: name.clone(), key: key.clone() };
                let chord = Chord::read(key).ok_or_else(bad)?;
                if let Some((_, other)) = given.iter().find(|(known, _)| *known == chord) {
                    return Err(BadKey::Twice { key: chord.to_string(), one: other.name, other: binding.name });
                }
                given.push((chord, binding));
            }
        }
        keys.bound.retain(|(chord, _)| !given.iter().any(|(taken, _)| taken == chord));
        keys.bound.extend(given.into_iter().map(|(chord, binding)| (chord, binding.action)));
        Ok(keys)
    }

    /// What a key asks for.
    pub fn action(&self, key: KeyEvent) -> Option<Action> {
        let chord = Chord::of(key);
        self.bound.iter().find(|(bound, _)| *bound == chord).map(|(_, action)| *action)
    }

    /// The keys that ask for `action`, such as `q ctrl-c`.
    pub fn of(&self, action: Action) -> String {
        let chords = self.bound.iter().filter(|(_, bound)| *bound == action).map(|(chord, _)| chord.to_string());
        chords.collect::<Vec<_>>().join(" ")
    }

    /// The first of them.
    pub fn first_of(&self, action: Action) -> String {
        let first = self.bound.iter().find(|(_, bound)| *bound == action);
        first.map(|(chord, _)| chord.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(text: &str) -> KeyEvent {
        let Chord { code, control } = Chord::read(text).unwrap();
        KeyEvent::new(code, if control { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
    }

    #[test]
    fn every_action_has_a_key_of_its_own() {
        let keys = Keys::default();
        for binding in &TABLE {
            for key in binding.keys {
                assert_eq!(keys.action(press(key)), Some(binding.action), "{key}");
            }
        }
    }

    #[test]
    fn the_settings_move_keys() {
        let changes = BTreeMap::from([("quit".to_owned(), vec!["ctrl-q".to_owned(), "s".to_owned()])]);
        let keys = Keys::with(&changes).unwrap();
        assert_eq!(keys.action(press("ctrl-q")), Some(Action::Quit));
        assert_eq!(keys.action(press("s")), Some(Action::Quit), "taken from sort");
        assert_eq!(keys.action(press("q")), None);
        assert_eq!(keys.of(Action::Quit), "ctrl-q s");
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        let with = |name: &str, keys: &[&str]| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            Keys::with(&BTreeMap::from([(name.to_owned(), keys)])).unwrap_err().to_string()
        };
        assert!(with("explode", &["q"]).contains("no action \"explode\""));
        assert!(with("quit", &["hyper-q"]).contains("\"hyper-q\" is no key"));
        let twice = BTreeMap::from([("quit".into(), vec!["z".into()]), ("help".into(), vec!["z".into()])]);
        assert_eq!(Keys::with(&twice).unwrap_err().to_string(), "view.keys: z is asked to be both help and quit");
    }
}
