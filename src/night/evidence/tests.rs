use proptest::prelude::*;

use super::*;

fn at_rest(weekday: u8, mb: u64) -> Counted {
    Counted { weekday, rest: Bytes::mb(mb), bulk: Bytes::mb(mb), drip: Bytes::ZERO }
}

/// The definition, integrated by Simpson's rule in 200,000 steps.
fn by_quadrature(hits: u32, nights: u32, rate: f64) -> f64 {
    let (k, n) = (f64::from(hits), f64::from(nights));
    let steps = 200_000_u32;
    let width = (1.0 - rate) / f64::from(steps);
    let log = |q: f64| {
        let hit = if hits == 0 { 0.0 } else { k * (q / rate).ln() };
        let miss = if hits == nights { 0.0 } else { (n - k) * ((1.0 - q) / (1.0 - rate)).ln() };
        hit + miss
    };
    let at = |step: u32| log(rate + f64::from(step) * width);
    let most = (0..=steps).map(at).fold(f64::NEG_INFINITY, f64::max);
    let weight = |step: u32| if step == 0 || step == steps { 1.0 } else { 2.0 + 2.0 * f64::from(step % 2) };
    let sum: f64 = (0..=steps).map(|step| weight(step) * (at(step) - most).exp()).sum();
    most + (sum * width / 3.0 / (1.0 - rate)).ln()
}

#[test]
fn the_finite_sum_is_the_integral_of_the_definition() {
    for rate in [0.05, 0.1, 0.24, 0.7] {
        for (hits, nights) in [(0, 5), (3, 5), (5, 5), (4, 7), (7, 28), (0, 60), (59, 60), (60, 400), (400, 400)] {
            let (sum, integral) = (ln_e(hits, nights, rate), by_quadrature(hits, nights, rate));
            assert!(
                (sum - integral).abs() < 1e-6 * sum.abs().max(1.0),
                "{hits} of {nights} at {rate}: {sum} {integral}"
            );
        }
    }
}

#[test]
fn a_bet_kept_up_night_by_night_is_the_finite_sum() {
    for rate in [1e-6, 0.02, 0.05, 0.25, 0.9, 0.999] {
        for pattern in [1_u32, 2, 3, 7, 29, 1_000] {
            let mut series = Series::default();
            let mut hits = 0;
            for night in 1..=800 {
                let hit = night % pattern == 0;
                hits += u32::from(hit);
                series.add(hit, rate);
                let sum = ln_e(hits, night, rate);
                assert!((series.ln_e() - sum).abs() < 1e-8 * sum.abs().max(1.0), "{hits} of {night} at {rate}");
            }
        }
    }
}

#[test]
fn the_fewest_hits_that_suffice_are_as_published() {
    let fewest = |nights| (0..=nights).find(|&hits| ln_e(hits, nights, 0.05) >= 100_f64.ln()).unwrap();
    assert_eq!([5, 7, 10, 14, 28].map(fewest), [3, 4, 5, 5, 7]);
}

#[test]
fn a_perfect_record_of_four_hundred_nights_stays_finite() {
    let certain = ln_e(400, 400, 0.05) / std::f64::consts::LN_10;
    assert!((certain - (400.0 * 20_f64.log10() - (401.0 * 0.95_f64).log10())).abs() < 1e-6, "{certain}");
    assert!(ln_e(800, 800, 1e-6).is_finite() && ln_e(0, 800, 0.999).is_finite());
}

#[test]
fn the_evidence_of_a_night_is_a_fair_bet_under_the_accident_rate() {
    for rate in [0.05, 0.1, 0.5] {
        for (hits, nights) in [(0, 0), (0, 9), (3, 9), (9, 9), (30, 99)] {
            let now = ln_e(hits, nights, rate);
            let (hit, miss) =
                ((ln_e(hits + 1, nights + 1, rate) - now).exp(), (ln_e(hits, nights + 1, rate) - now).exp());
            assert!((rate * hit + (1.0 - rate) * miss - 1.0).abs() < 1e-9, "{hits} of {nights} at {rate}");
        }
    }
}

/// Ville's inequality, on the statistic as it is used: all sizes, weekday phases and nightly reading, with accidents of
/// every size at just the assumed rate.
#[test]
fn accidents_at_the_assumed_rate_are_rarely_ever_flagged() {
    use rand::{Rng, SeedableRng};

    let settings = Settings::default();
    let stakes = stakes(&settings);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4);
    let phones = 4_000;
    let flagged = (0..phones).filter(|_| {
        let night = |night: u8| {
            let chance: f64 = random.random();
            let bulk = match chance {
                c if c < 0.02 => Bytes::mb(200),
                c if c < 0.05 => Bytes::mb(20),
                c if c < 0.10 => Bytes::mb(2),
                _ => Bytes::ZERO,
            };
            // What does not happen at rest may happen by day.
            let by_day = if chance > 0.85 { Bytes::mb(200) } else { Bytes::ZERO };
            Counted { weekday: night % 7, rest: bulk, bulk: bulk + by_day, drip: Bytes::ZERO }
        };
        let nights: Vec<_> = (0..60).map(night).collect();
        running_maximum(&by_night(&nights, &stakes), 5, 100.0).1.is_some()
    });
    let share = f64::from(u32::try_from(flagged.count()).unwrap()) / f64::from(phones);
    assert!(share <= 0.01, "{share}");
    assert!(share > 0.0, "a test that cannot be reached tests nothing");
}

proptest! {
    #[test]
    fn one_more_hit_never_weakens_the_evidence(
        nights in prop::collection::vec((0_u8..7, 0_u64..120), 1..60),
        at in 0_usize..60,
        rate in 0.01_f64..0.9,
    ) {
        let with = |nights: &[(u8, u64)]| {
            let counted: Vec<_> = nights
                .iter()
                .map(|&(weekday, mb)| at_rest(weekday, mb))
                .collect();
            by_night(&counted, &[1, 5, 25, 100].map(|mb| Stake { size: Bytes::mb(mb), rest: rate, pause: rate }))
        };
        let before = with(&nights);
        let mut more = nights.clone();
        let at = at % more.len();
        more[at].1 = 200;
        let after = with(&more);
        prop_assert!(before.last().unwrap() <= &(after.last().unwrap() + 1e-9));
    }

    #[test]
    fn weighing_from_the_table_comes_to_the_same(nights in prop::collection::vec((0_u8..7, 0_u64..30), 1..40)) {
        let settings = Settings::default();
        let counted: Vec<_> = nights
            .iter()
            .map(|&(weekday, mb)| Counted {
                rest: Bytes::mb(mb.saturating_sub(20) * 3 * (mb % 2)),
                ..at_rest(weekday, mb.saturating_sub(20) * 3)
            })
            .collect();
        let table = Table::new(&settings, 40);
        let mut bets = Bets::new(&table, &settings);
        for night in &counted {
            bets.add(night.weekday, night.rest, night.bulk);
        }
        let reached = |by_night: &[f64]| running_maximum(by_night, 5, 100.0).1.is_some();
        prop_assert_eq!(bets.flagged, reached(&by_night(&counted, &stakes(&settings))));
        prop_assert_eq!(bets.export_flagged, reached(&of_exports(&counted, &settings)));
    }

    #[test]
    fn evidence_of_a_prefix_is_what_it_was_that_night(nights in prop::collection::vec((0_u8..7, 0_u64..120), 6..40)) {
        let counted: Vec<_> = nights
            .iter()
            .map(|&(weekday, mb)| at_rest(weekday, mb))
            .collect();
        let stakes = stakes(&Settings::default());
        let whole = by_night(&counted, &stakes);
        prop_assert_eq!(&by_night(&counted[..5], &stakes)[..], &whole[..5]);
    }
}
