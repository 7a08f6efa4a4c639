//! The head of an HTTP/1 message: the host that a request names (RFC 9112).

use std::net::IpAddr;

use super::{NameSource, Probe, Recognised, notes::Notes};
use crate::base::text::host_name;

/// Bytes of a request head that are looked at.
pub(super) const HEAD: usize = 8 * 1024;

const METHODS: [&[u8]; 12] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"CONNECT ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"TRACE ",
    b"PROPFIND ",
    b"REPORT ",
    b"NOTIFY ",
];

/// Reads the first bytes of one side. A request is `Certain` once its host is known or its head complete; after a
/// CONNECT the caller watches for what comes through the proxy.
pub(super) fn read(bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
    if is_prefix_of_either(bytes, b"HTTP/1.") {
        if bytes.len() > 7 {
            notes.protocol(Recognised::Http);
        }
        return Probe::Unsure; // an answer: the request, should it come, says more
    }
    if !METHODS.iter().any(|method| is_prefix_of_either(bytes, method)) {
        return Probe::NotForUs;
    }
    let Some((line, headers)) = split_line(bytes) else {
        let plausible = bytes.len() < HEAD && bytes.iter().all(|b| *b >= b' ' || *b == b'\r');
        return if plausible { Probe::Unsure } else { Probe::NotForUs };
    };
    let Some(target) = target(line) else { return Probe::NotForUs };
    notes.protocol(Recognised::Http);
    let complete = contains(headers, b"\n\r\n") || contains(headers, b"\n\n") || headers.starts_with(b"\r\n");
    let host = host_header(headers).or_else(|| authority(target));
    if let Some(host) = host {
        if let Some(name) = bare_name(host) {
            notes.name(name, NameSource::Http, false);
        }
        return Probe::Certain;
    }
    if complete || bytes.len() >= HEAD { Probe::Certain } else { Probe::Unsure }
}

/// Whether a request asks a proxy to open a tunnel: TLS may follow.
pub(super) fn is_connect(bytes: &[u8]) -> bool {
    bytes.starts_with(b"CONNECT ")
}

fn is_prefix_of_either(bytes: &[u8], word: &[u8]) -> bool {
    let n = bytes.len().min(word.len());
    bytes[..n] == word[..n]
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The first line, without its end, and what follows; `None` where no line has ended yet.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let (line, rest) = bytes.split_at(end);
    Some((line.strip_suffix(b"\r").unwrap_or(line), &rest[1..]))
}

/// The target of a request line of HTTP/1.0 or HTTP/1.1.
fn target(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.splitn(3, |b| *b == b' ');
    let (_method, target, version) = (words.next()?, words.next()?, words.next()?);
    version.starts_with(b"HTTP/1.").then_some(target)
}

/// The value of the first complete `Host` line.
fn host_header(mut headers: &[u8]) -> Option<&[u8]> {
    while let Some((line, rest)) = split_line(headers) {
        if line.is_empty() {
            return None;
        }
        let (name, value) = line.split_at(line.iter().position(|b| *b == b':').unwrap_or(line.len()));
        if name.eq_ignore_ascii_case(b"host") {
            return Some(value.get(1..)?.trim_ascii()).filter(|host| !host.is_empty());
        }
        headers = rest;
    }
    None
}

/// The authority in a target of absolute or authority form (RFC 9112, section 3.2).
fn authority(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") || target == b"*" {
        return None;
    }
    let after_scheme = target.windows(3).position(|w| w == b"://").map_or(target, |at| &target[at + 3..]);
    after_scheme.split(|b| *b == b'/').next().filter(|authority| !authority.is_empty())
}

/// The name in `host[:port]`; `None` for an address, which says nothing that the packet does not.
fn bare_name(host: &[u8]) -> Option<String> {
    let host = host.rsplit(|b| *b == b'@').next()?;
    let host = match host.iter().rposition(|b| *b == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    };
    host_name(host).filter(|name| !name.starts_with('[') && name.parse::<IpAddr>().is_err())
}
