//! A ClientHello handshake message, read past whatever is malformed in it (RFC 8446, section 4.1.2).

use crate::{
    base::{Malformed, Reader, text::host_name},
    hint::{ClientHello, ja4},
};

/// What carries a ClientHello: the first letter of its JA4, and what its version numbers mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::hint) enum Carrier {
    /// TLS over TCP.
    Tcp,
    /// QUIC CRYPTO frames.
    Quic,
    /// DTLS.
    Dtls,
}

/// The fields of a ClientHello that say something of its sender, borrowed from the message.
#[derive(Clone, Debug)]
pub(in crate::hint) struct Hello<'a> {
    /// `legacy_version`.
    pub(in crate::hint) version: u16,
    /// Cipher suites in the order they were offered, GREASE included.
    pub(in crate::hint) ciphers: Vec<u16>,
    /// Extensions in their order: type and body.
    pub(in crate::hint) extensions: Vec<(u16, &'a [u8])>,
}

/// Extension types that are looked into (IANA registry of TLS extensions).
pub(in crate::hint) mod extension {
    pub(in crate::hint) const SERVER_NAME: u16 = 0;
    pub(in crate::hint) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in crate::hint) const ALPN: u16 = 16;
    pub(in crate::hint) const SUPPORTED_VERSIONS: u16 = 43;
}

/// `encrypted_client_hello` (RFC 9849), its drafts of 2020, and the `encrypted_server_name` before them.
const ENCRYPTED: [u16; 7] = [0xfe0d, 0xffce, 0xff02, 0xff03, 0xfe08, 0xfe09, 0xfe0a];

impl<'a> Hello<'a> {
    /// Reads the body of a ClientHello (without the four bytes of handshake header). An extension whose length lies
    /// ends the list; one whose inside is malformed hides nothing after it.
    pub(in crate::hint) fn read(body: &'a [u8], carrier: Carrier) -> Result<Self, Malformed> {
        let mut r = Reader::new("ClientHello", body);
        let version = r.u16()?;
        r.skip(32)?; // random
        let session = r.u8()?;
        r.skip(session.into())?;
        if carrier == Carrier::Dtls {
            let cookie = r.u8()?;
            r.skip(cookie.into())?;
        }
        let ciphers = r.u16()?;
        let ciphers = numbers(r.take(ciphers.into())?);
        let compressions = r.u8()?;
        r.skip(compressions.into())?;
        let mut extensions = Vec::new();
        if let Ok(listed) = r.u16() {
            let mut list = Reader::new("ClientHello extensions", r.take_up_to(listed.into()));
            while let Ok(one) = one_extension(&mut list) {
                extensions.push(one);
            }
        }
        Ok(Self { version, ciphers, extensions })
    }

    /// What the hello says, with its JA4 as of `carrier` where the hello is whole and one is wanted.
    pub(in crate::hint) fn describe(&self, fingerprint_of: Option<Carrier>) -> ClientHello {
        ClientHello {
            server_name: self.body(extension::SERVER_NAME).and_then(server_name),
            alpn: self.protocols().map(|p| String::from_utf8_lossy(p).into_owned()).take(ALPN_KEPT).collect(),
            ech: self.extensions.iter().any(|(kind, _)| ENCRYPTED.contains(kind)),
            ja4: fingerprint_of.map(|carrier| ja4::fingerprint(self, carrier)),
        }
    }

    /// The body of the first extension of this type.
    pub(in crate::hint) fn body(&self, kind: u16) -> Option<&'a [u8]> {
        self.extensions.iter().find(|(k, _)| *k == kind).map(|(_, body)| *body)
    }

    /// Application protocols offered (RFC 7301), first choice first.
    pub(in crate::hint) fn protocols(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut list = Reader::new("ALPN", self.body(extension::ALPN).unwrap_or_default());
        let _ = list.u16(); // the list's own length: the extension's is the one that binds
        std::iter::from_fn(move || {
            let length = list.u8().ok()?;
            list.take(length.into()).ok()
        })
    }
}

const ALPN_KEPT: usize = 8;

fn one_extension<'a>(list: &mut Reader<'a>) -> Result<(u16, &'a [u8]), Malformed> {
    let kind = list.u16()?;
    let length = list.u16()?;
    Ok((kind, list.take(length.into())?))
}

/// The pairs of bytes of `bytes`, as big-endian numbers.
pub(in crate::hint) fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// The first host name of a `server_name` extension (RFC 6066, section 3).
fn server_name(body: &[u8]) -> Option<String> {
    let mut list = Reader::new("server_name", body);
    list.u16().ok()?;
    loop {
        let kind = list.u8().ok()?;
        let length = list.u16().ok()?;
        let name = list.take(length.into()).ok()?;
        if kind == 0 {
            return host_name(name);
        }
    }
}
