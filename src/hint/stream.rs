//! A TCP connection: the first bytes of each side, until one protocol owns the rest.
//!
//! Both sides are kept, capped, while nothing is certain; then the protocol is shown what was kept and reads on by
//! itself. TLS may also start late, behind a proxy's CONNECT, SOCKS or STARTTLS: a piece that begins with a
//! ClientHello starts it wherever it stands.

use super::{
    Appetite, Ends, Probe, Recognised,
    apps::{self, Turns},
    dns::{self, Exchange},
    http,
    notes::Notes,
    stun::{self, Framed},
    tls::{self, Session},
    tunnel::OpenVpnStream,
};
use crate::flow::Side;

/// A connection, as far as it has been recognised.
#[derive(Debug, Default)]
pub(super) struct Stream {
    initiator: Vec<u8>,
    responder: Vec<u8>,
    pieces: u16,
    turns: Turns,
    openvpn: OpenVpnStream,
    talk: Talk,
}

#[derive(Debug, Default)]
enum Talk {
    #[default]
    Opening,
    Tls(Session),
    Dns(Exchange),
    Stun(Framed),
}

/// Bytes of each side kept while nothing is certain.
const OPENING: usize = http::HEAD;
/// Pieces watched for a late ClientHello.
const PIECES: u16 = 48;
/// Pieces read of a connection whose app is known already.
const TURNS_SEEN: u16 = 8;

impl Stream {
    /// Reads the next in-order bytes of a side.
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Appetite {
        let probe = match &mut self.talk {
            Talk::Opening => return self.open(side, bytes, notes),
            Talk::Tls(session) => session.feed(side, bytes, notes),
            Talk::Dns(exchange) => exchange.feed(side, bytes, notes),
            Talk::Stun(framed) => framed.feed(side, bytes, notes),
        };
        appetite(probe)
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        let kept = self.initiator.len() + self.responder.len();
        kept + match &self.talk {
            Talk::Opening => 0,
            Talk::Tls(session) => session.held(),
            Talk::Dns(exchange) => exchange.held(),
            Talk::Stun(framed) => framed.held(),
        }
    }

    /// Says what an incomplete hello shows.
    pub(super) fn finish(&self, notes: &mut Notes<'_>) {
        if let Talk::Tls(session) = &self.talk {
            session.finish(notes);
        }
    }

    fn open(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Appetite {
        self.pieces += 1;
        if !self.kept(side).is_empty() && tls::starts_late(bytes) {
            self.forget();
            self.talk = Talk::Tls(Session::default());
            return self.feed(side, bytes, notes);
        }
        if self.is_untouched()
            && let Some(talk) = recognise(bytes, notes.ends)
        {
            self.talk = talk; // nothing has to be kept
            return self.feed(side, bytes, notes);
        }
        let kept = self.kept(side);
        let (now, beyond) = bytes.split_at(OPENING.saturating_sub(kept.len()).min(bytes.len()));
        kept.extend_from_slice(now);
        if let Some(talk) = recognise(kept, notes.ends) {
            return self.hand_over(talk, side, beyond, notes);
        }
        self.look_for_apps(side, bytes.len(), notes);
        self.verdict_on_text(side, notes)
    }

    /// Shows the protocol what was kept: the other side's bytes, which came first, then this side's.
    fn hand_over(&mut self, talk: Talk, side: Side, beyond: &[u8], notes: &mut Notes<'_>) -> Appetite {
        let earlier = std::mem::take(self.kept(side.other()));
        let mut this = std::mem::take(self.kept(side));
        this.extend_from_slice(beyond);
        self.talk = talk;
        match self.feed(side.other(), &earlier, notes) {
            Appetite::More => self.feed(side, &this, notes),
            Appetite::Sated => Appetite::Sated,
        }
    }

    const fn is_untouched(&self) -> bool {
        self.initiator.is_empty() && self.responder.is_empty()
    }

    fn forget(&mut self) {
        (self.initiator, self.responder) = (Vec::new(), Vec::new());
    }

    fn kept(&mut self, side: Side) -> &mut Vec<u8> {
        match side {
            Side::Initiator => &mut self.initiator,
            Side::Responder => &mut self.responder,
        }
    }

    fn look_for_apps(&mut self, side: Side, piece: usize, notes: &mut Notes<'_>) {
        apps::stream(side, self.kept(side), notes);
        self.turns.feed(side, piece, &self.initiator, &self.responder, notes);
        let kept = match side {
            Side::Initiator => &self.initiator,
            Side::Responder => &self.responder,
        };
        if self.openvpn.feed(side, kept) == Probe::Certain {
            notes.protocol(Recognised::OpenVpn);
        }
    }

    /// What to do while no binary protocol is certain: read HTTP, and give up when nothing can come any more.
    fn verdict_on_text(&mut self, side: Side, notes: &mut Notes<'_>) -> Appetite {
        let named = notes.has_name();
        let kept = self.kept(side);
        let probe = if named { Probe::Unsure } else { http::read(kept, notes) };
        let tunnel = http::is_connect(kept);
        let enough = notes.knows(Recognised::OpenVpn) || notes.has_signature() && self.pieces >= TURNS_SEEN;
        if enough || probe == Probe::Certain && !tunnel || self.pieces >= PIECES {
            return Appetite::Sated;
        }
        Appetite::More
    }
}

/// The protocol that owns the rest of a connection of which a side begins with `bytes`, once one is certain.
fn recognise(bytes: &[u8], ends: &Ends) -> Option<Talk> {
    if tls::probe(bytes) == Probe::Certain {
        return Some(Talk::Tls(Session::default()));
    }
    if stun::probe(bytes) == Probe::Certain {
        return Some(Talk::Stun(Framed::default()));
    }
    (dns::probe_stream(bytes, ends) == Probe::Certain).then(|| Talk::Dns(Exchange::default()))
}

fn appetite(probe: Probe) -> Appetite {
    match probe {
        Probe::Unsure => Appetite::More,
        Probe::Certain | Probe::NotForUs => Appetite::Sated,
    }
}
