//! Recurrence as an e-value: a bet against accidents that may be read every night.
//!
//! With `k` hits in `n` nights, and under a chance of accidents of at most `p`,
//!
//! ```text
//! e(k, n) = ∫ₚ¹ qᵏ (1-q)ⁿ⁻ᵏ dq / (1-p) / (pᵏ (1-p)ⁿ⁻ᵏ)
//! ```
//!
//! is a Bayes factor against a uniform prior above `p`. It is a supermartingale, so by Ville's inequality (1939) it ever
//! reaches 100 with a chance of at most 1 %. The integral is an upper tail of a beta distribution, which is a lower tail
//! of a binomial one, so the value is a finite sum of positive terms.

use crate::{base::Bytes, night::Settings};

/// What one eligible night brings to the evidence.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counted {
    /// The day of the week, as the cycle's number by 7.
    pub(super) weekday: u8,
    /// Unattended bulk upload.
    pub(super) bulk: Bytes,
    /// Unattended excess upload outside bulk bursts.
    pub(super) drip: Bytes,
}

/// `ln e(k, n)` for accident rate `p`: `ln Σ_{i≤k} [Bin(i; n+1, p) / Bin(k; n, p)] - ln((n+1)(1-p))`.
pub(super) fn ln_e(hits: u32, nights: u32, rate: f64) -> f64 {
    let (k, n, odds) = (f64::from(hits.min(nights)), f64::from(nights), (1.0 - rate) / rate);
    let mut term = (n + 1.0) / (n + 1.0 - k) * (1.0 - rate);
    let (mut sum, mut scale) = (term, 0.0);
    let mut i = k;
    while i > 0.0 {
        term *= i / (n + 2.0 - i) * odds;
        sum += term;
        if sum > 1e250 {
            (term, sum, scale) = (term * 1e-250, sum * 1e-250, scale + 250.0 * std::f64::consts::LN_10);
        }
        if term < sum * 1e-18 {
            break;
        }
        i -= 1.0;
    }
    sum.ln() + scale - ((n + 1.0) * (1.0 - rate)).ln()
}

/// The evidence after each night, `ln e`, for hits of several sizes, plain and by day of the week, averaged.
///
/// Averages of e-values are e-values: half of the stake is spread over the sizes, half over sizes and days of the week.
/// A night on another day leaves a weekday's bet as it is, so the average is still a supermartingale.
pub(super) fn by_night(nights: &[Counted], sizes: &[(Bytes, f64)]) -> Vec<f64> {
    averages(nights, sizes).collect()
}

fn averages(nights: &[Counted], sizes: &[(Bytes, f64)]) -> impl Iterator<Item = f64> {
    let mut plain = vec![Series::default(); sizes.len()];
    let mut weekly = vec![Series::default(); sizes.len() * 7];
    nights.iter().map(move |night| {
        for (at, &(size, rate)) in sizes.iter().enumerate() {
            let hit = night.bulk >= size;
            let day = at * 7 + usize::from(night.weekday % 7);
            plain.get_mut(at).into_iter().chain(weekly.get_mut(day)).for_each(|series| series.add(hit, rate));
        }
        mean(&plain, &weekly)
    })
}

/// Whether the evidence reaches `threshold` on night number `from` or later, all sizes held against one `rate`.
pub(super) fn reaches(nights: &[Counted], settings: &Settings, rate: f64) -> bool {
    let sizes: Vec<_> = settings.sizes.iter().map(|&size| (size, rate)).collect();
    let mut counted = averages(nights, &sizes).skip(settings.needed_nights.saturating_sub(1) as usize);
    counted.any(|ln_e| ln_e >= settings.threshold.ln())
}

/// The same for upload outside bulk bursts.
pub(super) fn drip_reaches(nights: &[Counted], settings: &Settings, rate: f64) -> bool {
    let by_night = drip_by_night(nights, settings.drip_size, rate);
    running_maximum(&by_night, settings.needed_nights, settings.threshold).1.is_some()
}

/// The evidence after each night, `ln e`, that upload outside bulk bursts reaches `size`.
pub(super) fn drip_by_night(nights: &[Counted], size: Bytes, rate: f64) -> Vec<f64> {
    let mut series = Series::default();
    nights
        .iter()
        .map(|night| {
            series.add(night.drip >= size, rate);
            series.ln_e
        })
        .collect()
}

/// The most that the evidence has reached since night number `from`, counted from 1, and the night on which it first
/// reached `threshold`. Before that night, what it is now.
pub(super) fn running_maximum(by_night: &[f64], from: u32, threshold: f64) -> (f64, Option<u32>) {
    let counted = by_night.get(from.saturating_sub(1) as usize..).filter(|counted| !counted.is_empty());
    let Some(counted) = counted else { return (by_night.last().copied().unwrap_or(0.0), None) };
    let first = (from.max(1)..).zip(counted).find(|(_, ln_e)| **ln_e >= threshold.ln()).map(|(night, _)| night);
    (counted.iter().copied().fold(f64::NEG_INFINITY, f64::max), first)
}

/// The largest accident rate at which `reaches` still holds, to within 1 in 1,000; `None` where it does at none.
pub(super) fn tipping_rate(reaches: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut holds, mut fails) = (1e-3, 0.999);
    if !reaches(holds) {
        return None;
    }
    while fails - holds > 1e-3 {
        let middle = f64::midpoint(holds, fails);
        if reaches(middle) {
            holds = middle;
        } else {
            fails = middle;
        }
    }
    Some(holds)
}

/// One bet, with what it stands at.
#[derive(Clone, Copy, Debug)]
struct Series {
    nights: u32,
    hits: u32,
    ln_e: f64,
    /// Without the logarithm; infinite where that is beyond what a number holds.
    e: f64,
}

impl Default for Series {
    fn default() -> Self {
        Self { nights: 0, hits: 0, ln_e: 0.0, e: 1.0 }
    }
}

impl Series {
    fn add(&mut self, hit: bool, rate: f64) {
        self.nights += 1;
        self.hits += u32::from(hit);
        self.ln_e = ln_e(self.hits, self.nights, rate);
        self.e = self.ln_e.exp();
    }
}

/// The logarithm of the average bet; from the largest where the bets themselves would overflow.
fn mean(plain: &[Series], weekly: &[Series]) -> f64 {
    let share = |sum: f64, all: &[Series]| sum / all.len().max(1) as f64;
    let part = |all: &[Series]| share(all.iter().map(|series| series.e).sum(), all);
    let average = f64::midpoint(part(plain), part(weekly));
    if average < 1e300 {
        return average.ln();
    }
    let most = plain.iter().chain(weekly).fold(f64::NEG_INFINITY, |most, series| most.max(series.ln_e));
    let part = |all: &[Series]| share(all.iter().map(|series| (series.ln_e - most).exp()).sum(), all);
    most + f64::midpoint(part(plain), part(weekly)).ln()
}

/// Each size with the accident rate that goes with it.
pub(super) fn sizes(settings: &Settings) -> Vec<(Bytes, f64)> {
    settings.sizes.iter().map(|&size| (size, settings.accident_rate_at(size))).collect()
}

/// Only the sizes of an export, with weight as in the whole: what is left of the evidence when hits too small to be
/// told from diagnostics count for nothing.
pub(super) fn of_exports(nights: &[Counted], settings: &Settings) -> Vec<f64> {
    let all = sizes(settings);
    let large: Vec<_> = all.iter().copied().filter(|&(size, _)| size >= settings.export_size).collect();
    let share = (large.len() as f64 / all.len().max(1) as f64).ln();
    by_night(nights, &large).into_iter().map(|ln_e| ln_e + share).collect()
}

/// `e(k, n)` for each size of the settings, worked out beforehand, for when thousands of histories are weighed.
#[derive(Debug)]
pub(super) struct Table {
    sizes: Vec<(Bytes, usize)>,
    /// By rate, then by `n (n + 1) / 2 + k`. Cut at [`ENOUGH`], far above any threshold in use.
    values: Vec<Vec<f64>>,
}

/// Beyond this, evidence is not counted further where only reaching a threshold matters.
const ENOUGH: f64 = 1e15;

impl Table {
    /// All values for up to `nights` nights.
    pub(super) fn new(settings: &Settings, nights: u32) -> Self {
        let mut rates: Vec<f64> = Vec::new();
        let mut place = |rate: f64| {
            let known = rates.iter().position(|known| known.to_bits() == rate.to_bits());
            known.unwrap_or_else(|| {
                rates.push(rate);
                rates.len() - 1
            })
        };
        let sizes = sizes(settings).into_iter().map(|(size, rate)| (size, place(rate))).collect();
        let all = |rate: f64| (0..=nights).flat_map(move |n| (0..=n).map(move |k| ln_e(k, n, rate).exp().min(ENOUGH)));
        Self { sizes, values: rates.into_iter().map(|rate| all(rate).collect()).collect() }
    }

    fn value(&self, rate: usize, hits: usize, nights: usize) -> f64 {
        let row = self.values.get(rate).and_then(|row| row.get(nights * (nights + 1) / 2 + hits));
        row.copied().unwrap_or(1.0)
    }
}

/// A history that is weighed night by night from a [`Table`]: [`by_night`], [`of_exports`] and their running maxima, as
/// far as it takes to know whether the threshold is reached.
#[derive(Debug)]
pub(super) struct Bets<'a> {
    table: &'a Table,
    settings: &'a Settings,
    nights: u32,
    weekdays: [usize; 7],
    /// By size: hits, what the plain bet and the seven weekday bets stand at.
    sizes: Vec<(usize, f64, [usize; 7], [f64; 7])>,
    small_hits: u32,
    large_hits: u32,
    /// The evidence has reached the threshold on some night that counts.
    pub(super) flagged: bool,
    /// So has its part that rests on sizes of an export.
    pub(super) export_flagged: bool,
}

impl<'a> Bets<'a> {
    /// Before the first night.
    pub(super) fn new(table: &'a Table, settings: &'a Settings) -> Self {
        Self {
            table,
            settings,
            nights: 0,
            weekdays: [0; 7],
            sizes: vec![(0, 1.0, [0; 7], [1.0; 7]); table.sizes.len()],
            small_hits: 0,
            large_hits: 0,
            flagged: false,
            export_flagged: false,
        }
    }

    /// Weighs one more night.
    pub(super) fn add(&mut self, weekday: u8, bulk: Bytes) {
        let day = usize::from(weekday % 7);
        self.nights += 1;
        self.weekdays[day] += 1;
        let (mut all, mut large) = (0.0, 0.0);
        for (&(size, rate), (hits, plain, day_hits, weekly)) in self.table.sizes.iter().zip(&mut self.sizes) {
            *hits += usize::from(bulk >= size);
            day_hits[day] += usize::from(bulk >= size);
            *plain = self.table.value(rate, *hits, self.nights as usize);
            weekly[day] = self.table.value(rate, day_hits[day], self.weekdays[day]);
            let e = f64::midpoint(*plain, weekly.iter().sum::<f64>() / 7.0);
            all += e;
            large += if size >= self.settings.export_size { e } else { 0.0 };
        }
        let smallest = self.table.sizes.first().map_or(Bytes::ZERO, |size| size.0);
        self.large_hits += u32::from(bulk >= self.settings.export_size.max(smallest));
        self.small_hits += u32::from(bulk >= smallest && bulk < self.settings.export_size);
        if self.nights >= self.settings.needed_nights {
            let needed = self.settings.threshold * self.sizes.len().max(1) as f64;
            self.flagged |= all >= needed;
            self.export_flagged |= large >= needed;
        }
    }

    /// Whether the median hit has the size of an export.
    pub(super) fn median_is_large(&self) -> bool {
        let hits = self.small_hits + self.large_hits;
        hits > 0 && self.small_hits <= (hits - 1) / 2
    }
}

#[cfg(test)]
mod tests;
