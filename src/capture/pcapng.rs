//! pcapng: sections of blocks, each section in its own byte order with its own interfaces
//! (draft-ietf-opsawg-pcapng).

use super::{
    LinkType,
    clock::Clock,
    error::CutReason,
    options::{Options, said_of_packet},
    pcap::Order,
    record::{Record, Stop, Tag},
    tags::Tags,
    window::Window,
};
use crate::base::Stamp;

/// Reads packets one after another, whatever blocks lie between them.
pub(super) struct PcapngReader {
    order: Order,
    interfaces: Vec<Interface>,
    tags: Tags,
    /// The newest stamp: a Simple Packet Block has none of its own.
    last: Stamp,
    broken: u64,
    /// Frames lost in earlier sections.
    lost: u64,
}

/// What an Interface Description Block says.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    /// Zero: no limit.
    snap: u32,
    clock: Clock,
    /// Frames that the newest statistics say were lost.
    lost: u64,
}

impl PcapngReader {
    fn new() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            tags: Tags::default(),
            last: Stamp::default(),
            broken: 0,
            lost: 0,
        }
    }

    /// Reads the Section Header Block that a file starts with.
    pub(super) fn open(window: &mut Window) -> Result<Self, Stop> {
        let mut reader = Self::new();
        if let Some((kind, length)) = reader.block_head(window)? {
            reader.note(kind, length, window)?;
        }
        Ok(reader)
    }

    /// The names that the section gave to users and processes so far.
    pub(super) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Blocks passed over because they contradict themselves.
    pub(super) fn broken(&self) -> u64 {
        self.broken
    }

    /// Frames that the capturing program says it lost.
    pub(super) fn lost(&self) -> u64 {
        self.interfaces.iter().fold(self.lost, |sum, interface| sum.saturating_add(interface.lost))
    }

    /// Reads up to the next packet, into `record`; false at the end of the file.
    pub(super) fn advance(&mut self, window: &mut Window, record: &mut Record) -> Result<bool, Stop> {
        loop {
            let Some((kind, length)) = self.block_head(window)? else { return Ok(false) };
            match kind {
                SECTION | INTERFACE | STATISTICS | CUSTOM | CUSTOM_LOCAL | PROCESS => {
                    self.note(kind, length, window)?;
                }
                ENHANCED | SIMPLE | PACKET => {
                    if self.packet(kind, length, window, record)? {
                        return Ok(true);
                    }
                    self.broken += 1;
                }
                _ => pass_over(length, window, self.order)?,
            }
        }
    }

    /// Kind and length of the next block; `None` at the end of the file. A section header sets the byte order.
    fn block_head(&mut self, window: &mut Window) -> Result<Option<(u32, u32)>, Stop> {
        if !window.has(BLOCK_HEAD)? {
            return if window.left() == 0 { Ok(None) } else { Err(Stop::cut(window, CutReason::EndsWithin)) };
        }
        let [k0, k1, k2, k3, l0, l1, l2, l3] = window.array();
        if u32::from_be_bytes([k0, k1, k2, k3]) == SECTION {
            self.order = section_order(window)?;
        }
        let length = self.order.u32([l0, l1, l2, l3]);
        if length < BLOCK_FRAME || !length.is_multiple_of(4) {
            return Err(Stop::cut(window, CutReason::AbsurdLength(length)));
        }
        Ok(Some((self.order.u32([k0, k1, k2, k3]), length)))
    }

    /// Takes in a block that says something of the packets to come.
    fn note(&mut self, kind: u32, length: u32, window: &mut Window) -> Result<(), Stop> {
        if kind == SECTION {
            self.lost = self.lost();
            self.interfaces.clear();
            self.tags = Tags::default();
            return pass_over(length, window, self.order);
        }
        let len = match small(length) {
            Some(len) => len,
            None if kind == INTERFACE => return Err(Stop::cut(window, CutReason::BadInterface)),
            None => return pass_over(length, window, self.order),
        };
        whole_block(len, window, self.order)?;
        let body = window.front().get(BLOCK_HEAD..len - BLOCK_TAIL).unwrap_or_default();
        let understood = match kind {
            INTERFACE => interface(body, self.order).map(|it| self.interfaces.push(it)),
            PROCESS => self.tags.note_process(body, self.order),
            STATISTICS => statistics(body, self.order, &mut self.interfaces),
            _ => self.tags.note_custom(body, self.order),
        };
        // Packets name interfaces by their number, so one that cannot be kept must end what can be understood.
        if self.interfaces.len() > MOST_INTERFACES || (kind == INTERFACE && understood.is_none()) {
            return Err(Stop::cut(window, CutReason::BadInterface));
        }
        window.take(len);
        Ok(())
    }

    /// Reads a packet of any kind; false where its block contradicts itself.
    fn packet(&mut self, kind: u32, length: u32, window: &mut Window, record: &mut Record) -> Result<bool, Stop> {
        let Some(len) = small(length) else { return Err(Stop::cut(window, CutReason::AbsurdLength(length))) };
        whole_block(len, window, self.order)?;
        let body = window.front().get(BLOCK_HEAD..len - BLOCK_TAIL).unwrap_or_default();
        let head = match kind {
            ENHANCED => enhanced(body, self.order),
            SIMPLE => simple(body, self.order, self.interfaces.first()),
            _ => obsolete(body, self.order),
        };
        let found = head.and_then(|head| {
            let interface = self.interfaces.get(head.interface as usize)?;
            let rest = body.get(head.data_at..)?;
            let options = rest.get(head.kept..).map(|rest| rest.get(padding(head.kept)..).unwrap_or_default())?;
            Some((head, *interface, said_of_packet(Options::new(options, self.order))))
        });
        let Some((head, interface, said)) = found else {
            window.take(len);
            return Ok(false);
        };
        self.last = head.ticks.map_or(self.last, |ticks| interface.clock.stamp(ticks));
        record.stamp = self.last;
        record.link = interface.link;
        record.original_len = head.original_len.max(u32::try_from(head.kept).unwrap_or(u32::MAX));
        record.heading = said.heading;
        record.tag = match said.process {
            Some((pid, name)) if said.tag == Tag::None => self.tags.note_comment(pid, name),
            _ => said.tag,
        };
        window.take(BLOCK_HEAD + head.data_at);
        record.data = window.take(head.kept);
        window.take(len - BLOCK_HEAD - head.data_at - head.kept);
        Ok(true)
    }
}

/// The byte order that the section at the window's front declares.
fn section_order(window: &mut Window) -> Result<Order, Stop> {
    if !window.has(SECTION_HEAD)? {
        return Err(Stop::cut(window, CutReason::EndsWithin));
    }
    let [.., a, b, c, d, v0, v1] = window.array::<SECTION_HEAD>();
    let order = [Order::Little, Order::Big].into_iter().find(|order| order.u32([a, b, c, d]) == BYTE_ORDER);
    match order.map(|order| (order, order.u16([v0, v1]))) {
        Some((order, 1)) => Ok(order),
        Some((_, version)) => Err(Stop::cut(window, CutReason::Version(version))),
        None => Err(Stop::cut(window, CutReason::NoByteOrder)),
    }
}

/// `length` where a block of it is held in memory to be read.
fn small(length: u32) -> Option<usize> {
    usize::try_from(length).ok().filter(|&len| len <= super::feed::LONGEST_RECORD)
}

/// Makes the block at the window's front contiguous, and checks that its end repeats its length.
fn whole_block(len: usize, window: &mut Window, order: Order) -> Result<(), Stop> {
    if !window.has(len)? {
        return Err(Stop::cut(window, CutReason::EndsWithin));
    }
    let tail = window.front().get(len - BLOCK_TAIL..len).and_then(|tail| tail.first_chunk().copied());
    let tail = order.u32(tail.unwrap_or_default());
    let head = u32::try_from(len).unwrap_or(u32::MAX);
    if tail == head { Ok(()) } else { Err(Stop::cut(window, CutReason::LengthsDiffer(head, tail))) }
}

/// Passes over a block of any length without holding it in memory.
fn pass_over(length: u32, window: &mut Window, order: Order) -> Result<(), Stop> {
    let offset = window.offset();
    let at = |why| Stop::Cut(super::error::Cut { offset, why });
    if !window.skip(u64::from(length) - BLOCK_TAIL as u64)? || !window.has(BLOCK_TAIL)? {
        return Err(at(CutReason::EndsWithin));
    }
    let tail = order.u32(window.array());
    window.take(BLOCK_TAIL);
    if tail == length { Ok(()) } else { Err(at(CutReason::LengthsDiffer(length, tail))) }
}

/// Reads an Interface Description Block; `None` where it ends early.
fn interface(body: &[u8], order: Order) -> Option<Interface> {
    let (&[l0, l1, _, _, s0, s1, s2, s3], options) = body.split_first_chunk()?;
    let mut clock = Clock::default();
    for (code, value) in Options::new(options, order) {
        match (code, value) {
            (IF_TSRESOL, &[resolution, ..]) => clock.set_resolution(resolution),
            (IF_TSOFFSET, value) => {
                if let Some(&seconds) = value.first_chunk() {
                    clock.set_offset(order.u64(seconds).cast_signed());
                }
            }
            _ => {}
        }
    }
    Some(Interface { link: LinkType(order.u16([l0, l1])), snap: order.u32([s0, s1, s2, s3]), clock, lost: 0 })
}

/// Reads an Interface Statistics Block, whose counters run from the start of the capture.
fn statistics(body: &[u8], order: Order, interfaces: &mut [Interface]) -> Option<()> {
    let (&[i0, i1, i2, i3, ..], options) = body.split_first_chunk::<12>()?;
    let interface = interfaces.get_mut(usize::try_from(order.u32([i0, i1, i2, i3])).ok()?)?;
    let lost = Options::new(options, order).filter(|(code, _)| matches!(*code, ISB_IFDROP | ISB_OSDROP));
    let lost = lost.filter_map(|(_, value)| value.first_chunk().map(|&count| order.u64(count)));
    interface.lost = lost.fold(0, u64::saturating_add);
    Some(())
}

/// The fixed part of a packet block.
struct PacketHead {
    interface: u32,
    ticks: Option<u64>,
    kept: usize,
    original_len: u32,
    /// Where in the block's body the packet starts.
    data_at: usize,
}

/// Enhanced Packet Block.
fn enhanced(body: &[u8], order: Order) -> Option<PacketHead> {
    let &[i0, i1, i2, i3, h0, h1, h2, h3, t0, t1, t2, t3, k0, k1, k2, k3, o0, o1, o2, o3] = body.first_chunk()?;
    let ticks = u64::from(order.u32([h0, h1, h2, h3])) << 32 | u64::from(order.u32([t0, t1, t2, t3]));
    Some(PacketHead {
        interface: order.u32([i0, i1, i2, i3]),
        ticks: Some(ticks),
        kept: usize::try_from(order.u32([k0, k1, k2, k3])).ok()?,
        original_len: order.u32([o0, o1, o2, o3]),
        data_at: 20,
    })
}

/// The obsolete Packet Block: a drop count shares the interface field.
fn obsolete(body: &[u8], order: Order) -> Option<PacketHead> {
    let &[i0, i1, ..] = body.first_chunk::<4>()?;
    let head = enhanced(body, order)?;
    Some(PacketHead { interface: order.u16([i0, i1]).into(), ..head })
}

/// Simple Packet Block: always of the section's first interface, kept up to its snap length.
fn simple(body: &[u8], order: Order, interface: Option<&Interface>) -> Option<PacketHead> {
    let (&original, data) = body.split_first_chunk()?;
    let original_len = order.u32(original);
    let snap = interface.map_or(0, |it| it.snap);
    let most = if snap == 0 { original_len } else { original_len.min(snap) };
    let kept = usize::try_from(most).ok()?.min(data.len());
    Some(PacketHead { interface: 0, ticks: None, kept, original_len, data_at: 4 })
}

/// How many bytes fill `len` up to a multiple of four.
pub(super) const fn padding(len: usize) -> usize {
    len.wrapping_neg() % 4
}

/// Section Header Block. Its number reads the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const STATISTICS: u32 = 5;
pub(super) const ENHANCED: u32 = 6;
/// Custom blocks: may be copied to another file; may not.
pub(super) const CUSTOM: u32 = 0x0000_0bad;
const CUSTOM_LOCAL: u32 = 0x4000_0bad;
/// Apple's process information, a block number for local use.
const PROCESS: u32 = 0x8000_0001;

pub(super) const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const BLOCK_HEAD: usize = 8;
const BLOCK_TAIL: usize = 4;
/// The shortest block: kind, length, length.
const BLOCK_FRAME: u32 = 12;
/// Kind, length, byte-order mark, major version.
const SECTION_HEAD: usize = 14;
const MOST_INTERFACES: usize = 65_536;
pub(super) const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
/// Frames lost by the interface, and by the system for want of room.
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
