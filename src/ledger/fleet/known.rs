//! What is known of sensors beside their minutes, from one question: the table `facts`.

use std::collections::{BTreeMap, HashMap};

use super::{
    FleetError, Server,
    archive::MOST_ROWS,
    facts::{DeviceFact, FileFact, SourceFact, SubjectFact, role_of, texts, whose},
    text::quoted,
};
use crate::{
    base::{Bytes, Minute, Span},
    identify::{Evidence, Role},
    ledger::{
        CaptureRecord, Coverage, FileRecord, LiveRecord, Places, Source, Subject, SubjectFacts, Watched,
        store::words::{EVIDENCES, of_word},
        watch,
    },
};

/// The place of captures that were read in; live sources follow by their numbers.
const FILES: u32 = 1;

/// Longer ones cannot be understood, and are passed over.
const LONGEST_FACT: usize = 7 << 20;

/// Bytes of facts that are read with one question.
const LARGEST: usize = 256 << 20;

/// What is known of a sensor beside its minutes.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// In the order in which they were read in.
    files: Vec<(i64, FileRecord)>,
    /// By its number.
    sources: BTreeMap<u32, SourceFact>,
    pub(super) devices: HashMap<String, DeviceFact>,
    pub(super) subjects: Vec<(Subject, SubjectFacts)>,
    /// Frames and wire bytes by hour and source.
    heard: Vec<(u32, u32, u64, Bytes)>,
    losses: Vec<(u32, String, u64)>,
    /// By device.
    evidence: HashMap<String, Vec<Attested>>,
}

/// How traffic of a subject was attributed.
#[derive(Debug)]
pub(super) struct Attested {
    pub(super) subject: Subject,
    pub(super) role: Role,
    pub(super) destination: String,
    pub(super) evidence: Evidence,
}

impl Server {
    /// What facts of these kinds (of all kinds, where none is named) say of the sensors from `first` to `last` by name.
    pub(super) fn known(&self, first: &str, last: &str, kinds: &[&str]) -> Result<BTreeMap<String, Known>, FleetError> {
        let listed: Vec<_> = kinds.iter().map(|kind| quoted(kind)).collect();
        let wanted = if kinds.is_empty() { String::new() } else { format!(" AND kind IN ({})", listed.join(", ")) };
        let sql = format!(
            "SELECT substring(sensor, 1, 253), substring(kind, 1, 300), substring(key, 1, 2000), substring(value, 1, {LONGEST_FACT}) \
             FROM {}.facts FINAL WHERE sensor >= {} AND sensor <= {}{wanted}",
            self.database(),
            quoted(first),
            quoted(last),
        );
        let (mut rows, mut known) = (self.rows(&sql)?, BTreeMap::<String, Known>::new());
        let (mut read, mut size) = (0, 0);
        while let Some([sensor, kind, key, value]) =
            rows.next(|row| Some([row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?]))?
        {
            read += 1;
            size += kind.len() + key.len() + value.len();
            if read > MOST_ROWS || size > LARGEST {
                let what = format!("the sensors from {first:?} to {last:?} tell more facts than are read");
                return Err(FleetError::Garbled { server: self.name(), what });
            }
            known.entry(sensor).or_default().learn(&kind, key, &value);
        }
        for known in known.values_mut() {
            known.files.sort_by_key(|(order, _)| *order);
        }
        Ok(known)
    }
}

impl Known {
    /// Takes in a fact; one that cannot be understood is passed over.
    fn learn(&mut self, kind: &str, key: String, value: &str) -> Option<()> {
        match kind {
            "source" => drop(self.sources.insert(key.parse().ok()?, serde_json::from_str(value).ok()?)),
            "file" => self.files.push(serde_json::from_str::<FileFact>(value).ok()?.record(key)),
            "device" => drop(self.devices.insert(key, serde_json::from_str(value).unwrap_or_default())),
            "subject" => {
                let [subject, name, operator, kind] = texts(&key)?;
                let fact: SubjectFact = serde_json::from_str(value).ok()?;
                self.subjects.push((whose(subject, name, operator, &kind), fact.into()));
            }
            "heard" => {
                let (hour, source) = key.split_once('/')?;
                let [frames, wire, ..]: [u64; 4] = serde_json::from_str(value).ok()?;
                self.heard.push((hour.parse().ok()?, source.parse().ok()?, frames, Bytes(wire)));
            }
            "loss" => {
                let (hour, what) = key.split_once('/')?;
                self.losses.push((hour.parse().ok()?, what.to_owned(), value.parse().ok()?));
            }
            _ => {
                let device = kind.strip_prefix("evidence/")?;
                let [subject, name, operator, kind, role, destination] = texts(&key)?;
                self.evidence.entry(device.to_owned()).or_default().push(Attested {
                    subject: whose(subject, name, operator, &kind),
                    role: role_of(&role),
                    destination,
                    evidence: of_word(&EVIDENCES, value.trim_matches('"')).unwrap_or(Evidence::None),
                });
            }
        }
        Some(())
    }

    /// What is known of the traffic of one device.
    pub(super) fn attested(&self, device: &str) -> &[Attested] {
        self.evidence.get(device).map_or(&[], Vec::as_slice)
    }

    /// When each source watched, in `span` (at any time).
    pub(super) fn coverage(&self, span: Option<Span>) -> Coverage {
        let files: Vec<FileRecord> = self.files.iter().map(|(_, file)| file.clone()).collect();
        watch::by_place(&files, self.sources.values().map(SourceFact::runs).collect(), span, Minute(0))
    }

    /// The place in [`Known::coverage`] of what the table `seen` calls a place.
    pub(super) fn places(&self) -> HashMap<u32, Places> {
        let live = self.sources.keys().map(|number| number.saturating_add(FILES));
        std::iter::once(FILES).chain(live).enumerate().map(|(at, place)| (place, Places::at(at))).collect()
    }

    /// What was captured in `span` (at all).
    pub(super) fn captured(&self, span: Option<Span>) -> CaptureRecord {
        let coverage = self.coverage(span);
        let (first, last) = span.map_or((0, u32::MAX), |span| (span.first.0 / 60, span.end.minus(1).0 / 60));
        let (mut frames, mut wire, mut by_source) = (0_u64, Bytes::ZERO, BTreeMap::<u32, u64>::new());
        for (_, source, seen, bytes) in self.heard.iter().filter(|(hour, ..)| (first..=last).contains(hour)) {
            frames = frames.saturating_add(*seen);
            wire += *bytes;
            let sum = by_source.entry(*source).or_default();
            *sum = sum.saturating_add(*seen);
        }
        let mut losses = BTreeMap::<String, u64>::new();
        for (_, what, count) in self.losses.iter().filter(|(hour, ..)| (first..=last).contains(hour)) {
            let sum = losses.entry(what.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        let files = self.files.iter().map(|(_, file)| file);
        CaptureRecord {
            live: self.live(span, &by_source),
            files: files.filter(|file| span.is_none_or(|span| file.touches(span))).cloned().collect(),
            watched: coverage.all().to_vec(),
            coverage,
            losses: losses.into_iter().collect(),
            frames,
            wire,
            minutes_from: Minute(0),
        }
    }

    /// The live sources that watched in `span`.
    fn live(&self, span: Option<Span>, frames: &BTreeMap<u32, u64>) -> Vec<LiveRecord> {
        let record = |(number, fact): (&u32, &SourceFact)| {
            let inside: Vec<Watched> = span.map_or_else(|| fact.runs(), |span| watch::clip(fact.runs(), span));
            let (begin, end) = (inside.first()?, inside.last()?);
            Some(LiveRecord {
                source: Source { sensor: fact.sensor.clone(), interface: fact.interface.clone() },
                frames: frames.get(number).copied().unwrap_or_default(),
                first: Some(begin.span.first.start()),
                last: Some(end.span.end.start()),
            })
        };
        self.sources.iter().filter_map(record).collect()
    }
}
