//! A played phone, packet by packet through every stage: its bytes are found again, and its verdict is the right one.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its scenario has failed")]

use std::{path::Path, sync::Arc};

use nightaudit::{
    base::{Bytes, Span, Stamp},
    capture::{Frame, LinkType},
    flow,
    identify::{DeviceOptions, Rules},
    ledger::{DeviceLedger, SubjectLedger, Watched},
    night::{Settings, Verdict, judge},
    pipeline::{Audit, Auditor, Judging, Options},
    simulate::{Life, Scenario, Truth},
};

/// Nights played: enough for a verdict, few enough for a test.
const NIGHTS: u32 = 10;

fn scenario(id: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/nights/{id}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut scenario = Scenario::parse(&text, path).unwrap();
    scenario.nights = scenario.nights.min(NIGHTS);
    scenario
}

fn settings() -> Settings {
    Settings { power: false, ..Settings::default() }
}

/// What the stages make of the packets of `life`.
fn audit(life: &Life, watched: &[Watched]) -> (Audit, Truth) {
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
    (auditor.audit(watched, &Judging { timezone: chrono_tz::Tz::UTC, night: settings() }), truth)
}

fn sent(subject: &SubjectLedger) -> Bytes {
    subject.minutes.iter().map(|(_, cell)| cell.up).sum()
}

fn verdict(ledger: &DeviceLedger, id: &str) -> Verdict {
    let subject = ledger.subjects.iter().position(|subject| subject.subject.id == id).unwrap();
    judge(ledger, &settings()).findings[subject].verdict
}

/// The run of minutes that a ledger covers, as the first and last frame of its capture would.
fn whole(ledger: &DeviceLedger) -> Vec<Watched> {
    let (first, last) = (ledger.seen[0], ledger.seen[ledger.seen.len() - 1]);
    vec![Watched { span: Span { first, end: last.plus(1) }, dropped: 0.0 }]
}

fn found_again(id: &str, seed: u64, expected: Verdict) {
    let life = Life::of(&scenario(id), seed);
    let (ledger, _) = life.ledger();
    let (audit, truth) = audit(&life, &whole(&ledger));
    assert_eq!((audit.totals.payload_up, audit.totals.payload_down), (truth.up, truth.down), "{id}");
    assert_eq!(audit.devices.len(), 1, "{id}: one phone");
    let device = &audit.devices[0].ledger;
    for subject in ["whatsapp", "google_backup"] {
        let there = |ledger: &DeviceLedger| ledger.subjects.iter().find(|s| s.subject.id == subject).map(sent);
        assert_eq!(there(device), there(&ledger), "{id}: {subject}");
    }
    assert_eq!(verdict(device, "whatsapp"), expected, "{id}: from packets");
    assert_eq!(verdict(&ledger, "whatsapp"), expected, "{id}: from minutes");
}

#[test]
fn an_ordinary_phone_is_routine_to_the_byte() {
    found_again("B02", 3, Verdict::Routine);
}

#[test]
fn a_nightly_export_is_found_to_the_byte() {
    found_again("P03", 3, Verdict::ExportLike);
}

#[test]
fn a_shift_workers_export_by_day_is_found_to_the_byte() {
    found_again("P16", 3, Verdict::ExportLike);
}

#[test]
fn overnight_updates_are_no_upload() {
    found_again("B15", 3, Verdict::Routine);
}
