//! A large capture made of small ones: replayed again and again with other addresses and times.

use std::{io, path::Path};

use nightaudit::{
    base::Stamp,
    capture::{Captures, Frame, LinkType, PcapWriter, Precision},
};

/// One frame of the captures that are replayed.
struct Kept {
    at: Stamp,
    data: Vec<u8>,
    original_len: u32,
}

/// Frames of one capture that a round replays: a slice of its time, so that rounds hold different hours of it.
const FRAMES_A_ROUND: usize = 4_000;

/// What the bundled captures' snap length cut is put back, as zeros, up to this many bytes: the mean frame is then
/// about as long as on a gateway that carries messaging, 370 bytes.
const KEPT: usize = 1_000;

/// Ethernet header, then the IPv4 source and destination addresses.
const ETHERTYPE: usize = 12;
const ADDRESSES: [usize; 2] = [26, 30];

/// Writes at least `size` bytes of capture to `out`, replaying `sources` round after round. Each round is another
/// phone behind another address, a minute later. Returns how many frames were written.
pub(crate) fn replay<P: AsRef<Path>>(sources: &[P], out: &Path, size: u64) -> io::Result<u64> {
    let sources: Vec<Vec<Kept>> = sources.iter().map(|path| read(path.as_ref())).collect();
    let first = sources.iter().flatten().map(|frame| frame.at).min().unwrap_or_default();
    let mut writer = PcapWriter::create(out, LinkType::ETHERNET, Precision::Micros, 262_144)?;
    let (mut written, mut frames) = (0, 0);
    for round in 0_u32.. {
        for source in &sources {
            let rounds = source.len().div_ceil(FRAMES_A_ROUND).max(1);
            let start = (round as usize % rounds) * FRAMES_A_ROUND;
            let slice = &source[start..source.len().min(start + FRAMES_A_ROUND)];
            let base = slice.first().map_or(first, |frame| frame.at);
            for kept in slice {
                let at = first.plus_seconds(u64::from(round) * 60).plus_nanos(kept.at.since(base) % 60_000_000_000);
                let data = shifted(&kept.data, round);
                let frame = Frame {
                    stamp: at,
                    link: LinkType::ETHERNET,
                    data: &data,
                    original_len: kept.original_len,
                    heading: None,
                    app: None,
                };
                writer.write(&frame)?;
                written += 16 + data.len() as u64;
                frames += 1;
            }
        }
        if written >= size {
            break;
        }
    }
    writer.finish()?;
    Ok(frames)
}

fn read(path: &Path) -> Vec<Kept> {
    let mut captures = Captures::open(&[path]).captures;
    let mut kept = Vec::new();
    while captures.advance().is_some() {
        let frame = captures.frame();
        if frame.link == LinkType::ETHERNET {
            let mut data = frame.data.to_vec();
            data.resize(data.len().max(KEPT.min(frame.original_len as usize)), 0);
            kept.push(Kept { at: frame.stamp, data, original_len: frame.original_len });
        }
    }
    kept
}

/// The same frame of another phone: private addresses and hardware addresses are moved on.
fn shifted(data: &[u8], round: u32) -> Vec<u8> {
    let mut data = data.to_vec();
    let [_, _, high, low] = round.to_be_bytes();
    if data.len() < 34 || data[ETHERTYPE..ETHERTYPE + 2] != [8, 0] {
        return data;
    }
    for at in ADDRESSES {
        if data[at] == 192 || data[at] == 10 {
            data[at] = 10;
            data[at + 1] = high;
            data[at + 2] = low;
        }
    }
    for mac in [0, 6] {
        data[mac + 3] ^= high;
        data[mac + 4] ^= low;
    }
    data
}

/// The bundled captures.
pub(crate) fn bundled() -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let folders = [root.clone(), root.join("genuine")];
    let mut found: Vec<_> = folders
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .flatten()
        .flat_map(|entry| ["traffic.pcap.zst", "traffic.pcap"].map(|name| entry.path().join(name)))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}
