//! Which app each flow of the published captures is, against what an independent inspection of the same bytes called
//! it. Where the two differ stands in `labels_corpus.toml`, with the reason; a difference that is not listed fails, and
//! so does a listed one that is gone.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "in a test a panic is the report")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde::Deserialize;
use serde_json::Value;
use support::{corpus, files, nightaudit};

/// In how many of a hundred flows that the inspection decided by their bytes both must agree.
const FLOOR: f64 = 93.0;

/// `labels_corpus.toml`.
#[derive(Deserialize)]
struct List {
    /// What the inspection's labels may be called here.
    means: BTreeMap<String, Vec<String>>,
    /// Captures in which an app must not be named: another program once did, wrongly.
    trap: Vec<Trap>,
    differs: Vec<Difference>,
}

#[derive(Deserialize)]
struct Trap {
    capture: String,
    apps: Vec<String>,
}

/// Flows of one capture that the inspection and this project call differently.
#[derive(Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
struct Difference {
    capture: String,
    label: String,
    here: String,
    flows: usize,
    /// Why this project's reading stays.
    why: String,
}

/// Both ends of a flow, without its direction.
type Pair = (String, SocketAddr, SocketAddr);
/// How many flows of a capture carry this label there and that app here.
type Count = BTreeMap<(String, String, String), usize>;

#[derive(Default)]
struct Judged {
    flows: usize,
    differing: Count,
    trapped: Vec<String>,
}

#[test]
fn flows_are_called_what_an_independent_inspection_calls_them_save_for_the_listed() {
    let (Some(captures), Some(records)) = (corpus("apps"), corpus("expected")) else { return };
    let list = list();
    let judged = judge(&files(&captures), &records, &list);
    let differing: usize = judged.differing.values().sum();
    let agreement = 100.0 * (1.0 - share(differing, judged.flows));
    println!("{agreement:.2} % of {} flows agree", judged.flows);
    assert!(judged.flows > 600, "only {} flows were judged: the corpus is no longer read", judged.flows);
    assert_eq!(judged.trapped, [""; 0], "apps named in captures that are traps for them");
    let listed = list.differs.iter().map(|d| ((d.capture.clone(), d.label.clone(), d.here.clone()), d.flows));
    assert_eq!(judged.differing, listed.collect::<Count>(), "left: found; right: listed in labels_corpus.toml");
    assert!(agreement >= FLOOR, "{agreement:.2} %, at least {FLOOR} %");
}

#[test]
fn every_listed_difference_says_why() {
    let list = list();
    assert!(list.differs.iter().all(|difference| difference.why.len() > 20 && difference.flows > 0));
    let places: BTreeSet<_> = list.differs.iter().map(|d| (&d.capture, &d.label, &d.here)).collect();
    assert_eq!(places.len(), list.differs.len(), "one entry for each capture, label and app");
}

fn list() -> List {
    let path = support::project().join("tests/labels_corpus.toml");
    toml::from_str(&fs::read_to_string(path).expect("the list")).expect("a list")
}

fn judge(captures: &[PathBuf], records: &Path, list: &List) -> Judged {
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Judged::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                while let Some(capture) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    compare(capture, records, list, &mut all.lock().expect("no thread failed"));
                }
            });
        }
    });
    all.into_inner().expect("no thread failed")
}

fn compare(capture: &Path, records: &Path, list: &List, judged: &mut Judged) {
    let name = capture.file_name().expect("a file").to_string_lossy().into_owned();
    let ours = ours(capture);
    for trap in list.trap.iter().filter(|trap| trap.capture == name) {
        let named = ours.values().filter(|app| trap.apps.contains(app));
        judged.trapped.extend(named.map(|app| format!("{name}: {app}")));
    }
    let Ok(text) = fs::read_to_string(records.join(format!("{name}.json"))) else { return };
    let record: Value = serde_json::from_str(&text).unwrap_or_default();
    for (pair, label) in inspected(&record, &list.means) {
        judged.flows += 1;
        let here = ours.get(&pair).map_or("", String::as_str);
        if !list.means[&label].iter().any(|app| app == here) {
            *judged.differing.entry((name.clone(), label, here.to_owned())).or_default() += 1;
        }
    }
}

/// The app of each flow, where the tuple was used twice that of most bytes; empty where none is known.
fn ours(capture: &Path) -> BTreeMap<Pair, String> {
    let run = nightaudit([Path::new("flows"), Path::new("--format=jsonl"), capture]);
    assert!(run.ended_well(), "{}: {}", capture.display(), run.err);
    let mut weights: BTreeMap<Pair, BTreeMap<String, u64>> = BTreeMap::new();
    for row in run.json_lines() {
        let bytes = row["bytes_ab"].as_u64().unwrap_or(0) + row["bytes_ba"].as_u64().unwrap_or(0);
        if let (Some(pair), Some(app)) = (pair(&row, ["src", "sport", "dst", "dport"]), row["app"].as_str()) {
            *weights.entry(pair).or_default().entry(app.to_owned()).or_default() += bytes + 1;
        }
    }
    let heaviest = |apps: BTreeMap<String, u64>| apps.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(app, _)| app);
    weights.into_iter().filter_map(|(pair, apps)| Some((pair, heaviest(apps)?))).collect()
}

/// The labels that the inspection reached by looking inside, and that mean an app here; look-ups left out.
fn inspected(record: &Value, means: &BTreeMap<String, Vec<String>>) -> BTreeMap<Pair, String> {
    let mut found: BTreeMap<Pair, String> = BTreeMap::new();
    let mut lookups = BTreeSet::new();
    for flow in record["ndpi"]["flows"].as_array().into_iter().flatten() {
        let Some(pair) = pair(flow, ["a", "a_port", "b", "b_port"]) else { continue };
        let label = flow["detected"].as_str().unwrap_or_default();
        let (first, last) = (label.split('.').next(), label.rsplit('.').next().unwrap_or_default());
        if matches!(first, Some("DNS" | "MDNS" | "LLMNR" | "DoH_DoT")) {
            lookups.insert(pair);
        } else if means.contains_key(last) && flow["confidence"].as_str().is_some_and(|by| by.starts_with("DPI")) {
            found.entry(pair).or_insert_with(|| last.to_owned());
        }
    }
    found.retain(|pair, _| !lookups.contains(pair));
    found
}

fn pair(record: &Value, [a, a_port, b, b_port]: [&str; 4]) -> Option<Pair> {
    let protocol = record["proto"].as_str().filter(|protocol| matches!(*protocol, "tcp" | "udp"))?;
    let end = |addr: &str, port: &str| {
        let addr: IpAddr = record[addr].as_str()?.parse().ok()?;
        Some(SocketAddr::new(addr.to_canonical(), u16::try_from(record[port].as_u64()?).ok()?))
    };
    let (a, b) = (end(a, a_port)?, end(b, b_port)?);
    Some((protocol.to_owned(), a.min(b), a.max(b)))
}

#[expect(clippy::cast_precision_loss, reason = "flows are counted in hundreds")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
