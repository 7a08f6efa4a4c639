//! The table of signatures, read once from the data file beside this stage.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, de::Error};

use super::pattern::Pattern;
use crate::{base::Cidr, flow::Side};

/// Every signature. The file is part of the program and a test reads it, so an error here cannot reach a user.
pub(super) static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    let mut all = read(include_str!("../signatures.toml")).unwrap_or_default();
    all.sort_by_key(|signature| signature.on);
    all
});

/// The signatures that are looked for in one place.
pub(super) fn on(place: On) -> &'static [Signature] {
    static RUNS: LazyLock<[[usize; 2]; 5]> = LazyLock::new(|| {
        PLACES.map(|place| {
            let before = SIGNATURES.partition_point(|signature| signature.on < place);
            [before, SIGNATURES.partition_point(|signature| signature.on <= place)]
        })
    });
    let [start, end] = RUNS[place as usize];
    SIGNATURES.get(start..end).unwrap_or_default()
}

/// Every place, in the order of their numbers.
const PLACES: [On; 5] = [On::Tcp, On::Udp, On::Stun, On::Certificate, On::Rtp];

/// Reads a file of signatures.
pub(super) fn read(text: &str) -> Result<Vec<Signature>, toml::de::Error> {
    toml::from_str::<File>(text).map(|file| file.signature)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    signature: Vec<Signature>,
}

/// What only one app sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    /// Rule id of the app.
    pub(super) app: String,
    /// What the pattern is called in reports.
    pub(super) name: String,
    /// Where it is looked for.
    pub(super) on: On,
    /// Who sends it; either side where missing.
    pub(super) from: Option<From>,
    /// Ports of which either side uses one; any where empty.
    #[serde(default)]
    pub(super) ports: Vec<Ports>,
    /// Address blocks in which one side lies; anywhere where empty.
    #[serde(default, deserialize_with = "blocks")]
    pub(super) blocks: Vec<Cidr>,
    /// Shortest and longest datagram.
    pub(super) length: Option<[usize; 2]>,
    /// Patterns that all match.
    #[serde(default)]
    pub(super) bytes: Vec<Pattern>,
    /// Texts of which one is the beginning.
    #[serde(default)]
    pub(super) begins: Vec<String>,
    /// Texts that all occur.
    #[serde(default)]
    pub(super) text: Vec<String>,
    /// STUN message types, any of them.
    #[serde(default)]
    pub(super) types: Vec<u16>,
    /// STUN attribute types, any of them.
    #[serde(default)]
    pub(super) attributes: Vec<u16>,
    /// STUN realms: the domain or what lies under it.
    #[serde(default)]
    pub(super) realms: Vec<String>,
    /// Beginnings of the STUN SOFTWARE attribute.
    #[serde(default)]
    pub(super) software: Vec<String>,
    /// Common name of a certificate's subject.
    pub(super) common_name: Option<String>,
    /// Organisation of a certificate's subject.
    pub(super) organisation: Option<String>,
    /// How many first bytes are without structure: a shape, which proves nothing by itself.
    pub(super) random: Option<usize>,
    /// Profile of an RTP header extension.
    pub(super) extension: Option<u16>,
    /// Where this is known from.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of the file; a test holds it to be there"))]
    pub(super) source: String,
    /// Payloads that must match, in hexadecimal.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "expectations are the tests' business"))]
    pub(super) expect: Vec<String>,
}

/// Where a signature is looked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Ord, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub(super) enum On {
    /// The first bytes of one side of a TCP connection.
    Tcp,
    /// A UDP datagram.
    Udp,
    /// A STUN message.
    Stun,
    /// A certificate in clear.
    Certificate,
    /// An RTP header.
    Rtp,
}

/// Who sends a signature.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum From {
    /// The side that opened the flow.
    Initiator,
    /// The side that answered.
    Responder,
}

impl From {
    /// Whether it is this side.
    pub(super) fn is(self, side: Side) -> bool {
        matches!((self, side), (Self::Initiator, Side::Initiator) | (Self::Responder, Side::Responder))
    }
}

/// A port, or a run of ports: `443` or `[8801, 8810]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Ports {
    /// One port.
    One(u16),
    /// From the first to the last.
    Run([u16; 2]),
}

impl Ports {
    pub(super) fn contains(self, port: u16) -> bool {
        match self {
            Self::One(one) => one == port,
            Self::Run([first, last]) => (first..=last).contains(&port),
        }
    }
}

fn blocks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cidr>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}
