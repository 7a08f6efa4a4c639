//! Published captures cut at every length: frames before the decoder, payloads before the inspector, the front of each kind of file before
//! the reader. Nothing panics, nothing is counted twice, and a part never says more than the whole.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "in a test a panic is the report, and a skipped one says so"
)]

#[allow(dead_code, reason = "other tests read the records beside the captures")]
mod hint_support;

use std::{fs, path::PathBuf};

use hint_support::{corpus, files};
use nightaudit::{
    capture::{Captures, Frame},
    decode::{Decoded, Decoder, Transport},
    flow::{FlowKey, Protocol, Side},
    hint::{Appetite, Inspector},
};

/// Frames cut of one capture: the first show its link layer, its tunnels and its handshakes.
const FRAMES: usize = 16;
/// Bytes at the front of a file that are cut at every length: its headers and its first blocks.
const FRONT: usize = 800;

fn captures() -> Option<Vec<PathBuf>> {
    let root = corpus()?;
    let sets = ["apps", "malformed", "ja4/pcap"].map(|set| files(&root.join(set)));
    Some(sets.concat())
}

#[test]
fn every_frame_cut_at_every_length_is_decoded_or_refused() {
    let Some(captures) = captures() else { return };
    let mut cuts = 0_u64;
    for capture in captures {
        let mut open = Captures::open(&[&capture]).captures;
        let mut left = FRAMES;
        while left > 0 && open.advance().is_some() {
            left -= 1;
            let frame = open.frame();
            let whole = frame.data.len();
            let mut decoder = Decoder::default();
            for cut in 0..=whole {
                let part = Frame { data: &frame.data[..cut], ..frame };
                if let Decoded::Packet(packet) = decoder.decode(&part) {
                    assert!(packet.payload.len() <= cut, "{} cut at {cut} of {whole}", capture.display());
                }
                cuts += 1;
            }
            decoder.flush();
            while decoder.abandoned().is_some() {}
        }
    }
    println!("{cuts} cut frames decoded");
    assert!(cuts > 1_000_000, "only {cuts} cuts");
}

#[test]
fn every_payload_cut_at_every_length_is_read_within_its_caps() {
    /// What an inspector may keep of one flow.
    const MOST: usize = 256 * 1024;
    let Some(captures) = captures() else { return };
    let mut cuts = 0_u64;
    for capture in captures {
        let mut open = Captures::open(&[&capture]).captures;
        let mut decoder = Decoder::default();
        let mut left = FRAMES;
        while left > 0 && open.advance().is_some() {
            let frame = open.frame();
            let Decoded::Packet(packet) = decoder.decode(&frame) else { continue };
            let protocol = match packet.transport {
                Transport::Tcp { .. } => Protocol::Tcp,
                Transport::Udp => Protocol::Udp,
                Transport::Other(_) => continue,
            };
            if packet.payload.is_empty() {
                continue;
            }
            left -= 1;
            let key = FlowKey {
                protocol,
                initiator: packet.src,
                responder: packet.dst,
                initiator_mac: None,
                responder_mac: None,
            };
            let mut hints = Vec::new();
            for cut in 0..packet.payload.len() {
                let mut inspector = Inspector::new(&key);
                let (part, rest) = packet.payload.split_at(cut);
                if inspector.feed(Side::Initiator, packet.stamp, part, &mut hints) == Appetite::More {
                    inspector.feed(Side::Responder, packet.stamp, rest, &mut hints);
                }
                assert!(inspector.held() <= MOST, "{} keeps {}", capture.display(), inspector.held());
                inspector.finish(&mut hints);
                hints.clear();
                cuts += 1;
            }
        }
    }
    println!("{cuts} cut payloads read");
    assert!(cuts > 500_000, "only {cuts} cuts");
}

#[test]
fn every_format_cut_at_every_length_is_read_or_refused() {
    let Some(captures) = captures() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cut_file = folder.path().join("cut");
    let (mut cuts, mut kinds) = (0_u64, std::collections::BTreeSet::new());
    for capture in captures {
        let bytes = fs::read(&capture).unwrap();
        if !kinds.insert((bytes.get(..4).map(<[u8]>::to_vec), bytes.get(20..24).map(<[u8]>::to_vec))) {
            continue; // another of the same format and link type
        }
        let front = &bytes[..bytes.len().min(FRONT)];
        let frames = |bytes: &[u8]| {
            fs::write(&cut_file, bytes).unwrap();
            let mut open = Captures::open(&[&cut_file]).captures;
            std::iter::from_fn(|| open.advance()).count()
        };
        let whole = frames(front);
        for cut in 0..front.len() {
            let part = frames(&front[..cut]);
            assert!(part <= whole, "{} cut at {cut}: {part} frames of {whole}", capture.display());
            cuts += 1;
        }
    }
    println!("{cuts} cut files of {} kinds read", kinds.len());
    assert!(cuts > 15_000, "only {cuts} cuts");
}
