//! The bundled captures: each is what its scenario gives, byte for byte, and is judged as it should be.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use nightaudit::simulate::{Life, Scenario};
use serde_json::Value;

const NAMES: [&str; 4] = ["quiet-phone", "nightly-export", "nightly-cloud-backup", "night-owl"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder(name).join("expect.json")).unwrap()).unwrap()
}

#[test]
fn each_is_what_its_scenario_gives() {
    for name in NAMES {
        let path = folder(name).join("scenario.toml");
        let scenario = Scenario::parse(&fs::read_to_string(&path).unwrap(), path).unwrap();
        let mut written = Vec::new();
        let truth = Life::of(&scenario, scenario.seed).write_capture(&mut written).unwrap();
        let packed = fs::read(folder(name).join("traffic.pcap.zst")).unwrap();
        let bundled = zstd::decode_all(packed.as_slice()).unwrap();
        assert!(bundled == written, "{name}: `nightaudit simulate` writes another capture than the bundled one");
        let expected = expected(name);
        assert_eq!(serde_json::to_value(truth).unwrap(), expected["truth"], "{name}");
    }
}

#[test]
fn each_is_judged_as_it_should_be_with_every_byte_accounted_for() {
    for name in NAMES {
        let capture = folder(name).join("traffic.pcap.zst");
        let command = assert_cmd::Command::cargo_bin("nightaudit")
            .unwrap()
            .args(["check", "--format", "json"])
            .arg(capture)
            .output()
            .unwrap();
        let audit: Value = serde_json::from_slice(&command.stdout).unwrap();
        let expected = expected(name);
        let truth = &expected["truth"];
        assert_eq!(audit["totals"]["packets"], expected["frames"], "{name}");
        assert_eq!(audit["totals"]["payload_up"], truth["up"], "{name}");
        assert_eq!(audit["totals"]["payload_down"], truth["down"], "{name}");
        let devices = audit["devices"].as_array().unwrap();
        assert_eq!(devices.len(), 1, "{name}: IPv4 and IPv6 of one phone are one device");
        let subjects = devices[0]["subjects"].as_array().unwrap();
        for (subject, verdicts) in expected["verdicts"].as_object().unwrap() {
            let found = subjects.iter().find(|s| s["subject"] == subject.as_str()).unwrap();
            let right = verdicts.as_array().unwrap().contains(&found["verdict"]);
            assert!(right, "{name}: {subject} is {}, expected {verdicts}", found["verdict"]);
        }
        let alarm = expected["verdicts"]["WhatsApp"][0] == "export-like";
        assert_eq!(command.status.code(), Some(i32::from(alarm)), "{name}");
    }
}
