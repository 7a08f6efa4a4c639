//! Hints from real captures, held against what other programs read in them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use nightaudit::{
    base::{Endpoint, Stamp},
    flow::{FlowKey, Protocol, Side},
    hint::{Appetite, Hint, Inspector, NameSource},
};
use serde_json::Value;

#[derive(Clone, Debug)]
struct Seen {
    at: Stamp,
    src: Endpoint,
    dst: Endpoint,
    tcp: Option<(u32, bool, bool)>, // seq, syn, ack
    payload: Vec<u8>,
}

fn unhex(s: &str) -> Vec<u8> {
    s.as_bytes().chunks_exact(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

fn packets(path: &Path) -> Vec<Seen> {
    let tsv = format!("/tmp/hintcache/{}.tsv", path.file_name().unwrap().to_str().unwrap());
    let mut out = vec![];
    for line in fs::read_to_string(tsv).unwrap_or_default().lines() {
        let f: Vec<&str> = line.split('\t').collect();
        if f.len() < 13 {
            continue;
        }
        let ip = |a: &str, b: &str| -> Option<IpAddr> { if a.is_empty() { b } else { a }.parse().ok() };
        let (Some(src), Some(dst)) = (ip(f[1], f[2]), ip(f[3], f[4])) else { continue };
        let tcp = !f[5].is_empty();
        let port = |a: &str, b: &str| -> u16 { if tcp { a } else { b }.parse().unwrap_or(0) };
        let (s, n) = f[0].split_once('.').unwrap_or((f[0], "0"));
        let flags = u16::from_str_radix(f[10].trim_start_matches("0x"), 16).unwrap_or(0);
        out.push(Seen {
            at: Stamp::new(s.parse().unwrap_or(0), n.parse().unwrap_or(0)),
            src: Endpoint::new(src, port(f[5], f[7])),
            dst: Endpoint::new(dst, port(f[6], f[8])),
            tcp: tcp.then(|| (f[9].parse().unwrap_or(0), flags & 2 != 0, flags & 16 != 0)),
            payload: unhex(if tcp { f[11] } else { f[12] }),
        });
    }
    out
}

/// One side of a TCP connection put in order, as simply as will do.
#[derive(Default)]
struct Order {
    next: Option<u32>,
    later: BTreeMap<u64, (u32, Vec<u8>)>,
}

impl Order {
    fn take(&mut self, seq: u32, syn: bool, bytes: &[u8]) -> Vec<Vec<u8>> {
        let seq = if syn { seq.wrapping_add(1) } else { seq };
        let next = *self.next.get_or_insert(seq);
        let mut ready = vec![];
        if bytes.is_empty() {
            return ready;
        }
        let ahead = u64::from(seq.wrapping_sub(next).wrapping_add(1 << 30));
        self.later.insert(ahead << 20 | (self.later.len() as u64 & 0xfffff), (seq, bytes.to_vec()));
        loop {
            let next = self.next.unwrap();
            let Some(key) = self
                .later
                .iter()
                .find(|(_, (s, b))| {
                    let off = next.wrapping_sub(*s);
                    off < 1 << 30 && (off as usize) < b.len()
                })
                .map(|(k, _)| *k)
            else {
                break;
            };
            let (s, b) = self.later.remove(&key).unwrap();
            let off = next.wrapping_sub(s) as usize;
            self.next = Some(s.wrapping_add(b.len() as u32));
            ready.push(b[off..].to_vec());
        }
        if self.later.len() > 500 {
            self.later.clear()
        }
        ready
    }
}

struct Flow {
    key: FlowKey,
    inspector: Inspector,
    appetite: Appetite,
    orders: [Order; 2],
    syn: Option<u32>,
    hints: Vec<Hint>,
}

fn hints(path: &Path) -> Vec<(FlowKey, Vec<Hint>)> {
    let mut flows: Vec<Flow> = vec![];
    let mut open: HashMap<(bool, Endpoint, Endpoint), usize> = HashMap::new();
    for p in packets(path) {
        let (a, b) = if p.src < p.dst { (p.src, p.dst) } else { (p.dst, p.src) };
        let id = (p.tcp.is_some(), a, b);
        let fresh_syn = p.tcp.filter(|(_, syn, ack)| *syn && !*ack).map(|(seq, ..)| seq);
        let known = open.get(&id).copied().filter(|at| fresh_syn.is_none_or(|seq| flows[*at].syn == Some(seq)));
        let at = known.unwrap_or_else(|| {
            let backwards = p.tcp.is_some_and(|(_, syn, ack)| syn && ack);
            let (initiator, responder) = if backwards { (p.dst, p.src) } else { (p.src, p.dst) };
            let protocol = if p.tcp.is_some() { Protocol::Tcp } else { Protocol::Udp };
            let key = FlowKey { protocol, initiator, responder, initiator_mac: None, responder_mac: None };
            flows.push(Flow {
                key,
                inspector: Inspector::new(&key),
                appetite: Appetite::More,
                orders: Default::default(),
                syn: fresh_syn,
                hints: vec![],
            });
            open.insert(id, flows.len() - 1);
            flows.len() - 1
        });
        let flow = &mut flows[at];
        let side = if p.src == flow.key.initiator { Side::Initiator } else { Side::Responder };
        let ready = match p.tcp {
            Some((seq, syn, _)) => flow.orders[usize::from(side == Side::Responder)].take(seq, syn, &p.payload),
            None if p.payload.is_empty() => vec![],
            None => vec![p.payload],
        };
        for bytes in ready {
            if flow.appetite == Appetite::More {
                flow.appetite = flow.inspector.feed(side, p.at, &bytes, &mut flow.hints);
            }
        }
    }
    flows.into_iter().map(|f| (f.key, f.hints)).collect()
}

fn corpus() -> Option<PathBuf> {
    let at = std::env::var_os("NIGHTAUDIT_CORPUS").map_or_else(|| PathBuf::from("../shared/corpus"), PathBuf::from);
    if at.is_dir() {
        Some(at)
    } else {
        println!("skipped: no corpus at {}", at.display());
        None
    }
}

type Id = (bool, Endpoint, Endpoint);
fn id(tcp: bool, a: Endpoint, b: Endpoint) -> Id {
    if a < b { (tcp, a, b) } else { (tcp, b, a) }
}

#[test]
fn server_names_are_those_that_tshark_reads() {
    let Some(corpus) = corpus() else { return };
    let (mut expected, mut found, mut wrong, mut told) = (0, 0, 0, 0);
    let mut files: Vec<_> = fs::read_dir(corpus.join("expected"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    for record in files {
        let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
        let file = record["file"].as_str().unwrap();
        let path = corpus.join("apps").join(file);
        if !path.is_file() {
            continue;
        }
        let mut theirs: BTreeMap<Id, BTreeSet<String>> = BTreeMap::new();
        for s in record["tshark"]["sni"].as_array().unwrap() {
            let Some(proto) = s["proto"].as_str() else { continue };
            let end = |a: &str, p: &str| {
                Endpoint::new(s[a].as_str().unwrap().parse().unwrap(), s[p].as_u64().unwrap() as u16)
            };
            theirs
                .entry(id(proto == "tcp", end("src", "sport"), end("dst", "dport")))
                .or_default()
                .insert(s["name"].as_str().unwrap().trim_end_matches('.').to_lowercase());
        }
        let mut ours: BTreeMap<Id, BTreeSet<String>> = BTreeMap::new();
        for (key, hints) in hints(&path) {
            for hint in hints {
                if let Hint::ServerName { name, source, .. } = hint
                    && !matches!(source, NameSource::Http | NameSource::Certificate)
                {
                    ours.entry(id(key.protocol == Protocol::Tcp, key.initiator, key.responder))
                        .or_default()
                        .insert(name);
                }
            }
        }
        let none = BTreeSet::new();
        for (k, names) in &theirs {
            let got = ours.get(k).unwrap_or(&none);
            for name in names {
                expected += 1;
                if got.contains(name) { found += 1 } else { println!("{file}: missed {name} {k:?}: {got:?}") }
            }
        }
        for (k, names) in &ours {
            for name in names {
                told += 1;
                if !theirs.get(k).unwrap_or(&none).contains(name) {
                    wrong += 1;
                    println!("{file}: not in tshark: {name} {k:?}");
                }
            }
        }
    }
    println!("{found} of {expected} names found; {wrong} of {told} not in tshark");
    assert!(found * 1000 >= expected * 985, "{found} of {expected}");
    assert!(wrong * 1000 <= told * 5, "{wrong} of {told}");
}

#[test]
fn ja4_is_what_the_published_implementations_write() {
    let Some(corpus) = corpus() else { return };
    let (mut judged, mut equal) = (0, 0);
    let mut files: Vec<_> = fs::read_dir(corpus.join("ja4/pcap")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut theirs: BTreeMap<Id, BTreeSet<String>> = BTreeMap::new();
        if let Ok(text) = fs::read(corpus.join(format!("ja4/expected-python/{name}.json"))) {
            let Ok(all) = serde_json::from_slice::<Value>(&text) else {
                println!("no json {name}");
                continue;
            };
            for r in all.as_array().unwrap() {
                for (k, v) in r.as_object().unwrap() {
                    if k != "JA4.1" {
                        continue;
                    }
                    let v = v.as_str().unwrap();
                    let end = |a: &str, p: &str| {
                        Some(Endpoint::new(r[a].as_str()?.parse().ok()?, r[p].as_str()?.parse().ok()?))
                    };
                    let (Some(a), Some(b)) = (end("src", "srcport"), end("dst", "dstport")) else { continue };
                    theirs.entry(id(v.starts_with('t'), a, b)).or_default().insert(v.to_owned());
                }
            }
        }
        if let Ok(text) = fs::read_to_string(corpus.join(format!("ja4/expected-rust/ja4__insta@{name}.snap"))) {
            let mut fields: HashMap<&str, &str> = HashMap::new();
            for line in text.lines() {
                let line = line.trim_start_matches("- ").trim();
                let Some((k, v)) = line.split_once(": ") else { continue };
                if k == "stream" {
                    fields.clear()
                }
                fields.insert(k, v);
                if k == "ja4" {
                    let end = |a: &str, p: &str| {
                        Some(Endpoint::new(fields.get(a)?.parse().ok()?, fields.get(p)?.parse().ok()?))
                    };
                    let (Some(a), Some(b)) = (end("src", "src_port"), end("dst", "dst_port")) else { continue };
                    theirs.entry(id(v.starts_with('t'), a, b)).or_default().insert(v.to_owned());
                }
            }
        }
        let mut ours: BTreeMap<Id, BTreeSet<String>> = BTreeMap::new();
        for (key, hints) in hints(&path) {
            for hint in hints {
                if let Hint::Hello(hello) = hint {
                    ours.entry(id(key.protocol == Protocol::Tcp, key.initiator, key.responder))
                        .or_default()
                        .extend(hello.ja4);
                }
            }
        }
        for (k, want) in &theirs {
            judged += 1;
            if ours.get(k) == Some(want) { equal += 1 } else { println!("{name}: {k:?} {want:?} {:?}", ours.get(k)) }
        }
        for (k, v) in &ours {
            if !theirs.contains_key(k) {
                println!("{name}: only ours {k:?} {v:?}")
            }
        }
    }
    println!("{equal} of {judged} JA4 equal");
    assert_eq!(equal, judged);
}
