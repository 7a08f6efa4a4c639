//! What is said of one subject, in words that need no training.
//!
//! A verdict describes traffic, not intent, and never stands alone: with it goes what was seen and on how many nights,
//! what else could explain it, what cannot be seen, and what would settle it.

mod advice;
mod case;
mod causes;
mod figures;
mod lacking;

use crate::{
    identify::{Evidence, Role},
    night::{Grade, Verdict},
};

pub(super) use advice::UNSEEN;
pub(super) use case::Case;
pub(super) use causes::{by_standing, cause, standing, tested};
pub(super) use figures::{compact, grouped, listed, nights, percent, plural};
pub(super) use lacking::{lacking, lacking_short};

/// A verdict in words.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Insufficient => "not enough seen for a verdict",
        Verdict::Routine => "routine",
        Verdict::SmallRecurrent => "small uploads that come back",
        Verdict::BulkButIrregular => "large uploads, but no pattern",
        Verdict::BackupLike => "looks like a backup",
        Verdict::ExportLike => "looks like an export",
    }
}

/// A grade in words.
pub(super) const fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Strong => "strong evidence",
        Grade::Suggestive => "suggestive evidence",
    }
}

/// What an endpoint is for, in words.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Chat => "messages",
        Role::Media => "media",
        Role::Call => "calls",
        Role::Push => "wake-ups",
        Role::Backup => "backup",
        Role::Telemetry => "measurements",
        Role::Account => "account",
        Role::Update => "updates",
        Role::Web => "web",
        Role::Unknown => "purpose unknown",
    }
}

/// What an endpoint is for, in a word.
pub(super) const fn role_short(role: Role) -> &'static str {
    match role {
        Role::Telemetry => "telemetry",
        Role::Unknown => "-",
        Role::Chat => "chat",
        Role::Call => "call",
        Role::Push => "push",
        Role::Update => "update",
        named => self::role(named),
    }
}

/// By what traffic was attributed, in words.
pub(super) const fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::None => "unknown",
        Evidence::Asn => "network owner",
        Evidence::Prefix => "address block",
        Evidence::Inherited => "same server",
        Evidence::Dns => "name looked up",
        Evidence::Signature => "byte pattern",
        Evidence::QuicSni | Evidence::Sni => "server name",
        Evidence::Process => "process",
        Evidence::Uid => "app id",
    }
}

/// What traffic of an ordinary size weighs: no report of "routine" goes without it.
pub(super) const SIZE_GUIDE: &str = "For scale: a day of text messages is about 20 to 100 kB, 10,000 messages are 1 to \
    3 MB, an address book is about 50 kB. An export of that size cannot be told from ordinary traffic.";
