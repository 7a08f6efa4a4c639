//! Protocols on TCP that no fixed bytes name, told by how their messages fit the bytes sent: lengths that tile,
//! turns of fixed size, a key identifier that both sides repeat.

use crate::{
    base::Reader,
    flow::Side,
    hint::{Ends, notes::Notes},
};

/// How many bytes each side sent before the other spoke, for the first few turns.
#[derive(Debug, Default)]
pub(in crate::hint) struct Turns {
    turns: Vec<(Side, usize)>,
}

const TURNS: usize = 4;

impl Turns {
    /// Counts one piece, then notes what both sides' first bytes now show.
    pub(in crate::hint) fn feed(
        &mut self,
        side: Side,
        piece: usize,
        initiator: &[u8],
        responder: &[u8],
        notes: &mut Notes<'_>,
    ) {
        let full = self.turns.len() == TURNS;
        match self.turns.last_mut() {
            Some((speaker, bytes)) if *speaker == side => *bytes += piece,
            _ if full => {}
            _ => self.turns.push((side, piece)),
        }
        let ends = *notes.ends;
        if self.is_threema(&ends) {
            notes.signature("threema", "csp-handshake");
        }
        if is_mtproto(initiator, responder) {
            notes.signature("telegram", "mtproto");
        }
        if is_loco(&ends, initiator, responder) {
            notes.signature("kakaotalk", "loco-frames");
        }
        if is_viber(&ends, initiator, responder) {
            notes.signature("viber", "length-prefix");
        }
    }

    /// Threema's chat protocol opens with turns of 48 and 80 bytes: key and cookie, then cookie and sealed key; the
    /// client's login follows in one turn of 191.
    fn is_threema(&self, ends: &Ends) -> bool {
        const HANDSHAKE: [(Side, usize); 3] = [(Side::Initiator, 48), (Side::Responder, 80), (Side::Initiator, 191)];
        let port = ends.use_port(5222) || ends.use_port(443);
        // The login's turn is over once the server has answered it.
        port && self.turns.len() == TURNS && self.turns.starts_with(&HANDSHAKE)
    }
}

/// Telegram's transports in clear (MTProto transports, core.telegram.org): frames that begin with the same key
/// identifier both ways, behind lengths that fit a cipher of 16-byte blocks; or with none, while a key is made.
fn is_mtproto(initiator: &[u8], responder: &[u8]) -> bool {
    match initiator {
        [0xee, 0xee, 0xee, 0xee, frames @ ..] => agree(frames, responder, intermediate),
        [0xdd, 0xdd, 0xdd, 0xdd, frames @ ..] => agree(frames, responder, padded),
        [0xef, frames @ ..] => agree(frames, responder, abridged),
        _ => false,
    }
}

const KEY: usize = 8;

fn agree(initiator: &[u8], responder: &[u8], frame: fn(&[u8]) -> Option<[u8; KEY]>) -> bool {
    matches!((frame(initiator), frame(responder)), (Some(ours), Some(theirs)) if ours == theirs)
}

/// The key identifier in an abridged frame: its length in words, in one byte or behind 0x7f in three.
fn abridged(bytes: &[u8]) -> Option<[u8; KEY]> {
    let mut r = Reader::new("MTProto", bytes);
    let words = match r.u8().ok()? {
        0x7f => u32::from_le_bytes([r.u8().ok()?, r.u8().ok()?, r.u8().ok()?, 0]) as usize,
        one => usize::from(one),
    };
    key(&mut r, words * 4, 0)
}

fn intermediate(bytes: &[u8]) -> Option<[u8; KEY]> {
    let mut r = Reader::new("MTProto", bytes);
    let length = u32::from_le_bytes(r.array().ok()?) as usize;
    key(&mut r, length, 0)
}

/// The same with up to fifteen random bytes behind the payload.
fn padded(bytes: &[u8]) -> Option<[u8; KEY]> {
    let mut r = Reader::new("MTProto", bytes);
    let length = u32::from_le_bytes(r.array().ok()?) as usize;
    key(&mut r, length, 15)
}

/// The key identifier at the front of a payload of `length` bytes, where that length fits one: identifier, message
/// key and cipher blocks; or twenty bytes of plain header and what they say follows.
fn key(r: &mut Reader<'_>, length: usize, padding: usize) -> Option<[u8; KEY]> {
    let key: [u8; KEY] = r.array().ok()?;
    let fits = if key == [0; KEY] {
        r.skip(8).ok()?; // message identifier
        let body = u32::from_le_bytes(r.array().ok()?) as usize;
        (20 + body..=20 + body + padding).contains(&length)
    } else {
        (40..=1 << 20).contains(&length) && (length - 24) % 16 <= padding
    };
    fits.then_some(key)
}

/// KakaoTalk's LOCO: frames behind a little-endian length that tile what either side sent, the client's after a
/// handshake of 268 bytes where the connection was seen from its start.
fn is_loco(ends: &Ends, initiator: &[u8], responder: &[u8]) -> bool {
    const PORTS: [u16; 6] = [995, 5223, 5228, 5242, 9282, 10009];
    const HANDSHAKE: usize = 268;
    if !PORTS.iter().any(|port| ends.use_port(*port)) {
        return false;
    }
    let opened = if initiator.starts_with(&[0, 1, 0, 0]) { initiator.get(HANDSHAKE..) } else { Some(initiator) };
    let (Some(sent), Some(received)) = (opened.and_then(loco_frames), loco_frames(responder)) else { return false };
    sent >= 2 && received >= 2
}

/// How many frames tile `bytes`; `None` where they do not.
fn loco_frames(bytes: &[u8]) -> Option<usize> {
    let mut r = Reader::new("LOCO", bytes);
    let mut frames = 0;
    while !r.is_empty() {
        let length = u32::from_le_bytes(r.array().ok()?);
        if !(16..=0x4000).contains(&length) {
            return None;
        }
        r.skip(length as usize).ok()?;
        frames += 1;
    }
    Some(frames)
}

/// Viber's TCP messages: a little-endian length that counts itself, and a type of two bytes, on Viber's ports.
fn is_viber(ends: &Ends, initiator: &[u8], responder: &[u8]) -> bool {
    (ends.use_port(4244) || ends.use_port(5242)) && viber_message(initiator) && viber_message(responder)
}

fn viber_message(bytes: &[u8]) -> bool {
    let mut r = Reader::new("Viber", bytes);
    let (Ok(length), Ok([kind, 0])) = (r.array().map(u16::from_le_bytes), r.array()) else { return false };
    let length = usize::from(length);
    let next = bytes.get(length..).unwrap_or_default();
    let goes_on = next.is_empty() || matches!(next, [_, _, _, 0, ..]);
    kind != 0 && (12..=bytes.len()).contains(&length) && goes_on
}
