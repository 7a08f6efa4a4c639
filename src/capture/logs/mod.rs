//! Logs of connections become entries: what PCAPdroid exports as CSV, and Zeek's `conn`, `ssl`, `dns`, `quic` and
//! `http` logs as TSV or JSON lines.
//!
//! In: files of text, plain, gzip or zstd, known by their content. Out: [`Entry`]s in about the order of time, from any
//! number of files at once, and a [`LogReport`] on each. A log tells of a whole connection: how much, from when to
//! when, but not in which of its minutes. Formats: docs.zeek.org, "Log Files"; PCAPdroid's export of its connections.
//!
//! A row that contradicts itself is counted and passed over; the first of each file is kept with its line and field.
//! A row longer than 256 KiB is one of those, so memory does not grow with what a file claims.

mod cells;
mod fields;
mod lines;
mod merge;
mod pcapdroid;
mod reader;
mod report;
mod tsv;
mod zeek;

use std::net::IpAddr;

pub use merge::Logs;
pub(super) use reader::{LogFormat, LogReader};
pub use report::{BadRow, LogProblem, LogReport};

use super::Heading;
use crate::base::{Bytes, Endpoint, Mac, Stamp};

/// One thing that a log tells of.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A connection that is over.
    Connection(Box<Connection>),
    /// What a handshake or request named.
    Names(Names),
    /// A name that was looked up.
    Lookup(Box<Lookup>),
}

/// A connection, from its first packet to its last.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// By which other logs refer to it.
    pub uid: Option<Box<str>>,
    /// Its first packet.
    pub start: Stamp,
    /// Its last packet.
    pub end: Stamp,
    /// The IP protocol number; 255 where the log does not say.
    pub protocol: u8,
    /// Who opened it.
    pub from: Endpoint,
    /// Who was addressed.
    pub to: Endpoint,
    /// Hardware addresses on both sides, where the log has them.
    pub macs: [Option<Mac>; 2],
    /// Which way what `from` sent went, as the sensor's list of local networks has it.
    pub heading: Option<Heading>,
    /// What `from` sent, and what `to` sent.
    pub moved: [Moved; 2],
    /// The protocols that the sensor recognised, in its own words.
    pub services: Vec<Box<str>>,
    /// The app behind it: Android user id, package or name.
    pub app: Option<(i32, Box<str>)>,
    /// A name of the far end that the log gives in the same row.
    pub host: Option<Box<str>>,
    /// The uids of the tunnels it ran in.
    pub tunnels: Vec<Box<str>>,
}

/// What one side of a connection sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moved {
    /// Payload; where the log counts sequence numbers and they cannot be true, what the packets had room for.
    pub payload: Bytes,
    /// IP total lengths.
    pub wire: Bytes,
    /// Packets.
    pub packets: u64,
}

/// What a handshake or request says of its connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// Whose it is.
    pub uid: Box<str>,
    /// When it was read.
    pub at: Stamp,
    /// Which log told.
    pub source: NameLog,
    /// The server's name.
    pub host: Option<Box<str>>,
    /// The application protocol.
    pub alpn: Option<Box<str>>,
    /// JA4 client fingerprint.
    pub ja4: Option<Box<str>>,
}

/// Which log told a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameLog {
    /// `ssl.log`: TLS, or DTLS over UDP.
    Ssl,
    /// `quic.log`.
    Quic,
    /// `http.log`.
    Http,
}

/// A name that was looked up, and what was answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lookup {
    /// When.
    pub at: Stamp,
    /// The IP protocol number.
    pub protocol: u8,
    /// Who asked.
    pub from: Endpoint,
    /// Who was asked.
    pub to: Endpoint,
    /// The name.
    pub name: Box<str>,
    /// It asks for an address's name.
    pub reverse: bool,
    /// The addresses answered, each with its lifetime in seconds.
    pub addresses: Vec<(IpAddr, u32)>,
}

impl Entry {
    /// Its place in the order of time: a connection stands where it began.
    fn at(&self) -> Stamp {
        match self {
            Self::Connection(connection) => connection.start,
            Self::Names(names) => names.at,
            Self::Lookup(lookup) => lookup.at,
        }
    }

    /// When its row was written, at the earliest.
    fn written(&self) -> Stamp {
        match self {
            Self::Connection(connection) => connection.end,
            other => other.at(),
        }
    }
}

/// Connections up to this long (nanoseconds) are spread over their minutes; of longer ones nobody can say when their
/// bytes moved.
const LONGEST_PLACED: u64 = 600 * 1_000_000_000;

impl Connection {
    /// Whether it was so short that it can be said when its bytes moved.
    pub const fn is_placed(&self) -> bool {
        self.end.since(self.start) <= LONGEST_PLACED
    }
}
