//! Capture streams over TCP: exporters that connect to us, and programs that we connect to.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::net::sockopt;

use super::{
    Door, News, Until,
    outlet::Unwanted,
    pour::{Ending, pour},
    tap::{Line, Tap, await_readable, pause},
};
use crate::base::Cidr;

/// How long a host has to answer.
const CONNECT: Duration = Duration::from_secs(3);
/// Waits between two attempts: the first, and the longest.
const BACK_OFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// A listening socket, and the connection that came in last and waits for its turn.
///
/// The newest exporter wins: a phone that lost its network cannot say goodbye, and its old connection would keep it
/// out for minutes.
#[derive(Clone)]
pub(super) struct OpenDoor {
    socket: Arc<TcpListener>,
    from: Option<Cidr>,
    next: Arc<Mutex<Option<(TcpStream, SocketAddr)>>>,
}

impl OpenDoor {
    pub(super) fn open(door: &Door) -> io::Result<Self> {
        let socket = TcpListener::bind(door.at)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Arc::new(socket), from: door.from, next: Arc::default() })
    }

    pub(super) fn socket(&self) -> &TcpListener {
        &self.socket
    }

    /// Lets in whoever waits, if it may come in.
    pub(super) fn let_in(&self) -> bool {
        let Ok((stream, peer)) = self.socket.accept() else { return false };
        if !is_welcome(self.from, peer) || prepare(&stream).is_err() {
            return false;
        }
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some((stream, peer));
        true
    }

    fn take(&self) -> Option<(TcpStream, SocketAddr)> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn someone_waits(&self) -> bool {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Whether the network that `peer` is in is let in.
pub(super) fn is_welcome(from: Option<Cidr>, peer: SocketAddr) -> bool {
    from.is_none_or(|from| from.contains(peer.ip().to_canonical()))
}

/// Reads one exporter after another until told to stop.
pub(super) fn listen(door: &OpenDoor, line: &Line) -> Result<(), Unwanted> {
    let mut refused = Vec::new();
    while !line.stopped() {
        let Some((stream, peer)) = door.take() else {
            if await_readable(door.socket(), &line.stop) {
                door.let_in();
            }
            continue;
        };
        let mut ending =
            pour(Box::new(Tap::new(stream, line.clone()).beside(door.clone())), line, Some(&peer.to_string()))?;
        if line.stopped() {
            break;
        }
        if door.someone_waits() {
            ending = Ending { why: "a newer connection took its place".into(), until: Until::LastPacket, ..ending };
        }
        if ending.refused {
            // Something that knocks every minute is named once.
            if !refused.contains(&peer.ip()) && refused.len() < 16 {
                refused.push(peer.ip());
                line.outlet.tell(News::Remark(format!("{peer} sent no capture: {}", ending.why)))?;
            }
        } else {
            line.outlet.tell(News::Gap { why: format!("{peer}: {}", ending.why), until: ending.until })?;
        }
    }
    Ok(())
}

/// Connects to `authority`, greets with `greeting`, and reads what `body` makes of the answer; again and again.
pub(super) fn connect(
    authority: &str,
    line: &Line,
    mut answer: impl FnMut(TcpStream) -> io::Result<Box<dyn Read + Send>>,
) -> Result<(), Unwanted> {
    let mut wait = BACK_OFF[0];
    let mut said = String::new();
    while !line.stopped() {
        let opened = dial(authority).and_then(&mut answer);
        let ending = match opened {
            Ok(raw) => pour(raw, line, None)?,
            Err(error) => Ending { why: error.to_string(), until: Until::LastPacket, refused: true },
        };
        if line.stopped() {
            break;
        }
        if !ending.refused {
            wait = BACK_OFF[0];
            said.clear();
        }
        if said != ending.why {
            line.outlet.tell(News::Gap { why: ending.why.clone(), until: ending.until })?;
            said = ending.why;
        }
        if !pause(wait, &line.stop) {
            break;
        }
        wait = (wait * 2).min(BACK_OFF[1]);
    }
    Ok(())
}

/// Reads a stream from a program that starts to send as soon as somebody connects.
pub(super) fn read_from(authority: &str, line: &Line) -> Result<(), Unwanted> {
    connect(authority, line, |stream| Ok(Box::new(Tap::new(stream, line.clone()))))
}

fn dial(authority: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                prepare(&stream)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sets a connection up so that a far end that vanished is noticed within a minute, and reads never block.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let fd = stream.as_fd();
    sockopt::set_socket_keepalive(fd, true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        sockopt::set_tcp_keepidle(fd, Duration::from_secs(30))?;
        sockopt::set_tcp_keepintvl(fd, Duration::from_secs(10))?;
        sockopt::set_tcp_keepcnt(fd, 3)?;
    }
    Ok(())
}

/// Writes all of `bytes` to a connection that does not block: a short request, which its empty buffer takes at once.
pub(super) fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)
}
