//! What the decoder makes of real captures agrees with tshark's reading of them, flow by flow.
//!
//! The captures are not part of the project: they are looked for in `$NIGHTAUDIT_CORPUS`, else in `../shared/corpus`.

mod decode_support;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    net::IpAddr,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use nightaudit::{
    base::Endpoint,
    decode::{Decoded, Decoder, Packet, Transport},
};
use serde_json::Value;

type Key = (&'static str, Endpoint, Endpoint);

/// Packets and IP bytes, from the lesser endpoint and back.
type Sums = BTreeMap<Key, [(u64, u64, u64); 2]>;

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("NIGHTAUDIT_CORPUS").map(PathBuf::from);
    let root = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    root.is_dir().then_some(root)
}

fn add(sums: &mut Sums, protocol: &'static str, src: Endpoint, dst: Endpoint, packets: u64, bytes: u64, payload: u64) {
    let forward = src <= dst;
    let key = if forward { (protocol, src, dst) } else { (protocol, dst, src) };
    let side = &mut sums.entry(key).or_default()[usize::from(!forward)];
    side.0 += packets;
    side.1 += bytes;
    side.2 += payload;
}

fn count(packet: &Packet<'_>, sums: &mut Sums) {
    let protocol = match packet.transport {
        Transport::Tcp { .. } => "tcp",
        Transport::Udp => "udp",
        Transport::Other(_) => return,
    };
    add(sums, protocol, packet.src, packet.dst, 1, packet.wire_len.into(), packet.payload_len.into());
}

fn ours(file: &Path) -> io::Result<Option<Sums>> {
    let bytes = fs::read(file)?;
    let bytes = match bytes.first_chunk() {
        Some([0x28, 0xb5, 0x2f, 0xfd]) => zstd::decode_all(&bytes[..])?,
        Some([0x1f, 0x8b, _, _]) => {
            let mut plain = Vec::new();
            GzDecoder::new(&bytes[..]).read_to_end(&mut plain)?;
            plain
        }
        _ => bytes,
    };
    let Some(frames) = decode_support::frames(&bytes) else { return Ok(None) };
    let mut decoder = Decoder::default();
    let mut sums = Sums::new();
    for frame in &frames {
        if let Decoded::Packet(packet) = decoder.decode(&frame.frame()) {
            count(&packet, &mut sums);
        }
        while let Some(packet) = decoder.abandoned() {
            count(&packet, &mut sums);
        }
    }
    decoder.flush();
    while let Some(packet) = decoder.abandoned() {
        count(&packet, &mut sums);
    }
    Ok(Some(sums))
}

fn theirs(flows: &[Value]) -> Sums {
    let mut sums = Sums::new();
    for flow in flows {
        let number = |name: &str| flow[name].as_u64().unwrap_or_default();
        let end = |side: &str| {
            let addr: IpAddr = flow[side].as_str()?.parse().ok()?;
            Some(Endpoint::new(addr.to_canonical(), u16::try_from(number(&format!("{side}_port"))).ok()?))
        };
        let (Some(a), Some(b)) = (end("a"), end("b")) else { panic!("{flow}") };
        let protocol = if flow["proto"] == "tcp" { "tcp" } else { "udp" };
        add(&mut sums, protocol, a, b, number("packets_ab"), number("ip_ab"), number("payload_ab"));
        add(&mut sums, protocol, b, a, number("packets_ba"), number("ip_ba"), number("payload_ba"));
    }
    sums
}

/// How many flows were compared, and what is not the same.
fn disagreements(expected: &Path, captures: &Path) -> io::Result<(usize, Vec<String>)> {
    let (mut compared, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(expected)? {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let expectation: Value = serde_json::from_slice(&fs::read(&path)?)?;
        let Some(name) = expectation["file"].as_str() else { continue };
        let Some(flows) = expectation["tshark"]["flows"].as_array() else { continue };
        let theirs = theirs(flows);
        let file = captures.join(name);
        if !file.exists() {
            continue;
        }
        let Some(ours) = ours(&file)? else {
            wrong.push(format!("{name}: not read"));
            continue;
        };
        compared += theirs.len();
        for (key, sums) in &theirs {
            if ours.get(key) != Some(sums) {
                wrong.push(format!("{name}: {} {} {}: {:?}, tshark {sums:?}", key.0, key.1, key.2, ours.get(key)));
            }
        }
        for (key, sums) in ours.iter().filter(|(key, _)| !theirs.contains_key(key)) {
            wrong.push(format!("{name}: {} {} {}: {sums:?}, tshark nothing", key.0, key.1, key.2));
        }
    }
    wrong.sort();
    Ok((compared, wrong))
}

#[test]
fn apps_agree_with_tshark_flow_by_flow() -> io::Result<()> {
    let Some(root) = corpus() else {
        println!("skipped: no corpus");
        return Ok(());
    };
    let (compared, wrong) = disagreements(&root.join("expected"), &root.join("apps"))?;
    println!("{} of {compared} flows differ\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn malformed_captures_agree_with_tshark_flow_by_flow() -> io::Result<()> {
    let Some(root) = corpus() else {
        println!("skipped: no corpus");
        return Ok(());
    };
    let (compared, wrong) = disagreements(&root.join("expected/malformed"), &root.join("malformed"))?;
    println!("{} of {compared} flows differ\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
