//! What goes to the server as SQL, and what comes back as tab-separated text.

use std::{borrow::Cow, fmt::Write as _};

/// `text` as a string literal of SQL, whatever is in it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c if c.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A column of the server's `TabSeparated` form as it was before it was escaped. Bytes that are no UTF-8 are replaced.
pub(super) fn unescaped(column: &[u8]) -> Cow<'_, str> {
    if !column.contains(&b'\\') {
        return String::from_utf8_lossy(column);
    }
    let mut out = Vec::with_capacity(column.len());
    let mut bytes = column.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'0') => 0,
            Some(other) => other,
            None => b'\\',
        });
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Whether `name` may stand in SQL as the name of a database or cluster.
pub(super) fn is_plain_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a literal as the server's lexer does: up to the first quote that no backslash escapes.
    fn read(literal: &str) -> Option<(String, &str)> {
        let mut chars = literal.strip_prefix('\'')?.char_indices();
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => return Some((out, &literal[at + 2..])),
                '\\' => match chars.next()?.1 {
                    'x' => {
                        let hex: String = [chars.next()?.1, chars.next()?.1].iter().collect();
                        out.push(char::from(u8::from_str_radix(&hex, 16).ok()?));
                    }
                    other => out.push(other),
                },
                c => out.push(c),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_literal(text in any::<String>()) {
            let literal = quoted(&text);
            prop_assert_eq!(read(&literal), Some((text, "")));
            prop_assert!(!literal.chars().any(|c| c.is_ascii_control()));
        }

        #[test]
        fn any_column_is_read_without_panic(column in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = unescaped(&column);
        }
    }

    #[test]
    fn what_would_end_a_literal_is_escaped() {
        assert_eq!(quoted("a'; DROP TABLE x --\\"), "'a\\'; DROP TABLE x --\\\\'");
        assert_eq!(unescaped(b"a\\tb\\\\c\\'d\\0"), "a\tb\\c'd\0");
        assert_eq!(unescaped(b"odd\\"), "odd\\");
        assert!(is_plain_name("nightaudit_2") && !is_plain_name("a.b") && !is_plain_name("1a") && !is_plain_name(""));
    }
}
