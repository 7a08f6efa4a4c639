//! Flows that ended, shared between snapshots without copying them.

use std::sync::Arc;

use super::weight;
use crate::{base::Bytes, pipeline::FlowRow};

/// A screen holds this many flows that ended; beyond it the half with the least payload is left out.
pub const MOST_FLOWS: usize = 200_000;

type Chunk = Arc<Vec<Arc<FlowRow>>>;

/// The flows that had ended at some moment.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    chunks: Vec<Chunk>,
    /// How many flows lie before each chunk.
    starts: Vec<usize>,
    count: usize,
    /// Flows that were left out because there were too many.
    pub left_out: u64,
    /// Every flow with more payload than this is listed.
    pub left_out_up_to: Bytes,
}

impl Flows {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The one at `at`, in the order in which they ended.
    pub fn get(&self, at: usize) -> Option<&Arc<FlowRow>> {
        let chunk = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        self.chunks.get(chunk)?.get(at - self.starts.get(chunk)?)
    }

    /// All of them, in the order in which they ended.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<FlowRow>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl FromIterator<FlowRow> for Flows {
    fn from_iter<I: IntoIterator<Item = FlowRow>>(rows: I) -> Self {
        let mut log = FlowLog::default();
        rows.into_iter().for_each(|row| log.add(row));
        log.flows()
    }
}

/// Where ended flows are kept while more come.
#[derive(Debug, Default)]
pub struct FlowLog {
    sealed: Vec<Chunk>,
    pending: Vec<Arc<FlowRow>>,
    count: usize,
    left_out: u64,
    left_out_up_to: Option<Bytes>,
}

impl FlowLog {
    /// Adds a flow that ended.
    pub fn add(&mut self, row: FlowRow) {
        if self.left_out_up_to.is_some_and(|bar| weight(&row) <= bar) {
            self.left_out += 1;
            return;
        }
        self.pending.push(Arc::new(row));
        self.count += 1;
        if self.count > MOST_FLOWS {
            self.thin();
        }
    }

    /// The flows up to now.
    pub fn flows(&mut self) -> Flows {
        if !self.pending.is_empty() {
            self.seal();
        }
        let starts = self.sealed.iter().scan(0, |sum, chunk| {
            let start = *sum;
            *sum += chunk.len();
            Some(start)
        });
        Flows {
            starts: starts.collect(),
            chunks: self.sealed.clone(),
            count: self.count,
            left_out: self.left_out,
            left_out_up_to: self.left_out_up_to.unwrap_or_default(),
        }
    }

    /// Makes a chunk of what is pending. Chunks of like size are joined, so that there are few of them.
    fn seal(&mut self) {
        let mut chunk = std::mem::take(&mut self.pending);
        while let Some(before) = self.sealed.pop_if(|before| before.len() <= chunk.len() * 2) {
            chunk.splice(0..0, before.iter().cloned());
        }
        self.sealed.push(Arc::new(chunk));
    }

    /// Leaves out the lighter half.
    fn thin(&mut self) {
        self.seal();
        let mut weights: Vec<Bytes> =
            self.sealed.iter().flat_map(|chunk| chunk.iter()).map(|row| weight(row)).collect();
        let (_, bar, _) = weights.select_nth_unstable(MOST_FLOWS / 2);
        let bar = *bar;
        let kept: Vec<_> =
            self.sealed.iter().flat_map(|chunk| chunk.iter()).filter(|row| weight(row) > bar).cloned().collect();
        self.left_out += (self.count - kept.len()) as u64;
        self.left_out_up_to = Some(bar);
        self.count = kept.len();
        self.sealed = vec![Arc::new(kept)];
    }
}
