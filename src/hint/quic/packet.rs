//! The long header: which version, which connection, where the packet number stands and where the packet ends
//! (RFC 8999; RFC 9000, section 17.2).

use super::{
    frame::number,
    version::{self, Types, Version},
};
use crate::base::{Malformed, Reader};

/// What stands at the front of a datagram, or of what is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Front<'a> {
    /// An Initial packet that may be opened.
    Initial(Initial<'a>),
    /// Another packet of a known version; what follows it in the datagram.
    Other(&'a [u8]),
    /// A packet of a version whose packets are not read, or that ends the datagram: QUIC all the same.
    Last,
    /// A Google QUIC packet in clear.
    Google,
}

/// An Initial packet and what surrounds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial<'a> {
    /// Version number.
    pub(super) version: u32,
    pub(super) dcid: &'a [u8],
    /// The packet alone, cut where its length says or where the capture cut it.
    pub(super) packet: &'a [u8],
    /// Where in it the packet number stands.
    pub(super) number_at: usize,
    /// What follows it: another packet of the datagram, or of the next datagram that receive offload merged.
    pub(super) rest: &'a [u8],
}

/// Longest connection id (RFC 9000, section 17.2).
const CONNECTION_ID: usize = 20;

/// Whether a datagram begins with a long header; what a connection sends once its keys are made does not.
pub(super) fn has_long_header(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x80 != 0)
}

/// Reads a long header at the front of `bytes`. Anything but a version that is in use is malformed: the first bit
/// alone makes no QUIC.
pub(super) fn read(bytes: &[u8]) -> Result<Front<'_>, Malformed> {
    let mut r = Reader::new("QUIC long header", bytes);
    let first = r.u8()?;
    let number = r.u32()?;
    if first & 0x80 == 0 || number != 0 && !version::is_known(number) {
        return Err(alien(&r));
    }
    let version = Version::of(number);
    if version.is_none() && version::is_google(number) {
        return Ok(Front::Google);
    }
    let dcid = connection_id(&mut r)?;
    connection_id(&mut r)?;
    let Some(version) = version else { return negotiation(&r, number) };
    match kind(first, version.types) {
        Kind::Retry => Ok(Front::Last),
        Kind::Initial => {
            let token = self::number(&mut r)?;
            r.skip(token)?;
            let length = self::number(&mut r)?;
            let number_at = r.offset();
            r.take_up_to(length);
            let (packet, rest) = bytes.split_at(r.offset());
            Ok(Front::Initial(Initial { version: number, dcid, packet, number_at, rest }))
        }
        Kind::Other => {
            let length = self::number(&mut r)?;
            r.take_up_to(length);
            Ok(Front::Other(r.rest()))
        }
    }
}

fn connection_id<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::from(r.u8()?);
    if length > CONNECTION_ID {
        return Err(alien(r));
    }
    r.take(length)
}

/// A packet whose version is not read: version negotiation must list a version that is known (RFC 9000, 17.2.1).
fn negotiation<'a>(r: &Reader<'_>, number: u32) -> Result<Front<'a>, Malformed> {
    let mut listed = r.rest().as_chunks::<4>().0.iter().map(|v| u32::from_be_bytes(*v));
    if number == 0 && !listed.any(version::is_known) { Err(alien(r)) } else { Ok(Front::Last) }
}

enum Kind {
    Initial,
    Retry,
    Other,
}

fn kind(first: u8, types: Types) -> Kind {
    match (types, first >> 4 & 3) {
        (Types::V1, 0) | (Types::V2, 1) => Kind::Initial,
        (Types::V1, 3) | (Types::V2, 0) => Kind::Retry,
        _ => Kind::Other,
    }
}

fn alien(r: &Reader<'_>) -> Malformed {
    Malformed { layer: "QUIC long header", offset: r.offset(), needed: 0, left: r.left() }
}
