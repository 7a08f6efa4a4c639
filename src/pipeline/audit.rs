//! What an audit found: the value that every report is drawn from.

use std::{borrow::Cow, net::IpAddr};

use chrono_tz::Tz;

use crate::{
    base::{Bytes, Endpoint, Span, Stamp},
    flow::Protocol,
    identify::{Confidence, Evidence, Kind, Role},
    ledger::DeviceLedger,
    night::DeviceFinding,
};

pub use crate::ledger::FileRecord as InputReport;

/// Which rules attributed the traffic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulesInfo {
    /// How many rule files.
    pub count: usize,
    /// SHA-256 over their texts, hexadecimal.
    pub sha256: String,
}

/// Sums over all inputs and devices.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Frames read.
    pub packets: u64,
    /// IP total lengths of all decoded packets.
    pub wire: Bytes,
    /// Payload from the audited devices.
    pub payload_up: Bytes,
    /// Payload to them.
    pub payload_down: Bytes,
    /// The part of `payload_up` that no rule and no name explains.
    pub unattributed_up: Bytes,
    /// The part of `payload_down` that no rule and no name explains.
    pub unattributed_down: Bytes,
}

/// Something that a cap made the tool drop or cut short, so that the reader can weigh it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// What, in plural, such as `flows evicted from a full table`.
    pub what: Cow<'static, str>,
    /// How many.
    pub count: u64,
}

/// What one device exchanged with one destination, over the whole audit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DestinationTotal {
    /// Index into the device's subjects.
    pub subject: usize,
    /// What for.
    pub role: Role,
    /// Host name where known, else address block.
    pub destination: String,
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// The part of `up` sent while nobody used the device.
    pub unattended_up: Bytes,
    /// The strongest evidence for whose it is.
    pub evidence: Evidence,
}

/// One audited device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceAudit {
    /// Hardware address where frames carry one, else address.
    pub id: String,
    /// The name its owner gave it in the settings.
    pub label: Option<String>,
    /// Its addresses, in order.
    pub addresses: Vec<IpAddr>,
    /// Its minutes.
    pub ledger: DeviceLedger,
    /// What is said of it.
    pub finding: DeviceFinding,
    /// Whom it talked to, most uploaded first.
    pub destinations: Vec<DestinationTotal>,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// In which zone times are shown.
    pub timezone: Tz,
    /// Which rules attributed the traffic.
    pub rules: RulesInfo,
    /// What was read, in the order it was given.
    pub inputs: Vec<InputReport>,
    /// Inputs that could not be read, each with one line that says why.
    pub failed: Vec<String>,
    /// What else there is to say of the inputs, a line each.
    pub notes: Vec<String>,
    /// What was asked for, and under which conditions it was judged.
    pub remit: Remit,
    /// Sums.
    pub totals: Totals,
    /// What caps made the tool drop; empty where nothing was.
    pub losses: Vec<Loss>,
    /// The devices, most payload first.
    pub devices: Vec<DeviceAudit>,
}

/// What was asked for, and under which conditions it was judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remit {
    /// The part of a ledger that was asked for; `None` for all there is.
    pub span: Option<Span>,
    /// Only a part of what was judged is shown.
    pub narrowed: bool,
    /// In what it was judged otherwise than by default, a sentence each without its full stop.
    pub conditions: Vec<String>,
}

/// One flow, as `nightaudit flows` lists it. `a` opened it, as far as a bystander can tell.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRow {
    /// The transport protocol.
    pub protocol: Protocol,
    /// Who opened it.
    pub a: Endpoint,
    /// Who was addressed.
    pub b: Endpoint,
    /// Packets from `a`, and from `b`.
    pub packets: [u64; 2],
    /// IP total lengths from `a`, and from `b`.
    pub wire: [Bytes; 2],
    /// Unique payload from `a`, and from `b`.
    pub payload: [Bytes; 2],
    /// Its first packet.
    pub first: Stamp,
    /// Its last packet.
    pub last: Stamp,
    /// The device it belongs to.
    pub device: Option<String>,
    /// Lower-case app id, such as `whatsapp`.
    pub app: Option<String>,
    /// Whose servers.
    pub operator: Option<String>,
    /// Id of the subject that its bytes are booked to, by what is known of it at its end.
    pub subject: String,
    /// What sort of thing `app` is.
    pub kind: Kind,
    /// What for.
    pub role: Role,
    /// The server's name.
    pub host: Option<String>,
    /// Where the name was read: `sni`, `quic`, `dtls`, `gquic`, `http`, `cert`, `dns`.
    pub host_source: Option<&'static str>,
    /// By what it was attributed.
    pub evidence: Evidence,
    /// How far that can be trusted.
    pub confidence: Confidence,
    /// Evidence that contradicts the attribution, in words.
    pub conflicts: Vec<String>,
    /// Application protocols the client offered.
    pub alpn: Vec<String>,
    /// JA4 client fingerprint.
    pub ja4: Option<String>,
    /// The same of a second hello, where the server asked for one and it differs.
    pub second_ja4: Option<String>,
    /// What it speaks, where that was recognised: `tls`, `quic`, `doh`, `stun`, `wireguard` and the like.
    pub speaks: Option<&'static str>,
    /// The ClientHello carried `encrypted_client_hello`.
    pub ech: bool,
}
