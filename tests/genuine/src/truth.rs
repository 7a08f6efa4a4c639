//! What the endpoints themselves know of a flow, and the record that is kept beside a capture.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// `expect.json`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Expectation {
    /// One sentence on what the capture is for.
    pub about: String,
    /// Frames in the capture, those of no flow included.
    pub frames: u64,
    /// Every TCP and UDP flow, in the order in which they were opened.
    pub flows: Vec<ExpectedFlow>,
}

/// One flow; `ab` is from the side that opened it. Field names are those of `nightaudit flows --format jsonl` where
/// both have one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ExpectedFlow {
    /// `tcp` or `udp`.
    pub proto: String,
    /// Who opened it.
    pub src: String,
    /// Its port.
    pub sport: u16,
    /// Who was addressed.
    pub dst: String,
    /// Its port.
    pub dport: u16,
    /// Packets as captured (tshark).
    pub packets_ab: u64,
    /// Packets as captured (tshark).
    pub packets_ba: u64,
    /// IP total lengths (tshark).
    pub bytes_ab: u64,
    /// IP total lengths (tshark).
    pub bytes_ba: u64,
    /// Payload, each byte once: counted by the endpoints for TCP and QUIC, by tshark for DNS.
    pub payload_ab: u64,
    /// Payload, each byte once.
    pub payload_ba: u64,
    /// What the endpoints know beyond that; absent for DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// The name that was looked up; DNS only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
}

/// What the endpoints know of a connection.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Session {
    /// The server name in clear, `None` where none was sent: SNI, or `Host` of plain HTTP.
    pub server_name: Option<String>,
    /// Protocols that the client offered (ALPN), first choice first.
    pub alpn: Vec<String>,
    /// Whether the hello carried an `encrypted_client_hello` extension, genuine or GREASE.
    pub ech: bool,
    /// Whether a certificate in clear could be seen (TLS 1.2).
    pub certificate_in_clear: bool,
    /// The version agreed on, such as `TLSv1_3`.
    pub version: String,
    /// The key exchange that the client put first and the server took, such as `X25519MLKEM768`.
    pub key_exchange: String,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Bytes that the client sent before the server answered, TLS record headers included; QUIC: UDP payload.
    pub first_flight: u64,
    /// Packets that they took.
    pub first_flight_packets: u64,
    /// Application bytes before encryption: HTTP headers and bodies, or QUIC stream data.
    pub plaintext_ab: u64,
    /// Application bytes before encryption.
    pub plaintext_ba: u64,
}

/// A flow as its own endpoints saw it, before the capture was looked at.
#[derive(Clone, Debug)]
pub struct Truth {
    /// `tcp` or `udp`.
    pub proto: &'static str,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address.
    pub server: SocketAddr,
    /// Payload that the client handed to the network.
    pub payload_ab: u64,
    /// Payload that the server handed to the network.
    pub payload_ba: u64,
    /// What was agreed and said.
    pub session: Session,
}
