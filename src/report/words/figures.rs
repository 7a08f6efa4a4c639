//! Numbers as people write them.

use crate::base::Bytes;

/// `1 night`, `2 nights`.
pub(in crate::report) fn nights(n: u32) -> String {
    plural(u64::from(n), "night", "nights")
}

/// `n` with the right form of a noun.
pub(in crate::report) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// `1,262,154`.
pub(in crate::report) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share of 0 to 1 as whole per cent; what is not nothing or everything never reads as 0 % or 100 %.
pub(in crate::report) fn percent(share: f64) -> String {
    let share = share.clamp(0.0, 1.0);
    if share > 0.0 && share < 0.005 {
        "under 1 %".to_owned()
    } else if (0.995..1.0).contains(&share) {
        "over 99 %".to_owned()
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(in crate::report) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The middle of `sizes`; of two middles the smaller.
pub(in crate::report) fn median(sizes: impl Iterator<Item = Bytes>) -> Option<Bytes> {
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort_unstable();
    sizes.get(sizes.len().checked_sub(1)? / 2).copied()
}

/// `5MB`: a size as a key.
pub(in crate::report) fn compact(size: Bytes) -> String {
    match size.0 {
        n if n >= 1_000_000 && n.is_multiple_of(1_000_000) => format!("{}MB", n / 1_000_000),
        n if n >= 1_000 && n.is_multiple_of(1_000) => format!("{}kB", n / 1_000),
        n => format!("{n}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_262_154].map(grouped), ["0", "999", "1,000", "1,262,154"]);
        assert_eq!([0.0, 0.001, 0.19, 0.999, 1.0].map(percent), ["0 %", "under 1 %", "19 %", "over 99 %", "100 %"]);
        assert_eq!([Bytes(5_000_000), Bytes(256_000), Bytes(7)].map(compact), ["5MB", "256kB", "7B"]);
        assert_eq!(nights(1), "1 night");
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3, 1, 2, 9].into_iter().map(Bytes)), Some(Bytes(2)));
    }
}
