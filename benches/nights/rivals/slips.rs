//! Slips (`flow_alerts/conn.py`): a flow of 100 MB, or 500 MB to one address within its hour.

use std::collections::BTreeMap;

use super::{Phone, Said};

const FLOW: f64 = 100e6;
const HOUR: f64 = 500e6;

pub(crate) fn uploads(phone: &Phone<'_>) -> Said {
    let own = phone.conversations.iter().filter(|one| one.subject == phone.subject);
    weigh(own.map(|one| (one.host, one.opened.nanos() / 3_600_000_000_000, one.up.0 as f64)))
}

/// From connections: host, hour, bytes sent.
fn weigh(connections: impl Iterator<Item = (u32, u64, f64)>) -> Said {
    let (mut largest, mut hours) = (0.0_f64, BTreeMap::<(u32, u64), f64>::new());
    for (host, hour, sent) in connections {
        largest = largest.max(sent);
        *hours.entry((host, hour)).or_default() += sent;
    }
    let busiest = hours.values().copied().fold(0.0, f64::max);
    let score = (largest / FLOW).max(busiest / HOUR);
    Said { score, alarm: score >= 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_of_a_hundred_megabytes_or_an_hour_of_five_hundred() {
        let said = |rows: &[(u32, u64, f64)]| weigh(rows.iter().copied());
        assert_eq!(said(&[(1, 7, 60e6)]), Said { score: 0.6, alarm: false });
        assert!(said(&[(1, 7, 100e6)]).alarm);
        let split = [(1, 7, 90e6); 6];
        assert_eq!(said(&split), Said { score: 1.08, alarm: true }, "540 MB in one hour");
        let spread: Vec<_> = (0..6).map(|hour| (1, hour, 90e6)).collect();
        assert!(!said(&spread).alarm, "the same in six hours");
    }
}
