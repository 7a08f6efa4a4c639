//! What really happened, and what of it could be seen: the answer sheet of a scenario.

use serde::{Serialize, Serializer};

use super::scenario::Destination;
use crate::{
    base::{Bytes, Stamp},
    identify::Role,
};

/// The answer sheet of one played scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// The scenario's handle and name.
    pub scenario: String,
    /// The seed it was played with.
    pub seed: u64,
    /// Payload that the sensor saw leave, over all hosts.
    pub up: Bytes,
    /// Payload that it saw arrive.
    pub down: Bytes,
    /// What was exported, whether seen or not, in time order.
    pub exports: Vec<Exported>,
    /// Payload seen, by host.
    pub hosts: Vec<HostTruth>,
    /// Payload seen, by night, cut at the hour at which the capture begins.
    pub nights: Vec<NightTruth>,
}

/// One piece of data that left without the owner's doing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Exported {
    /// Which night it belongs to, from 0.
    pub night: usize,
    /// When it began to leave.
    #[serde(serialize_with = "as_text")]
    pub at: Stamp,
    /// How much, handshakes not counted.
    pub bytes: Bytes,
    /// Where to.
    #[serde(serialize_with = "as_word")]
    pub to: Destination,
    /// It was meant for a time when nobody uses the phone.
    pub unattended: bool,
}

/// What was seen of one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostTruth {
    /// Its name, or its address where it has none.
    pub host: String,
    /// Id of the subject it belongs to.
    pub subject: String,
    /// What for.
    pub role: Role,
    /// Payload from the phone.
    pub up: Bytes,
    /// Payload to it.
    pub down: Bytes,
}

/// What was seen in one night's 24 hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NightTruth {
    /// The date on whose evening it begins.
    pub date: String,
    /// What was exported in it, whether seen or not.
    pub exported: Bytes,
    /// Payload seen, up and down, by id of subject.
    pub seen: Vec<(String, Bytes, Bytes)>,
}

// serde hands every field over by reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_text<S: Serializer>(stamp: &Stamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(stamp)
}

// serde hands every field over by reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_word<S: Serializer>(to: &Destination, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(match to {
        Destination::OperatorChat => "operator-chat",
        Destination::OperatorMedia => "operator-media",
        Destination::OperatorTelemetry => "operator-telemetry",
        Destination::Cloud => "cloud",
        Destination::Unknown => "unknown",
    })
}
