//! A ClickHouse server over HTTP: questions, answers, rows.

use std::{
    fmt,
    io::{BufRead, BufReader, Read, Write},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use ureq::{Agent, Body, http::Response};

use super::{FleetError, binary::Columns, text};

/// How long a server may take to let us in, and to answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(300);
/// What a server says of a failure is read as far as this.
const LONGEST_COMPLAINT: u64 = 2_000;
/// The longest row that is read; texts in it are cut by the server, and at most twice as long when they are escaped.
const LONGEST_ROW: u64 = 16 << 20;

/// Something that must not be shown.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where a fleet's server is, and who we are to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// `http://host:8123`: scheme, host and port.
    pub(super) base: String,
    pub(super) database: String,
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

impl Address {
    /// Reads `http://host:8123/database`. Credentials are no part of it: addresses end up in logs.
    pub fn new(url: &str, user: &str, password: Secret) -> Result<Self, FleetError> {
        let wrong = |why| FleetError::Address { url: url.chars().take(200).collect(), why };
        let parsed: ureq::http::Uri = url.parse().map_err(|_| wrong("no address"))?;
        let scheme = parsed.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
        let scheme = scheme.ok_or_else(|| wrong("neither http nor https"))?;
        let authority = parsed.authority().ok_or_else(|| wrong("no host"))?.as_str();
        if authority.contains('@') {
            let why = "a user or password in it; they belong in fleet.user and fleet.password_file";
            return Err(FleetError::Address { url: format!("{scheme}://…"), why });
        }
        if parsed.query().is_some() {
            return Err(wrong("a question mark in it"));
        }
        let database = match parsed.path().trim_matches('/') {
            "" => "nightaudit",
            path if text::is_plain_name(path) => path,
            _ => return Err(wrong("the part after the host is no plain name of a database")),
        };
        Ok(Self {
            base: format!("{scheme}://{authority}"),
            database: database.to_owned(),
            user: user.to_owned(),
            password,
        })
    }
}

/// A connection to a fleet's server.
#[derive(Debug)]
pub struct Server {
    address: Address,
    agent: Agent,
}

impl Server {
    /// A connection that is made when it is first used.
    pub fn new(address: Address) -> Self {
        Self::with_patience(address, ANSWER)
    }

    /// The same, for whoever cannot wait longer than `patience` for an answer.
    pub fn with_patience(address: Address, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT.min(patience)))
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("nightaudit/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { address, agent: config.into() }
    }

    /// As it may be shown.
    pub fn name(&self) -> String {
        format!("{}/{}", self.address.base, self.address.database)
    }

    /// The database of the fleet.
    pub(super) fn database(&self) -> &str {
        &self.address.database
    }

    /// Has the server do something that gives no rows.
    pub(super) fn execute(&self, sql: &str) -> Result<(), FleetError> {
        self.ask(sql).map(drop)
    }

    /// Asks a question, whose rows come one by one.
    pub(super) fn rows(&self, sql: &str) -> Result<Rows, FleetError> {
        let body = self.ask(&format!("{sql} FORMAT TabSeparated"))?;
        Ok(Rows { server: self.name(), lines: BufReader::with_capacity(1 << 18, body.into_reader()), line: Vec::new() })
    }

    /// Asks a question, whose answer comes in `RowBinary`, with no list longer than `longest_list`.
    pub(super) fn columns(
        &self,
        sql: &str,
        longest_list: usize,
    ) -> Result<Columns<BufReader<ureq::BodyReader<'static>>>, FleetError> {
        let body = self.ask(&format!("{sql} FORMAT RowBinary"))?;
        Ok(Columns::of(self, BufReader::with_capacity(1 << 18, body.into_reader()), longest_list))
    }

    /// The first column of the first row as a number; 0 where there is none.
    pub(super) fn number(&self, sql: &str) -> Result<u64, FleetError> {
        let mut rows = self.rows(sql)?;
        rows.next(|row| row.number(0)).map(Option::unwrap_or_default)
    }

    /// Inserts rows, a JSON object a line, and returns when the server has them, on every shard.
    pub(super) fn insert(&self, table: &str, rows: &[u8]) -> Result<(), FleetError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut gzip = GzEncoder::new(Vec::with_capacity(rows.len() / 8), Compression::fast());
        let packed = gzip.write_all(rows).and_then(|()| gzip.finish());
        let packed = packed.map_err(|error| self.unreachable(&error))?;
        let sql = format!("INSERT INTO {}.{table} FORMAT JSONEachRow", self.address.database);
        let request = self.post().query("query", sql).header("Content-Encoding", "gzip");
        let answer = request.send(&packed[..]).map_err(|error| self.unreachable(&error))?;
        self.checked(answer).map(drop)
    }

    fn ask(&self, sql: &str) -> Result<Body, FleetError> {
        let answer = self.post().send(sql).map_err(|error| self.unreachable(&error))?;
        self.checked(answer)
    }

    fn post(&self) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        let Address { base, user, password, .. } = &self.address;
        let request = self.agent.post(format!("{base}/"));
        let request = SETTINGS.iter().fold(request, |request, (name, value)| request.query(name, value));
        request.header("X-ClickHouse-User", user).header("X-ClickHouse-Key", &password.0)
    }

    fn checked(&self, answer: Response<Body>) -> Result<Body, FleetError> {
        let (status, body) = (answer.status().as_u16(), answer.into_body());
        if status == 200 {
            return Ok(body);
        }
        let mut said = Vec::new();
        // What cannot be read of a complaint is left out of it.
        let _ = body.into_reader().take(LONGEST_COMPLAINT).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        let code = said.strip_prefix("Code: ").and_then(|rest| rest.split([',', '.', ' ']).next()?.parse::<u32>().ok());
        let server = self.name();
        Err(match (status, code) {
            (401 | 403, _) | (_, Some(192..=194 | 497 | 516)) => FleetError::Denied { server },
            (_, Some(code @ (60 | 81 | 16 | 47))) => {
                let found = match code {
                    60 | 81 => "none".to_owned(),
                    _ => "older ones".to_owned(),
                };
                FleetError::Schema { server, found, known: super::schema::VERSION }
            }
            _ => FleetError::Refused { server, what: first_line(&said, status) },
        })
    }

    fn unreachable(&self, error: &dyn fmt::Display) -> FleetError {
        FleetError::Unreachable { server: self.name(), what: error.to_string() }
    }
}

/// What every request asks for: whole answers before a status; rows on their shard before a confirmation; and no column
/// passed over that the server does not know, or what is in it would be lost.
const SETTINGS: [(&str, &str); 3] =
    [("wait_end_of_query", "1"), ("insert_distributed_sync", "1"), ("input_format_skip_unknown_fields", "0")];

fn first_line(said: &str, status: u16) -> String {
    let line = said.lines().next().unwrap_or_default().trim();
    if line.is_empty() { format!("HTTP status {status}") } else { crate::base::text::shown(line, 300).into_owned() }
}

/// The rows of an answer.
pub(super) struct Rows {
    server: String,
    lines: BufReader<ureq::BodyReader<'static>>,
    line: Vec<u8>,
}

impl Rows {
    /// Reads one row with `read`; `None` after the last.
    pub(super) fn next<T>(&mut self, read: impl FnOnce(&RowText<'_>) -> Option<T>) -> Result<Option<T>, FleetError> {
        self.line.clear();
        let length = self.lines.by_ref().take(LONGEST_ROW).read_until(b'\n', &mut self.line);
        let length =
            length.map_err(|error| FleetError::Unreachable { server: self.server.clone(), what: error.to_string() })?;
        if length == 0 {
            return Ok(None);
        }
        let garbled = |what: &str| FleetError::Garbled { server: self.server.clone(), what: what.to_owned() };
        if self.line.pop() != Some(b'\n') {
            return Err(garbled("a row without end"));
        }
        let columns: Vec<&[u8]> = self.line.split(|byte| *byte == b'\t').collect();
        read(&RowText { columns }).map(Some).ok_or_else(|| garbled("a row of other columns than asked for"))
    }
}

/// One row of an answer.
pub(super) struct RowText<'a> {
    columns: Vec<&'a [u8]>,
}

impl RowText<'_> {
    /// A column that holds a number.
    pub(super) fn number(&self, column: usize) -> Option<u64> {
        std::str::from_utf8(self.columns.get(column)?).ok()?.parse().ok()
    }

    /// A column that holds a number of 32 bits.
    pub(super) fn small(&self, column: usize) -> Option<u32> {
        u32::try_from(self.number(column)?).ok()
    }

    /// A column that holds text.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        self.columns.get(column).map(|column| text::unescaped(column).into_owned())
    }
}
