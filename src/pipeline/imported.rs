//! Logs joined into the books: a connection that a log tells of is attributed and booked as one that was captured.
//!
//! Handshakes, requests and look-ups come from logs of their own and are joined by uid. What a connection of at most
//! ten minutes moved is spread evenly over its minutes; what a longer one moved is booked as unplaced. The same
//! identifier, devices, rules and ledger are used as for packets, and every byte of a log is in the ledger.

use std::collections::{HashMap, VecDeque};

use super::{
    audit::InputReport,
    auditor::{Auditor, Track},
    case::Case,
};
use crate::{
    base::{
        Bytes, Minute, Stamp,
        text::{host_name, shown},
    },
    capture::{
        AppTag, FileReport,
        logs::{Connection, Entry, LogReport, Logs, Lookup, Moved, NameLog, Names},
    },
    flow::{FlowKey, Protocol, Sent},
    hint::{Answer, ClientHello, Detail, Hint, NameSource, Recognised},
    identify::{Attribution, Place},
};

/// Connections whose names wait for the row that tells of them.
const MOST_WAITING: usize = 1 << 17;
/// Names kept of one connection.
const MOST_NAMES: usize = 8;
/// The mean payload of a packet from which an upload is taken to have travelled in large packets. A log gives no
/// sizes; of an upload at least every third packet is full, of chatter none.
const BULK_MEAN: u64 = 500;
/// How long a name in a row without handshake stands for its address, in seconds.
const LIFETIME: u32 = 60;

const NANOS_A_MINUTE: u64 = 60_000_000_000;

/// Folds log entries into an auditor.
#[derive(Default)]
pub(super) struct Imports {
    names: HashMap<Box<str>, Vec<Names>>,
    order: VecDeque<Box<str>>,
    /// Names that came without a row about their connection, or were too many to wait for it.
    lost_names: u64,
    /// Connections that are tunnels and not counted again.
    pub(super) outer: u64,
}

impl Imports {
    /// Reads `logs` to their end. `step` is called now and then.
    pub(super) fn read(mut self, logs: &mut Logs, auditor: &mut Auditor<'_>, mut step: impl FnMut()) -> Self {
        let mut until_step = ROWS_A_STEP;
        while let Some(entry) = logs.advance() {
            self.take(entry, logs, auditor);
            until_step -= 1;
            if until_step == 0 {
                until_step = ROWS_A_STEP;
                step();
            }
        }
        self.lost_names += self.names.len() as u64;
        auditor.lost_names += self.lost_names;
        self
    }

    fn take(&mut self, entry: Entry, logs: &Logs, auditor: &mut Auditor<'_>) {
        match entry {
            Entry::Names(names) => self.keep(names),
            Entry::Lookup(lookup) => look_up(&lookup, &mut auditor.track),
            Entry::Connection(connection) => {
                let uid = connection.uid.as_deref();
                if uid.is_some_and(|uid| logs.is_tunnel(uid)) {
                    self.outer += 1;
                    return;
                }
                let names = uid.and_then(|uid| self.names.remove(uid)).unwrap_or_default();
                connect(&connection, &names, auditor);
            }
        }
    }

    fn keep(&mut self, names: Names) {
        if let Some(known) = self.names.get_mut(&names.uid) {
            if known.len() < MOST_NAMES {
                known.push(names);
            }
            return;
        }
        while self.names.len() >= MOST_WAITING
            && let Some(oldest) = self.order.pop_front()
        {
            self.lost_names += u64::from(self.names.remove(&oldest).is_some());
        }
        // Most of those noted here have been joined since.
        if self.order.len() > 2 * MOST_WAITING {
            self.order.retain(|uid| self.names.contains_key(uid));
        }
        self.order.push_back(names.uid.clone());
        self.names.insert(names.uid.clone(), vec![names]);
    }
}

/// Rows between two looks of whoever follows the progress.
const ROWS_A_STEP: u32 = 1 << 12;

/// A name looked up is a sign of a person, and what is answered explains later connections.
fn look_up(lookup: &Lookup, track: &mut Track<'_>) {
    let key = FlowKey {
        protocol: protocol(lookup.protocol),
        initiator: lookup.from,
        responder: lookup.to,
        initiator_mac: None,
        responder_mac: None,
    };
    let multicast = MULTICAST_DNS.contains(&lookup.to.port);
    let Some(name) = host_name(lookup.name.as_bytes()).filter(|_| !multicast) else { return };
    let Some(Place { device, .. }) = track.devices.place(&key, None) else { return };
    if !lookup.addresses.is_empty() {
        let answer = Answer { name: name.clone(), addresses: lookup.addresses.clone() };
        track.identifier.learn(device, lookup.at, &answer);
    }
    if !lookup.reverse {
        track.books.name(track.identifier.rules(), device, lookup.at.minute(), &name);
    }
}

/// The ports of multicast DNS and LLMNR, in which devices chatter with nobody there.
const MULTICAST_DNS: [u16; 2] = [5353, 5355];

/// Attributes a connection and books what it moved.
fn connect(told: &Connection, names: &[Names], auditor: &mut Auditor<'_>) {
    let [up, down] = &told.moved;
    auditor.unwritten.told(told.start, up.packets.saturating_add(down.packets), up.wire + down.wire);
    let track = &mut auditor.track;
    let key = key(told);
    let place = track.devices.place(&key, told.heading);
    let mut case = Case::new(key, place, told.start, Detail::Brief);
    case.inspector = None;
    show(told, names, &mut case, track);
    let attribution = attribute(told, &mut case, track);
    let rules = track.identifier.rules();
    if told.is_placed() {
        for (minute, [from, to]) in spread(told) {
            case.moved(minute, from, to);
        }
        track.books.book(rules, &mut case, &attribution);
    } else {
        let whole = [up, down].map(|side| sent(side, 0, 1, 1, 0));
        case.moved(told.start.minute(), whole[0], whole[1]);
        track.books.book_unplaced(rules, &mut case, &attribution, told.end.minute());
    }
    track.list_row(&case, &attribution, told.end);
}

fn key(told: &Connection) -> FlowKey {
    let [initiator_mac, responder_mac] = told.macs;
    let protocol = protocol(told.protocol);
    FlowKey { protocol, initiator: told.from, responder: told.to, initiator_mac, responder_mac }
}

const fn protocol(number: u8) -> Protocol {
    match number {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        other => Protocol::Other(other),
    }
}

/// Adds what the logs say of a connection to its clues, and its names to the signs of a person.
fn show(told: &Connection, names: &[Names], case: &mut Case, track: &mut Track<'_>) {
    let recognised = recognised(told, names);
    for protocol in &recognised {
        case.clues.add(&Hint::Protocol(*protocol));
        case.protocol = Some(*protocol);
    }
    if let Some((uid, app)) = &told.app {
        case.clues.tag(&AppTag::Uid { uid: *uid, name: Some(app) });
    }
    let mut hello = ClientHello::default();
    for said in names {
        hello.ja4 = hello.ja4.or_else(|| said.ja4.as_deref().map(str::to_owned));
        hello.alpn.extend(said.alpn.as_deref().map(str::to_owned));
        if let Some(name) = said.host.as_deref().and_then(server_name) {
            let source = source(said.source, told, &recognised);
            let at = said.at.max(told.start).min(told.end);
            name_server(name, source, at, case, track);
        }
    }
    if hello.ja4.is_some() || !hello.alpn.is_empty() {
        hello.alpn.dedup();
        case.hello = Some(hello);
    }
    if let Some(host) = &told.host {
        host_in_row(host, told, &recognised, case, track);
    }
}

/// A name that stands in the connection's own row: looked up, said in its handshake, or looked up before.
fn host_in_row(host: &str, told: &Connection, recognised: &[Recognised], case: &mut Case, track: &mut Track<'_>) {
    let says = |protocol| recognised.contains(&protocol);
    let name = host.to_owned();
    let source = match () {
        () if says(Recognised::Dns) => None,
        () if says(Recognised::Quic) => Some(NameSource::Quic),
        () if says(Recognised::Tls) => Some(NameSource::Tls),
        () if says(Recognised::Http) => Some(NameSource::Http),
        () => {
            let answer = Answer { name, addresses: vec![(case.remote().addr, LIFETIME)] };
            track.identifier.learn(case.device(), told.start, &answer);
            return;
        }
    };
    match source {
        Some(source) => name_server(name, source, told.start, case, track),
        None => sign(&name, told.start, case, track),
    }
}

fn name_server(name: String, source: NameSource, at: Stamp, case: &mut Case, track: &mut Track<'_>) {
    sign(&name, at, case, track);
    case.clues.add(&Hint::ServerName { name, source, outer: false });
}

fn sign(name: &str, at: Stamp, case: &Case, track: &mut Track<'_>) {
    if let Some(Place { device, .. }) = case.place {
        track.books.name(track.identifier.rules(), device, at.minute(), name);
    }
}

/// A server's name without the port that an HTTP host may carry.
fn server_name(text: &str) -> Option<String> {
    let name = text.rsplit_once(':').filter(|(name, port)| !name.contains(':') && port.parse::<u16>().is_ok());
    host_name(name.map_or(text, |(name, _)| name).as_bytes())
}

fn source(log: NameLog, told: &Connection, recognised: &[Recognised]) -> NameSource {
    match log {
        NameLog::Http => NameSource::Http,
        NameLog::Quic => NameSource::Quic,
        NameLog::Ssl if recognised.contains(&Recognised::Quic) => NameSource::Quic,
        NameLog::Ssl if told.protocol == 17 => NameSource::Dtls,
        NameLog::Ssl => NameSource::Tls,
    }
}

/// The protocols that the sensor recognised, the one that decides most last.
fn recognised(told: &Connection, names: &[Names]) -> Vec<Recognised> {
    let mut all: Vec<_> = told.services.iter().filter_map(|service| by_name(service, told)).collect();
    if names.iter().any(|said| said.source == NameLog::Quic) {
        all.push(Recognised::Quic);
    }
    all.sort_unstable_by_key(|protocol| (protocol.is_opaque_tunnel(), *protocol == Recognised::Quic));
    all.dedup();
    all
}

/// A protocol by the name that Zeek or nDPI (as PCAPdroid shows it) has for it.
fn by_name(service: &str, told: &Connection) -> Option<Recognised> {
    let service = service.to_ascii_lowercase();
    Some(match service.as_str() {
        "dns" if MULTICAST_DNS.contains(&told.to.port) => Recognised::Mdns,
        "mdns" | "llmnr" => Recognised::Mdns,
        "dns" => Recognised::Dns,
        "dot" => Recognised::Dot,
        "doh_dot" | "doh" => Recognised::Doh,
        "ssl" | "tls" | "https" if told.protocol == 17 => Recognised::Dtls,
        "ssl" | "tls" | "https" if told.to.port == 853 => Recognised::Dot,
        "ssl" | "tls" | "https" => Recognised::Tls,
        "dtls" => Recognised::Dtls,
        "quic" => Recognised::Quic,
        "http" => Recognised::Http,
        "stun" => Recognised::Stun,
        "rtp" | "rtcp" | "srtp" => Recognised::Rtp,
        "wireguard" => Recognised::WireGuard,
        "ipsec" | "ike" | "isakmp" => Recognised::Ipsec,
        name if name.starts_with("openvpn") || name.starts_with("spicy_openvpn") => Recognised::OpenVpn,
        name if name.starts_with("spicy_wireguard") => Recognised::WireGuard,
        name if name.starts_with("spicy_ipsec") => Recognised::Ipsec,
        _ => return None,
    })
}

/// Whose the far end is by what was known when it began. A connection of hours is told of when newer answers have
/// taken the place of those it began with; where nothing else is known of it, they will do.
fn attribute(told: &Connection, case: &mut Case, track: &mut Track<'_>) -> Attribution {
    let (device, remote) = (case.device(), case.remote());
    let identifier = &mut track.identifier;
    let early = identifier.attribute(device, remote, told.start, &case.clues);
    let late = || identifier.attribute(device, remote, told.end, &case.clues);
    let attribution = if told.is_placed() {
        early
    } else {
        [late(), early].into_iter().max_by_key(|it| it.evidence).unwrap_or_else(late)
    };
    identifier.settle(device, remote, told.start, &attribution);
    identifier.occupy(device, told.start, &case.clues, &attribution);
    attribution
}

/// What a connection moved, evenly over the minutes between its first and its last packet; the parts add up to the
/// byte.
fn spread(told: &Connection) -> Vec<(Minute, [Sent; 2])> {
    let (start, end) = (told.start.nanos(), told.end.nanos());
    let whole = end.saturating_sub(start).max(1);
    let mut parts = Vec::new();
    let mut done = 0;
    for minute in told.start.minute().0..=told.end.minute().0 {
        let minute = Minute(minute);
        let minute_start = minute.start().nanos();
        let until = if minute == told.end.minute() { whole } else { minute_start + NANOS_A_MINUTE - start };
        let first = start.max(minute_start) - minute_start;
        let last = end.min(minute_start + NANOS_A_MINUTE - 1) - minute_start;
        let seconds = seconds(first, last);
        parts.push((minute, [0, 1].map(|side| sent(&told.moved[side], done, until, whole, seconds))));
        done = until;
    }
    parts
}

/// One bit for each second of a minute from one moment in it to another, in nanoseconds.
const fn seconds(first: u64, last: u64) -> u64 {
    let (first, last) = (first / 1_000_000_000, last / 1_000_000_000);
    (u64::MAX >> (63 - last + first)) << first
}

/// The part of what one side sent between two moments of the `whole`.
fn sent(side: &Moved, from: u64, until: u64, whole: u64, seconds: u64) -> Sent {
    let up_to =
        |total: u64, at: u64| u64::try_from(u128::from(total) * u128::from(at) / u128::from(whole)).unwrap_or(total);
    let part = |total: u64| up_to(total, until) - up_to(total, from);
    let payload = Bytes(part(side.payload.0));
    let is_bulk = side.payload.0 >= side.packets.saturating_mul(BULK_MEAN) && side.packets > 0;
    Sent {
        payload,
        wire: Bytes(part(side.wire.0)),
        bulk: if is_bulk { payload } else { Bytes::ZERO },
        packets: u32::try_from(part(side.packets)).unwrap_or(u32::MAX),
        seconds: if part(side.packets) > 0 { seconds } else { 0 },
    }
}

/// A line that says why a log could not be read, or not to its end.
pub(super) fn failure(log: &LogReport) -> Option<String> {
    let path = log.path.display().to_string();
    let problem = log.problem.as_ref().map(|problem| format!("{}: {problem}", shown(&path, LONGEST_PATH)));
    log.error.as_ref().map(ToString::to_string).or(problem)
}

/// What was read from one log.
pub(super) fn report(log: LogReport) -> InputReport {
    InputReport {
        path: log.path.display().to_string(),
        sha256: log.sha256,
        packets: log.packets,
        records: log.rows,
        first: log.first,
        last: log.last,
        link_types: log.kinds.into_iter().map(str::to_owned).collect(),
        malformed: log.broken,
        unsupported: 0,
        lost: 0,
        truncated: log.cut,
    }
}

/// What its reader must know of the logs, a line each.
pub(super) fn notes(captures: &[FileReport], logs: &[LogReport], imports: &Imports) -> Vec<String> {
    let mut notes = Vec::new();
    for log in logs {
        let path = log.path.display().to_string();
        let path = shown(&path, LONGEST_PATH);
        if let Some(first) = &log.first_broken {
            notes.push(format!("{path}: {} passed over; the first is {first}", rows(log.broken)));
        }
    }
    let needless: Vec<_> = logs.iter().filter(|log| log.rows == 0 && log.needless > 0).collect();
    if let Some(first) = needless.first() {
        let path = first.path.display().to_string();
        let files =
            if needless.len() == 1 { "1 log holds".to_owned() } else { format!("{} logs hold", needless.len()) };
        notes.push(format!("{files} nothing an audit needs, such as {}", shown(&path, LONGEST_PATH)));
    }
    let told = |kind: &str| logs.iter().any(|log| log.kinds.contains(&kind));
    let names_only = ["zeek-ssl", "zeek-dns", "zeek-quic", "zeek-http"].iter().any(|kind| told(kind));
    if names_only && !(told("zeek-conn") || told("zeek-open-conn")) {
        notes.push("logs of names say nothing of volumes; add the conn.log of the same time".to_owned());
    }
    if imports.outer > 0 {
        notes.push(format!("{} of tunnels left out, whose insides are counted one by one", rows(imports.outer)));
    }
    if overlap(captures, logs) {
        notes.push(
            "captures and logs tell of the same time; what both hold counts twice, so audit one of them".to_owned(),
        );
    }
    notes
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn overlap(captures: &[FileReport], logs: &[LogReport]) -> bool {
    let spans = logs.iter().filter_map(|log| log.first.zip(log.last));
    let covered = || captures.iter().filter_map(|file| file.first.zip(file.last));
    spans.into_iter().any(|(first, last)| covered().any(|(from, to)| from <= last && first <= to))
}

/// No path in a note is shown longer.
const LONGEST_PATH: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Endpoint;

    fn told(start: u64, lasted: u64, moved: [Moved; 2]) -> Connection {
        Connection {
            uid: None,
            start: Stamp::from_nanos(start),
            end: Stamp::from_nanos(start + lasted),
            protocol: 6,
            from: Endpoint::new([192, 168, 7, 23].into(), 40_000),
            to: Endpoint::new([203, 0, 113, 5].into(), 443),
            macs: [None; 2],
            heading: None,
            moved,
            services: Vec::new(),
            app: None,
            host: None,
            tunnels: Vec::new(),
        }
    }

    fn moved() -> impl Strategy<Value = Moved> {
        (0..1_u64 << 46, 0..1_u64 << 46, 0..1_u64 << 30).prop_map(|(payload, wire, packets)| Moved {
            payload: Bytes(payload),
            wire: Bytes(wire),
            packets,
        })
    }

    proptest! {
        #[test]
        fn what_is_spread_adds_up_to_the_byte(
            start in 946_684_800_000_000_000_u64..4_102_444_800_000_000_000,
            lasted in 0..600_000_000_001_u64,
            up in moved(),
            down in moved(),
        ) {
            let connection = told(start, lasted, [up, down]);
            prop_assert!(connection.is_placed());
            let parts = spread(&connection);
            prop_assert!(parts.len() <= 11);
            for (side, whole) in [up, down].into_iter().enumerate() {
                let sum = |of: fn(&Sent) -> u64| parts.iter().map(|(_, sent)| of(&sent[side])).sum::<u64>();
                prop_assert_eq!(sum(|sent| sent.payload.0), whole.payload.0);
                prop_assert_eq!(sum(|sent| sent.wire.0), whole.wire.0);
                prop_assert_eq!(sum(|sent| sent.packets.into()), whole.packets);
            }
        }
    }

    #[test]
    fn half_of_what_two_half_minutes_moved_is_in_each() {
        let side = Moved { payload: Bytes(60_000), wire: Bytes(62_080), packets: 40 };
        let parts = spread(&told(1_713_484_830_000_000_000, 60_000_000_000, [side, Moved::default()]));
        assert_eq!(parts.iter().map(|(_, sent)| sent[0].payload.0).collect::<Vec<_>>(), [30_000, 30_000]);
        assert_eq!(parts[0].1[0].seconds, u64::MAX >> 34 << 30, "the second half of its minute");
        assert_eq!(parts[0].1[0].bulk, Bytes(30_000), "1,500 bytes a packet are large packets");
        assert_eq!(parts[0].1[1].seconds, 0, "nothing came back");
    }
}
