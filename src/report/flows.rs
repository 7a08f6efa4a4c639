//! Every flow: as an aligned table, as JSON lines, as CSV.
//!
//! The line formats write row by row, so that a capture of any size can be listed.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde_json::{Value, json};

use super::{
    canvas::{Canvas, Style},
    csv::{self, Cell},
    json::{key, write_line},
    look::Look,
    page,
    redact::Redaction,
    table::{self, Align, Column},
    words,
};
use crate::{base::Endpoint, flow::Protocol, identify::Evidence, pipeline::FlowRow};

/// The column names of the line formats, in order.
pub const FLOW_COLUMNS: [&str; 29] = [
    "proto",
    "src",
    "sport",
    "dst",
    "dport",
    "packets_ab",
    "packets_ba",
    "bytes_ab",
    "bytes_ba",
    "payload_ab",
    "payload_ba",
    "first",
    "last",
    "device",
    "app",
    "operator",
    "kind",
    "role",
    "host",
    "host_source",
    "evidence",
    "confidence",
    "conflicts",
    "alpn",
    "ja4",
    "ech",
    "protocol_number",
    "second_ja4",
    "speaks",
];

/// Writes one flow as a line of JSON, in the fields of [`FLOW_COLUMNS`].
pub fn flows_jsonl(row: &FlowRow, redaction: &Redaction, out: &mut dyn Write) -> io::Result<()> {
    write_line(&line(row, redaction), out)
}

/// Writes the heading row of the CSV form.
pub fn flows_csv_header(out: &mut dyn Write) -> io::Result<()> {
    csv::row(&FLOW_COLUMNS.map(Cell::text), out)
}

/// Writes one flow as a row of CSV.
pub fn flows_csv(row: &FlowRow, redaction: &Redaction, out: &mut dyn Write) -> io::Result<()> {
    let [src, dst] = redaction.ends(row.a.addr, row.b.addr);
    let cells = [
        Cell::text(protocol(row.protocol)),
        Cell::text(src),
        Cell::Count(row.a.port.into()),
        Cell::text(dst),
        Cell::Count(row.b.port.into()),
        Cell::Count(row.packets[0]),
        Cell::Count(row.packets[1]),
        Cell::Count(row.wire[0].0),
        Cell::Count(row.wire[1].0),
        Cell::Count(row.payload[0].0),
        Cell::Count(row.payload[1].0),
        Cell::text(row.first.to_string()),
        Cell::text(row.last.to_string()),
        row.device.as_deref().map_or(Cell::Empty, |id| Cell::text(redaction.device(id))),
        Cell::maybe(row.app.as_deref()),
        Cell::maybe(row.operator.as_deref()),
        Cell::text(key(row.kind)),
        Cell::text(key(row.role)),
        host(row, redaction).map_or(Cell::Empty, Cell::Text),
        Cell::maybe(row.host_source),
        Cell::text(key(row.evidence)),
        Cell::text(key(row.confidence)),
        Cell::text(row.conflicts.join("; ")),
        Cell::text(row.alpn.join(" ")),
        Cell::maybe(row.ja4.as_deref()),
        Cell::text(if row.ech { "true" } else { "false" }),
        Cell::Count(number(row.protocol).into()),
        Cell::maybe(row.second_ja4.as_deref()),
        Cell::maybe(row.speaks),
    ];
    csv::row(&cells, out)
}

/// The flows as a table with human sizes, at most `look.width` columns wide where that is 60 or more.
pub fn flows_table(rows: &[FlowRow], look: &Look) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| table_row(row, &look.redaction)).collect();
    let width = look.width.max(60);
    let mut columns = [
        Column { heading: "proto", align: Align::Left, most: 5 },
        Column { heading: "from", align: Align::Left, most: 47 },
        Column { heading: "to", align: Align::Left, most: 47 },
        Column { heading: "sent", align: Align::Right, most: 10 },
        Column { heading: "received", align: Align::Right, most: 10 },
        Column { heading: "app", align: Align::Left, most: 14 },
        Column { heading: "for", align: Align::Left, most: 9 },
        Column { heading: "by", align: Align::Left, most: 16 },
        Column { heading: "host", align: Align::Left, most: 60 },
    ];
    squeeze(&mut columns, &cells, width);
    let mut sheet = Canvas::new(&Look { width, ..look.clone() });
    for (n, line) in table::lines(&columns, &cells).iter().enumerate() {
        sheet.line(if n == 0 { Style::Strong } else { Style::Plain }, 0, line);
    }
    sheet.finish()
}

/// Takes columns from the widest of endpoints and host until the table fits: whole IPv4 addresses go last.
fn squeeze(columns: &mut [Column], cells: &[Vec<String>], width: usize) {
    squeeze_to(columns, cells, width, [15, 21, 16]);
    squeeze_to(columns, cells, width, [8, 8, 8]);
}

fn squeeze_to(columns: &mut [Column], cells: &[Vec<String>], width: usize, least: [usize; 3]) {
    loop {
        let widths: Vec<_> = columns.iter().enumerate().map(|(n, c)| table::column_width(n, c, cells)).collect();
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let room = |n: usize, least: usize| (widths.get(n).map_or(0, |now| now.saturating_sub(least)), n, least);
        let widest = [1, 2, 8].into_iter().zip(least).map(|(n, least)| room(n, least)).max();
        let Some((spare @ 1.., n, least)) = widest.filter(|_| total > width) else { return };
        let Some(column) = columns.get_mut(n) else { return };
        column.most = least + spare - spare.min(total - width).min(4);
    }
}

fn table_row(row: &FlowRow, redaction: &Redaction) -> Vec<String> {
    let [src, dst] = redaction.ends(row.a.addr, row.b.addr);
    vec![
        protocol(row.protocol),
        src,
        with_port(&dst, row.b),
        row.payload[0].to_string(),
        row.payload[1].to_string(),
        page::name(row.app.as_deref().or(row.operator.as_deref()).unwrap_or("-")),
        words::role_short(row.role).to_owned(),
        grounds(row),
        page::name(&host(row, redaction).unwrap_or(Cow::Borrowed("-"))),
    ]
}

/// By what evidence a flow is attributed, and how far that can be trusted.
fn grounds(row: &FlowRow) -> String {
    match row.evidence {
        Evidence::None => "-".to_owned(),
        evidence => format!("{} {}", key(evidence), key(row.confidence)),
    }
}

fn with_port(addr: &str, end: Endpoint) -> String {
    match (end.port, addr.contains(':')) {
        (0, _) => addr.to_owned(),
        (port, true) => format!("[{addr}]:{port}"),
        (port, false) => format!("{addr}:{port}"),
    }
}

fn line(row: &FlowRow, redaction: &Redaction) -> Value {
    let [src, dst] = redaction.ends(row.a.addr, row.b.addr);
    json!({
        "proto": protocol(row.protocol),
        "protocol_number": number(row.protocol),
        "src": src,
        "sport": row.a.port,
        "dst": dst,
        "dport": row.b.port,
        "packets_ab": row.packets[0],
        "packets_ba": row.packets[1],
        "bytes_ab": row.wire[0],
        "bytes_ba": row.wire[1],
        "payload_ab": row.payload[0],
        "payload_ba": row.payload[1],
        "first": row.first.to_string(),
        "last": row.last.to_string(),
        "device": row.device.as_deref().map(|id| redaction.device(id)),
        "app": row.app,
        "operator": row.operator,
        "kind": row.kind,
        "role": row.role,
        "host": host(row, redaction),
        "host_source": row.host_source,
        "evidence": row.evidence,
        "confidence": row.confidence,
        "conflicts": row.conflicts,
        "alpn": row.alpn,
        "ja4": row.ja4,
        "ech": row.ech,
        "second_ja4": row.second_ja4,
        "speaks": row.speaks,
    })
}

fn host<'a>(row: &'a FlowRow, redaction: &Redaction) -> Option<Cow<'a, str>> {
    row.host.as_deref().map(|host| redaction.destination(host, &[]))
}

fn protocol(protocol: Protocol) -> String {
    match protocol {
        Protocol::Tcp => "tcp".to_owned(),
        Protocol::Udp => "udp".to_owned(),
        Protocol::Other(n) => format!("ip-{n}"),
    }
}

const fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Other(n) => n,
    }
}
