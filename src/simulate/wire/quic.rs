//! QUIC version 1 (RFC 9000): a genuine Initial packet, protected as RFC 9001, section 5 says, and the outsides of
//! those that follow it.

use ring::{aead, hkdf};

use super::{
    Put,
    tls::{Offer, client_hello},
};
use crate::simulate::chance::Chance;

/// The connection's ids, drawn from `chance`: the client's choice for the server, and its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Ids {
    server: [u8; 8],
    client: [u8; 8],
}

impl Ids {
    pub(in crate::simulate) fn draw(chance: &mut Chance) -> Self {
        let mut ids = Self { server: [0; 8], client: [0; 8] };
        chance.fill(&mut ids.server);
        chance.fill(&mut ids.client);
        ids
    }
}

/// The client's first datagram, `length` bytes: an Initial packet with its ClientHello. `None` where the cipher
/// refuses, which it has no reason to.
pub(in crate::simulate) fn initial(
    ids: &Ids,
    name: Option<&str>,
    ech: bool,
    length: usize,
    chance: &mut Chance,
) -> Option<Vec<u8>> {
    let parameters = transport_parameters(&ids.client);
    let offer = Offer { name, alpn: &["h3"], ech, quic: Some(&parameters) };
    let hello = client_hello(&offer, 0, chance);
    let mut packet = vec![LONG_INITIAL];
    packet.put32(VERSION_1);
    packet.put8(8);
    packet.extend(ids.server);
    packet.put8(8);
    packet.extend(ids.client);
    packet.put8(0); // no token
    let rest = length.checked_sub(packet.len() + 2)?;
    packet.put16(0x4000 | u16::try_from(rest).ok()?);
    let number_at = packet.len();
    packet.resize(number_at + NUMBER_LENGTH, 0); // packet number 0

    let mut frames = vec![0x06, 0x00]; // CRYPTO at offset 0 (section 19.6)
    frames.put16(0x4000 | u16::try_from(hello.len()).ok()?);
    frames.extend(hello);
    frames.resize(rest.checked_sub(NUMBER_LENGTH + TAG)?, 0); // PADDING frames are zeros
    protect(&ids.server, packet, number_at, frames)
}

/// Seals `frames` behind the header `packet` and masks the header (RFC 9001, sections 5.3 and 5.4).
fn protect(destination: &[u8], mut packet: Vec<u8>, number_at: usize, mut frames: Vec<u8>) -> Option<Vec<u8>> {
    let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &SALT_V1).extract(destination);
    let secret: [u8; 32] = expanded(&initial, b"client in")?;
    let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
    let key: [u8; 16] = expanded(&secret, b"quic key")?;
    let iv: [u8; 12] = expanded(&secret, b"quic iv")?; // packet number 0 leaves it as it is
    let mask_key: [u8; 16] = expanded(&secret, b"quic hp")?;

    let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key).ok()?);
    let nonce = aead::Nonce::assume_unique_for_key(iv);
    key.seal_in_place_append_tag(nonce, aead::Aad::from(&packet), &mut frames).ok()?;
    packet.extend(frames);

    let sample_at = number_at + 4;
    let mask_key = aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &mask_key).ok()?;
    let mask = mask_key.new_mask(packet.get(sample_at..sample_at + 16)?).ok()?;
    packet[0] ^= mask[0] & 0x0f;
    packet[number_at..number_at + NUMBER_LENGTH].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
    Some(packet)
}

/// HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
fn expanded<const N: usize>(secret: &hkdf::Prk, label: &[u8]) -> Option<[u8; N]> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(6 + label.len()).ok()?];
    let info = [&length[..], &label_length, b"tls13 ", label, &[0]];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// What a client announces (RFC 9000, section 18.2).
fn transport_parameters(client: &[u8; 8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend([0x01, 4, 0x80, 0, 0x75, 0x30]); // idle for at most 30 s
    out.extend([0x03, 2, 0x45, 0xc0]); // datagrams of at most 1,472 bytes
    for limit in 0x04..=0x07 {
        out.extend([limit, 4, 0x80, 0x60, 0, 0]); // six megabytes at first
    }
    out.extend([0x08, 2, 0x40, 0x64, 0x09, 2, 0x40, 0x64]); // a hundred streams each way
    out.extend([0x0f, 8]);
    out.extend(client);
    out
}

/// A long-header packet whose inside stays closed: `kind` 0 Initial, 2 Handshake; from the server if `from_server`.
pub(in crate::simulate) fn closed_long(ids: &Ids, kind: u8, from_server: bool, length: usize, n: u64) -> Vec<u8> {
    let (to, from) = if from_server { (ids.client, ids.server) } else { (ids.server, ids.client) };
    let mut packet = vec![0xc0 | kind << 4];
    packet.put32(VERSION_1);
    packet.put8(8);
    packet.extend(to);
    packet.put8(8);
    packet.extend(from);
    if kind == 0 {
        packet.put8(0);
    }
    let rest = length.saturating_sub(packet.len() + 2);
    packet.put16(0x4000 | u16::try_from(rest).unwrap_or_default());
    let mut inside = vec![0; rest];
    Chance::of(u64::from_be_bytes(ids.server) ^ n, "inside").fill(&mut inside);
    packet.extend(inside);
    packet
}

/// A short-header packet, as application data and acknowledgements go; zeros inside.
pub(in crate::simulate) fn short(ids: &Ids, from_server: bool, length: usize) -> Vec<u8> {
    let mut packet = vec![0x40];
    packet.extend(if from_server { ids.client } else { ids.server });
    packet.resize(length, 0);
    packet
}

const VERSION_1: u32 = 1;
const NUMBER_LENGTH: usize = 4;
/// Long header, Initial, a packet number of four bytes (RFC 9000, section 17.2.2).
const LONG_INITIAL: u8 = 0xc3;
const TAG: usize = 16;
/// RFC 9001, section 5.2.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
