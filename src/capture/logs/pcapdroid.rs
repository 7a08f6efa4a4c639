//! PCAPdroid's export of its connections as CSV.
//!
//! It quotes nothing: a comma in an app's name is a comma like any other. All other fields but the server's name are
//! numbers or words without commas, so a row that is too long has its surplus in the app's name.

use std::borrow::Cow;

use super::{
    Connection, Moved,
    cells::Cells,
    fields::{BadField, bytes, clipped, endpoint, moment, needed, packets, text},
    zeek::TCP,
};
use crate::base::{Bytes, text::host_name};

/// The columns that a file's first line names.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Box<str>>);

/// How the first line of every export begins.
const FIRST: &str = "ipproto,srcip,srcport,";

/// Whether `head` is the front of an export.
pub(super) fn is_export(head: &[u8]) -> bool {
    let head = head.strip_prefix(BOM).unwrap_or(head);
    head.get(..FIRST.len()).is_some_and(|front| front.eq_ignore_ascii_case(FIRST.as_bytes()))
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The fields without which no row says anything.
pub(super) const NEEDED: [&str; 12] = [
    "IPProto",
    "SrcIP",
    "SrcPort",
    "DstIp",
    "DstPort",
    "UID",
    "BytesSent",
    "BytesRcvd",
    "PktsSent",
    "PktsRcvd",
    "FirstSeen",
    "LastSeen",
];

impl Columns {
    /// The columns that `line` names.
    pub(super) fn read(line: &str) -> Self {
        let line = line.trim_start_matches('\u{feff}');
        Self(line.split(',').take(MOST_COLUMNS).map(|name| name.trim().into()).collect())
    }

    /// The first needed field that no column is named after.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        NEEDED.into_iter().find(|field| self.place(field).is_none())
    }

    fn place(&self, field: &str) -> Option<usize> {
        self.0.iter().position(|name| name.eq_ignore_ascii_case(field))
    }

    /// The row in `line`.
    pub(super) fn row<'a>(&'a self, line: &'a str) -> Result<CsvRow<'a>, BadField> {
        let cells = unquoted(line)?;
        let Some(surplus) = cells.len().checked_sub(self.0.len()) else {
            return Err(BadField::new("row", format!("has {} of {} fields", cells.len(), self.0.len())));
        };
        if surplus > MOST_SURPLUS {
            return Err(BadField::new("row", format!("has {surplus} fields too many")));
        }
        Ok(CsvRow { columns: self, cells, app: self.place("App").unwrap_or(usize::MAX), surplus })
    }
}

/// A row of an export.
pub(super) struct CsvRow<'a> {
    columns: &'a Columns,
    cells: Vec<Cow<'a, str>>,
    app: usize,
    /// How many fields too many it has: commas in the app's name.
    surplus: usize,
}

impl Cells for CsvRow<'_> {
    fn cell(&self, field: &str) -> Option<Cow<'_, str>> {
        let at = self.columns.place(field)?;
        let found = match at.cmp(&self.app) {
            std::cmp::Ordering::Less => Cow::Borrowed(&**self.cells.get(at)?),
            std::cmp::Ordering::Equal if self.surplus == 0 => Cow::Borrowed(&**self.cells.get(at)?),
            std::cmp::Ordering::Equal => Cow::Owned(self.cells.get(at..=at + self.surplus)?.join(",")),
            std::cmp::Ordering::Greater => Cow::Borrowed(&**self.cells.get(at + self.surplus)?),
        };
        (!found.is_empty()).then_some(found)
    }

    fn parts(&self, field: &str) -> Vec<Cow<'_, str>> {
        self.cell(field).into_iter().collect()
    }
}

/// The fields of a line; quoted ones, as spreadsheets write them, without their quotes.
fn unquoted(line: &str) -> Result<Vec<Cow<'_, str>>, BadField> {
    if !line.contains('"') {
        return Ok(line.split(',').take(MOST_COLUMNS).map(Cow::Borrowed).collect());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                rest.split_once(',').map_or((Cow::Borrowed(rest), None), |(field, after)| (field.into(), Some(after)))
            }
        };
        fields.push(field);
        match after {
            Some(after) if fields.len() < MOST_COLUMNS => rest = after,
            _ => return Ok(fields),
        }
    }
}

/// A quoted field up to its closing quote, and what comes after its comma.
fn quoted_field(text: &str) -> Result<(Cow<'_, str>, Option<&str>), BadField> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err(BadField::new("row", "has a quote without end"));
        };
        field.push_str(part);
        if let Some(again) = after.strip_prefix('"') {
            field.push('"');
            rest = again;
            continue;
        }
        return match (after, after.strip_prefix(',')) {
            ("", _) => Ok((field.into(), None)),
            (_, Some(after)) => Ok((field.into(), Some(after))),
            _ => Err(BadField::new("row", "has a quote in the middle of a field")),
        };
    }
}

/// The connection that a row tells of.
pub(super) fn connection(row: &CsvRow<'_>) -> Result<Connection, BadField> {
    let start = needed(row, "FirstSeen", moment)?;
    let end = needed(row, "LastSeen", moment)?;
    if end < start {
        return Err(BadField::new("LastSeen", "is before FirstSeen"));
    }
    let protocol = needed(row, "IPProto", |field, text| {
        text.parse::<u8>().map_err(|_| BadField::new(field, "is no IP protocol number"))
    })?;
    let from = endpoint(row, "SrcIP", "SrcPort")?;
    let to = endpoint(row, "DstIp", "DstPort")?;
    let is_v6 = from.addr.is_ipv6();
    Ok(Connection {
        uid: None,
        start,
        end,
        protocol,
        from,
        to,
        macs: [None; 2],
        heading: None,
        moved: [
            moved(row, "BytesSent", "PktsSent", protocol, is_v6)?,
            moved(row, "BytesRcvd", "PktsRcvd", protocol, is_v6)?,
        ],
        services: text(row, "Proto").into_iter().collect(),
        app: app(row),
        host: row.cell("Info").and_then(|info| host(&info)),
        tunnels: Vec::new(),
    })
}

/// The package where the export has it, else the app's name.
fn app(row: &CsvRow<'_>) -> Option<(i32, Box<str>)> {
    let uid = row.cell("UID")?.parse().ok()?;
    Some((uid, text(row, "Package").or_else(|| text(row, "App"))?))
}

/// `Info` holds a server's name, a name looked up, or an HTTP host with its port.
fn host(info: &str) -> Option<Box<str>> {
    let name = info.split(['/', ' ']).next()?;
    let name = name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(name, |(name, _)| name);
    host_name(name.as_bytes()).map(|name| clipped(&name))
}

/// What one side sent. PCAPdroid counts IP lengths; Android's TCP headers carry timestamps.
fn moved(
    row: &CsvRow<'_>,
    bytes_field: &'static str,
    packets_field: &'static str,
    protocol: u8,
    is_v6: bool,
) -> Result<Moved, BadField> {
    let (wire, count) = (needed(row, bytes_field, bytes)?, needed(row, packets_field, packets)?);
    if count == 0 && wire > 0 {
        return Err(BadField::new(bytes_field, format!("no packets cannot carry {wire} bytes")));
    }
    let ip: u64 = if is_v6 { 40 } else { 20 };
    let transport = if protocol == TCP { 32 } else { 8 };
    let payload = wire.saturating_sub(count.saturating_mul(ip + transport));
    Ok(Moved { payload: Bytes(payload), wire: Bytes(wire), packets: count })
}

/// The widest export has 18 columns.
const MOST_COLUMNS: usize = 256;
/// Commas that an app's name may hold.
const MOST_SURPLUS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "IPProto,SrcIP,SrcPort,DstIp,DstPort,UID,App,Proto,Status,Info,BytesSent,BytesRcvd,PktsSent,\
        PktsRcvd,FirstSeen,LastSeen";
    const NEW: &str = "IPProto,SrcIP,SrcPort,DstIp,DstPort,UID,App,Package,Proto,Status,Info,BytesSent,BytesRcvd,\
        PktsSent,PktsRcvd,FirstSeen,LastSeen,Malicious";

    fn read(header: &str, row: &str) -> Result<Connection, BadField> {
        connection(&Columns::read(header).row(row)?)
    }

    #[test]
    fn both_versions_of_the_export_are_read() {
        let old = "6,10.215.173.1,40000,157.240.0.60,443,10123,WhatsApp,TLS,Closed,mmg.whatsapp.net,60520,9000,10,8,\
            1713484795943,1713484799943";
        let new = "6,10.215.173.1,40000,157.240.0.60,443,10123,WhatsApp,com.whatsapp,TLS,Closed,mmg.whatsapp.net,60520,\
            9000,10,8,2024-04-19T01:59:55.943+02:00,2024-04-19T01:59:59.943+02:00,";
        let (old, new) = (read(OLD, old).unwrap(), read(NEW, new).unwrap());
        assert_eq!(old.moved[0], Moved { payload: Bytes(60_000), wire: Bytes(60_520), packets: 10 });
        assert_eq!(old.app, Some((10_123, "WhatsApp".into())));
        assert_eq!(new, Connection { app: Some((10_123, "com.whatsapp".into())), ..old });
    }

    #[test]
    fn a_comma_in_an_apps_name_moves_no_other_field() {
        let row = "17,10.215.173.1,4,8.8.8.8,53,10123,Notes, Lists, and more,DNS,Closed,a.example,128,256,1,1,\
            1713484795943,1713484795999";
        let told = read(OLD, row).unwrap();
        assert_eq!(told.app, Some((10_123, "Notes, Lists, and more".into())));
        assert_eq!(told.host.as_deref(), Some("a.example"));
        assert_eq!(told.moved[0].payload, Bytes(100));
    }

    #[test]
    fn what_a_spreadsheet_quoted_is_unquoted_and_broken_quotes_break_their_row_alone() {
        let row = |app: &str| {
            format!("17,10.215.173.1,4,8.8.8.8,53,1,{app},DNS,Closed,a.example,128,256,1,1,1713484795943,1713484795999")
        };
        assert_eq!(read(OLD, &row("\"Notes, \"\"best\"\"\"")).unwrap().app, Some((1, "Notes, \"best\"".into())));
        assert_eq!(read(OLD, &row("\"Notes")).unwrap_err().why, "has a quote without end");
        assert_eq!(read(OLD, &row("\"No\"tes")).unwrap_err().why, "has a quote in the middle of a field");
    }

    #[test]
    fn hosts_come_without_port_and_path() {
        assert_eq!(host("media.example:8080").as_deref(), Some("media.example"));
        assert_eq!(host("media.example/up?x=1").as_deref(), Some("media.example"));
        assert_eq!(host("a\u{1b}[2J"), None);
    }
}
