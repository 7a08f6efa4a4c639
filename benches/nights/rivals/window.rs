//! Night by the clock: the median upload between midnight and six, in the phone's time zone.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Timelike};

use super::{Phone, Said};

const ALARM: f64 = 5e6;

pub(crate) fn median_night(phone: &Phone<'_>) -> Said {
    let mut nights: BTreeMap<NaiveDate, f64> = BTreeMap::new();
    for minute in &phone.ledger.seen {
        nights.entry(minute.start().utc().with_timezone(&phone.zone).date_naive()).or_default();
    }
    for (minute, cell) in &phone.ledger.subjects[phone.subject].minutes {
        let local = minute.start().utc().with_timezone(&phone.zone);
        if local.hour() < 6 {
            *nights.entry(local.date_naive()).or_default() += cell.up.0 as f64;
        }
    }
    let score = median(nights.into_values().collect());
    Said { score, alarm: score >= ALARM }
}

fn median(mut nights: Vec<f64>) -> f64 {
    nights.sort_by(f64::total_cmp);
    nights.get(nights.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use nightaudit::{
        base::{Bytes, Minute},
        identify::{DeclaredFeatures, Kind},
        ledger::{Cell, DeviceLedger, Subject, SubjectLedger},
    };

    use super::*;

    #[test]
    fn only_the_hours_from_midnight_to_six_of_the_phones_own_clock_count() {
        // 1970-01-02 to 04 in Berlin (UTC+1): uploads at 23:30 UTC (00:30 there), and at 05:30 UTC (06:30 there).
        let at =
            |day: u32, minute: u32, mb| (Minute(day * 1_440 + minute), Cell { up: Bytes::mb(mb), ..Cell::default() });
        let minutes = vec![at(1, 330, 90), at(1, 1_410, 7), at(2, 330, 90), at(2, 1_410, 6), at(3, 330, 90)];
        let seen = minutes.iter().map(|(minute, _)| *minute).collect();
        let subject = Subject { id: "a".into(), name: "a".into(), operator: String::new(), kind: Kind::Messenger };
        let (roles, unplaced) = (Vec::new(), nightaudit::ledger::Unplaced::default());
        let row =
            SubjectLedger { subject, minutes, unplaced, roles, tunnel: false, features: DeclaredFeatures::default() };
        let ledger = DeviceLedger { subjects: vec![row], seen, ..DeviceLedger::default() };
        let phone = Phone { conversations: &[], ledger: &ledger, subject: 0, zone: chrono_tz::Europe::Berlin };
        assert_eq!(median_night(&phone), Said { score: 6e6, alarm: true });
        let there = Phone { zone: chrono_tz::Asia::Tokyo, ..phone };
        assert_eq!(median_night(&there), Said { score: 0.0, alarm: false }, "by day there");
    }
}
