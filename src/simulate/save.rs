//! A scenario played into a file.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{Life, Scenario, Truth};

/// How a capture is packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// Zstandard (RFC 8878), as tight as ordinary readers can undo.
    Zstd,
}

impl Packing {
    /// The packing that the name of a file asks for: `.zst` is packed.
    pub fn by_name(file: &Path) -> Self {
        if file.extension().is_some_and(|end| end == "zst") { Self::Zstd } else { Self::Plain }
    }
}

/// Plays `scenario` with `seed` and writes its capture to `out`; gives its truth. Fails where `out` does.
pub fn write_capture(scenario: &Scenario, seed: u64, packing: Packing, out: &mut dyn Write) -> io::Result<Truth> {
    const TIGHT: i32 = 19;
    let life = Life::of(scenario, seed);
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    let truth = match packing {
        Packing::Plain => life.write_capture(&mut out)?,
        Packing::Zstd => {
            let mut packed = zstd::Encoder::new(&mut out, TIGHT)?;
            packed.include_checksum(true)?;
            let truth = life.write_capture(&mut packed)?;
            packed.finish()?;
            truth
        }
    };
    out.flush()?;
    Ok(truth)
}
