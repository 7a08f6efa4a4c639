//! The keys of a client's Initial packets, and what they open (RFC 9001, sections 5.2 to 5.4).

use ring::{
    aead::{self, quic},
    hkdf,
};

use super::version::Version;
use crate::base::{Malformed, Reader};

/// What opens the Initial packets that a client sends.
pub(super) struct Keys {
    packet: aead::LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    header: quic::HeaderProtectionKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

const KEY: usize = 16;

impl Keys {
    /// The keys that follow from the destination connection id of the client's first Initial packet.
    pub(super) fn of_client(version: &Version, dcid: &[u8]) -> Option<Self> {
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, version.salt).extract(dcid);
        let secret: [u8; 32] = expand(&initial, "client in")?;
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let [key, iv, header] = version.labels;
        let key: [u8; KEY] = expand(&secret, key)?;
        let header: [u8; KEY] = expand(&secret, header)?;
        Some(Self {
            packet: aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            iv: expand(&secret, iv)?,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &header).ok()?,
        })
    }

    /// Opens one Initial packet: `packet` is the whole of it, its packet number at `number_at`. The frames, or `None`
    /// where these are not its keys.
    pub(super) fn open(&self, packet: &[u8], number_at: usize) -> Option<Vec<u8>> {
        let (header, number, length) = self.unmask(packet, number_at).ok()?;
        let nonce = aead::Nonce::assume_unique_for_key(self.nonce(number));
        let mut sealed = packet.get(number_at + length..)?.to_vec();
        let opened = self.packet.open_in_place(nonce, aead::Aad::from(header), &mut sealed).ok()?.len();
        sealed.truncate(opened);
        Some(sealed)
    }

    /// Takes header protection off: the header in clear, the packet number, and how many bytes it took.
    fn unmask(&self, packet: &[u8], number_at: usize) -> Result<(Vec<u8>, u32, usize), Malformed> {
        let mut r = Reader::new("QUIC Initial", packet);
        r.skip(number_at + 4)?;
        let sample = r.take(self.header.algorithm().sample_len())?;
        let mask = self.header.new_mask(sample).unwrap_or_default();
        let mut header = packet.get(..number_at + 4).unwrap_or_default().to_vec();
        header[0] ^= mask[0] & 0x0f;
        let length = usize::from(header[0] & 3) + 1;
        header.truncate(number_at + length);
        let mut number = 0;
        for (byte, mask) in header[number_at..].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
            number = number << 8 | u32::from(*byte);
        }
        Ok((header, number, length))
    }

    /// Initial packet numbers start near zero, so the truncated number is the number (RFC 9000, appendix A.3).
    fn nonce(&self, number: u32) -> [u8; aead::NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[8..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446, section 7.1), as many bytes as the caller's array holds.
fn expand<const N: usize>(secret: &hkdf::Prk, label: &str) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let info: [&[u8]; 5] = [&length, &label_length, PREFIX, label.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Wanted(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

const PREFIX: &[u8] = b"tls13 ";

struct Wanted(usize);

impl hkdf::KeyType for Wanted {
    fn len(&self) -> usize {
        self.0
    }
}
