//! How well a list of flows is explained: the share of the bytes behind each kind of evidence.

use std::collections::BTreeMap;

use super::json::key;
use crate::{
    base::Bytes,
    identify::{Confidence, Evidence},
    pipeline::FlowRow,
};

/// Payload, both ways, by what attributes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FlowSums {
    all: Sum,
    by_evidence: BTreeMap<Evidence, Sum>,
    by_confidence: BTreeMap<Confidence, Sum>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum {
    flows: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.flows += 1;
        self.bytes += bytes;
    }
}

impl FlowSums {
    /// Adds one flow.
    pub fn add(&mut self, row: &FlowRow) {
        let bytes = row.payload.iter().fold(0, |sum: u64, payload| sum.saturating_add(payload.0));
        self.all.add(bytes);
        self.by_evidence.entry(row.evidence).or_default().add(bytes);
        if row.evidence > Evidence::None {
            self.by_confidence.entry(row.confidence).or_default().add(bytes);
        }
    }

    /// Two sentences: what each kind of evidence explains, the strongest first, with what nothing explains; and how
    /// far the explained can be trusted.
    pub fn lines(&self) -> Vec<String> {
        let Sum { flows, bytes } = self.all;
        let plural = if flows == 1 { "" } else { "s" };
        let mut kinds: Vec<String> = Vec::new();
        for (evidence, sum) in self.by_evidence.iter().rev().filter(|(evidence, _)| **evidence > Evidence::None) {
            kinds.push(format!("{} {}", key(*evidence), self.share(*sum)));
        }
        let unknown = self.by_evidence.get(&Evidence::None).copied().unwrap_or_default();
        kinds.push(format!("unattributed {}", self.share(unknown)));
        let mut lines =
            vec![format!("{} of payload in {flows} flow{plural}, by evidence: {}", Bytes(bytes), kinds.join(", "))];
        let grades: Vec<String> = self
            .by_confidence
            .iter()
            .rev()
            .map(|(grade, sum)| format!("{} {}", key(*grade), self.share(*sum)))
            .collect();
        if !grades.is_empty() {
            lines.push(format!("confidence in what is attributed: {}", grades.join(", ")));
        }
        lines
    }

    /// A sum's share of all bytes, and how many flows it is.
    fn share(&self, sum: Sum) -> String {
        let percent = 100.0 * sum.bytes as f64 / self.all.bytes.max(1) as f64;
        let rounded = if sum.bytes > 0 && percent < 0.05 { "under 0.1".to_owned() } else { format!("{percent:.1}") };
        format!("{rounded} % ({})", sum.flows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn shares_are_of_all_bytes_and_the_unattributed_is_always_named() {
        let mut sums = FlowSums::default();
        let [named, unknown, _]: [FlowRow; 3] = sample::flows().try_into().unwrap();
        sums.add(&FlowRow { payload: [Bytes(600_000), Bytes(150_000)], ..named.clone() });
        sums.add(&FlowRow {
            evidence: Evidence::Prefix,
            confidence: Confidence::Medium,
            payload: [Bytes(50), Bytes(0)],
            ..named
        });
        sums.add(&FlowRow { payload: [Bytes(249_950), Bytes(0)], ..unknown });
        assert_eq!(
            sums.lines(),
            [
                "1.0 MB of payload in 3 flows, by evidence: sni 75.0 % (1), prefix under 0.1 % (1), unattributed 25.0 % (1)",
                "confidence in what is attributed: high 75.0 % (1), medium under 0.1 % (1)",
            ]
        );
        assert_eq!(FlowSums::default().lines(), ["0 B of payload in 0 flows, by evidence: unattributed 0.0 % (0)"]);
    }
}
