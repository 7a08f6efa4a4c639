//! `cargo bench --bench nights`: the named scenarios and a blind draw, judged beside other methods.
//!
//! `NIGHTAUDIT_SEEDS` (20) seeds for each scenario; `NIGHTAUDIT_PHONES` (2,000) drawn from `NIGHTAUDIT_DRAW` (2; 1 is
//! what thresholds are tried on); `NIGHTAUDIT_LENGTHS` (60) phones after captures of several lengths.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::expect_used, reason = "a benchmark without its input has nothing to say")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "counts of phones, and formulas as they were published"
)]
#![allow(unused_imports, dead_code, reason = "what only the modules' tests use: they run in tests/night_bench.rs")]

#[path = "mod.rs"]
mod nights;

use nightaudit::simulate::{Class, Judge, Scenario};
use nights::{
    draw, lengths,
    play::{Rivals, in_parallel, play, scenarios},
    table,
};

fn main() {
    if std::env::var_os("NIGHTAUDIT_REFIT").is_some() {
        return refit();
    }
    let (seeds, phones, drawn) =
        (number("NIGHTAUDIT_SEEDS", 20), number("NIGHTAUDIT_PHONES", 2_000), number("NIGHTAUDIT_DRAW", 2));
    let all = scenarios();
    let named =
        in_parallel(all.len() * seeds as usize, |at| play(&all[at / seeds as usize], at as u64 % seeds, Rivals::Asked));
    println!("named scenarios, {} x {seeds} seeds\n{}", all.len(), table::of_named(&named));
    println!("worst benign scenarios: {:?}", table::worst_benign(&named));
    let outcomes = in_parallel(phones as usize, |at| {
        let seed = drawn * 1_000_000 + at as u64;
        play(&draw::phone(seed), seed, Rivals::Asked)
    });
    println!(
        "blind draw {drawn}, {phones} phones, {} without a verdict\n{}",
        table::silent(&outcomes),
        table::of_draw(&outcomes)
    );
    println!("{}", lengths::of_lengths(number("NIGHTAUDIT_LENGTHS", 60) as usize, drawn));
}

/// Weights for the score, from the named scenarios cut to several lengths.
fn refit() {
    let lengths = [10, 14, 21, 28];
    let seeds = number("NIGHTAUDIT_SEEDS", 20) as usize;
    let all: Vec<_> = scenarios()
        .into_iter()
        .filter(|scenario| {
            matches!(scenario.class, Class::Positive | Class::Negative) && scenario.judge != Judge::Cloud
        })
        .flat_map(|scenario| lengths.map(|nights| Scenario { nights: scenario.nights.min(nights), ..scenario.clone() }))
        .collect();
    let outcomes =
        in_parallel(all.len() * seeds, |at| play(&all[at / seeds], 500 + (at % seeds) as u64, Rivals::LeftOut));
    println!("weights: {:.3?}; Brier now {:.4}", table::refit(&outcomes), table::brier_of(&outcomes));
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
