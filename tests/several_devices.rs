//! Several phones in one report: each is judged by its own minutes, and how firmly by all rows together.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test that asked for it")]

mod support;

use std::path::{Path, PathBuf};

use nightaudit::capture::{Captures, Frame, LinkType, PcapWriter, Precision};
use serde_json::Value;
use support::finish;

/// The phone of the bundled captures: the last bytes of its hardware address and of its addresses.
const MAC: [u8; 6] = [0x02, 0, 0, 0, 0x07, 0x17];
const V4: [u8; 4] = [192, 168, 7, 23];

fn bundled(name: &str) -> PathBuf {
    support::project().join("captures").join(name).join("traffic.pcap.zst")
}

/// The capture `name` as another phone's: its hardware address and its IPv4 address end in `last`.
fn as_another_phone(name: &str, folder: &Path, last: u8) -> PathBuf {
    let path = folder.join(format!("{last}.pcap"));
    let mut writer = PcapWriter::create(&path, LinkType::ETHERNET, Precision::Nanos, 65_535).unwrap();
    let mut captures = Captures::open(&[bundled(name)]).captures;
    while captures.advance().is_some() {
        let frame = captures.frame();
        let mut data = frame.data.to_vec();
        for mac in [0, 6] {
            if data[mac..mac + 6] == MAC {
                data[mac + 5] = last;
            }
        }
        for address in [26, 30] {
            if data[12..14] == [8, 0] && data[address..address + 4] == V4 {
                data[address + 3] = last;
            }
        }
        // Of the other phones, what goes over IPv6 is left out: its addresses would be the same.
        if data[12..14] == [8, 0] {
            let stamp = frame.stamp.plus_nanos(u64::from(last));
            writer.write(&Frame { stamp, data: &data, ..frame }).unwrap();
        }
    }
    writer.finish().unwrap();
    path
}

/// What is said of `WhatsApp` on the phone `mac`.
fn whatsapp<'a>(page: &'a Value, mac: &str) -> &'a Value {
    let device = page["devices"].as_array().unwrap().iter().find(|device| device["id"] == mac).unwrap();
    device["subjects"].as_array().unwrap().iter().find(|subject| subject["id"] == "whatsapp").unwrap()
}

#[test]
fn more_phones_in_a_report_ask_for_more_evidence_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let alone = [bundled("nightly-export")];
    let others = (0x18..0x1b).map(|last| as_another_phone("quiet-phone", folder.path(), last));
    let all: Vec<PathBuf> = alone.iter().cloned().chain(others).collect();
    // Between 5 rows and 20 rows over the evidence of the export, which is 10^9.76.
    let strict = ["--set", "night.discovery_rate=2e-9", "--no-power", "--format", "json"];
    let ledger = folder.path().join("ledger.db").display().to_string();
    let run = |arguments: &[&str], files: &[PathBuf]| -> Value {
        let run = finish(support::binary().args(arguments).args(files).args(strict));
        assert_eq!(run.status, 1, "{run:?}");
        serde_json::from_str(&run.out).unwrap()
    };
    let (one, many) = (run(&["check"], &alone), run(&["check", "--ledger", &ledger], &all));
    let exporter = "02:00:00:00:07:17";
    assert_eq!((one["devices"].as_array().unwrap().len(), many["devices"].as_array().unwrap().len()), (1, 4));
    let (before, after) = (whatsapp(&one, exporter), whatsapp(&many, exporter));
    assert_eq!((&before["grade"], &after["grade"]), (&"strong".into(), &"suggestive".into()));
    assert_eq!(before["evidence"]["stands_among_rows"], true);
    assert_eq!(after["evidence"]["stands_among_rows"], false);
    for same in ["verdict", "nights", "bounds"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(before["evidence"]["log10_e"], after["evidence"]["log10_e"]);
    for last in ["18", "19", "1a"] {
        assert_eq!(whatsapp(&many, &format!("02:00:00:00:07:{last}"))["verdict"], "routine");
    }
    let report = run(&["report", "--ledger", &ledger], &[]);
    assert_eq!(report["devices"], many["devices"], "the ledger says the same");
}
