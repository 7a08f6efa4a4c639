//! QUIC: the client's ClientHello out of its Initial packets (RFC 9000, RFC 9001, RFC 9369).
//!
//! One datagram may hold several packets, and receive offload may merge several datagrams into one: each packet's
//! length says where the next begins. The hello's CRYPTO frames may come in any order over several packets; a
//! post-quantum hello always does. After a Retry the keys follow the new connection id, so a packet that the known
//! keys do not open is tried with keys of its own.

mod frame;
pub(super) mod google;
mod keys;
mod packet;
mod version;

use self::{
    keys::Keys,
    packet::{Front, Initial},
    version::Handshake,
};
use super::{
    NameSource, Probe, Recognised,
    assembly::Assembly,
    notes::Notes,
    tls::{
        hello::{Carrier, Hello},
        incomplete_hello,
    },
};
use crate::{base::Reader, flow::Side};

/// A client's handshake, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Connection {
    keys: Option<(Handshake, Keys)>,
    dcid: Vec<u8>,
    client: Option<Side>,
    assembly: Assembly,
    derived: u8,
    opened: u8,
    /// Where in the CRYPTO stream the first hello ends, once it has been read.
    hello_end: Option<usize>,
    /// Datagrams seen since.
    since: u8,
}

/// Which keys opened a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    KnownKeys,
    NewKeys,
}

/// Keys derived for one flow before it is given up.
const DERIVED: u8 = 24;
/// Initial packets opened for one flow before it is given up.
const OPENED: u8 = 64;
/// Datagrams watched for a second hello: the server's first flight says whether it asked for one.
const SINCE: u8 = 8;
/// Packets read of one datagram.
const PACKETS: usize = 64;

/// Whether a flow's first datagram may be one of QUIC: anything else is not worth a connection's memory.
pub(super) fn may_begin(datagram: &[u8]) -> bool {
    packet::has_long_header(datagram) || google::has_public_header(datagram) || google::is_server_message(datagram)
}

impl Connection {
    /// Reads one datagram: `NotForUs` where it is no QUIC, `Unsure` while more of the hello may come.
    pub(super) fn feed(&mut self, side: Side, datagram: &[u8], notes: &mut Notes<'_>) -> Probe {
        if self.hello_end.is_some() {
            self.since += 1;
            if self.since == SINCE || !packet::has_long_header(datagram) {
                return Probe::Certain;
            }
        }
        let mut left = datagram;
        let mut probe = Probe::NotForUs;
        for _ in 0..PACKETS {
            let (rest, said) = match packet::read(left) {
                Ok(Front::Initial(initial)) => (initial.rest, self.initial(side, &initial, notes)),
                Ok(Front::Other(rest)) => (rest, self.other(side)),
                Ok(Front::Last) => (&[][..], Probe::Unsure),
                Ok(Front::Google) => (&[][..], chlo(left, notes)),
                Err(_) if google::has_public_header(left) => (&[][..], chlo(left, notes)),
                Err(_) if google::is_server_message(left) => (&[][..], Probe::Unsure),
                Err(_) => break,
            };
            notes.protocol(Recognised::Quic);
            probe = said;
            left = after_zeros(rest);
            if probe == Probe::Certain || left.is_empty() {
                break;
            }
        }
        let tired = self.derived >= DERIVED || self.opened >= OPENED;
        if tired && probe == Probe::Unsure { Probe::Certain } else { probe }
    }

    /// Says what an incomplete hello shows.
    pub(super) fn finish(&self, notes: &mut Notes<'_>) {
        incomplete_hello(self.assembly.front(), Carrier::Quic, NameSource::Quic, notes);
    }

    fn initial(&mut self, side: Side, initial: &Initial<'_>, notes: &mut Notes<'_>) -> Probe {
        if self.client.is_some_and(|client| client != side) {
            return Probe::Unsure;
        }
        let Some((handshake, frames, by)) = self.open(initial) else { return Probe::Unsure };
        self.client = Some(side);
        self.opened = self.opened.saturating_add(1);
        if handshake == Handshake::Chlo {
            return chlo(&frames, notes);
        }
        // New keys with the stream's first bytes begin it anew: a Retry, or another connection from the same port.
        if by == By::NewKeys && frame::crypto_pieces(&frames).any(|piece| piece.offset == 0) {
            self.assembly = Assembly::default();
            self.hello_end = None;
        }
        for piece in frame::crypto_pieces(&frames) {
            self.assembly.add(&piece);
        }
        self.hellos(notes)
    }

    /// Reads the hellos that the CRYPTO stream now holds: the second stands where the first ends.
    fn hellos(&mut self, notes: &mut Notes<'_>) -> Probe {
        let stream = self.assembly.front();
        let (first, second) = stream.split_at(self.hello_end.unwrap_or(stream.len()).min(stream.len()));
        if self.hello_end.is_some() {
            if !second.is_empty() {
                notes.retry();
            }
            return if second.is_empty() || hello(second, notes).is_none() { Probe::Unsure } else { Probe::Certain };
        }
        let Some(length) = hello(first, notes) else { return Probe::Unsure };
        self.hello_end = Some(length);
        if length == 0 || notes.hellos_are_over(false) { Probe::Certain } else { Probe::Unsure }
    }

    /// A server that goes on with the handshake asks for no other hello.
    fn other(&self, side: Side) -> Probe {
        let goes_on = self.hello_end.is_some() && self.client.is_some_and(|client| client != side);
        if goes_on { Probe::Certain } else { Probe::Unsure }
    }

    /// Whether a client's packet has been opened: the flow is QUIC and nothing else.
    pub(super) fn is_certain(&self) -> bool {
        self.client.is_some()
    }

    /// Bytes kept, the keys among them.
    pub(super) fn held(&self) -> usize {
        self.assembly.held() + if self.keys.is_some() { size_of::<Self>() } else { 0 }
    }

    /// The frames of an Initial packet and what its version carries in them, by the keys that are known or by its own.
    fn open(&mut self, initial: &Initial<'_>) -> Option<(Handshake, Vec<u8>, By)> {
        if let Some((handshake, keys)) = &self.keys
            && let Some(frames) = keys.open(initial.packet, initial.number_at)
        {
            return Some((*handshake, frames, By::KnownKeys));
        }
        if self.derived >= DERIVED || (self.keys.is_some() && self.dcid == initial.dcid) {
            return None;
        }
        self.derived += 1;
        let (handshake, keys, frames) = version::candidates(initial.version).find_map(|version| {
            let keys = Keys::of_client(&version, initial.dcid)?;
            let frames = keys.open(initial.packet, initial.number_at)?;
            Some((version.handshake, keys, frames))
        })?;
        self.keys = Some((handshake, keys));
        self.dcid = initial.dcid.to_vec();
        Some((handshake, frames, By::NewKeys))
    }
}

/// Some clients fill a datagram with zeros behind the packet rather than with PADDING frames within it.
fn after_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    &bytes[zeros..]
}

/// Reads the ClientHello at the front of a CRYPTO stream. How long it is, once it is complete; 0 where there is
/// something else.
fn hello(stream: &[u8], notes: &mut Notes<'_>) -> Option<usize> {
    let mut r = Reader::new("QUIC handshake", stream);
    let (kind, length) = (r.u8().ok()?, r.u24().ok()?);
    if kind != CLIENT_HELLO {
        return Some(0);
    }
    let body = r.take(length as usize).ok()?;
    if let Ok(hello) = Hello::read(body, Carrier::Quic) {
        let described = hello.describe(notes.fingerprint_of(Carrier::Quic));
        if described.alpn.iter().any(|protocol| protocol.starts_with("doq")) {
            notes.protocol(Recognised::Doq);
        }
        notes.hello(described, NameSource::Quic);
    }
    Some(r.offset())
}

const CLIENT_HELLO: u8 = 1;

/// Looks for the server name of a CHLO in a packet in clear, or in the frames of one that was opened.
fn chlo(bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
    match google::server_name(bytes) {
        Some(name) => {
            notes.name(name, NameSource::Gquic, false);
            Probe::Certain
        }
        None => Probe::Unsure,
    }
}
