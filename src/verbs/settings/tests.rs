//! The layers against each other, what is refused and how, and the example file against the code.

use std::{collections::BTreeSet, ffi::OsString, path::Path};

use super::{
    Settings, Trouble,
    layers::{Layer, keys},
};

const EXAMPLE: &str = include_str!("../../../nightaudit.example.toml");

fn load(text: &str, variables: &[(&str, &str)], set: &[&str]) -> Result<Settings, Trouble> {
    let file = Layer::of_text(Path::new("/etc/nightaudit/nightaudit.toml"), text.to_owned())?;
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::of(Some(file), variables, &set.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>())
}

fn refusal(text: &str) -> String {
    load(text, &[], &[]).unwrap_err().to_string()
}

#[test]
fn each_layer_lies_over_the_one_before() {
    let text = "timezone = \"Asia/Tokyo\"\n[night]\naccident_rate = 0.1\nneeded_nights = 7\nhold = 9\n";
    let variables = [("NIGHTAUDIT_NIGHT_ACCIDENT_RATE", "0.2"), ("NIGHTAUDIT_NIGHT_NEEDED_NIGHTS", "8")];
    let settings = load(text, &variables, &["night.accident_rate=0.3"]).unwrap();
    assert_eq!(settings.timezone, Some(chrono_tz::Asia::Tokyo));
    let night = crate::night::Settings { accident_rate: 0.3, needed_nights: 8, hold: 9, ..Default::default() };
    assert_eq!(settings.night, night);
    assert_eq!(settings.zone(Some(chrono_tz::Tz::UTC)), chrono_tz::Tz::UTC);
}

#[test]
fn an_empty_file_changes_nothing() {
    let file = Some("/etc/nightaudit/nightaudit.toml".into());
    assert_eq!(load("", &[], &[]).unwrap(), Settings { file, ..Settings::default() });
}

#[test]
fn a_wrong_key_is_named_with_its_line_and_the_key_that_was_meant() {
    let cases = [
        ("timzone = \"UTC\"", ":1: there is no key timzone; did you mean timezone?"),
        ("\n[night]\nacident_rate = 0.1", ":3: there is no key acident_rate; did you mean accident_rate?"),
        ("[nihgt]\nhold = 1", ":1: there is no key nihgt; did you mean night?"),
        ("[ledger]\nfile = \"x\"", ":2: there is no key file; there are path, keep_minutes_days"),
        ("[[device]]\nlabel = \"x\"\nmca = \"02:00:00:00:07:17\"", "did you mean mac?"),
        ("[[schedule]]\nname = \"x\"\ncorn = \"@daily\"", "did you mean cron?"),
        ("[notify]\nweb_hook = \"x\"", ":2: there is no key web_hook; did you mean webhook?"),
        ("[[schedule]]\nname = \"x\"\ncron = \"@daily\"\nformats = [\"htm\"]", ":4: there is no such value as htm"),
    ];
    for (text, want) in cases {
        let said = refusal(text);
        assert!(said.starts_with("/etc/nightaudit/nightaudit.toml:") && said.contains(want), "{text}: {said}");
    }
}

#[test]
fn a_wrong_value_is_named_with_its_line_and_what_is_wanted() {
    let cases = [
        ("timezone = \"Mars/Olympus\"", ":1: \"Mars/Olympus\" is no IANA time zone, such as Europe/Berlin"),
        ("timezone = 7", ":1: integer `7` where a text in quotation marks is wanted"),
        ("[night]\naccident_rate = \"often\"", ":2: string \"often\" where a number is wanted"),
        ("[night]\n\naccident_rate = 1.5", ":3: night.accident_rate = 1.5: must be above 0 and below 1"),
        ("[capture]\nbuffer_mib = -1", ":2: -1: must be from 1 to 2047 MiB"),
        ("local = [\"192.168.7.0/99\"]", ":1: "),
        ("[[device]]\nlabel = \"x\"", ":1: the device \"x\" can be known by nothing: add mac"),
        ("[[device]]\nlabel = \"x\"\nmac = \"02:00\"", "is no hardware address"),
        ("[[device]]\nlabel = \"\"\nmac = \"02:00:00:00:07:17\"", "want 1 to 64 characters"),
        ("[[schedule]]\ncron = \"@daily\"", "missing field `name`"),
        ("[[schedule]]\nname = \"x\"\ncron = \"0 25 * * *\"", "cron \"0 25 * * *\""),
        ("[notify]\nsecret = \"hunter2\"", "a secret does not belong in this file"),
        ("a = [", ":1: "),
    ];
    for (text, want) in cases {
        let said = refusal(text);
        assert!(said.contains(want) && !said.contains('\n') && !said.contains("hunter2"), "{text}: {said}");
    }
}

#[test]
fn two_entries_that_contradict_each_other_are_refused_at_the_later_one() {
    let device = "[[device]]\nlabel = \"a\"\nmac = \"02:00:00:00:07:17\"\n";
    assert!(refusal(&device.repeat(2)).contains(":4: the devices"), "{}", refusal(&device.repeat(2)));
    let schedule = "[[schedule]]\nname = \"a\"\ncron = \"@daily\"\n";
    assert!(refusal(&schedule.repeat(2)).contains(":4: there are two schedules named \"a\""));
}

#[test]
fn a_variable_is_named_in_what_is_wrong_with_it() {
    let refused = |name, value| load("", &[(name, value)], &[]).unwrap_err().to_string();
    assert_eq!(
        refused("NIGHTAUDIT_TIMZONE", "UTC"),
        "NIGHTAUDIT_TIMZONE: there is no such setting; did you mean NIGHTAUDIT_TIMEZONE?"
    );
    assert!(refused("NIGHTAUDIT_NIGHT_HOLDS", "1").contains("did you mean hold?"));
    assert!(refused("NIGHTAUDIT_NIGHT_HOLD", "long").starts_with("NIGHTAUDIT_NIGHT_HOLD: "));
    assert!(refused("NIGHTAUDIT_NIGHT_HOLD", "999").contains("from 0 to 720 minutes"));
}

#[test]
fn variables_that_are_no_settings_are_left_alone_and_empty_ones_are_not_set() {
    let others = [
        ("NIGHTAUDIT_CONFIG", "x"),
        ("NIGHTAUDIT_LOG", "debug"),
        ("NIGHTAUDIT_NOTIFY_SECRET", "hunter2"),
        ("NIGHTAUDIT_NOTICE_SUBJECT", "x"),
        ("NIGHTAUDIT_TIMEZONE", ""),
        ("PATH", "/bin"),
    ];
    assert_eq!(load("", &others, &[]).unwrap(), load("", &[], &[]).unwrap());
}

#[test]
fn bare_words_lists_and_numbers_are_read_as_their_key_takes_them() {
    let variables = [
        ("NIGHTAUDIT_RULES", "/a, /b"),
        ("NIGHTAUDIT_CAPTURE_INTERFACES", "[\"eth0\", \"wlan0\"]"),
        ("NIGHTAUDIT_CAPTURE_FILTER", "80"),
        ("NIGHTAUDIT_LOCAL", "192.168.7.0/24"),
        ("NIGHTAUDIT_LEDGER_PATH", "here.db"),
    ];
    let settings = load("", &variables, &["timezone=UTC", "night.sizes=[1, 2]"]).unwrap();
    assert_eq!(settings.rules, [Path::new("/a"), Path::new("/b")]);
    assert_eq!(settings.capture.interfaces, ["eth0", "wlan0"]);
    assert_eq!(settings.capture.filter, "80");
    assert_eq!(settings.local.len(), 1);
    assert_eq!(settings.ledger.path.as_deref(), Some(Path::new("here.db")));
    assert_eq!(settings.night.sizes.len(), 2);
}

#[test]
fn a_flag_that_says_nothing_is_refused() {
    for (flag, want) in [
        ("night", "want KEY=VALUE"),
        ("night.=1", "want a key"),
        ("a.b.c=1", "want a key"),
        ("night.holt=1", "did you mean hold?"),
        ("nigth.hold=1", "did you mean night?"),
        ("night.accident_rate=2", "above 0 and below 1"),
    ] {
        let said = load("", &[], &[flag]).unwrap_err().to_string();
        assert!(said.starts_with(&format!("--set {flag}: ")) && said.contains(want), "{said}");
    }
}

#[test]
fn relative_paths_lie_beside_the_file_and_absolute_ones_where_they_say() {
    let text = "rules = [\"rules\", \"/other\"]\n[ledger]\npath = \"ledger.db\"\n\
                [[schedule]]\nname = \"x\"\ncron = \"@daily\"\nfolder = \"reports\"";
    let settings = load(text, &[], &[]).unwrap();
    assert_eq!(settings.rules, [Path::new("/etc/nightaudit/rules"), Path::new("/other")]);
    assert_eq!(settings.ledger.path.as_deref(), Some(Path::new("/etc/nightaudit/ledger.db")));
    assert_eq!(settings.schedule[0].folder, Path::new("/etc/nightaudit/reports"));
}

#[test]
fn hostile_names_in_settings_are_shown_harmless() {
    let said = refusal("\"a\\u001B[2J\\u202E\" = 1");
    assert!(!said.contains(['\u{1b}', '\u{202e}', '\n']), "{said:?}");
}

#[test]
fn a_file_cannot_make_the_reader_fall_over() {
    let deep = format!("a = {}", "[".repeat(100_000));
    let wide = "x = 1\n".repeat(10_000);
    for text in [deep.as_str(), wide.as_str(), "\u{0}", "[[[[", "= = =", "[night]\nhold = 99999999999999999999"] {
        assert!(load(text, &[], &[]).is_err(), "{}", &text[..text.len().min(40)]);
    }
}

#[test]
fn the_example_can_be_used_as_it_is_and_with_every_key_in_force() {
    let settings = load(EXAMPLE, &[], &[]).unwrap();
    assert_eq!((settings.device.len(), settings.schedule.len()), (1, 1));
    assert_eq!(settings.night, crate::night::Settings::default());
    load(&every_key_in_force(), &[], &[]).unwrap();
}

#[test]
fn the_example_shows_the_defaults_of_the_thresholds() {
    let text = every_key_in_force();
    let without_declaration = text.lines().filter(|line| !line.starts_with("declared")).collect::<Vec<_>>().join("\n");
    assert_eq!(load(&without_declaration, &[], &[]).unwrap().night, crate::night::Settings::default());
}

#[test]
fn every_key_is_in_the_example_with_a_comment() {
    let mut documented = BTreeSet::new();
    let (mut section, mut comment) = ("", false);
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']);
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ").filter(|(key, _)| is_key(key)) {
            assert!(comment, "{section}.{key} has no comment");
            documented.insert(format!("{section}.{key}"));
        }
        comment = line.starts_with("# ");
    }
    let sections = keys("");
    assert!(sections.len() > 10, "the reader no longer names its keys: {sections:?}");
    for section in sections.iter().map(String::as_str).filter(|name| EXAMPLE.contains(&format!("[{name}]"))) {
        for key in keys(section) {
            assert!(
                documented.remove(&format!("{section}.{key}")) || key == "secret" || key == "password",
                "{section}.{key} is not in the example"
            );
        }
    }
    for key in sections.iter().filter(|name| !EXAMPLE.contains(&format!("[{name}]"))) {
        assert!(documented.remove(&format!(".{key}")), "{key} is not in the example");
    }
    documented.retain(|key| !key.starts_with("view."));
    assert!(documented.is_empty(), "the example names keys that there are not: {documented:?}");
}

fn is_key(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The example with every `#key = value` line taken for what it is.
fn every_key_in_force() -> String {
    let line = |line: &str| {
        let bare = line.strip_prefix('#').filter(|rest| rest.split_once(" = ").is_some_and(|(key, _)| is_key(key)));
        bare.unwrap_or(line).to_owned()
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}
