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
    /// Unattended bulk upload that began at rest.
    pub(super) rest: Bytes,
    /// Unattended bulk upload, at rest or in a pause of the waking day.
    pub(super) bulk: Bytes,
    /// Unattended excess upload outside bulk bursts.
    pub(super) drip: Bytes,
}

/// `ln e(k, n)` for accident rate `p`: `ln Σ_{i≤k} [Bin(i; n+1, p) / Bin(k; n, p)] - ln((n+1)(1-p))`.
pub(super) fn ln_e(hits: u32, nights: u32, rate: f64) -> f64 {
    let (k, n) = (f64::from(hits.min(nights)), f64::from(nights));
    let (sum, scale) = ratio(k, n, rate);
    sum.ln() + scale * std::f64::consts::LN_10 - ((n + 1.0) * (1.0 - rate)).ln()
}

/// `P[Bin(n+1, p) <= k] / P[Bin(n, p) = k]`, divided by ten to the power of the second value, which is that.
fn ratio(k: f64, n: f64, rate: f64) -> (f64, f64) {
    let odds = (1.0 - rate) / rate;
    let mut term = (n + 1.0) / (n + 1.0 - k) * (1.0 - rate);
    let (mut sum, mut scale) = (term, 0.0);
    let mut i = k;
    while i > 0.0 {
        term *= i / (n + 2.0 - i) * odds;
        sum += term;
        if sum > 1e250 {
            (term, sum, scale) = (term * 1e-250, sum * 1e-250, scale + 250.0);
        }
        if term < sum * 1e-18 {
            break;
        }
        i -= 1.0;
    }
    (sum, scale)
}

/// A size that a night's upload is held against, with how often accidents reach it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stake {
    pub(super) size: Bytes,
    /// Share of nights, at rest.
    pub(super) rest: f64,
    /// Share of days, in all pauses of use together.
    pub(super) pause: f64,
}

/// Each size with its accident rates.
pub(super) fn stakes(settings: &Settings) -> Vec<Stake> {
    let of = |&size| Stake { size, rest: settings.accident_rate_at(size), pause: settings.pause_rate_at(size) };
    settings.sizes.iter().map(of).collect()
}

/// The evidence after each night, `ln e`, for hits of several sizes, averaged.
///
/// Averages of e-values are e-values: half of the stake lies on uploads at rest, a quarter on those at rest by day of
/// the week, a quarter on all unattended uploads, each spread over the sizes. A night on another day leaves a weekday's
/// bet as it is, so the average is still a supermartingale.
pub(super) fn by_night(nights: &[Counted], stakes: &[Stake]) -> Vec<f64> {
    averages(nights, stakes, ln_mean).collect()
}

/// What `of` makes of all bets together after each night.
fn averages(nights: &[Counted], stakes: &[Stake], of: fn([&Vec<Series>; 3]) -> f64) -> impl Iterator<Item = f64> {
    let mut bets = [stakes.len(), stakes.len() * 7, stakes.len()].map(|count| vec![Series::default(); count]);
    nights.iter().map(move |night| {
        let [plain, weekly, pauses] = &mut bets;
        for (at, stake) in stakes.iter().enumerate() {
            let day = at * 7 + usize::from(night.weekday % 7);
            let rest = plain.get_mut(at).into_iter().chain(weekly.get_mut(day));
            rest.for_each(|series| series.add(night.rest >= stake.size, stake.rest));
            pauses.get_mut(at).into_iter().for_each(|series| series.add(night.bulk >= stake.size, stake.pause));
        }
        of([plain, weekly, pauses])
    })
}

/// What part of the stake lies on uploads at rest, on those by day of the week, and on all unattended uploads.
const PARTS: [f64; 3] = [0.5, 0.25, 0.25];

/// Whether the evidence reaches `threshold` on night number `from` or later, all sizes held against one `rate`.
pub(super) fn reaches(nights: &[Counted], settings: &Settings, rate: f64) -> bool {
    // What happens in pauses by day may be somebody's doing that went unseen: how firm a verdict is rests on the rest.
    let stakes: Vec<_> = settings.sizes.iter().map(|&size| Stake { size, rest: rate, pause: 0.999 }).collect();
    let mut counted = averages(nights, &stakes, mean).skip(settings.needed_nights.saturating_sub(1) as usize);
    counted.any(|e| e >= settings.threshold)
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
            series.ln_e()
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

/// One bet, with what it stands at: `e(k, n)` kept up night by night.
///
/// With `r = P[Bin(n+1, p) <= k] / P[Bin(n, p) = k]`, the value is `r / ((n+1)(1-p))`, and a night changes `r` to
/// `r / g - p` without a hit and to `r / h + 1 - p` with one, `g` and `h` being the ratios of the two denominators. While
/// hits are more frequent than `p`, errors shrink on the way. Where they are rarer, errors would grow night by night,
/// but the sum that `r` stands for has few terms: it is taken anew.
#[derive(Clone, Copy, Debug)]
struct Series {
    nights: f64,
    hits: f64,
    /// `r`, divided by `10^scale`; 0 before the first night.
    ratio: f64,
    scale: f64,
    /// The bet itself; infinite where that is beyond what a number holds.
    e: f64,
    /// The bet divided by `10^scale`.
    scaled: f64,
}

impl Default for Series {
    fn default() -> Self {
        Self { nights: 0.0, hits: 0.0, ratio: 0.0, scale: 0.0, e: 1.0, scaled: 1.0 }
    }
}

impl Series {
    fn add(&mut self, hit: bool, rate: f64) {
        let ratio = if self.nights > 0.0 { self.ratio } else { 1.0 - rate };
        let shrunk = if self.scale > 0.0 { 10_f64.powf(-self.scale) } else { 1.0 };
        let more = self.nights + 1.0;
        self.hits += f64::from(u8::from(hit));
        self.nights = more;
        (self.ratio, self.scale) = if self.hits <= rate * more {
            self::ratio(self.hits, more, rate)
        } else if hit {
            (ratio * self.hits / (more * rate) + (1.0 - rate) * shrunk, self.scale)
        } else {
            (ratio * (more - self.hits) / (more * (1.0 - rate)) - rate * shrunk, self.scale)
        };
        if self.ratio > 1e250 {
            (self.ratio, self.scale) = (self.ratio * 1e-250, self.scale + 250.0);
        }
        self.scaled = self.ratio / ((more + 1.0) * (1.0 - rate));
        self.e = if self.scale > 0.0 { f64::INFINITY } else { self.scaled };
    }

    fn ln_e(&self) -> f64 {
        self.scaled.ln() + self.scale * std::f64::consts::LN_10
    }
}

/// The average bet; infinite where one of them is.
fn mean(bets: [&Vec<Series>; 3]) -> f64 {
    averaged(bets, |series| series.e)
}

/// The logarithm of the average bet; from the largest where the bets themselves would overflow.
fn ln_mean(bets: [&Vec<Series>; 3]) -> f64 {
    let average = mean(bets);
    if average < 1e300 {
        return average.ln();
    }
    let most = bets.into_iter().flatten().fold(f64::NEG_INFINITY, |most, series| most.max(series.ln_e()));
    most + averaged(bets, |series| (series.ln_e() - most).exp()).ln()
}

fn averaged(bets: [&Vec<Series>; 3], of: impl Fn(&Series) -> f64) -> f64 {
    let part = |(all, part): (&Vec<Series>, f64)| part * all.iter().map(&of).sum::<f64>() / all.len().max(1) as f64;
    bets.into_iter().zip(PARTS).map(part).sum()
}

/// Only the sizes of an export, with weight as in the whole: what is left of the evidence when hits too small to be
/// told from diagnostics count for nothing.
pub(super) fn of_exports(nights: &[Counted], settings: &Settings) -> Vec<f64> {
    let all = stakes(settings);
    let large: Vec<_> = all.iter().copied().filter(|stake| stake.size >= settings.export_size).collect();
    let share = (large.len() as f64 / all.len().max(1) as f64).ln();
    by_night(nights, &large).into_iter().map(|ln_e| ln_e + share).collect()
}

/// `e(k, n)` for each size of the settings, worked out beforehand, for when thousands of histories are weighed.
#[derive(Debug)]
pub(super) struct Table {
    /// By size, where its rates at rest and in pauses lie.
    sizes: Vec<(Bytes, [usize; 2])>,
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
        let stakes = stakes(settings).into_iter();
        let sizes = stakes.map(|stake| (stake.size, [place(stake.rest), place(stake.pause)])).collect();
        Self { sizes, values: rates.into_iter().map(|rate| all_values(nights, rate)).collect() }
    }

    fn value(&self, rate: usize, hits: usize, nights: usize) -> f64 {
        let row = self.values.get(rate).and_then(|row| row.get(nights * (nights + 1) / 2 + hits));
        row.copied().unwrap_or(1.0)
    }
}

/// `e(k, n)` for all `k` of each `n` up to `nights`: each row is the one before with a night without a hit, and its last
/// value the last before with a hit.
fn all_values(nights: u32, rate: f64) -> Vec<f64> {
    let mut row = vec![Series::default()];
    let mut values = vec![1.0];
    for _ in 0..nights {
        let mut full = row.last().copied().unwrap_or_default();
        full.add(true, rate);
        for series in &mut row {
            series.add(false, rate);
        }
        row.push(full);
        values.extend(row.iter().map(|series| series.e.min(ENOUGH)));
    }
    values
}

/// A history that is weighed night by night from a [`Table`]: [`by_night`], [`of_exports`] and their running maxima, as
/// far as it takes to know whether the threshold is reached.
#[derive(Debug)]
pub(super) struct Bets<'a> {
    table: &'a Table,
    settings: &'a Settings,
    nights: u32,
    weekdays: [usize; 7],
    sizes: Vec<Standing>,
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
            sizes: vec![Standing::default(); table.sizes.len()],
            small_hits: 0,
            large_hits: 0,
            flagged: false,
            export_flagged: false,
        }
    }

    /// Weighs one more night: what began at rest, and all unattended bulk.
    pub(super) fn add(&mut self, weekday: u8, rest: Bytes, bulk: Bytes) {
        let day = usize::from(weekday % 7);
        self.nights += 1;
        self.weekdays[day] += 1;
        let (mut all, mut large) = (0.0, 0.0);
        for (&(size, rates), standing) in self.table.sizes.iter().zip(&mut self.sizes) {
            let nights = [self.nights as usize, self.weekdays[day]];
            let e = standing.add(self.table, rates, nights, day, [rest >= size, bulk >= size]);
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

/// What the bets on one size stand at.
#[derive(Clone, Copy, Debug)]
struct Standing {
    hits: usize,
    plain: f64,
    day_hits: [usize; 7],
    weekly: [f64; 7],
    /// The sum of `weekly`.
    week: f64,
    all_hits: usize,
}

impl Default for Standing {
    fn default() -> Self {
        Self { hits: 0, plain: 1.0, day_hits: [0; 7], weekly: [1.0; 7], week: 7.0, all_hits: 0 }
    }
}

impl Standing {
    /// The average after one more night; `nights` are all so far, and those on its day of the week.
    fn add(&mut self, table: &Table, rates: [usize; 2], nights: [usize; 2], day: usize, hit: [bool; 2]) -> f64 {
        self.hits += usize::from(hit[0]);
        self.day_hits[day] += usize::from(hit[0]);
        self.all_hits += usize::from(hit[1]);
        self.plain = table.value(rates[0], self.hits, nights[0]);
        let today = table.value(rates[0], self.day_hits[day], nights[1]);
        self.week += today - std::mem::replace(&mut self.weekly[day], today);
        let pauses = table.value(rates[1], self.all_hits, nights[0]);
        PARTS[0] * self.plain + PARTS[1] * self.week / 7.0 + PARTS[2] * pauses
    }
}

#[cfg(test)]
mod tests;
