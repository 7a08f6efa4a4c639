//! Whom to tell when a verdict changes.
//!
//! In: the news of a report. Out: webhooks, a command, mail. Never a flood: a change is told once, a subject of a device
//! at most once a day, and what is beyond a day's cap comes in one digest the day after. What could not be delivered
//! waits in a bounded file, and is tried again with growing pauses, also after a restart.

mod book;
mod carry;
mod command;
mod mail;
mod notice;
mod options;
mod secret;
mod webhook;

use std::path::{Path, PathBuf};

pub use book::{Book, Delivered, Means};
pub use carry::{Carrier, Fate, Post};
pub use notice::{Message, Notice};
pub use options::{BadNotify, Options};
pub use secret::{Secret, SecretError};
pub use webhook::signature;

use super::{Held, Report, StateError};
use crate::{
    base::Stamp,
    report::{Key, Redaction},
};

/// The file that keeps what is not delivered yet.
pub const FILE: &str = "notices.json";

/// Tells of changed verdicts by every means that the settings give.
#[derive(Debug)]
pub struct Notifier {
    options: Options,
    carrier: Box<dyn Carrier>,
    redaction: Redaction,
    path: PathBuf,
}

impl Notifier {
    /// A notifier that keeps in `folder` what it told. `secret` signs webhooks; `key` makes the pseudonyms where the
    /// options ask for them: without it nothing is told that would name a device.
    pub fn new(options: Options, secret: Option<Secret>, key: Option<Key>, folder: &Path) -> Self {
        let carrier = Box::new(Post::new(&options, secret));
        Self::through(carrier, options, key, folder)
    }

    /// The same, with notices carried by `carrier`.
    pub fn through(carrier: Box<dyn Carrier>, options: Options, key: Option<Key>, folder: &Path) -> Self {
        let redaction = match (options.redact, key) {
            (true, Some(key)) => Redaction::On(key),
            // A key that nobody knows hides as well as any; only the pseudonyms are others in every process.
            (true, None) => Redaction::On(Key(secret::random())),
            (false, _) => Redaction::Off,
        };
        Self { options, carrier, redaction, path: folder.join(FILE) }
    }

    /// Takes what is worth telling of `report`; it is delivered by [`Notifier::deliver`].
    pub fn offer(&self, report: &Report, now: Stamp) -> Result<(), StateError> {
        let wanted = |news: &&super::News| {
            let on = &self.options.on;
            on.contains(&news.now.verdict) || news.before.is_some_and(|before| on.contains(&before))
        };
        let notices: Vec<_> =
            report.news.iter().filter(wanted).map(|news| Notice::of(news, report, &self.redaction)).collect();
        if self.options.reaches_nobody() || notices.is_empty() {
            return Ok(());
        }
        let mut held = Held::<Book>::take(&self.path)?;
        for notice in notices {
            held.value.take(notice, &self.options, now);
        }
        held.save()
    }

    /// Delivers what is due at `now`.
    pub fn deliver(&self, now: Stamp) -> Result<Vec<Delivered>, StateError> {
        if self.next(now).is_none_or(|next| next > now) {
            return Ok(Vec::new());
        }
        let mut held = Held::<Book>::take(&self.path)?;
        held.value.turn(&self.options, now);
        let mut delivered = Vec::new();
        // Kept after each: a crash repeats one notice at most, under the same id.
        while let Some(one) = held.value.deliver_one(&*self.carrier, now) {
            held.save()?;
            delivered.push(one);
        }
        held.save()?;
        Ok(delivered)
    }

    /// The next moment at which there is something to deliver; `now` where there is already, or where that cannot be
    /// known.
    pub fn next(&self, now: Stamp) -> Option<Stamp> {
        if !self.path.exists() {
            return None;
        }
        match super::held::read::<Book>(&self.path) {
            Ok(book) => book.next().map(|next| next.max(now)),
            Err(_) => Some(now),
        }
    }
}
