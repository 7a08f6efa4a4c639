//! IPsec over UDP: IKE on ports 500 and 4500 (RFC 7296), and ESP whose sequence numbers count (RFC 3948).

use crate::{
    base::{Malformed, Reader},
    flow::Side,
    hint::{Ends, Probe},
};

/// The ESP streams of a flow, one each way.
#[derive(Debug, Default)]
pub(super) struct Ipsec {
    streams: [Option<Esp>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Esp {
    index: u32,
    sequence: u32,
    run: u8,
}

const IKE: u16 = 500;
const NAT_TRAVERSAL: u16 = 4500;
/// Highest security parameter index that no connection uses (RFC 4303, section 2.1).
const RESERVED: u32 = 255;
/// ESP packets in a row whose number counts.
const RUN: u8 = 4;

impl Ipsec {
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], ends: &Ends) -> Probe {
        if !ends.use_port(IKE) && !ends.use_port(NAT_TRAVERSAL) {
            return Probe::NotForUs;
        }
        let exchange = bytes.strip_prefix(&[0; 4]).unwrap_or(bytes);
        if is_exchange(exchange).unwrap_or(false) {
            return Probe::Certain;
        }
        if !ends.use_port(NAT_TRAVERSAL) {
            return Probe::NotForUs;
        }
        match esp(bytes) {
            Ok((index, sequence)) if index > RESERVED => self.follow(side, index, sequence),
            Err(_) if bytes == [0xff] => Probe::Unsure, // keeps the address translation alive
            _ => Probe::NotForUs,
        }
    }

    fn follow(&mut self, side: Side, index: u32, sequence: u32) -> Probe {
        let last = &mut self.streams[usize::from(side == Side::Responder)];
        let run = match last {
            Some(last) if last.index == index && (1..=64).contains(&sequence.wrapping_sub(last.sequence)) => {
                last.run.saturating_add(1)
            }
            _ => 1,
        };
        *last = Some(Esp { index, sequence, run });
        if run >= RUN { Probe::Certain } else { Probe::Unsure }
    }
}

/// Whether `bytes` is an IKE message: its length field is its length, its version is one there is.
fn is_exchange(bytes: &[u8]) -> Result<bool, Malformed> {
    let mut r = Reader::new("IKE", bytes);
    let initiator = r.u64()?;
    r.skip(9)?; // responder's index, next payload
    let version = r.u8()?;
    let exchange = r.u8()?;
    r.skip(5)?; // flags, message id
    let length = r.u32()?;
    let known = match version {
        0x10 => matches!(exchange, 1..=6 | 32..=34),
        0x20 => matches!(exchange, 34..=45),
        _ => false,
    };
    Ok(initiator != 0 && known && length as usize == bytes.len())
}

fn esp(bytes: &[u8]) -> Result<(u32, u32), Malformed> {
    let mut r = Reader::new("ESP", bytes);
    let (index, sequence) = (r.u32()?, r.u32()?);
    r.skip(12)?; // the least that encryption and its check value take
    Ok((index, sequence))
}
