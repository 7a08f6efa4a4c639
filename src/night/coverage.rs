//! What was really observed: a sensor was capturing, lost little, and the device was there.

use crate::{
    base::Span,
    ledger::DeviceLedger,
    night::{Settings, spans::Spans},
};

/// The minutes in which the device could have been heard: some sensor was live and kept most packets, and a packet of
/// the device was seen shortly before or after. A phone that has left for the cellular network is not quiet but away.
pub(super) fn observed(ledger: &DeviceLedger, settings: &Settings) -> Spans {
    let live = ledger.watched.iter().filter(|run| run.dropped < settings.most_dropped).map(|run| run.span);
    let reach = settings.presence;
    let present = ledger.seen.iter().map(|&seen| Span { first: seen.minus(reach), end: seen.plus(reach + 1) });
    Spans::new(live.collect()).and(&Spans::new(present.collect()))
}

/// The share of packets dropped in `span`, weighted by minutes; at most 0.99.
pub(super) fn dropped_in(ledger: &DeviceLedger, span: Span) -> f64 {
    let first = ledger.watched.partition_point(|run| run.span.end <= span.first);
    let (mut lost, mut minutes) = (0.0, 0.0);
    for run in ledger.watched.iter().skip(first).take_while(|run| run.span.first < span.end) {
        let shared = Span { first: run.span.first.max(span.first), end: run.span.end.min(span.end) };
        lost += run.dropped.clamp(0.0, 1.0) * f64::from(shared.minutes());
        minutes += f64::from(shared.minutes());
    }
    if minutes > 0.0 && lost > 0.0 { (lost / minutes).min(0.99) } else { 0.0 }
}
