//! JA4, the TLS client fingerprint (`FoxIO`, BSD 3-Clause; nothing of JA4+).
//!
//! `{t|q|d}{version}{d|i}{ciphers}{extensions}{ALPN}_{cipher hash}_{extension hash}`: numbers of GREASE (RFC 8701)
//! are left out everywhere; ciphers and extensions are sorted before hashing, signature algorithms are not.

use sha2::{Digest, Sha256};

use super::tls::hello::{Carrier, Hello, extension, numbers};

/// The fingerprint of `hello`, such as `t13d1516h2_8daaf6152771_b186095e22b6`.
pub(super) fn fingerprint(hello: &Hello<'_>, carrier: Carrier) -> String {
    let ciphers: Vec<u16> = hello.ciphers.iter().copied().filter(|c| !is_grease(*c)).collect();
    let extensions: Vec<u16> = hello.extensions.iter().map(|(kind, _)| *kind).filter(|k| !is_grease(*k)).collect();
    let letter = match carrier {
        Carrier::Tcp => 't',
        Carrier::Quic => 'q',
        Carrier::Dtls => 'd',
    };
    let name = if extensions.contains(&extension::SERVER_NAME) { 'd' } else { 'i' };
    format!(
        "{letter}{}{name}{:02}{:02}{}_{}_{}",
        version(hello),
        ciphers.len().min(99),
        extensions.len().min(99),
        first_protocol(hello),
        ciphers_hash(ciphers),
        extensions_hash(extensions, hello),
    )
}

/// Whether `number` is one of the sixteen values reserved to be ignored (RFC 8701, section 2): 0x0a0a, 0x1a1a, ….
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// The highest version offered, in two characters.
fn version(hello: &Hello<'_>) -> &'static str {
    let offered = hello.body(extension::SUPPORTED_VERSIONS).map(|body| numbers(body.get(1..).unwrap_or_default()));
    let known = offered.iter().flatten().copied().filter(|v| !is_grease(*v)).max();
    match known.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol offered. Where one is not a letter or digit, the first and last
/// hexadecimal digit stand in, but bytes beyond ASCII are 9, as the published implementations write them.
fn first_protocol(hello: &Hello<'_>) -> String {
    let first = hello.protocols().next().unwrap_or_default();
    let (Some(&head), Some(&tail)) = (first.first(), first.last()) else { return "00".into() };
    if head.is_ascii_alphanumeric() && tail.is_ascii_alphanumeric() {
        return [char::from(head), char::from(tail)].iter().collect();
    }
    let digit = |byte: u8, nibble: u8| if byte.is_ascii() { hex_digit(nibble) } else { '9' };
    [digit(head, head >> 4), digit(tail, tail & 15)].iter().collect()
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).unwrap_or('0')
}

fn ciphers_hash(mut ciphers: Vec<u16>) -> String {
    ciphers.sort_unstable();
    if ciphers.is_empty() { NOTHING.into() } else { short_hash(&listed(&ciphers)) }
}

fn extensions_hash(mut extensions: Vec<u16>, hello: &Hello<'_>) -> String {
    extensions.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN));
    if extensions.is_empty() {
        return NOTHING.into();
    }
    extensions.sort_unstable();
    let algorithms = hello.body(extension::SIGNATURE_ALGORITHMS).and_then(|body| body.get(2..)).unwrap_or_default();
    let algorithms: Vec<u16> = numbers(algorithms).into_iter().filter(|a| !is_grease(*a)).collect();
    let mut text = listed(&extensions);
    if !algorithms.is_empty() {
        text.push('_');
        text.push_str(&listed(&algorithms));
    }
    short_hash(&text)
}

const NOTHING: &str = "000000000000";

fn listed(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(numbers.len() * 5);
    for number in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        push_hex(&mut text, &number.to_be_bytes());
    }
    text
}

/// The first twelve hexadecimal digits of the SHA-256 of `text`.
fn short_hash(text: &str) -> String {
    let mut hex = String::with_capacity(12);
    push_hex(&mut hex, &Sha256::digest(text)[..6]);
    hex
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(hex_digit(byte >> 4));
        text.push(hex_digit(byte & 15));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_two_equal_bytes_that_end_in_a() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|n| is_grease(*n)).collect();
        assert_eq!(grease.len(), 16);
        assert_eq!((grease[0], grease[15]), (0x0a0a, 0xfafa));
        assert!(!is_grease(0x1a2a));
    }

    #[test]
    fn the_example_of_the_specification_gives_its_fingerprint() {
        let ciphers = [
            0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let algorithms = [0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1];
        let bodies: [(u16, &[u8]); 18] = [
            (0x1a1a, &[]),
            (0x001b, &[]),
            (0x0000, &[]),
            (0x0033, &[]),
            (0x0010, &[0, 3, 2, b'h', b'2']),
            (0x4469, &[]),
            (0x0017, &[]),
            (0x002d, &[]),
            (0x000d, &algorithms),
            (0x0005, &[]),
            (0x0023, &[]),
            (0x0012, &[]),
            (0x002b, &[4, 3, 4, 3, 3]),
            (0xff01, &[]),
            (0x000b, &[]),
            (0x000a, &[]),
            (0x0015, &[]),
            (0x2a2a, &[]),
        ];
        let hello = Hello { version: 0x0303, ciphers: ciphers.into(), extensions: bodies.into() };
        assert_eq!(fingerprint(&hello, Carrier::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(fingerprint(&hello, Carrier::Quic), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn a_protocol_beyond_letters_and_digits_is_written_in_hex() {
        let with = |alpn: &'static [u8]| {
            first_protocol(&Hello { version: 0, ciphers: vec![], extensions: vec![(extension::ALPN, alpn)] })
        };
        assert_eq!(with(&[0, 3, 2, b'h', b'3']), "h3");
        assert_eq!(with(&[0, 3, 2, 0xba, 0xad]), "99");
        assert_eq!(with(&[0, 3, 2, 0x1b, 0x0a]), "1a", "no control character gets into a fingerprint");
        assert_eq!(with(&[]), "00");
    }
}
