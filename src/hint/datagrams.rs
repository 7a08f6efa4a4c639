//! A UDP flow, datagram by datagram: DNS and QUIC by themselves, calls by the first byte that their protocols share
//! (RFC 7983, RFC 9443), tunnels, and the patterns of apps.

use super::{
    Appetite, Probe, Recognised, apps, dns, dtls::Handshake, notes::Notes, quic, rtp, rtp::Streams, stun,
    tunnel::Tunnels,
};
use crate::{base::Stamp, flow::Side};

/// What has been read of a UDP flow.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    seen: u16,
    dns: bool,
    quic: Option<Box<quic::Connection>>,
    call: Option<Box<Call>>,
    tunnels: Tunnels,
}

/// What sets up or carries live sound and pictures, often all three in one flow.
#[derive(Debug, Default)]
struct Call {
    handshake: Handshake,
    streams: Streams,
}

/// Datagrams looked at before an unrecognised flow is given up.
const UNKNOWN: u16 = 48;
/// Datagrams looked at where a call is being set up: checks of connectivity may go on for long.
const SETTING_UP: u16 = 512;
/// Datagrams looked at for an app's pattern once live media is certain.
const RUNNING: u16 = 24;

impl Datagrams {
    /// Reads one datagram.
    pub(super) fn feed(&mut self, side: Side, _at: Stamp, bytes: &[u8], notes: &mut Notes<'_>) -> Appetite {
        self.seen = self.seen.saturating_add(1);
        if let Some(quic) = self.quic.as_mut().filter(|quic| quic.is_certain()) {
            let over = quic.feed(side, bytes, notes) == Probe::Certain || self.seen >= UNKNOWN;
            return if over { Appetite::Sated } else { Appetite::More };
        }
        if dns::datagram(bytes, notes) {
            self.dns = true;
            // Multicast has nothing more to say; a resolver's flow goes on being read for as long as it lives.
            return if notes.knows(Recognised::Mdns) { Appetite::Sated } else { Appetite::More };
        }
        apps::datagram(side, bytes, notes);
        if self.call(side, bytes, notes) == Probe::NotForUs {
            let quic = match &mut self.quic {
                Some(quic) => quic.feed(side, bytes, notes),
                None if quic::may_begin(bytes) => self.quic.get_or_insert_default().feed(side, bytes, notes),
                None => Probe::NotForUs,
            };
            let tunnel = if quic == Probe::NotForUs { self.tunnels.feed(side, bytes, notes) } else { quic };
            if quic == Probe::Certain || tunnel == Probe::Certain {
                return Appetite::Sated;
            }
        }
        if self.dns || self.seen < patience(notes) { Appetite::More } else { Appetite::Sated }
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        let quic = self.quic.as_ref().map_or(0, |quic| quic.held());
        quic + self.call.as_ref().map_or(0, |call| call.handshake.held())
    }

    /// Says what an incomplete hello shows.
    pub(super) fn finish(&self, notes: &mut Notes<'_>) {
        if let Some(quic) = &self.quic {
            quic.finish(notes);
        }
        if let Some(call) = &self.call {
            call.handshake.finish(notes);
        }
    }

    /// Reads what may belong to a call. `NotForUs` where it is none of its protocols.
    fn call(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        match bytes[0] {
            0..=15 => match stun::Message::read(bytes) {
                Some(message) => {
                    stun::note(&message, notes);
                    message.relayed().map_or(Probe::Unsure, |inside| self.media(side, inside, notes))
                }
                None => Probe::NotForUs,
            },
            64..=79 if notes.knows(Recognised::Stun) => match stun::channel_data(bytes) {
                Some(inside) => self.media(side, inside, notes),
                None => Probe::NotForUs,
            },
            0xff if bytes.starts_with(&MULTIPLEXED) => match stun::Message::read(bytes.get(12..).unwrap_or_default()) {
                Some(message) => {
                    stun::note(&message, notes);
                    Probe::Unsure
                }
                None => Probe::NotForUs,
            },
            _ => self.media(side, bytes, notes),
        }
    }

    fn media(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        if rtp::is_zrtp(bytes) {
            notes.protocol(Recognised::Rtp);
            return Probe::Unsure;
        }
        match bytes.first() {
            Some(20..=63) => self.call.get_or_insert_default().handshake.feed(bytes, notes),
            Some(128..=191) => self.call.get_or_insert_default().streams.feed(side, bytes, notes),
            _ => Probe::NotForUs,
        }
    }
}

/// How many datagrams are worth looking at, by what has been recognised.
fn patience(notes: &Notes<'_>) -> u16 {
    if notes.knows(Recognised::Rtp) {
        RUNNING
    } else if notes.knows(Recognised::Stun) || notes.knows(Recognised::Dtls) {
        SETTING_UP
    } else {
        UNKNOWN
    }
}

/// What Microsoft's TURN puts before STUN to tell several streams apart.
const MULTIPLEXED: [u8; 2] = [0xff, 0x10];
