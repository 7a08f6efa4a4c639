//! What a thing tells a filter.

use std::net::IpAddr;

use super::times::Times;
use crate::{
    base::{Bytes, Stamp, endpoint::is_private},
    flow::Protocol,
    identify::{Confidence, Evidence, Kind, Role},
    night::Verdict,
    pipeline::{Audit, DestinationTotal, FlowRow},
};

/// What a flow, a destination or a minute tells; `None` where it does not tell. A text that is known to be none, such
/// as the app of an unattributed flow, is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Id of the device.
    pub device: Option<&'a str>,
    /// The name its owner gave it.
    pub label: Option<&'a str>,
    /// Index of the device in the audit.
    pub device_at: Option<usize>,
    /// Index of the subject in the device's ledger.
    pub subject_at: Option<usize>,
    /// Id of the app or service.
    pub app: Option<&'a str>,
    /// Its name.
    pub name: Option<&'a str>,
    /// Whose servers.
    pub operator: Option<&'a str>,
    /// What sort of thing the app is.
    pub kind: Option<Kind>,
    /// What for.
    pub role: Option<Role>,
    /// The server's name, or a block of addresses.
    pub host: Option<&'a str>,
    /// Both ends.
    pub addresses: [Option<IpAddr>; 2],
    /// The ports of both ends.
    pub ports: Option<[u16; 2]>,
    /// The transport protocol.
    pub protocol: Option<Protocol>,
    /// Payload from the device.
    pub up: Option<Bytes>,
    /// Payload to the device.
    pub down: Option<Bytes>,
    /// Packets both ways.
    pub packets: Option<u64>,
    /// The first moment and the last.
    pub when: Option<(Stamp, Stamp)>,
    /// By what it was attributed.
    pub evidence: Option<Evidence>,
    /// How far that can be trusted.
    pub confidence: Option<Confidence>,
}

impl<'a> Facts<'a> {
    /// What a flow tells, on the devices that `times` knows.
    pub fn of_flow(row: &'a FlowRow, times: &'a Times) -> Self {
        let device_at = row.device.as_deref().and_then(|id| times.device(id));
        let [up, down] = up_and_down(row, device_at, times);
        Self {
            device: Some(row.device.as_deref().unwrap_or_default()),
            label: device_at.and_then(|at| times.label(at)),
            device_at,
            subject_at: device_at.and_then(|at| times.subject(at, row)),
            app: Some(row.app.as_deref().unwrap_or_default()),
            name: device_at.and_then(|at| times.subject_name(at, row)),
            operator: Some(row.operator.as_deref().unwrap_or_default()),
            kind: Some(row.kind),
            role: Some(row.role),
            host: Some(row.host.as_deref().unwrap_or_default()),
            addresses: [Some(row.a.addr), Some(row.b.addr)],
            ports: Some([row.a.port, row.b.port]),
            protocol: Some(row.protocol),
            up: Some(up),
            down: Some(down),
            packets: Some(row.packets[0] + row.packets[1]),
            when: Some((row.first, row.last)),
            evidence: Some(row.evidence),
            confidence: Some(row.confidence),
        }
    }

    /// What a destination of the device at `device_at` tells, whenever it was talked to.
    pub fn of_destination(audit: &'a Audit, device_at: usize, total: &'a DestinationTotal) -> Self {
        let sums = (Some(total.up), Some(total.down));
        let subject = Self::of_subject(audit, device_at, total.subject);
        Self {
            role: Some(total.role),
            host: Some(&total.destination),
            up: sums.0,
            down: sums.1,
            evidence: Some(total.evidence),
            ..subject
        }
    }

    /// What a subject of the device at `device_at` tells.
    pub fn of_subject(audit: &'a Audit, device_at: usize, subject_at: usize) -> Self {
        let Some(device) = audit.devices.get(device_at) else { return Self::default() };
        let subject = device.ledger.subjects.get(subject_at).map(|ledger| &ledger.subject);
        Self {
            device: Some(&device.id),
            label: device.label.as_deref(),
            device_at: Some(device_at),
            subject_at: Some(subject_at),
            app: subject.map(|subject| subject.id.as_str()),
            name: subject.map(|subject| subject.name.as_str()),
            operator: subject.map(|subject| subject.operator.as_str()),
            kind: subject.map(|subject| subject.kind),
            ..Self::default()
        }
    }

    /// The same thing in one stretch of time, without sums.
    #[must_use]
    pub const fn during(mut self, first: Stamp, last: Stamp) -> Self {
        self.when = Some((first, last));
        self.up = None;
        self.down = None;
        self
    }

    /// Seconds from its first moment to its last.
    pub(super) fn lasts(&self) -> Option<u64> {
        self.when.map(|(first, last)| last.since(first) / 1_000_000_000)
    }

    /// Whether somebody was using the device when it began.
    pub(super) fn attended(&self, times: &Times) -> Option<bool> {
        times.is_attended(self.device_at?, self.subject_at?, self.when?.0.minute())
    }

    pub(super) fn verdict(&self, times: &Times) -> Option<Verdict> {
        times.verdict(self.device_at?, self.subject_at?)
    }
}

/// Payload from the device and to it. The device's addresses say which end it is; where they are not known, the private
/// end of a private-public pair is the device, else the end that opened the flow.
pub fn up_and_down(row: &FlowRow, device_at: Option<usize>, times: &Times) -> [Bytes; 2] {
    let [a, b] = row.payload;
    let (is_a, is_b) = match device_at {
        Some(at) => (times.owns(at, row.a.addr), times.owns(at, row.b.addr)),
        None => (is_private(row.a.addr), is_private(row.b.addr)),
    };
    if is_b && !is_a { [b, a] } else { [a, b] }
}
