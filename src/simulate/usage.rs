//! What the owner does: messages, photos, videos, voice notes, calls, and other apps and pages beside them.

use super::{
    calendar::{HOUR, MINUTE, Seconds},
    chance::Chance,
    diary::{Diary, Load},
    hosts::{HostId, Party, WEB_SITES},
    person::{Person, Stretch, share_of_day},
    talk::Carrier,
};

const KB: f64 = 1e3;
pub(super) const MB: f64 = 1e6;
/// Largest file that the app takes.
const LARGEST_FILE: f64 = 2_000.0 * MB;

/// Writes down everything the owner does by hand.
pub(super) fn play(person: &Person, seed: u64, diary: &mut Diary<'_>) {
    let phone = diary.phone;
    let stream = |what: &str| Chance::of(seed, &format!("{what}/{phone}"));
    messages(person, &mut stream("messages"), diary);
    media(person, &mut stream("media"), diary);
    calls(person, &mut stream("calls"), diary);
    browsing(person, &mut stream("browsing"), diary);
}

/// One upload by hand, at the speed of a home or mobile uplink. Gives its end.
pub(super) fn send(diary: &mut Diary<'_>, at: Seconds, bytes: u64, chance: &mut Chance) -> Seconds {
    let rate = chance.lognormal(600.0 * KB, 0.7);
    let media = diary.hosts.party(Party::Media);
    diary.visit(media, Carrier::Tls, at, Load::upload(bytes, rate))
}

fn messages(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    each_in_use(person, person.habits.messages, chance, |at, chance| {
        let bytes = chance.bytes(1_500.0, 0.5, 60.0 * KB);
        diary.exchange(Party::Chat, at, bytes, 180);
    });
}

fn media(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let habits = &person.habits;
    let kinds = [
        (habits.photos, 0.28 * MB, 0.8, 20.0 * MB),
        (habits.videos, habits.video_mb * MB, 1.1, 400.0 * MB),
        (habits.voice_notes, 0.09 * MB, 0.8, 10.0 * MB),
    ];
    for (a_day, median, sigma, most) in kinds {
        each_in_use(person, a_day, chance, |at, chance| {
            let bytes = chance.bytes(median, sigma, most);
            let wait = if chance.holds(habits.queued) { chance.lognormal(60.0, 1.0) * MINUTE } else { 0.0 };
            send(diary, at + wait, bytes, chance);
        });
    }
}

fn calls(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let video = person.habits.video_calls;
    each_in_use(person, person.habits.calls, chance, |at, chance| {
        let seconds = chance.lognormal(6.0, 1.1).min(180.0) * MINUTE;
        let up = if chance.holds(video) { 170.0 * KB } else { 4.5 * KB };
        let down = up * chance.lognormal(1.0, 0.35);
        diary.call(at, seconds, up, down);
    });
}

/// Names looked up, and pages, pictures and films fetched from other hosts than the app's.
fn browsing(person: &Person, chance: &mut Chance, diary: &mut Diary<'_>) {
    let names = diary.scenario.background.names_per_minute_in_use.map_or(2.6, |a| a.0);
    let mut site = 0;
    for used in person.all_uses() {
        let mut from = used.from;
        while from < used.to {
            let minute = Stretch { from, to: (from + MINUTE).min(used.to) };
            site = browse(minute, names, person.habits.browsing_mb, site, chance, diary);
            from = minute.to;
        }
    }
}

/// One minute of it. Gives the site last visited.
fn browse(
    minute: Stretch,
    names: f64,
    median_mb: f64,
    site: usize,
    chance: &mut Chance,
    diary: &mut Diary<'_>,
) -> usize {
    let share = minute.long() / MINUTE;
    let mut site = site;
    for _ in 0..chance.count(names * share) {
        site = chance.below(WEB_SITES);
        let at = chance.between(minute.from, minute.to);
        if chance.holds(LOOKED_UP_ONLY) {
            diary.look_up(diary.hosts.web(site), at);
            continue;
        }
        let (up, down) = (chance.bytes(1.2 * KB, 0.7, 40.0 * KB), chance.bytes(14.0 * KB, 1.1, 200.0 * KB));
        let rate = chance.lognormal(1.5 * MB, 0.5);
        diary.visit(diary.hosts.web(site), Carrier::Tls, at, Load { up, down, rate, full: 1.0 });
    }
    let over_quic = diary.scenario.background.over_quic.map_or(0.4, |share| share.0);
    if chance.holds(FETCHING * share) {
        let bytes = chance.bytes(median_mb * MB, 1.1, 60.0 * MB);
        let carrier = if chance.holds(over_quic) { Carrier::Quic } else { Carrier::Tls };
        let rate = chance.lognormal(1.5 * MB, 0.5);
        let at = chance.between(minute.from, minute.to);
        if at < diary.calendar.to {
            diary.connect(diary.hosts.web(site), carrier, at, Load::download(bytes, rate));
        }
    }
    site
}

/// Share of minutes in use in which something large is fetched.
const FETCHING: f64 = 0.55;
/// Share of names that are looked up ahead, for a page that is then not opened.
const LOOKED_UP_ONLY: f64 = 0.4;

/// Does `what` at moments of use, `a_day` times on an average day.
fn each_in_use(person: &Person, a_day: f64, chance: &mut Chance, mut what: impl FnMut(Seconds, &mut Chance)) {
    for (n, day) in person.days.iter().enumerate() {
        for _ in 0..chance.count(a_day * share_of_day(*day)) {
            if let Some(at) = person.moment_of_use(n, chance) {
                what(at, chance);
            }
        }
    }
}

/// A large file, sent once or to several chats one after the other, from `at` on.
pub(super) fn forward(diary: &mut Diary<'_>, at: Seconds, mb: f64, sigma: f64, chats: u32, chance: &mut Chance) {
    let bytes = chance.bytes(mb * MB, sigma, LARGEST_FILE);
    let mut at = at;
    for _ in 0..chats.max(1) {
        at = send(diary, at, bytes, chance) + chance.between(1.0, 8.0);
    }
}

/// A quiet name of some app in the background, with a little traffic.
pub(super) fn murmur(diary: &mut Diary<'_>, host: HostId, at: Seconds, chance: &mut Chance) {
    let (up, down) = (chance.bytes(0.9 * KB, 0.6, 8.0 * KB), chance.bytes(3.0 * KB, 0.8, 40.0 * KB));
    diary.visit(host, Carrier::Tls, at, Load::exchange(up, down));
}

/// The last part of a waking time in which a large video is filmed and sent.
pub(super) const LATE: Seconds = 2.5 * HOUR;
