//! Hints from real captures, held against what other programs read in the same bytes.
//!
//! The captures are not part of the project: they are looked for in `$NIGHTAUDIT_CORPUS`, else in `../shared/corpus`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "in a test a panic is the report")]

mod hint_support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use hint_support::{Pair, corpus, files, first_payloads, hints, recorded};
use nightaudit::{
    base::Stamp,
    flow::{FlowKey, Side},
    hint::{Hint, Inspector, NameSource},
};
use serde_json::Value;

type Names = BTreeMap<Pair, BTreeSet<String>>;

const ENDS: [&str; 4] = ["src", "sport", "dst", "dport"];

#[test]
fn server_names_are_those_that_tshark_reads() {
    let Some(root) = corpus() else { return };
    let compared = compare(&root, "apps");
    assert!(compared.expected > 500, "only {} names to find", compared.expected);
    compared.hold();
}

#[test]
fn server_names_in_broken_captures_are_those_that_tshark_reads() {
    let Some(root) = corpus() else { return };
    let mut compared = compare(&root, "malformed");
    compared.missed.retain(|name| !name.starts_with("ndpi_capwap_data")); // the decoder does not open CAPWAP
    assert!(compared.expected > 20, "only {} names to find", compared.expected);
    compared.hold();
}

#[derive(Default)]
struct Compared {
    expected: usize,
    told: usize,
    missed: Vec<String>,
    wrong: Vec<String>,
}

fn compare(root: &Path, set: &str) -> Compared {
    let mut all = Compared::default();
    for (file, capture, record) in recorded(root, set) {
        let (theirs, ours) = (tshark_names(&record), hello_names(&capture));
        all.expected += count(&theirs);
        all.told += count(&ours);
        all.missed.extend(beyond(&theirs, &ours).map(|name| format!("{file}: {name}")));
        all.wrong.extend(beyond(&ours, &theirs).map(|name| format!("{file}: {name}")));
    }
    all
}

impl Compared {
    fn hold(&self) {
        let Self { expected, told, missed, wrong } = self;
        println!("{} of {expected} names found, {} of {told} not in tshark", expected - missed.len(), wrong.len());
        assert!(missed.len() * 1000 <= expected * 15, "missed {missed:#?}");
        assert!(wrong.len() * 1000 <= told * 5, "wrong {wrong:#?}");
    }
}

fn tshark_names(record: &Value) -> Names {
    let mut names = Names::new();
    for one in record["tshark"]["sni"].as_array().into_iter().flatten() {
        let Some(pair) = Pair::of(one, ENDS, one["proto"] == "tcp") else { continue };
        let name = one["name"].as_str().unwrap_or_default().trim_end_matches('.').to_lowercase();
        names.entry(pair).or_default().insert(name);
    }
    names
}

/// The names in hellos, not in requests or certificates.
fn hello_names(capture: &Path) -> Names {
    let mut names = Names::new();
    for (pair, hints) in hints(capture) {
        for hint in hints {
            if let Hint::ServerName { name, source, .. } = hint
                && !matches!(source, NameSource::Http | NameSource::Certificate)
            {
                names.entry(pair).or_default().insert(name);
            }
        }
    }
    names
}

fn count(names: &Names) -> usize {
    names.values().map(BTreeSet::len).sum()
}

/// What is told and not known.
fn beyond<'a>(told: &'a Names, known: &'a Names) -> impl Iterator<Item = String> + 'a {
    let lacks = |pair, name| !known.get(pair).is_some_and(|names| names.contains(name));
    told.iter().flat_map(move |(pair, names)| {
        names.iter().filter(move |name| lacks(pair, *name)).map(move |name| format!("{name} {pair:?}"))
    })
}

#[test]
fn ja4_is_what_the_published_implementations_write() {
    let Some(root) = corpus() else { return };
    let mut judged = 0;
    for capture in files(&root.join("ja4/pcap")) {
        let name = capture.file_name().unwrap().to_str().unwrap();
        let theirs = published_ja4(&root, name);
        let ours = our_ja4(&capture);
        for (pair, fingerprints) in &theirs {
            judged += 1;
            assert_eq!(ours.get(pair), Some(fingerprints), "{name} {pair:?}");
        }
    }
    println!("{judged} flows have the published JA4");
    assert!(judged > 190, "only {judged} flows to compare");
}

fn our_ja4(capture: &Path) -> Names {
    let mut all = Names::new();
    for (pair, hints) in hints(capture) {
        let ja4 = hints.into_iter().filter_map(|hint| if let Hint::Hello(hello) = hint { hello.ja4 } else { None });
        let ja4: BTreeSet<_> = ja4.collect();
        if !ja4.is_empty() {
            all.insert(pair, ja4);
        }
    }
    all
}

/// The fingerprints of each flow's hellos, by the Python implementation, and of the first by the Rust one.
fn published_ja4(root: &Path, name: &str) -> Names {
    let mut all = Names::new();
    let mut put = |record: &Value, ja4: &str, ends| {
        if let Some(pair) = Pair::of(record, ends, ja4.starts_with('t')) {
            all.entry(pair).or_default().insert(ja4.to_owned());
        }
    };
    let python = fs::read(root.join(format!("ja4/expected-python/{name}.json"))).unwrap_or_default();
    let python: Value = serde_json::from_slice(&python).unwrap_or_default();
    for record in python.as_array().into_iter().flatten() {
        for ja4 in ["JA4.1", "JA4.2"].iter().filter_map(|nth| record[*nth].as_str()) {
            put(record, ja4, ["src", "srcport", "dst", "dstport"]);
        }
    }
    let rust = fs::read_to_string(root.join(format!("ja4/expected-rust/ja4__insta@{name}.snap"))).unwrap_or_default();
    for record in rust.split("\n- ").map(flat_yaml) {
        if let Some(ja4) = record["ja4"].as_str() {
            put(&record, ja4, ["src", "src_port", "dst", "dst_port"]);
        }
    }
    all
}

/// The `key: value` lines of one record.
fn flat_yaml(record: &str) -> Value {
    record
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .map(|(key, value)| (key, Value::from(value)))
        .collect()
}

#[test]
fn no_real_payload_cut_at_any_length_says_another_name() {
    let Some(root) = corpus() else { return };
    let mut tried = 0;
    for (file, capture, _) in recorded(&root, "apps") {
        for (key, payload) in first_payloads(&capture) {
            let whole = said(&key, &payload);
            for cut in 0..payload.len() {
                let part = said(&key, &payload[..cut]);
                assert!(part.is_subset(&whole), "{file} cut at {cut}: {part:?}, whole: {whole:?}");
                tried += 1;
            }
        }
    }
    println!("{tried} cut payloads");
    assert!(tried > 100_000, "only {tried} payloads");
}

/// The names in hellos and the apps that one payload at the front of a flow shows.
fn said(key: &FlowKey, payload: &[u8]) -> BTreeSet<String> {
    let (mut inspector, mut hints) = (Inspector::new(key), Vec::new());
    inspector.feed(Side::Initiator, Stamp::default(), payload, &mut hints);
    inspector.finish(&mut hints);
    let said = hints.into_iter().filter_map(|hint| match hint {
        Hint::Hello(hello) => hello.server_name,
        Hint::Signature { app, .. } => Some(app.to_owned()),
        _ => None,
    });
    said.collect()
}

#[test]
fn patterns_name_the_app_that_inspection_named() {
    let Some(root) = corpus() else { return };
    let (mut judged, mut differing) = (0, Vec::new());
    for (file, capture, record) in recorded(&root, "apps") {
        let labels = inspected_labels(&record);
        for (pair, hints) in hints(&capture) {
            let Some(label) = labels.get(&pair) else { continue };
            for hint in hints {
                if let Hint::Signature { app, pattern } | Hint::Shape { app, pattern } = hint {
                    judged += 1;
                    if !agrees(app, label) {
                        differing.push(format!("{file}: {app} {pattern} where inspection says {label}"));
                    }
                }
            }
        }
    }
    println!("{judged} patterns on inspected flows");
    assert!(judged > 280, "only {judged} patterns matched");
    assert!(differing.is_empty(), "{differing:#?}");
}

/// Labels that were reached by looking inside, not guessed from a port or an address.
fn inspected_labels(record: &Value) -> BTreeMap<Pair, String> {
    let flows = record["ndpi"]["flows"].as_array().into_iter().flatten();
    let inspected = flows.filter(|flow| flow["confidence"].as_str().is_some_and(|by| by.starts_with("DPI")));
    let labelled = inspected.filter_map(|flow| {
        let pair = Pair::of(flow, ["a", "a_port", "b", "b_port"], flow["proto"] == "tcp")?;
        Some((pair, flow["detected"].as_str()?.to_owned()))
    });
    labelled.collect()
}

fn agrees(app: &str, label: &str) -> bool {
    let words: &[&str] = match app {
        "qq" => &["OICQ", "QQ"],
        "teams" | "skype" => &["Teams", "Skype"],
        "kakaotalk" => &["KakaoTalk"],
        "whatsapp" => &["WhatsApp"],
        "imo" => &["IMO"],
        "xmpp" => &["Jabber"],
        "agora" => &["SD-RTN"],
        "messenger" => &["Facebook"],
        _ => &[],
    };
    words.iter().any(|word| label.contains(word)) || label.to_lowercase().contains(app)
}
