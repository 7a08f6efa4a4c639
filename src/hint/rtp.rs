//! RTP, SRTP and RTCP by shape and continuity (RFC 3550, RFC 3711): no header field names them, but a stream keeps
//! its source and payload type while its sequence number counts.

use super::{Probe, Recognised, apps, notes::Notes};
use crate::{base::Reader, flow::Side};

/// The streams of a flow that may be RTP.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: Vec<Stream>,
    control: u8,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    side: Side,
    source: u32,
    kind: u8,
    sequence: u16,
    run: u8,
}

/// Streams followed in one flow: sound, pictures and their retransmissions, both ways.
const STREAMS: usize = 12;
/// Packets in a row, one stream's, that make it RTP.
const RUN: u8 = 4;
/// RTCP packets of perfect shape that make it RTP where no RTP itself is seen.
const CONTROL: u8 = 3;
/// Sequence numbers that may be lost between two packets of a stream.
const GAP: u16 = 16;

/// The fixed part of an RTP header.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u8,
    sequence: u16,
    source: u32,
    extension: Option<u16>,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new("RTP", bytes);
        let first = r.u8().ok()?;
        let kind = r.u8().ok()? & 0x7f;
        let sequence = r.u16().ok()?;
        r.u32().ok()?; // timestamp
        let source = r.u32().ok()?;
        r.skip(usize::from(first & 15) * 4).ok()?;
        let extension = if first & 0x10 != 0 { Some(r.u16().ok()?) } else { None };
        if let Some(_profile) = extension {
            let words = r.u16().ok()?;
            r.skip(usize::from(words) * 4).ok()?;
        }
        (first >> 6 == 2 && !is_control_kind(kind | 0x80) && source != 0).then_some(Self {
            kind,
            sequence,
            source,
            extension,
        })
    }
}

/// Payload types that RTP leaves to RTCP (RFC 5761, section 4).
fn is_control_kind(kind: u8) -> bool {
    (192..=223).contains(&kind)
}

impl Streams {
    /// Reads one datagram, or what TURN relayed in one. `Certain` once a stream has counted on.
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8], notes: &mut Notes<'_>) -> Probe {
        if is_control(bytes) {
            self.control = self.control.saturating_add(1);
            return conclude(self.control >= CONTROL, notes);
        }
        let Some(header) = Header::read(bytes) else { return Probe::NotForUs };
        let run = self.follow(side, &header);
        if run >= RUN
            && let Some(profile) = header.extension
        {
            apps::rtp_extension(profile, notes);
        }
        conclude(run >= RUN, notes)
    }

    /// How many packets in a row this one makes of its stream.
    fn follow(&mut self, side: Side, header: &Header) -> u8 {
        let known = self.streams.iter_mut().find(|s| s.side == side && s.source == header.source);
        if let Some(stream) = known {
            let step = header.sequence.wrapping_sub(stream.sequence);
            stream.run = match step {
                0 => stream.run, // sent twice
                1..=GAP if stream.kind == header.kind => stream.run.saturating_add(1),
                1..=GAP => stream.run,                           // comfort noise, another codec
                _ if step > u16::MAX - GAP => return stream.run, // overtaken on the way
                _ => 1,
            };
            (stream.sequence, stream.kind) = (header.sequence, header.kind);
            return stream.run;
        }
        if self.streams.len() == STREAMS {
            self.streams.remove(0);
        }
        let Header { kind, sequence, source, .. } = *header;
        self.streams.push(Stream { side, source, kind, sequence, run: 1 });
        1
    }
}

fn conclude(certain: bool, notes: &mut Notes<'_>) -> Probe {
    if certain {
        notes.protocol(Recognised::Rtp);
        return Probe::Certain;
    }
    Probe::Unsure
}

/// Whether `bytes` is a compound RTCP packet that its lengths tile, or an SRTCP one, whose first length fits.
fn is_control(bytes: &[u8]) -> bool {
    let &[first, kind @ 200..=207, high, low, ..] = bytes else { return false };
    let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
    let counts = match kind {
        200 => length >= 28 + 24 * usize::from(first & 31),
        201 => length >= 8 + 24 * usize::from(first & 31),
        _ => length >= 8,
    };
    if first >> 6 != 2 || !counts {
        return false;
    }
    match bytes.get(length..) {
        Some([]) => true,
        Some([next, 200..=207, ..]) => next >> 6 == 2,
        Some(trailer) => (14..=60).contains(&trailer.len()), // SRTCP index, key identifier and authentication tag
        None => false,
    }
}

/// ZRTP, which agrees on keys before SRTP (RFC 6189, section 5): its magic cookie stands where a timestamp would.
pub(super) fn is_zrtp(bytes: &[u8]) -> bool {
    matches!(bytes, [0x10, _, _, _, b'Z', b'R', b'T', b'P', ..]) && bytes.len() >= 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, source: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, 111];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((u32::from(sequence) * 960).to_be_bytes());
        bytes.extend(source.to_be_bytes());
        bytes.extend([0x5a; 60]);
        bytes
    }

    fn runs(packets: &[Vec<u8>]) -> u8 {
        let mut streams = Streams::default();
        packets.iter().filter_map(|p| Some(streams.follow(Side::Initiator, &Header::read(p)?))).max().unwrap_or(0)
    }

    #[test]
    fn a_stream_counts_on_through_losses_and_the_wrap_of_its_number() {
        assert!(runs(&[packet(65_534, 7), packet(65_535, 7), packet(0, 7), packet(3, 7)]) >= RUN);
    }

    #[test]
    fn two_streams_in_one_flow_are_told_apart() {
        let mixed: Vec<_> = (0..4).flat_map(|n| [packet(n, 7), packet(9_000 + n, 8)]).collect();
        assert!(runs(&mixed) >= RUN);
    }

    #[test]
    fn numbers_that_do_not_count_are_no_stream() {
        let random: Vec<_> = [7, 20_000, 3, 41_000, 9_000, 60_000].map(|n| packet(n, 7)).into();
        assert!(runs(&random) < RUN);
        let sources: Vec<_> = (0..30).map(|n| packet(n, u32::from(n) + 1)).collect();
        assert!(runs(&sources) < RUN);
    }

    #[test]
    fn control_packets_are_known_by_their_lengths() {
        let mut report = vec![0x80, 200, 0, 6];
        report.extend([1; 24]);
        assert!(is_control(&report));
        report.extend([0x81, 202, 0, 1, 0, 0, 0, 1]);
        assert!(is_control(&report));
        assert!(!is_control(&report[..20]), "cut");
        assert!(!is_control(&[0x80, 200, 0, 1, 0, 0, 0, 1]), "too short for a sender report");
    }
}
