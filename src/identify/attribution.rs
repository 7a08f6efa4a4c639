//! What is said of one flow's far end, and of what that rests on.

use std::sync::Arc;

use super::{Confidence, DeclaredFeature, Evidence, Kind, Role, rules::OwnerId};
use crate::hint::NameSource;

/// Where a host name was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum HostSource {
    /// In the flow itself.
    Flow(NameSource),
    /// In a DNS answer that the device got before.
    Dns,
}

impl HostSource {
    /// As reports write it: `sni`, `quic`, `dtls`, `gquic`, `http`, `cert`, `dns`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Flow(NameSource::Tls) => "sni",
            Self::Flow(NameSource::Quic) => "quic",
            Self::Flow(NameSource::Dtls) => "dtls",
            Self::Flow(NameSource::Gquic) => "gquic",
            Self::Flow(NameSource::Http) => "http",
            Self::Flow(NameSource::Certificate) => "cert",
            Self::Dns => "dns",
        }
    }

    /// How strong such a name is.
    pub(super) const fn evidence(self) -> Evidence {
        match self {
            Self::Flow(NameSource::Quic | NameSource::Gquic) => Evidence::QuicSni,
            Self::Flow(_) => Evidence::Sni,
            Self::Dns => Evidence::Dns,
        }
    }
}

/// Whose a flow's far end is, what for, by what evidence, and what speaks against it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attribution {
    /// The rule file that decides the subject; `None` where no rule knows the far end. Its id, name and operator are
    /// those of [`Rules::owner`](super::Rules::owner).
    pub owner: Option<OwnerId>,
    /// The app that the capture says sent it, where that is not `owner`: a package or process name.
    pub sender: Option<Arc<str>>,
    /// How a verdict on it is worded: the owner's kind; web for a name without rule; else unattributed.
    pub kind: Kind,
    /// What for.
    pub role: Role,
    /// By what.
    pub evidence: Evidence,
    /// How far that can be trusted.
    pub confidence: Confidence,
    /// The server's name.
    pub host: Option<Arc<str>>,
    /// Where the name was read.
    pub host_source: Option<HostSource>,
    /// What the ledger posts to: the rule's own pattern, the registered domain of a name without rule, else a block.
    pub destination: Arc<str>,
    /// Features by which the owner uploads to this host by design.
    pub features: Vec<Arc<DeclaredFeature>>,
    /// Evidence that contradicts this, in words.
    pub conflicts: Vec<String>,
}
