//! What was told, what is held back, and what waits to be delivered.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    carry::{Carrier, Fate},
    notice::{Message, Notice},
    options::Options,
};
use crate::{
    base::Stamp,
    night::Verdict,
    schedule::{held::Version, news::word, run::sha256},
};

const DAY: u64 = 86_400;
/// Messages that wait at most; beyond, the oldest goes.
const MOST_WAITING: usize = 1_000;
/// Changes that a digest lists; more are counted.
const MOST_HELD: usize = 200;
/// After so many attempts, over about two days, a message is given up.
const MOST_TRIES: u32 = 14;
/// The pause after the first failed attempt, and the longest.
const PAUSES: (u64, u64) = (30, 6 * 3_600);

/// By what means a message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// A JSON POST.
    Webhook,
    /// A program.
    Command,
    /// The local sendmail.
    Mail,
}

/// What was told and what is still to tell.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    version: Version,
    /// The latest change that was told or held back of each subject of each device, for a day.
    told: Vec<Told>,
    /// The day (UTC) that `today` counts for.
    day: u64,
    today: u32,
    held: Vec<Notice>,
    further: u64,
    waiting: Vec<Waiting>,
    /// Until when a means is left alone, because it failed.
    resting: BTreeMap<Means, u64>,
    /// Messages that were given up, ever.
    given_up: u64,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Told {
    device: String,
    subject: String,
    verdict: Verdict,
    at: u64,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Waiting {
    means: Means,
    message: Message,
    tries: u32,
    next: u64,
}

/// What came of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivered {
    /// It was taken.
    Taken {
        /// By what means.
        means: Means,
        /// Which message.
        id: String,
    },
    /// It is tried again.
    Later {
        /// By what means.
        means: Means,
        /// Which message.
        id: String,
        /// Why it was not taken.
        why: String,
        /// Not before.
        next: Stamp,
    },
    /// It is not tried again.
    GivenUp {
        /// By what means.
        means: Means,
        /// Which message.
        id: String,
        /// Why it was not taken.
        why: String,
    },
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { means, id } => write!(f, "notice {id}: told by {}", word(means)),
            Self::Later { means, id, why, next } => {
                write!(f, "notice {id}: not told by {} ({why}); again from {next}", word(means))
            }
            Self::GivenUp { means, id, why } => write!(f, "notice {id}: given up by {} ({why})", word(means)),
        }
    }
}

impl Options {
    /// The means that the settings give.
    fn means(&self) -> impl Iterator<Item = Means> {
        let given = [
            (Means::Webhook, self.webhook.is_some()),
            (Means::Command, !self.command.is_empty()),
            (Means::Mail, !self.mail.is_empty()),
        ];
        given.into_iter().filter_map(|(means, is_given)| is_given.then_some(means))
    }
}

impl Book {
    /// Takes a notice: to be told now, held back for a digest, or passed over because it was told.
    pub fn take(&mut self, notice: Notice, options: &Options, now: Stamp) {
        self.turn(options, now);
        let now = now.seconds();
        let same = |told: &&mut Told| told.device == notice.device && told.subject == notice.subject_id;
        let before = self.told.iter_mut().find(same);
        if before.as_ref().is_some_and(|told| told.verdict == notice.verdict) {
            return;
        }
        let too_soon = before.is_some();
        match before {
            Some(told) => told.verdict = notice.verdict,
            None => self.told.push(Told {
                device: notice.device.clone(),
                subject: notice.subject_id.clone(),
                verdict: notice.verdict,
                at: now,
            }),
        }
        if too_soon || self.today >= options.daily {
            if self.held.len() < MOST_HELD { self.held.push(notice) } else { self.further += 1 }
        } else {
            self.today += 1;
            self.post(&Message::VerdictChange(notice), options, now);
        }
    }

    /// Begins a new day, if it is one, with what the day before held back.
    pub fn turn(&mut self, options: &Options, now: Stamp) {
        let now = now.seconds();
        self.told.retain(|told| now.abs_diff(told.at) < DAY);
        let day = now / DAY;
        if day == self.day {
            return;
        }
        (self.day, self.today) = (day, 0);
        if self.held.is_empty() {
            return;
        }
        let notices = std::mem::take(&mut self.held);
        let further = std::mem::take(&mut self.further);
        let ids: String = notices.iter().map(|notice| notice.id.as_str()).collect();
        let id = sha256(ids.as_bytes())[..32].to_owned();
        self.today = 1;
        self.post(&Message::Digest { id, time: now, notices, further }, options, now);
    }

    fn post(&mut self, message: &Message, options: &Options, now: u64) {
        for means in options.means() {
            self.waiting.push(Waiting { means, message: message.clone(), tries: 0, next: now });
        }
        let beyond = self.waiting.len().saturating_sub(MOST_WAITING);
        self.waiting.drain(..beyond);
        self.given_up += beyond as u64;
    }

    /// Makes one attempt that is due at `now`; `None` where none is.
    pub fn deliver_one(&mut self, carrier: &dyn Carrier, now: Stamp) -> Option<Delivered> {
        let seconds = now.seconds();
        let resting = |means| self.resting.get(&means).is_some_and(|until| *until > seconds);
        let at = self.waiting.iter().position(|one| one.next <= seconds && !resting(one.means))?;
        let (means, tries) = (self.waiting[at].means, self.waiting[at].tries + 1);
        let fate = carrier.carry(means, &self.waiting[at].message, now);
        let id = self.waiting[at].message.id().to_owned();
        let (why, asked, whole_means) = match fate {
            Fate::Taken => {
                self.waiting.remove(at);
                self.resting.remove(&means);
                return Some(Delivered::Taken { means, id });
            }
            Fate::Away { why, pause } => (why, pause, true),
            Fate::Refused { why } => (why, None, false),
        };
        if tries >= MOST_TRIES {
            self.waiting.remove(at);
            self.given_up += 1;
            return Some(Delivered::GivenUp { means, id, why });
        }
        let next = seconds.saturating_add(pause(&id, tries).max(asked.unwrap_or(0).min(PAUSES.1)));
        (self.waiting[at].tries, self.waiting[at].next) = (tries, next);
        if whole_means {
            // One that hangs is not asked again for every message that waits.
            self.resting.insert(means, next);
        }
        Some(Delivered::Later { means, id, why, next: Stamp::new(next, 0) })
    }

    /// The next moment at which there is something to do.
    pub fn next(&self) -> Option<Stamp> {
        let rest = |means| self.resting.get(&means).copied().unwrap_or(0);
        let waiting = self.waiting.iter().map(|one| one.next.max(rest(one.means)));
        let digest = (!self.held.is_empty()).then_some((self.day + 1) * DAY);
        waiting.chain(digest).min().map(|seconds| Stamp::new(seconds, 0))
    }

    /// How many messages wait, how many changes are held back for a digest, and how many messages were ever given up.
    pub fn counts(&self) -> (usize, u64, u64) {
        (self.waiting.len(), self.held.len() as u64 + self.further, self.given_up)
    }
}

/// Seconds to wait after the `tries`th failed attempt: doubling, with a part that differs from message to message, so
/// that a receiver that comes back is not met by all at once.
fn pause(id: &str, tries: u32) -> u64 {
    let (first, longest) = PAUSES;
    let whole = first.saturating_mul(1 << tries.saturating_sub(1).min(30)).min(longest);
    let digits = sha256(format!("{id} {tries}").as_bytes());
    let share = u64::from_str_radix(&digits[..4], 16).unwrap_or(0);
    whole / 2 + whole / 2 * share / 0xffff
}
