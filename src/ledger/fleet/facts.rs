//! What a sensor says once and not minute by minute: JSON in the table `facts`.

use std::{collections::BTreeSet, net::IpAddr};

use serde::Deserialize;

use crate::{
    base::{Minute, Span, Stamp},
    identify::{DeclaredFeatures, Kind, Role},
    ledger::{
        FileRecord, Subject, SubjectFacts, Watched,
        store::words::{KINDS, ROLES, of_word},
        watch,
    },
};

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct DeviceFact {
    pub(super) label: Option<String>,
    #[serde(default)]
    pub(super) addresses: BTreeSet<IpAddr>,
    #[serde(default)]
    pub(super) order: i64,
    #[serde(default)]
    pub(super) share: bool,
}

#[derive(Deserialize)]
pub(super) struct SubjectFact {
    pub(super) tunnel: bool,
    pub(super) declared_feature: Option<String>,
}

impl From<SubjectFact> for SubjectFacts {
    fn from(fact: SubjectFact) -> Self {
        let features = fact.declared_feature.map(|text| DeclaredFeatures::read(&text)).unwrap_or_default();
        Self { tunnel: fact.tunnel, features }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct SourceFact {
    pub(super) sensor: String,
    pub(super) interface: String,
    pub(super) watched: Vec<(u32, u32, f64)>,
}

impl SourceFact {
    pub(super) fn runs(&self) -> Vec<Watched> {
        let run = |&(first, end, dropped): &(u32, u32, f64)| Watched {
            span: Span { first: Minute(first), end: Minute(end) },
            dropped: if dropped.is_finite() { dropped.clamp(0.0, 1.0) } else { 1.0 },
        };
        watch::union(self.watched.iter().map(run).collect())
    }
}

#[derive(Deserialize)]
pub(super) struct FileFact {
    pub(super) order: i64,
    pub(super) path: String,
    pub(super) packets: u64,
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) link_types: Vec<String>,
    pub(super) malformed: u64,
    pub(super) unsupported: u64,
    pub(super) lost: u64,
    pub(super) truncated: bool,
    #[serde(default)]
    pub(super) records: u64,
}

impl FileFact {
    pub(super) fn record(self, sha256: String) -> (i64, FileRecord) {
        let Self { order, path, packets, first, last, link_types, malformed, unsupported, lost, truncated, records } =
            self;
        let (first, last) = (first.map(Stamp::from_nanos), last.map(Stamp::from_nanos));
        let file = FileRecord {
            path,
            sha256,
            packets,
            records,
            first,
            last,
            link_types,
            malformed,
            unsupported,
            lost,
            truncated,
        };
        (order, file)
    }
}

pub(super) fn whose(id: String, name: String, operator: String, kind: &str) -> Subject {
    Subject { id, name, operator, kind: of_word(&KINDS, kind).unwrap_or(Kind::Unattributed) }
}

pub(super) fn role_of(word: &str) -> Role {
    of_word(&ROLES, word).unwrap_or(Role::Unknown)
}

pub(super) fn texts<const N: usize>(key: &str) -> Option<[String; N]> {
    serde_json::from_str::<Vec<String>>(key).ok()?.try_into().ok()
}
