//! Played phones, packet by packet through every stage: their bytes are found again, and the verdict that their minutes
//! give.
//!
//! A few are part of every run; `cargo test --release --test pipeline_truth -- --ignored --nocapture` plays them all.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its scenario has failed")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use nightaudit::{
    base::{Bytes, Stamp},
    capture::{Frame, LinkType},
    flow,
    identify::{DeviceOptions, Rules},
    ledger::{DeviceLedger, SubjectLedger},
    night::{Settings, Verdict, judge},
    pipeline::{Audit, Auditor, Judging, Options},
    simulate::{Judge, Life, Scenario, Truth},
};

/// Nights played: enough for a verdict, few enough for a test.
const NIGHTS: u32 = 10;

fn scenario(id: &str, nights: u32) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/nights/{id}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let scenario = Scenario::parse(&text, path).unwrap();
    Scenario { nights: scenario.nights.min(nights), ..scenario }
}

fn settings() -> Settings {
    Settings { power: false, ..Settings::default() }
}

/// What the stages make of the packets of `life`.
fn audit(life: &Life, ledger: &DeviceLedger) -> (Audit, Truth) {
    let options = Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    };
    let mut auditor = Auditor::new(&options);
    let truth = life
        .frames(&mut |stamp: Stamp, data: &[u8], original_len| {
            let link = LinkType::ETHERNET;
            auditor.take(&Frame { stamp, link, data, original_len, heading: None, app: None });
            Ok(())
        })
        .unwrap();
    (auditor.audit(&ledger.watched.clone().into(), &Judging { timezone: chrono_tz::Tz::UTC, night: settings() }), truth)
}

fn sent(subject: &SubjectLedger) -> Bytes {
    subject.minutes.iter().map(|(_, cell)| cell.up).sum()
}

const fn judged(scenario: &Scenario) -> &'static str {
    match scenario.judge {
        Judge::Messenger => "whatsapp",
        Judge::Cloud => "google_backup",
        Judge::Unattributed => "unattributed",
    }
}

fn verdict(ledger: &DeviceLedger, id: &str) -> Option<Verdict> {
    let subject = ledger.subjects.iter().position(|subject| subject.subject.id == id)?;
    Some(judge(ledger, &settings()).findings[subject].verdict)
}

/// The verdicts from packets and from minutes, after checking that both hold the same bytes.
fn both(id: &str, nights: u32, seed: u64) -> [Option<Verdict>; 2] {
    let scenario = scenario(id, nights);
    let life = Life::of(&scenario, seed);
    let (ledger, _) = life.ledger();
    let (audit, truth) = audit(&life, &ledger);
    assert_eq!((audit.totals.payload_up, audit.totals.payload_down), (truth.up, truth.down), "{id}");
    assert_eq!(audit.devices.len(), 1, "{id}: one phone");
    let device = &audit.devices[0].ledger;
    if !scenario.network.names_hidden {
        for subject in ["whatsapp", "google_backup"] {
            let there = |ledger: &DeviceLedger| {
                ledger.subjects.iter().find(|s| s.subject.id == subject).map_or(Bytes::ZERO, sent)
            };
            assert_eq!(there(device), there(&ledger), "{id}: {subject}");
        }
    }
    [verdict(device, judged(&scenario)), verdict(&ledger, judged(&scenario))]
}

fn found_again(id: &str, expected: Verdict) {
    assert_eq!(both(id, NIGHTS, 3), [Some(expected); 2], "{id}: from packets, from minutes");
}

#[test]
fn an_ordinary_phone_is_routine_to_the_byte() {
    found_again("B02", Verdict::Routine);
}

#[test]
fn a_nightly_export_is_found_to_the_byte() {
    found_again("P03", Verdict::ExportLike);
}

#[test]
fn a_shift_workers_export_by_day_is_found_to_the_byte() {
    found_again("P16", Verdict::ExportLike);
}

#[test]
fn overnight_updates_are_no_upload() {
    found_again("B15", Verdict::Routine);
}

#[test]
fn a_call_that_is_none_is_listed_as_a_stream_from_packets_too() {
    found_again("P24", Verdict::Routine);
}

#[test]
fn an_export_to_a_host_without_a_name_is_found_to_the_byte() {
    found_again("P14", Verdict::ExportLike);
}

const ALL: [&str; 36] = [
    "B01", "B02", "B05", "B06", "B08", "B09", "B12", "B13", "B14", "B15", "B16", "B20", "B22", "B23", "B24", "B25",
    "P01", "P02", "P03", "P04", "P05", "P06", "P08", "P13", "P14", "P16", "P18", "P20", "P21", "P23", "P24", "P25",
    "P28", "V04", "V05", "V08",
];

#[test]
#[ignore = "plays millions of packets"]
fn thirty_and_more_phones_get_the_same_verdict_from_packets_as_from_minutes() {
    let left = Mutex::new(ALL.to_vec());
    let differing = Mutex::new(Vec::new());
    let work = || {
        while let Some(id) = { left.lock().unwrap().pop() } {
            let [packets, minutes] = both(id, 14, 3);
            println!("{id}: {packets:?} from packets, {minutes:?} from minutes");
            if packets != minutes {
                differing.lock().unwrap().push(id);
            }
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    assert!(differing.lock().unwrap().is_empty(), "{differing:?}");
}
