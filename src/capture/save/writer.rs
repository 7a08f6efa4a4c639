//! One file of a ring while it is written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::ring::{PART, PREFIX};
use crate::{
    base::Stamp,
    capture::{Frame, PcapngWriter},
};

/// Whether a file is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Packing {
    Plain,
    Zstd,
}

/// A capture that is being written.
pub(super) struct KeptFile {
    writer: PcapngWriter<Sink>,
    part: PathBuf,
    whole: PathBuf,
}

enum Sink {
    Plain(Counted),
    Zstd(zstd::stream::write::Encoder<'static, Counted>),
}

/// A file, and how many bytes went to it.
struct Counted {
    out: BufWriter<File>,
    bytes: u64,
}

impl KeptFile {
    /// Begins a file that is named after its first packet.
    pub(super) fn create(folder: &Path, first: Stamp, packing: Packing) -> io::Result<Self> {
        let ending = match packing {
            Packing::Plain => "pcapng",
            Packing::Zstd => "pcapng.zst",
        };
        let time = first.utc().format("%Y%m%dT%H%M%SZ");
        for turn in 0..MOST_OF_ONE_SECOND {
            let whole = folder.join(format!("{PREFIX}{time}-{turn:03}.{ending}"));
            let part = PathBuf::from(format!("{}{PART}", whole.display()));
            if whole.exists() {
                continue;
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&part) {
                Ok(file) => return Self::begin(file, part, whole, packing),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("there are too many captures of one second"))
    }

    fn begin(file: File, part: PathBuf, whole: PathBuf, packing: Packing) -> io::Result<Self> {
        let counted = Counted { out: BufWriter::with_capacity(BUFFER, file), bytes: 0 };
        let sink = match packing {
            Packing::Plain => Sink::Plain(counted),
            Packing::Zstd => Sink::Zstd(zstd::stream::write::Encoder::new(counted, ZSTD_LEVEL)?),
        };
        Ok(Self { writer: PcapngWriter::new(sink, SNAP_LEN)?, part, whole })
    }

    pub(super) fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.writer.write(frame, None)
    }

    /// Bytes on the disk or on their way there.
    pub(super) fn bytes(&self) -> u64 {
        match self.writer.out() {
            Sink::Plain(counted) => counted.bytes,
            Sink::Zstd(encoder) => encoder.get_ref().bytes,
        }
    }

    /// Writes what is buffered, so that a killed run leaves it behind.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    /// Completes the file; returns where it lies, its size, and whether all of it is there. What a full disk cut off is
    /// still readable up to there.
    pub(super) fn finish(self) -> (PathBuf, u64, io::Result<()>) {
        let Self { writer, part, whole } = self;
        let completed = writer.finish().and_then(|sink| match sink {
            Sink::Plain(counted) => Ok(counted),
            Sink::Zstd(encoder) => encoder.finish(),
        });
        let written = completed.and_then(|mut counted| {
            counted.out.flush()?;
            counted.out.get_ref().sync_data()
        });
        let renamed = fs::rename(&part, &whole);
        let path = if renamed.is_ok() { whole } else { part };
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        (path, bytes, written.and(renamed))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(counted) => counted.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(counted) => counted.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

const BUFFER: usize = 256 * 1024;
const SNAP_LEN: u32 = 262_144;
/// Fast: it must keep up with a gateway on a small machine.
const ZSTD_LEVEL: i32 = 1;
const MOST_OF_ONE_SECOND: u32 = 1_000;
