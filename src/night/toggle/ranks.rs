//! The rank-sum test and the interval that goes with it, counted out exactly.
//!
//! Wilcoxon 1945; Mann and Whitney 1947; the estimate and its interval: Hodges and Lehmann 1963. Counts are exact in
//! double precision up to 2⁵³ and right to 15 digits beyond.

use crate::base::Bytes;

/// How many ways there are to choose `k` of `n`.
pub(super) fn binomial(n: usize, k: usize) -> f64 {
    let k = k.min(n - k.min(n));
    (1..=k).fold(1.0, |ways, i| (ways * (n - k + i) as f64 / i as f64).round())
}

/// The chance that the ranks of as many nights, chosen at random from all, add up to those of `on` or more.
pub(super) fn chance_of_ranks(on: &[Bytes], off: &[Bytes]) -> f64 {
    let ranks = doubled_ranks(on, off);
    let seen: usize = ranks.iter().take(on.len()).sum();
    let ways = ways_by_sum(&ranks, on.len());
    let as_high: f64 = ways.iter().skip(seen).sum();
    (as_high / ways.iter().sum::<f64>()).min(1.0)
}

/// Twice the rank of each value among all, `on` first; equal values share the middle of their ranks.
fn doubled_ranks(on: &[Bytes], off: &[Bytes]) -> Vec<usize> {
    let all: Vec<Bytes> = on.iter().chain(off).copied().collect();
    let rank = |value: &Bytes| {
        let below = all.iter().filter(|other| *other < value).count();
        let equal = all.iter().filter(|other| *other == value).count();
        2 * below + equal + 1
    };
    all.iter().map(rank).collect()
}

/// In how many ways `k` of `ranks` add up to each sum.
fn ways_by_sum(ranks: &[usize], k: usize) -> Vec<f64> {
    let most = ranks.iter().sum::<usize>();
    let mut ways = vec![vec![0.0; most + 1]; k + 1];
    if let Some(none) = ways.first_mut().and_then(|row| row.first_mut()) {
        *none = 1.0;
    }
    for &rank in ranks {
        for chosen in (1..=k).rev() {
            let (fewer, more) = ways.split_at_mut(chosen);
            let (Some(fewer), Some(more)) = (fewer.last(), more.first_mut()) else { continue };
            for (to, from) in more.iter_mut().skip(rank).zip(fewer) {
                *to += from;
            }
        }
    }
    ways.pop().unwrap_or_default()
}

/// The median of all differences between one of `on` and one of `off`; of two middles, the point between.
pub(super) fn typical_difference(on: &[Bytes], off: &[Bytes]) -> i64 {
    let all = differences(on, off);
    let middle = |at: usize| all.get(at).copied().unwrap_or_default();
    let (low, high) = (middle((all.len() - 1) / 2), middle(all.len() / 2));
    low + (high - low) / 2
}

/// The least and the most that the shift between the two can be, and with what confidence: at least `wanted`, or what so
/// few nights allow.
///
/// A shift is kept where the two-sided test would not reject it, which makes the bounds differences of rank `c + 1` from
/// either end, `c` the largest number of which `P[U ≤ c]` is at most half of what may go wrong.
pub(super) fn interval(on: &[Bytes], off: &[Bytes], wanted: f64) -> (i64, i64, f64) {
    let all = differences(on, off);
    let (m, n) = (on.len(), off.len());
    let ranks: Vec<usize> = (1..=m + n).collect();
    let ways = ways_by_sum(&ranks, m);
    let total = binomial(m + n, m);
    let smallest_sum = m * (m + 1) / 2;
    let (mut below, mut cut, mut tail) = (0.0, 0, None);
    for (u, count) in ways.iter().skip(smallest_sum).take(all.len().div_ceil(2)).enumerate() {
        below += count / total;
        if u > 0 && below > (1.0 - wanted) / 2.0 {
            break;
        }
        (cut, tail) = (u, Some(below));
        if below > (1.0 - wanted) / 2.0 {
            break;
        }
    }
    let end = |at: usize| all.get(at).copied().unwrap_or_default();
    (end(cut), end(all.len() - 1 - cut), 1.0 - 2.0 * tail.unwrap_or(0.5))
}

fn differences(on: &[Bytes], off: &[Bytes]) -> Vec<i64> {
    let signed = |bytes: Bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX / 2);
    let mut all: Vec<i64> = on.iter().flat_map(|a| off.iter().map(|b| signed(*a) - signed(*b))).collect();
    all.sort_unstable();
    all
}
