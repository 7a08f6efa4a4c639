//! How far a verdict rests on what is assumed: the same nights under other accident rates and thresholds.

use crate::{
    ledger::DeviceLedger,
    night::{Grade, Settings, Verdict, case::Case},
};

/// The verdict under one pair of assumptions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    /// Share of nights on which an unattended upload of the size of an export is an accident. Smaller ones are taken to be
    /// at least as frequent.
    pub accident_rate: f64,
    /// The evidence from which recurrence is called.
    pub threshold: f64,
    /// What would be said.
    pub verdict: Verdict,
    /// How firmly, were this the device's only subject.
    pub grade: Option<Grade>,
}

/// Accident rates that are tried.
pub const ACCIDENT_RATES: [f64; 6] = [0.01, 0.02, 0.05, 0.10, 0.15, 0.25];

/// Thresholds that are tried.
pub const THRESHOLDS: [f64; 3] = [20.0, 100.0, 1_000.0];

/// The verdict on subject number `subject` for every pair of [`ACCIDENT_RATES`] and [`THRESHOLDS`], rates first; empty
/// where the ledger holds no such subject. Nights and attended time are worked out once.
pub fn sensitivity(ledger: &DeviceLedger, subject: usize, settings: &Settings) -> Vec<Sensitivity> {
    let Some(case) = Case::of(ledger, subject, settings) else { return Vec::new() };
    let one = |accident_rate: f64, threshold: f64| {
        let (verdict, grade) = case.verdict(&Settings { accident_rate, threshold, ..settings.clone() });
        Sensitivity { accident_rate, threshold, verdict, grade }
    };
    ACCIDENT_RATES.iter().flat_map(|rate| THRESHOLDS.iter().map(|threshold| one(*rate, *threshold))).collect()
}
