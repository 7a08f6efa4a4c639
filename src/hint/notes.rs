//! Where dissectors write down what they learn: each thing once a flow.

use super::{ClientHello, Detail, Ends, Hint, NameSource, Recognised, tls::hello::Carrier};

/// What has been said of a flow already, so that a call of a million packets says "RTP" once.
#[derive(Debug, Default)]
pub(super) struct Said {
    protocols: u32,
    patterns: Vec<&'static str>,
    names: u8,
    hellos: u8,
    retried: bool,
    detail: Detail,
}

impl Said {
    /// Nothing has been said, and this much is wanted.
    pub(super) fn new(detail: Detail) -> Self {
        Self { detail, ..Self::default() }
    }
}

/// The pen of a dissector.
pub(super) struct Notes<'a> {
    pub(super) ends: &'a Ends,
    pub(super) said: &'a mut Said,
    pub(super) hints: &'a mut Vec<Hint>,
}

/// Server names kept of one flow: a proxy's CONNECT and the name inside it, a certificate's few.
const NAMES: u8 = 8;
/// Hellos told of one flow: a server asks for another once at most (RFC 8446, section 4.1.4).
const HELLOS: u8 = 2;
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

    /// What a hello's fingerprint would be written for, where one is wanted.
    pub(super) fn fingerprint_of(&self, carrier: Carrier) -> Option<Carrier> {
        (self.said.detail == Detail::Full).then_some(carrier)
    }

    /// A ClientHello was read; its server name, where it has one, was seen in `source`. A second one that the server
    /// asked for names the same server, and may have another fingerprint; one sent twice says nothing new.
    pub(super) fn hello(&mut self, hello: ClientHello, source: NameSource) {
        let repeated = self.said.hellos > 0;
        let asked_for = self.said.retried && self.said.hellos < HELLOS && hello.ja4.is_some();
        if repeated && !asked_for {
            return;
        }
        self.said.hellos += 1;
        if let Some(name) = hello.server_name.as_ref().filter(|_| !repeated) {
            self.name(name.clone(), source, hello.ech);
        }
        self.hints.push(Hint::Hello(hello));
    }

    /// How many hellos of a client have been read.
    pub(super) fn hellos(&self) -> u8 {
        self.said.hellos
    }

    /// The server asked for another hello.
    pub(super) fn retry(&mut self) {
        self.said.retried = true;
    }

    /// Whether the flow's hellos have said all they can: a second one is waited for only where its fingerprint is
    /// wanted and the server may still ask for it.
    pub(super) fn hellos_are_over(&self, answered: bool) -> bool {
        match (self.said.hellos, self.said.detail) {
            (0, _) => false,
            (_, Detail::Brief) | (HELLOS, _) => true,
            _ => answered && !self.said.retried,
        }
    }

    /// A pattern that only `app` sends.
    pub(super) fn signature(&mut self, app: &'static str, pattern: &'static str) {
        if self.said.patterns.len() < PATTERNS && !self.said.patterns.contains(&pattern) {
            self.said.patterns.push(pattern);
            self.hints.push(Hint::Signature { app, pattern });
        }
    }

    /// A shape that fits `app`.
    pub(super) fn shape(&mut self, app: &'static str, pattern: &'static str) {
        if self.said.patterns.len() < PATTERNS && !self.said.patterns.contains(&pattern) {
            self.said.patterns.push(pattern);
            self.hints.push(Hint::Shape { app, pattern });
        }
    }
}
