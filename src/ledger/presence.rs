//! Where a device was seen, and when somebody was watching there.
//!
//! Several sources capture into one ledger, and a device is at one of them: a gap of that one is a gap of the device,
//! though the others captured. A device is where it was seen last; before it was seen first, it is where it was then.

use std::collections::BTreeMap;

use super::{Watched, watch};
use crate::base::{Minute, Span};

/// A set of sources, each by its place among those that capture.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Places(u64);

impl Places {
    /// Nobody knows where: it may be any.
    pub const UNKNOWN: Self = Self(0);
    /// Sources told apart; those beyond share the last place.
    const MOST: usize = 64;

    /// The source at `place`.
    pub const fn at(place: usize) -> Self {
        Self(1 << if place < Self::MOST { place } else { Self::MOST - 1 })
    }

    /// These and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the source at `place` is one of them.
    const fn hold(self, place: usize) -> bool {
        self.0 & Self::at(place).0 != 0
    }

    /// The places, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..Self::MOST).filter(move |place| self.0 >> place & 1 == 1)
    }
}

/// When each source was capturing, by its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    places: Vec<Vec<Watched>>,
    all: Vec<Watched>,
}

impl Coverage {
    /// The runs of each source, ascending.
    pub fn of(places: Vec<Vec<Watched>>) -> Self {
        let all = match &*places {
            [only] => only.clone(),
            _ => watch::union(places.concat()),
        };
        Self { places, all }
    }

    /// When any source was capturing.
    pub fn all(&self) -> &[Watched] {
        &self.all
    }

    /// When a device was watched that was `seen` in these minutes, and where.
    pub fn of_device(&self, seen: &BTreeMap<Minute, Places>) -> Vec<Watched> {
        let stays = stays(seen);
        if self.places.len() < 2 || stays.is_empty() {
            return self.all.clone();
        }
        let mut at: BTreeMap<Places, Vec<Watched>> = BTreeMap::new();
        for (_, places) in &stays {
            at.entry(*places).or_insert_with(|| self.at(*places));
        }
        let mut watched: Vec<Watched> = Vec::new();
        for (stay, places) in stays {
            let runs = at.get(&places).map_or(&[][..], Vec::as_slice);
            let begin = runs.partition_point(|run| run.span.end <= stay.first);
            let inside = runs[begin..].iter().take_while(|run| run.span.first < stay.end).copied().collect();
            for run in watch::clip(inside, stay) {
                join(&mut watched, run);
            }
        }
        watched
    }

    fn at(&self, places: Places) -> Vec<Watched> {
        let there = self.places.iter().enumerate().filter(|(place, _)| places.hold(*place));
        watch::union(there.flat_map(|(_, runs)| runs).copied().collect())
    }
}

impl From<Vec<Watched>> for Coverage {
    fn from(runs: Vec<Watched>) -> Self {
        Self::of(vec![runs])
    }
}

/// From when to when the device was at which sources, over all time; none where nobody knows.
fn stays(seen: &BTreeMap<Minute, Places>) -> Vec<(Span, Places)> {
    let mut stays: Vec<(Span, Places)> = Vec::new();
    for (&minute, &places) in seen.iter().filter(|(_, places)| **places != Places::UNKNOWN) {
        match stays.last_mut() {
            None => stays.push((Span { first: Minute(0), end: Minute(u32::MAX) }, places)),
            Some((_, same)) if *same == places => {}
            Some((stay, _)) => {
                stay.end = minute;
                stays.push((Span { first: minute, end: Minute(u32::MAX) }, places));
            }
        }
    }
    stays
}

fn join(runs: &mut Vec<Watched>, run: Watched) {
    match runs.last_mut() {
        Some(last) if last.span.end == run.span.first && last.dropped.total_cmp(&run.dropped).is_eq() => {
            last.span.end = run.span.end;
        }
        _ => runs.push(run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run((first, end): (u32, u32)) -> Watched {
        Watched { span: Span { first: Minute(first), end: Minute(end) }, dropped: 0.0 }
    }

    fn runs(spans: &[(u32, u32)]) -> Vec<Watched> {
        spans.iter().copied().map(run).collect()
    }

    fn seen(at: &[(u32, &[usize])]) -> BTreeMap<Minute, Places> {
        let places = |places: &[usize]| places.iter().fold(Places::UNKNOWN, |all, place| all.and(Places::at(*place)));
        at.iter().map(|(minute, at)| (Minute(*minute), places(at))).collect()
    }

    /// The first source has a gap from 100 to 200, the second from 400 to 500.
    fn two() -> Coverage {
        Coverage::of(vec![runs(&[(0, 100), (200, 1_000)]), runs(&[(0, 400), (500, 1_000)])])
    }

    #[test]
    fn a_gap_of_the_source_that_a_device_is_at_is_a_gap_of_the_device() {
        assert_eq!(two().all(), runs(&[(0, 1_000)]), "somebody was always there");
        assert_eq!(two().of_device(&seen(&[(10, &[0]), (900, &[0])])), runs(&[(0, 100), (200, 1_000)]));
        assert_eq!(two().of_device(&seen(&[(300, &[1])])), runs(&[(0, 400), (500, 1_000)]));
    }

    #[test]
    fn a_device_that_went_from_one_source_to_another_is_watched_where_it_is() {
        let roaming = seen(&[(50, &[0]), (150, &[1]), (300, &[0]), (450, &[0])]);
        assert_eq!(two().of_device(&roaming), runs(&[(0, 100), (150, 1_000)]));
        let both = seen(&[(50, &[0, 1])]);
        assert_eq!(two().of_device(&both), runs(&[(0, 1_000)]), "seen at both, either will do");
    }

    #[test]
    fn where_nobody_knows_where_a_device_was_any_source_counts() {
        assert_eq!(two().of_device(&seen(&[])), two().all());
        assert_eq!(two().of_device(&seen(&[(10, &[])])), two().all());
        let one = Coverage::from(runs(&[(5, 9)]));
        assert_eq!(one.of_device(&seen(&[(6, &[0]), (7, &[3])])), runs(&[(5, 9)]));
    }

    #[test]
    fn sources_beyond_the_last_place_share_it() {
        assert_eq!(Places::at(63), Places::at(1_000));
        assert!(Places::at(70).hold(64) && !Places::at(70).hold(1));
    }
}
