//! Uploads: minutes of excess upload joined over short pauses, and what shape they have.

use crate::{
    base::{Bytes, Minute},
    ledger::Cell,
    night::{Settings, Upload},
};

/// What a burst looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// Mostly upload, mostly in full packets, and not small: a file, a backup, an export.
    Bulk,
    /// Mostly a real-time stream.
    Stream,
    /// Anything else.
    Other,
}

/// One upload of one subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Burst {
    /// Its first minute.
    pub(super) first: Minute,
    /// Its last minute.
    pub(super) last: Minute,
    /// Excess upload in it.
    pub(super) excess: Bytes,
    /// What it looks like.
    pub(super) shape: Shape,
    /// Somebody was using the device when it began, whoever was there later.
    pub(super) attended: bool,
}

impl From<Burst> for Upload {
    fn from(burst: Burst) -> Self {
        Self {
            start: burst.first,
            minutes: burst.last.since(burst.first) + 1,
            bytes: burst.excess,
            attended: burst.attended,
        }
    }
}

/// A cell's upload without streams and without what acknowledging its download takes:
/// `max(0, up - streams - 0.03 * (down - streams))`.
pub(super) fn excess(cell: &Cell, settings: &Settings) -> Bytes {
    let sent = cell.up.less(cell.stream_up);
    sent.less(settings.acknowledging(cell.down.less(cell.stream_down)))
}

/// The bursts of one subject, in time order. `attended` says whether a person began what began in a minute.
pub(super) fn bursts(minutes: &[(Minute, Cell)], attended: impl Fn(Minute) -> bool, settings: &Settings) -> Vec<Burst> {
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    for (minute, cell) in minutes {
        if let Some(burst) = open.take_if(|burst| minute.since(burst.last) > settings.burst_gap + 1) {
            found.push(burst.closed(&attended, settings));
        }
        let excess = excess(cell, settings);
        let busy = excess >= settings.burst_minute && excess > Bytes::ZERO;
        match &mut open {
            Some(burst) => burst.add(*minute, cell, excess, busy),
            None if busy => {
                let mut burst = Open { first: *minute, last: *minute, ..Open::default() };
                burst.add(*minute, cell, excess, busy);
                open = Some(burst);
            }
            None => {}
        }
    }
    found.extend(open.map(|burst| burst.closed(&attended, settings)));
    found
}

/// A burst that may go on. What moves in a pause belongs to it only if the burst does go on.
#[derive(Default)]
struct Open {
    first: Minute,
    last: Minute,
    sum: Cell,
    excess: Bytes,
    pause: Cell,
    pause_excess: Bytes,
}

impl Open {
    fn add(&mut self, minute: Minute, cell: &Cell, excess: Bytes, busy: bool) {
        self.pause.add(cell);
        self.pause_excess += excess;
        if busy {
            self.last = minute;
            self.sum.add(&std::mem::take(&mut self.pause));
            self.excess += std::mem::take(&mut self.pause_excess);
        }
    }

    fn closed(self, attended: impl Fn(Minute) -> bool, settings: &Settings) -> Burst {
        Burst {
            first: self.first,
            last: self.last,
            excess: self.excess,
            shape: shape(&self.sum, self.excess, settings),
            attended: attended(self.first),
        }
    }
}

fn shape(sum: &Cell, excess: Bytes, settings: &Settings) -> Shape {
    let (up, down) = (sum.up.less(sum.stream_up), sum.down.less(sum.stream_down));
    if sum.stream_up > up {
        return Shape::Stream;
    }
    let asymmetric = up.0 as f64 >= settings.bulk_asymmetry * (up + down).0 as f64;
    let full = sum.bulk_up.0 as f64 >= settings.bulk_packets * up.0 as f64;
    if excess >= settings.bulk_size && asymmetric && full { Shape::Bulk } else { Shape::Other }
}
