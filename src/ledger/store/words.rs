//! Roles, kinds and evidence as the database writes them.

use crate::identify::{Evidence, Kind, Role};

/// Each role with its word; its place is its number in the database.
pub(in crate::ledger) const ROLES: [(Role, &str); 10] = [
    (Role::Chat, "chat"),
    (Role::Media, "media"),
    (Role::Call, "call"),
    (Role::Push, "push"),
    (Role::Backup, "backup"),
    (Role::Telemetry, "telemetry"),
    (Role::Account, "account"),
    (Role::Update, "update"),
    (Role::Web, "web"),
    (Role::Unknown, "unknown"),
];

/// Each kind with its word.
pub(in crate::ledger) const KINDS: [(Kind, &str); 7] = [
    (Kind::Messenger, "messenger"),
    (Kind::Cloud, "cloud"),
    (Kind::Os, "os"),
    (Kind::Push, "push"),
    (Kind::Tracker, "tracker"),
    (Kind::Web, "web"),
    (Kind::Unattributed, "unattributed"),
];

/// Each kind of evidence with its word, weakest first; its place is its number in the database.
pub(in crate::ledger) const EVIDENCES: [(Evidence, &str); 10] = [
    (Evidence::None, "none"),
    (Evidence::Asn, "asn"),
    (Evidence::Prefix, "prefix"),
    (Evidence::Inherited, "inherited"),
    (Evidence::Dns, "dns"),
    (Evidence::Signature, "signature"),
    (Evidence::QuicSni, "quic-sni"),
    (Evidence::Sni, "sni"),
    (Evidence::Process, "process"),
    (Evidence::Uid, "uid"),
];

/// The number of `value` in one of the tables above.
pub(in crate::ledger) fn number<T: PartialEq>(table: &[(T, &str)], value: &T) -> i64 {
    let place = table.iter().position(|(known, _)| known == value).unwrap_or(table.len());
    i64::try_from(place).unwrap_or(i64::MAX)
}

/// The value of a number in one of the tables above.
pub(in crate::ledger) fn value<T: Copy>(table: &[(T, &str)], number: i64) -> Option<T> {
    table.get(usize::try_from(number).ok()?).map(|(value, _)| *value)
}

/// The word of `value` in one of the tables above.
pub(in crate::ledger) fn word<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("", |(_, word)| word)
}

/// The value of a word in one of the tables above.
pub(in crate::ledger) fn of_word<T: Copy>(table: &[(T, &str)], word: &str) -> Option<T> {
    table.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back_and_evidence_numbers_rise_with_its_strength() {
        for (n, (role, word)) in (0..).zip(ROLES) {
            assert_eq!((number(&ROLES, &role), value(&ROLES, n), of_word(&ROLES, word)), (n, Some(role), Some(role)));
        }
        assert!(EVIDENCES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (kind, word) in KINDS {
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
        }
        for (evidence, word) in EVIDENCES {
            assert_eq!(serde_json::to_value(evidence).unwrap(), word);
        }
        assert_eq!(value(&ROLES, -1), None);
        assert_eq!(value(&ROLES, 10), None);
    }
}
