//! Where bytes come from: a file or a stream, hashed as it lies on disk, decompressed, read ahead where that pays.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub(super) type Hash = [u8; 32];

/// How the bytes of an input are packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Codec {
    Plain,
    Gzip,
    Zstd,
}

impl Codec {
    /// What `head`, the first bytes of a file, announces (RFC 1952; RFC 8878, section 3.1).
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Raw bytes that are counted and hashed on their way.
pub(super) struct Hashing {
    raw: Box<dyn Read + Send>,
    hash: Sha256,
    read: Arc<AtomicU64>,
}

impl Hashing {
    pub(super) fn new(raw: Box<dyn Read + Send>, read: Arc<AtomicU64>) -> Self {
        Self { raw, hash: Sha256::new(), read }
    }

    /// The hash of every byte; what nobody has read yet is read now if `drain` says so.
    fn finish(mut self, drain: Drain) -> Hash {
        let mut rest = vec![0; HASH_CHUNK];
        while drain == Drain::Rest {
            match self.read(&mut rest) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        self.hash.finalize().into()
    }
}

impl Read for Hashing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read(out)?;
        self.hash.update(out.get(..n).unwrap_or_default());
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Whether bytes that the reader had no use for are hashed too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Drain {
    /// Yes: it is a file, which has an end.
    Rest,
    /// No: a stream may go on for ever.
    Nothing,
}

/// Hashed bytes behind their decoder.
pub(super) enum Unpacked {
    Plain(Hashing),
    Gzip(Box<MultiGzDecoder<BufReader<Hashing>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Hashing>>),
}

impl Unpacked {
    pub(super) fn new(codec: Codec, raw: Hashing) -> io::Result<Self> {
        let buffered = |raw| BufReader::with_capacity(PACKED_CHUNK, raw);
        Ok(match codec {
            Codec::Plain => Self::Plain(raw),
            Codec::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(buffered(raw)))),
            Codec::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(raw))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(decoder)
            }
        })
    }

    fn finish(self, drain: Drain) -> Hash {
        let raw = match self {
            Self::Plain(raw) => raw,
            Self::Gzip(decoder) => decoder.into_inner().into_inner(),
            Self::Zstd(decoder) => decoder.finish().into_inner(),
        };
        raw.finish(drain)
    }
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(out),
            Self::Gzip(decoder) => decoder.read(out),
            Self::Zstd(decoder) => decoder.read(out),
        }
    }
}

/// A supplier of bytes.
pub(super) enum Feed {
    /// Reads, hashes and unpacks when asked: small files, and many at once.
    Inline(Unpacked, Drain),
    /// Reads a plain file when asked, into a buffer that stays in the processor's cache, while a thread of its own
    /// hashes the same file. A large plain file is read fastest this way.
    Beside(File, Arc<AtomicU64>, u64, SideHash),
    /// A thread reads, hashes and unpacks ahead: compressed files and streams.
    Ahead(Ahead),
}

impl Feed {
    /// A plain file of `size` bytes, hashed by a thread of its own.
    pub(super) fn beside(file: File, size: u64, read: Arc<AtomicU64>) -> io::Result<Self> {
        let hash = SideHash::start(file.try_clone()?, size)?;
        Ok(Self::Beside(file, read, 0, hash))
    }

    /// A thread that reads `unpacked` ahead.
    pub(super) fn ahead(unpacked: Unpacked, drain: Drain) -> io::Result<Self> {
        Ahead::start(unpacked, drain).map(Self::Ahead)
    }

    /// Puts more bytes behind the `kept` last ones of `block` before `end`, which move to wherever suits the feed.
    /// Returns the new place of the kept bytes and the new end. No new bytes means that there are no more.
    pub(super) fn refill(&mut self, block: &mut Vec<u8>, kept: std::ops::Range<usize>) -> io::Result<(usize, usize)> {
        match self {
            Self::Inline(unpacked, _) => {
                let (room, len) = make_room(block, kept, INLINE_BLOCK);
                Ok((0, len + read_some(unpacked, room)?))
            }
            Self::Beside(file, read, size, hash) => {
                let (room, len) = make_room(block, kept, BESIDE_BLOCK);
                let most = usize::try_from(hash.size - *size).unwrap_or(usize::MAX).min(room.len());
                let n = read_some(file, room.get_mut(..most).unwrap_or_default())?;
                *size += n as u64;
                read.fetch_add(n as u64, Ordering::Relaxed);
                Ok((0, len + n))
            }
            Self::Ahead(ahead) => ahead.refill(block, kept),
        }
    }

    /// Ends the reading and returns the input's hash.
    pub(super) fn finish(self) -> Hash {
        match self {
            Self::Inline(unpacked, drain) => unpacked.finish(drain),
            Self::Beside(_, _, _, hash) => hash.finish(),
            Self::Ahead(ahead) => ahead.finish(),
        }
    }
}

/// Moves the kept bytes to the front, and offers `size` bytes behind them.
fn make_room(block: &mut Vec<u8>, kept: std::ops::Range<usize>, size: usize) -> (&mut [u8], usize) {
    let len = kept.len();
    block.copy_within(kept, 0);
    if block.len() < len + size {
        block.resize(len + size, 0);
    }
    (block.get_mut(len..len + size).unwrap_or_default(), len)
}

/// One read that is not interrupted.
fn read_some(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// A thread that hashes a file as it was when it was opened.
pub(super) struct SideHash {
    size: u64,
    give_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<Hash>>,
}

impl SideHash {
    fn start(file: File, size: u64) -> io::Result<Self> {
        let give_up = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&give_up);
        let thread = thread::Builder::new().name("hash".into()).spawn(move || hash_file(&file, size, &stop))?;
        Ok(Self { size, give_up, thread: Some(thread) })
    }

    fn finish(mut self) -> Hash {
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for SideHash {
    fn drop(&mut self) {
        self.give_up.store(true, Ordering::Relaxed);
    }
}

fn hash_file(file: &File, size: u64, give_up: &AtomicBool) -> Hash {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; HASH_CHUNK];
    let mut at = 0;
    while at < size && !give_up.load(Ordering::Relaxed) {
        let most = usize::try_from(size - at).unwrap_or(HASH_CHUNK).min(HASH_CHUNK);
        match read_at(file, chunk.get_mut(..most).unwrap_or_default(), at) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(chunk.get(..n).unwrap_or_default());
                at += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    hash.finalize().into()
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

/// A thread that fills blocks ahead of their reader. Blocks go round: a few are all that is ever allocated.
pub(super) struct Ahead {
    filled: Receiver<io::Result<Block>>,
    empty: Sender<Block>,
    /// Dropped without a word, it tells the thread that nobody waits for the hash.
    want_hash: Sender<()>,
    thread: JoinHandle<Hash>,
}

/// Bytes in `bytes[HEADROOM..end]`; the reader puts what is left of the previous block in front of them.
struct Block {
    bytes: Vec<u8>,
    end: usize,
}

impl Ahead {
    fn start(mut unpacked: Unpacked, drain: Drain) -> io::Result<Self> {
        let (give, filled) = bounded(BLOCKS);
        let (empty, take) = bounded(BLOCKS);
        let (want_hash, hash_wanted) = bounded(1);
        for _ in 0..BLOCKS - 1 {
            let _ = empty.send(Block { bytes: vec![0; HEADROOM + AHEAD_BLOCK], end: HEADROOM });
        }
        let thread = thread::Builder::new().name("read-ahead".into()).spawn(move || {
            read_ahead(&mut unpacked, drain, &take, &give);
            drop(give);
            if hash_wanted.recv().is_ok() { unpacked.finish(drain) } else { Hash::default() }
        })?;
        Ok(Self { filled, empty, want_hash, thread })
    }

    fn refill(&mut self, old: &mut Vec<u8>, kept: std::ops::Range<usize>) -> io::Result<(usize, usize)> {
        let Ok(block) = self.filled.recv() else { return Ok((kept.start, kept.end)) };
        let Block { mut bytes, end } = block?;
        let start = HEADROOM.saturating_sub(kept.len());
        if let (Some(front), Some(kept)) = (bytes.get_mut(start..HEADROOM), old.get(kept)) {
            front.copy_from_slice(kept);
        }
        let spent = std::mem::replace(old, bytes);
        if spent.len() == HEADROOM + AHEAD_BLOCK {
            let _ = self.empty.send(Block { bytes: spent, end: HEADROOM });
        } else {
            let _ = self.empty.send(Block { bytes: vec![0; HEADROOM + AHEAD_BLOCK], end: HEADROOM });
        }
        Ok((start, end))
    }

    fn finish(self) -> Hash {
        let _ = self.want_hash.send(());
        drop((self.filled, self.empty));
        self.thread.join().unwrap_or_default()
    }
}

/// Fills blocks until the input or the reader's interest ends.
fn read_ahead(from: &mut Unpacked, drain: Drain, take: &Receiver<Block>, give: &Sender<io::Result<Block>>) {
    while let Ok(mut block) = take.recv() {
        let (end, problem) = fill(from, drain, &mut block.bytes);
        if end > HEADROOM && give.send(Ok(Block { bytes: block.bytes, end })).is_err() {
            return;
        }
        match problem {
            None if end > HEADROOM => {}
            None => return,
            Some(problem) => {
                let _ = give.send(Err(problem));
                return;
            }
        }
    }
}

/// Fills one block, as far as there are bytes; a stream's bytes are handed on as they come.
fn fill(from: &mut Unpacked, drain: Drain, block: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut end = HEADROOM;
    while let Some(room) = block.get_mut(end..).filter(|room| !room.is_empty()) {
        match read_some(from, room) {
            Ok(0) => break,
            Ok(n) => end += n,
            Err(problem) => return (end, Some(problem)),
        }
        if drain == Drain::Nothing {
            break;
        }
    }
    (end, None)
}

/// The longest run of bytes that is ever needed at once: one record with everything said about it.
pub(super) const LONGEST_RECORD: usize = 512 * 1024;
const HEADROOM: usize = LONGEST_RECORD;
const INLINE_BLOCK: usize = 64 * 1024;
const BESIDE_BLOCK: usize = 256 * 1024;
const AHEAD_BLOCK: usize = 1024 * 1024;
const BLOCKS: usize = 4;
const HASH_CHUNK: usize = 256 * 1024;
const PACKED_CHUNK: usize = 128 * 1024;
/// zstd's own limit without `--long`: 128 MiB of history, which only `--ultra` files ask for.
const ZSTD_WINDOW_LOG: u32 = 27;
