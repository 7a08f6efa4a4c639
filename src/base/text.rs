//! Text from the wire, made safe to show.
//!
//! Names in DNS, SNI and capture comments are chosen by strangers. They may hold escape sequences for the
//! terminal, bidirectional marks that turn a name round, or characters with no width.

use std::borrow::Cow;

/// `text` with everything that could move the cursor, turn the direction or hide replaced by `\u{…}` escapes,
/// and cut with `…` after `most` characters.
pub fn shown(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(most.saturating_mul(4)));
    for (n, c) in text.chars().enumerate() {
        if n == most {
            out.push('…');
            break;
        }
        if is_plain(c) { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    Cow::Owned(out)
}

/// A host name in the form rules and reports use: lower case, no final dot, bytes beyond ASCII letters, digits,
/// `-`, `_` and `.` kept only where they are printable. `None` where nothing of a name is left or it is longer
/// than the 253 characters DNS allows (RFC 1035, section 2.3.4).
pub fn host_name(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?.trim_end_matches('.');
    let plain = !text.is_empty() && text.len() <= 253 && text.chars().all(|c| is_plain(c) && !c.is_whitespace());
    plain.then(|| text.to_lowercase())
}

fn is_plain(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}'
    );
    !c.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_is_written_out() {
        assert_eq!(shown("a\u{1b}[2Jb", 99), "a\\u{1b}[2Jb");
        assert_eq!(shown("evil\u{202e}moc.knab", 99), "evil\\u{202e}moc.knab");
        assert_eq!(shown("media.example", 99), "media.example");
        assert_eq!(shown("abcdef", 3), "abc…");
        assert_eq!(shown("a\u{7}b", usize::MAX), "a\\u{7}b");
    }

    #[test]
    fn host_names_are_lower_case_without_a_final_dot() {
        assert_eq!(host_name(b"MMG.WhatsApp.net.").as_deref(), Some("mmg.whatsapp.net"));
        assert_eq!(host_name(b"."), None);
        assert_eq!(host_name(b"a b"), None);
        assert_eq!(host_name(b"a\x1bb"), None);
        assert_eq!(host_name(&[b'a'; 300]), None);
    }
}
