//! Every format on every sample.

use std::{env, fs, io, path::Path};

use proptest::prelude::*;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{
    Colour, FLOW_COLUMNS, Glyphs, Key, Look, Redaction, flows_csv, flows_csv_header, flows_jsonl, flows_table, html,
    json, json_text, markdown, nights_csv, sample, subjects_csv, text,
};
use crate::pipeline::{Audit, FlowRow};

const REDACTED: Redaction = Redaction::On(Key([7; 32]));

fn look(width: usize) -> Look {
    Look { width, ..Look::default() }
}

fn lines_of(rows: &[FlowRow], redaction: &Redaction) -> String {
    let mut out = Vec::new();
    rows.iter().try_for_each(|row| flows_jsonl(row, redaction, &mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

fn csv_of(rows: &[FlowRow], redaction: &Redaction) -> String {
    let mut out = Vec::new();
    flows_csv_header(&mut out).unwrap();
    rows.iter().try_for_each(|row| flows_csv(row, redaction, &mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

/// A sheet with its line ends made plain.
fn sheet(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap().replace("\r\n", "\n")
}

/// Every format of an audit, with its name.
fn every_format(audit: &Audit, redaction: Redaction) -> Vec<(&'static str, String)> {
    let plain = Look { redaction, ..look(100) };
    vec![
        ("text", text(audit, &plain)),
        ("json", json_text(&json(audit, &redaction))),
        ("html", html(audit, &redaction)),
        ("markdown", markdown(audit, &redaction)),
        ("subjects", sheet(|out| subjects_csv(audit, &redaction, out))),
        ("nights", sheet(|out| nights_csv(audit, &redaction, out))),
    ]
}

/// With `NIGHTAUDIT_SAMPLES=FOLDER`, every sample is also written there to be looked at.
#[test]
fn samples_can_be_written_out_to_be_looked_at() {
    let Ok(folder) = env::var("NIGHTAUDIT_SAMPLES") else { return };
    let write = |name: String, text: String| fs::write(Path::new(&folder).join(name), text).unwrap();
    for (name, audit) in sample::all() {
        write(format!("{name}.80.txt"), text(&audit, &look(80)));
        write(format!("{name}.120.ansi"), text(&audit, &Look { colour: Colour::Always, ..look(120) }));
        write(format!("{name}.html"), html(&audit, &Redaction::Off));
        write(format!("{name}.md"), markdown(&audit, &Redaction::Off));
        write(format!("{name}.subjects.csv"), sheet(|out| subjects_csv(&audit, &Redaction::Off, out)));
        write(format!("{name}.nights.csv"), sheet(|out| nights_csv(&audit, &Redaction::Off, out)));
        write(format!("{name}.json"), json_text(&json(&audit, &Redaction::Off)));
    }
    write("flows.txt".to_owned(), flows_table(&sample::flows(), &look(120)));
}

#[test]
fn every_sample_reads_as_it_did() {
    for (name, audit) in sample::all() {
        insta::assert_snapshot!(format!("{name}-80"), text(&audit, &look(80)));
    }
    let export = sample::export();
    insta::assert_snapshot!("export-120-colour", text(&export, &Look { colour: Colour::Always, ..look(120) }));
    insta::assert_snapshot!("export-80-ascii", text(&export, &Look { glyphs: Glyphs::Ascii, ..look(80) }));
    insta::assert_snapshot!("short-redacted", text(&sample::short(), &Look { redaction: REDACTED, ..look(80) }));
    insta::assert_snapshot!("export-json", json_text(&json(&export, &Redaction::Off)));
}

#[test]
fn flows_read_as_they_did() {
    insta::assert_snapshot!("flows-120", flows_table(&sample::flows(), &look(120)));
    insta::assert_snapshot!("flows-jsonl", lines_of(&sample::flows(), &Redaction::Off));
    insta::assert_snapshot!("flows-csv", csv_of(&sample::flows(), &Redaction::Off));
}

#[test]
fn no_line_of_a_page_is_wider_than_the_terminal() {
    for (name, audit) in sample::all() {
        for width in [60, 80, 100, 120, 200] {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let page = text(&audit, &Look { glyphs, ..look(width) });
                for line in page.lines() {
                    assert!(line.width() <= width, "{name} at {width}: {line:?} is {} wide", line.width());
                }
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, audit) in sample::all() {
        let coloured = text(&audit, &Look { colour: Colour::Always, ..look(80) });
        let mut bare = String::new();
        for (n, piece) in coloured.split("\u{1b}[").enumerate() {
            bare.push_str(if n == 0 { piece } else { piece.split_once('m').unwrap().1 });
        }
        let trimmed = |page: &str| page.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&bare), trimmed(&text(&audit, &look(80))), "{name}");
    }
}

#[test]
fn ascii_pages_are_ascii() {
    for (name, audit) in sample::all() {
        assert!(text(&audit, &Look { glyphs: Glyphs::Ascii, ..look(80) }).is_ascii(), "{name}");
    }
    assert!(flows_table(&sample::flows(), &Look { glyphs: Glyphs::Ascii, ..look(80) }).is_ascii());
}

#[test]
fn no_control_or_direction_mark_reaches_any_format() {
    let formats = every_format(&sample::hostile(), Redaction::Off);
    let flows = [
        ("table", flows_table(&sample::flows(), &look(120))),
        ("jsonl", lines_of(&sample::flows(), &Redaction::Off)),
        ("csv", csv_of(&sample::flows(), &Redaction::Off).replace("\r\n", "\n")),
    ];
    for (format, out) in formats.into_iter().chain(flows) {
        let harmful =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        assert_eq!(out.chars().find(|c| harmful(*c)), None, "{format}");
    }
}

#[test]
fn redaction_leaves_no_identifier_in_any_format() {
    for (name, audit) in [("export", sample::export()), ("short", sample::short())] {
        for (format, out) in every_format(&audit, REDACTED) {
            for identifier in
                ["02:00:00:00:07:17", "192.168.7.23", "fd00::23", "Ana", "/ana/", "evening.pcapng", "notes.txt"]
            {
                assert!(!out.contains(identifier), "{name} as {format} holds {identifier}");
            }
        }
    }
    let rows = sample::flows();
    for out in [
        lines_of(&rows, &REDACTED),
        csv_of(&rows, &REDACTED),
        flows_table(&rows, &Look { redaction: REDACTED, ..look(200) }),
    ] {
        assert!(!out.contains("192.168.7.23") && !out.contains("fd00::23") && !out.contains("02:00:00"), "{out}");
        assert!(out.contains("157.240.1.60") && out.contains("mmg.whatsapp.net"), "{out}");
    }
}

#[test]
fn a_flow_has_the_same_fields_in_the_same_order_in_every_line_format() {
    let rows = sample::flows();
    let header = csv_of(&rows, &Redaction::Off).lines().next().unwrap().to_owned();
    assert_eq!(header, FLOW_COLUMNS.join(","));
    for line in lines_of(&rows, &Redaction::Off).lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = FLOW_COLUMNS.to_vec();
        keys.sort_unstable();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }
}

#[test]
fn escaped_json_still_says_the_same() {
    for (name, audit) in sample::all() {
        let value = json(&audit, &Redaction::Off);
        assert_eq!(serde_json::from_str::<Value>(&json_text(&value)).unwrap(), value, "{name}");
    }
}

#[test]
fn a_routine_verdict_never_stands_without_bounds_and_size_guide() {
    let page = text(&sample::routine(), &look(80));
    for needed in ["0.41 MB", "80.0 kB", "1.4 MB", "a day of text messages"] {
        assert!(page.contains(needed), "{needed}");
    }
}

#[test]
fn a_short_capture_is_no_dead_end() {
    let page = text(&sample::short(), &look(80));
    for needed in
        ["Capture 5 more", "149.154.160.0/20", "15.1 MB up, 2.3 MB down", "largest upload was 14.8 MB", "somebody was"]
    {
        assert!(page.contains(needed), "{needed} in\n{page}");
    }
}

proptest! {
    #[test]
    fn any_name_at_all_gives_pages_that_fit_and_rows_that_parse(name in any::<String>()) {
        let mut audit = sample::short();
        audit.devices[0].label = Some(name.clone());
        audit.devices[0].destinations[0].destination.clone_from(&name);
        audit.devices[0].ledger.subjects[0].subject.name.clone_from(&name);
        audit.inputs[0].path.clone_from(&name);
        audit.failed = vec![name.clone()];
        for line in text(&audit, &look(80)).lines() {
            prop_assert!(line.width() <= 80, "{line:?}");
        }
        let mut row = sample::flows().remove(0);
        row.host = Some(name.clone());
        let value: Value = serde_json::from_str(&lines_of(&[row], &Redaction::Off)).unwrap();
        prop_assert_eq!(value["host"].as_str(), Some(name.as_str()));
    }
}

/// The few words of JSON Schema that docs/schema-1.json uses; any other word is an error, so that none goes unchecked.
fn violations(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().unwrap() {
        let holds = match word.as_str() {
            "$schema" | "title" | "description" | "$defs" | "format" => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                found.extend(violations(value, target, root, at));
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|one| is_of_type(value, one)),
                one => is_of_type(value, one),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "required" => {
                let missing = |name: &&Value| value.get(name.as_str().unwrap()).is_none();
                value.is_object() && rule.as_array().unwrap().iter().find(missing).is_none()
            }
            "oneOf" => {
                let fits = |one: &&Value| violations(value, one, root, at).is_empty();
                rule.as_array().unwrap().iter().filter(fits).count() == 1
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        found.extend(violations(inner, rule, root, &format!("{at}/{name}")));
                    }
                }
                true
            }
            "propertyNames" => {
                value.as_object().unwrap().keys().all(|k| violations(&k.as_str().into(), rule, root, at).is_empty())
            }
            "additionalProperties" => {
                for (name, inner) in value.as_object().unwrap() {
                    found.extend(violations(inner, rule, root, &format!("{at}/{name}")));
                }
                true
            }
            "items" => {
                for (n, inner) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(violations(inner, rule, root, &format!("{at}/{n}")));
                }
                true
            }
            other => panic!("this check does not know {other:?}"),
        };
        if !holds {
            found.push(format!("{at}: {value} breaks {word} {rule}"));
        }
    }
    found
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("no type {other:?}"),
    }
}

#[test]
fn json_keeps_to_its_published_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema-1.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    for (name, audit) in sample::all() {
        for redaction in [Redaction::Off, REDACTED] {
            assert_eq!(violations(&json(&audit, &redaction), &schema, &schema, name), Vec::<String>::new());
        }
    }
    let mut wrong = json(&sample::export(), &Redaction::Off);
    wrong["devices"][0]["subjects"][0]["bounds"]["worst_night"] = "64 MB".into();
    wrong["devices"][0]["subjects"][0].as_object_mut().unwrap().remove("verdict");
    assert_eq!(violations(&wrong, &schema, &schema, "wrong").len(), 2);
}
