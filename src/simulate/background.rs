//! What the phone does by itself: it keeps connections alive, receives, updates, backs up, looks names up.

use super::{
    calendar::{DAY, MINUTE, Seconds},
    chance::Chance,
    diary::{Diary, Load},
    hosts::{Party, WEB_SITES},
    person::{Person, Stretch},
    scenario::Destination,
    talk::Carrier,
    usage::{MB, murmur},
};

/// Writes down everything that happens without the owner.
pub(super) fn play(person: &Person, seed: u64, diary: &mut Diary<'_>) {
    let phone = diary.phone;
    let stream = |what: &str| Chance::of(seed, &format!("{what}/{phone}"));
    keepalives(&mut stream("keepalives"), diary);
    incoming(person, &mut stream("incoming"), diary);
    telemetry(&mut stream("telemetry"), diary);
    idle_names(person, &mut stream("idle names"), diary);
    maintenance(person, &mut stream("maintenance"), diary);
    updates(person, &mut stream("updates"), diary);
    backups(person, &mut stream("backups"), diary);
}

fn keepalives(chance: &mut Chance, diary: &mut Diary<'_>) {
    let (from, to) = (diary.calendar.from, diary.calendar.to);
    let mut at = from + chance.between(0.1, 2.0) * MINUTE;
    while at < to {
        let (up, down) = (bytes_between(chance, 150.0, 700.0), bytes_between(chance, 150.0, 700.0));
        diary.exchange(Party::Chat, at, up, down);
        at += chance.between(4.0, 9.0) * MINUTE;
    }
    let mut at = from + chance.between(0.1, 5.0) * MINUTE;
    while at < to {
        diary.exchange(Party::Push, at, 29, 27);
        at += 15.0 * MINUTE;
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred bytes")]
fn bytes_between(chance: &mut Chance, low: f64, high: f64) -> u64 {
    chance.between(low, high) as u64
}

/// Messages come at any hour, fewer while the owner's friends sleep too.
fn incoming(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let background = &diary.scenario.background;
    let median_mb = background.incoming_media_mb.map_or(0.5, |a| a.0);
    let a_day = 2.0 * chance.lognormal(background.incoming_per_day.map_or(25.0, |a| a.0), 0.7).min(3_000.0);
    for (stretch, weight) in stretches(person) {
        for _ in 0..chance.count(a_day * weight * stretch.long() / DAY) {
            let at = chance.between(stretch.from, stretch.to);
            diary.exchange(Party::Chat, at, 240, chance.bytes(1_500.0, 0.5, 60e3));
            if chance.holds(0.12) {
                let bytes = chance.bytes(median_mb * MB, 1.2, 200.0 * MB);
                let rate = chance.lognormal(1.5 * MB, 0.5);
                let media = diary.hosts.party(Party::Media);
                diary.visit(media, Carrier::Quic, at + 0.8, Load::download(bytes, rate));
            }
        }
    }
}

/// Waking and sleeping times with the weight of an hour of each; an average day weighs 1.
fn stretches(person: &Person) -> impl Iterator<Item = (Stretch, f64)> {
    let awake = person.days.iter().map(|day| (*day, 1.22));
    awake.chain(person.sleeps.iter().map(|sleep| (*sleep, 0.5)))
}

fn telemetry(chance: &mut Chance, diary: &mut Diary<'_>) {
    for day in 0..=diary.scenario.nights {
        let at = |chance: &mut Chance| (f64::from(day) + chance.between(0.0, 1.0)) * DAY;
        let rate = 300e3;
        let (operator, system) = (chance.bytes(60e3, 0.7, 2e6), chance.bytes(120e3, 0.8, 4e6));
        let (first, second) = (at(chance), at(chance));
        diary.visit(diary.hosts.party(Party::Telemetry), Carrier::Tls, first, Load::upload(operator, rate));
        diary.visit(diary.hosts.party(Party::Os), Carrier::Tls, second, Load::upload(system, rate));
    }
}

/// Apps that are not in use look names up too.
fn idle_names(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let a_minute = diary.scenario.background.names_per_minute_idle.map_or(0.06, |a| a.0);
    for stretch in person.days.iter().chain(&person.sleeps) {
        names(*stretch, a_minute, chance, diary);
    }
}

/// The system wakes at night to do its chores, and apps do theirs in the same minutes.
fn maintenance(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let a_night = diary.scenario.background.maintenance_wakes_per_night.map_or(1.3, |a| a.0);
    for sleep in &person.sleeps {
        for _ in 0..chance.count(a_night) {
            let from = chance.between(sleep.from, sleep.to);
            let to = (from + chance.between(5.0, 15.0) * MINUTE).min(sleep.to);
            names(Stretch { from, to }, 0.5, chance, diary);
        }
    }
}

fn names(stretch: Stretch, a_minute: f64, chance: &mut Chance, diary: &mut Diary<'_>) {
    for _ in 0..chance.count(a_minute * stretch.long() / MINUTE) {
        let host = diary.hosts.web(chance.below(WEB_SITES));
        let at = chance.between(stretch.from, stretch.to);
        murmur(diary, host, at, chance);
    }
}

fn updates(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let a_night = diary.scenario.background.os_updates_per_night.map_or(0.12, |a| a.0);
    for sleep in &person.sleeps {
        for _ in 0..chance.count(a_night) {
            let at = sleep.from + sleep.long() * chance.between(0.05, 0.8);
            let bytes = chance.bytes(400.0 * MB, 1.0, 6_000.0 * MB);
            let os = diary.hosts.party(Party::Os);
            diary.visit(os, Carrier::Tls, at, Load::download(bytes, 4.0 * MB));
        }
    }
}

/// A cloud backup and photo synchronisation, on phones that have them: half of those that leave it open.
fn backups(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let background = &diary.scenario.background;
    let has_backup = background.cloud_backup.unwrap_or(chance.holds(0.5));
    let has_photos = background.photo_sync.unwrap_or(chance.holds(0.5));
    let backup_mb = background.cloud_backup_mb.map_or(18.0, |a| a.0);
    for sleep in &person.sleeps {
        if has_backup && chance.holds(0.8) {
            let after = chance.between(30.0, 300.0) * MINUTE;
            let bytes = chance.bytes(backup_mb * MB, 1.0, 4_000.0 * MB);
            upload_to_cloud(*sleep, after, bytes, diary);
        }
        if has_photos && chance.holds(0.7) {
            let after = chance.between(5.0, 240.0) * MINUTE;
            let bytes = chance.bytes(25.0 * MB, 1.3, 2_000.0 * MB);
            upload_to_cloud(*sleep, after, bytes, diary);
        }
    }
}

fn upload_to_cloud(sleep: Stretch, after: Seconds, bytes: u64, diary: &mut Diary<'_>) {
    let cloud = diary.hosts.destination(Destination::Cloud);
    diary.visit(cloud, Carrier::Tls, sleep.from + after, Load::upload(bytes, 800e3));
}
