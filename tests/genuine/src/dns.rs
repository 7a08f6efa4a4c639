//! A resolver that knows [`HOSTS`](crate::hosts::HOSTS), and the questions a phone asks it (RFC 1035, RFC 9460).

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    hosts::{Host, PHONE_V4, ROUTER_V4, host},
    lab::Lab,
};

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;
const IN: u16 = 1;
const PORT: u16 = 53;

/// Answers questions in the background for as long as the program runs.
pub fn serve(lab: &Lab) -> Result<()> {
    let socket = lab.internet.datagrams(SocketAddr::from((ROUTER_V4, PORT)))?;
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&question[..length]) {
                socket.send_to(&answer, from).ok();
            }
        }
    });
    Ok(())
}

/// Asks for the addresses of `name` as a phone does: IPv4, IPv6 and HTTPS parameters, from a port each.
pub fn look_up(lab: &Lab, name: &str) -> Result<()> {
    for (id, kind) in (0x6e61..).zip([A, AAAA, HTTPS]) {
        let socket = lab.phone.datagrams(SocketAddr::from((PHONE_V4, 0)))?;
        ask(&socket, &question(id, name, kind)).with_context(|| format!("looking up {name}"))?;
    }
    Ok(())
}

fn ask(socket: &UdpSocket, question: &[u8]) -> Result<()> {
    socket.connect(SocketAddr::from((ROUTER_V4, PORT)))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    socket.send(question)?;
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer).context("no answer")?;
    ensure!(answer[..length].starts_with(&question[..2]), "an answer to another question");
    if answer[3] & 0x0f != 0 {
        bail!("the resolver refused");
    }
    Ok(())
}

fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(id.to_be_bytes());
    message.extend([0x01, 0x00]); // recursion desired
    message.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(labels(name));
    message.extend(kind.to_be_bytes());
    message.extend(IN.to_be_bytes());
    message
}

/// The answer to `question`; `None` where it is not a question that can be answered at all.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name_at(question, HEADER)?;
    let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
    let records = host(&name).map(|host| records(host, kind));
    let (code, records) = records.map_or((3, Vec::new()), |records| (0, records));
    let mut message = question.get(..2)?.to_vec();
    message.extend([0x81, 0x80 | code]); // response, recursion desired and available
    message.extend([0, 1, 0, u8::try_from(records.len()).ok()?, 0, 0, 0, 0]);
    message.extend(question.get(HEADER..end + 4)?);
    message.extend(records.concat());
    Some(message)
}

const HEADER: usize = 12;
/// Points at the name in the question (RFC 1035, section 4.1.4).
const QUESTIONED_NAME: [u8; 2] = [0xc0, 0x0c];

fn records(host: &Host, kind: u16) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut owner = QUESTIONED_NAME.to_vec();
    if let Some(canonical) = host.alias_of {
        records.push(record(&owner, CNAME, 2 * host.lifetime, &labels(canonical)));
        owner = labels(canonical);
    }
    match (kind, host.v6) {
        (A, _) => records.push(record(&owner, A, host.lifetime, &host.v4.octets())),
        (AAAA, Some(v6)) => records.push(record(&owner, AAAA, host.lifetime, &v6.octets())),
        (HTTPS, _) => records.push(record(&owner, HTTPS, host.lifetime, &service(host))),
        _ => {}
    }
    records
}

/// Priority 1, the owner itself, `alpn=h3,h2` and an address hint (RFC 9460).
fn service(host: &Host) -> Vec<u8> {
    let mut data = vec![0, 1, 0];
    data.extend([0, 1, 0, 6, 2, b'h', b'3', 2, b'h', b'2']);
    data.extend([0, 4, 0, 4]);
    data.extend(host.v4.octets());
    data
}

fn record(owner: &[u8], kind: u16, lifetime: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut record = owner.to_vec();
    record.extend(kind.to_be_bytes());
    record.extend(IN.to_be_bytes());
    record.extend(lifetime.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend(data);
    record
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// The uncompressed name at `at`, and where it ends.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8(message.get(at..at + length)?.to_vec()).ok()?);
        at += length;
    }
}
