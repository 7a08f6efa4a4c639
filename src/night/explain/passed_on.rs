//! Media that the app had received and passes on: it can pass on no more than it received, and soon.

use super::{
    Said, Seen,
    Standing::{CannotTell, RuledOut, Supported},
};
use crate::{
    base::{Bytes, Minute},
    ledger::Cell,
    night::{burst::Burst, cycle::DAY},
};

/// What is passed on at once is passed on within this many minutes of its arrival.
const SOON: u32 = 60;
/// No more uploads than this are looked at, the latest.
const MOST: usize = 200;
/// At so many moments of the unattended time it is tried how often as much would have arrived by chance.
const MOMENTS: u64 = 240;
/// Fewer uploads than this show no habit of passing on.
const FEWEST: usize = 3;
/// Share of the uploads that must have been received shortly before.
const MOSTLY: f64 = 0.75;
/// The chance below which as many arrivals before uploads are no coincidence.
const COINCIDENCE: f64 = 0.01;

impl Seen<'_> {
    /// Ruled out where most uploads are larger than all that had arrived within a day and not been passed on already;
    /// supported where as much arrived within an hour before most of them, more often than before other moments.
    pub(super) fn forwarded_media(&self) -> Said {
        let bursts: Vec<&Burst> = self.to_explain().collect();
        let bursts = bursts.get(bursts.len().saturating_sub(MOST)..).unwrap_or_default();
        let all = bursts.len();
        if all == 0 {
            return (RuledOut, "there was no upload of the size of a file".to_owned());
        }
        let arrivals = Arrivals::of(&self.row.minutes);
        let mut stock = Stock::of(&self.row.minutes);
        let (mut covered, mut soon, mut sent) = (0, 0, Bytes::ZERO);
        for burst in bursts {
            let fits = stock.passes_on(burst);
            covered += usize::from(fits);
            soon += usize::from(fits && arrivals.soon_before(burst.first, burst) >= nearly(burst.excess));
            sent += burst.excess;
        }
        let received: Bytes = self.row.minutes.iter().map(|(_, cell)| cell.down).sum();
        if covered * 2 < all {
            let because = format!(
                "before {} of {all} uploads it had received less within a day than it then sent ({received} received \
                 in the whole capture, {sent} sent in these uploads)",
                all - covered
            );
            return (RuledOut, because);
        }
        let by_chance = self.chance_of(soon, bursts, &arrivals);
        let because = format!("before {soon} of {all} uploads as much had arrived within an hour");
        if all >= FEWEST && soon as f64 >= MOSTLY * all as f64 && by_chance <= COINCIDENCE {
            return (Supported, format!("{because}, which does not happen by chance (p {by_chance:.4})"));
        }
        (CannotTell, format!("{because}, before {covered} within a day"))
    }

    /// The chance that as much arrives before `least` or more of the uploads, had they begun at other unattended moments.
    fn chance_of(&self, least: usize, bursts: &[&Burst], arrivals: &Arrivals) -> f64 {
        let unattended = self.observed.unattended(self.mask);
        let minutes = unattended.minutes();
        let step = (minutes / MOMENTS).max(1);
        let moments: Vec<Minute> = (0..MOMENTS.min(minutes))
            .filter_map(|n| unattended.nth((n * step).min(minutes.saturating_sub(1))))
            .collect();
        // A Poisson-binomial tail: `exactly[k]` is the chance of k.
        let mut exactly = vec![1.0];
        for burst in bursts {
            let as_much =
                moments.iter().filter(|moment| arrivals.soon_before(**moment, burst) >= nearly(burst.excess)).count();
            // One more moment, at which it did arrive: a share seen nowhere is not known to be zero.
            let share = (as_much + 1) as f64 / (moments.len() + 1) as f64;
            exactly.push(0.0);
            for k in (0..exactly.len()).rev() {
                let below = k.checked_sub(1).and_then(|k| exactly.get(k)).copied().unwrap_or(0.0);
                if let Some(chance) = exactly.get_mut(k) {
                    *chance = *chance * (1.0 - share) + below * share;
                }
            }
        }
        exactly.iter().skip(least).sum::<f64>().min(1.0)
    }
}

/// What is passed on may be a little smaller than what arrived: headers, a preview left out.
const fn nearly(size: Bytes) -> Bytes {
    Bytes(size.0 / 10 * 9)
}

/// What arrived within a day and was not passed on yet.
struct Stock {
    arrivals: Vec<(Minute, Bytes)>,
    /// The first arrival that is still there.
    oldest: usize,
}

impl Stock {
    fn of(minutes: &[(Minute, Cell)]) -> Self {
        let arrived = |(minute, cell): &(Minute, Cell)| (*minute, cell.down.less(cell.stream_down));
        Self { arrivals: minutes.iter().map(arrived).collect(), oldest: 0 }
    }

    /// Whether there is enough for `burst`; if so it is taken, the oldest first.
    fn passes_on(&mut self, burst: &Burst) -> bool {
        let day = burst.first.minus(DAY);
        let fresh = self.arrivals.get(self.oldest..).unwrap_or_default();
        self.oldest += fresh.partition_point(|(minute, _)| *minute < day);
        let there = self.arrivals.iter().skip(self.oldest);
        let left: Bytes = there.take_while(|(minute, _)| *minute <= burst.last).map(|(_, size)| *size).sum();
        if left < nearly(burst.excess) {
            return false;
        }
        let mut needed = burst.excess;
        for (minute, size) in self.arrivals.iter_mut().skip(self.oldest) {
            if *minute > burst.last || needed == Bytes::ZERO {
                break;
            }
            let taken = needed.min(*size);
            *size = size.less(taken);
            needed = needed.less(taken);
        }
        true
    }
}

/// What had arrived by the end of each minute in which something did.
struct Arrivals {
    minutes: Vec<Minute>,
    received: Vec<Bytes>,
}

impl Arrivals {
    fn of(minutes: &[(Minute, Cell)]) -> Self {
        let sums = minutes.iter().scan(Bytes::ZERO, |sum, (minute, cell)| {
            *sum += cell.down.less(cell.stream_down);
            Some((*minute, *sum))
        });
        let (minutes, received) = sums.unzip();
        Self { minutes, received }
    }

    /// What arrived from `first` to `last`, both included.
    fn between(&self, first: Minute, last: Minute) -> Bytes {
        self.until(last).less(self.until(first.minus(1)))
    }

    /// What arrived shortly before an upload as long as `burst` that begins at `start`, or while it runs.
    fn soon_before(&self, start: Minute, burst: &Burst) -> Bytes {
        self.between(start.minus(SOON), start.plus(burst.last.since(burst.first)))
    }

    fn until(&self, minute: Minute) -> Bytes {
        let after = self.minutes.partition_point(|seen| *seen <= minute);
        after.checked_sub(1).and_then(|at| self.received.get(at)).copied().unwrap_or_default()
    }
}
