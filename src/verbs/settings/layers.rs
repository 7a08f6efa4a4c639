//! The file, the environment and the flags, each read by itself and laid over the one before.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{Table, Value, de::DeTable};

use super::{
    Named, Settings,
    paths::anchored,
    trouble::{Trouble, expected, mended, nearest},
};

/// A longer file is none of ours.
const LARGEST_FILE: u64 = 1 << 20;
/// What variables begin with.
const PREFIX: &str = "NIGHTAUDIT_";
/// Variables that are no settings: read elsewhere, or set for programs that are told of a changed verdict.
const OTHERS: [&str; 4] = ["CONFIG", "LOG", "CORPUS", "NOTIFY_SECRET"];
/// What the variables of a notice begin with.
const NOTICE: &str = "NOTICE_";
/// Keys that hold paths: section (empty for none) and key.
const PATHS: [(&str, &str); 7] = [
    ("", "rules"),
    ("", "asn"),
    ("ledger", "path"),
    ("notify", "secret_file"),
    ("schedule", "folder"),
    ("fleet", "password_file"),
    ("fleet", "key_file"),
];

/// Some settings, and where they come from.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    origin: Origin,
    table: Table,
}

#[derive(Clone, Debug)]
enum Origin {
    File { path: PathBuf, text: String },
    Elsewhere(String),
}

impl Layer {
    /// The settings file at `path`; `None` where there is none and none was asked for.
    pub(super) fn of_file(path: &Path, named: Named) -> Result<Option<Self>, Trouble> {
        let shown = path.display().to_string();
        match read(path) {
            Ok(text) => Self::of_text(path, text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named == Named::ByHabit => Ok(None),
            Err(error) => Err(Trouble::new(&shown, &format!("cannot read the settings: {error}"))),
        }
    }

    /// The `text` of the settings file at `path`.
    pub(super) fn of_text(path: &Path, text: String) -> Result<Self, Trouble> {
        let shown = path.display().to_string();
        let wrong = |e: toml::de::Error| Trouble::in_file(&shown, &text, e.span(), &mended(e.message()));
        let settings: Settings = toml::from_str(&text).map_err(wrong)?;
        let mut table: Table = toml::from_str(&text).map_err(wrong)?;
        let folder = path.parent().map(std::path::absolute).and_then(Result::ok).unwrap_or_default();
        for (section, key) in PATHS {
            anchor(&mut table, section, key, &folder);
        }
        let layer = Self { origin: Origin::File { path: path.to_owned(), text }, table };
        layer.check(settings)?;
        Ok(layer)
    }

    /// A layer for each variable of the environment that is a setting; an empty one is none.
    pub(super) fn of_environment(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Vec<Self>, Trouble> {
        let ours = |(name, value): (OsString, OsString)| {
            let name = name.to_str()?.strip_prefix(PREFIX)?.to_owned();
            let other = OTHERS.contains(&name.as_str()) || name.starts_with(NOTICE) || value.is_empty();
            (!other).then_some((name, value))
        };
        let mut found: Vec<(String, OsString)> = variables.into_iter().filter_map(ours).collect();
        found.sort();
        found.into_iter().map(|(name, value)| Self::of_variable(&name, value)).collect()
    }

    fn of_variable(name: &str, value: OsString) -> Result<Self, Trouble> {
        let variable = format!("{PREFIX}{name}");
        let lower = name.to_lowercase();
        let path = address(&lower).ok_or_else(|| no_such_variable(&variable))?;
        let value = value.into_string().map_err(|_| Trouble::new(&variable, "the value is not UTF-8"))?;
        Self::of_value(&variable, &path, &value)
    }

    /// `KEY=VALUE`, as given with `--set`.
    pub(super) fn of_flag(item: &str) -> Result<Self, Trouble> {
        let flag = format!("--set {item}");
        let Some((key, value)) = item.split_once('=') else {
            return Err(Trouble::new(&flag, "want KEY=VALUE, such as night.accident_rate=0.1"));
        };
        let path: Vec<&str> = key.trim().split('.').collect();
        if path.len() > 2 || path.iter().any(|part| part.is_empty()) {
            return Err(Trouble::new(&flag, "want a key such as timezone or night.accident_rate"));
        }
        let layer = Self::of_value(&flag, &path, value.trim()).map_err(|error| match key.trim() {
            // The complaint would repeat the password.
            "fleet.password" => readable_by_all(),
            _ => error,
        })?;
        let fleet = layer.table.get("fleet").and_then(Value::as_table);
        if fleet.is_some_and(|fleet| fleet.contains_key("password")) { Err(readable_by_all()) } else { Ok(layer) }
    }

    /// One value, written as TOML or as bare text: whichever its key takes.
    fn of_value(place: &str, path: &[&str], value: &str) -> Result<Self, Trouble> {
        let layer = |value: Value| {
            let table =
                path.iter().rev().fold(value, |value, key| Table::from_iter([((*key).to_owned(), value)]).into());
            let Value::Table(table) = table else { return Err(Trouble::new(place, "a key is missing")) };
            let layer = Self { origin: Origin::Elsewhere(place.to_owned()), table };
            layer.check(layer.settings()?)?;
            Ok(layer)
        };
        let bare = layer(Value::String(value.to_owned()));
        match toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value")) {
            // Where neither reading fits, the one as TOML says what type is wanted.
            Some(parsed) => layer(parsed).or_else(|error| bare.map_err(|_| error)),
            None => bare,
        }
    }

    /// The file, where it is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::File { path, .. } => Some(path.clone()),
            Origin::Elsewhere(_) => None,
        }
    }

    fn settings(&self) -> Result<Settings, Trouble> {
        Settings::deserialize(self.table.clone()).map_err(|error| self.wrong(None, &mended(error.message())))
    }

    fn check(&self, settings: Settings) -> Result<(), Trouble> {
        if let Some((list, n, why)) = settings.contradiction() {
            return Err(self.wrong(Some((list, Entry::Nth(n))), &why));
        }
        match settings.night.checked() {
            Ok(_) => Ok(()),
            Err(bad) => Err(self.wrong(Some(("night", Entry::Key(bad.name))), &bad.to_string())),
        }
    }

    fn wrong(&self, at: Option<(&str, Entry<'_>)>, what: &str) -> Trouble {
        match &self.origin {
            Origin::File { path, text } => {
                let span = at.and_then(|(section, entry)| span(text, section, &entry));
                Trouble::in_file(&path.display().to_string(), text, span, what)
            }
            Origin::Elsewhere(place) => Trouble::new(place, what),
        }
    }
}

fn readable_by_all() -> Trouble {
    let why = "a password on the command line can be read by everybody on this machine: use fleet.password_file";
    Trouble::new("--set fleet.password", why)
}

/// Where in a section something is.
enum Entry<'a> {
    Key(&'a str),
    Nth(usize),
}

fn span(text: &str, section: &str, entry: &Entry<'_>) -> Option<std::ops::Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let section = table.get_ref().get(section)?.get_ref();
    match entry {
        Entry::Key(key) => section.get(*key).map(toml::Spanned::span),
        Entry::Nth(n) => section.get(*n).map(toml::Spanned::span),
    }
}

/// All layers, the later over the earlier.
pub(super) fn merged(stack: Vec<Layer>) -> Result<Settings, Trouble> {
    let mut all = Table::new();
    for layer in stack {
        lay_over(&mut all, layer.table);
    }
    let settings = Settings::deserialize(all).map_err(|error| Trouble::new("settings", &mended(error.message())))?;
    match settings.fleet.incomplete() {
        Some(what) => Err(Trouble::new("settings", what)),
        None => Ok(settings),
    }
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other("longer than 1 MiB"));
    }
    Ok(text)
}

fn anchor(table: &mut Table, section: &str, key: &str, folder: &Path) {
    let mut tables: Vec<&mut Table> = match table.get_mut(section) {
        None if section.is_empty() => vec![table],
        Some(Value::Table(inner)) => vec![inner],
        Some(Value::Array(items)) => items.iter_mut().filter_map(Value::as_table_mut).collect(),
        _ => Vec::new(),
    };
    for value in tables.iter_mut().filter_map(|table| table.get_mut(key)) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| anchor_value(item, folder)),
            one => anchor_value(one, folder),
        }
    }
}

fn anchor_value(value: &mut Value, folder: &Path) {
    if let Some(path) = value.as_str() {
        *value = Value::String(anchored(path, folder).to_string_lossy().into_owned());
    }
}

/// The key that a variable's name, without prefix and in lower case, stands for.
fn address(name: &str) -> Option<Vec<&str>> {
    let top = keys("");
    if top.iter().any(|key| key == name) {
        return Some(vec![name]);
    }
    let (section, key) = name.split_once('_')?;
    (top.iter().any(|known| known == section) && !key.is_empty()).then(|| vec![section, key])
}

fn no_such_variable(variable: &str) -> Trouble {
    let top = keys("");
    let mut known: Vec<String> = top.iter().map(|key| format!("{PREFIX}{}", key.to_uppercase())).collect();
    for section in &top {
        known.extend(
            keys(section).iter().map(|key| format!("{PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase())),
        );
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = match nearest(variable, &known) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("variables are named after sections and keys, such as {PREFIX}LEDGER_PATH"),
    };
    Trouble::new(variable, &format!("there is no such setting; {hint}"))
}

/// The keys of a section (of the top where it is empty), in the order of the code; none for an open section. The reader
/// itself is asked, so that there is no second list.
pub(super) fn keys(section: &str) -> Vec<String> {
    let unknown = Table::from_iter([("\u{1}".to_owned(), Value::Boolean(true))]);
    let table = match section {
        "" => unknown,
        "device" | "schedule" => Table::from_iter([(section.to_owned(), Value::Array(vec![unknown.into()]))]),
        _ => Table::from_iter([(section.to_owned(), unknown.into())]),
    };
    match Settings::deserialize(table) {
        Err(error) => expected(error.message()).into_iter().map(str::to_owned).collect(),
        Ok(_) => Vec::new(),
    }
}
