//! When somebody was using the device, judged for each subject from the traffic of all the others.
//!
//! A minute is attended when, shortly before it, several distinct names were looked up within a few minutes, or much
//! was downloaded in one. A subject's own names and downloads never count for it: an app that is busy at night would
//! otherwise hide itself. All subjects share one mask; each subject's own contribution is taken back out where
//! the mask rests on it, so that thousands of subjects cost no more than their traffic.

use std::{collections::HashMap, ops::Range};

use crate::{
    base::{Minute, Span},
    identify::Kind,
    ledger::{DeviceLedger, NameSeen, SubjectLedger},
    night::{Settings, declared, idle::Needed, spans::Spans},
};

/// A sign of a person that rests on one subject alone: that subject must not profit from it.
type Own = (u32, Minute);

/// A foreground name, with whose it is.
type Touch = (Minute, u32, Option<u32>);

/// Signs of a person on one device, and the minutes they make attended.
#[derive(Debug)]
pub(super) struct Attendance {
    /// Minutes at which enough distinct names were fresh, ascending.
    by_names: Vec<Minute>,
    /// Minutes with an interactive download, ascending.
    by_downloads: Vec<Minute>,
    own_names: Vec<Own>,
    own_downloads: Vec<Own>,
    /// Minutes made attended by any sign, nobody's own taken out.
    all: Spans,
    names_only: Spans,
    /// Foreground names with whose they are, ascending by minute.
    touches: Vec<Touch>,
    reach: Reach,
    declared: bool,
}

/// How far a sign reaches before and after its minute.
#[derive(Clone, Copy, Debug)]
struct Reach {
    before: u32,
    hold: u32,
    /// Names around its beginning that show that a person began an upload.
    names: usize,
}

/// The attended minutes as they count for one subject.
#[derive(Clone, Debug)]
pub(super) struct Mask<'a> {
    all: &'a Spans,
    /// The part of `all` that rests on the subject's own traffic.
    own: Spans,
}

impl Attendance {
    /// Reads the signs of a person out of `ledger`, or takes the owner's word for them.
    pub(super) fn of(ledger: &DeviceLedger, settings: &Settings, observed: &Spans) -> Self {
        let foreground = ledger.names.iter().filter(|seen| !seen.background);
        let needed = Needed::of(foreground.clone().map(|seen| (seen.minute, seen.name)), observed, settings);
        let reach =
            Reach { before: settings.name_window.max(1) - 1, hold: settings.hold, names: needed.around as usize };
        let mut signs = Self {
            by_names: Vec::new(),
            by_downloads: Vec::new(),
            own_names: Vec::new(),
            own_downloads: Vec::new(),
            all: Spans::default(),
            names_only: Spans::default(),
            touches: foreground.map(|seen| (seen.minute, seen.name, seen.subject)).collect(),
            reach,
            declared: settings.declared.is_some(),
        };
        signs.read_downloads(&ledger.subjects, settings);
        signs.read_names(&ledger.names, ledger.subjects.len(), (needed.within, settings.name_window.max(1)));
        signs.names_only = Spans::ascending(signs.by_names.iter().map(|&minute| reach.of_names(minute)));
        signs.all = match &settings.declared {
            Some(said) => declared::in_use(said, settings.hold, observed),
            None => reach.of_both(&signs.by_names, &signs.by_downloads),
        };
        signs
    }

    /// The minutes attended by the signs of all subjects together.
    pub(super) const fn all(&self) -> &Spans {
        &self.all
    }

    /// How many minutes names, and downloads, of anybody showed a person in.
    pub(super) const fn signs(&self) -> (usize, usize) {
        (self.by_names.len(), self.by_downloads.len())
    }

    /// The attended minutes as they count for subject number `subject`.
    pub(super) fn without(&self, subject: u32) -> Mask<'_> {
        if self.declared {
            return Mask { all: &self.all, own: Spans::default() };
        }
        let names = owned(&self.own_names, subject);
        let downloads = owned(&self.own_downloads, subject);
        let touched = names.iter().map(|own| self.reach.of_names(own.1));
        let touched = touched.chain(downloads.iter().map(|own| self.reach.of_download(own.1)));
        let touched = Spans::new(touched.collect());
        let own = touched.without(&self.still_attended(&touched, names, downloads));
        Mask { all: &self.all, own }
    }

    /// What stays attended in and around `touched` when the subject's own signs are taken away.
    fn still_attended(&self, touched: &Spans, names: &[Own], downloads: &[Own]) -> Spans {
        let mut left = Vec::new();
        for region in touched.runs() {
            let near = Span { first: region.first.minus(self.reach.hold), end: region.end.plus(self.reach.before) };
            let others = |signs: &[Minute], own: &[Own]| -> Vec<Minute> {
                let signs = within(signs, near).iter();
                signs.filter(|&&m| own.binary_search_by_key(&m, |o| o.1).is_err()).copied().collect()
            };
            left.extend(others(&self.by_names, names).into_iter().map(|minute| self.reach.of_names(minute)));
            left.extend(others(&self.by_downloads, downloads).into_iter().map(|minute| self.reach.of_download(minute)));
        }
        Spans::new(left)
    }

    /// Share of interactive downloads that names alone would have missed, for the device as a whole or as it counts for
    /// one subject; 0 where the owner's word is taken, or where nothing was downloaded.
    ///
    /// Downloads are joined while they keep the device attended, so that an hour of video counts once.
    pub(super) fn leak(&self, subject: Option<u32>) -> f64 {
        let Some(subject) = subject else { return self.leak_of(&self.by_downloads, &self.names_only) };
        let (names, downloads) = (owned(&self.own_names, subject), owned(&self.own_downloads, subject));
        // A subject that makes up little of the signs changes the share little, and many such are met.
        if names.len() * 10 < self.by_names.len() && downloads.len() * 10 < self.by_downloads.len().max(1) {
            return self.leak(None);
        }
        let others = |signs: &[Minute], own: &[Own]| -> Vec<Minute> {
            signs.iter().filter(|&&m| own.binary_search_by_key(&m, |o| o.1).is_err()).copied().collect()
        };
        let in_use = others(&self.by_names, names).into_iter().map(|minute| self.reach.of_names(minute));
        self.leak_of(&others(&self.by_downloads, downloads), &Spans::ascending(in_use))
    }

    fn leak_of(&self, downloads: &[Minute], named: &Spans) -> f64 {
        if self.declared {
            return 0.0;
        }
        let sessions = Spans::ascending(downloads.iter().map(|&minute| self.reach.of_download(minute)));
        let missed = sessions.runs().iter().filter(|run| !named.contains(run.first)).count();
        missed as f64 / sessions.runs().len().max(FEWEST_SESSIONS) as f64
    }

    /// Whether a person began what began in `minute`, as it counts for `subject`: the minute is attended, or names were
    /// looked up around it. The fewer names of a short look at the phone do not make the time after it attended, but an
    /// upload in their midst was hardly begun by nobody.
    pub(super) fn begun_by_person(&self, minute: Minute, mask: &Mask<'_>, subject: Option<u32>) -> bool {
        mask.contains(minute) || !self.declared && self.names_around(minute, subject) >= self.reach.names
    }

    /// Distinct names of others than `subject` in the minutes around `minute`, counted as far as it takes.
    fn names_around(&self, minute: Minute, subject: Option<u32>) -> usize {
        let (first, end) = (minute.minus(self.reach.before), minute.plus(self.reach.before + 1));
        let at = self.touches.partition_point(|touch| touch.0 < first);
        let near = self.touches.iter().skip(at).take_while(|touch| touch.0 < end).take(MOST_AROUND);
        let mut names: Vec<u32> = Vec::new();
        for touch in near.filter(|touch| subject.is_none() || touch.2 != subject) {
            if !names.contains(&touch.1) {
                names.push(touch.1);
            }
            if names.len() >= self.reach.names {
                break;
            }
        }
        names.len()
    }

    /// The last foreground name of a subject other than `subject` at or before `minute`.
    pub(super) fn last_touch(&self, minute: Minute, subject: u32) -> Option<Minute> {
        let after = self.touches.partition_point(|touch| touch.0 <= minute);
        let recent = self.touches.get(after.saturating_sub(MOST_AROUND)..after)?;
        recent.iter().rev().find(|touch| touch.2 != Some(subject)).map(|touch| touch.0)
    }

    /// The attended minutes with nobody's own signs taken out.
    pub(super) const fn whole(&self) -> Mask<'_> {
        Mask { all: &self.all, own: Spans::EMPTY }
    }

    fn read_downloads(&mut self, subjects: &[SubjectLedger], settings: &Settings) {
        let mut cells: Vec<(Minute, u64, u32)> = Vec::new();
        for (index, subject) in (0..).zip(subjects) {
            cells.extend(interactive(subject, settings).map(|(minute, down)| (minute, down, index)));
        }
        // Stable: the parts are ascending runs already, which it merges.
        cells.sort_by_key(|cell| cell.0);
        for same in cells.chunk_by(|a, b| a.0 == b.0) {
            let total = same.iter().fold(0_u64, |sum, cell| sum.saturating_add(cell.1));
            if total < settings.download.0 {
                continue;
            }
            self.by_downloads.extend(same.first().map(|cell| cell.0));
            let alone = same.iter().filter(|cell| total - cell.1 < settings.download.0);
            self.own_downloads.extend(alone.map(|cell| (cell.2, cell.0)));
        }
        self.own_downloads.sort_unstable();
    }

    /// Minutes in which the `needed` names, distinct, are fresh: looked up within `width` minutes.
    fn read_names(&mut self, names: &[NameSeen], subjects: usize, (needed, width): (u32, u32)) {
        let mut window = Window::new(names, subjects);
        for minute in fresh_minutes(&window.minutes(), width) {
            window.slide(Span { first: minute.minus(width - 1), end: minute.plus(1) });
            if window.distinct < needed {
                continue;
            }
            self.by_names.push(minute);
            window.decisive(needed, |subject| self.own_names.push((subject, minute)));
        }
        self.own_names.sort_unstable();
        self.own_names.dedup();
    }
}

/// Fewer sessions of download than this say little about how many go without names.
const FEWEST_SESSIONS: usize = 10;

/// No more names than this are looked through around one minute.
const MOST_AROUND: usize = 1_024;

impl Reach {
    /// The window that the names were counted over was in use, and the hold follows.
    const fn of_names(self, minute: Minute) -> Span {
        Span { first: minute.minus(self.before), end: minute.plus(self.hold + 1) }
    }

    const fn of_download(self, minute: Minute) -> Span {
        Span { first: minute, end: minute.plus(self.hold + 1) }
    }

    fn of_both(self, names: &[Minute], downloads: &[Minute]) -> Spans {
        let names = names.iter().map(|&minute| self.of_names(minute));
        Spans::new(names.chain(downloads.iter().map(|&minute| self.of_download(minute))).collect())
    }
}

impl Mask<'_> {
    /// Whether somebody was using the device in `minute`.
    pub(super) fn contains(&self, minute: Minute) -> bool {
        self.all.contains(minute) && !self.own.contains(minute)
    }

    /// As [`Mask::contains`], for minutes that mostly ascend.
    pub(super) fn contains_after(&self, at: &mut (usize, usize), minute: Minute) -> bool {
        self.all.contains_after(&mut at.0, minute) && !self.own.contains_after(&mut at.1, minute)
    }

    /// How many attended minutes lie in `span`.
    pub(super) fn minutes_in(&self, span: Span) -> u64 {
        self.all.minutes_in(span).saturating_sub(self.own.minutes_in(span))
    }

    /// The part of the shared mask that does not count for this subject.
    pub(super) const fn own(&self) -> &Spans {
        &self.own
    }

    /// The attended minutes as runs.
    pub(super) fn spans(&self) -> Spans {
        self.all.without(&self.own)
    }
}

/// The minutes in which `subject` downloaded as a person makes it download, and how much.
///
/// Systems, push services, trackers and consumer clouds download by themselves, streams run by themselves, and so do
/// the pictures that a messenger fetches when they arrive; only a download that lasts tells of a person there.
fn interactive<'a>(subject: &'a SubjectLedger, settings: &'a Settings) -> impl Iterator<Item = (Minute, u64)> + 'a {
    let eligible = match subject.subject.kind {
        Kind::Web | Kind::Unattributed => !subject.tunnel,
        Kind::Messenger => true,
        Kind::Cloud | Kind::Os | Kind::Push | Kind::Tracker => false,
    };
    let minutes: &[_] = if eligible { &subject.minutes } else { &[] };
    let excess = |cell: &crate::ledger::Cell| cell.down.less(cell.stream_down).less(settings.acknowledging(cell.up)).0;
    let lasting = move |at: usize| {
        let Some(&(minute, _)) = minutes.get(at) else { return false };
        let around = minutes.get(at.saturating_sub(2)..minutes.len().min(at + 3)).unwrap_or_default();
        let busy = around
            .iter()
            .filter(|(near, cell)| near.0.abs_diff(minute.0) <= 2 && excess(cell) >= settings.download.0 / 3);
        busy.count() >= 3
    };
    let alone = subject.subject.kind != Kind::Messenger;
    let cells = minutes.iter().enumerate().map(move |(at, (minute, cell))| (at, *minute, excess(cell)));
    cells.filter(move |&(at, _, down)| down >= SMALLEST_PART && (alone || lasting(at))).map(|(_, m, down)| (m, down))
}

/// Smaller downloads within a minute are housekeeping and are not summed.
const SMALLEST_PART: u64 = 10_000;

/// Each minute at which a name is at most `width` minutes old.
fn fresh_minutes(minutes: &[Minute], width: u32) -> Vec<Minute> {
    let runs = minutes.iter().map(|&minute| Span { first: minute, end: minute.plus(width) });
    let fresh = Spans::ascending(runs);
    fresh.runs().iter().flat_map(|run| (run.first.0..run.end.0).map(Minute)).collect()
}

/// Numbers for names, each with whose it is, in the order they are met.
///
/// Names of a device are numbered as they come and are hardly ever two subjects': those are looked up by their number,
/// the others by hashing.
#[derive(Default)]
struct Dense {
    first: Vec<Option<(Option<u32>, u32)>>,
    others: HashMap<(u32, Option<u32>), u32>,
    count: u32,
}

impl Dense {
    fn number(&mut self, (name, subject): (u32, Option<u32>)) -> u32 {
        let at = name as usize;
        if at < MOST_BY_NUMBER && self.first.len() <= at {
            self.first.resize(at + 1, None);
        }
        let next = self.count;
        let number = match self.first.get_mut(at) {
            Some(Some((known, number))) if *known == subject => *number,
            Some(free @ None) => {
                *free = Some((subject, next));
                next
            }
            _ => *self.others.entry((name, subject)).or_insert(next),
        };
        self.count += u32::from(number == next);
        number
    }
}

/// Names with higher numbers are looked up by hashing.
const MOST_BY_NUMBER: usize = 1 << 18;

/// The names of the last minutes, counted once each, in all and by subject.
struct Window {
    /// Minute, name, and the subject it belongs to, densely numbered, ascending by minute.
    seen: Vec<(Minute, u32, Option<u32>)>,
    inside: Range<usize>,
    times: Vec<u32>,
    distinct: u32,
    of_subject: Vec<u32>,
}

impl Window {
    fn new(names: &[NameSeen], subjects: usize) -> Self {
        let mut dense = Dense::default();
        let foreground = names.iter().filter(|seen| !seen.background);
        let mut seen: Vec<_> =
            foreground.map(|seen| (seen.minute, dense.number((seen.name, seen.subject)), seen.subject)).collect();
        if !seen.is_sorted_by_key(|s| s.0) {
            seen.sort_by_key(|s| s.0);
        }
        Self { seen, inside: 0..0, times: vec![0; dense.count as usize], distinct: 0, of_subject: vec![0; subjects] }
    }

    fn minutes(&self) -> Vec<Minute> {
        let mut minutes: Vec<_> = self.seen.iter().map(|seen| seen.0).collect();
        minutes.dedup();
        minutes
    }

    /// Moves on to the names of `span`, which lies no earlier than the last.
    fn slide(&mut self, span: Span) {
        while let Some(&(_, name, subject)) = self.seen.get(self.inside.end).filter(|s| s.0 < span.end) {
            self.inside.end += 1;
            let Some(times) = self.times.get_mut(name as usize) else { continue };
            *times += 1;
            if *times == 1 {
                self.distinct += 1;
                if let Some(count) = subject.and_then(|subject| self.of_subject.get_mut(subject as usize)) {
                    *count += 1;
                }
            }
        }
        while let Some(&(_, name, subject)) =
            self.seen.get(self.inside.start).filter(|s| s.0 < span.first && self.inside.start < self.inside.end)
        {
            self.inside.start += 1;
            let Some(times) = self.times.get_mut(name as usize) else { continue };
            *times -= 1;
            if *times == 0 {
                self.distinct -= 1;
                if let Some(count) = subject.and_then(|subject| self.of_subject.get_mut(subject as usize)) {
                    *count -= 1;
                }
            }
        }
    }

    /// Names each subject without whose names fewer than `needed` would be left.
    fn decisive(&self, needed: u32, mut each: impl FnMut(u32)) {
        let mut last = None;
        for &(_, _, subject) in self.seen.get(self.inside.clone()).unwrap_or_default() {
            let Some(subject) = subject.filter(|_| subject != last) else { continue };
            last = Some(subject);
            let own = self.of_subject.get(subject as usize).copied().unwrap_or(0);
            if self.distinct - own.min(self.distinct) < needed {
                each(subject);
            }
        }
    }
}

fn owned(all: &[Own], subject: u32) -> &[Own] {
    let first = all.partition_point(|own| own.0 < subject);
    let end = all.partition_point(|own| own.0 <= subject);
    all.get(first..end).unwrap_or_default()
}

fn within(signs: &[Minute], span: Span) -> &[Minute] {
    let first = signs.partition_point(|&minute| minute < span.first);
    let end = signs.partition_point(|&minute| minute < span.end);
    signs.get(first..end).unwrap_or_default()
}
