//! Where dissectors write down what they learn: each thing once a flow.

use super::{ClientHello, Ends, Hint, NameSource, Recognised};

/// What has been said of a flow already, so that a call of a million packets says "RTP" once.
#[derive(Debug, Default)]
pub(super) struct Said {
    protocols: u32,
    patterns: Vec<&'static str>,
    names: u8,
    pub(super) hello: bool,
}

/// The pen of a dissector.
pub(super) struct Notes<'a> {
    pub(super) ends: &'a Ends,
    pub(super) said: &'a mut Said,
    pub(super) hints: &'a mut Vec<Hint>,
}

/// Server names kept of one flow: a proxy's CONNECT and the name inside it, a certificate's few.
const NAMES: u8 = 8;
/// Signatures kept of one flow.
const PATTERNS: usize = 8;

impl Notes<'_> {
    /// The flow speaks `protocol`.
    pub(super) fn protocol(&mut self, protocol: Recognised) {
        let bit = 1 << protocol as u32;
        if self.said.protocols & bit == 0 {
            self.said.protocols |= bit;
            self.hints.push(Hint::Protocol(protocol));
        }
    }

    /// Whether `protocol` has been recognised.
    pub(super) fn knows(&self, protocol: Recognised) -> bool {
        self.said.protocols & (1 << protocol as u32) != 0
    }

    /// A server's name was read.
    pub(super) fn name(&mut self, name: String, source: NameSource, outer: bool) {
        if self.said.names < NAMES {
            self.said.names += 1;
            self.hints.push(Hint::ServerName { name, source, outer });
        }
    }

    /// Whether any app's pattern has been seen.
    pub(super) fn has_signature(&self) -> bool {
        !self.said.patterns.is_empty()
    }

    /// Whether any server name has been read.
    pub(super) fn has_name(&self) -> bool {
        self.said.names > 0
    }

    /// A ClientHello was read; its server name, where it has one, was seen in `source`. Later ones of the same flow
    /// (after a `HelloRetryRequest`, or sent twice) say nothing new.
    pub(super) fn hello(&mut self, hello: ClientHello, source: NameSource) {
        if std::mem::replace(&mut self.said.hello, true) {
            return;
        }
        if let Some(name) = &hello.server_name {
            self.name(name.clone(), source, hello.ech);
        }
        self.hints.push(Hint::Hello(hello));
    }

    /// A pattern that only `app` sends.
    pub(super) fn signature(&mut self, app: &'static str, pattern: &'static str) {
        if self.said.patterns.len() < PATTERNS && !self.said.patterns.contains(&pattern) {
            self.said.patterns.push(pattern);
            self.hints.push(Hint::Signature { app, pattern });
        }
    }
}
