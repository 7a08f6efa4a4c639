//! Texts of fields become values, or a sentence about why not.

use std::{borrow::Cow, net::IpAddr};

use chrono::DateTime;

use super::cells::Cells;
use crate::base::{Endpoint, Mac, Stamp, text::shown};

/// A field that cannot be what it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BadField {
    /// Its name in the log.
    pub(super) field: Cow<'static, str>,
    /// What is wrong with it.
    pub(super) why: String,
}

impl BadField {
    pub(super) fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field: Cow::Borrowed(field), why: why.into() }
    }

    fn of(field: &'static str, text: &str, wanted: &str) -> Self {
        Self::new(field, format!("\"{}\" is no {wanted}", shown(text, LONGEST_SHOWN)))
    }
}

/// A field that must be there.
pub(super) fn needed<T>(
    row: &impl Cells,
    field: &'static str,
    read: impl FnOnce(&'static str, &str) -> Result<T, BadField>,
) -> Result<T, BadField> {
    match row.cell(field) {
        Some(text) => read(field, &text),
        None => Err(BadField::new(field, "is missing")),
    }
}

/// A field that may be unset.
pub(super) fn optional<T>(
    row: &impl Cells,
    field: &'static str,
    read: impl FnOnce(&'static str, &str) -> Result<T, BadField>,
) -> Result<Option<T>, BadField> {
    row.cell(field).map(|text| read(field, &text)).transpose()
}

/// A moment: seconds or milliseconds since the epoch, or ISO 8601 with its offset; between 2000 and 2100.
pub(super) fn moment(field: &'static str, text: &str) -> Result<Stamp, BadField> {
    let nanos = match nanoseconds(text) {
        // Seconds have ten digits for all times that are let through, milliseconds thirteen.
        Some(nanos) if nanos / NANOS >= 100_000_000_000 => Some(nanos / 1_000),
        Some(nanos) => Some(nanos),
        None => iso(text),
    };
    let stamp = nanos.and_then(|nanos| u64::try_from(nanos).ok()).map(Stamp::from_nanos);
    let stamp = stamp.ok_or_else(|| BadField::of(field, text, "moment"))?;
    if (EARLIEST..LATEST).contains(&stamp.seconds()) {
        Ok(stamp)
    } else {
        Err(BadField::new(field, format!("{} is not between the years 2000 and 2100", stamp.utc().format("%Y-%m-%d"))))
    }
}

fn iso(text: &str) -> Option<u128> {
    let read = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    read.ok()?.timestamp_nanos_opt().and_then(|nanos| u128::try_from(nanos).ok())
}

/// A length of time in seconds, as nanoseconds; at most a year.
pub(super) fn interval(field: &'static str, text: &str) -> Result<u64, BadField> {
    let nanos =
        nanoseconds(text).and_then(|nanos| u64::try_from(nanos).ok()).filter(|nanos| *nanos <= LONGEST_INTERVAL);
    nanos.ok_or_else(|| BadField::of(field, text, "length of time in seconds, from 0 to a year"))
}

/// A decimal number of seconds, as nanoseconds; `None` where it is negative or no number.
fn nanoseconds(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || !digits(whole) || !digits(fraction) {
        return exponential(text);
    }
    let nanos = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    Some(whole.parse::<u128>().ok()? * NANOS + nanos)
}

/// A number as JSON writes the smallest and largest ones: `6.4e-5`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range just before")]
fn exponential(text: &str) -> Option<u128> {
    let number: f64 = text.parse().ok().filter(|_| text.contains(['e', 'E']))?;
    (0.0..1e18).contains(&number).then(|| (number * 1e9).round() as u128)
}

/// A number of bytes; no link carries more in one connection than 2^46.
pub(super) fn bytes(field: &'static str, text: &str) -> Result<u64, BadField> {
    count(field, text, MOST_BYTES)
}

/// A number of packets.
pub(super) fn packets(field: &'static str, text: &str) -> Result<u64, BadField> {
    count(field, text, MOST_PACKETS)
}

fn count(field: &'static str, text: &str, most: u64) -> Result<u64, BadField> {
    let number: u64 = text.parse().map_err(|_| BadField::of(field, text, "whole number from 0 on"))?;
    if number <= most {
        Ok(number)
    } else {
        Err(BadField::new(field, format!("{number} is more than any connection has")))
    }
}

/// An address, an IPv4-mapped one unwrapped.
pub(super) fn address(field: &'static str, text: &str) -> Result<IpAddr, BadField> {
    text.parse::<IpAddr>().map(|addr| addr.to_canonical()).map_err(|_| BadField::of(field, text, "address"))
}

/// A port.
pub(super) fn port(field: &'static str, text: &str) -> Result<u16, BadField> {
    text.parse().map_err(|_| BadField::of(field, text, "port"))
}

/// An address field and a port field.
pub(super) fn endpoint(row: &impl Cells, addr: &'static str, port_field: &'static str) -> Result<Endpoint, BadField> {
    Ok(Endpoint::new(needed(row, addr, address)?, needed(row, port_field, port)?))
}

/// A hardware address; one that cannot be read says nothing.
pub(super) fn hardware(row: &impl Cells, field: &str) -> Option<Mac> {
    row.cell(field)?.parse().ok()
}

/// A short text; longer ones are cut.
pub(super) fn text(row: &impl Cells, field: &str) -> Option<Box<str>> {
    row.cell(field).map(|text| clipped(&text))
}

/// As much of a text as is kept.
pub(super) fn clipped(text: &str) -> Box<str> {
    let mut most = text.len().min(LONGEST_KEPT);
    while !text.is_char_boundary(most) {
        most -= 1;
    }
    text.get(..most).unwrap_or_default().into()
}

const NANOS: u128 = 1_000_000_000;
/// 1 January 2000 and 2100, in seconds: no log is older, and a clock that says later is wrong.
const EARLIEST: u64 = 946_684_800;
const LATEST: u64 = 4_102_444_800;
const LONGEST_INTERVAL: u64 = 366 * 86_400 * 1_000_000_000;
const MOST_BYTES: u64 = 1 << 46;
const MOST_PACKETS: u64 = 1 << 36;
const LONGEST_SHOWN: usize = 40;
/// A host name has at most 253 bytes, a package name 255.
const LONGEST_KEPT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_logs_write_them() {
        let read = |text: &str| moment("ts", text).map(Stamp::nanos);
        let wanted = Ok(1_713_484_795_943_239_000);
        assert_eq!(read("1713484795.943239"), wanted);
        assert_eq!(read("2024-04-18T23:59:55.943239Z"), wanted);
        assert_eq!(read("2024-04-19T01:59:55.943239+0200"), wanted);
        assert_eq!(read("1713484795943"), Ok(1_713_484_795_943_000_000), "milliseconds");
        assert_eq!(read("1713484795"), Ok(1_713_484_795_000_000_000));
    }

    #[test]
    fn no_moment_of_another_age_and_no_number_that_is_none_gets_in() {
        for wrong in ["0", "0.000001", "7258118400", "NaN", "nan", "inf", "-1713484795", "", ".", "1e400", "2024-04-18"]
        {
            assert!(moment("ts", wrong).is_err(), "{wrong}");
        }
        for wrong in ["NaN", "-1", "-0.5", "inf", "1e300", "99999999999", "x", ""] {
            assert!(interval("duration", wrong).is_err(), "{wrong}");
        }
        for wrong in ["-1", "NaN", "1.5", "18446744073709551615", "1e3", ""] {
            assert!(bytes("orig_ip_bytes", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_of_time_are_exact() {
        assert_eq!(interval("duration", "0.000064"), Ok(64_000));
        assert_eq!(interval("duration", "6.4e-5"), Ok(64_000));
        assert_eq!(interval("duration", "14400.964662"), Ok(14_400_964_662_000));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_text_made_safe() {
        let wrong = bytes("orig_ip_bytes", "\u{1b}[2J").unwrap_err();
        assert_eq!(wrong.field, "orig_ip_bytes");
        assert_eq!(wrong.why, "\"\\u{1b}[2J\" is no whole number from 0 on");
    }
}
