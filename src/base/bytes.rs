//! Byte counts.

use std::{fmt, iter::Sum, ops};

use serde::{Deserialize, Serialize};

/// A number of bytes. Sums saturate; text shows decimal units (1 MB = 1,000,000 bytes).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// `n` thousand bytes.
    pub const fn kb(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// `n` million bytes.
    pub const fn mb(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// Millions of bytes, for arithmetic that ends in words.
    pub fn as_mb(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// What is left after taking `other` away; zero where `other` is more.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl ops::Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl ops::AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, |sum, next| sum + next)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0 as f64;
        let text = match self.0 {
            0..1_000 => format!("{} B", self.0),
            1_000..100_000 => format!("{:.1} kB", n / 1e3),
            100_000..1_000_000 => format!("{:.2} MB", n / 1e6),
            1_000_000..100_000_000 => format!("{:.1} MB", n / 1e6),
            100_000_000..1_000_000_000 => format!("{:.0} MB", n / 1e6),
            1_000_000_000..1_000_000_000_000 => format!("{:.1} GB", n / 1e9),
            _ => format!("{:.1} TB", n / 1e12),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_people_say_them() {
        let said: Vec<_> =
            [0, 999, 1_500, 80_000, 400_000, 58_320_000, 967_915_408, 1 << 40].map(|n| Bytes(n).to_string()).into();
        assert_eq!(said, ["0 B", "999 B", "1.5 kB", "80.0 kB", "0.40 MB", "58.3 MB", "968 MB", "1.1 TB"]);
    }
}
