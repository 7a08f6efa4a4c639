//! Attributed minutes become ledger rows.

use super::case::Case;
use crate::{
    base::Minute,
    flow::Protocol,
    hint::Recognised,
    identify::{Attribution, DeviceId, Kind, Owner, Place, Rules, site},
    ledger::{Account, Row, RowKey, Subject},
};

/// The IANA protocol numbers of IPsec: ESP and AH (RFC 4303, RFC 4302).
const IPSEC: [u8; 2] = [50, 51];

/// The ledger, and what is known beside it of its subjects and destinations.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) account: Account,
    /// What moved between ends neither of which can be a device, such as two groups.
    pub(super) nobodys: Row,
    /// How much was lumped together before the account was last written away.
    lumped_before: u64,
}

impl Books {
    /// Books the minutes of `case` that wait, by what is known of it now.
    pub(super) fn book(&mut self, rules: &Rules, case: &mut Case, attribution: &Attribution) {
        let rows = case.take_rows();
        let Some(Place { device, .. }) = case.place else {
            for (_, row) in &rows {
                self.nobodys.add(row);
            }
            return;
        };
        if rows.is_empty() {
            return;
        }
        let subject = self.subject_of(rules, case, attribution);
        let destination = self.account.ledger.destination_id(&attribution.destination);
        let role = attribution.role;
        for (minute, row) in rows {
            self.account.ledger.post(RowKey { device, subject, role, destination, minute }, &row);
            self.account.ledger.see_at(device, minute, case.seen_by);
        }
        self.account.attest(device, subject, role, destination, attribution.evidence);
    }

    /// Books what waits of `case` at a time that nobody knows: between its first minute and `last`.
    pub(super) fn book_unplaced(&mut self, rules: &Rules, case: &mut Case, attribution: &Attribution, last: Minute) {
        let rows = case.take_rows();
        let Some(Place { device, .. }) = case.place else {
            for (_, row) in &rows {
                self.nobodys.add(row);
            }
            return;
        };
        let subject = self.subject_of(rules, case, attribution);
        let destination = self.account.ledger.destination_id(&attribution.destination);
        let role = attribution.role;
        for (minute, row) in rows {
            self.account.ledger.post_unplaced(
                RowKey { device, subject, role, destination, minute },
                &row,
                minute,
                last,
            );
        }
        self.account.attest(device, subject, role, destination, attribution.evidence);
    }

    /// Notes that `device` looked `name` up or spoke to a server of that name: perhaps a sign of a person.
    pub(super) fn name(&mut self, rules: &Rules, device: DeviceId, minute: Minute, name: &str) {
        let owner = rules.host(name).map(|entry| rules.owner(entry.owner));
        let background = owner.is_some_and(|owner| matches!(owner.kind, Kind::Os | Kind::Push | Kind::Tracker));
        // A web site's own names are no sign of a person either where it is the site that is judged.
        let own = || site(name).map(|site| rest(site, site, Kind::Web));
        let subject = owner.map(subject).or_else(own).map(|whose| self.account.ledger.subject_id(&whose));
        self.account.ledger.name(device, minute, name, subject, background);
    }

    /// How many times something was booked under a collective heading because a cap was reached.
    pub(super) const fn lumped(&self) -> u64 {
        self.lumped_before + self.account.ledger.lumped()
    }

    /// Begins a new account: the last one is written away.
    pub(super) fn turn_page(&mut self) {
        *self = Self { lumped_before: self.lumped(), ..Self::default() };
    }

    fn subject_of(&mut self, rules: &Rules, case: &Case, attribution: &Attribution) -> u32 {
        let tunnel = is_tunnel(case);
        let id = self.account.ledger.subject_id(&whose(rules, case, attribution));
        if tunnel || !attribution.features.is_empty() {
            let facts = self.account.facts.entry(id).or_default();
            facts.tunnel |= tunnel;
            for feature in &attribution.features {
                facts.features.insert(feature);
            }
        }
        id
    }
}

/// The subject that a flow is booked to, by what is known of it now.
pub(super) fn whose(rules: &Rules, case: &Case, attribution: &Attribution) -> Subject {
    match (attribution.owner, attribution.kind) {
        _ if is_tunnel(case) => rest("vpn-tunnel", "VPN tunnel", Kind::Unattributed),
        (Some(owner), _) => subject(rules.owner(owner)),
        (None, Kind::Web) => rest(&attribution.destination, &attribution.destination, Kind::Web),
        (None, _) => Subject::unattributed(),
    }
}

fn is_tunnel(case: &Case) -> bool {
    case.protocol.is_some_and(Recognised::is_opaque_tunnel)
        || matches!(case.key.protocol, Protocol::Other(number) if IPSEC.contains(&number))
}

fn subject(owner: &Owner) -> Subject {
    Subject {
        id: owner.id.to_string(),
        name: owner.name.to_string(),
        operator: owner.operator.to_string(),
        kind: owner.kind,
    }
}

fn rest(id: &str, name: &str, kind: Kind) -> Subject {
    Subject { id: id.to_owned(), name: name.to_owned(), operator: String::new(), kind }
}
