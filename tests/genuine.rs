//! `nightaudit flows` against captures whose endpoints counted for themselves (`captures/genuine`).
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{
    expect::{Expectation, Flow, Session, host_source},
    nightaudit,
};

/// Protocol, and address and port of both ends.
type Key = (String, String, u64, String, u64);

#[test]
fn every_flow_has_the_packets_and_bytes_that_were_sent() {
    each(|flow, row, _| {
        let counts = ["packets_ab", "packets_ba", "bytes_ab", "bytes_ba", "payload_ab", "payload_ba"];
        let expected =
            [flow.packets_ab, flow.packets_ba, flow.bytes_ab, flow.bytes_ba, flow.payload_ab, flow.payload_ba];
        let listed = counts.map(|name| row[name].as_u64().unwrap_or(u64::MAX));
        (listed != expected).then(|| format!("{counts:?}: sent {expected:?}, listed {listed:?}"))
    });
}

#[test]
fn every_server_name_in_clear_is_found_where_it_stands() {
    let mut named = 0;
    each(|_, row, session| {
        let Session { server_name: Some(name), version, .. } = session? else { return None };
        named += 1;
        let listed = (row["host"].as_str(), row["host_source"].as_str());
        let sent = (Some(name.as_str()), Some(host_source(version)));
        (listed != sent).then(|| format!("sent {sent:?}, listed {listed:?}"))
    });
    assert!(named > 20, "only {named} names to find");
}

#[test]
fn no_server_name_is_read_from_a_hello_that_is_cut_off() {
    each(|_, row, session| {
        let blind = session?.server_name.is_none();
        let claimed = matches!(row["host_source"].as_str(), Some("sni" | "quic" | "http" | "cert"));
        (blind && claimed).then(|| format!("there is no name to read, listed {}", row["host"]))
    });
}

#[test]
fn the_protocols_that_the_client_offered_are_listed_in_its_order() {
    each(|_, row, session| {
        let offered = &session?.alpn;
        let listed: Vec<_> = row["alpn"].as_array()?.iter().filter_map(Value::as_str).collect();
        (listed != *offered).then(|| format!("offered {offered:?}, listed {listed:?}"))
    });
}

#[test]
fn an_encrypted_hello_is_flagged_and_no_other() {
    let mut encrypted = 0;
    each(|_, row, session| {
        let session = session?;
        encrypted += u32::from(session.ech);
        (row["ech"].as_bool() != Some(session.ech)).then(|| format!("sent {}, listed {}", session.ech, row["ech"]))
    });
    assert_eq!(encrypted, 2, "flows with an encrypted hello");
}

#[test]
fn the_audit_counts_each_frame_and_each_payload_byte_once() {
    for expectation in Expectation::all() {
        let capture = expectation.capture.display();
        let totals =
            nightaudit([&"check".into(), &"--format=json".into(), &expectation.capture]).json()["totals"].clone();
        let total = |name: &str| totals[name].as_u64().unwrap_or_else(|| panic!("no {name} in {totals}"));
        assert_eq!(total("packets"), expectation.frames, "frames of {capture}");
        let sent = |of: fn(&Flow) -> u64| expectation.flows.iter().map(of).sum::<u64>();
        let (up, down) = (sent(|flow| flow.payload_ab), sent(|flow| flow.payload_ba));
        // What ICMP carries to and from the phone counts too, and the endpoints know nothing of it.
        let others = other_payload(&expectation);
        assert_eq!(total("payload_up") + total("payload_down"), up + down + others, "payload of {capture}");
        assert!((up..=up + others).contains(&total("payload_up")), "{up} bytes up of {capture}: {totals}");
    }
}

/// Payload of the phone's that `flows` lists for protocols other than TCP and UDP.
fn other_payload(expectation: &Expectation) -> u64 {
    let run = nightaudit([&"flows".into(), &"--format=jsonl".into(), &expectation.capture]);
    let others = run.json_lines().into_iter().filter(|row| !is_transport(row) && row["device"].is_string());
    others.map(|row| row["payload_ab"].as_u64().unwrap_or(0) + row["payload_ba"].as_u64().unwrap_or(0)).sum()
}

fn is_transport(row: &Value) -> bool {
    matches!(row["proto"].as_str(), Some("tcp" | "udp"))
}

/// Lists the flows of every capture and judges each expected one: `judge` says what is wrong with its row.
fn each(mut judge: impl FnMut(&Flow, &Value, Option<&Session>) -> Option<String>) {
    let mut wrong = Vec::new();
    for expectation in Expectation::all() {
        let capture = expectation.capture.display().to_string();
        let rows = rows(&expectation);
        assert_eq!(rows.len(), expectation.flows.len(), "flows of {capture}");
        for flow in &expectation.flows {
            let Some(row) = rows.get(&key(flow)) else { panic!("{capture}: no row for {flow:?}, among {rows:?}") };
            if let Some(fault) = judge(flow, row, flow.session.as_ref()) {
                wrong.push(format!("{capture}, {} port {} to {}: {fault}", flow.proto, flow.sport, flow.dst));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `flows` lists of a capture, TCP and UDP.
fn rows(expectation: &Expectation) -> BTreeMap<Key, Value> {
    let run = nightaudit([&"flows".into(), &"--format=jsonl".into(), &expectation.capture]);
    assert_eq!(run.status, 0, "{run:?}");
    run.json_lines().into_iter().filter(is_transport).map(|row| (row_key(&row), row)).collect()
}

fn row_key(row: &Value) -> Key {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let port = |name: &str| row[name].as_u64().unwrap_or_default();
    (text("proto"), text("src"), port("sport"), text("dst"), port("dport"))
}

fn key(flow: &Flow) -> Key {
    (flow.proto.clone(), flow.src.clone(), flow.sport.into(), flow.dst.clone(), flow.dport.into())
}
