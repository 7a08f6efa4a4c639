//! The gate of the bench: a blind draw by a fixed seed, judged; the formulas of other methods, by hand.

#![expect(clippy::expect_used, reason = "a test that cannot read its scenarios has failed")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "counts of phones, and formulas as they were published"
)]
#![expect(dead_code, reason = "the bench prints more than the gate asks for")]

#[path = "../benches/nights/mod.rs"]
mod nights;

use nights::{
    draw,
    play::{Rivals, in_parallel, play},
    table::{Tally, brier_of, of_draw, recall_where},
};

/// Apart from the seeds that thresholds are tried on, and from those that figures are reported of.
const DRAW: u64 = 3_000_000;
const PHONES: usize = 300;

/// The draw by another seed, for trying things on: `NIGHTAUDIT_DRAW=1000000 cargo test --test night_bench -- --nocapture`.
fn drawn() -> u64 {
    std::env::var("NIGHTAUDIT_DRAW").ok().and_then(|text| text.parse().ok()).unwrap_or(DRAW)
}

#[test]
fn few_phones_of_a_blind_draw_are_called_exporting_that_are_not() {
    let outcomes = in_parallel(PHONES, |at| {
        let seed = drawn() + at as u64;
        play(&draw::phone(seed), seed, Rivals::LeftOut)
    });
    let tally = Tally::of(outcomes.iter());
    let page = of_draw(&outcomes);
    println!("{page}\n{:?}", nights::table::refit(&outcomes));
    assert!(tally.false_share() <= 0.02 && tally.false_strong == 0, "{page}");
    let (hits, all) = recall_where(&outcomes, 0.8..1.1);
    assert!(f64::from(hits) >= 0.9 * f64::from(all), "{page}");
    assert!(brier_of(&outcomes) <= 0.1, "{page}");
    assert!(outcomes.iter().all(|one| one.bound_held != Some(false)), "{page}");
}
