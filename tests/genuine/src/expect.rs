//! Joins what the endpoints know with what tshark sees, and keeps the result beside the capture. Where the two
//! disagree nothing is kept: a recording that lost or repeated a packet is of no use as a reference.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use crate::{
    capture::Folder,
    truth::{Expectation, ExpectedFlow, Session, Truth},
    tshark::{self, Reading, SeenFlow},
};

/// What sets a capture apart from what its endpoints did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Nothing that changes an expectation.
    None,
    /// So many payload bytes are in it twice.
    Repeated(u64),
    /// A server asked for a token first. Its endpoint sends that datagram, not the connection that counts, so what
    /// the server sent is taken from tshark.
    Retried,
    /// Frames are too short for any hello.
    Blinded,
}

/// Writes `expect.json` and `README.md` beside the capture in `folder`.
pub fn write(folder: &Folder, about: &str, truths: &[Truth], change: Change) -> Result<()> {
    let reading = tshark::read(&folder.capture())?;
    let expectation = join(about, truths, &reading, change)?;
    folder.keep("expect.json", &(serde_json::to_string_pretty(&expectation)? + "\n"))?;
    folder.keep("README.md", &readme(&expectation))
}

fn join(about: &str, truths: &[Truth], reading: &Reading, change: Change) -> Result<Expectation> {
    let mut unseen: Vec<&Truth> = truths.iter().collect();
    let mut repeated = 0;
    let mut flows = Vec::new();
    for seen in &reading.flows {
        let at = unseen.iter().position(|truth| is_of(truth, seen));
        let truth = at.map(|at| unseen.remove(at));
        let session = truth.map(|truth| session(truth, seen, change)).transpose()?;
        ensure!(session.is_some() != (seen.key.3 == DNS_PORT), "a flow of nobody's: {:?}", seen.key);
        let mut payload = truth.map_or(seen.payload, |truth| [truth.payload_ab, truth.payload_ba]);
        if change == Change::Retried {
            payload[1] = seen.payload[1];
        }
        ensure!(payload[1] == seen.payload[1], "{:?} sent {}, seen {}", seen.key, payload[1], seen.payload[1]);
        repeated += seen.payload[0].checked_sub(payload[0]).context("payload that tshark does not see")?;
        flows.push(expected(seen, payload, session));
    }
    ensure!(unseen.is_empty(), "flows that tshark does not see: {unseen:?}");
    ensure!(repeated == if let Change::Repeated(bytes) = change { bytes } else { 0 }, "{repeated} bytes came again");
    Ok(Expectation { about: about.to_owned(), frames: reading.frames, flows })
}

const DNS_PORT: u16 = 53;

fn is_of(truth: &Truth, seen: &SeenFlow) -> bool {
    let (src, sport, dst, dport) = &seen.key;
    let (client, server) = (truth.client, truth.server);
    truth.proto == seen.proto
        && (client.ip().to_string(), client.port()) == (src.clone(), *sport)
        && (server.ip().to_string(), server.port()) == (dst.clone(), *dport)
}

/// What can be known of the session from the capture; the name is compared with tshark's.
fn session(truth: &Truth, seen: &SeenFlow, change: Change) -> Result<Session> {
    let mut session = truth.session.clone();
    if change == Change::Blinded {
        session = Session { server_name: None, alpn: Vec::new(), certificate_in_clear: false, ..session };
    }
    let found = seen.names.first();
    ensure!(found == session.server_name.as_ref(), "sent {:?}, tshark reads {found:?}", session.server_name);
    if seen.proto == "udp" {
        session.first_flight = seen.sent.iter().take(usize::try_from(seen.first_flight_packets)?).map(|(_, n)| n).sum();
    }
    session.first_flight_packets = seen.first_flight_packets;
    Ok(session)
}

fn expected(seen: &SeenFlow, payload: [u64; 2], session: Option<Session>) -> ExpectedFlow {
    let (src, sport, dst, dport) = seen.key.clone();
    ExpectedFlow {
        proto: seen.proto.to_owned(),
        src,
        sport,
        dst,
        dport,
        packets_ab: seen.packets[0],
        packets_ba: seen.packets[1],
        bytes_ab: seen.bytes[0],
        bytes_ba: seen.bytes[1],
        payload_ab: payload[0],
        payload_ba: payload[1],
        session,
        lookup: seen.lookups.first().cloned(),
    }
}

fn readme(expectation: &Expectation) -> String {
    let mut text = format!("{}\n\n", expectation.about);
    text.push_str("| flow | to | name in clear | payload up | payload down | packets | first flight |\n");
    text.push_str("|---|---|---|---:|---:|---:|---|\n");
    for flow in &expectation.flows {
        let Some(session) = &flow.session else { continue };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} {} | {} port {} | {} | {} | {} | {} | {} bytes, {} packets |",
            flow.proto,
            session.version,
            flow.dst,
            flow.dport,
            session.server_name.as_deref().unwrap_or("none"),
            flow.payload_ab,
            flow.payload_ba,
            flow.packets_ab + flow.packets_ba,
            session.first_flight,
            session.first_flight_packets,
        );
    }
    let lookups = expectation.flows.iter().filter(|flow| flow.lookup.is_some()).count();
    let _ = writeln!(
        text,
        "\nBeside these, {lookups} questions to the resolver, from a port each; {} frames in all.",
        expectation.frames
    );
    text.push_str("How it was recorded and who counted what: [`../README.md`](../README.md).\n");
    text
}
