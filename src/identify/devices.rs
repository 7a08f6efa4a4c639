//! Which audited device a flow belongs to, and which side of the flow it is.
//!
//! A device is known by its hardware address where frames carry one, else by its address. The private side of a
//! private-public pair is the device; failing that, the side known from before, the side that the capturing host
//! says it sent from, and at last the side that opened the flow.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::gateways::Gateways;
use crate::{
    base::{
        Cidr, Endpoint, Mac,
        endpoint::{is_group, is_private},
    },
    capture::Heading,
    flow::{FlowKey, Side},
};

/// A device's number in one run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct DeviceId(pub u32);

/// A name that the owner of a device gave it, and how to know it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceLabel {
    /// What it is called.
    pub label: String,
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// Its addresses: they are one device even where frames carry no hardware address.
    pub addresses: Vec<IpAddr>,
}

/// How devices are told apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceOptions {
    /// Address blocks whose hosts are devices, public ones too.
    pub local: Vec<Cidr>,
    /// Names that owners gave.
    pub labels: Vec<DeviceLabel>,
    /// Devices at most; flows of further ones are counted and belong to none.
    pub most: usize,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self { local: Vec::new(), labels: Vec::new(), most: 4_096 }
    }
}

/// Where a device stands in a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Which device.
    pub device: DeviceId,
    /// Which side it is.
    pub side: Side,
}

impl Place {
    /// The far end of the flow, as the device sees it.
    pub const fn remote(self, key: &FlowKey) -> Endpoint {
        match self.side {
            Side::Initiator => key.responder,
            Side::Responder => key.initiator,
        }
    }
}

/// An audited host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Device {
    /// Hardware address where frames carry one, else address, else the owner's label.
    pub id: String,
    /// The name its owner gave it.
    pub label: Option<String>,
    /// The addresses it used, in order; at most 64.
    pub addresses: BTreeSet<IpAddr>,
}

/// How a device is known again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
enum Known {
    Hardware(Mac),
    Address(IpAddr),
    Labelled(usize),
}

/// The two addresses of the phone in every PCAPdroid capture: its VPN interface has the same ones everywhere.
const PCAPDROID_V4: Ipv4Addr = Ipv4Addr::new(10, 215, 173, 1);
const PCAPDROID_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 2, 0xfd00, 1, 0xfd00, 1, 0xfd00, 1);
/// Every host on the link.
const BROADCAST: Mac = Mac([0xff; 6]);
/// A changing address beyond these is not listed.
const MOST_ADDRESSES: usize = 64;

/// All devices of one run.
#[derive(Debug)]
pub struct Devices {
    options: DeviceOptions,
    gateways: Gateways,
    ids: HashMap<Known, DeviceId>,
    met: Vec<Device>,
    refused: u64,
}

/// One side of a flow.
#[derive(Clone, Copy)]
struct End {
    side: Side,
    addr: IpAddr,
    mac: Option<Mac>,
    /// It is many hosts: a multicast or broadcast address.
    group: bool,
}

impl Devices {
    /// No devices yet.
    pub fn new(options: DeviceOptions) -> Self {
        Self { options, gateways: Gateways::default(), ids: HashMap::new(), met: Vec::new(), refused: 0 }
    }

    /// The device of a flow whose first packet went `heading`, as seen from the capturing host, and was sent by the
    /// initiator. `None` where both ends are groups, or the table is full.
    pub fn place(&mut self, key: &FlowKey, heading: Option<Heading>) -> Option<Place> {
        let (from, to) = (key.initiator.addr, key.responder.addr);
        let ends = [
            End { side: Side::Initiator, addr: from, mac: host_mac(key.initiator_mac), group: is_group(from) },
            End {
                side: Side::Responder,
                addr: to,
                mac: host_mac(key.responder_mac),
                group: is_group(to) || key.responder_mac == Some(BROADCAST) || is_broadcast(to, from),
            },
        ];
        self.note_gateways(ends);
        let end = self.device_end(ends, heading)?;
        let known = self.known_by(end);
        let Some(device) = self.enter(known) else {
            self.refused += 1;
            return None;
        };
        let addresses = &mut self.met[device.0 as usize].addresses;
        if addresses.len() < MOST_ADDRESSES {
            addresses.insert(end.addr);
        }
        Some(Place { device, side: end.side })
    }

    /// The device with this number. Numbers are only handed out by [`Devices::place`].
    pub fn device(&self, id: DeviceId) -> &Device {
        &self.met[id.0 as usize]
    }

    /// Every device, in the order they were first seen.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        (0..).map(DeviceId).zip(&self.met)
    }

    /// How many flows belong to no device because the table was full.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn device_end(&self, ends: [End; 2], heading: Option<Heading>) -> Option<End> {
        let [initiator, responder] = ends;
        let by = |test: &dyn Fn(End) -> bool| match (test(initiator), test(responder)) {
            (true, false) => Some(initiator),
            (false, true) => Some(responder),
            _ => None,
        };
        if initiator.group && responder.group {
            return None;
        }
        by(&|end| !end.group)
            .or_else(|| by(&|end| self.is_declared(end.addr)))
            .or_else(|| by(&|end| is_private(end.addr)))
            // Between two local hosts, who was met first says nothing: a router has its own traffic too.
            .or_else(|| by(&|end| self.is_established(end)).filter(|_| !ends.iter().all(|end| is_private(end.addr))))
            .or_else(|| by(&|end| !self.is_gateway(end)))
            .or(match heading {
                Some(Heading::Inbound) => Some(responder),
                Some(Heading::Outbound) | None => Some(initiator),
            })
    }

    /// Whether the user said that this address is a device's.
    fn is_declared(&self, addr: IpAddr) -> bool {
        self.options.local.iter().any(|block| block.contains(addr))
            || self.options.labels.iter().any(|label| label.addresses.contains(&addr))
    }

    fn is_gateway(&self, end: End) -> bool {
        end.mac.is_some_and(|mac| self.gateways.is_gateway(mac))
    }

    fn is_established(&self, end: End) -> bool {
        self.ids.contains_key(&self.known_by(end))
    }

    /// A hardware address says more than an address, unless a router put it on other hosts' frames.
    fn known_by(&self, end: End) -> Known {
        let labels = &self.options.labels;
        let mac = end.mac.filter(|&mac| !self.gateways.is_gateway(mac));
        let labelled = labels
            .iter()
            .position(|label| label.addresses.contains(&end.addr) || mac.is_some_and(|mac| label.mac == Some(mac)));
        match (labelled, mac) {
            (Some(n), _) => Known::Labelled(n),
            (None, Some(mac)) => Known::Hardware(mac),
            (None, None) if end.addr == IpAddr::V6(PCAPDROID_V6) => Known::Address(IpAddr::V4(PCAPDROID_V4)),
            (None, None) => Known::Address(end.addr),
        }
    }

    fn enter(&mut self, known: Known) -> Option<DeviceId> {
        if let Some(&id) = self.ids.get(&known) {
            return Some(id);
        }
        if self.met.len() >= self.options.most {
            return None;
        }
        let id = DeviceId(u32::try_from(self.met.len()).ok()?);
        self.ids.insert(known, id);
        self.met.push(self.introduce(known));
        Some(id)
    }

    fn introduce(&self, known: Known) -> Device {
        let (id, label) = match known {
            Known::Hardware(mac) => (mac.to_string(), None),
            Known::Address(addr) => (addr.to_string(), None),
            Known::Labelled(n) => {
                let label = &self.options.labels[n];
                let id =
                    label.mac.map(|mac| mac.to_string()).or_else(|| label.addresses.first().map(IpAddr::to_string));
                (id.unwrap_or_else(|| label.label.clone()), Some(label.label.clone()))
            }
        };
        Device { id, label, addresses: BTreeSet::new() }
    }

    fn note_gateways(&mut self, [one, other]: [End; 2]) {
        for (end, far) in [(one, other), (other, one)] {
            if let Some(mac) = end.mac {
                self.gateways.note(mac, end.addr, is_private(far.addr) || self.is_declared(far.addr));
            }
        }
    }
}

/// Whether `to` is the broadcast address of the usual local network of `from`: a home's block of 256 addresses.
fn is_broadcast(to: IpAddr, from: IpAddr) -> bool {
    match (to, from) {
        (IpAddr::V4(to), IpAddr::V4(from)) => {
            is_private(IpAddr::V4(from)) && to.octets()[3] == 255 && to.octets()[..3] == from.octets()[..3]
        }
        _ => false,
    }
}

fn host_mac(mac: Option<Mac>) -> Option<Mac> {
    mac.filter(|mac| mac.names_a_host())
}

#[cfg(test)]
mod tests;
