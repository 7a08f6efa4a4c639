//! Where bytes come from: a file or a stream, hashed as it lies on disk, decompressed, read ahead where that pays.

use std::{
    io::{self, BufReader, Read},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
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
    /// `None` where nobody wants the hash: of a stream that never ends.
    hash: Option<Sha256>,
    read: Arc<AtomicU64>,
}

impl Hashing {
    pub(super) fn new(raw: Box<dyn Read + Send>, read: Arc<AtomicU64>) -> Self {
        Self { raw, hash: Some(Sha256::new()), read }
    }

    /// Bytes that are counted only.
    #[cfg(feature = "live")]
    pub(super) fn without_hash(raw: Box<dyn Read + Send>) -> Self {
        Self { raw, hash: None, read: Arc::default() }
    }

    /// The hash of every byte; what nobody has read yet is read now if `drain` says so.
    fn finish(mut self, drain: Drain) -> Hash {
        if drain == Drain::Rest {
            let mut rest = vec![0; HASH_CHUNK];
            while read_some(&mut self, &mut rest).is_ok_and(|n| n > 0) {}
        }
        self.hash.map(|hash| hash.finalize().into()).unwrap_or_default()
    }
}

impl Read for Hashing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read(out)?;
        if let Some(hash) = &mut self.hash {
            hash.update(out.get(..n).unwrap_or_default());
        }
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
    /// A thread reads, hashes and unpacks ahead: hashing costs more than parsing, and so they overlap.
    Ahead(Ahead),
}

impl Feed {
    /// A thread that reads `unpacked` ahead.
    pub(super) fn ahead(unpacked: Unpacked, drain: Drain) -> io::Result<Self> {
        Ahead::start(unpacked, drain).map(Self::Ahead)
    }

    /// Puts more bytes behind the `kept` last ones of `block` before `end`, which move to wherever suits the feed.
    /// Returns the new place of the kept bytes and the new end. No new bytes means that there are no more.
    pub(super) fn refill(&mut self, block: &mut Vec<u8>, kept: Range<usize>) -> io::Result<(usize, usize)> {
        match self {
            Self::Inline(unpacked, _) => {
                let len = kept.len();
                let room = make_room(block, kept);
                Ok((0, len + read_some(unpacked, room)?))
            }
            Self::Ahead(ahead) => ahead.refill(block, kept),
        }
    }

    /// Ends the reading and returns the input's hash.
    pub(super) fn finish(self) -> Hash {
        match self {
            Self::Inline(unpacked, drain) => unpacked.finish(drain),
            Self::Ahead(ahead) => ahead.finish(),
        }
    }
}

/// Moves the kept bytes to the front, and offers room behind them.
fn make_room(block: &mut Vec<u8>, kept: Range<usize>) -> &mut [u8] {
    let room = kept.len()..kept.len() + INLINE_BLOCK;
    block.copy_within(kept, 0);
    if block.len() < room.end {
        block.resize(room.end, 0);
    }
    block.get_mut(room).unwrap_or_default()
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

/// A thread that fills blocks ahead of their reader. Blocks go round: a few are all that is ever allocated.
pub(super) struct Ahead {
    filled: Receiver<io::Result<Block>>,
    empty: Sender<Vec<u8>>,
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
            let _ = empty.send(empty_block());
        }
        let thread = thread::Builder::new().name("read-ahead".into()).spawn(move || {
            read_ahead(&mut unpacked, drain, &take, &give);
            drop(give);
            if hash_wanted.recv().is_ok() { unpacked.finish(drain) } else { Hash::default() }
        })?;
        Ok(Self { filled, empty, want_hash, thread })
    }

    fn refill(&mut self, old: &mut Vec<u8>, kept: Range<usize>) -> io::Result<(usize, usize)> {
        let Ok(block) = self.filled.recv() else { return Ok((kept.start, kept.end)) };
        let Block { mut bytes, end } = block?;
        let start = HEADROOM.saturating_sub(kept.len());
        if let (Some(front), Some(kept)) = (bytes.get_mut(start..HEADROOM), old.get(kept)) {
            front.copy_from_slice(kept);
        }
        let spent = std::mem::replace(old, bytes);
        // The window starts with an empty block; it is replaced, not sent round.
        let spent = if spent.is_empty() { empty_block() } else { spent };
        let _ = self.empty.send(spent);
        Ok((start, end))
    }

    fn finish(self) -> Hash {
        let _ = self.want_hash.send(());
        drop((self.filled, self.empty));
        self.thread.join().unwrap_or_default()
    }
}

/// Fills blocks until the input or the reader's interest ends.
fn read_ahead(from: &mut Unpacked, drain: Drain, take: &Receiver<Vec<u8>>, give: &Sender<io::Result<Block>>) {
    while let Ok(mut block) = take.recv() {
        let (end, problem) = fill(from, drain, &mut block);
        if end > HEADROOM && give.send(Ok(Block { bytes: block, end })).is_err() {
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

fn empty_block() -> Vec<u8> {
    vec![0; HEADROOM + AHEAD_BLOCK]
}

/// The longest run of bytes that is ever needed at once: one record with everything said about it.
pub(super) const LONGEST_RECORD: usize = 512 * 1024;
const HEADROOM: usize = LONGEST_RECORD;
const INLINE_BLOCK: usize = 64 * 1024;
const AHEAD_BLOCK: usize = 1024 * 1024;
const BLOCKS: usize = 4;
const HASH_CHUNK: usize = 256 * 1024;
const PACKED_CHUNK: usize = 128 * 1024;
/// zstd's own limit without `--long`: 128 MiB of history, which only `--ultra` files ask for.
const ZSTD_WINDOW_LOG: u32 = 27;
