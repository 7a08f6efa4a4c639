//! DTLS: the ClientHello and, where they pass in clear, certificate names (RFC 6347; RFC 9147 hides them).

use super::{
    NameSource, Probe, Recognised,
    assembly::{Assembly, Piece},
    notes::Notes,
    tls::{
        certificate,
        hello::{Carrier, Hello},
    },
};
use crate::base::{Malformed, Reader};

/// Both sides' handshake, as far as it has come: message types tell the sides apart.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    hello: Message,
    certificate: Message,
}

/// One handshake message in fragments.
#[derive(Debug, Default)]
struct Message {
    sequence: u16,
    length: u32,
    assembly: Assembly,
}

/// A fragment of a handshake message (RFC 6347, section 4.2.2).
#[derive(Clone, Copy, Debug)]
struct Fragment<'a> {
    kind: u8,
    length: u32,
    sequence: u16,
    piece: Piece<'a>,
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const CERTIFICATE: u8 = 11;
/// Records read of one datagram.
const RECORDS: usize = 32;

impl Handshake {
    /// Reads one datagram. `Certain` once nothing more can be learned of the handshake.
    pub(super) fn feed(&mut self, datagram: &[u8], notes: &mut Notes<'_>) -> Probe {
        let mut r = Reader::new("DTLS", datagram);
        let mut probe = Probe::NotForUs;
        for _ in 0..RECORDS {
            let Ok((kind, epoch, body)) = record(&mut r) else { break };
            notes.protocol(Recognised::Dtls);
            probe = Probe::Unsure;
            if kind == HANDSHAKE && epoch == 0 && self.handshake(body, notes) {
                return Probe::Certain;
            }
        }
        probe
    }

    /// Says what an incomplete hello shows.
    pub(super) fn finish(&self, notes: &mut Notes<'_>) {
        if let Ok(hello) = Hello::read(self.hello.assembly.front(), Carrier::Dtls) {
            notes.hello(hello.describe(None), NameSource::Dtls);
        }
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        self.hello.assembly.held() + self.certificate.assembly.held()
    }

    /// Reads the fragments of one record; true once all is learned.
    fn handshake(&mut self, body: &[u8], notes: &mut Notes<'_>) -> bool {
        let mut r = Reader::new("DTLS handshake", body);
        while let Ok(fragment) = fragment(&mut r) {
            match fragment.kind {
                CLIENT_HELLO => {
                    let front = self.hello.add(&fragment);
                    if let Some(body) = front.get(..fragment.length as usize)
                        && let Ok(hello) = Hello::read(body, Carrier::Dtls)
                    {
                        notes.hello(hello.describe(notes.fingerprint_of(Carrier::Dtls)), NameSource::Dtls);
                    }
                }
                // The server's own certificate comes first in the list, which may be long.
                CERTIFICATE if !notes.has_name() && certificate::note(self.certificate.add(&fragment), notes) => {
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}

impl Message {
    /// Adds a fragment, and returns what there is of the message without a gap. A hello with another number is the
    /// repetition that carries the server's cookie.
    fn add(&mut self, fragment: &Fragment<'_>) -> &[u8] {
        if (self.sequence, self.length) != (fragment.sequence, fragment.length) {
            *self = Self { sequence: fragment.sequence, length: fragment.length, assembly: Assembly::default() };
        }
        self.assembly.add(&fragment.piece);
        self.assembly.front()
    }
}

/// The record at the front: content type, epoch, body. Versions are those of DTLS 1.0, 1.2 and 1.3, and the one that
/// OpenSSL used before the first was standardised.
fn record<'a>(r: &mut Reader<'a>) -> Result<(u8, u16, &'a [u8]), Malformed> {
    let offset = r.offset();
    let kind = r.u8()?;
    let version = r.u16()?;
    let epoch = r.u16()?;
    r.skip(6)?; // sequence number
    let length = r.u16()?;
    let known = (20..=26).contains(&kind) && matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100);
    if !known || length == 0 || length > 1 << 14 | 1 << 11 {
        return Err(Malformed { layer: "DTLS", offset, needed: 0, left: r.left() });
    }
    Ok((kind, epoch, r.take_up_to(length.into())))
}

fn fragment<'a>(r: &mut Reader<'a>) -> Result<Fragment<'a>, Malformed> {
    let kind = r.u8()?;
    let length = r.u24()?;
    let sequence = r.u16()?;
    let offset = r.u24()? as usize;
    let size = r.u24()?;
    let bytes = r.take_up_to(size as usize);
    Ok(Fragment { kind, length, sequence, piece: Piece { offset, bytes } })
}
