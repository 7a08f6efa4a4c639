//! A message as a signed JSON POST.

use std::{fmt::Write as _, time::Duration};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use ureq::{Agent, http::Uri};

use super::{Fate, Message, Secret};
use crate::base::{Stamp, text::shown};

/// Where messages are posted to.
#[derive(Debug)]
pub(super) struct Webhook {
    url: String,
    secret: Option<Secret>,
    agent: Agent,
}

impl Webhook {
    pub(super) fn new(url: &str, secret: Option<Secret>, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // A notice goes where the settings say and nowhere else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        Self { url: url.to_owned(), secret, agent: config.build().new_agent() }
    }

    pub(super) fn post(&self, message: &Message, now: Stamp) -> Fate {
        let body = message.json();
        let time = now.seconds();
        let mut request = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("Nightaudit-Event", message.event())
            .header("Nightaudit-Id", message.id())
            .header("Nightaudit-Timestamp", time.to_string());
        if let Some(secret) = &self.secret {
            request = request.header("Nightaudit-Signature", signature(secret, time, body.as_bytes()));
        }
        let response = match request.send(body.as_bytes()) {
            Ok(response) => response,
            Err(error) => return Fate::Away { why: format!("{}: {}", self.host(), self.hidden(&error)), pause: None },
        };
        let status = response.status();
        let asked = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let why = format!("{} answered {}", self.host(), status.as_u16());
        match status.as_u16() {
            200..=299 => Fate::Taken,
            408 | 425 | 429 | 500.. => Fate::Away { why, pause: asked },
            300..=399 => {
                Fate::Refused { why: format!("{why}: it sends elsewhere; put the new address in the settings") }
            }
            _ => Fate::Refused { why },
        }
    }

    /// The host alone: the path of a webhook is often what keeps others out.
    fn host(&self) -> String {
        let host = self.url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        format!("webhook at {}", shown(&host.unwrap_or_default(), 100))
    }

    fn hidden(&self, error: &ureq::Error) -> String {
        shown(&error.to_string().replace(&self.url, "…"), 200).into_owned()
    }
}

/// The value of the header `Nightaudit-Signature`: `sha256=` and, in hexadecimal, HMAC-SHA256 (RFC 2104) under `secret`
/// of the timestamp in decimal, a full stop, and the body. The timestamp is in `Nightaudit-Timestamp`: a receiver that
/// checks both refuses what somebody recorded and sends again later.
pub fn signature(secret: &Secret, timestamp: u64, body: &[u8]) -> String {
    let mut text = String::from("sha256=");
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.bytes()) else { return text };
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    for byte in mac.finalize().into_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
