//! A relay between many sensors and a server: it takes what they push over the server's own HTTP interface, and hands it
//! on in large inserts. A sensor is answered when the server has its rows, so nothing is confirmed that could be lost:
//! what arrives while one insert is under way makes up the next one (a group commit, as databases have it for their logs).
//!
//! For servers that cannot gather small inserts themselves (`async_insert`), and for sensors that are to have no account on
//! the server. It speaks as much HTTP/1.1 as the sensors do.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::{FleetError, Secret, Server, schema::VERSION};

/// Sensors that are served at the same time; others wait for a place.
const MOST_CONNECTIONS: usize = 256;
/// The request line and the headers.
const LONGEST_HEAD: u64 = 16 << 10;
/// A body as it travels, and unpacked: a parcel has at most some 20 MB of text.
const LARGEST_BODY: u64 = 16 << 20;
const LARGEST_SHEET: u64 = 64 << 20;
/// Unpacked rows that wait for the server, of all sensors together.
const MOST_WAITING: usize = 256 << 20;
/// One insert.
const LARGEST_INSERT: usize = 32 << 20;
/// A sensor that says nothing for so long is hung up on.
const PATIENCE: Duration = Duration::from_secs(60);
/// What sensors write to.
const TABLES: [&str; 4] = ["minutes", "named", "seen", "facts"];

/// A relay to one server.
pub struct Relay {
    database: String,
    release: String,
    /// Digest of the user and the password that sensors must name.
    pass: [u8; 32],
    lines: [Sender<Sheet>; 4],
    waiting: AtomicUsize,
}

/// Rows of one sensor for one table, and who waits for them.
struct Sheet {
    rows: Vec<u8>,
    done: Sender<Result<(), String>>,
}

impl Relay {
    /// A relay to `server`, which must have its tables, for sensors that know `user` and `password`.
    pub fn to(server: &Arc<Server>, user: &str, password: &Secret) -> Result<Arc<Self>, FleetError> {
        server.check()?;
        let (database, release) = (server.database().to_owned(), server.release()?);
        let lines = TABLES.map(|table| {
            let (send, sheets) = bounded(MOST_CONNECTIONS);
            let server = Arc::clone(server);
            thread::spawn(move || hand_on(&server, table, &sheets));
            send
        });
        let pass = digest(user, &password.0);
        Ok(Arc::new(Self { database, release, pass, lines, waiting: AtomicUsize::new(0) }))
    }

    /// Serves who comes to `listener`, for ever.
    ///
    /// # Errors
    ///
    /// Where nobody can come any more.
    pub fn serve(self: &Arc<Self>, listener: &TcpListener) -> io::Result<()> {
        let (place, places) = bounded::<()>(MOST_CONNECTIONS);
        loop {
            // Taken before anybody is let in: the others wait in the system's queue.
            let _ = place.send(());
            let (stream, _) = listener.accept()?;
            let (relay, places) = (Arc::clone(self), places.clone());
            thread::spawn(move || {
                // A sensor that goes away in the middle sends it all again.
                let _ = relay.converse(&stream);
                let _ = places.recv();
            });
        }
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = (BufReader::new(stream), stream);
        while let Some(request) = Request::read(&mut reader)? {
            let answer = match request {
                Ok(request) => self.answer(request),
                Err(why) => Answer { status: 400, body: why.to_owned() },
            };
            let Answer { status, body } = &answer;
            // A body that was refused was not read to its end.
            let last = *status == 400;
            let connection = if last { "close" } else { "keep-alive" };
            let head =
                format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n", body.len());
            writer.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Answer {
        if digest(&request.user, &request.key) != self.pass {
            return Answer { status: 401, body: "Code: 516. The user or the password is wrong\n".to_owned() };
        }
        let Request { query: Some(query), body, .. } = request else { return self.reply(&request.body) };
        let table = TABLES
            .iter()
            .position(|table| query == format!("INSERT INTO {}.{table} FORMAT JSONEachRow", self.database));
        match table {
            Some(table) => self.insert(table, body),
            None => Answer { status: 404, body: "Code: 164. A relay takes the rows of sensors only\n".to_owned() },
        }
    }

    /// The two things that a sensor asks before it sends.
    fn reply(&self, sql: &[u8]) -> Answer {
        let version = format!("SELECT max(version) FROM {}.schema FORMAT TabSeparated", self.database);
        let body = match sql {
            b"SELECT version() FORMAT TabSeparated" => format!("{}\n", self.release),
            sql if sql == version.as_bytes() => format!("{VERSION}\n"),
            _ => return Answer { status: 404, body: "Code: 164. A relay answers no questions\n".to_owned() },
        };
        Answer { status: 200, body }
    }

    fn insert(&self, table: usize, rows: Vec<u8>) -> Answer {
        let busy = || Answer { status: 503, body: "Code: 241. The relay has too much waiting\n".to_owned() };
        let size = rows.len();
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > MOST_WAITING {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            return busy();
        }
        let (done, answer) = bounded(1);
        let sent = self.lines.get(table).is_some_and(|line| line.send(Sheet { rows, done }).is_ok());
        let answer = if sent { answer.recv().ok() } else { None };
        self.waiting.fetch_sub(size, Ordering::Relaxed);
        match answer {
            Some(Ok(())) => Answer { status: 200, body: String::new() },
            Some(Err(why)) => Answer { status: 500, body: format!("{why}\n") },
            None => busy(),
        }
    }
}

/// Inserts what came while the insert before was under way, and tells everybody how it went.
fn hand_on(server: &Server, table: &str, sheets: &Receiver<Sheet>) {
    while let Ok(first) = sheets.recv() {
        let mut size = first.rows.len();
        let mut batch = vec![first];
        while size < LARGEST_INSERT
            && let Ok(sheet) = sheets.try_recv()
        {
            size += sheet.rows.len();
            batch.push(sheet);
        }
        let all: Vec<&[u8]> = batch.iter().map(|sheet| sheet.rows.as_slice()).collect();
        let together = server.insert(table, &all.concat());
        for sheet in &batch {
            let own = match &together {
                Ok(()) => Ok(()),
                // Somebody's rows are wrong: nobody else's need suffer for it.
                Err(FleetError::Refused { .. }) if batch.len() > 1 => server.insert(table, &sheet.rows),
                Err(error) => Err(FleetError::Refused { server: server.name(), what: error.to_string() }),
            };
            // Whoever went away asks again.
            let _ = sheet.done.send(own.map_err(|error| error.to_string()));
        }
    }
}

struct Answer {
    status: u16,
    body: String,
}

/// What a sensor asks.
struct Request {
    user: String,
    key: String,
    query: Option<String>,
    body: Vec<u8>,
}

impl Request {
    /// Reads one request; `None` where the sensor has hung up, an error in words where it is none that is understood.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Result<Self, &'static str>>> {
        let mut head = reader.by_ref().take(LONGEST_HEAD);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ');
        let (Some("POST"), Some(target)) = (words.next(), words.next()) else { return Ok(Some(Err("want POST"))) };
        let query = target.split_once('?').and_then(|(_, query)| parameter(query, "query"));
        let (mut user, mut key, mut length, mut packed) = (String::new(), String::new(), None, false);
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                return Ok(Some(Err("the headers are too long")));
            }
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "x-clickhouse-user" => value.clone_into(&mut user),
                "x-clickhouse-key" => value.clone_into(&mut key),
                "content-length" => length = value.parse::<u64>().ok(),
                "content-encoding" => packed = value == "gzip",
                _ => {}
            }
        }
        let Some(length) = length.filter(|length| *length <= LARGEST_BODY) else {
            return Ok(Some(Err("want a Content-Length of at most 16 MiB")));
        };
        let mut raw = Vec::new();
        if reader.by_ref().take(length).read_to_end(&mut raw)? as u64 != length {
            return Ok(None);
        }
        let body = if packed { unpacked(&raw) } else { Some(raw) };
        Ok(Some(body.map(|body| Self { user, key, query, body }).ok_or("the body cannot be unpacked, or is too large")))
    }
}

fn unpacked(raw: &[u8]) -> Option<Vec<u8>> {
    let mut rows = Vec::new();
    let read = GzDecoder::new(raw).take(LARGEST_SHEET + 1).read_to_end(&mut rows).ok()?;
    (read as u64 <= LARGEST_SHEET).then_some(rows)
}

/// A parameter of a query as it was before it was encoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let (mut out, mut bytes) = (Vec::new(), value.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn digest(user: &str, password: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((user.len() as u64).to_le_bytes());
    hash.update(user);
    hash.update(password);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Option<Result<Request, &'static str>> {
        Request::read(&mut &*bytes).ok().flatten()
    }

    #[test]
    fn a_request_is_read_as_the_sensors_send_it() {
        let request =
            b"POST /?query=INSERT%20INTO+x&y=1 HTTP/1.1\r\nx-clickhouse-user: a\r\nContent-Length: 3\r\n\r\nabc";
        let request = read(request).and_then(Result::ok);
        let parts = request.map(|it| (it.user, it.query, it.body));
        assert_eq!(parts, Some(("a".to_owned(), Some("INSERT INTO x".to_owned()), b"abc".to_vec())));
    }

    #[test]
    fn what_is_too_large_or_no_request_is_refused_in_words() {
        assert!(read(b"GET / HTTP/1.1\r\n\r\n").is_some_and(|it| it.is_err()));
        assert!(read(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").is_some_and(|it| it.is_err()));
        let long = [b"POST / HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 20_000]].concat();
        assert!(read(&long).is_none_or(|it| it.is_err()));
        let bomb = b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc";
        assert!(read(bomb).is_some_and(|it| it.is_err()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), query in ".{0,40}") {
            let _ = read(&bytes);
            let _ = read(&[b"POST /?".as_slice(), &bytes].concat());
            let _ = parameter(&query, "query");
        }
    }
}
