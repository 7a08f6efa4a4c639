//! Captures written: classic pcap, and as much of pcapng as evidence needs.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
};

use super::{
    AppTag, Frame, Heading, LinkType,
    options::{COMMENT, FLAGS},
    pcapng::{BYTE_ORDER, CUSTOM, ENHANCED, IF_TSRESOL, INTERFACE, SECTION, padding},
    tags::{PCAPDROID, USER_MAP},
};
use crate::base::Stamp;

/// Creates `path` for writing, readable by its owner alone: captures are private.
///
/// A file that is there already is emptied and keeps its permissions.
pub fn create_private(path: &Path) -> io::Result<BufWriter<File>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(BufWriter::with_capacity(BUFFER, options.open(path)?))
}

/// How fine a classic pcap file's stamps are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Precision {
    /// Microseconds, which every reader understands.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// Writes a classic pcap file, little-endian, version 2.4.
pub struct PcapWriter<W: Write> {
    out: W,
    link: LinkType,
    precision: Precision,
    snap_len: u32,
}

impl PcapWriter<BufWriter<File>> {
    /// Starts a file that only its owner can read.
    pub fn create(path: &Path, link: LinkType, precision: Precision, snap_len: u32) -> io::Result<Self> {
        Self::new(create_private(path)?, link, precision, snap_len)
    }
}

impl<W: Write> PcapWriter<W> {
    /// Starts a capture of frames of one link type, of which at most `snap_len` bytes each are kept.
    pub fn new(mut out: W, link: LinkType, precision: Precision, snap_len: u32) -> io::Result<Self> {
        let magic: u32 = match precision {
            Precision::Micros => 0xa1b2_c3d4,
            Precision::Nanos => 0xa1b2_3c4d,
        };
        out.write_all(&magic.to_le_bytes())?;
        out.write_all(&2_u16.to_le_bytes())?;
        out.write_all(&4_u16.to_le_bytes())?;
        // Zone and accuracy, which nobody fills in.
        out.write_all(&[0; 8])?;
        out.write_all(&snap_len.to_le_bytes())?;
        out.write_all(&u32::from(link.0).to_le_bytes())?;
        Ok(Self { out, link, precision, snap_len })
    }

    /// Appends a frame. Fails on one of another link type, or stamped after 2106.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if frame.link != self.link {
            return Err(invalid("a classic pcap file holds frames of one link type"));
        }
        let seconds = u32::try_from(frame.stamp.seconds()).map_err(|_| invalid("a stamp after the year 2106"))?;
        let nanos = frame.stamp.since(Stamp::new(frame.stamp.seconds(), 0));
        let fraction = match self.precision {
            Precision::Micros => nanos / 1_000,
            Precision::Nanos => nanos,
        };
        let kept = kept(frame, self.snap_len);
        for number in [seconds, small(fraction)?, small(kept.len())?, frame.original_len] {
            self.out.write_all(&number.to_le_bytes())?;
        }
        self.out.write_all(kept)
    }

    /// Writes what is buffered, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes a pcapng file of one little-endian section with nanosecond stamps; link types may be mixed.
///
/// Directions are kept, and Android user ids in the way PCAPdroid writes them.
pub struct PcapngWriter<W: Write> {
    out: W,
    snap_len: u32,
    links: Vec<LinkType>,
    named_users: HashSet<i32>,
}

impl PcapngWriter<BufWriter<File>> {
    /// Starts a file that only its owner can read.
    pub fn create(path: &Path, snap_len: u32) -> io::Result<Self> {
        Self::new(create_private(path)?, snap_len)
    }
}

impl<W: Write> PcapngWriter<W> {
    /// Starts a capture that keeps at most `snap_len` bytes of each frame.
    pub fn new(out: W, snap_len: u32) -> io::Result<Self> {
        let mut writer = Self { out, snap_len, links: Vec::new(), named_users: HashSet::new() };
        let mut section = Vec::new();
        section.extend(BYTE_ORDER.to_le_bytes());
        section.extend([1, 0, 0, 0]);
        // The section's length is not known yet.
        section.extend([0xff; 8]);
        writer.block(SECTION, &section)?;
        Ok(writer)
    }

    /// Appends a frame with the comment that belongs to it, if any. Fails where a comment is longer than 65,535 bytes.
    pub fn write(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> io::Result<()> {
        let interface = self.interface(frame.link)?;
        let kept = kept(frame, self.snap_len);
        let nanos = frame.stamp.nanos();
        let mut body = Vec::with_capacity(kept.len() + 64);
        let (high, low) = (small(nanos >> 32)?, small(nanos & 0xffff_ffff)?);
        for number in [interface, high, low, small(kept.len())?, frame.original_len] {
            body.extend(number.to_le_bytes());
        }
        body.extend(kept);
        body.resize(body.len() + padding(kept.len()), 0);
        if let Some(comment) = comment {
            option(&mut body, COMMENT, comment.as_bytes())?;
        }
        if let Some(heading) = frame.heading {
            let flags: u32 = if heading == Heading::Inbound { 1 } else { 2 };
            option(&mut body, FLAGS, &flags.to_le_bytes())?;
        }
        if let Some(AppTag::Uid { uid, name }) = frame.app {
            self.name_user(uid, name)?;
            option(&mut body, COMMENT, format!("u-{uid}").as_bytes())?;
        }
        body.extend(END_OF_OPTIONS);
        self.block(ENHANCED, &body)
    }

    /// Writes what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Where it writes to.
    pub fn out(&self) -> &W {
        &self.out
    }

    /// Writes what is buffered, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// The number of the interface that stands for `link`, described now if it is new.
    fn interface(&mut self, link: LinkType) -> io::Result<u32> {
        if let Some(known) = self.links.iter().position(|&it| it == link) {
            return small(known);
        }
        let mut body = Vec::new();
        body.extend(link.0.to_le_bytes());
        body.extend([0, 0]);
        body.extend(self.snap_len.to_le_bytes());
        option(&mut body, IF_TSRESOL, &[9])?;
        body.extend(END_OF_OPTIONS);
        self.block(INTERFACE, &body)?;
        self.links.push(link);
        small(self.links.len() - 1)
    }

    /// Writes the package name of a user id before its first frame (PCAPdroid's block).
    fn name_user(&mut self, uid: i32, name: Option<&str>) -> io::Result<()> {
        let Some(name) = name.filter(|_| self.named_users.insert(uid)) else { return Ok(()) };
        let package = name.as_bytes().get(..name.len().min(255)).unwrap_or_default();
        let mut body = Vec::new();
        body.extend(PCAPDROID.to_le_bytes());
        body.extend([1, 0, USER_MAP, 0]);
        body.extend(uid.to_le_bytes());
        body.extend([u8::try_from(package.len()).unwrap_or(u8::MAX), 0]);
        body.extend(package);
        self.block(CUSTOM, &body)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let padding = padding(body.len());
        let length = small(body.len() + padding + 12)?;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(body)?;
        self.out.write_all([0; 3].get(..padding).unwrap_or_default())?;
        self.out.write_all(&length.to_le_bytes())
    }
}

/// Appends an option.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) -> io::Result<()> {
    let len = u16::try_from(value.len()).map_err(|_| invalid("a comment of more than 65,535 bytes"))?;
    body.extend(code.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(value);
    body.resize(body.len() + padding(value.len()), 0);
    Ok(())
}

/// The bytes of a frame that a snap length keeps.
fn kept<'a>(frame: &Frame<'a>, snap_len: u32) -> &'a [u8] {
    let most = usize::try_from(snap_len).unwrap_or(usize::MAX);
    frame.data.get(..frame.data.len().min(most)).unwrap_or_default()
}

fn small<N: TryInto<u32>>(number: N) -> io::Result<u32> {
    number.try_into().map_err(|_| invalid("a number that does not fit 32 bits"))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

const END_OF_OPTIONS: [u8; 4] = [0; 4];
const BUFFER: usize = 256 * 1024;
