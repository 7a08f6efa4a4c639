//! TLS 1.3 as a bystander sees it (RFC 8446): a ClientHello as a phone's browser engine sends it, and the sizes of
//! what follows.

use super::Put;
use crate::simulate::chance::Chance;

/// What a ClientHello is to say.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Offer<'a> {
    /// Server name; none for servers known by address.
    pub(in crate::simulate) name: Option<&'a str>,
    pub(in crate::simulate) alpn: &'a [&'a str],
    /// With an `encrypted_client_hello` extension (RFC 9849); `name` is then the outer name.
    pub(in crate::simulate) ech: bool,
    /// QUIC's transport parameters (RFC 9001, section 8.2); they replace what only TCP needs.
    pub(in crate::simulate) quic: Option<&'a [u8]>,
}

/// A ClientHello in its record, padded to 517 bytes where it is shorter (RFC 7685).
pub(in crate::simulate) fn client_hello_record(offer: &Offer<'_>, chance: &mut Chance) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.with_len16(|out| out.extend(client_hello(offer, HELLO - 5, chance)));
    record
}

/// The ClientHello handshake message, padded to `length` where it is shorter.
pub(in crate::simulate) fn client_hello(offer: &Offer<'_>, length: usize, chance: &mut Chance) -> Vec<u8> {
    let mut hello = vec![1, 0, 0, 0, 3, 3];
    hello.extend(random::<32>(chance));
    match offer.quic {
        None => {
            hello.put8(32);
            hello.extend(random::<32>(chance));
        }
        Some(_) => hello.put8(0), // no middlebox to please (RFC 9001, section 8.4)
    }
    hello.with_len16(|out| {
        out.put16(grease(chance));
        let suites = if offer.quic.is_some() { &SUITES[..3] } else { SUITES };
        put_all(out, suites);
    });
    hello.extend([1, 0]);
    hello.with_len16(|out| extensions(out, offer, length, chance));
    let body = u32::try_from(hello.len() - 4).unwrap_or_default().to_be_bytes();
    hello[1..4].copy_from_slice(&body[1..]);
    hello
}

fn extensions(out: &mut Vec<u8>, offer: &Offer<'_>, length: usize, chance: &mut Chance) {
    let first = grease(chance);
    extension(out, first, |_| ());
    if let Some(name) = offer.name {
        extension(out, 0, |out| out.with_len16(|out| server_name(out, name)));
    }
    if offer.quic.is_none() {
        extension(out, 23, |_| ()); // extended main secret
        extension(out, 0xff01, |out| out.put8(0)); // renegotiation info
    }
    let group = grease(chance);
    extension(out, 10, |out| out.with_len16(|out| put_all(out, &[group, X25519, 0x17, 0x18])));
    if offer.quic.is_none() {
        extension(out, 11, |out| out.extend([1, 0])); // uncompressed points
        extension(out, 35, |_| ()); // session ticket
    }
    extension(out, 16, |out| out.with_len16(|out| offer.alpn.iter().for_each(|p| short_string(out, p))));
    extension(out, 5, |out| out.extend([1, 0, 0, 0, 0])); // OCSP stapling
    extension(out, 13, |out| out.with_len16(|out| put_all(out, SIGNATURES)));
    if offer.quic.is_none() {
        extension(out, 18, |_| ()); // signed certificate timestamps
    }
    extension(out, 51, |out| out.with_len16(|out| key_share(out, group, chance)));
    extension(out, 45, |out| out.extend([1, 1])); // resumption with key exchange
    let version = grease(chance);
    extension(out, 43, |out| {
        let versions: &[u16] = if offer.quic.is_some() { &[version, 0x0304] } else { &[version, 0x0304, 0x0303] };
        out.put8(u8::try_from(versions.len() * 2).unwrap_or_default());
        put_all(out, versions);
    });
    extension(out, 27, |out| out.extend([2, 0, 2])); // certificates compressed with Brotli
    if let Some(parameters) = offer.quic {
        extension(out, 57, |out| out.extend(parameters));
    }
    if offer.ech {
        extension(out, 0xfe0d, |out| encrypted_hello(out, chance));
    }
    // The two GREASE extensions must differ (RFC 8701, section 3.1).
    let last = std::iter::repeat_with(|| grease(chance)).find(|kind| *kind != first).unwrap_or(first);
    extension(out, last, |out| out.put8(0));
    // All of the message but the padding stands by now, so its length says what is missing.
    if let Some(missing) = length.checked_sub(out.len() + 4) {
        extension(out, 21, |out| out.resize(out.len() + missing, 0));
    }
}

fn server_name(out: &mut Vec<u8>, name: &str) {
    out.put8(0);
    out.with_len16(|out| out.extend(name.as_bytes()));
}

fn key_share(out: &mut Vec<u8>, group: u16, chance: &mut Chance) {
    out.put16(group);
    out.with_len16(|out| out.put8(0));
    out.put16(X25519);
    out.with_len16(|out| out.extend(random::<32>(chance)));
}

/// An outer ClientHello's sealed inner one (RFC 9849, section 5): its bytes are random, as they look to a bystander.
fn encrypted_hello(out: &mut Vec<u8>, chance: &mut Chance) {
    out.extend([0, 0, 1, 0, 1]); // outer; HKDF-SHA256, AES-128-GCM
    out.extend(random::<1>(chance));
    out.with_len16(|out| out.extend(random::<32>(chance)));
    out.with_len16(|out| out.extend(random::<144>(chance)));
}

fn put_all(out: &mut Vec<u8>, numbers: &[u16]) {
    for number in numbers {
        out.put16(*number);
    }
}

fn extension(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    out.put16(kind);
    out.with_len16(body);
}

fn short_string(out: &mut Vec<u8>, text: &str) {
    out.put8(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend(text.as_bytes());
}

/// A reserved value that servers must pass over (RFC 8701).
fn grease(chance: &mut Chance) -> u16 {
    let half = u16::try_from(chance.below(16)).unwrap_or_default() << 4 | 0x0a;
    half << 8 | half
}

fn random<const N: usize>(chance: &mut Chance) -> [u8; N] {
    let mut bytes = [0; N];
    chance.fill(&mut bytes);
    bytes
}

const HELLO: usize = 517;
const X25519: u16 = 0x001d;
const SUITES: &[u16] = &[
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
    0x0035,
];
const SIGNATURES: &[u16] = &[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];

/// What a server answers: ServerHello, then a sealed record with its certificates (RFC 8446, section 4.1.3), `length`
/// bytes in all.
pub(in crate::simulate) fn server_flight(length: usize, chance: &mut Chance) -> Vec<u8> {
    let mut flight = vec![22, 3, 3];
    flight.with_len16(|out| {
        out.extend([2, 0, 0, 118, 3, 3]);
        out.extend(random::<32>(chance));
        out.put8(32);
        out.extend(random::<32>(chance));
        out.put16(0x1302);
        out.put8(0);
        out.with_len16(|out| {
            extension(out, 43, |out| out.put16(0x0304));
            extension(out, 51, |out| {
                out.put16(X25519);
                out.with_len16(|out| out.extend(random::<32>(chance)));
            });
        });
    });
    flight.extend(CHANGE_CIPHER_SPEC);
    sealed(&mut flight, length);
    flight
}

/// The client's change-cipher-spec and Finished records, `length` bytes in all.
pub(in crate::simulate) fn client_finish(length: usize) -> Vec<u8> {
    let mut finish = CHANGE_CIPHER_SPEC.to_vec();
    sealed(&mut finish, length);
    finish
}

/// A sealed close-notify alert, `length` bytes.
pub(in crate::simulate) fn goodbye(length: usize) -> Vec<u8> {
    let mut alert = Vec::new();
    sealed(&mut alert, length);
    alert
}

/// Appends one application-data record that brings `out` to `length`; its content is zeros.
fn sealed(out: &mut Vec<u8>, length: usize) {
    out.extend([23, 3, 3]);
    out.with_len16(|out| out.resize(length.max(out.len()), 0));
}

const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::hosts::Hosts;

    fn offer(name: Option<&str>) -> Offer<'_> {
        Offer { name, alpn: &["h2", "http/1.1"], ech: false, quic: None }
    }

    #[test]
    fn a_tls_library_accepts_the_hello_and_reads_its_name() {
        for name in [Some("mmg.whatsapp.net"), Some("dns.google"), None] {
            for ech in [false, true] {
                let mut chance = Chance::of(4, "hello");
                let record = client_hello_record(&Offer { ech, ..offer(name) }, &mut chance);
                let mut acceptor = rustls::server::Acceptor::default();
                acceptor.read_tls(&mut record.as_slice()).unwrap();
                let accepted = acceptor.accept().map_err(|(error, _)| error).unwrap().expect("a whole hello");
                let hello = accepted.client_hello();
                assert_eq!(hello.server_name(), name);
                assert_eq!(hello.alpn().unwrap().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
                assert!(hello.cipher_suites().len() > 10);
            }
        }
    }

    #[test]
    fn every_host_gets_a_hello_of_the_size_the_ledger_counts() {
        let hosts = Hosts::of(crate::simulate::App::Whatsapp);
        for id in hosts.ids() {
            for ech in [false, true] {
                let offer = Offer { ech, ..offer(hosts.get(id).name.as_deref()) };
                let record = client_hello_record(&offer, &mut Chance::of(id.0.into(), "hello"));
                assert_eq!(record.len(), HELLO, "{:?}", hosts.get(id).name);
            }
        }
    }

    #[test]
    fn what_follows_the_hello_has_the_size_it_is_given() {
        let flight = server_flight(3_941, &mut Chance::of(1, "flight"));
        assert_eq!((flight.len(), &flight[127..133]), (3_941, &CHANGE_CIPHER_SPEC[..]));
        assert_eq!((client_finish(80).len(), goodbye(24).len()), (80, 24));
    }
}
