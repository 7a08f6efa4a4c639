//! What a capture could not show, and what would settle the question.

use super::{
    case::Case,
    figures::nights,
    lacking::{lacking, unobserved},
};
use crate::{
    identify::Kind,
    night::{Annotation, TELLING_SIZE, Verdict},
};

/// What no capture of this kind shows.
pub(in crate::report) const UNSEEN: [&str; 3] = [
    "What the messages and files contain: it is encrypted, and only headers and handshakes are read.",
    "What went over other networks, such as mobile data, unless they were captured too.",
    "What was sent while somebody was using the phone anyway, mixed with their own uploads.",
];

impl Case<'_> {
    /// What this capture could not show.
    pub(in crate::report) fn unseen(&self) -> Vec<String> {
        let mut said: Vec<String> = UNSEEN.map(str::to_owned).into();
        if let Some(floor) = self.finding.bounds.detectable {
            let soon = self.finding.bounds.nights_to_notice.map(nights);
            let soon = soon.map_or(String::new(), |soon| format!(", and {TELLING_SIZE} every night after {soon}"));
            said.push(format!("Nightly uploads smaller than {floor}: larger ones would have been noticed{soon}."));
        }
        if let Some(missed) = unobserved(&self.finding.nights) {
            said.push(missed);
        }
        if self.has(Annotation::Tunnel) {
            said.push("What is inside the VPN tunnel that this phone uses.".to_owned());
        }
        said
    }

    /// What its reader can do to settle the question.
    pub(in crate::report) fn next(&self) -> Vec<String> {
        let toggle = |what: &str| {
            format!(
                "Turn {what} on and off by a calendar drawn at random (nightaudit toggle plan), capture all of its nights, \
                 and let nightaudit toggle judge them: if the uploads follow the switch, that explains them."
            )
        };
        match (self.finding.verdict, self.kind()) {
            (Verdict::Insufficient, _) => self.missing(),
            (Verdict::Routine, _) => Vec::new(),
            (Verdict::BulkButIrregular, _) => {
                vec!["Capture 28 nights or more, to see whether it comes back.".to_owned()]
            }
            (_, Kind::Unattributed) => vec![
                "Capture on the phone itself (PCAPdroid names the app behind each connection), to learn whose it is."
                    .to_owned(),
            ],
            (_, Kind::Cloud) => vec![toggle("backup and photo sync")],
            (_, Kind::Messenger) => vec![
                "Look in the app for backup, sync and automatic upload, and for linked computers.".to_owned(),
                toggle("what you find"),
                "Do not publish this line alone: it is a reason to look closer.".to_owned(),
            ],
            _ => vec![toggle("the service")],
        }
    }

    /// Why there is no verdict, and what would mend it.
    pub(in crate::report) fn missing(&self) -> Vec<String> {
        self.finding.lacking.iter().map(lacking).collect()
    }
}
