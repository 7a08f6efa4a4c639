//! Night by night: what one subject sent while nobody was there, and what was deducted from it.

use crate::{
    base::{Bytes, Minute, Span},
    ledger::Cell,
    night::{
        Night, Settings,
        attended::Mask,
        burst::{Burst, Shape, excess},
        cycle::{Cycle, Cycles, DAY},
        rest::Rests,
        spans::Spans,
    },
};

/// What the device observed, as it is asked for night by night.
#[derive(Debug)]
pub(super) struct Observed {
    /// Observed minutes.
    pub(super) all: Spans,
    /// Those of them that are attended when every subject's signs count.
    attended: Spans,
}

impl Observed {
    /// Observed minutes, and those of them that are in `attended`.
    pub(super) fn new(all: Spans, attended: &Spans) -> Self {
        Self { attended: all.and(attended), all }
    }

    /// Share of observed minutes that are attended, 0 to 1.
    pub(super) fn attended_share(&self) -> f64 {
        self.attended.minutes() as f64 / (self.all.minutes().max(1)) as f64
    }

    /// The observed minutes in which nobody was there, as they count under `mask`.
    pub(super) fn unattended(&self, mask: &Mask<'_>) -> Spans {
        self.all.without(&mask.spans())
    }

    /// The share of the unattended minutes of `cycle` that were observed, or of the usual hours of rest in it where that
    /// is less, 0 to 1; 0 where none is unattended.
    ///
    /// A phone that is away every night still has idle minutes by day: they must not pass for the night.
    fn coverage(&self, own: &Spans, cycle: &Cycle, rest: Span, mask: &Mask<'_>) -> f64 {
        let unattended = u64::from(DAY).saturating_sub(mask.minutes_in(cycle.span));
        let attended = self.attended.minutes_in(cycle.span).saturating_sub(own.minutes_in(cycle.span));
        let seen = self.all.minutes_in(cycle.span).saturating_sub(attended);
        let rested = self.all.minutes_in(rest) as f64 / f64::from(rest.minutes().max(1));
        if unattended == 0 { 0.0 } else { (seen as f64 / unattended as f64).min(rested).min(1.0) }
    }
}

/// The nights of one subject, one for each cycle, in time order.
pub(super) fn nights(
    minutes: &[(Minute, Cell)],
    bursts: &[Burst],
    mask: &Mask<'_>,
    observed: &Observed,
    (cycles, rests): (&Cycles, &Rests),
    settings: &Settings,
) -> Vec<Night> {
    let own = observed.all.and(mask.own());
    let empty = |cycle: &Cycle| Night {
        start: cycle.span.first,
        coverage: observed.coverage(&own, cycle, cycles.rest_in(cycle), mask),
        ..Night::default()
    };
    let mut nights: Vec<Night> = cycles.list.iter().map(empty).collect();
    let mut bursts = bursts.iter().peekable();
    let (mut cycle, mut place) = (Cursor::default(), (0, 0));
    for (minute, cell) in minutes {
        while bursts.next_if(|burst| burst.last < *minute).is_some() {}
        let burst = bursts.peek().filter(|burst| burst.first <= *minute);
        let Some(at) = cycle.at(burst.map_or(*minute, |burst| burst.first), cycles) else { continue };
        let Some(night) = nights.get_mut(at) else { continue };
        let present = mask.contains_after(&mut place, *minute);
        let bulk = post(night, cell, present, burst.copied(), settings);
        if burst.is_some_and(|burst| rests.holds(at, burst.first)) {
            night.rest_bulk_up += bulk;
        }
    }
    nights
}

/// Adds one cell to its night, and gives the unattended bulk in it. `present`: somebody was there in its minute; `burst`:
/// the upload it is part of.
fn post(night: &mut Night, cell: &Cell, present: bool, burst: Option<&Burst>, settings: &Settings) -> Bytes {
    night.streams_up += cell.stream_up;
    let counted = burst.map_or(!present, |burst| !burst.attended);
    if present && !counted {
        night.attended_up += cell.up;
        return Bytes::ZERO;
    }
    let excess = excess(cell, settings);
    night.unattended_raw_up += cell.up;
    night.deductions.streams += cell.stream_up.min(cell.up);
    night.deductions.acknowledgements += cell.up.less(cell.stream_up).less(excess);
    if !counted {
        night.deductions.attended_starts += excess;
        return Bytes::ZERO;
    }
    night.unattended_up += excess;
    let bulk = if burst.is_some_and(|burst| burst.shape == Shape::Bulk) { excess } else { Bytes::ZERO };
    night.bulk_up += bulk;
    bulk
}

/// Finds cycles for minutes that mostly ascend.
#[derive(Default)]
struct Cursor {
    span: Option<(Span, usize)>,
}

impl Cursor {
    fn at(&mut self, minute: Minute, cycles: &Cycles) -> Option<usize> {
        if let Some((_, at)) = self.span.filter(|(span, _)| span.contains(minute)) {
            return Some(at);
        }
        let at = cycles.at(minute)?;
        self.span = cycles.list.get(at).map(|cycle| (cycle.span, at));
        Some(at)
    }
}
