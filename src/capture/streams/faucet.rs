//! A source, opened with the privileges it takes, and started without them.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    net::UdpSocket,
    os::fd::AsFd,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    thread::{self, JoinHandle},
};

use crossbeam_channel::Sender;

use super::{
    Dispatch, Door, News, Source, Until, datagrams, fetch,
    outlet::{Outlet, Unwanted},
    pour::pour,
    tap::{Line, Tap},
    tcp::{self, OpenDoor},
    wire,
};
use crate::capture::{Live, LiveError, LiveOptions};

/// How interfaces are captured on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceOptions {
    /// As for one interface; its name is the source's.
    pub live: LiveOptions,
    /// What to do where an interface is not there yet.
    pub absent: Absent,
}

/// What becomes of an interface that is not there, or down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absent {
    /// It is an error: somebody waits for an answer.
    Fails,
    /// It is waited for: a machine that boots.
    Waits,
}

/// Why a source cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// An interface cannot be captured on.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A socket, pipe or file cannot be opened.
    #[error("{name}: {why}{}", mend(why))]
    Stream {
        /// As the user named it.
        name: String,
        /// The system's words.
        why: io::Error,
    },
}

fn mend(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there, choose another port",
        io::ErrorKind::AddrNotAvailable => "; listen on an address of this machine, or on 0.0.0.0 for all of them",
        io::ErrorKind::PermissionDenied => "; choose a port above 1023",
        _ => "",
    }
}

/// A source that is open and waits to be started.
pub struct Faucet {
    source: Source,
    kind: Kind,
}

enum Kind {
    Wire(Option<Box<Live>>, Box<LiveOptions>),
    StandardInput(File),
    Path,
    Connect(String),
    Listen(OpenDoor),
    Datagrams(UdpSocket, Door),
    Fetch(String, String),
}

impl Faucet {
    /// Opens `source` as far as that takes privileges: a capture, a socket to listen on.
    pub fn open(source: &Source, options: &SourceOptions) -> Result<Self, SourceError> {
        let failed = |why| SourceError::Stream { name: source.to_string(), why };
        let kind = match source {
            Source::Interface(name) => wire(name, options)?,
            Source::StandardInput => Kind::StandardInput(standard_input().map_err(failed)?),
            Source::Path(path) => {
                open_path(path).map_err(failed)?;
                Kind::Path
            }
            Source::Connect(authority) => Kind::Connect(authority.clone()),
            Source::Listen(door) => Kind::Listen(OpenDoor::open(door).map_err(failed)?),
            Source::Datagrams(door) => Kind::Datagrams(mailbox(door).map_err(failed)?, *door),
            Source::Fetch { authority, path } => Kind::Fetch(authority.clone(), path.clone()),
        };
        Ok(Self { source: source.clone(), kind })
    }

    /// Which source it is.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Lets packets flow into `sender`, as those of source `number`, until `stop` is set. The thread ends within a
    /// quarter of a second then, unless it waits for a host to answer.
    pub fn start(self, number: usize, sender: Sender<Dispatch>, stop: Arc<AtomicBool>) -> io::Result<JoinHandle<()>> {
        let line = Line { outlet: Outlet::new(number, sender), stop };
        thread::Builder::new().name(format!("capture-{number}")).spawn(move || {
            // Nobody to tell: the listener has ended.
            let _ = self.run(&line);
        })
    }

    fn run(self, line: &Line) -> Result<(), Unwanted> {
        let failure = match self.kind {
            Kind::Wire(opened, options) => {
                wire::watch(opened.map(|opened| *opened), &options, line)?;
                None
            }
            Kind::StandardInput(pipe) => once(pipe, line)?,
            Kind::Path => match &self.source {
                Source::Path(path) => path_again_and_again(path, line)?,
                _ => None,
            },
            Kind::Connect(authority) => tcp::read_from(&authority, line).map(|()| None)?,
            Kind::Listen(door) => tcp::listen(&door, line).map(|()| None)?,
            Kind::Datagrams(socket, door) => datagrams::listen(socket, &door, line).map(|()| None)?,
            Kind::Fetch(authority, path) => fetch::read_from(&authority, &path, line).map(|()| None)?,
        };
        line.outlet.tell(News::Over { failure })
    }
}

fn wire(name: &str, options: &SourceOptions) -> Result<Kind, LiveError> {
    let options_here = LiveOptions { interface: name.to_owned(), ..options.live.clone() };
    let live = match Live::open(&options_here) {
        Ok(live) => Some(Box::new(live)),
        Err(LiveError::Missing { .. } | LiveError::Failed { .. }) if options.absent == Absent::Waits => None,
        Err(error) => return Err(error),
    };
    Ok(Kind::Wire(live, Box::new(options_here)))
}

/// Standard input without a buffer of its own, which would hide bytes from poll(2).
fn standard_input() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

fn mailbox(door: &Door) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(door.at)?;
    socket.set_nonblocking(true)?;
    // A second of a phone's traffic; where the system allows less, it gives what it allows.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20);
    Ok(socket)
}

/// Opens a pipe or file without waiting for somebody to write to it.
fn open_path(path: &Path) -> io::Result<File> {
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), nonblock);
    options.open(path)
}

/// Reads a stream that comes once.
fn once(stream: impl Read + AsFd + Send + 'static, line: &Line) -> Result<Option<String>, Unwanted> {
    let ending = pour(Box::new(Tap::new(stream, line.clone())), line, None)?;
    if line.stopped() {
        return Ok(None);
    }
    if ending.refused {
        return Ok(Some(ending.why));
    }
    line.outlet.tell(News::Gap { why: ending.why.clone(), until: ending.until })?;
    Ok((ending.until == Until::LastPacket).then_some(ending.why))
}

/// Reads a file once, and a named pipe for as long as writers come.
fn path_again_and_again(path: &Path, line: &Line) -> Result<Option<String>, Unwanted> {
    loop {
        let stream = match open_path(path) {
            Ok(stream) => stream,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let is_file = stream.metadata().is_ok_and(|metadata| metadata.is_file());
        let failure = once(stream, line)?;
        if is_file || line.stopped() || failure.is_some() {
            return Ok(failure);
        }
    }
}
