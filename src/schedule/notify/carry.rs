//! A message on its way: by webhook, command or mail.

use std::{fmt, time::Duration};

use super::{Means, Message, Options, Secret, command, mail, webhook};
use crate::base::Stamp;

/// What becomes of a message that is carried.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It was taken.
    Taken,
    /// Nobody took it: the receiver is away, hangs, or asks for a pause.
    Away {
        /// Why, without anything secret.
        why: String,
        /// Seconds that the receiver asks to wait.
        pause: Option<u64>,
    },
    /// The receiver does not want this one.
    Refused {
        /// Why, without anything secret.
        why: String,
    },
}

/// Whoever carries messages.
pub trait Carrier: fmt::Debug + Send {
    /// Tries once to deliver `message` by `means`.
    fn carry(&self, means: Means, message: &Message, now: Stamp) -> Fate;
}

/// Carries messages as the settings say.
#[derive(Debug)]
pub struct Post {
    webhook: Option<webhook::Webhook>,
    command: Vec<String>,
    mail: mail::Mail,
    timeout: Duration,
}

impl Post {
    /// By the means of `options`; `secret` signs webhooks.
    pub fn new(options: &Options, secret: Option<Secret>) -> Self {
        Self {
            webhook: options.webhook.as_deref().map(|url| webhook::Webhook::new(url, secret, options.timeout)),
            command: options.command.clone(),
            mail: mail::Mail {
                program: options.sendmail.clone(),
                from: options.mail_from.clone(),
                to: options.mail.clone(),
            },
            timeout: options.timeout,
        }
    }
}

impl Carrier for Post {
    fn carry(&self, means: Means, message: &Message, now: Stamp) -> Fate {
        let gone = || Fate::Refused { why: "the settings no longer give this means".to_owned() };
        match means {
            Means::Webhook => self.webhook.as_ref().map_or_else(gone, |webhook| webhook.post(message, now)),
            Means::Command => match self.command.split_first() {
                Some((program, arguments)) => command::tell(program, arguments, message, self.timeout),
                None => gone(),
            },
            Means::Mail if self.mail.to.is_empty() => gone(),
            Means::Mail => self.mail.send(message, now, self.timeout),
        }
    }
}
