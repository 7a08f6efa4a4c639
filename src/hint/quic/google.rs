//! Google QUIC before TLS: the public header in clear, and the server name in a CHLO's `SNI` tag.

use super::version;
use crate::base::{Malformed, Reader, text::host_name};

/// Whether `bytes` begin with a Google QUIC public header that names its version, as a client's first packets do.
pub(super) fn has_public_header(bytes: &[u8]) -> bool {
    let Some(&flags) = bytes.first() else { return false };
    let version_at = match flags & 0x8f {
        0x09 | 0x0d => 9,
        0x01 => 1,
        _ => return false,
    };
    bytes
        .get(version_at..version_at + 4)
        .is_some_and(|v| version::is_google(u32::from_be_bytes([v[0], v[1], v[2], v[3]])))
}

/// Whether `bytes` hold a server's handshake message in clear: a rejection or hello whose first tags are in order.
pub(super) fn is_server_message(bytes: &[u8]) -> bool {
    let near = &bytes[..bytes.len().min(REACH)];
    near.windows(12).any(|w| {
        let tag = |tag: &[u8]| tag.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == 0);
        matches!(&w[..4], b"REJ\0" | b"SHLO") && w[4] > 0 && w[5..8] == [0; 3] && w[8] > 0 && tag(&w[8..])
    })
}

/// Where in a packet or an opened payload a CHLO may begin: behind header, hash and frame header.
const REACH: usize = 128;
/// Tags read of one CHLO.
const TAGS: u16 = 128;

/// The server name in the CHLO that begins near the front of `bytes`.
pub(in crate::hint) fn server_name(bytes: &[u8]) -> Option<String> {
    let near = &bytes[..bytes.len().min(REACH)];
    let at = near.windows(4).position(|word| word == b"CHLO")?;
    host_name(tag(&bytes[at + 4..], *b"SNI\0").ok()??)
}

/// The value of one tag: a count, that many pairs of tag and end offset (little-endian), then the values.
fn tag(message: &[u8], wanted: [u8; 4]) -> Result<Option<&[u8]>, Malformed> {
    let mut r = Reader::new("CHLO", message);
    let tags = u16::from_le_bytes(r.array()?);
    r.skip(2)?;
    if tags > TAGS {
        return Ok(None);
    }
    let mut start = 0;
    let mut span = None;
    for _ in 0..tags {
        let name: [u8; 4] = r.array()?;
        let end = u32::from_le_bytes(r.array()?) as usize;
        if name == wanted {
            span = Some(start..end);
        }
        start = end;
    }
    let values = r.rest();
    Ok(span.and_then(|span| values.get(span)))
}
