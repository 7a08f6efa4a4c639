//! When a sensor was capturing, and what it lost: runs of minutes joined.

use super::{Coverage, FileRecord, Watched};
use crate::base::{Minute, Span, Stamp};

/// Minutes between two files of a rotated set in which nobody is thought to have looked away.
const ROTATION_MINUTES: u32 = 2;
/// The same between two logs: they are written when something happens, and a phone at rest is quiet for a while.
const LOG_ROTATION_MINUTES: u32 = 30;

impl Watched {
    /// The minutes that a capture of `frames` from `first` to `last` covers, when `missed` more were not kept.
    pub fn of_capture(first: Stamp, last: Stamp, frames: u64, missed: u64) -> Self {
        let missed = missed as f64;
        let span = Span { first: first.minute(), end: last.minute().plus(1) };
        Self { span, dropped: missed / (frames as f64 + missed).max(1.0) }
    }
}

/// The runs of minutes that captures cover together; where they overlap or follow each other, the larger loss counts for
/// both.
pub fn join_files(runs: Vec<Watched>) -> Vec<Watched> {
    join(runs, ROTATION_MINUTES)
}

/// The same of logs, across short rests between them.
pub fn join_logs(runs: Vec<Watched>) -> Vec<Watched> {
    join(runs, LOG_ROTATION_MINUTES)
}

fn join(mut runs: Vec<Watched>, gap: u32) -> Vec<Watched> {
    runs.sort_by_key(|run| run.span);
    let mut joined: Vec<Watched> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(open) if run.span.first.since(open.span.end) <= gap => {
                open.span.end = open.span.end.max(run.span.end);
                open.dropped = open.dropped.max(run.dropped);
            }
            _ => joined.push(run),
        }
    }
    joined
}

/// The minutes that several sources watched, ascending, not overlapping; in minutes that more than one watched, the
/// larger loss counts.
pub fn union(mut runs: Vec<Watched>) -> Vec<Watched> {
    runs.retain(|run| run.span.first < run.span.end);
    runs.sort_by_key(|run| run.span);
    if runs.windows(2).all(|pair| pair[0].span.end < pair[1].span.first) {
        return runs;
    }
    let mut cuts: Vec<Minute> = runs.iter().flat_map(|run| [run.span.first, run.span.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut joined: Vec<Watched> = Vec::new();
    let (mut next, mut open): (usize, Vec<Watched>) = (0, Vec::new());
    for cut in cuts.windows(2) {
        let piece = Span { first: cut[0], end: cut[1] };
        open.retain(|run| run.span.end > piece.first);
        while let Some(run) = runs.get(next).filter(|run| run.span.first <= piece.first) {
            open.push(*run);
            next += 1;
        }
        let Some(dropped) = open.iter().map(|run| run.dropped).reduce(f64::max) else { continue };
        match joined.last_mut() {
            Some(last) if last.span.end == piece.first && last.dropped.total_cmp(&dropped).is_eq() => {
                last.span.end = piece.end;
            }
            _ => joined.push(Watched { span: piece, dropped }),
        }
    }
    joined
}

/// When each source watched, in `span` (at all) from the minute `from` on: captures that were read in are one, the first.
pub(super) fn by_place(files: &[FileRecord], live: Vec<Vec<Watched>>, span: Option<Span>, from: Minute) -> Coverage {
    let (logs, captures): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.is_log());
    let runs = |files: Vec<&FileRecord>| files.into_iter().filter_map(FileRecord::watched).collect();
    let files = union([join_files(runs(captures)), join_logs(runs(logs))].concat());
    let kept = Span { first: from, end: Minute(u32::MAX) };
    let cut = |runs| clip(clip(runs, span.unwrap_or(kept)), kept);
    Coverage::of(std::iter::once(files).chain(live).map(cut).collect())
}

/// The runs of one source after `new`: it takes the place of runs that it holds; elsewhere as in [`union`].
pub(super) fn overlay(mut runs: Vec<Watched>, new: Watched) -> Vec<Watched> {
    runs.retain(|old| old.span.first < new.span.first || old.span.end > new.span.end);
    runs.push(new);
    union(runs)
}

/// The part of each run that lies in `span`.
pub fn clip(runs: Vec<Watched>, span: Span) -> Vec<Watched> {
    let clipped = runs.into_iter().map(|run| {
        let inside = Span { first: run.span.first.max(span.first), end: run.span.end.min(span.end) };
        Watched { span: inside, ..run }
    });
    clipped.filter(|run| run.span.first < run.span.end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u32, end: u32, dropped: f64) -> Watched {
        Watched { span: Span { first: Minute(first), end: Minute(end) }, dropped }
    }

    #[test]
    fn where_two_sources_watch_the_larger_loss_counts() {
        let both = union(vec![run(10, 20, 0.0), run(0, 12, 0.1), run(20, 25, 0.0), run(40, 50, 0.0)]);
        assert_eq!(both, [run(0, 12, 0.1), run(12, 25, 0.0), run(40, 50, 0.0)]);
        let apart = vec![run(0, 5, 0.0), run(6, 9, 0.0)];
        assert_eq!(union(apart.clone()), apart, "a gap stays a gap");
        assert_eq!(union(vec![run(5, 5, 0.0), run(9, 3, 0.0)]), [], "nothing was watched in no time");
    }

    #[test]
    fn a_run_that_grows_takes_its_own_place() {
        let mut kept = Vec::new();
        for end in 1..100 {
            kept = overlay(kept, run(0, end, 0.0));
        }
        assert_eq!(kept, [run(0, 99, 0.0)]);
        kept = overlay(kept, run(0, 100, 0.2));
        assert_eq!(kept, [run(0, 100, 0.2)], "the share lost is known better now");
        kept = overlay(kept, run(99, 110, 0.0));
        assert_eq!(kept, [run(0, 100, 0.2), run(100, 110, 0.0)]);
    }

    #[test]
    fn a_span_cuts_what_lies_across_its_ends() {
        let runs = vec![run(0, 10, 0.0), run(20, 30, 0.5), run(40, 50, 0.0)];
        let span = Span { first: Minute(5), end: Minute(22) };
        assert_eq!(clip(runs, span), [run(5, 10, 0.0), run(20, 22, 0.5)]);
    }
}
