//! Would it have been noticed? Exports are injected into the device's own nights, and judged.
//!
//! Each trial draws a habit (a time of day with some jitter, or any moment of the rest), and for each night a start and
//! a speed. What would have been sent while nothing was observed is lost, and what would have begun while somebody
//! seemed to be there is hidden. The smallest size of which hardly a trial is missed is the smallest that this capture
//! could have shown.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use crate::{
    base::{Bytes, Minute, Span},
    night::{
        Settings,
        attended::Attendance,
        beta::upper_limit,
        cycle::{Cycles, DAY, REST},
        evidence::{Bets, Counted, Table},
        rest::Rests,
        spans::Spans,
    },
};

/// How small an export could have been and still be noticed. `None`: not reachable with this capture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Power {
    /// Every night, flagged at all.
    pub(super) any: Option<Bytes>,
    /// Every night, called recurrent uploads of the size of an export.
    pub(super) export: Option<Bytes>,
    /// Every other night, flagged at all.
    pub(super) alternate: Option<Bytes>,
    /// Every other night, called recurrent uploads of the size of an export.
    pub(super) export_alternate: Option<Bytes>,
    /// After so many nights, [`TELLING_SIZE`] every night would have been flagged.
    pub(super) nights: Option<u32>,
    /// Share of observed injections that seemed to begin while somebody was there.
    pub(super) hidden: f64,
}

/// One eligible night into which exports are injected: the index of its cycle, and what was counted on it.
pub(super) type Site = (usize, Counted);

/// Injections drawn for one device, for all its subjects alike.
#[derive(Debug)]
pub(super) struct Trials {
    /// By trial, then by cycle from `first` on.
    shots: Vec<Vec<Shot>>,
    /// Index of the first cycle that is injected into.
    first: usize,
    table: Table,
    /// The most trials that may be missed.
    most_missed: usize,
}

/// One injected upload.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shot {
    start: Minute,
    /// Bytes a minute.
    speed: f64,
    /// The first minute of it that could be observed; `None`: none.
    seen: Option<Minute>,
    /// Somebody seemed to be there in that minute.
    hidden: bool,
    /// It starts in the night's rest.
    at_rest: bool,
    /// For so many minutes from its start it is observed without a break.
    clear: u32,
    /// Share of it that counts where it is observed: packets lost on that night are not, nor is what is set aside for
    /// acknowledging the answers to it.
    kept: f64,
}

impl Trials {
    /// Draws the injections.
    pub(super) fn draw(
        cycles: &Cycles,
        rests: &Rests,
        attendance: &Attendance,
        observed: &Spans,
        dropped: &[f64],
        settings: &Settings,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        let first = cycles.list.len().saturating_sub(2 * MOST_NIGHTS);
        let place = |at: usize, shot: Shot| {
            let lost = dropped.get(first + at).copied().unwrap_or(0.0);
            Shot { at_rest: rests.holds(first + at, shot.start), kept: (1.0 - ANSWERS) * (1.0 - lost), ..shot }
        };
        let count = settings.injections.clamp(1, MOST_TRIALS);
        let shots = (0..count).map(|trial| {
            let habit = Habit::draw(trial, cycles.rest, &mut random);
            let shots = rests.main_from(first).map(|rest| habit.shot(rest, attendance, observed, &mut random));
            shots.enumerate().map(|(at, shot)| place(at, shot)).collect()
        });
        let nights = u32::try_from(cycles.list.len().min(MOST_NIGHTS)).unwrap_or(0);
        let fits = |missed: &usize| {
            upper_limit(u32::try_from(*missed).unwrap_or(u32::MAX), count, CONFIDENCE) <= 1.0 - WANTED_POWER
        };
        Self {
            shots: shots.collect(),
            first,
            table: Table::new(settings, nights),
            most_missed: (0..count as usize).take_while(fits).last().unwrap_or(0),
        }
    }

    /// The smallest exports that the nights `sites` of one subject could have shown. `own` is the part of the attended
    /// minutes that rests on the subject's own traffic.
    pub(super) fn power(&self, sites: &[Site], own: &Spans, observed: &Spans, settings: &Settings) -> Power {
        let sites = sites.get(sites.len().saturating_sub(MOST_NIGHTS)..).unwrap_or_default();
        let sites = sites.get(sites.partition_point(|site| site.0 < self.first)..).unwrap_or_default();
        let view = View { sites, first: self.first, own, observed, settings, table: &self.table };
        let smallest = |every: usize, sought: Sought, easier: Option<Bytes>| {
            smallest_size(easier, |size| {
                let trials = self.shots.iter().enumerate();
                let missed = trials.filter(|(at, shots)| !view.notices(shots, size, (every, at % every), sought));
                missed.take(self.most_missed + 1).count() <= self.most_missed
            })
        };
        // What is called an export is flagged, and what shows every other night shows every night.
        let any = smallest(1, Sought::Flag, Some(Bytes::ZERO));
        let export = smallest(1, Sought::Export, any);
        let alternate = smallest(2, Sought::Flag, any);
        let least = if export.is_none() { None } else { alternate.max(export) };
        let export_alternate = smallest(2, Sought::Export, alternate.and(least));
        let nights = self.nights_to_notice(&view);
        Power { any, export, alternate, export_alternate, nights, hidden: view.hidden_share(&self.shots) }
    }

    /// After how many nights all but the few trials that may be missed are flagged.
    fn nights_to_notice(&self, view: &View<'_>) -> Option<u32> {
        let size = TELLING_SIZE.0 as f64;
        let mut flagged: Vec<_> = self.shots.iter().filter_map(|shots| view.flagged_on(shots, size)).collect();
        flagged.sort_unstable();
        flagged.get((self.shots.len() - 1).checked_sub(self.most_missed)?).copied()
    }
}

/// The nightly upload that is asked about: how soon would it have been noticed?
pub const TELLING_SIZE: Bytes = Bytes::mb(10);

/// What is set aside of an upload for acknowledging its answers, as a share of it, at most.
const ANSWERS: f64 = 0.01;

/// Power that is asked for, and with what confidence it must be shown.
const WANTED_POWER: f64 = 0.95;
const CONFIDENCE: f64 = 0.95;
const MOST_TRIALS: u32 = 10_000;
/// Exports are injected into no more nights than this, the latest.
const MOST_NIGHTS: usize = 180;

/// What must be noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sought {
    /// Any recurrence.
    Flag,
    /// Recurrence of the size of an export.
    Export,
}

struct View<'a> {
    sites: &'a [Site],
    first: usize,
    own: &'a Spans,
    observed: &'a Spans,
    settings: &'a Settings,
    table: &'a Table,
}

impl View<'_> {
    /// Whether `size` bytes on each due night would have been noticed. Due are cycles whose index leaves the remainder
    /// `due.1` by `due.0`.
    fn notices(&self, shots: &[Shot], size: f64, due: (usize, usize), sought: Sought) -> bool {
        let mut bets = Bets::new(self.table, self.settings);
        for site in self.sites {
            self.weigh(&mut bets, site, shots.get(site.0 - self.first).filter(|_| site.0 % due.0 == due.1), size);
            if bets.flagged && (sought == Sought::Flag || bets.export_flagged) {
                return true;
            }
        }
        bets.flagged && bets.median_is_large()
    }

    /// After how many nights `size` bytes on each of them are flagged.
    fn flagged_on(&self, shots: &[Shot], size: f64) -> Option<u32> {
        let mut bets = Bets::new(self.table, self.settings);
        (1..).zip(self.sites).find_map(|(nights, site)| {
            self.weigh(&mut bets, site, shots.get(site.0 - self.first), size);
            bets.flagged.then_some(nights)
        })
    }

    /// Weighs a night with an injected upload of `size` bytes, or without.
    fn weigh(&self, bets: &mut Bets<'_>, (_, counted): &Site, shot: Option<&Shot>, size: f64) {
        let more = shot.map_or(Bytes::ZERO, |shot| self.arriving(shot, size));
        let at_rest = if shot.is_some_and(|shot| shot.at_rest) { more } else { Bytes::ZERO };
        bets.add(counted.weekday, counted.rest + at_rest, counted.bulk + more);
    }

    /// How much of an injected upload of `size` bytes would have counted as an unattended bulk upload.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a volume is a volume")]
    fn arriving(&self, shot: &Shot, size: f64) -> Bytes {
        if self.hides(shot) {
            return Bytes::ZERO;
        }
        let minutes = (size / shot.speed).ceil().clamp(1.0, f64::from(DAY)) as u32;
        let size = size * shot.kept;
        if minutes <= shot.clear {
            return Bytes(size as u64);
        }
        let span = Span { first: shot.start, end: shot.start.plus(minutes) };
        let seen = Bytes((size * self.observed.minutes_in(span) as f64 / f64::from(minutes)) as u64);
        if seen >= self.settings.bulk_size { seen } else { Bytes::ZERO }
    }

    fn hides(&self, shot: &Shot) -> bool {
        shot.hidden && shot.seen.is_some_and(|minute| !self.own.contains(minute))
    }

    fn hidden_share(&self, trials: &[Vec<Shot>]) -> f64 {
        let shots = trials.iter().flat_map(|shots| self.sites.iter().filter_map(|(at, _)| shots.get(at - self.first)));
        let seen = shots.filter(|shot| shot.seen.is_some());
        let (hidden, all) = seen.fold((0_u32, 0_u32), |(h, n), shot| (h + u32::from(self.hides(shot)), n + 1));
        f64::from(hidden) / f64::from(all.max(1))
    }
}

/// How one trial's exporter chooses its moment.
enum Habit {
    /// At this minute of the UTC day, give or take [`JITTER`].
    Clock(u32),
    /// At any moment of the rest.
    Rest,
}

/// Minutes, either way.
const JITTER: u32 = 15;
/// Median speed, bytes a minute, and sigma of its logarithm.
const SPEED: (f64, f64) = (500_000.0 * 60.0, 0.6);

impl Habit {
    /// Every other trial keeps to a time of day in the six `usual` hours of rest.
    fn draw(trial: u32, usual: u16, random: &mut ChaCha8Rng) -> Self {
        if trial.is_multiple_of(2) {
            Self::Clock((u32::from(usual) + random.random_range(0..REST)) % DAY)
        } else {
            Self::Rest
        }
    }

    fn shot(&self, rest: Span, attendance: &Attendance, observed: &Spans, random: &mut ChaCha8Rng) -> Shot {
        let start = match self {
            Self::Clock(minute) => {
                // The night of a rest is the day around it: the occurrence of the time of day nearest to its middle.
                let middle = rest.first.plus(rest.minutes() / 2);
                let from = middle.minus(DAY / 2);
                let into = (minute + DAY - from.0 % DAY) % DAY;
                from.plus(into).plus(random.random_range(0..=2 * JITTER)).minus(JITTER)
            }
            Self::Rest if rest.minutes() == 0 => rest.first,
            Self::Rest => Minute(random.random_range(rest.first.0..rest.end.0)),
        };
        let (median, sigma) = SPEED;
        let speed = LogNormal::new(median.ln(), sigma).map_or(median, |speed| speed.sample(random));
        let seen = observed.first_from(start).filter(|seen| seen.since(start) < LONGEST);
        let clear = observed.run_at(start).map_or(0, |run| run.end.since(start));
        let mask = attendance.whole();
        let hidden = seen.is_some_and(|minute| attendance.begun_by_person(minute, &mask, None));
        Shot { start, speed, seen, hidden, at_rest: true, clear, kept: 1.0 }
    }
}

/// An upload of which nothing is seen for so many minutes is not seen to begin at all.
const LONGEST: u32 = 240;

/// The smallest of the sizes, half a doubling apart, that suffices, by bisection. `easier` is the answer to an easier
/// question: nothing smaller can do, and nothing where nothing did there.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in bytes")]
fn smallest_size(easier: Option<Bytes>, suffices: impl Fn(f64) -> bool) -> Option<Bytes> {
    let size = |step: u32| 500_000.0 * 2_f64.powf(f64::from(step) / 2.0);
    let easier = easier?;
    let low = (0..STEPS).take_while(|&step| Bytes(size(step).round() as u64) < easier).count();
    let (mut low, mut high) = (u32::try_from(low).unwrap_or(STEPS), STEPS);
    if suffices(size(low)) {
        return Some(Bytes(size(low).round() as u64));
    }
    if low == high || !suffices(size(high)) {
        return None;
    }
    while low < high {
        let middle = u32::midpoint(low, high);
        if suffices(size(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(Bytes(size(high).round() as u64))
}

/// Up to 500 kB times 2 to the eleventh: 1 GB.
const STEPS: u32 = 22;
