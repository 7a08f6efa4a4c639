//! What came of many phones, as figures and as a page.

use std::{collections::BTreeMap, fmt::Write as _};

use nightaudit::{
    night::{Grade, Verdict},
    simulate::Class,
};

use crate::nights::{
    metrics::{average_precision, brier, interval, logistic, predictive_value, quantile, upper_limit},
    play::{Outcome, word},
    rivals::RIVALS,
};

/// How verdicts compare with the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) caught: u32,
    pub(crate) missed: u32,
    pub(crate) false_alarms: u32,
    pub(crate) false_strong: u32,
    pub(crate) benign: u32,
    pub(crate) device_months: f64,
}

impl Tally {
    pub(crate) fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        outcomes.fold(Self::default(), |mut sum, one| {
            match one.class {
                Class::Positive => {
                    sum.caught += u32::from(one.called.is_some());
                    // Where `insufficient` or `small-recurrent` is right too, it is no miss.
                    sum.missed += u32::from(one.called.is_none() && !one.expected);
                }
                Class::Negative => {
                    sum.benign += 1;
                    sum.false_alarms += u32::from(one.called.is_some());
                    sum.false_strong += u32::from(one.called == Some(Grade::Strong));
                    sum.device_months += f64::from(one.nights) / 30.0;
                }
                _ => {}
            }
            sum
        })
    }

    pub(crate) fn recall(&self) -> f64 {
        share(self.caught, self.caught + self.missed)
    }

    pub(crate) fn false_share(&self) -> f64 {
        share(self.false_alarms, self.benign)
    }
}

/// The share of phones exporting at rest, on a share of nights within `range` 5 MB or more, that are called so.
pub(crate) fn recall_where(outcomes: &[Outcome], range: std::ops::Range<f64>) -> (u32, u32) {
    let at_rest = |one: &&Outcome| matches!(one.class, Class::Positive | Class::Small);
    let all = outcomes.iter().filter(at_rest).filter(|one| range.contains(&one.large_share));
    all.fold((0, 0), |(hits, all), one| (hits + u32::from(one.called.is_some()), all + 1))
}

/// The mean squared error of the score over phones that are benign or export at rest and got one.
pub(crate) fn brier_of(outcomes: &[Outcome]) -> f64 {
    brier(scored(outcomes).map(|one| (one.probability, one.exports())))
}

fn scored(outcomes: &[Outcome]) -> impl Iterator<Item = &Outcome> {
    graded(outcomes, &[Class::Positive, Class::Negative])
}

fn graded<'a>(outcomes: &'a [Outcome], classes: &'a [Class]) -> impl Iterator<Item = &'a Outcome> {
    outcomes.iter().filter(|one| one.operator && classes.contains(&one.class) && !one.features.is_empty())
}

fn share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

/// The page about the named scenarios.
pub(crate) fn of_named(outcomes: &[Outcome]) -> String {
    let mut page = String::new();
    let mut by_id: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for one in outcomes {
        by_id.entry(&one.id).or_default().push(one);
    }
    for (id, phones) in &by_id {
        let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
        for one in phones {
            *verdicts.entry(word(one.verdict)).or_default() += 1;
        }
        let as_expected = phones.iter().filter(|one| one.expected).count();
        let class = format!("{:?}", phones[0].class).to_lowercase();
        let _ = writeln!(page, "  {id} {class:12} {as_expected:3}/{:<3} as expected  {verdicts:?}", phones.len());
    }
    let _ = writeln!(page, "\nclasses in which saying the right thing is what can be asked:");
    for (class, right, all) in honesty(outcomes) {
        let _ = writeln!(page, "  {class:13} {}", with_interval(right, all));
    }
    let hidden = || outcomes.iter().filter(|one| one.class == Class::Undetectable);
    let listed = hidden().filter(|one| one.listed).count();
    let _ = writeln!(
        page,
        "  of the undetectable, {listed} of {} as listed; the others are told what the same phone without its export is",
        hidden().count()
    );
    summary(&mut page, outcomes);
    page
}

/// `93/100 (93.0 %, 86.1 to 97.1 %)`: with the interval at 95 %.
fn with_interval(part: u32, whole: u32) -> String {
    let (low, high) = interval(part, whole);
    format!("{part}/{whole} ({:.1} %, {:.1} to {:.1} %)", 100.0 * share(part, whole), 100.0 * low, 100.0 * high)
}

/// Verdicts as expected, by the classes that are graded on that.
pub(crate) fn honesty(outcomes: &[Outcome]) -> Vec<(String, u32, u32)> {
    let mut classes: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for one in outcomes.iter().filter(|one| !matches!(one.class, Class::Positive | Class::Negative)) {
        let (right, all) = classes.entry(format!("{:?}", one.class).to_lowercase()).or_default();
        *right += u32::from(one.expected);
        *all += 1;
    }
    classes.into_iter().map(|(class, (right, all))| (class, right, all)).collect()
}

/// The page about the blind draw.
pub(crate) fn of_draw(outcomes: &[Outcome]) -> String {
    let mut page = String::new();
    summary(&mut page, outcomes);
    let _ = writeln!(page, "\nrecall, exports at rest, by share of nights with 5 MB or more:");
    for (low, high) in [(0.8, 1.1), (0.5, 0.8), (0.25, 0.5), (0.0, 0.25)] {
        let (hits, all) = recall_where(outcomes, low..high);
        let high = f64::min(high, 1.0) * 100.0;
        let _ = writeln!(page, "  {:3.0} to {high:3.0} %   {}", low * 100.0, with_interval(hits, all));
    }
    let missed = |one: &&Outcome| one.class == Class::Positive && one.large_share >= 0.5 && one.called.is_none();
    let _ = writeln!(page, "missed, 50 % and more (phone: nights, eligible, with 5 MB, at rest; share, MB):");
    for one in outcomes.iter().filter(missed) {
        let Outcome { seed, nights, eligible, hits, large_share, median_mb, .. } = one;
        let _ = writeln!(page, "  {seed}: {nights}, {eligible}, {hits:?}; {large_share:.2}, {median_mb:.0}");
    }
    let wrong = |one: &&Outcome| one.class == Class::Negative && one.called.is_some();
    let wrong: Vec<_> = outcomes.iter().filter(wrong).map(|one| (one.seed, one.eligible, one.hits)).collect();
    let _ = writeln!(page, "called exporting and are not (phone, eligible nights, with 5 MB, at rest): {wrong:?}");
    cells(&mut page, outcomes);
    accidents(&mut page, outcomes);
    hard(&mut page, outcomes);
    reliability(&mut page, outcomes);
    page
}

/// Any recurrence, and `export-like`, by median size and share of nights.
fn cells(page: &mut String, outcomes: &[Outcome]) {
    let _ = writeln!(page, "\nby median size and share of nights: export-like, any recurrence, phones");
    let _ = writeln!(page, "  {:>12}  {:>20} {:>20} {:>20}", "", "80 to 100 %", "50 to 80 %", "under 50 %");
    for (low, high) in [(40.0, 1e9), (10.0, 40.0), (5.0, 10.0), (2.0, 5.0), (0.0, 2.0)] {
        let name = if high > 1e6 { format!("{low} MB up") } else { format!("{low} to {high} MB") };
        let _ = write!(page, "  {name:>12}");
        for (least, most) in [(0.8, 1.1), (0.5, 0.8), (0.0, 0.5)] {
            let inside = |one: &&Outcome| {
                matches!(one.class, Class::Positive | Class::Small)
                    && (low..high).contains(&one.median_mb)
                    && (least..most).contains(&one.export_share)
            };
            let phones: Vec<_> = outcomes.iter().filter(inside).collect();
            let count = |holds: fn(&Outcome) -> bool| phones.iter().filter(|one| holds(one)).count() as u32;
            let all = phones.len() as u32;
            let (export, any) = (count(|one| one.called.is_some()), count(|one| one.first_flagged.is_some()));
            let _ = write!(page, "    {:.2}  {:.2}  {all:5}", share(export, all), share(any, all));
        }
        let _ = writeln!(page);
    }
}

/// How often 5 MB leave by accident from phones without exports: what the accident rates are assumptions about.
fn accidents(page: &mut String, outcomes: &[Outcome]) {
    let benign = outcomes.iter().filter(|one| one.class == Class::Negative && one.eligible >= 5);
    let rates: Vec<_> = benign.map(|one| one.hits.map(|hits| hits as f64 / f64::from(one.eligible))).collect();
    for (what, at) in [("in any pause", 0), ("at rest", 1)] {
        let mut sorted: Vec<f64> = rates.iter().map(|rate| rate[at]).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or(0.0);
        let above = sorted.iter().filter(|rate| **rate > 0.05).count() as f64 / sorted.len().max(1) as f64;
        let _ = writeln!(
            page,
            "accidents of 5 MB {what}, share of nights: 9 of 10 phones up to {:.3}, 99 of 100 {:.3}; above 0.05 {above:.3}",
            at(0.9),
            at(0.99)
        );
    }
}

/// Exports that hide: in drips, in the wake of the last use, in the owner's sessions.
fn hard(page: &mut String, outcomes: &[Outcome]) {
    let evasive: Vec<_> = outcomes.iter().filter(|one| one.class == Class::Evasive).collect();
    let called = evasive.iter().filter(|one| one.called.is_some()).count();
    let _ = writeln!(page, "\ndrips, bedtime tails and piggy-backs: {called} of {} called export-like", evasive.len());
    let bounds: Vec<_> = outcomes.iter().filter_map(|one| one.bound_held).collect();
    let held = bounds.iter().filter(|held| **held).count();
    let broken: Vec<_> = outcomes.iter().filter(|one| one.bound_held == Some(false)).map(|one| one.seed).collect();
    let _ = writeln!(
        page,
        "ledger bound held on {held} of {} phones where it can be checked, not on {broken:?}",
        bounds.len()
    );
}

fn reliability(page: &mut String, outcomes: &[Outcome]) {
    let base = share(scored(outcomes).filter(|one| one.exports()).count() as u32, scored(outcomes).count() as u32);
    let constant = brier(scored(outcomes).map(|one| (base, one.exports())));
    let small = [Class::Positive, Class::Negative, Class::Small];
    let with_small = brier(graded(outcomes, &small).map(|one| (one.probability, one.exports())));
    let _ = writeln!(page, "\nscore: Brier {:.4} (of the base rate {base:.2}: {constant:.3})", brier_of(outcomes));
    let _ = writeln!(page, "  with exports under 5 MB counted too: {with_small:.4}");
    for bin in 0..10 {
        let low = f64::from(bin) / 10.0;
        let inside = |one: &&Outcome| one.probability >= low && (one.probability < low + 0.1 || bin == 9);
        let phones: Vec<_> = scored(outcomes).filter(inside).collect();
        let exporting = phones.iter().filter(|one| one.exports()).count();
        let mean = phones.iter().map(|one| one.probability).sum::<f64>() / phones.len().max(1) as f64;
        let seen = share(exporting as u32, phones.len() as u32);
        let _ = writeln!(page, "  {low:.1} up: {:4} phones, mean score {mean:.3}, exporting {seen:.3}", phones.len());
    }
}

/// What both pages share: this method beside the others, latency, and what an alarm is worth.
fn summary(page: &mut String, outcomes: &[Outcome]) {
    let tally = Tally::of(outcomes.iter());
    let _ = writeln!(
        page,
        "\n{} exporting, {} benign ({:.0} device-months)",
        tally.caught + tally.missed,
        tally.benign,
        tally.device_months
    );
    let _ = writeln!(page, "  {:36} precision recall  false/device-month  PR-AUC", "");
    let graded =
        || outcomes.iter().filter(|one| one.operator && matches!(one.class, Class::Positive | Class::Negative));
    let large = || graded().filter(|one| one.class == Class::Negative || one.median_mb >= 5.0);
    let area = average_precision(large().map(|one| (one.probability, one.exports())));
    let line = |page: &mut String, name: &str, caught: u32, missed: u32, wrong: u32, area: f64| {
        let (precision, recall) = (share(caught, caught + wrong), share(caught, caught + missed));
        let a_month = f64::from(wrong) / tally.device_months.max(1e-9);
        let _ = writeln!(page, "  {name:36} {precision:9.3} {recall:6.3} {a_month:19.4} {area:7.3}");
    };
    line(page, "nightaudit", tally.caught, tally.missed, tally.false_alarms, area);
    for (at, (name, _)) in RIVALS.iter().enumerate() {
        let count = |class: Class, alarm: bool| {
            let says =
                |one: &&Outcome| one.class == class && one.rivals.get(at).is_some_and(|said| said.alarm == alarm);
            outcomes.iter().filter(says).count() as u32
        };
        let scores = large().map(|one| (one.rivals.get(at).map_or(0.0, |said| said.score), one.exports()));
        let (caught, missed) = (count(Class::Positive, true), count(Class::Positive, false));
        line(page, name, caught, missed, count(Class::Negative, true), average_precision(scores));
    }
    let _ = writeln!(
        page,
        "\nnightaudit: precision {}\n            recall {}",
        with_interval(tally.caught, tally.caught + tally.false_alarms),
        with_interval(tally.caught, tally.caught + tally.missed)
    );
    let limit = upper_limit(tally.false_alarms, tally.benign);
    let _ = writeln!(
        page,
        "\nfalse export-like {}/{} ({:.2} %, at most {:.2} % with 95 % confidence), strong {}",
        tally.false_alarms,
        tally.benign,
        100.0 * tally.false_share(),
        100.0 * limit,
        tally.false_strong
    );
    let values = [0.1, 0.01, 0.001].map(|prior| predictive_value(tally.recall(), tally.false_share(), prior));
    let least = [0.1, 0.01, 0.001].map(|prior| predictive_value(tally.recall(), limit, prior));
    let _ = writeln!(
        page,
        "an alarm is right, if one phone in 10, 100, 1,000 exports: {values:.2?}; at the limit {least:.2?}"
    );
    let _ = writeln!(page, "flagged on eligible night (median, nine of ten by), by share of nights with an export:");
    for (low, high) in [(0.9, 1.1), (0.6, 0.9), (0.4, 0.6), (0.0, 0.4), (0.0, 1.1)] {
        let flagged = outcomes.iter().filter(|one| one.called.is_some() && (low..high).contains(&one.export_share));
        let nights: Vec<u32> = flagged.filter_map(|one| one.first_flagged).collect();
        let (median, most) = (quantile(&nights, 0.5), quantile(&nights, 0.9));
        let _ = writeln!(page, "  {low:.1} to {:.1}: {median}, {most} ({} phones)", f64::min(high, 1.0), nights.len());
    }
}

/// Weights for the score, refitted on these outcomes.
pub(crate) fn refit(outcomes: &[Outcome]) -> Vec<f64> {
    let rows: Vec<_> = scored(outcomes).map(|one| (one.features.clone(), one.exports())).collect();
    logistic(&rows)
}

/// Benign scenarios by their share of false alarms, the worst first.
pub(crate) fn worst_benign(outcomes: &[Outcome]) -> Vec<(String, u32, u32)> {
    let mut by_id: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for one in outcomes.iter().filter(|one| one.class == Class::Negative) {
        let (wrong, all) = by_id.entry(&one.id).or_default();
        *wrong += u32::from(one.called.is_some());
        *all += 1;
    }
    let mut all: Vec<_> = by_id.into_iter().map(|(id, (wrong, all))| (id.to_owned(), wrong, all)).collect();
    all.sort_by_key(|(_, wrong, _)| std::cmp::Reverse(*wrong));
    all
}

/// Whether nothing was said of a phone.
pub(crate) fn silent(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|one| one.verdict == Verdict::Insufficient).count()
}
