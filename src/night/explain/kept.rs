//! Copies that the owner keeps in a consumer cloud: backups and photos.

use super::{
    Said, Seen,
    Standing::{self, CannotTell, RuledOut, Supported},
};
use crate::{base::Bytes, identify::Kind};

/// What a consumer cloud is known to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Takes {
    Backups,
    Photos,
    Both,
}

impl Seen<'_> {
    /// Backups go to consumer clouds, so the receiver decides.
    pub(super) fn cloud_backup(&self) -> Said {
        match self.takes() {
            Takes::Photos => (RuledOut, format!("{} takes photos; backups go elsewhere", self.name())),
            Takes::Backups | Takes::Both => self.sent_to_cloud("backups", Supported),
        }
    }

    /// Photos go to consumer clouds too; one that takes both does not tell which it was.
    pub(super) fn photo_sync(&self) -> Said {
        match self.takes() {
            Takes::Photos => self.sent_to_cloud("photos", Supported),
            Takes::Backups => (RuledOut, format!("{} takes backups; photos go elsewhere", self.name())),
            Takes::Both => self.sent_to_cloud("photos as well", CannotTell),
        }
    }

    fn takes(&self) -> Takes {
        let subject = &self.row.subject;
        let is = |what: &str| subject.id.contains(what);
        match subject.kind {
            Kind::Cloud if is("photos") => Takes::Photos,
            Kind::Cloud if is("backup") => Takes::Backups,
            _ => Takes::Both,
        }
    }

    fn sent_to_cloud(&self, what: &str, to_cloud: Standing) -> Said {
        let (name, habit) = (self.name(), self.habit());
        let sent: Bytes = self.to_explain().map(|burst| burst.excess).sum();
        match self.row.subject.kind {
            Kind::Cloud if sent == Bytes::ZERO => {
                (CannotTell, format!("it went to {name}, which takes {what}, but in small pieces, not in files"))
            }
            Kind::Cloud => (to_cloud, format!("{habit} went to {name}, which takes {what}")),
            Kind::Os | Kind::Push => {
                (CannotTell, format!("{habit} went to the system's vendor, which may take {what}"))
            }
            Kind::Messenger | Kind::Tracker => {
                let sent = if sent == Bytes::ZERO { "it".to_owned() } else { format!("all {sent} of it") };
                (RuledOut, format!("{sent} went to servers of {name}, and nothing of it to a consumer cloud"))
            }
            Kind::Web | Kind::Unattributed => {
                (CannotTell, "no rule knows the receiver: it may belong to a cloud".to_owned())
            }
        }
    }
}
