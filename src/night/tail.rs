//! Uploads that hide in the wake of the owner: bulk that begins just after the last use of the day.
//!
//! What begins while the device still counts as attended is the owner's, so an exporter that waits for the last touch is
//! missed by the evidence. It is betrayed by the other pauses: after them, it does not upload. People begin uploads
//! before their last touch, not after. This is an annotation, no verdict: a phone's habits differ by hour.

use crate::night::{
    Settings,
    attended::{Attendance, Mask},
    beta::upper_limit,
    burst::{Burst, Shape},
    cycle::Cycles,
    evidence::ln_e,
    spans::Spans,
};

/// Whether bulk uploads follow the last use of the day more often than the other pauses of the same device could explain.
pub(super) fn recurs(
    bursts: &[Burst],
    cycles: &Cycles,
    attendance: &Attendance,
    mask: &Mask<'_>,
    subject: u32,
    settings: &Settings,
) -> bool {
    let smallest = settings.sizes.first().copied().unwrap_or_default();
    let bulk = |burst: &&Burst| burst.attended && burst.shape == Shape::Bulk && burst.excess >= smallest;
    let starts: Vec<_> = bursts.iter().filter(bulk).map(|burst| burst.first).collect();
    if settings.declared.is_some() || starts.len() < settings.needed_nights as usize {
        return false;
    }
    let spans = mask.spans();
    let (mut last, mut other) = (Count::default(), Count::default());
    for (at, longest) in pauses(&spans, cycles) {
        let Some(run) = spans.runs().get(at) else { continue };
        // The last sign of a person lies a hold before the end; names after it are the phone's own.
        let sign = run.end.minus(settings.hold + 1);
        let touch = attendance.last_touch(sign, subject).filter(|touch| *touch >= run.first).unwrap_or(sign);
        let first = starts.partition_point(|start| *start <= touch);
        let hit = starts.get(first).is_some_and(|start| start.since(touch) <= settings.hold);
        let count = if longest { &mut last } else { &mut other };
        count.add(hit);
    }
    let rate = upper_limit(other.hits, other.all, 0.95).max(settings.accident_rate_at(smallest));
    last.all >= settings.needed_nights && rate < 0.9 && ln_e(last.hits, last.all, rate) >= settings.threshold.ln()
}

#[derive(Default)]
struct Count {
    hits: u32,
    all: u32,
}

impl Count {
    fn add(&mut self, hit: bool) {
        self.all += 1;
        self.hits += u32::from(hit);
    }
}

/// Each attended run, by its index, that a pause of the same cycle follows, and whether it is the longest pause of it.
fn pauses(attended: &Spans, cycles: &Cycles) -> Vec<(usize, bool)> {
    let runs = attended.runs();
    let mut pauses = Vec::new();
    for cycle in &cycles.list {
        let first = runs.partition_point(|run| run.end < cycle.span.first);
        let end = runs.partition_point(|run| run.end < cycle.span.end);
        let pause = |at: usize| runs.get(at + 1).zip(runs.get(at)).map_or(0, |(next, run)| next.first.since(run.end));
        let longest = (first..end).max_by_key(|&at| pause(at));
        pauses.extend((first..end).map(|at| (at, Some(at) == longest)));
    }
    pauses
}
