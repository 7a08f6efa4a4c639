//! What uploads are not made of: acknowledgements and calls, by which way the bytes went.

use super::{
    Said, Seen,
    Standing::{CannotTell, RuledOut, Supported},
};
use crate::{
    base::Bytes,
    ledger::Cell,
    night::{Night, Verdict, burst::excess},
};

/// A call carries at least this share of its bytes the other way.
const OTHER_WAY: f64 = 0.2;

impl Seen<'_> {
    /// Acknowledgements are a small share of what was received; what is counted is what is left after allowing for them.
    pub(super) fn acknowledgements(&self) -> Said {
        let set_aside: Bytes = self.nights.iter().map(|night| night.deductions.acknowledgements).sum();
        if self.verdict == Verdict::Routine {
            return self.of_the_raw(set_aside, "may be acknowledgements of downloads");
        }
        let counted = self.counted();
        let allowed = self.settings.acknowledgement_share * 100.0;
        let (up, down) = (counted.up, counted.down);
        let because = format!(
            "with {up} up against {down} down, they would be {} of the download; {allowed:.0} % of it is set aside for them",
            ratio(up, down)
        );
        (RuledOut, because)
    }

    /// A call goes both ways at an even rate. Streams are set aside by that; what is left is held against its ratio.
    pub(super) fn call(&self) -> Said {
        let set_aside: Bytes = self.nights.iter().map(|night| night.deductions.streams).sum();
        if self.verdict == Verdict::Routine {
            return self.of_the_raw(set_aside, "are calls or other live streams");
        }
        let counted = self.counted();
        let back = counted.down.0 as f64 / ((counted.up + counted.down).0 as f64).max(1.0);
        let because = format!(
            "calls and live streams ({set_aside}) are set aside already; of the rest {} % came back, and a call goes \
             both ways",
            (back * 100.0).round()
        );
        (if back < OTHER_WAY { RuledOut } else { CannotTell }, because)
    }

    /// Whether a deduction is what a routine night's raw upload consists of.
    fn of_the_raw(&self, part: Bytes, what: &str) -> Said {
        let sum = |bytes: fn(&Night) -> Bytes| self.nights.iter().map(bytes).sum::<Bytes>();
        let (raw, left) = (sum(|night| night.unattended_raw_up), sum(|night| night.unattended_up));
        let because = format!("{part} of {raw} sent unattended {what}; setting all allowances aside leaves {left}");
        let standing = match part.0 {
            part if part >= raw.0.div_ceil(2) => Supported,
            part if part < raw.0 / 20 => RuledOut,
            _ => CannotTell,
        };
        (standing, because)
    }

    /// What moved, streams apart, in the minutes that are to be explained: the bulk uploads, or where there are none the
    /// unattended minutes with an upload.
    fn counted(&self) -> Cell {
        let mut sum = Cell::default();
        let minutes = &self.row.minutes;
        for burst in self.to_explain() {
            let from = minutes.partition_point(|(minute, _)| *minute < burst.first);
            let within = minutes.iter().skip(from).take_while(|(minute, _)| *minute <= burst.last);
            within.for_each(|(_, cell)| sum.add(cell));
        }
        if sum.up == Bytes::ZERO {
            let mut at = (0, 0);
            for (minute, cell) in minutes {
                let unattended = !self.mask.contains_after(&mut at, *minute);
                if unattended && excess(cell, self.settings) > Bytes::ZERO {
                    sum.add(cell);
                }
            }
        }
        Cell { up: sum.up.less(sum.stream_up), down: sum.down.less(sum.stream_down), ..sum }
    }
}

/// `35 times the size` or `12 %`.
fn ratio(up: Bytes, down: Bytes) -> String {
    match up.0 as f64 / down.0.max(1) as f64 {
        times if times >= 1_000.0 => "over 1,000 times the size".to_owned(),
        times if times >= 2.0 => format!("{times:.0} times the size"),
        times => format!("{:.0} %", times * 100.0),
    }
}
