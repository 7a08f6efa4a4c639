//! The counted nights of one subject become the numbers behind its verdict.

use crate::{
    base::Bytes,
    night::{
        EvidenceNumbers, Settings,
        beta::jeffreys,
        evidence::{self, Counted},
        verdict::{self, Recurrent},
    },
};

/// Weighs the evidence for recurrence in the eligible nights of one subject.
pub(super) fn weigh(nights: &[Counted], settings: &Settings) -> (EvidenceNumbers, Recurrent) {
    let (needed, threshold) = (settings.needed_nights, settings.threshold);
    let most = |by_night: &[f64]| evidence::running_maximum(by_night, needed, threshold);
    let rate = settings.accident_rate_at(settings.export_size);
    let stakes = evidence::stakes(settings);
    let (ln_e, first_bulk) = most(&evidence::by_night(nights, &stakes));
    let (ln_drip, first_drip) = most(&evidence::drip_by_night(nights, settings.drip_size, rate));
    let hits = |size: Bytes| u32::try_from(nights.iter().filter(|night| night.bulk >= size).count()).unwrap_or(0);
    let smallest = stakes.first().map_or(Bytes::ZERO, |stake| stake.size);
    let median_hit = verdict::median(nights.iter().map(|night| night.bulk).filter(|bulk| *bulk >= smallest).collect());
    let recurrent = Recurrent {
        bulk: first_bulk.is_some(),
        large: first_bulk.is_some()
            && (median_hit.is_some_and(|hit| hit >= settings.export_size)
                || most(&evidence::of_exports(nights, settings)).1.is_some()),
        drip: first_drip.is_some(),
    };
    let count = u32::try_from(nights.len()).unwrap_or(u32::MAX);
    let numbers = EvidenceNumbers {
        log10_e: ln_e / std::f64::consts::LN_10,
        log10_e_drip: ln_drip / std::f64::consts::LN_10,
        tipping_rate: tipping_rate(nights, recurrent, settings),
        eligible_nights: count,
        hits: settings.sizes.iter().map(|&size| (size, hits(size))).collect(),
        median_hit,
        first_flagged_night: first_bulk.into_iter().chain(first_drip).min(),
        clock: None,
        hit_share: (count > 0).then(|| jeffreys(hits(smallest), count)),
        stands_among_rows: false,
    };
    (numbers, recurrent)
}

/// The largest accident rate, taken for all sizes alike, under which what was called recurrent still is.
fn tipping_rate(nights: &[Counted], recurrent: Recurrent, settings: &Settings) -> Option<f64> {
    let bulk = || evidence::tipping_rate(|rate| evidence::reaches(nights, settings, rate));
    let drip = || evidence::tipping_rate(|rate| evidence::drip_reaches(nights, settings, rate));
    let (bulk, drip) = (recurrent.bulk.then(bulk).flatten(), recurrent.drip.then(drip).flatten());
    bulk.into_iter().chain(drip).reduce(f64::max)
}
