//! A byte pattern: where it stands, and which nibbles it fixes.

use serde::{Deserialize, Deserializer, de::Error};

/// Bytes at a fixed place, each nibble fixed or free: written `"57410?0?00"`, or `"4: 2112a442"` behind an offset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Pattern {
    at: usize,
    bytes: Vec<(u8, u8)>,
}

/// A text that is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no byte pattern: an optional offset and colon, then pairs of hexadecimal digits, `?` for any")]
pub(super) struct NotAPattern(String);

impl Pattern {
    /// Whether `bytes` has these values at this place.
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        let there = bytes.get(self.at..self.at + self.bytes.len());
        there.is_some_and(|there| there.iter().zip(&self.bytes).all(|(byte, (value, mask))| byte & mask == *value))
    }

    fn read(text: &str) -> Option<Self> {
        let (at, digits) = text.split_once(':').unwrap_or(("0", text));
        let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = digits.chunks(2).map(byte).collect::<Option<Vec<_>>>()?;
        Some(Self { at: at.trim().parse().ok()?, bytes }).filter(|pattern| !pattern.bytes.is_empty())
    }
}

/// The value and the mask that two characters write.
fn byte(pair: &[char]) -> Option<(u8, u8)> {
    let &[high, low] = pair else { return None };
    let ((high, high_mask), (low, low_mask)) = (nibble(high)?, nibble(low)?);
    Some((high << 4 | low, high_mask << 4 | low_mask))
}

fn nibble(c: char) -> Option<(u8, u8)> {
    match c {
        '?' => Some((0, 0)),
        _ => Some((u8::try_from(c.to_digit(16)?).ok()?, 15)),
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| D::Error::custom(NotAPattern(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_are_fixed_or_free() {
        let pattern = Pattern::read("2: 57 41 0? ??").unwrap();
        assert!(pattern.matches(&[9, 9, 0x57, 0x41, 0x0c, 0xff]));
        assert!(!pattern.matches(&[9, 9, 0x57, 0x41, 0x1c, 0xff]));
        assert!(!pattern.matches(&[9, 9, 0x57, 0x41, 0x0c]), "cut");
        for wrong in ["", "5", "5g", "x: 57", "-1: 57"] {
            assert_eq!(Pattern::read(wrong), None, "{wrong}");
        }
    }
}
