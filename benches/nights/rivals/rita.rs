//! RITA v5's beacon score (`analysis/beacons.go`): a quarter each for intervals, sizes, histogram and duration.

use std::collections::BTreeMap;

use super::{Phone, Said};

/// The largest score of any host on any day: RITA looks at the last 24 hours of what it is given, so it is given each
/// day of the capture in turn.
pub(crate) fn by_day(phone: &Phone<'_>) -> Said {
    let first = phone.conversations.first().map_or(0.0, |one| seconds(one.opened));
    judged(phone, |opened| ((opened - first) / DAY) as u64)
}

/// The largest score of any host over the whole capture at once.
pub(crate) fn whole(phone: &Phone<'_>) -> Said {
    judged(phone, |_| 0)
}

const DAY: f64 = 86_400.0;
const ALARM: f64 = 0.70;

fn judged(phone: &Phone<'_>, window: impl Fn(f64) -> u64) -> Said {
    let mut by_host: BTreeMap<(u32, u64), Vec<(f64, f64)>> = BTreeMap::new();
    for one in phone.conversations.iter().filter(|one| one.subject == phone.subject) {
        let opened = seconds(one.opened);
        by_host.entry((one.host, window(opened))).or_default().push((opened, one.wire_up.0 as f64));
    }
    // The window is that of all traffic, not that of one host.
    let mut windows: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for one in phone.conversations {
        let opened = seconds(one.opened);
        let reach = windows.entry(window(opened)).or_insert((opened, opened));
        *reach = (reach.0.min(opened), reach.1.max(opened));
    }
    let scores = by_host.iter().map(|((_, at), seen)| beacon(seen, windows[at]).unwrap_or(0.0));
    let score = scores.fold(0.0, f64::max);
    Said { score, alarm: score >= ALARM }
}

fn seconds(at: nightaudit::base::Stamp) -> f64 {
    (at.nanos() / 1_000_000_000) as f64
}

/// The beacon score of connections (second opened, bytes sent) in a window; `None`: no candidate.
fn beacon(seen: &[(f64, f64)], window: (f64, f64)) -> Option<f64> {
    let mut times: Vec<f64> = seen.iter().map(|one| one.0).collect();
    times.sort_by(f64::total_cmp);
    let mut distinct = times.clone();
    distinct.dedup();
    if distinct.len() < 4 || times.len() >= 86_400 {
        return None;
    }
    let mut intervals: Vec<f64> = distinct.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sizes: Vec<f64> = seen.iter().map(|one| one.1).collect();
    let bins = histogram(&times, window);
    let quarters = [
        regularity(&mut intervals, 1.0),
        regularity(&mut sizes, 0.0),
        histogram_score(&bins),
        duration_score(&bins, &times, window),
    ];
    Some(round3(quarters.iter().sum::<f64>() / 4.0))
}

/// Half from Bowley's skewness, half from the median absolute deviation; 0 of fewer than three.
fn regularity(values: &mut [f64], default: f64) -> f64 {
    if values.len() < 3 {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let (half, odd) = (values.len() / 2, values.len() % 2);
    let (q1, q2, q3) = (median(&values[..half]), median(values), median(&values[half + odd..]));
    let skew = if q3 - q1 < 10.0 || q2 == q1 || q2 == q3 { 0.0 } else { (q1 + q3 - 2.0 * q2) / (q3 - q1) };
    let mut off: Vec<f64> = values.iter().map(|value| (value - q2).abs()).collect();
    off.sort_by(f64::total_cmp);
    let steady = if q2 >= 1.0 { ((q2 - median(&off)) / q2).max(0.0) } else { default };
    round3(f64::midpoint(1.0 - skew.abs(), steady))
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => 0.0,
        0 => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted[half],
    }
}

const BINS: usize = 24;

fn histogram(times: &[f64], window: (f64, f64)) -> [f64; BINS] {
    let mut bins = [0.0; BINS];
    let width = ((window.1 - window.0) / BINS as f64).max(1e-9);
    for time in times {
        bins[(((time - window.0) / width) as usize).min(BINS - 1)] += 1.0;
    }
    bins
}

fn histogram_score(bins: &[f64; BINS]) -> f64 {
    let mean = bins.iter().sum::<f64>() / BINS as f64;
    let variance = bins.iter().map(|bin| (bin - mean).powi(2)).sum::<f64>() / BINS as f64;
    let even = round3(1.0 - variance.sqrt() / mean).max(0.0);
    let bars: Vec<f64> = bins.iter().copied().filter(|bin| *bin > 0.0).collect();
    if bars.len() < 11 {
        return even;
    }
    let step = (0.05 * bars.iter().copied().fold(0.0, f64::max)).ceil();
    let mut groups: BTreeMap<u64, f64> = BTreeMap::new();
    for bar in &bars {
        *groups.entry((bar / step).floor() as u64).or_default() += 1.0;
    }
    let mut counts: Vec<f64> = groups.into_values().collect();
    counts.sort_by(|a, b| b.total_cmp(a));
    let two = counts.iter().take(2).sum::<f64>();
    even.max((two / (bars.len() as f64 - 1.0).max(1.0)).min(1.0))
}

fn duration_score(bins: &[f64; BINS], times: &[f64], window: (f64, f64)) -> f64 {
    if bins.iter().filter(|bin| **bin > 0.0).count() < 6 {
        return 0.0;
    }
    let reach = times[times.len() - 1] - times[0];
    let coverage = ceil3(reach / (window.1 - window.0).max(1e-9)).min(1.0);
    let (mut run, mut longest) = (0_u32, 0_u32);
    for at in 0..2 * BINS {
        run = if bins[at % BINS] > 0.0 { run + 1 } else { 0 };
        longest = longest.max(run.min(BINS as u32));
    }
    coverage.max(ceil3(f64::from(longest) / 12.0).min(1.0))
}

fn round3(n: f64) -> f64 {
    (n * 1e3).round() / 1e3
}

fn ceil3(n: f64) -> f64 {
    (n * 1e3).ceil() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regularity_by_hand() {
        // Q1 20, Q2 40, Q3 90; skew (20 + 90 - 80) / 70 = 0.4286; deviations 0 10 20 30 40 50 60, median 30.
        let mut values = [10.0, 20.0, 30.0, 40.0, 70.0, 90.0, 100.0];
        assert!((regularity(&mut values, 1.0) - 0.411).abs() < 1e-9, "{}", regularity(&mut values, 1.0));
        assert!((regularity(&mut [5.0; 4], 0.0) - 1.0).abs() < 1e-9, "equal values are wholly regular");
        assert!(regularity(&mut [1.0, 2.0], 1.0).abs() < 1e-9, "two say nothing");
    }

    #[test]
    fn a_beacon_every_ten_minutes_scores_one_and_one_upload_a_night_is_no_candidate() {
        let beats: Vec<_> = (0..145).map(|n| (f64::from(n) * 600.0, 500.0)).collect();
        // Intervals, sizes and histogram: 23 bins of six and one of seven, cv 0.0338; two groups of 24 bars cover all.
        assert!((beacon(&beats, (0.0, DAY)).unwrap() - 1.0).abs() < 1e-9, "{:?}", beacon(&beats, (0.0, DAY)));
        assert_eq!(beacon(&[(10_800.0, 6e7)], (0.0, DAY)), None);
        assert_eq!(beacon(&[(1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)], (0.0, DAY)), None, "three moments");
    }

    #[test]
    fn histogram_and_duration_by_hand() {
        let mut bins = [0.0; BINS];
        bins[..6].fill(4.0);
        // Mean 1, population deviation sqrt((6 * 9 + 18) / 24) = 1.732.
        assert!(histogram_score(&bins).abs() < 1e-9);
        // Six hours without a break of twelve: a half; the reach is a quarter.
        assert!((duration_score(&bins, &[0.0, 21_600.0], (0.0, DAY)) - 0.5).abs() < 1e-9);
        bins[5] = 0.0;
        assert!(duration_score(&bins, &[0.0, 21_600.0], (0.0, DAY)).abs() < 1e-9, "five bins are too few");
    }
}
