//! A message as mail, through the local sendmail.

use std::{path::PathBuf, process::Command, time::Duration};

use super::{Fate, Message, command::feed};
use crate::base::Stamp;

/// An encoded word holds 75 characters at most (RFC 2047, section 2); this many octets stay below.
const WORD_OCTETS: usize = 18;
const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];

/// Whom to write to, and with what.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) program: PathBuf,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
}

impl Mail {
    pub(super) fn send(&self, message: &Message, now: Stamp, timeout: Duration) -> Fate {
        let mut command = Command::new(&self.program);
        command.args(["-t", "-i"]).env_remove("NIGHTAUDIT_NOTIFY_SECRET");
        feed(command, &self.program, self.letter(message, now), timeout)
    }

    /// Headers and text (RFC 5322). Addresses were checked when the settings were read; names are safe to show, so that
    /// no line of theirs becomes a header.
    fn letter(&self, message: &Message, now: Stamp) -> String {
        let subject = encoded(&format!("nightaudit: {}", message.headline()));
        let headers = [
            ("To", self.to.join(",\n ")),
            ("Subject", subject),
            ("Date", now.utc().to_rfc2822()),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Transfer-Encoding", "8bit".to_owned()),
        ];
        let from = self.from.iter().map(|from| ("From", from.clone()));
        let mut lines: Vec<String> = from.chain(headers).map(|(name, value)| format!("{name}: {value}")).collect();
        lines.push(String::new());
        lines.push(message.text());
        lines.join("\n")
    }
}

/// A header's text: as it is where it is short and plain, else as encoded words (RFC 2047), a line each.
fn encoded(text: &str) -> String {
    if text.is_ascii() && text.len() <= 70 && !text.contains("=?") && !text.contains(|c: char| c.is_ascii_control()) {
        return text.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut octets = 0;
    for c in text.chars() {
        if octets + c.len_utf8() > WORD_OCTETS {
            words.push(std::mem::take(&mut word));
            octets = 0;
        }
        octets += c.len_utf8();
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            if byte.is_ascii_alphanumeric() {
                word.push(char::from(byte));
            } else {
                word.extend(['=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    words.push(word);
    words.iter().map(|word| format!("=?UTF-8?Q?{word}?=")).collect::<Vec<_>>().join("\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_beyond_ascii_is_encoded_in_words_that_fit() {
        assert_eq!(encoded("nightaudit: Signal on phone"), "nightaudit: Signal on phone");
        let long =
            encoded("nightaudit: WhatsApp auf Jürgens Handy: export-like (strong); before: routine, und so fort");
        assert!(long.lines().all(|line| line.trim().len() <= 75), "{long}");
        assert!(long.contains("J=C3=BCrg"), "{long}");
        assert!(!encoded("a\nBcc: everybody@example.org").contains("\nBcc"));
    }
}
