//! A visit of the screen while a live capture runs: a phone's apps talk in a network namespace, and the screen at the
//! gateway shows it.

#![cfg(all(feature = "live", target_os = "linux"))]
#![expect(clippy::expect_used, reason = "what fails here fails the test that asked for it")]

mod netns;
mod support;
mod talk;
mod terminal;

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use netns::{GATEWAY, LAN, Lab, PHONE};
use nightaudit::{
    identify::Rules,
    ledger::Store,
    night::Settings,
    pipeline::{Judging, Query, recall},
};
use serde_json::Value;
use terminal::{Terminal, between_looks, settings_are_as_before};

#[test]
fn a_visit_while_packets_come_in() {
    let Some(lab) = Lab::new(&talk::addresses()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let command = format!("\"$NIGHTAUDIT\" live --ledger ledger.db --local 192.168.7.0/24 {LAN}");
    // What runs in the namespace stays in it.
    let mut terminal = lab.net.inside(|| Terminal::run(&between_looks(&command), folder.path(), 120, 40));
    terminal.until("waiting for packets");
    // The interface is named once it is listened to.
    terminal.until("Read");
    terminal.until(LAN);
    let exchanged = talk::everything(&lab);
    let up: u64 = exchanged.iter().map(|one| one.up).sum();
    terminal.until("WhatsApp");
    terminal.until("Signal");
    views(&mut terminal);
    hands(&mut terminal, &lab);
    terminal.press("q", "looked");
    assert!(terminal.screen().contains("ended 0"), "{}", terminal.screen());
    terminal.is_sane();
    settings_are_as_before(folder.path());
    files_are_right(folder.path(), up + DATAGRAMS * DATAGRAM as u64);
}

/// What the phone sends later.
const DATAGRAMS: u64 = 40;
const DATAGRAM: usize = 1_000;

fn more(lab: &Lab) {
    let socket = lab.phone.datagrams(SocketAddr::from((PHONE, 0)));
    for _ in 0..DATAGRAMS {
        socket.send_to(&[0x5a; DATAGRAM], SocketAddr::from((GATEWAY, 9_999))).expect("a datagram on its way");
    }
}

fn views(terminal: &mut Terminal) {
    terminal.press("5", "mmg.whatsapp.net");
    terminal.press("\r", "known by");
    terminal.press("\u{1b}", "Flows");
    terminal.press("3", "a column is a minute");
    terminal.until("up now");
    terminal.press("2", "Upload by night");
    terminal.press("4", "Destinations by destination");
    terminal.until("mmg.whatsapp.net");
    terminal.press("1", "Apps and services");
    terminal.click("WhatsApp");
    terminal.until("WhatsApp on");
    terminal.press("6", "Why there is no verdict");
}

fn hands(terminal: &mut Terminal, lab: &Lab) {
    terminal.press("5", "mmg.whatsapp.net");
    terminal.press("/host:mmg.whatsapp.net\r", "/ host:mmg.whatsapp.net");
    // Held still, the screen stays as it is while more comes in.
    terminal.press("p", "held");
    more(lab);
    terminal.until("held, more has come");
    terminal.press("p", "Flows");
    terminal.until_gone("held");
    terminal.press("ej", "wrote ./nightaudit-flows.jsonl");
    terminal.press("ep", "here are none to read again");
    terminal.press("1e", "write to a file");
    terminal.press("h", "wrote ./nightaudit-report.html");
    terminal.resize(60, 16);
    terminal.until("Dest ");
    terminal.resize(50, 10);
    terminal.until("needs 60x16");
    terminal.resize(120, 40);
    terminal.until("Capture");
}

fn files_are_right(folder: &Path, up: u64) {
    let flows = fs::read_to_string(folder.join("nightaudit-flows.jsonl")).expect("flows");
    let flows: Vec<Value> = flows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(flows.len() >= 2 && flows.iter().all(|flow| flow["host"] == "mmg.whatsapp.net"), "{flows:?}");
    let html = fs::read_to_string(folder.join("nightaudit-report.html")).expect("a page");
    assert!(html.to_lowercase().starts_with("<!doctype html>") && html.contains("WhatsApp"), "{html:.200}");
    let judging = Judging { timezone: chrono_tz::Tz::UTC, night: Settings { power: false, ..Settings::default() } };
    let store = Store::read(&folder.join("ledger.db")).expect("the ledger");
    let rules = Arc::new(Rules::embedded().expect("the rules"));
    let audit = recall(&store, &Query::default(), &rules, &judging).expect("an audit");
    assert_eq!(audit.totals.payload_up.0, up, "the ledger has what was sent, to the byte");
}
