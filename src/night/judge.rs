//! One device's ledger in, a finding for each of its subjects out.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
};

use crate::{
    base::{Bytes, Span},
    identify::Kind,
    ledger::{DeviceLedger, SubjectLedger},
    night::{
        Annotation, Bounds, ClockHabit, DeviceFinding, EvidenceNumbers, Finding, Lacking, Night, Settings, Upload,
        Verdict,
        attended::{Attendance, Mask},
        bounds::{self, Bounded},
        burst::{self, Burst, Shape},
        clock, coverage,
        cycle::{Cycle, Cycles},
        evidence::Counted,
        explain::Seen,
        multiplicity::discoveries,
        power::{Power, Site, Trials},
        rest::Rests,
        score::Score,
        spans::Spans,
        tail,
        tally::{self, Observed},
        verdict::{self, Recurrent},
        weigh::weigh,
    },
};

/// Judges every subject of one device.
///
/// It never fails: what cannot be judged is [`Verdict::Insufficient`] with the reasons. Findings depend on `ledger` and
/// `settings` alone, so the same minutes give the same words.
pub fn judge(ledger: &DeviceLedger, settings: &Settings) -> DeviceFinding {
    let device = Device::new(ledger, settings);
    let findings = (0..ledger.subjects.len()).map(|subject| device.finding(subject)).collect();
    let mut found = DeviceFinding {
        attended_share: device.observed.attended_share(),
        leak: device.attendance.leak(None),
        cut: device.cycles.cut,
        findings,
    };
    compare([&mut found], settings);
    found
}

/// Judges the rows of all `devices` together (e-BH), and grades the verdicts by it: whoever looks at many devices at
/// once finds more by chance.
pub fn compare<'a>(devices: impl IntoIterator<Item = &'a mut DeviceFinding>, settings: &Settings) {
    let rows = devices.into_iter().flat_map(|device| &mut device.findings);
    let mut judged: Vec<_> = rows.filter(|finding| finding.verdict != Verdict::Insufficient).collect();
    let strongest = |finding: &&mut Finding| finding.evidence.log10_e.max(finding.evidence.log10_e_drip);
    let log10_e: Vec<_> = judged.iter().map(strongest).collect();
    for (finding, stands) in judged.iter_mut().zip(discoveries(&log10_e, settings.discovery_rate)) {
        finding.evidence.stands_among_rows = stands;
        finding.grade = verdict::grade(finding.verdict, &finding.evidence, settings);
    }
}

/// What all subjects of a device share.
pub(super) struct Device<'a> {
    ledger: &'a DeviceLedger,
    settings: &'a Settings,
    pub(super) attendance: Attendance,
    /// The attended minutes by the signs of all subjects together.
    attended: Arc<[Span]>,
    pub(super) observed: Observed,
    pub(super) cycles: Cycles,
    rests: Rests,
    /// Share of packets lost on each cycle.
    dropped: Vec<f64>,
    tunnelled: Tunnelled,
    trials: Option<Trials>,
    /// The power for subjects that upload nothing in bulk, by their eligible nights.
    quiet_power: RefCell<HashMap<Vec<usize>, Power>>,
    /// For how many subjects it was worked out apart.
    own_power: Cell<usize>,
}

/// How much of a device's payload opaque tunnels carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tunnelled {
    Nothing,
    Some,
    Most,
}

impl<'a> Device<'a> {
    pub(super) fn new(ledger: &'a DeviceLedger, settings: &'a Settings) -> Self {
        let observed = coverage::observed(ledger, settings);
        let attendance = Attendance::of(ledger, settings, &observed);
        let cycles = Cycles::of(ledger, attendance.all(), &observed);
        let dropped: Vec<f64> = cycles.list.iter().map(|cycle| coverage::dropped_in(ledger, cycle.span)).collect();
        let rests = Rests::of(&cycles, attendance.all());
        let trials = settings.power.then(|| Trials::draw(&cycles, &rests, &attendance, &observed, &dropped, settings));
        let observed = Observed::new(observed, attendance.all());
        Self {
            ledger,
            settings,
            attended: attendance.all().runs().into(),
            attendance,
            observed,
            cycles,
            rests,
            dropped,
            tunnelled: tunnelled(ledger, settings),
            trials,
            quiet_power: RefCell::default(),
            own_power: Cell::default(),
        }
    }

    fn finding(&self, subject: usize) -> Finding {
        let Some(row) = self.ledger.subjects.get(subject) else { return unjudged(subject) };
        let number = u32::try_from(subject).unwrap_or(u32::MAX);
        let mask = self.attendance.without(number);
        let bursts = self.bursts(row, number, &mask);
        // Where the subject's own traffic would make the rest seem attended, it is sought without it.
        let own_rests = (!mask.own().is_empty()).then(|| Rests::of(&self.cycles, &mask.spans()));
        let rests = own_rests.as_ref().unwrap_or(&self.rests);
        let cut = (&self.cycles, rests);
        let nights = tally::nights(&row.minutes, &bursts, &mask, &self.observed, cut, self.settings);
        let sites = self.sites(&nights);
        let counted: Vec<_> = sites.iter().map(|site| site.1).collect();
        let lacking = self.lacking(row, number, &mask, &nights);
        let (mut evidence, recurrent) = weigh(&counted, self.settings);
        evidence.clock = self.clock(&bursts, &mask);
        let verdict = verdict::decide(row.subject.kind, &lacking, recurrent, &nights, self.settings);
        let seen = Seen {
            row,
            bursts: &bursts,
            nights: &nights,
            evidence: &evidence,
            verdict,
            settings: self.settings,
            mask: &mask,
            observed: &self.observed,
        };
        let explanations = seen.explanations();
        let mut annotations = self.annotations(row, recurrent, &nights, verdict);
        if lacking.is_empty() && tail::recurs(&bursts, &self.cycles, &self.attendance, &mask, number, self.settings) {
            annotations.push(Annotation::TailRecurrent);
        }
        Finding {
            subject,
            verdict,
            grade: None,
            annotations,
            explanations,
            score: (verdict != Verdict::Insufficient).then(|| Score::of(&evidence)),
            bounds: self.bounds(&lacking, &nights, &sites, recurrent, mask.own()),
            largest_upload: largest(row, &bursts, &mask, self.settings),
            attended: if mask.own().is_empty() { Arc::clone(&self.attended) } else { mask.spans().runs().into() },
            lacking,
            evidence,
            nights,
        }
    }

    fn bursts(&self, row: &SubjectLedger, number: u32, mask: &Mask<'_>) -> Vec<Burst> {
        let by_person = |minute| self.attendance.begun_by_person(minute, mask, Some(number));
        burst::bursts(&row.minutes, by_person, self.settings)
    }

    pub(super) fn nights(&self, row: &SubjectLedger, number: u32, mask: &Mask<'_>, cycles: &Cycles) -> Vec<Night> {
        let bursts = self.bursts(row, number, mask);
        let rests = Rests::of(cycles, &mask.spans());
        tally::nights(&row.minutes, &bursts, mask, &self.observed, (cycles, &rests), self.settings)
    }

    /// Whether unattended bulk uploads keep to a time of day.
    fn clock(&self, bursts: &[Burst], mask: &Mask<'_>) -> Option<ClockHabit> {
        let smallest = self.settings.sizes.first().copied().unwrap_or_default();
        let counts = |burst: &&Burst| !burst.attended && burst.shape == Shape::Bulk && burst.excess >= smallest;
        let starts: Vec<_> = bursts.iter().filter(counts).map(|burst| burst.first).collect();
        if starts.len() < self.settings.needed_nights as usize {
            return None;
        }
        clock::habit(&starts, &self.observed.unattended(mask), self.settings)
    }

    fn eligible(&self, night: &Night) -> bool {
        night.coverage >= self.settings.needed_coverage && night.coverage > 0.0
    }

    /// The nights that count for evidence, the latest [`MOST_NIGHTS`] of them.
    pub(super) fn sites(&self, nights: &[Night]) -> Vec<Site> {
        let all = self.cycles.list.iter().zip(nights).enumerate();
        let eligible = all.filter(|(_, (_, night))| self.eligible(night));
        let mut sites: Vec<_> = eligible.map(|(at, (cycle, night))| (at, counted(cycle, night))).collect();
        sites.drain(..sites.len().saturating_sub(MOST_NIGHTS));
        sites
    }

    pub(super) fn lacking(&self, row: &SubjectLedger, number: u32, mask: &Mask<'_>, nights: &[Night]) -> Vec<Lacking> {
        let settings = self.settings;
        let mut lacking = Vec::new();
        let eligible = nights.iter().filter(|night| self.eligible(night)).count();
        let eligible = u32::try_from(eligible).unwrap_or(u32::MAX);
        if eligible < settings.needed_nights {
            lacking.push(Lacking::Nights { eligible, needed: settings.needed_nights });
            // The first and the last night are cut short by the capture itself.
            if nights.len() >= settings.needed_nights as usize + 2 {
                lacking.push(Lacking::Coverage);
            }
        }
        if self.tunnelled == Tunnelled::Most && !row.tunnel {
            lacking.push(Lacking::Tunnel);
        }
        lacking.extend(unplaced(row, settings));
        if settings.declared.is_none() {
            let leak = self.attendance.leak(Some(number));
            if leak > settings.most_leak {
                lacking.push(Lacking::AttendedTime { leak });
            }
            lacking.extend(self.unseen_use(mask, nights));
        }
        lacking
    }

    /// Whether other traffic shows a person on too few of the nights that were observed at all.
    fn unseen_use(&self, mask: &Mask<'_>, nights: &[Night]) -> Option<Lacking> {
        let seen = self.cycles.list.iter().zip(nights).filter(|(_, night)| night.coverage > 0.0);
        let (mut used, mut all) = (0_u32, 0_u32);
        for (cycle, _) in seen {
            all += 1;
            used += u32::from(mask.minutes_in(cycle.span) > 0);
        }
        let unseen = all > 0 && (f64::from(used) < self.settings.needed_use * f64::from(all) || used == 0);
        unseen.then_some(Lacking::OtherTraffic { used, nights: all })
    }

    fn annotations(
        &self,
        row: &SubjectLedger,
        recurrent: Recurrent,
        nights: &[Night],
        verdict: Verdict,
    ) -> Vec<Annotation> {
        let inner = nights.get(1..nights.len().saturating_sub(1)).unwrap_or_default();
        let uploads = !matches!(verdict, Verdict::Insufficient | Verdict::Routine);
        let said = [
            (!row.features.is_empty() && uploads, Annotation::DeclaredFeature),
            (row.subject.kind == Kind::Unattributed, Annotation::Unattributed),
            (recurrent.drip && verdict != Verdict::Insufficient, Annotation::Drip),
            (self.tunnelled != Tunnelled::Nothing, Annotation::Tunnel),
            (inner.iter().any(|night| night.coverage < FULL_COVERAGE), Annotation::PartialCoverage),
            (self.settings.declared.is_some(), Annotation::DeclaredHours),
            (row.unplaced.is_some(), Annotation::Unplaced),
        ];
        said.into_iter().filter(|(holds, _)| *holds).map(|(_, annotation)| annotation).collect()
    }

    /// The bounds; none where it cannot be told what was unattended or whose it was.
    fn bounds(&self, lacking: &[Lacking], nights: &[Night], sites: &[Site], known: Recurrent, own: &Spans) -> Bounds {
        let short = |reason: &Lacking| matches!(reason, Lacking::Nights { .. } | Lacking::Coverage);
        if !lacking.iter().all(short) {
            return Bounds::default();
        }
        let bounded: Vec<_> = nights
            .iter()
            .zip(&self.dropped)
            .map(|(night, &dropped)| Bounded { night, dropped, eligible: self.eligible(night) })
            .collect();
        let mut bounds = bounds::bounds(&bounded, self.settings);
        if let Some(trials) = &self.trials {
            bounds::add_power(&mut bounds, &self.power(trials, sites, known, own));
        }
        bounds
    }

    /// What this capture could have shown. Where uploads recur already, their own bursts are left out: the question is
    /// then what would have been noticed had they been smaller.
    fn power(&self, trials: &Trials, sites: &[Site], known: Recurrent, own: &Spans) -> Power {
        let flagged = known.bulk || known.drip;
        let quiet: Vec<_> =
            sites.iter().map(|&(at, night)| (at, Counted { bulk: Bytes::ZERO, rest: Bytes::ZERO, ..night })).collect();
        let plain = flagged || sites.iter().all(|(_, night)| night.bulk == Bytes::ZERO);
        let common = || trials.power(&quiet, own, &self.observed.all, self.settings);
        let full = self.quiet_power.borrow().len() + self.own_power.get() >= MOST_POWERS;
        if plain && own.is_empty() || full {
            // Thousands of quiet subjects with the same nights have the same power.
            let key = if full { Vec::new() } else { sites.iter().map(|site| site.0).collect() };
            return *self.quiet_power.borrow_mut().entry(key).or_insert_with(common);
        }
        self.own_power.set(self.own_power.get() + 1);
        if plain { common() } else { trials.power(sites, own, &self.observed.all, self.settings) }
    }
}

fn counted(cycle: &Cycle, night: &Night) -> Counted {
    Counted {
        weekday: u8::try_from(cycle.number % 7).unwrap_or(0),
        rest: night.rest_bulk_up,
        bulk: night.bulk_up,
        drip: night.unattended_up.less(night.bulk_up),
    }
}

/// A recurrence is looked for in no more nights than this, the latest.
const MOST_NIGHTS: usize = 800;

/// Power is worked out for no more subjects apart from each other; the rest are taken to upload nothing in bulk.
const MOST_POWERS: usize = 256;

/// Below this share of observed unattended minutes, a night is reported as partly covered.
const FULL_COVERAGE: f64 = 0.9;

fn tunnelled(ledger: &DeviceLedger, settings: &Settings) -> Tunnelled {
    if !ledger.subjects.iter().any(|row| row.tunnel) {
        return Tunnelled::Nothing;
    }
    let (mut inside, mut all) = (0.0, 0.0);
    for row in &ledger.subjects {
        let moved: f64 = row.minutes.iter().map(|(_, cell)| cell.up.0 as f64 + cell.down.0 as f64).sum();
        all += moved;
        inside += if row.tunnel { moved } else { 0.0 };
    }
    match inside {
        0.0 => Tunnelled::Nothing,
        inside if inside > settings.most_tunnel * all => Tunnelled::Most,
        _ => Tunnelled::Some,
    }
}

/// Whether most of what went up cannot be placed in time: then no night of it says anything.
fn unplaced(row: &SubjectLedger, settings: &Settings) -> Option<Lacking> {
    let share = row.unplaced.up.0 as f64 / (row.up().0 as f64).max(1.0);
    let telling = row.unplaced.up >= settings.burst_minute;
    (telling && share > settings.most_unplaced).then_some(Lacking::Unplaced { share })
}

/// The largest burst, or failing any the largest minute.
fn largest(row: &SubjectLedger, bursts: &[Burst], mask: &Mask<'_>, settings: &Settings) -> Option<Upload> {
    let burst = bursts.iter().max_by_key(|burst| burst.excess).copied().map(Upload::from);
    burst.or_else(|| {
        let excess = |(_, cell): &&(_, _)| burst::excess(cell, settings);
        let (start, cell) = row.minutes.iter().max_by_key(excess)?;
        let bytes = burst::excess(cell, settings);
        (bytes > Bytes::ZERO).then(|| Upload { start: *start, minutes: 1, bytes, attended: mask.contains(*start) })
    })
}

fn unjudged(subject: usize) -> Finding {
    Finding {
        subject,
        verdict: Verdict::Insufficient,
        grade: None,
        lacking: vec![Lacking::Nights { eligible: 0, needed: 0 }],
        annotations: Vec::new(),
        evidence: EvidenceNumbers::default(),
        bounds: Bounds::default(),
        nights: Vec::new(),
        largest_upload: None,
        score: None,
        explanations: Vec::new(),
        attended: Arc::default(),
    }
}
