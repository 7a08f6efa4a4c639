//! What an export could be mistaken for: late videos, calls in bed, history syncs, diagnostics, big downloads.

use super::{
    calendar::{HOUR, MINUTE},
    chance::Chance,
    diary::{Diary, Load},
    hosts::Party,
    person::{Person, moment_in},
    scenario::Happening,
    talk::Carrier,
    usage::{LATE, MB, forward, send},
};

/// Writes every happening of the scenario down.
pub(super) fn play(person: &Person, seed: u64, diary: &mut Diary<'_>) {
    for (n, happening) in diary.scenario.happenings.iter().enumerate() {
        let mut chance = Chance::of(seed, &format!("happening {n}"));
        one(happening, person, &mut chance, diary);
    }
}

fn one(happening: &Happening, person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    match happening {
        Happening::OwlVideo { on_nights, mb, spread } => {
            for (n, _) in nights(person, on_nights.0, chance) {
                if let Some(at) = late_use(person, n, chance) {
                    forward(diary, at, mb.0, spread.0, 1, chance);
                }
            }
        }
        Happening::BedVideo { on_nights, mb, spread, kb_per_second } => {
            for (_, sleep) in nights(person, on_nights.0, chance) {
                let load = Load::upload(chance.bytes(mb.0 * MB, spread.0, 2_000.0 * MB), kb_per_second.0 * 1e3);
                let at = sleep.from - chance.between(0.5, 3.0) * MINUTE;
                diary.visit(diary.hosts.party(Party::Media), Carrier::Tls, at, load);
            }
        }
        Happening::NightCall { on_nights, minutes, kb_per_second, down_by_up } => {
            for (_, sleep) in nights(person, on_nights.0, chance) {
                let seconds = (minutes.0 * MINUTE * chance.lognormal(1.0, 0.2)).min(sleep.long());
                let up = kb_per_second.0 * 1e3;
                diary.call(sleep.from - MINUTE, seconds, up, up * down_by_up.0);
            }
        }
        Happening::BabyCamera { on_nights, kb_per_second } => {
            for (_, sleep) in nights(person, on_nights.0, chance) {
                let up = kb_per_second.0 * 1e3;
                diary.call(sleep.from - 5.0 * MINUTE, sleep.long(), up, 0.02 * up);
            }
        }
        Happening::DesktopRelay { on_days, files, mb, spread } => {
            for day in &person.days {
                let count = if chance.holds(on_days.0) { chance.count(files.0) } else { 0 };
                for _ in 0..count {
                    let at = day.from + day.long() * chance.between(0.1, 0.65);
                    forward(diary, at, mb.0, spread.0, 1, chance);
                }
            }
        }
        Happening::PassOn { at_least_mb } => {
            for (arrived, bytes) in std::mem::take(&mut diary.received) {
                let at = arrived + chance.between(2.0, 7.0) * MINUTE;
                if bytes as f64 >= at_least_mb.0 * MB {
                    diary.visit(diary.hosts.party(Party::Media), Carrier::Tls, at, Load::upload(bytes, 500e3));
                }
            }
        }
        Happening::Forward { on_days, mb, spread } => {
            for n in 0..person.days.len() {
                let at = chance.holds(on_days.0).then(|| person.moment_of_use(n, chance)).flatten();
                if let Some(at) = at {
                    let chats = 2 + chance.count(2.0);
                    forward(diary, at, mb.0, spread.0, chats, chance);
                }
            }
        }
        Happening::HistorySync { times, mb, spread } => {
            for _ in 0..*times {
                history_sync(person, mb.0, spread.0, chance, diary);
            }
        }
        Happening::Nightly { on_nights, mb, spread, to } => {
            for (_, sleep) in nights(person, on_nights.0, chance) {
                let bytes = chance.bytes(mb.0 * MB, spread.0, 2_000.0 * MB);
                let at = sleep.from + sleep.long() * chance.between(0.05, 0.8);
                let host = diary.hosts.destination(*to);
                let carrier = diary.carrier(host);
                diary.visit(host, carrier, at, Load::upload(bytes, 500e3));
            }
        }
        Happening::BigDownload { on_nights, mb, spread } => {
            for (_, sleep) in nights(person, on_nights.0, chance) {
                let bytes = chance.bytes(mb.0 * MB, spread.0, 20_000.0 * MB);
                let at = sleep.from + sleep.long() * chance.between(0.05, 0.6);
                let media = diary.hosts.party(Party::Media);
                diary.visit(media, Carrier::Quic, at, Load::download(bytes, 3.0 * MB));
            }
        }
    }
}

/// The nights on which something happens that happens on this share of them.
fn nights(person: &Person, share: f64, chance: &mut Chance) -> Vec<(usize, super::person::Stretch)> {
    person.sleeps.iter().copied().enumerate().filter(|_| chance.holds(share)).collect()
}

/// A moment of use in the last hours before night number `n`.
fn late_use(person: &Person, n: usize, chance: &mut Chance) -> Option<f64> {
    let uses = person.uses.get(n)?;
    let end = person.days.get(n)?.to;
    moment_in(uses.iter().copied().filter(|used| used.from > end - LATE), chance)
}

/// The history leaves in pieces over twelve hours, from a moment of use on: the linking of the computer.
fn history_sync(person: &Person, mb: f64, sigma: f64, chance: &mut Chance, diary: &mut Diary<'_>) {
    let day = chance.below(person.days.len());
    let Some(linked) = person.moment_of_use(day, chance) else { return };
    let pieces = 12 + u64::from(chance.count(12.0));
    let bytes = chance.bytes(mb * MB, sigma, 4_000.0 * MB) / pieces;
    for n in 0..pieces {
        let after = if n == 0 { 0.0 } else { chance.between(0.0, 12.0) * HOUR };
        send(diary, linked + after, bytes, chance);
    }
}
