//! Packets while they happen: interfaces, standard input, and the streams of capture programs elsewhere.
//!
//! In: a [`Source`]. Out: [`Dispatch`]s on a bounded channel, frames in batches and between them what became of the
//! source. A thread reads each source, so that a slow one holds up no other; when the channel is full it waits, and
//! what the kernel then drops is counted.
//!
//! A source is opened ([`Faucet::open`]) on the thread that will later give up its privileges, and started
//! ([`Faucet::start`]) afterwards.

mod datagrams;
mod faucet;
mod fetch;
mod outlet;
mod pour;
mod source;
mod tap;
mod tcp;
mod wire;

use super::batch::Batch;
pub use faucet::{Absent, Faucet, SourceError, SourceOptions};
pub use source::{Door, NotASource, Source};

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::LinkType;
use crate::base::Stamp;

/// A moment by both of this machine's clocks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// The time of day, which may be set.
    pub wall: Stamp,
    /// Time since some moment at the start of the program, which only goes on.
    pub running: Duration,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        static START: OnceLock<Instant> = OnceLock::new();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Stamp::new(since.as_secs(), since.subsec_nanos().into());
        Self { wall, running: START.get_or_init(Instant::now).elapsed() }
    }
}

/// Something that a source brought.
#[derive(Debug)]
pub struct Dispatch {
    /// Which source, by the number it was started with.
    pub source: usize,
    /// When.
    pub at: Moment,
    /// What.
    pub news: News,
}

/// What a source brings.
#[derive(Debug)]
pub enum News {
    /// Packets can come from now on.
    Open {
        /// Who sends, where it is not the source itself: a connection's far end.
        peer: Option<String>,
    },
    /// Packets.
    Frames(Batch),
    /// Still there.
    Alive {
        /// Packets that the kernel, the interface or the sending program lost since this was last said.
        lost: u64,
        /// What the first header of its frames is, where it is known.
        link: Option<LinkType>,
    },
    /// Packets cannot come any more; the source is tried again.
    Gap {
        /// Why, in one line.
        why: String,
        /// Whether it was watched up to now, or only up to its last packet.
        until: Until,
    },
    /// Something that the reader of the audit should know.
    Remark(String),
    /// It is over for good.
    Over {
        /// Why, where it is a failure.
        failure: Option<String>,
    },
}

/// Up to when a source that ended was watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// Up to the moment it ended: the far end said so.
    Now,
    /// Up to its last packet: it may have been gone for longer.
    LastPacket,
}
