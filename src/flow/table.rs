//! The flow table.

use std::collections::{HashMap, hash_map::Entry};

use foldhash::quality::RandomState;

use super::{
    AppOwner, Budget, Events, FlowEvent, FlowId, FlowKey, Limits, Protocol, Sent, Side,
    connection::{Connection, opener},
    expiry::Expiry,
    tuple::{Tuple, protocol},
};
use crate::{
    base::{Bytes, Minute, Stamp},
    decode::{Packet, Transport},
};

/// Payload in packets of at least this many payload bytes is bulk.
const BULK_PACKET: u32 = 1_000;

/// Datagrams of one flow that the hints may look at while nobody has said enough.
const MOST_DATAGRAMS: u16 = 256;

/// Every flow in progress, bounded in number; packet time is its only clock.
///
/// ```
/// use nightaudit::flow::{FlowTable, Limits};
///
/// let table = FlowTable::new(Limits::default());
/// assert_eq!(table.evicted(), 0);
/// ```
#[derive(Debug)]
pub struct FlowTable {
    limits: Limits,
    /// Asked for nearly each packet. The seed is drawn anew each time, so that no capture can be made to collide.
    by_tuple: HashMap<Tuple, u32, RandomState>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    expiry: Expiry,
    now: Stamp,
    last: Option<(Tuple, u32)>,
    early: Budget,
    evicted: u64,
}

#[derive(Debug, Default)]
struct Slot {
    serial: u32,
    flow: Option<Flow>,
}

/// What the table keeps of one flow.
#[derive(Debug)]
struct Flow {
    key: FlowKey,
    tuple: Tuple,
    /// The initiator is the tuple's smaller endpoint.
    initiator_is_low: bool,
    connection: Option<Box<Connection>>,
    last: Stamp,
    minute: Minute,
    sent: [Sent; 2],
    datagrams_shown: u16,
    curious: bool,
    owned: bool,
}

impl FlowTable {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            by_tuple: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            expiry: Expiry::default(),
            now: Stamp::default(),
            last: None,
            early: Budget::new(limits.early_bytes),
            evicted: 0,
        }
    }

    /// How many flows were closed early because the table was full.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many flows lost segments that came too early, because the table kept too many of them.
    pub const fn early_given_up(&self) -> u64 {
        self.early.given_up()
    }

    /// How many flows are in progress.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Folds one packet into its flow, and appends to `events` what became true by it.
    pub fn ingest(&mut self, packet: &Packet<'_>, events: &mut Events) {
        self.now = newer(self.now, packet.stamp);
        if self.expiry.any_due(self.now) {
            self.expire(self.now, events);
        }
        let (tuple, forward) = Tuple::of(packet);
        let slot = match self.find(tuple) {
            Some(slot) if !self.starts_anew(slot, packet, forward) => slot,
            Some(slot) => {
                self.close(slot, events);
                self.open(tuple, forward, packet, events)
            }
            None => self.open(tuple, forward, packet, events),
        };
        self.last = Some((tuple, slot));
        let Slot { serial, flow: Some(flow) } = &mut self.slots[slot as usize] else { return };
        let flow_id = id(*serial, slot);
        let before = flow.early();
        flow.fold(flow_id, packet, forward, events);
        let after = flow.early();
        if before != after {
            self.keep_early(flow_id, before, after);
        }
    }

    /// Says that the hints have seen enough of `flow`: its bytes are counted from now on, no longer copied.
    pub fn sate(&mut self, flow: FlowId) {
        let Some(early) = self.flow_mut(flow).map(Flow::stop_copying) else { return };
        if early > 0 {
            self.keep_early(flow, early, 0);
        }
    }

    /// Closes the flows that have been idle too long at `now`, the newest packet's stamp.
    pub fn expire(&mut self, now: Stamp, events: &mut Events) {
        for flow in self.expiry.take_due(now) {
            let limits = self.limits;
            let Some(deadline) = self.flow_mut(flow).map(|found| found.deadline(&limits)) else { continue };
            if deadline <= now {
                self.close(flow.slot(), events);
            } else {
                self.expiry.put(flow, deadline);
            }
        }
    }

    /// Hands out what every flow moved in its current minute, without closing it: for a live view.
    pub fn flush(&mut self, events: &mut Events) {
        for (slot, Slot { serial, flow }) in (0_u32..).zip(&mut self.slots) {
            if let Some(flow) = flow {
                flow.hand_out_minute(id(*serial, slot), events);
            }
        }
    }

    /// Goes on to `now` while no packet comes: closes flows that have been idle too long, and hands out what the others
    /// moved in minutes that are over.
    pub fn pass(&mut self, now: Stamp, events: &mut Events) {
        self.expire(now, events);
        for (slot, Slot { serial, flow }) in (0_u32..).zip(&mut self.slots) {
            if let Some(flow) = flow
                && flow.minute < now.minute()
            {
                flow.hand_out_minute(id(*serial, slot), events);
            }
        }
    }

    /// Closes every flow: the capture is over.
    pub fn finish(&mut self, events: &mut Events) {
        for slot in (0_u32..).take(self.slots.len()) {
            self.close(slot, events);
        }
    }

    fn find(&self, tuple: Tuple) -> Option<u32> {
        match self.last {
            Some((last, slot)) if last == tuple => Some(slot),
            _ => self.by_tuple.get(&tuple).copied(),
        }
    }

    /// Notes how many early bytes `flow` keeps; where all flows keep too many, those that waited longest give up.
    fn keep_early(&mut self, flow: FlowId, before: usize, after: usize) {
        let Self { early, slots, .. } = self;
        early.changed(flow, before, after, |flow| kept_early(slots, flow) > 0);
        while let Some(oldest) = self.early.next_to_give_up() {
            let bytes = kept_early(&self.slots, oldest);
            if bytes > 0 {
                self.flow_mut(oldest).map(Flow::stop_copying);
                self.early.gave_up(bytes);
            }
        }
    }

    fn flow_mut(&mut self, flow: FlowId) -> Option<&mut Flow> {
        let slot = self.slots.get_mut(flow.slot() as usize)?;
        if slot.serial == flow.serial() { slot.flow.as_mut() } else { None }
    }

    /// Whether `packet` opens a new connection on the ports of the flow in `slot`, or comes after its idle time.
    fn starts_anew(&self, slot: u32, packet: &Packet<'_>, forward: bool) -> bool {
        let Some(flow) = &self.slots[slot as usize].flow else { return false };
        let reused = match (packet.transport, &flow.connection) {
            (Transport::Tcp { seq, flags, .. }, Some(connection)) => {
                connection.is_reopened_by(flow.side(forward), seq, flags)
            }
            _ => false,
        };
        reused || flow.deadline(&self.limits) < packet.stamp
    }

    fn open(&mut self, tuple: Tuple, forward: bool, packet: &Packet<'_>, events: &mut Events) -> u32 {
        if self.len() >= self.limits.flows {
            self.evict_one(events);
        }
        let flow = Flow::opened_by(packet, tuple, forward);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let Slot { serial, flow: place } = &mut self.slots[slot as usize];
        *serial = serial.wrapping_add(1);
        let flow_id = id(*serial, slot);
        let heading = packet.heading.map(|heading| heading.seen_from(flow.side(forward)));
        events.push(FlowEvent::Opened { flow: flow_id, key: flow.key, heading, at: packet.stamp });
        self.expiry.put(flow_id, flow.deadline(&self.limits));
        *place = Some(flow);
        let (live, slots) = (self.slots.len() - self.free.len(), &self.slots);
        self.expiry.tidy(live, |flow| {
            slots.get(flow.slot() as usize).is_some_and(|slot| slot.serial == flow.serial() && slot.flow.is_some())
        });
        self.by_tuple.insert(tuple, slot);
        slot
    }

    /// Closes the flow whose time is up soonest, or, should all of the soonest have moved since, one of those.
    fn evict_one(&mut self, events: &mut Events) {
        const LOOKS: u32 = 32;
        for look in 1.. {
            let Some(flow) = self.expiry.take_nearest() else { return };
            let (limits, now) = (self.limits, self.now);
            let Some(deadline) = self.flow_mut(flow).map(|found| found.deadline(&limits)) else { continue };
            if look < LOOKS && deadline > now.plus_seconds(limits.datagram_idle_seconds) {
                self.expiry.put(flow, deadline);
                continue;
            }
            self.evicted += 1;
            self.close(flow.slot(), events);
            return;
        }
    }

    fn close(&mut self, slot: u32, events: &mut Events) {
        let Slot { serial, flow } = &mut self.slots[slot as usize];
        let Some(mut flow) = flow.take() else { return };
        let flow_id = id(*serial, slot);
        flow.hand_out_minute(flow_id, events);
        let early = flow.early();
        if early > 0 {
            self.keep_early(flow_id, early, 0);
        }
        events.push(FlowEvent::Closed { flow: flow_id, at: flow.last });
        if let Entry::Occupied(entry) = self.by_tuple.entry(flow.tuple)
            && *entry.get() == slot
        {
            entry.remove();
        }
        self.free.push(slot);
        self.last = None;
    }
}

impl Flow {
    fn opened_by(packet: &Packet<'_>, tuple: Tuple, forward: bool) -> Self {
        let sender_opened = opener(packet) == Side::Initiator;
        let (initiator, responder) = if sender_opened { (packet.src, packet.dst) } else { (packet.dst, packet.src) };
        let macs = (packet.src_mac, packet.dst_mac);
        let (initiator_mac, responder_mac) = if sender_opened { macs } else { (macs.1, macs.0) };
        let protocol = protocol(packet.transport);
        Self {
            key: FlowKey { protocol, initiator, responder, initiator_mac, responder_mac },
            tuple,
            initiator_is_low: forward == sender_opened,
            connection: (protocol == Protocol::Tcp).then(Box::default),
            last: packet.stamp,
            minute: packet.stamp.minute(),
            sent: [Sent::default(); 2],
            datagrams_shown: 0,
            curious: protocol == Protocol::Udp,
            owned: false,
        }
    }

    const fn side(&self, forward: bool) -> Side {
        if forward == self.initiator_is_low { Side::Initiator } else { Side::Responder }
    }

    /// Bytes kept that came before what they follow.
    fn early(&self) -> usize {
        self.connection.as_ref().map_or(0, |connection| connection.early())
    }

    /// Copies no more, and says how many early bytes it let go.
    fn stop_copying(&mut self) -> usize {
        let early = self.early();
        self.curious = false;
        if let Some(connection) = &mut self.connection {
            connection.stop_copying();
        }
        early
    }

    /// When it is over if nothing more comes.
    fn deadline(&self, limits: &Limits) -> Stamp {
        let idle = match &self.connection {
            Some(connection) => connection.idle_seconds(limits),
            None => limits.datagram_idle_seconds,
        };
        self.last.plus_seconds(idle)
    }

    fn fold(&mut self, id: FlowId, packet: &Packet<'_>, forward: bool, events: &mut Events) {
        let side = self.side(forward);
        self.last = newer(self.last, packet.stamp);
        if let (Some(app), false) = (packet.app, self.owned) {
            self.owned = true;
            events.push(FlowEvent::Owned { flow: id, owner: AppOwner::from(app) });
        }
        let unique =
            if let (Transport::Tcp { seq, flags, .. }, Some(connection)) = (packet.transport, &mut self.connection) {
                let mut show = |bytes: &[u8]| events.show(id, side, packet.stamp, bytes);
                connection.fold(side, (seq, flags), packet.payload, packet.payload_len, &mut show)
            } else {
                self.show_datagram(id, side, packet, events);
                packet.payload_len
            };
        self.count(id, side, packet, unique, events);
    }

    fn show_datagram(&mut self, id: FlowId, side: Side, packet: &Packet<'_>, events: &mut Events) {
        if self.curious && !packet.payload.is_empty() {
            self.datagrams_shown += 1;
            self.curious = self.datagrams_shown < MOST_DATAGRAMS || is_name_service(&self.key);
            self.datagrams_shown = self.datagrams_shown.min(MOST_DATAGRAMS);
            events.show(id, side, packet.stamp, packet.payload);
        }
    }

    fn count(&mut self, id: FlowId, side: Side, packet: &Packet<'_>, unique: u32, events: &mut Events) {
        let minute = packet.stamp.minute();
        if minute != self.minute {
            self.hand_out_minute(id, events);
            self.minute = minute;
        }
        let sent = &mut self.sent[side as usize];
        sent.payload += Bytes(unique.into());
        sent.wire += Bytes(packet.wire_len.into());
        if packet.payload_len >= BULK_PACKET {
            sent.bulk += Bytes(unique.into());
        }
        sent.packets += 1;
        sent.seconds |= 1 << packet.stamp.second_of_minute();
    }

    fn hand_out_minute(&mut self, flow: FlowId, events: &mut Events) {
        let [initiator, responder] = std::mem::take(&mut self.sent);
        if initiator.packets > 0 || responder.packets > 0 {
            events.push(FlowEvent::Moved { flow, minute: self.minute, initiator, responder });
        }
    }
}

fn kept_early(slots: &[Slot], flow: FlowId) -> usize {
    let slot = slots.get(flow.slot() as usize).filter(|slot| slot.serial == flow.serial());
    slot.and_then(|slot| slot.flow.as_ref()).map_or(0, Flow::early)
}

/// The newer of two stamps, unless the sensor's clock was set back: then time goes on from there.
fn newer(known: Stamp, stamp: Stamp) -> Stamp {
    const DISORDER_SECONDS: u64 = 600;
    if stamp.plus_seconds(DISORDER_SECONDS) < known { stamp } else { known.max(stamp) }
}

/// Resolvers keep one flow for a long time, and every datagram of it may carry a name.
const fn is_name_service(key: &FlowKey) -> bool {
    matches!(key.responder.port, 53 | 5353 | 5355) || matches!(key.initiator.port, 53 | 5353)
}

const fn id(serial: u32, slot: u32) -> FlowId {
    FlowId((serial as u64) << 32 | slot as u64)
}
