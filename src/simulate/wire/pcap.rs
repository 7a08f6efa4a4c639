//! Classic pcap with microseconds (draft-ietf-opsawg-pcap), little-endian, Ethernet.

use std::io::{self, Write};

use crate::base::Stamp;

/// The most bytes of a frame that a file may hold.
const SNAP_LENGTH: u32 = 65_535;

/// Begins a file.
pub(in crate::simulate) fn begin(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0])?;
    out.write_all(&[0; 8])?;
    out.write_all(&SNAP_LENGTH.to_le_bytes())?;
    out.write_all(&1_u32.to_le_bytes())
}

/// Appends a frame of which `kept` are the first bytes.
pub(in crate::simulate) fn append(out: &mut dyn Write, at: Stamp, kept: &[u8], original: u32) -> io::Result<()> {
    let seconds = u32::try_from(at.seconds()).unwrap_or(u32::MAX);
    let micros = u32::try_from(at.nanos() % 1_000_000_000 / 1_000).unwrap_or_default();
    let length = u32::try_from(kept.len()).unwrap_or(u32::MAX);
    for field in [seconds, micros, length, original] {
        out.write_all(&field.to_le_bytes())?;
    }
    out.write_all(kept)
}
