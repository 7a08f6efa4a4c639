//! The first bytes of a flow become hints: what they say of a server's name, of names looked up, of the protocol.
//!
//! In: the ordered prefix of each direction (TCP) or the first datagrams (UDP). Out: [`Hint`]s. "Is this TLS yet?"
//! is answered by an enum, [`Probe`], never by an error; nothing here allocates by a length from the wire.

use std::net::IpAddr;

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
}
