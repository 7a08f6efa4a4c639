//! What rows of Zeek's logs tell.
//!
//! `orig_bytes` and `resp_bytes` come from TCP sequence numbers, and a scanner's reset makes gigabytes of nothing. Zeek
//! counts IP lengths beside them (`orig_ip_bytes`), and those hold: payload is never taken for more than the packets
//! seen had room for.

use std::net::IpAddr;

use super::{
    Connection, Entry, Lookup, Moved, NameLog, Names,
    cells::Cells,
    fields::{
        BadField, address, bytes, clipped, endpoint, hardware, interval, moment, needed, optional, packets, text,
    },
};
use crate::{
    base::{Bytes, Endpoint},
    capture::Heading,
};

/// Which log a row is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Connections that are over.
    Conn,
    /// Connections that go on: the same ones again and again, each time with more.
    OpenConn,
    /// TLS and DTLS handshakes.
    Ssl,
    /// Names looked up.
    Dns,
    /// QUIC handshakes.
    Quic,
    /// HTTP requests.
    Http,
    /// Any other log: nothing that an audit needs.
    Other,
}

impl Kind {
    /// By the name that Zeek gives a log.
    pub(super) fn of_path(path: &str) -> Self {
        match path {
            "conn" => Self::Conn,
            "open_conn" | "conn_long" => Self::OpenConn,
            "ssl" => Self::Ssl,
            "dns" => Self::Dns,
            "quic" => Self::Quic,
            "http" => Self::Http,
            _ => Self::Other,
        }
    }

    /// By the fields of a JSON object, which need not say what log it is of.
    pub(super) fn of_row(row: &impl Cells) -> Self {
        let has = |field| row.cell(field).is_some();
        match row.cell("_path") {
            Some(path) => Self::of_path(&path),
            None if has("conn_state") || has("orig_ip_bytes") => Self::Conn,
            None if has("client_initial_dcid") || has("client_protocol") => Self::Quic,
            None if has("ssl_history") || has("cipher") || has("server_name") || has("established") => Self::Ssl,
            None if has("query") || has("trans_id") || has("qtype_name") => Self::Dns,
            None if has("trans_depth") || has("uri") => Self::Http,
            None => Self::Other,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Conn => "zeek-conn",
            Self::OpenConn => "zeek-open-conn",
            Self::Ssl => "zeek-ssl",
            Self::Dns => "zeek-dns",
            Self::Quic => "zeek-quic",
            Self::Http => "zeek-http",
            Self::Other => "zeek-other",
        }
    }

    /// The fields without which no row of it says anything.
    pub(super) const fn needs(self) -> &'static [&'static str] {
        const ORIG: &str = "id.orig_h";
        const ORIG_PORT: &str = "id.orig_p";
        const RESP: &str = "id.resp_h";
        const RESP_PORT: &str = "id.resp_p";
        match self {
            Self::Conn | Self::OpenConn => &[
                "ts",
                ORIG,
                ORIG_PORT,
                RESP,
                RESP_PORT,
                "proto",
                "orig_pkts",
                "orig_ip_bytes",
                "resp_pkts",
                "resp_ip_bytes",
            ],
            Self::Ssl | Self::Quic => &["ts", "uid", "server_name"],
            Self::Http => &["ts", "uid", "host"],
            Self::Dns => &["ts", ORIG, ORIG_PORT, RESP, RESP_PORT, "query"],
            Self::Other => &[],
        }
    }
}

/// What a row of a log of `kind` tells; `None` where it says nothing that an audit needs.
pub(super) fn entry(kind: Kind, row: &impl Cells) -> Result<Option<Entry>, BadField> {
    match kind {
        Kind::Conn | Kind::OpenConn => connection(row).map(|told| Some(Entry::Connection(Box::new(told)))),
        Kind::Ssl => names(row, NameLog::Ssl, "server_name", "next_protocol"),
        Kind::Quic => names(row, NameLog::Quic, "server_name", "client_protocol"),
        Kind::Http => names(row, NameLog::Http, "host", ""),
        Kind::Dns => lookup(row).map(|told| told.map(|told| Entry::Lookup(Box::new(told)))),
        Kind::Other => Ok(None),
    }
}

fn connection(row: &impl Cells) -> Result<Connection, BadField> {
    let start = needed(row, "ts", moment)?;
    let lasted = optional(row, "duration", interval)?.unwrap_or(0);
    let (mut from, mut to) = ends(row)?;
    let protocol = protocol(row, from.addr)?;
    if !matches!(protocol, TCP | UDP) {
        // What Zeek writes there is a type and a code.
        (from.port, to.port) = (0, 0);
    }
    let is_v6 = from.addr.is_ipv6();
    let up = moved(row, ["orig_bytes", "orig_ip_bytes", "orig_pkts"], protocol, is_v6)?;
    let down = moved(row, ["resp_bytes", "resp_ip_bytes", "resp_pkts"], protocol, is_v6)?;
    Ok(Connection {
        uid: text(row, "uid"),
        start,
        end: start.plus_nanos(lasted),
        protocol,
        from,
        to,
        macs: [hardware(row, "orig_l2_addr"), hardware(row, "resp_l2_addr")],
        heading: heading(row),
        moved: [up, down],
        services: row.parts("service").iter().map(|service| clipped(service)).collect(),
        app: None,
        host: None,
        tunnels: row.parts("tunnel_parents").iter().map(|uid| clipped(uid)).collect(),
    })
}

fn ends(row: &impl Cells) -> Result<(Endpoint, Endpoint), BadField> {
    Ok((endpoint(row, "id.orig_h", "id.orig_p")?, endpoint(row, "id.resp_h", "id.resp_p")?))
}

fn protocol(row: &impl Cells, addr: IpAddr) -> Result<u8, BadField> {
    let number = row.cell("ip_proto").and_then(|number| number.parse().ok());
    needed(row, "proto", |_, name| {
        Ok(match name {
            "tcp" => TCP,
            "udp" => UDP,
            "icmp" if addr.is_ipv6() => 58,
            "icmp" => 1,
            _ => number.unwrap_or(u8::MAX),
        })
    })
}

/// The side that the sensor's list of local networks names; nothing where both or neither are local.
fn heading(row: &impl Cells) -> Option<Heading> {
    let local = |field| row.cell(field).map(|flag| flag == "T");
    match (local("local_orig")?, local("local_resp")?) {
        (true, false) => Some(Heading::Outbound),
        (false, true) => Some(Heading::Inbound),
        _ => None,
    }
}

/// What one side sent. A connection of one packet leaves `orig_bytes` unset.
fn moved(row: &impl Cells, fields: [&'static str; 3], protocol: u8, is_v6: bool) -> Result<Moved, BadField> {
    let [payload_field, wire_field, packets_field] = fields;
    let wire = needed(row, wire_field, bytes)?;
    let count = needed(row, packets_field, packets)?;
    if wire > count.saturating_mul(LARGEST_PACKET) {
        return Err(BadField::new(wire_field, format!("{count} packets cannot carry {wire} bytes")));
    }
    let claimed = optional(row, payload_field, |field, text| match text.parse::<u64>() {
        Ok(number) => Ok(number),
        Err(_) => bytes(field, text),
    })?;
    let ip: u64 = if is_v6 { 40 } else { 20 };
    let transport = match (protocol, claimed) {
        // A lone packet without payload is a SYN, which carries options.
        (TCP, None) => 40,
        (TCP, Some(_)) => 20,
        _ => 8,
    };
    let room = wire.saturating_sub(count.saturating_mul(ip + transport));
    let payload = claimed.filter(|claimed| *claimed <= room).unwrap_or(room);
    Ok(Moved { payload: Bytes(payload), wire: Bytes(wire), packets: count })
}

fn names(row: &impl Cells, source: NameLog, host: &'static str, alpn: &'static str) -> Result<Option<Entry>, BadField> {
    let at = needed(row, "ts", moment)?;
    let uid = needed(row, "uid", |_, uid| Ok(clipped(uid)))?;
    let names = Names { uid, at, source, host: text(row, host), alpn: text(row, alpn), ja4: text(row, "ja4") };
    let says_something = names.host.is_some() || names.alpn.is_some() || names.ja4.is_some();
    Ok(says_something.then_some(Entry::Names(names)))
}

fn lookup(row: &impl Cells) -> Result<Option<Lookup>, BadField> {
    let at = needed(row, "ts", moment)?;
    let (from, to) = ends(row)?;
    let protocol = row.cell("proto").map_or(UDP, |proto| if proto == "tcp" { TCP } else { UDP });
    let Some(name) = text(row, "query") else { return Ok(None) };
    let reverse = row.cell("qtype_name").is_some_and(|kind| kind == "PTR");
    Ok(Some(Lookup { at, protocol, from, to, name, reverse, addresses: answers(row) }))
}

/// The addresses answered, each with the smallest lifetime on the way there: aliases come before what they lead to.
fn answers(row: &impl Cells) -> Vec<(IpAddr, u32)> {
    let lifetimes = row.parts("TTLs");
    let mut shortest = u32::MAX;
    let mut found = Vec::new();
    for (n, answer) in row.parts("answers").iter().enumerate() {
        let lifetime = lifetimes.get(n).and_then(|text| interval("TTLs", text).ok()).unwrap_or(0);
        let lifetime = u32::try_from(lifetime / 1_000_000_000).unwrap_or(u32::MAX);
        match address("answers", answer) {
            Ok(addr) => found.push((addr, shortest.min(lifetime))),
            Err(_) => shortest = shortest.min(lifetime),
        }
    }
    found
}

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
/// An IP packet's length has 16 bits; an IPv6 payload's has too, its header apart.
const LARGEST_PACKET: u64 = 65_575;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::logs::tsv::Header;

    const FIELDS: &str = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t\
        orig_bytes\tresp_bytes\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes";

    fn read(row: &str) -> Result<Connection, BadField> {
        let mut header = Header::default();
        assert!(header.note(FIELDS));
        connection(&header.row(row))
    }

    #[test]
    fn payload_is_never_more_than_the_packets_had_room_for() {
        let row = "1713484795.943239\tC1\t192.168.7.23\t40000\t203.0.113.5\t443\ttcp\t-\t3.0\t\
            900\t1964191874\t9\t1300\t2\t84";
        let told = read(row).unwrap();
        assert_eq!(told.moved[0], Moved { payload: Bytes(900), wire: Bytes(1_300), packets: 9 });
        assert_eq!(
            told.moved[1],
            Moved { payload: Bytes(4), wire: Bytes(84), packets: 2 },
            "a reset makes no gigabytes"
        );
    }

    #[test]
    fn a_lone_syn_carries_no_payload_and_a_lone_datagram_does() {
        let row = |proto, ip: u32| {
            read(&format!("1713484795.9\tC1\t192.168.7.23\t4\t203.0.113.5\t4\t{proto}\t-\t-\t-\t-\t1\t{ip}\t0\t0"))
        };
        assert_eq!(row("tcp", 60).unwrap().moved[0].payload, Bytes(0));
        assert_eq!(row("udp", 128).unwrap().moved[0].payload, Bytes(100));
    }

    #[test]
    fn a_row_that_contradicts_itself_names_the_field() {
        let wrong = |row: &str| read(row).unwrap_err();
        let nan = "1713484795.9\tC1\t192.168.7.23\t4\t203.0.113.5\t4\tudp\t-\tNaN\t-\t-\t1\t128\t0\t0";
        assert_eq!(wrong(nan).field, "duration");
        let negative = "1713484795.9\tC1\t192.168.7.23\t4\t203.0.113.5\t4\tudp\t-\t1\t-\t-\t1\t-128\t0\t0";
        assert_eq!(wrong(negative).field, "orig_ip_bytes");
        let crammed = "1713484795.9\tC1\t192.168.7.23\t4\t203.0.113.5\t4\tudp\t-\t1\t-\t-\t1\t99999999\t0\t0";
        assert_eq!(wrong(crammed).why, "1 packets cannot carry 99999999 bytes");
    }

    #[test]
    fn an_aliased_answer_lives_as_long_as_the_shortest_step() {
        let row = r#"{"ts":1713484795.9,"uid":"C1","id.orig_h":"192.168.7.23","id.orig_p":4,"id.resp_h":"192.168.7.1",
            "id.resp_p":53,"proto":"udp","query":"a.example","qtype_name":"A",
            "answers":["b.example","203.0.113.5","2001:db8::5"],"TTLs":[60.0,300.0,30.0]}"#;
        let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(row).unwrap();
        assert_eq!(Kind::of_row(&row), Kind::Dns);
        let told = lookup(&row).unwrap().unwrap();
        assert_eq!(&*told.name, "a.example");
        let wanted = [("203.0.113.5", 60), ("2001:db8::5", 30)].map(|(addr, ttl)| (addr.parse().unwrap(), ttl));
        assert_eq!(told.addresses, wanted);
    }
}
