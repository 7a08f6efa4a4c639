//! A connection or pipe read so that its reader can always be told to stop, and hands over what it has before it waits.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{outlet::Outlet, tcp::OpenDoor};

/// How long to wait for bytes before handing over what is there already.
const LINGER: Duration = Duration::from_millis(20);
/// How long to wait before looking whether to stop.
pub(super) const LOOK_UP: Duration = Duration::from_millis(200);

/// Bytes from `stream`, up to its end, a stop, or a newcomer at the door.
pub(super) struct Tap<S> {
    stream: S,
    line: Line,
    door: Option<OpenDoor>,
}

/// What a capturing thread holds: the way out, and the sign to stop.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) outlet: Outlet,
    pub(super) stop: Arc<AtomicBool>,
}

impl Line {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl<S: Read + AsFd> Tap<S> {
    pub(super) fn new(stream: S, line: Line) -> Self {
        Self { stream, line, door: None }
    }

    /// Leaves the stream for whoever comes in at `door` next.
    pub(super) fn beside(self, door: OpenDoor) -> Self {
        Self { door: Some(door), ..self }
    }
}

impl<S: Read + AsFd> Read for Tap<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if !wait(&self.stream, self.door.as_ref(), &self.line) {
                return Ok(0);
            }
            match self.stream.read(out) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                done => return done,
            }
        }
    }
}

/// Waits for bytes, with what is gathered handed over meanwhile; false where the line is told to stop.
pub(super) fn await_bytes(stream: &impl AsFd, line: &Line) -> bool {
    wait(stream, None, line)
}

/// Waits for bytes; false where there is something else to do.
fn wait(stream: &impl AsFd, door: Option<&OpenDoor>, line: &Line) -> bool {
    let mut patience = LINGER;
    while !line.stopped() {
        let ready = ready(stream, door.map(OpenDoor::socket), patience);
        if ready.door && door.is_some_and(OpenDoor::let_in) {
            return false;
        }
        let handed_over = if ready.stream { line.outlet.flush_if_due() } else { line.outlet.flush() };
        if handed_over.is_err() {
            return false;
        }
        if ready.stream {
            return true;
        }
        patience = LOOK_UP;
    }
    false
}

/// Which of two has something to read.
struct Ready {
    stream: bool,
    door: bool,
}

fn ready(stream: &impl AsFd, door: Option<&std::net::TcpListener>, patience: Duration) -> Ready {
    let wait = Timespec::try_from(patience).ok();
    let something = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    let is_ready = |fd: &PollFd<'_>| fd.revents().intersects(something);
    match door {
        None => {
            let mut fds = [PollFd::new(stream, PollFlags::IN)];
            // An error here is a signal: the caller looks whether it is to stop.
            let _ = poll(&mut fds, wait.as_ref());
            Ready { stream: is_ready(&fds[0]), door: false }
        }
        Some(door) => {
            let mut fds = [PollFd::new(stream, PollFlags::IN), PollFd::new(door, PollFlags::IN)];
            let _ = poll(&mut fds, wait.as_ref());
            Ready { stream: is_ready(&fds[0]), door: is_ready(&fds[1]) }
        }
    }
}

/// Waits until `socket` has something to read; false where it was told to stop first.
pub(super) fn await_readable(socket: &impl AsFd, stop: &AtomicBool) -> bool {
    while !stop.load(Ordering::Relaxed) {
        if ready(socket, None, LOOK_UP).stream {
            return true;
        }
    }
    false
}

/// Sleeps unless told to stop; false where it was.
pub(super) fn pause(length: Duration, stop: &AtomicBool) -> bool {
    let mut left = length;
    while !left.is_zero() {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let nap = left.min(LOOK_UP);
        std::thread::sleep(nap);
        left = left.saturating_sub(nap);
    }
    !stop.load(Ordering::Relaxed)
}
