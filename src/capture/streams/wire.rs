//! An interface that is captured on for months: it may go down, be unplugged, and come back.

use std::time::{Duration, Instant};

use super::{
    News, Until,
    outlet::Unwanted,
    tap::{Line, pause},
};
use crate::capture::{Live, LiveError, LiveOptions, list_interfaces};

/// How long to wait for frames before handing over what is there, and looking around.
const LINGER: Duration = Duration::from_millis(20);
/// Between two looks at what was lost, and at the link.
const LOOK: Duration = Duration::from_secs(1);
/// Between two attempts to open an interface that went away.
const RETRY: Duration = Duration::from_secs(1);
/// How long frames that came before the stop may take.
const LAST_FRAMES: Duration = Duration::from_millis(300);
/// Frames between two looks at the clock.
const FRAMES_A_GLANCE: u32 = 256;

/// Captures until told to stop. `opened` is the first capture, where there is one already.
pub(super) fn watch(mut opened: Option<Live>, options: &LiveOptions, line: &Line) -> Result<(), Unwanted> {
    let mut said = String::new();
    while !line.stopped() {
        let why = match opened.take().map_or_else(|| Live::open(options), Ok) {
            Ok(opened) => {
                said.clear();
                capture(opened, options, line)?
            }
            Err(error) => error.to_string(),
        };
        if line.stopped() {
            break;
        }
        if said != why {
            line.outlet.tell(News::Gap { why: why.clone(), until: Until::Now })?;
            said = why;
        }
        pause(RETRY, &line.stop);
    }
    Ok(())
}

/// Captures until the interface is gone; returns why.
fn capture(opened: Live, options: &LiveOptions, line: &Line) -> Result<String, Unwanted> {
    line.outlet.tell(News::Open { peer: None })?;
    let mut wire = Wire { live: opened, lost: 0 };
    let plug = Plug::of(&options.interface);
    let mut looked = Instant::now();
    let mut link_was = Carrier::Up;
    let mut until_glance = FRAMES_A_GLANCE;
    while !line.stopped() {
        match wire.live.advance(LINGER) {
            Ok(Some(frame)) => {
                line.outlet.push(&frame)?;
                until_glance -= 1;
                if until_glance > 0 {
                    continue;
                }
                line.outlet.flush_if_due()?;
            }
            Ok(None) => line.outlet.flush()?,
            Err(error) => return wire.parting(error, line),
        }
        until_glance = FRAMES_A_GLANCE;
        if looked.elapsed() < LOOK {
            continue;
        }
        looked = Instant::now();
        if let Err(error) = wire.tell_lost(line)? {
            return wire.parting(error, line);
        }
        let link_is = plug.look();
        match (link_was, link_is) {
            (_, Carrier::Gone) => return Ok("the interface is gone".into()),
            (Carrier::Up, Carrier::Down) => {
                line.outlet.tell(News::Gap { why: "the link is down".into(), until: Until::Now })?;
            }
            (Carrier::Down, Carrier::Up) => line.outlet.tell(News::Open { peer: None })?,
            _ => {}
        }
        link_was = link_is;
    }
    wire.empty(line)?;
    Ok(String::new())
}

/// An open capture, and how many lost packets have been told of.
struct Wire {
    live: Live,
    lost: u64,
}

impl Wire {
    /// Tells what was lost since this was last asked.
    fn tell_lost(&mut self, line: &Line) -> Result<Result<(), LiveError>, Unwanted> {
        let drops = match self.live.drops() {
            Ok(drops) => drops,
            Err(error) => return Ok(Err(error)),
        };
        let lost = drops.dropped + drops.interface_dropped;
        let more = lost.saturating_sub(std::mem::replace(&mut self.lost, lost));
        line.outlet.tell(News::Alive { lost: more, link: Some(self.live.link()) }).map(Ok)
    }

    /// Hands over what is still in the kernel's buffer: it came before the stop.
    fn empty(&mut self, line: &Line) -> Result<(), Unwanted> {
        let stopped = Instant::now();
        while stopped.elapsed() < LAST_FRAMES
            && let Ok(Some(frame)) = self.live.advance(Duration::ZERO)
        {
            line.outlet.push(&frame)?;
        }
        self.tell_lost(line)?.or(Ok(()))
    }

    /// Tells what was lost up to the end, and why it ended.
    fn parting(&mut self, error: LiveError, line: &Line) -> Result<String, Unwanted> {
        self.tell_lost(line)?.or(Ok(()))?;
        Ok(match error {
            LiveError::Failed { why, .. } => why,
            other => other.to_string(),
        })
    }
}

/// Whether anything is plugged in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Carrier {
    Up,
    Down,
    /// The device that was opened is not there any more, whatever bears its name now.
    Gone,
}

/// The device that a capture was opened on.
struct Plug {
    interface: String,
    /// Its number, which another device of the same name does not have; `None` for what is none, such as `any`.
    index: Option<u32>,
}

impl Plug {
    fn of(interface: &str) -> Self {
        Self { interface: interface.to_owned(), index: index(interface) }
    }

    /// How the device is. libpcap does not tell that an interface went down, nor, on an idle one, that it is gone.
    fn look(&self) -> Carrier {
        if self.index.is_none() {
            return Carrier::Up;
        }
        if index(&self.interface) != self.index {
            return Carrier::Gone;
        }
        match list_interfaces().ok().and_then(|all| all.into_iter().find(|one| one.name == self.interface)) {
            Some(one) if !one.running => Carrier::Down,
            _ => Carrier::Up,
        }
    }
}

/// The system's number of an interface.
#[cfg(target_os = "linux")]
fn index(interface: &str) -> Option<u32> {
    use rustix::net::{AddressFamily, SocketType, netdevice::name_to_index, socket};

    let any = socket(AddressFamily::INET, SocketType::DGRAM, None).ok()?;
    name_to_index(any, interface).ok()
}

#[cfg(not(target_os = "linux"))]
fn index(_: &str) -> Option<u32> {
    None
}
