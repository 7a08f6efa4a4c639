//! The bundled captures: each is what its scenario gives, byte for byte.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use nightaudit::base::Bytes;
use nightaudit::simulate::{Packing, Scenario, write_capture};

const NAMES: [&str; 4] = ["quiet-phone", "nightly-export", "nightly-cloud-backup", "night-owl"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

fn scenario(name: &str) -> Scenario {
    let path = folder(name).join("scenario.toml");
    Scenario::parse(&fs::read_to_string(&path).unwrap(), path).unwrap()
}

/// Run with `--ignored` after a change to scenarios or simulator.
#[test]
#[ignore = "writes the captures anew"]
fn write_the_bundled_captures() {
    for name in NAMES {
        let scenario = scenario(name);
        let mut file = Vec::new();
        let truth = write_capture(&scenario, scenario.seed, Packing::Zstd, &mut file).unwrap();
        fs::write(folder(name).join("traffic.pcap.zst"), &file).unwrap();
        for host in truth.hosts.iter().filter(|h| h.up + h.down > Bytes::mb(2)) {
            println!("  {} up {} down {}", host.host, host.up, host.down);
        }
        println!("{name}: {} bytes; up {} down {}", file.len(), truth.up, truth.down);
    }
}
