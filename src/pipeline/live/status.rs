//! What a listener says of itself while it listens.

use crate::{
    base::Stamp,
    capture::{Moment, Saved, Source},
    ledger::{Coverage, Watched},
    pipeline::InputReport,
};

/// What became of one source so far.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceStatus {
    /// Which.
    pub source: Source,
    /// Whether packets can come.
    pub state: SourceState,
    /// What was read of it; `path` is its name as the user gave it, `lost` what the kernel, the interface or the
    /// sending program dropped.
    pub input: InputReport,
    /// When it was watched, ascending.
    pub watched: Vec<Watched>,
    /// How often it went away and was waited for.
    pub gaps: u64,
}

/// Whether packets can come from a source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceState {
    /// Not now; it is tried again, or waited for. Why, in one line.
    Waiting(String),
    /// Yes. Who sends, where it is a connection's far end.
    Open(Option<String>),
    /// Not any more. Why, where it is a failure.
    Over(Option<String>),
}

/// What a listener has seen up to now.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// When the listening began.
    pub began: Moment,
    /// Now.
    pub now: Moment,
    /// The time, by their own clocks, up to which every open source has told: what decides which minutes are over.
    /// `None` until one has been.
    pub packet_time: Option<Stamp>,
    /// The sources, in the order they were named.
    pub sources: Vec<SourceStatus>,
    /// The minutes in which any source was watched, ascending; what was lost is the share of the worst of them.
    pub watched: Vec<Watched>,
    /// What the reader of an audit should know: clocks that were set, streams that began without a header.
    pub notes: Vec<String>,
    /// What was kept of the packets, where that was asked for.
    pub saved: Option<Saved>,
}

impl Status {
    /// Packets from all sources.
    pub fn packets(&self) -> u64 {
        self.sources.iter().map(|source| source.input.packets).sum()
    }

    /// Packets that the kernel, the interfaces and the sending programs lost.
    pub fn lost(&self) -> u64 {
        self.sources.iter().map(|source| source.input.lost).sum()
    }

    /// When each source was watched, by its place.
    pub fn watched_by_source(&self) -> Vec<Vec<Watched>> {
        self.sources.iter().map(|source| source.watched.clone()).collect()
    }

    /// When each device could be seen, by its source.
    pub fn coverage(&self) -> Coverage {
        Coverage::of(self.watched_by_source())
    }

    /// The sources as an audit's inputs.
    pub fn inputs(&self) -> Vec<InputReport> {
        self.sources.iter().map(|source| source.input.clone()).collect()
    }

    /// A line for each source that ended in a failure.
    pub fn failures(&self) -> Vec<String> {
        let failed = |source: &SourceStatus| match &source.state {
            SourceState::Over(Some(why)) => Some(format!("{}: {why}", source.input.path)),
            _ => None,
        };
        self.sources.iter().filter_map(failed).collect()
    }
}
