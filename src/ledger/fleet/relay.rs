//! A relay between many sensors and a server: it takes what they push over the server's own HTTP interface, and hands it
//! on in large inserts. A sensor is answered when the server has its rows, so nothing is confirmed that could be lost:
//! what arrives while one insert is under way makes up the next one (a group commit, as databases have it for their logs).
//!
//! For servers that cannot gather small inserts themselves (`async_insert`), and for sensors that are to have no account on
//! the server. It speaks as much HTTP/1.1 as the sensors do.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
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
const LARGEST_SHEET: usize = 64 << 20;
/// Unpacked rows that are received or wait for the server, of all sensors together.
const MOST_WAITING: usize = 256 << 20;
/// One insert.
const LARGEST_INSERT: usize = 32 << 20;
/// A sensor that says nothing for so long is hung up on, and so is one that takes longer for a request as a whole.
const PATIENCE: Duration = Duration::from_secs(60);
const A_REQUEST: Duration = Duration::from_secs(300);
/// How long whoever was refused may take to hear it.
const LAST_WORD: Duration = Duration::from_secs(5);
/// So many in a row that cannot be let in: nobody can any more.
const MOST_REFUSED: u32 = 1_000;
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
        let mut refused = 0;
        loop {
            // Taken before anybody is let in: the others wait in the system's queue.
            let _ = place.send(());
            let stream = loop {
                match listener.accept() {
                    Ok((stream, _)) => break stream,
                    Err(error) if refused >= MOST_REFUSED => return Err(error),
                    // Whoever went away again, or came while the system had no place, is no reason to end.
                    Err(_) => {
                        refused += 1;
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            };
            refused = 0;
            let (relay, places) = (Arc::clone(self), places.clone());
            thread::spawn(move || {
                // A sensor that goes away in the middle sends it all again.
                let _ = relay.converse(&stream);
                let _ = places.recv();
            });
        }
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = (BufReader::new(Patient { stream, until: Instant::now() }), stream);
        loop {
            reader.get_mut().until = Instant::now() + A_REQUEST;
            let Some(head) = Head::read(&mut reader)? else { return Ok(()) };
            let mut room = Room { waiting: &self.waiting, bytes: 0 };
            let answer = match head {
                Err(why) => Err(Answer { status: 400, body: why.to_owned() }),
                Ok(head) => self.receive(&head, &mut reader, &mut room)?.map(|body| self.answer(&head, body)),
            };
            // A body that was refused was not read to its end.
            let (Answer { status, body }, last) = match answer {
                Ok(answer) => (answer, false),
                Err(answer) => (answer, true),
            };
            let connection = if last { "close" } else { "keep-alive" };
            let head =
                format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n", body.len());
            writer.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
            if last {
                return hang_up(&mut reader);
            }
        }
    }

    /// Reads the body of a request, unpacked, from whoever may send one, while there is room for it.
    fn receive(
        &self,
        head: &Head,
        reader: &mut impl BufRead,
        room: &mut Room<'_>,
    ) -> io::Result<Result<Vec<u8>, Answer>> {
        if digest(&head.user, &head.key) != self.pass {
            let body = "Code: 516. The user or the password is wrong\n".to_owned();
            return Ok(Err(Answer { status: 401, body }));
        }
        let mut raw = reader.take(head.length);
        let read = if head.packed { fill(&mut GzDecoder::new(&mut raw), room) } else { fill(&mut raw, room) };
        Ok(match read {
            // What follows the packed rows belongs to the body, and to no other request.
            Ok(body) if raw.limit() == 0 => Ok(body),
            Ok(_) => Err(Answer { status: 400, body: "the body is shorter or longer than it says".to_owned() }),
            Err(Unfilled::Full) => Err(busy()),
            Err(Unfilled::Io(error)) if UNPACKING.contains(&error.kind()) => {
                Err(Answer { status: 400, body: "the body cannot be unpacked, or is too large".to_owned() })
            }
            Err(Unfilled::Io(error)) => return Err(error),
        })
    }

    fn answer(&self, head: &Head, body: Vec<u8>) -> Answer {
        let Some(query) = &head.query else { return self.reply(&body) };
        let table = TABLES
            .iter()
            .position(|table| *query == format!("INSERT INTO {}.{table} FORMAT JSONEachRow", self.database));
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
        let (done, answer) = bounded(1);
        let sent = self.lines.get(table).is_some_and(|line| line.send(Sheet { rows, done }).is_ok());
        let answer = if sent { answer.recv().ok() } else { None };
        match answer {
            Some(Ok(())) => Answer { status: 200, body: String::new() },
            Some(Err(why)) => Answer { status: 500, body: format!("{why}\n") },
            None => busy(),
        }
    }
}

/// A share of the memory for rows that wait, given back when it is dropped.
struct Room<'a> {
    waiting: &'a AtomicUsize,
    bytes: usize,
}

impl Room<'_> {
    /// Takes more; whether there was so much.
    fn take(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= MOST_WAITING
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why a body was not read to its end.
enum Unfilled {
    /// Too much waits already.
    Full,
    Io(io::Error),
}

/// How a body that is not what it says shows itself.
const UNPACKING: [io::ErrorKind; 3] =
    [io::ErrorKind::InvalidInput, io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];

/// Ends a conversation so that the answer arrives: a connection that is closed on what was not read takes it back.
fn hang_up(reader: &mut BufReader<Patient<'_>>) -> io::Result<()> {
    let patient = reader.get_mut();
    patient.stream.shutdown(Shutdown::Write)?;
    patient.until = Instant::now() + LAST_WORD;
    io::copy(&mut reader.take(LARGEST_BODY), &mut io::sink()).map(drop)
}

/// Reads all there is, in pieces for which room is taken first.
fn fill(from: &mut impl Read, room: &mut Room<'_>) -> Result<Vec<u8>, Unfilled> {
    const PIECE: usize = 64 << 10;
    let (mut body, mut piece) = (Vec::new(), vec![0; PIECE]);
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(body),
            Ok(read) => {
                if !room.take(read) {
                    return Err(Unfilled::Full);
                }
                if body.len() + read > LARGEST_SHEET {
                    return Err(Unfilled::Io(io::ErrorKind::InvalidInput.into()));
                }
                body.extend_from_slice(piece.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Unfilled::Io(error)),
        }
    }
}

fn busy() -> Answer {
    Answer { status: 503, body: "Code: 241. The relay has too much waiting\n".to_owned() }
}

/// A connection that is not waited for longer than a request may take.
struct Patient<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left.min(PATIENCE)))?;
        self.stream.read(into)
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

/// What a sensor asks, before its body.
#[derive(Debug, Default)]
struct Head {
    user: String,
    key: String,
    query: Option<String>,
    length: u64,
    packed: bool,
}

impl Head {
    /// Reads the head of a request; `None` where the sensor has hung up, an error in words where it is none that is
    /// understood.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Result<Self, &'static str>>> {
        let mut lines = reader.take(LONGEST_HEAD);
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ');
        let (Some("POST"), Some(target)) = (words.next(), words.next()) else { return Ok(Some(Err("want POST"))) };
        let query = target.split_once('?').and_then(|(_, query)| parameter(query, "query"));
        let (mut head, mut length) = (Self { query, ..Self::default() }, None);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Ok(Some(Err("the headers are too long")));
            }
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "x-clickhouse-user" => value.clone_into(&mut head.user),
                "x-clickhouse-key" => value.clone_into(&mut head.key),
                "content-length" => length = value.parse::<u64>().ok(),
                "content-encoding" => head.packed = value == "gzip",
                _ => {}
            }
        }
        let Some(length) = length.filter(|length| *length <= LARGEST_BODY) else {
            return Ok(Some(Err("want a Content-Length of at most 16 MiB")));
        };
        Ok(Some(Ok(Self { length, ..head })))
    }
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

    fn read(bytes: &[u8]) -> Option<Result<Head, &'static str>> {
        Head::read(&mut &*bytes).ok().flatten()
    }

    fn filled(bytes: &[u8], packed: bool, waiting: &AtomicUsize) -> Option<Vec<u8>> {
        let mut room = Room { waiting, bytes: 0 };
        if packed { fill(&mut GzDecoder::new(bytes), &mut room).ok() } else { fill(&mut &*bytes, &mut room).ok() }
    }

    #[test]
    fn a_request_is_read_as_the_sensors_send_it() {
        let request =
            b"POST /?query=INSERT%20INTO+x&y=1 HTTP/1.1\r\nx-clickhouse-user: a\r\nContent-Length: 3\r\n\r\nabc";
        let parts = read(request).and_then(Result::ok).map(|it| (it.user, it.query, it.length));
        assert_eq!(parts, Some(("a".to_owned(), Some("INSERT INTO x".to_owned()), 3)));
    }

    #[test]
    fn what_is_too_large_or_no_request_is_refused_in_words() {
        assert!(read(b"GET / HTTP/1.1\r\n\r\n").is_some_and(|it| it.is_err()));
        assert!(read(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").is_some_and(|it| it.is_err()));
        let long = [b"POST / HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 20_000]].concat();
        assert!(read(&long).is_none_or(|it| it.is_err()));
    }

    #[test]
    fn room_is_taken_while_a_body_is_unpacked_and_given_back() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let packed = gzip.write_all(&vec![b'0'; LARGEST_SHEET + 1]).and_then(|()| gzip.finish()).unwrap_or_default();
        let waiting = AtomicUsize::new(0);
        assert_eq!(filled(&packed, true, &waiting), None, "a body that unpacks to too much");
        assert_eq!(filled(b"abc", true, &waiting), None, "no packed body");
        assert_eq!(filled(b"abc", false, &waiting).as_deref(), Some(b"abc".as_slice()));
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
        waiting.store(MOST_WAITING - 2, Ordering::Relaxed);
        assert_eq!(filled(b"abc", false, &waiting), None, "others have it all");
        assert_eq!(waiting.load(Ordering::Relaxed), MOST_WAITING - 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), query in ".{0,40}") {
            let _ = read(&bytes);
            let _ = read(&[b"POST /?".as_slice(), &bytes].concat());
            let _ = parameter(&query, "query");
            let _ = filled(&bytes, true, &AtomicUsize::new(0));
        }
    }
}
