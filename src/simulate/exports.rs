//! Data that leaves without the owner's doing, on the schedules that a real exporter would have.

use super::{
    calendar::{DAY, MINUTE, Seconds},
    chance::Chance,
    diary::{Diary, Load},
    person::{Person, Stretch, moment_in},
    scenario::{Disguise, Export, When},
    truth::Exported,
    usage::MB,
};

/// Writes every export of the scenario down, and what was exported when.
pub(super) fn play(person: &Person, seed: u64, diary: &mut Diary<'_>) -> Vec<Exported> {
    let mut truth = Vec::new();
    for (n, export) in diary.scenario.exports.iter().enumerate() {
        let mut chance = Chance::of(seed, &format!("export {n}"));
        for night in due_nights(export, person.sleeps.len()) {
            let happens = chance.holds(export.on_nights.0);
            let bytes = chance.bytes(export.mb.0 * MB, export.spread.0, 100_000.0 * MB);
            let rate = chance.lognormal(export.kb_per_second.0 * 1e3, 0.4);
            let starts = starts(export, person, night, diary, &mut chance);
            if happens {
                truth.extend(leave(export, night, &starts, bytes, rate, diary));
            }
        }
    }
    truth.sort_by_key(|exported| exported.at);
    truth
}

fn due_nights(export: &Export, nights: usize) -> impl Iterator<Item = usize> {
    let until = export.until_night.map_or(nights, |n| nights.min(n as usize));
    (export.from_night as usize..until).step_by(export.every as usize)
}

/// When the pieces of one night's export leave: one moment, or many.
fn starts(export: &Export, person: &Person, night: usize, diary: &Diary<'_>, chance: &mut Chance) -> Vec<Seconds> {
    let sleep = person.sleeps[night];
    match export.when {
        When::Clock => {
            let jitter = chance.between(-export.jitter_minutes.0, export.jitter_minutes.0) * MINUTE;
            let hour = export.at.map_or(27.0, super::scenario::Clock::of_night);
            vec![diary.calendar.at(u32::try_from(night).unwrap_or(u32::MAX), hour) + jitter]
        }
        When::AfterBedtime => {
            vec![sleep.from + chance.lognormal(export.lag_minutes.0, export.lag_spread.0) * MINUTE]
        }
        When::AtRest => vec![sleep.from + sleep.long() * chance.between(0.05, 0.8)],
        When::BedtimeTail => vec![sleep.from + chance.between(0.5, 4.0) * MINUTE],
        When::Drip => {
            let day = diary.calendar.from + night as f64 * DAY;
            (0..DRIPS_A_DAY).map(|n| day + f64::from(n) * 5.0 * MINUTE + chance.between(0.0, 60.0)).collect()
        }
        When::PiggyBack => (0..SESSIONS_A_DAY).filter_map(|_| during_use(person, night, chance)).collect(),
    }
}

/// A moment of use, once the app has been open for a while.
fn during_use(person: &Person, day: usize, chance: &mut Chance) -> Option<Seconds> {
    let settled = person.uses.get(day)?.iter().map(|used| Stretch { from: used.from + 0.4 * used.long(), ..*used });
    moment_in(settled, chance)
}

const DRIPS_A_DAY: u32 = 288;
const SESSIONS_A_DAY: u32 = 25;

/// Sends `bytes` in equal parts at `starts`, each over the export's connections one after the other.
fn leave(
    export: &Export,
    night: usize,
    starts: &[Seconds],
    bytes: u64,
    rate: f64,
    diary: &mut Diary<'_>,
) -> Vec<Exported> {
    let host = diary.hosts.destination(export.to);
    let carrier = diary.carrier(host);
    let pieces = starts.len() as u64 * u64::from(export.flows);
    let mut sent = Vec::new();
    for (n, start) in starts.iter().enumerate() {
        let mut at = *start;
        for flow in 0..u64::from(export.flows) {
            let piece = part(bytes, pieces, n as u64 * u64::from(export.flows) + flow);
            if piece == 0 || at >= diary.calendar.to || at < diary.calendar.from {
                continue;
            }
            let load = Load { up: piece, down: 420, rate, full: export.full_packets.0 };
            let at_moment = diary.calendar.moment(at);
            let unattended = matches!(export.when, When::Clock | When::AfterBedtime | When::AtRest | When::BedtimeTail);
            sent.push(Exported { night, at: at_moment, bytes: crate::base::Bytes(piece), to: export.to, unattended });
            at = match export.disguised_as {
                Disguise::Upload => diary.visit(host, carrier, at, load),
                Disguise::Call => {
                    let seconds = piece as f64 / rate;
                    diary.call(at, seconds, rate, 0.9 * rate);
                    at + seconds
                }
            } + 0.4;
        }
    }
    sent
}

/// Part number `n` of `whole` in `parts`, which differ by one at most.
const fn part(whole: u64, parts: u64, n: u64) -> u64 {
    whole / parts + (n < whole % parts) as u64
}
