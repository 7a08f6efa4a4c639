//! A flow's first pieces, shown to the inspector by hand; and what genuine clients are set up to send.

#![allow(dead_code, reason = "each test shows the pieces that it is about")]

use std::sync::Arc;

use nightaudit::{
    base::{Endpoint, Stamp},
    flow::{FlowKey, Protocol, Side},
    hint::{Appetite, ClientHello, Hint, Inspector, NameSource},
};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto::ring::default_provider};

/// The server that the clients ask for.
pub(crate) const NAME: &str = "media.example.org";

/// A flow from a phone to `port` of a server.
pub(crate) fn key(protocol: Protocol, port: u16) -> FlowKey {
    let initiator = Endpoint::new([192, 168, 7, 23].into(), 40_000);
    let responder = Endpoint::new([203, 0, 113, 5].into(), port);
    FlowKey { protocol, initiator, responder, initiator_mac: None, responder_mac: None }
}

pub(crate) fn inspector(protocol: Protocol, port: u16) -> Inspector {
    Inspector::new(&key(protocol, port))
}

/// What the inspector says of `pieces`, and whether it has read enough.
pub(crate) fn inspect<'a>(
    protocol: Protocol,
    port: u16,
    pieces: impl IntoIterator<Item = (Side, &'a [u8])>,
) -> (Vec<Hint>, Appetite) {
    let (mut inspector, mut hints) = (inspector(protocol, port), Vec::new());
    for (side, bytes) in pieces {
        if inspector.feed(side, Stamp::default(), bytes, &mut hints) == Appetite::Sated {
            return (hints, Appetite::Sated);
        }
    }
    (hints, Appetite::More)
}

/// What the inspector says of `pieces` on the web's port.
pub(crate) fn read<'a>(protocol: Protocol, pieces: impl IntoIterator<Item = (Side, &'a [u8])>) -> Vec<Hint> {
    inspect(protocol, 443, pieces).0
}

pub(crate) fn sent(bytes: &[u8]) -> (Side, &[u8]) {
    (Side::Initiator, bytes)
}

pub(crate) fn hello(hints: &[Hint]) -> Option<&ClientHello> {
    hints.iter().find_map(|hint| if let Hint::Hello(hello) = hint { Some(hello) } else { None })
}

/// The names of servers that `hints` give.
pub(crate) fn names(hints: &[Hint]) -> Vec<(&str, NameSource)> {
    let names = hints.iter().filter_map(|hint| match hint {
        Hint::ServerName { name, source, .. } => Some((name.as_str(), *source)),
        _ => None,
    });
    names.collect()
}

pub(crate) fn client_config(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}
