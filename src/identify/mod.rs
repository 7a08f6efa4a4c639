//! Hints and endpoints become attributions: which app, which operator, what for, on which device, by what evidence.
//!
//! In: [`Hint`](crate::hint::Hint)s, endpoints, the rule files. Out: [`Attribution`]s with evidence and confidence.
//! The strongest evidence wins; what contradicts it is kept and shown. Where nothing can be said, it says so.
//!
//! | file | what it knows |
//! |---|---|
//! | `rule_file`, `rules`, `embedded`, `check`, `explain` | the TOML of `rules/`, joined, checked and explained |
//! | `pattern`, `names`, `blocks`, `tags`, `asn` | which entry a name, address, package or AS belongs to |
//! | `clues`, `heard`, `settled`, `sockets` | what a flow showed, a device looked up, other flows and its local port tell |
//! | `identifier`, `attribution` | all of that weighed |
//! | `devices`, `gateways` | which side of a flow is audited |
//!
//! ```
//! use nightaudit::identify::{Role, Rules};
//!
//! let rules = Rules::embedded()?;
//! let entry = rules.host("media-fra3-1.cdn.whatsapp.net").ok_or("no rule")?;
//! assert_eq!(&*rules.owner(entry.owner).name, "WhatsApp");
//! assert_eq!(entry.terms.role, Role::Media);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asn;
mod attribution;
mod blocks;
mod check;
mod clues;
mod devices;
mod embedded;
mod explain;
mod feature;
mod gateways;
mod heard;
mod identifier;
mod names;
mod pattern;
mod rule_file;
mod rules;
mod settled;
mod sockets;
mod tags;

use serde::{Deserialize, Serialize};

pub use asn::{AsnError, AsnTable, AutonomousSystem};
pub use attribution::{Attribution, HostSource};
pub use check::{Check, check};
pub use clues::Clues;
pub use devices::{Device, DeviceId, DeviceLabel, DeviceOptions, Devices, Place};
pub use explain::{Candidate, Explanation};
pub use feature::{DeclaredFeature, DeclaredFeatures, Occasion};
pub use identifier::{Identifier, site};
pub use pattern::{Class, NotAPattern, Pattern, Specificity};
pub use rule_file::{Expectation, Feature, Hides, NOBODY, Query, RuleError, Terms};
pub use rules::{Entry, Owner, OwnerId, Rules, Target};

/// What an endpoint is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Messages and their routing.
    Chat,
    /// Pictures, videos, voice notes, files.
    Media,
    /// Live sound and pictures.
    Call,
    /// Wake-ups through the system's push service.
    Push,
    /// Copies of the user's data kept for restoring.
    Backup,
    /// Measurements, logs, crash reports.
    Telemetry,
    /// Registration, keys, profile.
    Account,
    /// Program or system updates.
    Update,
    /// A web site.
    Web,
    /// The app is known, the purpose is not.
    #[default]
    Unknown,
}

/// What sort of thing a rule file describes, and so how a verdict on it is worded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A messaging app: the subject of the audit.
    Messenger,
    /// Consumer storage and backup.
    Cloud,
    /// The vendor of the operating system: updates, accounts, time, location.
    Os,
    /// A push service.
    Push,
    /// Third-party measurement and advertising.
    Tracker,
    /// Anything else with a name.
    Web,
    /// No rule and no name says.
    Unattributed,
}

/// By what an attribution was made, weakest first: the order in which they win.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Nothing.
    None,
    /// The autonomous system that announces the address.
    Asn,
    /// An address block that the operator publishes.
    Prefix,
    /// The device's other flows to the same endpoint, or from the same local port.
    Inherited,
    /// The device looked the name up and got this address.
    Dns,
    /// A byte pattern that only this app sends.
    Signature,
    /// The server name of a QUIC ClientHello.
    QuicSni,
    /// The server name of a TLS ClientHello (or DTLS, or an HTTP host).
    Sni,
    /// The process that the capture names.
    Process,
    /// The Android user id that the capture names.
    Uid,
}

/// How far an attribution can be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A weak or stale source, or an address that others share.
    Low,
    /// One third-party source.
    Medium,
    /// Vendor documentation, captures, or several independent sources.
    High,
}
