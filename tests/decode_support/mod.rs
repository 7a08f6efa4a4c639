//! Just enough of pcap and pcapng to hand frames to the decoder without trusting the stage before it.

use nightaudit::{
    base::Stamp,
    capture::{Frame, LinkType},
};

/// A frame that owns its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) stamp: Stamp,
    pub(crate) link: LinkType,
    pub(crate) data: Vec<u8>,
    pub(crate) original_len: u32,
}

impl Recorded {
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame {
            stamp: self.stamp,
            link: self.link,
            data: &self.data,
            original_len: self.original_len,
            heading: None,
            app: None,
        }
    }
}

/// The frames of a capture file, up to the first that is cut off. `None` where it is neither pcap nor pcapng.
pub(crate) fn frames(file: &[u8]) -> Option<Vec<Recorded>> {
    let magic: [u8; 4] = *file.first_chunk()?;
    match u32::from_le_bytes(magic) {
        0x0a0d_0d0a => Some(pcapng(file)),
        0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 => classic(file, u32::from_le_bytes),
        _ => match u32::from_be_bytes(magic) {
            0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 => classic(file, u32::from_be_bytes),
            _ => None,
        },
    }
}

type Order = fn([u8; 4]) -> u32;

fn word(bytes: &[u8], at: usize, order: Order) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| order(*four))
}

fn half(bytes: &[u8], at: usize, order: Order) -> Option<u16> {
    let [a, b] = *bytes.get(at..)?.first_chunk()?;
    let little = order([1, 0, 0, 0]) == 1;
    Some(if little { u16::from_le_bytes([a, b]) } else { u16::from_be_bytes([a, b]) })
}

fn classic(file: &[u8], order: Order) -> Option<Vec<Recorded>> {
    let magic = word(file, 0, order)?;
    let link = LinkType((word(file, 20, order)? & 0xffff) as u16);
    let header = if magic == 0xa1b2_cd34 { 24 } else { 16 };
    let scale = if magic == 0xa1b2_3c4d { 1 } else { 1_000 };
    let mut out = Vec::new();
    let mut at = 24;
    while let Some(kept) = word(file, at + 8, order) {
        let Some(data) = file.get(at + header..at + header + kept as usize) else { break };
        let stamp = Stamp::new(word(file, at, order)?.into(), u64::from(word(file, at + 4, order)?) * scale);
        out.push(Recorded { stamp, link, data: data.to_vec(), original_len: word(file, at + 12, order)? });
        at += header + kept as usize;
    }
    Some(out)
}

fn pcapng(file: &[u8]) -> Vec<Recorded> {
    let mut out = Vec::new();
    let mut order: Order = u32::from_le_bytes;
    let mut interfaces: Vec<(LinkType, u64, u32)> = Vec::new();
    let mut at = 0;
    while let Some(kind) = word(file, at, u32::from_le_bytes) {
        if kind == 0x0a0d_0d0a {
            order = if word(file, at + 8, u32::from_le_bytes) == Some(0x1a2b_3c4d) {
                u32::from_le_bytes
            } else {
                u32::from_be_bytes
            };
            interfaces.clear();
        }
        let Some(kind) = word(file, at, order) else { break };
        let Some(length) = word(file, at + 4, order).map(|length| length as usize).filter(|length| *length >= 12)
        else {
            break;
        };
        let Some(block) = file.get(at..at + length) else { break };
        match kind {
            1 => interfaces.extend(interface(block, order)),
            6 | 2 => out.extend(packet(block, kind, &interfaces, order)),
            3 => out.extend(simple(block, &interfaces, order)),
            _ => {}
        }
        at += length.next_multiple_of(4);
    }
    out
}

/// Link type, ticks a second, snap length.
fn interface(block: &[u8], order: Order) -> Option<(LinkType, u64, u32)> {
    let link = LinkType(half(block, 8, order)?);
    let mut ticks = 1_000_000;
    let mut at = 16;
    while let (Some(code), Some(length)) = (half(block, at, order), half(block, at + 2, order)) {
        if code == 9 && length == 1 {
            let resolution = *block.get(at + 4)?;
            ticks =
                if resolution & 0x80 == 0 { 10_u64.checked_pow(resolution.into())? } else { 1 << (resolution & 63) };
        }
        if code == 0 {
            break;
        }
        at += 4 + usize::from(length).next_multiple_of(4);
    }
    Some((link, ticks, word(block, 12, order)?))
}

fn packet(block: &[u8], kind: u32, interfaces: &[(LinkType, u64, u32)], order: Order) -> Option<Recorded> {
    let index = if kind == 2 { half(block, 8, order)?.into() } else { word(block, 8, order)? };
    let (link, ticks, _) = *interfaces.get(index as usize)?;
    let time = u64::from(word(block, 12, order)?) << 32 | u64::from(word(block, 16, order)?);
    let kept = word(block, 20, order)? as usize;
    let nanos = u128::from(time) * 1_000_000_000 / u128::from(ticks);
    Some(Recorded {
        stamp: Stamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
        link,
        data: block.get(28..28 + kept)?.to_vec(),
        original_len: word(block, 24, order)?,
    })
}

fn simple(block: &[u8], interfaces: &[(LinkType, u64, u32)], order: Order) -> Option<Recorded> {
    let (link, _, snap) = *interfaces.first()?;
    let original_len = word(block, 8, order)?;
    let kept = if snap == 0 { original_len } else { original_len.min(snap) } as usize;
    Some(Recorded { stamp: Stamp::default(), link, data: block.get(12..12 + kept)?.to_vec(), original_len })
}
