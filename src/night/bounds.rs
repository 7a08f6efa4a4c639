//! What was not there: bounds that hold by accounting, and the exact limit for how often.
//!
//! Had an export of X bytes or more left unattended on k of the observed nights, at least k nights would show X bytes
//! or more. So X is at most the k-th largest night.

use crate::{
    base::Bytes,
    night::{Bounds, Night, Settings, beta::upper_limit, power::Power},
};

/// One night as the bounds use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded<'a> {
    /// Its volumes.
    pub(super) night: &'a Night,
    /// Share of packets lost on it, 0 to below 1.
    pub(super) dropped: f64,
    /// It was observed well enough to count for evidence.
    pub(super) eligible: bool,
}

/// The bounds of one subject over its nights.
pub(super) fn bounds(nights: &[Bounded<'_>], settings: &Settings) -> Bounds {
    let eligible: Vec<_> = nights.iter().filter(|night| night.eligible).collect();
    // What was seen to leave on a night that was hardly observed left all the same; where none was observed, no night
    // says anything.
    let any = nights.iter().any(|night| night.night.coverage > 0.0);
    let counts = |night: &&Bounded<'_>| night.night.coverage > 0.0 || any && night.night.unattended_raw_up.0 > 0;
    let known = || nights.iter().filter(counts);
    let worst = |bytes: fn(&Night) -> Bytes| known().map(|night| undropped(bytes(night.night), night.dropped)).max();
    let mut counted: Vec<_> =
        eligible.iter().map(|night| undropped(night.night.unattended_up, night.dropped)).collect();
    counted.sort_unstable_by(|a, b| b.cmp(a));
    let coverage: f64 = eligible.iter().map(|night| night.night.coverage.min(1.0)).sum();
    let share = coverage / eligible.len().max(1) as f64;
    let ranked = |nights: f64| {
        let expected = nights * share;
        // Of so many nights with an export, that many are expected among the hours observed.
        (1..=counted.len())
            .take_while(|&k| k == 1 || k as f64 <= expected)
            .last()
            .and_then(|k| counted.get(k - 1))
            .copied()
    };
    let count = u32::try_from(eligible.len()).unwrap_or(u32::MAX);
    let smallest = settings.sizes.first().copied().unwrap_or(Bytes::mb(1));
    let reached = counted.iter().filter(|up| **up >= smallest).count();
    let raw = known().max_by_key(|night| undropped(night.night.unattended_raw_up, night.dropped));
    Bounds {
        worst_night: worst(|night| night.unattended_up),
        third_worst_night: ranked(3.0).filter(|_| count >= 3),
        median_night: ranked(f64::from(count) / 2.0).filter(|_| count >= 2),
        raw_worst_night: worst(|night| night.unattended_raw_up),
        raw_deductions: raw.map(|night| night.night.deductions).unwrap_or_default(),
        frequency_upper_95: (count > 0).then(|| upper_limit(u32::try_from(reached).unwrap_or(count), count, 0.95)),
        ..Bounds::default()
    }
}

/// Adds what injections showed: the smallest detectable exports, and the share of nights that may have hidden one.
pub(super) fn add_power(bounds: &mut Bounds, power: &Power) {
    bounds.detectable = power.any;
    bounds.detectable_export = power.export;
    bounds.detectable_alternate = power.alternate;
    bounds.detectable_export_alternate = power.export_alternate;
    bounds.nights_to_notice = power.nights;
    bounds.hidden_share = Some(power.hidden);
    bounds.frequency_upper_95 =
        bounds.frequency_upper_95.map(|limit| (limit / (1.0 - power.hidden).max(0.01)).min(1.0));
}

/// What `seen` bytes stand for where a share of packets was lost.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a volume scaled up is a volume")]
fn undropped(seen: Bytes, dropped: f64) -> Bytes {
    if dropped > 0.0 { Bytes((seen.0 as f64 / (1.0 - dropped)).ceil() as u64) } else { seen }
}
