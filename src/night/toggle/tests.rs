//! The test against counts made by hand and by brute force.

use proptest::prelude::*;

use super::{ranks::*, *};

fn mb(sizes: &[u64]) -> Vec<Bytes> {
    sizes.iter().map(|size| Bytes::mb(*size)).collect()
}

/// Every choice of `k` of `all`, one after the other.
fn choices(all: &[Bytes], k: usize) -> Vec<(Vec<Bytes>, Vec<Bytes>)> {
    let sets = 0_u32..1 << all.len();
    let chosen = sets.filter(|set| set.count_ones() as usize == k);
    chosen
        .map(|set| {
            let (on, off): (Vec<_>, Vec<_>) = (0..all.len()).partition(|n| set >> n & 1 == 1);
            (on.iter().map(|n| all[*n]).collect(), off.iter().map(|n| all[*n]).collect())
        })
        .collect()
}

fn drawn(nights: usize, seed: u64) -> TogglePlan {
    let start = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
    TogglePlan::draw("backup".into(), nights, start, SwitchTime(18 * 60), Tz::Europe__Berlin, seed).unwrap()
}

#[test]
fn complete_separation_is_one_calendar_in_all() {
    let p = chance_of_ranks(&mb(&[20, 21, 22, 23, 24, 25, 26]), &mb(&[0, 1, 2, 3, 4, 5, 6]));
    assert!((p - 1.0 / 3_432.0).abs() < 1e-12, "{p}");
    assert!((drawn(14, 1).smallest_p() - 1.0 / 3_432.0).abs() < 1e-12);
    assert!((drawn(10, 1).smallest_p() - 1.0 / 252.0).abs() < 1e-12);
    assert!((drawn(7, 1).calendars() - 35.0).abs() < 1e-9, "three of seven");
}

/// On 3, 5, 6; off 1, 2, 4. Of the 20 choices of three ranks, those that add up to 14 or more are 356 (the one seen), 456.
/// So p = 2 / 20... counted out: 3+5+6 = 14, 4+5+6 = 15.
#[test]
fn a_small_case_counted_by_hand() {
    let p = chance_of_ranks(&mb(&[3, 5, 6]), &mb(&[1, 2, 4]));
    assert!((p - 2.0 / 20.0).abs() < 1e-12, "{p}");
    // With a tie, 2 and 2 share the rank 2.5: on 2, 9; off 1, 2. Sums of two of {1, 2.5, 2.5, 4}: 6.5 twice, none higher.
    let tied = chance_of_ranks(&mb(&[2, 9]), &mb(&[1, 2]));
    assert!((tied - 2.0 / 6.0).abs() < 1e-12, "{tied}");
    assert!((chance_of_ranks(&mb(&[5, 5]), &mb(&[5, 5])) - 1.0).abs() < 1e-12, "nothing differs");
}

#[test]
fn the_interval_is_that_of_the_tables() {
    // 5 against 5: P[U <= 2] = 4/252, so the bounds are the third differences from either end, with 96.8 %.
    let (on, off) = (mb(&[10, 20, 30, 40, 50]), mb(&[1, 2, 3, 4, 5]));
    let (least, most, confidence) = interval(&on, &off, 0.95);
    assert!((confidence - (1.0 - 8.0 / 252.0)).abs() < 1e-9, "{confidence}");
    assert_eq!((least, most), (7_000_000, 47_000_000));
    assert_eq!(typical_difference(&on, &off), 27_000_000);
    // 3 against 3 allow no more than 90 %.
    let (_, _, confidence) = interval(&mb(&[1, 2, 3]), &mb(&[4, 5, 6]), 0.95);
    assert!((confidence - 0.9).abs() < 1e-9, "{confidence}");
}

#[test]
fn a_plan_is_balanced_and_its_seed_gives_it_again() {
    for seed in 0..50 {
        let plan = drawn(14, seed);
        assert_eq!(plan.night.iter().filter(|night| night.feature == Switch::On).count(), 7);
        assert_eq!(plan, drawn(14, seed));
    }
    assert_ne!(drawn(14, 1).night, drawn(14, 2).night);
}

/// Each of the 20 calendars of six nights comes up about as often as any other.
#[test]
fn every_calendar_is_as_likely_as_any_other() {
    let mut counts = std::collections::BTreeMap::<Vec<Switch>, u32>::new();
    for seed in 0..4_000 {
        *counts.entry(drawn(6, seed).night.iter().map(|night| night.feature).collect()).or_default() += 1;
    }
    assert_eq!(counts.len(), 20);
    let chi_square: f64 = counts.values().map(|count| (f64::from(*count) - 200.0).powi(2) / 200.0).sum();
    assert!(chi_square < 43.8, "above the 99.9 % point for 19 degrees of freedom: {chi_square}");
}

#[test]
fn plans_without_sense_are_refused_by_name() {
    let plan = drawn(14, 1);
    let draw = |n| TogglePlan::draw(String::new(), n, plan.night[0].date, plan.switch_at, Tz::UTC, 1);
    assert!(matches!(draw(5), Err(PlanError::Nights(5))));
    assert!(draw(1_000).unwrap_err().to_string().contains("6 to 120"));
    let mut twice = plan.clone();
    twice.night[3].date = twice.night[2].date;
    assert_eq!(twice.checked().unwrap_err(), PlanError::Order(plan.night[2].date));
    let mut alike = plan.clone();
    alike.night.iter_mut().for_each(|night| night.feature = Switch::On);
    assert_eq!(alike.checked().unwrap_err(), PlanError::OneKind("on"));
    assert!("24:00".parse::<SwitchTime>().is_err() && "1800".parse::<SwitchTime>().is_err());
    let far = TogglePlan::draw(String::new(), 14, NaiveDate::MAX, plan.switch_at, Tz::UTC, 1);
    assert!(matches!(far, Err(PlanError::Start(_))));
}

#[test]
fn a_plan_survives_being_written_down() {
    let mut plan = drawn(14, 9);
    plan.night[4].left_out = Some("forgot to switch".into());
    let text = toml::to_string(&plan).unwrap();
    assert_eq!(toml::from_str::<TogglePlan>(&text).unwrap(), plan, "{text}");
    assert!(text.contains("switch_at = \"18:00\"") && text.contains("feature = \"on\""), "{text}");
}

#[test]
fn a_night_reaches_from_one_switch_to_the_next_through_a_clock_change() {
    let start = NaiveDate::from_ymd_opt(2026, 3, 25).unwrap();
    let plan = TogglePlan::draw(String::new(), 8, start, SwitchTime(18 * 60), Tz::Europe__Berlin, 1).unwrap();
    let spans: Vec<_> = plan.night.iter().map(|night| plan.span(night.date).unwrap()).collect();
    assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].first));
    assert_eq!(spans.iter().map(|span| span.minutes()).collect::<Vec<_>>()[3], 23 * 60, "the night to 29 March");
}

proptest! {
    /// Exactness: p is the share of all choices whose ranks add up to as much, ties and all.
    #[test]
    fn p_is_what_brute_force_counts(sizes in prop::collection::vec(0_u64..6, 2..12), k in 1_usize..11) {
        let (k, all) = (k.min(sizes.len() - 1), mb(&sizes));
        let middle = |on: &[Bytes], off: &[Bytes]| -> f64 {
            let wins = |a: &Bytes| off.iter().map(|b| match a.cmp(b) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            }).sum::<f64>();
            on.iter().map(wins).sum()
        };
        let seen = middle(&all[..k], &all[k..]);
        let every = choices(&all, k);
        let as_high = every.iter().filter(|(on, off)| middle(on, off) >= seen).count();
        let p = chance_of_ranks(&all[..k], &all[k..]);
        prop_assert!((p - as_high as f64 / every.len() as f64).abs() < 1e-12);
    }

    /// Validity: whatever the nights hold, a calendar drawn at random gives p of a or less with a chance of at most a.
    #[test]
    fn without_an_effect_p_is_small_no_more_often_than_it_says(
        sizes in prop::collection::vec(0_u64..1_000, 6..11), level in 0.0_f64..1.0,
    ) {
        let all = mb(&sizes);
        let every = choices(&all, sizes.len() / 2);
        let small = every.iter().filter(|(on, off)| chance_of_ranks(on, off) <= level).count();
        prop_assert!(small as f64 <= level * every.len() as f64 + 1e-9);
    }

    /// A shift that is there lies in the interval with at least the confidence stated, over all calendars.
    #[test]
    fn the_interval_holds_the_shift_as_often_as_it_says(
        sizes in prop::collection::btree_set(0_u64..1_000_000, 7..10), shift in 0_u64..500_000,
    ) {
        let all: Vec<Bytes> = sizes.iter().map(|size| Bytes(*size)).collect();
        let every = choices(&all, sizes.len() / 2);
        let mut confidence = 1.0;
        let held = every.iter().filter(|(on, off)| {
            let shifted: Vec<Bytes> = on.iter().map(|up| Bytes(up.0 + shift)).collect();
            let (least, most, said) = interval(&shifted, off, 0.95);
            confidence = said;
            (least..=most).contains(&i64::try_from(shift).unwrap())
        }).count();
        prop_assert!(held as f64 >= (confidence - 1e-9) * every.len() as f64, "{} of {}", held, every.len());
    }
}
