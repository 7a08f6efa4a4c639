//! The evidence as one number, for ranking: log-odds, term by term.
//!
//! Calibrated on a synthetic benchmark in which half of the phones export: fitted on named scenarios, judged on a blind
//! draw (`cargo bench --bench nights`). A low score is no proof of absence: rare and small exports score low. The bounds
//! speak of absence.

use crate::{base::Bytes, night::EvidenceNumbers};

/// One summand of the log-odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// What it stands for.
    pub what: &'static str,
    /// The number that enters, clipped to its range.
    pub value: f64,
    /// What it is multiplied by.
    pub weight: f64,
}

impl Term {
    /// What it adds to the log-odds.
    pub fn adds(&self) -> f64 {
        self.value * self.weight
    }
}

/// A sum of terms, and the probability it stands for on the benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The summands; the first is the constant.
    pub terms: Vec<Term>,
}

impl Score {
    /// The score of `evidence`.
    pub fn of(evidence: &EvidenceNumbers) -> Self {
        let size = evidence.median_hit.filter(|hit| *hit > Bytes::ZERO).map_or(-4.0, |hit| (hit.as_mb() / 5.0).log2());
        let terms = vec![
            Term { what: "constant", value: 1.0, weight: -0.7 },
            Term {
                what: "log10 of the evidence for bulk uploads",
                value: clipped(evidence.log10_e, -1.0, 6.0),
                weight: 2.4,
            },
            Term {
                what: "log10 of the evidence for drips",
                value: clipped(evidence.log10_e_drip, -1.0, 6.0),
                weight: 1.6,
            },
            Term { what: "doublings of the median hit over 5 MB", value: clipped(size, -4.0, 4.0), weight: 0.2 },
        ];
        Self { terms }
    }

    /// The sum of the terms.
    pub fn log_odds(&self) -> f64 {
        self.terms.iter().map(Term::adds).sum()
    }

    /// The share of benchmark phones with this score that export, 0 to 1.
    pub fn probability(&self) -> f64 {
        1.0 / (1.0 + (-self.log_odds()).exp())
    }
}

fn clipped(value: f64, least: f64, most: f64) -> f64 {
    if value.is_nan() { least } else { value.clamp(least, most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_add_up_to_the_score() {
        let nothing = EvidenceNumbers { log10_e: -0.7, log10_e_drip: -1.3, ..EvidenceNumbers::default() };
        let score = Score::of(&nothing);
        assert!((score.log_odds() - (-0.7 - 0.7 * 2.4 - 1.6 - 4.0 * 0.2)).abs() < 1e-9);
        let plain = EvidenceNumbers {
            log10_e: 27.0,
            log10_e_drip: -1.0,
            median_hit: Some(Bytes::mb(60)),
            ..EvidenceNumbers::default()
        };
        assert!(Score::of(&plain).probability() > 0.99 && score.probability() < 0.05);
    }
}
