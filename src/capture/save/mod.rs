//! Captures kept beside a live audit, in a ring of files so that the disk never fills.
//!
//! In: the batches of frames that are booked as well. Out: pcapng files of bounded size and age, readable by their owner
//! alone. A file has the ending `.part` until it is complete. A thread of its own writes: a disk that stalls costs kept
//! frames, which are counted, and no capture.

mod ring;
mod writer;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use self::{
    ring::Ring,
    writer::{KeptFile, Packing},
};
use super::Batch;
use crate::base::{Stamp, text::shown};

/// Where captures are kept, and how many.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SaveOptions {
    /// The folder; made where it is missing.
    pub folder: PathBuf,
    /// Bytes after which the next file is begun.
    pub file_bytes: u64,
    /// How long a file goes on for, by its packets and by our clock.
    pub file_age: Duration,
    /// Bytes that all files may take; the oldest go first.
    pub most_bytes: u64,
    /// Files that there may be.
    pub most_files: usize,
    /// Whether files are compressed with zstd.
    pub compress: bool,
}

impl SaveOptions {
    /// In `folder`: an hour or 100 MB a file, 10 GB in all.
    pub fn to(folder: PathBuf) -> Self {
        Self {
            folder,
            file_bytes: 100_000_000,
            file_age: Duration::from_secs(3_600),
            most_bytes: 10_000_000_000,
            most_files: 100_000,
            compress: false,
        }
    }
}

/// What was kept so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Saved {
    /// Frames kept since the start.
    pub frames: u64,
    /// Frames that could not be kept: the disk was full or too slow.
    pub missed: u64,
    /// Files there are now, and their bytes.
    pub files: usize,
    /// Bytes of all files there are now.
    pub bytes: u64,
    /// Why nothing is kept at the moment.
    pub trouble: Option<String>,
}

/// Keeps captures, on a thread of its own.
#[derive(Debug)]
pub struct Saver {
    sender: Sender<Arc<Batch>>,
    shared: Arc<Mutex<Saved>>,
    thread: JoinHandle<()>,
}

impl Saver {
    /// Makes the folder, completes what a killed run left behind, and starts. To be called before privileges are given
    /// up where the folder is to be made; see [`prepare`] for that part alone.
    pub fn start(options: &SaveOptions) -> io::Result<Self> {
        let ring = Ring::open(options)?;
        let (sender, receiver) = bounded(WAITING);
        let shared = Arc::new(Mutex::new(Saved::default()));
        let mut keeper = Keeper {
            options: options.clone(),
            ring,
            open: None,
            saved: Saved::default(),
            shared: Arc::clone(&shared),
            flushed: Instant::now(),
            again: None,
        };
        keeper.publish();
        let thread = thread::Builder::new().name("save".into()).spawn(move || keeper.run(&receiver))?;
        Ok(Self { sender, shared, thread })
    }

    /// Hands frames over to be kept; where the disk cannot follow they are missed, and counted.
    pub fn keep(&self, batch: &Arc<Batch>) {
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) =
            self.sender.try_send(Arc::clone(batch))
        {
            self.shared.lock().unwrap_or_else(PoisonError::into_inner).missed += batch.len() as u64;
        }
    }

    /// What was kept so far.
    pub fn saved(&self) -> Saved {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Completes the last file.
    pub fn finish(self) -> Saved {
        let Self { sender, shared, thread } = self;
        drop(sender);
        let _ = thread.join();
        shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes the folder captures are kept in.
pub fn prepare(options: &SaveOptions) -> io::Result<()> {
    ring::make_folder(&options.folder)
}

/// What the saving thread holds.
struct Keeper {
    options: SaveOptions,
    ring: Ring,
    open: Option<OpenFile>,
    saved: Saved,
    shared: Arc<Mutex<Saved>>,
    flushed: Instant,
    /// After a failure: when to try again.
    again: Option<Instant>,
}

struct OpenFile {
    file: KeptFile,
    first: Stamp,
    since: Instant,
}

impl Keeper {
    fn run(&mut self, receiver: &Receiver<Arc<Batch>>) {
        loop {
            match receiver.recv_timeout(FLUSH) {
                Ok(batch) => self.keep(&batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_after();
        }
        self.complete();
        self.publish();
    }

    fn keep(&mut self, batch: &Batch) {
        for (index, frame) in batch.iter().enumerate() {
            if let Err(error) = self.keep_frame(&frame) {
                self.fail(&error);
            }
            if self.again.is_some() {
                self.saved.missed += (batch.len() - index) as u64;
                return;
            }
            self.saved.frames += 1;
        }
    }

    fn keep_frame(&mut self, frame: &super::Frame<'_>) -> io::Result<()> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Ok(());
        }
        self.again = None;
        if self.open.as_ref().is_some_and(|open| open.is_over(frame.stamp, &self.options)) {
            self.complete();
        }
        let open = if let Some(open) = &mut self.open {
            open
        } else {
            self.ring.make_room(&self.options)?;
            let packing = if self.options.compress { Packing::Zstd } else { Packing::Plain };
            let file = KeptFile::create(&self.options.folder, frame.stamp, packing)?;
            self.saved.trouble = None;
            self.open.insert(OpenFile { file, first: frame.stamp, since: Instant::now() })
        };
        open.file.write(frame)
    }

    /// Puts the rest of a broken file away, and says so once.
    fn fail(&mut self, error: &io::Error) {
        let why = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                self.ring.give_way(&self.options);
                "the disk is full; older captures were removed as far as there are any".to_owned()
            }
            _ => error.to_string(),
        };
        self.complete();
        self.saved.trouble = Some(shown(&why, 300).into_owned());
        self.again = Some(Instant::now() + RETRY);
    }

    fn look_after(&mut self) {
        if self.flushed.elapsed() < FLUSH {
            return;
        }
        self.flushed = Instant::now();
        if let Some(open) = &mut self.open {
            if open.since.elapsed() >= self.options.file_age {
                self.complete();
            } else if let Err(error) = open.file.flush() {
                self.fail(&error);
            }
        }
        self.publish();
    }

    fn complete(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (path, bytes, written) = open.file.finish();
        self.ring.add(path, bytes);
        if let Err(error) = written {
            self.saved.trouble = Some(shown(&error.to_string(), 300).into_owned());
        }
    }

    /// Tells how far it is; what was missed for want of time is counted by whoever hands frames over.
    fn publish(&mut self) {
        let (files, bytes) = self.ring.holds();
        let open = self.open.as_ref().map_or(0, |open| open.file.bytes());
        let missed = std::mem::take(&mut self.saved.missed);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = shared.missed + missed;
        *shared = Saved { files, bytes: bytes + open, missed, ..self.saved.clone() };
    }
}

impl OpenFile {
    /// Whether a frame at `stamp` belongs into the next file.
    fn is_over(&self, stamp: Stamp, options: &SaveOptions) -> bool {
        let age = u64::try_from(options.file_age.as_nanos()).unwrap_or(u64::MAX);
        self.file.bytes() >= options.file_bytes || stamp.since(self.first) >= age
    }
}

/// Batches that wait for the disk: at most 16 MiB.
const WAITING: usize = 32;
/// A file is at most so far behind what was captured.
const FLUSH: Duration = Duration::from_secs(1);
/// How long nothing is tried after a failure.
const RETRY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::capture::{Captures, Frame, LinkType};

    fn batch(first: u64, count: u64) -> Arc<Batch> {
        let mut batch = Batch::default();
        for second in first..first + count {
            let stamp = Stamp::new(1_780_000_000 + second, 0);
            let data = &[0x45; 1_000][..];
            batch.push(&Frame { stamp, link: LinkType::RAW, data, original_len: 1_000, heading: None, app: None });
        }
        Arc::new(batch)
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn frames(files: &[PathBuf]) -> u64 {
        let opened = Captures::open(files);
        assert!(opened.failed.is_empty(), "{:?}", opened.failed);
        let mut captures = opened.captures;
        while captures.advance().is_some() {}
        captures.into_reports().iter().map(|report| report.frames).sum()
    }

    #[test]
    fn files_are_begun_anew_by_size_and_by_age_and_hold_every_frame() {
        for compress in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let kept = folder.path().join("kept");
            let options = SaveOptions {
                file_bytes: 20_000,
                file_age: Duration::from_secs(15),
                compress,
                ..SaveOptions::to(kept.clone())
            };
            let saver = Saver::start(&options).unwrap();
            (0..5).for_each(|round| saver.keep(&batch(round * 20, 20)));
            let kept_at_end = saver.finish();
            let files = files(&kept);
            assert_eq!((kept_at_end.frames, kept_at_end.missed, kept_at_end.files), (100, 0, files.len()));
            // Fifteen seconds are fifteen frames, and fewer bytes than a file may hold.
            assert_eq!(files.len(), 7, "{files:?}");
            assert_eq!(frames(&files), 100);
            assert!(files.iter().all(|file| !file.to_string_lossy().contains(".part")), "{files:?}");
            #[cfg(unix)]
            for path in files.iter().chain([&kept]) {
                use std::os::unix::fs::PermissionsExt;
                let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode & 0o077, 0, "{} is for its owner alone", path.display());
            }
        }
    }

    #[test]
    fn the_oldest_files_make_room_and_strangers_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine.pcapng");
        fs::write(&mine, vec![0; 50_000]).unwrap();
        let options = SaveOptions {
            file_bytes: 10_000,
            most_bytes: 40_000,
            most_files: 3,
            ..SaveOptions::to(folder.path().to_owned())
        };
        let saver = Saver::start(&options).unwrap();
        (0..20).for_each(|round| saver.keep(&batch(round * 10, 10)));
        let kept_at_end = saver.finish();
        let left = files(folder.path());
        assert!(left.contains(&mine));
        assert!(left.len() <= 4, "{left:?}");
        assert!(kept_at_end.bytes <= 40_000 && kept_at_end.files == left.len() - 1, "{kept_at_end:?}");
        // A later run goes on with the same ring.
        let saver = Saver::start(&options).unwrap();
        saver.keep(&batch(1_000, 30));
        assert!(saver.finish().bytes <= 40_000);
    }

    #[test]
    fn what_a_killed_run_left_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        let options = SaveOptions::to(folder.path().to_owned());
        let saver = Saver::start(&options).unwrap();
        saver.keep(&batch(0, 10));
        saver.finish();
        let whole = files(folder.path()).remove(0);
        let part = PathBuf::from(format!("{}.part", whole.display()));
        fs::rename(&whole, &part).unwrap();
        let kept_at_end = Saver::start(&options).unwrap().finish();
        assert_eq!((files(folder.path()), kept_at_end.files), (vec![whole.clone()], 1));
        assert_eq!(frames(&[whole]), 10);
    }
}
