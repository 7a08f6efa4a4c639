//! The `[notify]` section of the settings file: whom to tell of which changes, and by what means.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use ureq::http::Uri;

use crate::night::Verdict;

/// Notices a day that nobody would read.
const MOST_DAILY: u32 = 1_000;
/// Ten minutes: a receiver that takes longer takes nothing.
const MOST_TIMEOUT: u64 = 600;

/// Whom to tell when a verdict changes. Without a means nobody is told.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Options {
    /// A change from or to one of these is told.
    pub on: Vec<Verdict>,
    /// An address that takes a JSON POST.
    pub webhook: Option<String>,
    /// Holds the secret that webhooks are signed with; an environment variable may give it instead.
    pub secret_file: Option<PathBuf>,
    /// A program and its arguments, started without a shell.
    pub command: Vec<String>,
    /// Mail addresses that the local sendmail is given.
    pub mail: Vec<String>,
    /// The address that mail comes from; empty for sendmail's own choice.
    pub mail_from: Option<String>,
    /// The program that sends mail.
    pub sendmail: PathBuf,
    /// Notices a day at most, each for one subject of one device; what is beyond waits for a digest.
    pub daily: u32,
    /// Whether device identifiers are replaced by pseudonyms.
    pub redact: bool,
    /// After which a webhook, a command or sendmail is given up.
    pub timeout: Duration,
}

/// A section by which nobody could be told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadNotify {
    /// The webhook is no address.
    #[error("webhook: want an address such as https://example.org/hook")]
    Webhook,
    /// A mail address could turn into a header.
    #[error("{key} {address:?}: want a mail address, such as ana@example.org")]
    Mail {
        /// `mail` or `mail_from`.
        key: &'static str,
        /// As written.
        address: String,
    },
    /// A number out of range.
    #[error("{key}: want a number from 1 to {most}")]
    Number {
        /// Which.
        key: &'static str,
        /// The largest that makes sense.
        most: u64,
    },
    /// A secret for the signature of nothing.
    #[error("secret_file signs webhooks, and there is none; add webhook = \"https://…\"")]
    Secret,
    /// A secret that everybody who may read the settings could read.
    #[error(
        "a secret does not belong in this file: put it in a file of its own and name that with secret_file, or set \
             NIGHTAUDIT_NOTIFY_SECRET"
    )]
    Inline,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    on: Vec<Verdict>,
    webhook: Option<String>,
    secret: Option<toml::Value>,
    secret_file: Option<PathBuf>,
    command: Vec<String>,
    #[serde(deserialize_with = "crate::base::one_or_several")]
    mail: Vec<String>,
    mail_from: Option<String>,
    sendmail: PathBuf,
    daily: u32,
    redact: bool,
    timeout_seconds: u64,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            on: vec![Verdict::ExportLike],
            webhook: None,
            secret: None,
            secret_file: None,
            command: Vec::new(),
            mail: Vec::new(),
            mail_from: None,
            sendmail: "/usr/sbin/sendmail".into(),
            daily: 10,
            redact: false,
            timeout_seconds: 10,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::of(Raw::default())
    }
}

impl TryFrom<Raw> for Options {
    type Error = BadNotify;

    fn try_from(raw: Raw) -> Result<Self, BadNotify> {
        if raw.secret.is_some() {
            return Err(BadNotify::Inline);
        }
        if raw.webhook.as_deref().is_some_and(|url| !is_web_address(url)) {
            return Err(BadNotify::Webhook);
        }
        if raw.secret_file.is_some() && raw.webhook.is_none() {
            return Err(BadNotify::Secret);
        }
        let addresses =
            raw.mail.iter().map(|to| ("mail", to)).chain(raw.mail_from.iter().map(|from| ("mail_from", from)));
        for (key, address) in addresses {
            if !is_mail_address(address) {
                return Err(BadNotify::Mail { key, address: address.chars().take(80).collect() });
            }
        }
        if !(1..=MOST_DAILY).contains(&raw.daily) {
            return Err(BadNotify::Number { key: "daily", most: MOST_DAILY.into() });
        }
        if !(1..=MOST_TIMEOUT).contains(&raw.timeout_seconds) {
            return Err(BadNotify::Number { key: "timeout_seconds", most: MOST_TIMEOUT });
        }
        Ok(Self::of(raw))
    }
}

impl Options {
    fn of(raw: Raw) -> Self {
        Self {
            on: raw.on,
            webhook: raw.webhook,
            secret_file: raw.secret_file,
            command: raw.command,
            mail: raw.mail,
            mail_from: raw.mail_from,
            sendmail: raw.sendmail,
            daily: raw.daily,
            redact: raw.redact,
            timeout: Duration::from_secs(raw.timeout_seconds),
        }
    }

    /// Whether there is any means by which somebody could be told.
    pub const fn reaches_nobody(&self) -> bool {
        self.webhook.is_none() && self.command.is_empty() && self.mail.is_empty()
    }
}

fn is_web_address(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
}

/// What can stand in a header and in no option: one `@`, something on both sides, nothing that a mailer takes apart.
fn is_mail_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, ',' | ';' | ':' | '<' | '>' | '(' | ')' | '"' | '\\');
    let halves = text.split_once('@');
    let sound = halves.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    sound && text.len() <= 254 && !text.starts_with('-') && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        toml::from_str(text).map_err(|e: toml::de::Error| e.message().to_owned())
    }

    #[test]
    fn without_a_section_nobody_is_told() {
        let options = read("").unwrap();
        assert_eq!(options, Options::default());
        assert!(options.reaches_nobody());
        assert_eq!(options.on, [Verdict::ExportLike]);
    }

    #[test]
    fn one_mail_address_may_stand_for_a_list() {
        assert_eq!(read("mail = \"a@example.org\"").unwrap().mail, ["a@example.org"]);
        assert_eq!(read("mail = [\"a@example.org\", \"b@example.org\"]").unwrap().mail.len(), 2);
    }

    #[test]
    fn what_could_reach_nobody_or_somebody_else_is_refused() {
        for (text, why) in [
            ("webhook = \"example.org/hook\"", "https://example.org/hook"),
            ("webhook = \"file:///etc/passwd\"", "https://example.org/hook"),
            ("mail = \"a@b\\nBcc: c@d\"", "want a mail address"),
            ("mail = \"-oQ/tmp@x\"", "want a mail address"),
            ("mail_from = \"ana\"", "mail_from"),
            ("daily = 0", "from 1 to 1000"),
            ("timeout_seconds = 9999", "from 1 to 600"),
            ("secret_file = \"/etc/x\"", "there is none"),
            ("secret = \"hunter2\"", "a file of its own"),
            ("on = [\"bad\"]", "export-like"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
