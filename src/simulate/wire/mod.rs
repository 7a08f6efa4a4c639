//! Bytes as they would have crossed the wire: frames, TLS, QUIC, DNS, STUN, RTP.
//!
//! Headers and handshakes are genuine. Application data is zeros behind its record headers: nothing reads it, and
//! files stay small.

pub(super) mod call;
pub(super) mod dns;
pub(super) mod frame;
pub(super) mod noise;
pub(super) mod pcap;
pub(super) mod quic;
pub(super) mod stream;
pub(super) mod tls;
pub(super) mod tunnel;

/// Appends big-endian numbers.
pub(super) trait Put {
    fn put8(&mut self, n: u8);
    fn put16(&mut self, n: u16);
    fn put32(&mut self, n: u32);
    /// Appends what `body` appends, behind its length in two bytes.
    fn with_len16(&mut self, body: impl FnOnce(&mut Vec<u8>));
}

impl Put for Vec<u8> {
    fn put8(&mut self, n: u8) {
        self.push(n);
    }

    fn put16(&mut self, n: u16) {
        self.extend(n.to_be_bytes());
    }

    fn put32(&mut self, n: u32) {
        self.extend(n.to_be_bytes());
    }

    fn with_len16(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        let at = self.len();
        self.put16(0);
        body(self);
        let length = u16::try_from(self.len() - at - 2).unwrap_or(u16::MAX);
        self[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
}
