//! Just enough of a flow table to hand real captures to the inspector without trusting the stage before it.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use nightaudit::{
    base::Endpoint,
    capture::Captures,
    decode::{Decoded, Decoder, Packet, Transport},
    flow::{FlowKey, Protocol, Side},
    hint::{Appetite, Hint, Inspector},
};
use serde_json::Value;

/// A flow without its direction, as other programs' records are matched with ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub(crate) struct Pair {
    tcp: bool,
    low: Endpoint,
    high: Endpoint,
}

impl Pair {
    pub(crate) fn new(tcp: bool, a: Endpoint, b: Endpoint) -> Self {
        Self { tcp, low: a.min(b), high: a.max(b) }
    }

    /// The flow that a JSON record names by these fields.
    pub(crate) fn of(record: &Value, [src, sport, dst, dport]: [&str; 4], tcp: bool) -> Option<Self> {
        let end = |addr: &str, port: &str| {
            let number = record[port].as_u64().or_else(|| record[port].as_str()?.parse().ok())?;
            Some(Endpoint::new(record[addr].as_str()?.parse().ok()?, u16::try_from(number).ok()?))
        };
        Some(Self::new(tcp, end(src, sport)?, end(dst, dport)?))
    }
}

/// The first payload of each flow of a capture.
pub(crate) fn first_payloads(capture: &Path) -> Vec<(FlowKey, Vec<u8>)> {
    let mut seen = BTreeMap::new();
    packets(capture, |packet| {
        let tcp = matches!(packet.transport, Transport::Tcp { .. });
        if !matches!(packet.transport, Transport::Other(_)) && !packet.payload.is_empty() {
            let first = || (Flow::new(packet, tcp, None).key, packet.payload.to_vec());
            seen.entry(Pair::new(tcp, packet.src, packet.dst)).or_insert_with(first);
        }
    });
    seen.into_values().collect()
}

fn packets(capture: &Path, mut each: impl FnMut(&Packet<'_>)) {
    let mut captures = Captures::open(&[capture]).captures;
    let mut decoder = Decoder::default();
    while captures.advance().is_some() {
        if let Decoded::Packet(packet) = decoder.decode(&captures.frame()) {
            each(&packet);
        }
    }
}

/// What the inspector said of the flows of one capture, by flow.
pub(crate) fn hints(capture: &Path) -> BTreeMap<Pair, Vec<Hint>> {
    let mut table = Table::default();
    packets(capture, |packet| table.packet(packet));
    table.flows.into_iter().fold(BTreeMap::new(), |mut all: BTreeMap<_, Vec<_>>, flow| {
        all.entry(flow.pair()).or_default().extend(flow.hints);
        all
    })
}

#[derive(Default)]
struct Table {
    flows: Vec<Flow>,
    newest: HashMap<Pair, usize>,
}

struct Flow {
    key: FlowKey,
    opened_by: Option<u32>,
    inspector: Inspector,
    appetite: Appetite,
    orders: [Order; 2],
    hints: Vec<Hint>,
}

impl Table {
    fn packet(&mut self, packet: &Packet<'_>) {
        let tcp = match packet.transport {
            Transport::Tcp { .. } => true,
            Transport::Udp => false,
            Transport::Other(_) => return,
        };
        let opening = match packet.transport {
            Transport::Tcp { seq, flags, .. } if flags.syn && !flags.ack => Some(seq),
            _ => None,
        };
        let pair = Pair::new(tcp, packet.src, packet.dst);
        let known = self.newest.get(&pair).copied();
        let known = known.filter(|at| opening.is_none_or(|seq| self.flows[*at].opened_by == Some(seq)));
        let at = known.unwrap_or_else(|| {
            self.flows.push(Flow::new(packet, tcp, opening));
            self.newest.insert(pair, self.flows.len() - 1);
            self.flows.len() - 1
        });
        self.flows[at].packet(packet);
    }
}

impl Flow {
    fn new(packet: &Packet<'_>, tcp: bool, opened_by: Option<u32>) -> Self {
        let answers = matches!(packet.transport, Transport::Tcp { flags, .. } if flags.syn && flags.ack);
        let (initiator, responder) = if answers { (packet.dst, packet.src) } else { (packet.src, packet.dst) };
        let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
        let key = FlowKey { protocol, initiator, responder, initiator_mac: None, responder_mac: None };
        Self {
            key,
            opened_by,
            inspector: Inspector::new(&key),
            appetite: Appetite::More,
            orders: Default::default(),
            hints: Vec::new(),
        }
    }

    fn pair(&self) -> Pair {
        Pair::new(self.key.protocol == Protocol::Tcp, self.key.initiator, self.key.responder)
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let side = if packet.src == self.key.initiator { Side::Initiator } else { Side::Responder };
        let ready = match packet.transport {
            Transport::Tcp { seq, flags, .. } => {
                let first = if flags.syn { seq.wrapping_add(1) } else { seq };
                self.orders[usize::from(side == Side::Responder)].put(first, packet.payload)
            }
            _ => vec![packet.payload.to_vec()],
        };
        for bytes in ready {
            if self.appetite == Appetite::More {
                self.appetite = self.inspector.feed(side, packet.stamp, &bytes, &mut self.hints);
            }
        }
    }
}

/// One side of a TCP connection put in order, as simply as will do.
#[derive(Default)]
struct Order {
    next: Option<u32>,
    early: Vec<(u32, Vec<u8>)>,
}

/// Segments kept that came too early.
const EARLY: usize = 200;

impl Order {
    fn put(&mut self, seq: u32, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut next = *self.next.get_or_insert(seq);
        let mut ready = Vec::new();
        if !bytes.is_empty() && self.early.len() < EARLY {
            self.early.push((seq, bytes.to_vec()));
        }
        let known = |next: u32, seq: u32| next.wrapping_sub(seq) as usize;
        while let Some(at) = self.early.iter().position(|(seq, bytes)| known(next, *seq) < bytes.len()) {
            let (seq, bytes) = self.early.swap_remove(at);
            ready.push(bytes[known(next, seq)..].to_vec());
            next = seq.wrapping_add(u32::try_from(bytes.len()).unwrap());
        }
        self.next = Some(next);
        ready
    }
}

/// The folder of captures and expectations; says so where it is not there.
pub(crate) fn corpus() -> Option<PathBuf> {
    let set = std::env::var_os("NIGHTAUDIT_CORPUS").map(PathBuf::from);
    let root = set.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    if !root.is_dir() {
        println!("skipped: no corpus at {}", root.display());
        return None;
    }
    Some(root)
}

/// The files of a folder in order of their names.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

/// Each capture of a set with what other programs make of it.
pub(crate) fn recorded(root: &Path, set: &str) -> impl Iterator<Item = (String, PathBuf, Value)> {
    let folder = root.join(set);
    let expected = if set == "apps" { root.join("expected") } else { root.join("expected").join(set) };
    files(&expected).into_iter().filter_map(move |path| {
        let record: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let name = record["file"].as_str()?.to_owned();
        let capture = folder.join(&name);
        capture.is_file().then_some((name, capture, record))
    })
}
