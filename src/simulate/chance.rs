//! The one source of randomness: a seeded generator, one stream for each thing that is drawn.
//!
//! A stream is named, so that adding an export to a scenario leaves the phone's owner and their days as they were.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

/// Draws for one named purpose.
#[derive(Clone, Debug)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream named `what` of the life that `seed` gives.
    pub(super) fn of(seed: u64, what: &str) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(fnv(what.as_bytes()));
        Self(generator)
    }

    /// Evenly between `low` and `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Evenly among 0 to `n - 1`; 0 where there is no choice.
    pub(super) fn below(&mut self, n: usize) -> usize {
        if n < 2 { 0 } else { self.0.random_range(0..n) }
    }

    /// True with this probability.
    pub(super) fn holds(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// From the normal distribution.
    pub(super) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.standard()
    }

    /// From the log-normal distribution with this median; `sigma` is that of the natural logarithm.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.standard()).exp()
    }

    /// How many of something that happens `mean` times on average.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count drawn from a bounded mean")]
    pub(super) fn count(&mut self, mean: f64) -> u32 {
        Poisson::new(mean.min(1e6)).map_or(0, |law| law.sample(&mut self.0) as u32)
    }

    /// A size in bytes, log-normal, at least one and at most `most`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what bytes can hold")]
    pub(super) fn bytes(&mut self, median: f64, sigma: f64, most: f64) -> u64 {
        self.lognormal(median, sigma).clamp(1.0, most) as u64
    }

    /// Any number of 32 bits.
    pub(super) fn number(&mut self) -> u32 {
        self.0.random()
    }

    /// Random bytes, such as a key share.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    fn standard(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }
}

/// FNV-1a: a stable number for a stream's name.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_draw_alike_and_others_do_not() {
        let draw = |seed, what| Chance::of(seed, what).between(0.0, 1.0).to_bits();
        assert_eq!(draw(1, "sleep"), draw(1, "sleep"));
        assert_ne!(draw(1, "sleep"), draw(1, "exports"));
        assert_ne!(draw(1, "sleep"), draw(2, "sleep"));
    }

    #[test]
    fn draws_have_the_moments_they_are_asked_for() {
        let mut chance = Chance::of(7, "moments");
        let mean = |draws: &mut dyn FnMut() -> f64| (0..20_000).map(|_| draws()).sum::<f64>() / 20_000.0;
        let normal = mean(&mut || chance.normal(3.0, 2.0));
        assert!((normal - 3.0).abs() < 0.06, "{normal}");
        let logs = mean(&mut || chance.lognormal(5.0, 0.7).ln());
        assert!((logs - 5.0_f64.ln()).abs() < 0.03, "{logs}");
        let counts = mean(&mut || f64::from(chance.count(2.6)));
        assert!((counts - 2.6).abs() < 0.05, "{counts}");
        assert_eq!(chance.count(0.0), 0, "what never happens does not");
    }
}
