//! How often something large leaves a phone by accident while nobody uses it: counted over the devices of a fleet whose
//! owners agree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    base::Bytes,
    identify::Kind,
    night::{Finding, Verdict, jeffreys},
};

/// Fewer devices say little about phones in general.
const FEWEST_DEVICES: usize = 2;

/// On which share of nights an app uploaded this much while nobody used the phone, where uploads do not recur.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccidentRate {
    /// This much or more.
    pub size: Bytes,
    /// Nights with such an upload.
    pub hits: u32,
    /// Nights that counted.
    pub nights: u32,
    /// Devices they are of.
    pub devices: u32,
    /// `hits / nights`.
    pub rate: f64,
    /// With 95 % confidence it lies between these: the wider of Jeffreys' interval and of what devices differ by.
    pub interval: (f64, f64),
}

/// Nights and hits, device by device.
#[derive(Debug, Default)]
pub(super) struct Accidents {
    /// For each size the counts of each device: hits, nights.
    counts: BTreeMap<Bytes, Vec<(u32, u32)>>,
}

impl Accidents {
    /// Counts the messengers of one device. Recurrent uploads are no accidents and are left out, which makes the rate
    /// what it is among apps that are not flagged.
    pub(super) fn count<'a>(&mut self, findings: impl Iterator<Item = (Kind, &'a Finding)>) {
        let mut own: BTreeMap<Bytes, (u32, u32)> = BTreeMap::new();
        let quiet = |one: &Finding| matches!(one.verdict, Verdict::Routine | Verdict::BulkButIrregular);
        for (_, one) in findings.filter(|(kind, one)| *kind == Kind::Messenger && quiet(one)) {
            for (size, hits) in &one.evidence.hits {
                let (all, nights) = own.entry(*size).or_default();
                *all += hits;
                *nights += one.evidence.eligible_nights;
            }
        }
        for (size, counts) in own {
            self.counts.entry(size).or_default().push(counts);
        }
    }

    /// Adds what was counted on other devices.
    pub(super) fn add(&mut self, other: Self) {
        for (size, counts) in other.counts {
            self.counts.entry(size).or_default().extend(counts);
        }
    }

    /// The rates by size; none where too few devices were counted.
    pub(super) fn rates(&self) -> Vec<AccidentRate> {
        let enough = self.counts.iter().filter(|(_, devices)| devices.len() >= FEWEST_DEVICES);
        enough.map(|(size, devices)| rate(*size, devices)).collect()
    }
}

fn rate(size: Bytes, devices: &[(u32, u32)]) -> AccidentRate {
    let hits: u32 = devices.iter().map(|(hits, _)| hits).sum();
    let nights: u32 = devices.iter().map(|(_, nights)| nights).sum();
    let all = f64::from(nights).max(1.0);
    let rate = f64::from(hits) / all;
    let (low, high) = jeffreys(hits, nights);
    // Nights of one phone are more alike than nights of two: the spread between devices counts too.
    let count = devices.len() as f64;
    let spread =
        devices.iter().map(|&(hits, nights)| (f64::from(hits) - rate * f64::from(nights)).powi(2)).sum::<f64>();
    let error = 1.96 * (spread * count / (count - 1.0).max(1.0)).sqrt() / all;
    let interval = (low.min(rate - error).max(0.0), high.max(rate + error).min(1.0));
    AccidentRate { size, hits, nights, devices: u32::try_from(devices.len()).unwrap_or(u32::MAX), rate, interval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::night::EvidenceNumbers;

    fn rates(devices: &[&[(u32, u32)]]) -> Vec<AccidentRate> {
        let mut accidents = Accidents::default();
        for device in devices {
            let counts = device.iter().map(|(hits, nights)| (*hits, *nights));
            accidents.counts.entry(Bytes::mb(5)).or_default().extend(counts);
        }
        accidents.rates()
    }

    #[test]
    fn nights_are_pooled_and_devices_that_differ_widen_the_interval() {
        let alike = rates(&[&[(1, 28); 20]])[0];
        assert_eq!((alike.hits, alike.nights, alike.devices), (20, 560, 20));
        assert!((alike.rate - 1.0 / 28.0).abs() < 1e-12);
        assert!(alike.interval.0 > 0.02 && alike.interval.1 < 0.06, "{alike:?}");
        let mut one_culprit = [(0, 28); 20];
        one_culprit[0] = (20, 28);
        let spread = rates(&[&one_culprit])[0];
        assert!((spread.rate - alike.rate).abs() < 1e-12);
        assert!(spread.interval.1 > 0.09 && spread.interval.0 < 1e-12, "{spread:?}");
        assert!(rates(&[&[(3, 28)]]).is_empty(), "one phone is no fleet");
    }

    #[test]
    fn what_recurs_and_what_is_no_messenger_is_no_accident() {
        let finding = |verdict| {
            let settings = crate::night::Settings { power: false, ..crate::night::Settings::default() };
            let subject = crate::ledger::SubjectLedger {
                subject: crate::ledger::Subject::web(),
                minutes: Vec::new(),
                unplaced: crate::ledger::Unplaced::default(),
                roles: Vec::new(),
                tunnel: false,
                features: crate::identify::DeclaredFeatures::default(),
            };
            let ledger = crate::ledger::DeviceLedger { subjects: vec![subject], ..Default::default() };
            let judged = crate::night::judge(&ledger, &settings).findings.remove(0);
            let evidence =
                EvidenceNumbers { eligible_nights: 28, hits: vec![(Bytes::mb(5), 2)], ..EvidenceNumbers::default() };
            Finding { verdict, evidence, ..judged }
        };
        let (routine, export) = (finding(Verdict::Routine), finding(Verdict::ExportLike));
        let mut accidents = Accidents::default();
        for _ in 0..2 {
            accidents
                .count([(Kind::Messenger, &routine), (Kind::Messenger, &export), (Kind::Web, &routine)].into_iter());
        }
        let rate = accidents.rates()[0];
        assert_eq!((rate.hits, rate.nights, rate.devices), (4, 56, 2));
    }
}
