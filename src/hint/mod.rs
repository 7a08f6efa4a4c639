//! The first bytes of a flow become hints: what they say of a server's name, of names looked up, of the protocol.
//!
//! In: the ordered prefix of each direction (TCP) or the first datagrams (UDP). Out: [`Hint`]s. "Is this TLS yet?"
//! is answered by an enum, [`Probe`], never by an error; nothing here allocates by a length from the wire.
//!
//! [`Inspector`] reads one flow. A TCP connection is kept, capped, until one protocol owns it; a UDP flow is read
//! datagram by datagram, by the first byte that its protocols share. Apps are told by byte patterns in a data file,
//! `signatures.toml`, each with its source and payloads that must match.
//!
//! ```
//! use nightaudit::{base::{Endpoint, Stamp}, flow::{FlowKey, Protocol, Side}, hint::{Appetite, Hint, Inspector}};
//!
//! let key = FlowKey {
//!     protocol: Protocol::Tcp,
//!     initiator: Endpoint::new([192, 168, 7, 23].into(), 40_000),
//!     responder: Endpoint::new([203, 0, 113, 5].into(), 8080),
//!     initiator_mac: None,
//!     responder_mac: None,
//! };
//! let (mut inspector, mut hints) = (Inspector::new(&key), Vec::new());
//! let request = b"GET /feed HTTP/1.1\r\nHost: media.example\r\n\r\n";
//! let appetite = inspector.feed(Side::Initiator, Stamp::default(), request, &mut hints);
//! assert_eq!(appetite, Appetite::Sated);
//! assert!(hints.iter().any(|h| matches!(h, Hint::ServerName { name, .. } if name == "media.example")));
//! ```

mod apps;
mod assembly;
mod datagrams;
mod dns;
mod dtls;
mod http;
mod ja4;
mod notes;
mod quic;
mod rtp;
mod stream;
mod stun;
mod tls;
mod tunnel;

use std::net::IpAddr;

use self::{
    datagrams::Datagrams,
    notes::{Notes, Said},
    stream::Stream,
};
use crate::{
    base::{Endpoint, Stamp},
    flow::{FlowKey, Protocol, Side},
};

/// What one dissector says after one more piece of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Probe {
    /// It is this protocol, and all that can be learned has been.
    Certain,
    /// It may be, or more is to come: show me the next piece.
    Unsure,
    /// It is something else.
    NotForUs,
}

/// Whether an inspector wants to see more of its flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appetite {
    /// More may be learned: show what comes next.
    More,
    /// Nothing more will come of it: stop copying.
    Sated,
}

/// How much is read out of a ClientHello.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Detail {
    /// Everything: also fingerprints, of a second hello too where the server asks for one.
    #[default]
    Full,
    /// What tells whose a flow is: no fingerprints, and nothing behind the first hello that names its server.
    Brief,
}

/// What reads one flow's first bytes and says what they show.
///
/// Its memory is capped, whatever the wire says: 64 KiB of each side of a TCP connection, 16 KiB of a QUIC or DTLS
/// handshake in order and as much out of order. So is its work: handshakes end, keys are derived and unknown datagrams
/// looked at a few dozen times; only DNS is read for as long as it comes.
#[derive(Debug)]
pub struct Inspector {
    ends: Ends,
    said: Said,
    reading: Reading,
}

/// What a dissector may know of the flow besides its bytes.
#[derive(Clone, Copy, Debug)]
struct Ends {
    protocol: Protocol,
    initiator: Endpoint,
    responder: Endpoint,
}

impl Ends {
    /// Whether either side uses `port`.
    fn use_port(&self, port: u16) -> bool {
        self.initiator.port == port || self.responder.port == port
    }
}

#[derive(Debug)]
enum Reading {
    Unopened,
    Stream(Box<Stream>),
    Datagrams(Box<Datagrams>),
    Done,
}

impl Inspector {
    /// An inspector of the flow between the ends that `key` names. It owns no buffer until bytes come.
    pub fn new(key: &FlowKey) -> Self {
        Self::with_detail(key, Detail::Full)
    }

    /// The same, reading as much out of a hello as `detail` says.
    pub fn with_detail(key: &FlowKey, detail: Detail) -> Self {
        let ends = Ends { protocol: key.protocol, initiator: key.initiator, responder: key.responder };
        Self { ends, said: Said::new(detail), reading: Reading::Unopened }
    }

    /// How many bytes of the flow it keeps until more come.
    pub fn held(&self) -> usize {
        match &self.reading {
            Reading::Stream(stream) => stream.held(),
            Reading::Datagrams(datagrams) => datagrams.held(),
            Reading::Unopened | Reading::Done => 0,
        }
    }

    /// Reads the next in-order bytes of a side (TCP) or one datagram (UDP), and appends to `hints` what became known.
    pub fn feed(&mut self, side: Side, at: Stamp, bytes: &[u8], hints: &mut Vec<Hint>) -> Appetite {
        if matches!(self.reading, Reading::Unopened) {
            self.reading = match self.ends.protocol {
                Protocol::Tcp => Reading::Stream(Box::default()),
                Protocol::Udp => Reading::Datagrams(Box::default()),
                Protocol::Other(_) => Reading::Done,
            };
        }
        let mut notes = Notes { ends: &self.ends, said: &mut self.said, hints };
        let appetite = match &mut self.reading {
            Reading::Stream(stream) if !bytes.is_empty() => stream.feed(side, bytes, &mut notes),
            Reading::Datagrams(datagrams) if !bytes.is_empty() => datagrams.feed(side, at, bytes, &mut notes),
            Reading::Done => other_protocol(&mut notes),
            _ => Appetite::More,
        };
        if appetite == Appetite::Sated {
            // What an incomplete hello shows is not lost because nothing more of it came.
            self.finish(hints);
        }
        appetite
    }

    /// The flow has ended, or nothing in order will come any more: appends what an incomplete ClientHello shows (a
    /// short snap length, a loss in the capture), without a fingerprint.
    pub fn finish(&mut self, hints: &mut Vec<Hint>) {
        let mut notes = Notes { ends: &self.ends, said: &mut self.said, hints };
        match std::mem::replace(&mut self.reading, Reading::Done) {
            Reading::Stream(stream) => stream.finish(&mut notes),
            Reading::Datagrams(datagrams) => datagrams.finish(&mut notes),
            Reading::Unopened | Reading::Done => {}
        }
    }
}

/// What an IP protocol number says by itself: ESP and AH are a tunnel (RFC 4303, RFC 4302).
fn other_protocol(notes: &mut Notes<'_>) -> Appetite {
    if let Protocol::Other(50 | 51) = notes.ends.protocol {
        notes.protocol(Recognised::Ipsec);
    }
    Appetite::Sated
}

/// Where a server's name was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum NameSource {
    /// `server_name` of a TLS ClientHello over TCP (RFC 6066).
    Tls,
    /// The same inside QUIC Initial packets (RFC 9001).
    Quic,
    /// The same over DTLS.
    Dtls,
    /// `SNI` tag of a Google QUIC CHLO.
    Gquic,
    /// `Host` of an HTTP/1 request.
    Http,
    /// Subject of a certificate seen in clear (TLS 1.2, DTLS 1.2).
    Certificate,
}

/// What a ClientHello says of its sender.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientHello {
    /// Server name, in the form of [`host_name`](crate::base::text::host_name).
    pub server_name: Option<String>,
    /// Application protocols offered, first choice first (RFC 7301).
    pub alpn: Vec<String>,
    /// It carries an `encrypted_client_hello` extension (RFC 9849): the server name is the outer one, or GREASE.
    pub ech: bool,
    /// JA4 client fingerprint.
    pub ja4: Option<String>,
}

/// A DNS answer: which addresses a name stands for, and for how long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The name that was asked for.
    pub name: String,
    /// Each address with its lifetime in seconds: the smallest on the way there, CNAMEs included.
    pub addresses: Vec<(IpAddr, u32)>,
}

/// A protocol that was recognised, where that alone matters to an audit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Recognised {
    /// TLS over TCP.
    Tls,
    /// QUIC.
    Quic,
    /// DTLS.
    Dtls,
    /// DNS in clear.
    Dns,
    /// DNS over TLS (RFC 7858).
    Dot,
    /// DNS over HTTPS (RFC 8484), by its resolver's name.
    Doh,
    /// DNS over QUIC (RFC 9250).
    Doq,
    /// Multicast DNS.
    Mdns,
    /// HTTP/1 in clear.
    Http,
    /// STUN or TURN (RFC 8489, RFC 8656).
    Stun,
    /// RTP, SRTP or RTCP.
    Rtp,
    /// A WireGuard tunnel.
    WireGuard,
    /// An OpenVPN tunnel.
    OpenVpn,
    /// An IPsec tunnel (ESP, or IKE and UDP-encapsulated ESP).
    Ipsec,
}

impl Recognised {
    /// As the list of flows writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Dtls => "dtls",
            Self::Dns => "dns",
            Self::Dot => "dot",
            Self::Doh => "doh",
            Self::Doq => "doq",
            Self::Mdns => "mdns",
            Self::Http => "http",
            Self::Stun => "stun",
            Self::Rtp => "rtp",
            Self::WireGuard => "wireguard",
            Self::OpenVpn => "openvpn",
            Self::Ipsec => "ipsec",
        }
    }

    /// Whether it is a tunnel whose inside cannot be told apart.
    pub const fn is_opaque_tunnel(self) -> bool {
        matches!(self, Self::WireGuard | Self::OpenVpn | Self::Ipsec)
    }

    /// Whether it carries live sound or pictures (or sets them up).
    pub const fn is_call(self) -> bool {
        matches!(self, Self::Stun | Self::Rtp)
    }
}

/// What the first bytes of a flow say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hint {
    /// A name of the server.
    ServerName {
        /// The name, in the form of [`host_name`](crate::base::text::host_name).
        name: String,
        /// Where it stood.
        source: NameSource,
        /// It stood outside an encrypted ClientHello: a front, or GREASE.
        outer: bool,
    },
    /// A ClientHello was read.
    Hello(ClientHello),
    /// The initiator asked for this name.
    Lookup(String),
    /// A name was answered.
    Answered(Answer),
    /// The protocol is known.
    Protocol(Recognised),
    /// A byte pattern that only one app sends: the app's rule id and the name of the signature.
    Signature {
        /// Rule id of the app, such as `whatsapp`.
        app: &'static str,
        /// Which pattern, such as `noise-header`.
        pattern: &'static str,
    },
    /// Shape and address fit one app, and nothing else that is known; nothing in the bytes proves it.
    Shape {
        /// Rule id of the app, such as `telegram`.
        app: &'static str,
        /// Which shape, such as `obfuscated`.
        pattern: &'static str,
    },
}
