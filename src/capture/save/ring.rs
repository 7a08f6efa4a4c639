//! Which files there are, oldest first, and which must go.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

use super::SaveOptions;
use crate::capture::kept::complete_name;
pub(super) use crate::capture::kept::{PART, PREFIX};

/// Room on the disk that is always left for others.
const RESERVE: u64 = 256 << 20;

/// The complete files of a ring, oldest first.
pub(super) struct Ring {
    files: VecDeque<(PathBuf, u64)>,
    bytes: u64,
}

impl Ring {
    /// Finds what earlier runs kept, and completes what they left unfinished: a cut capture is still readable.
    pub(super) fn open(options: &SaveOptions) -> io::Result<Self> {
        make_folder(&options.folder)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&options.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(whole) = complete_name(&name).filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file()))
            else {
                continue;
            };
            let mut path = entry.path();
            if whole.len() < name.len() {
                let complete = options.folder.join(whole);
                fs::rename(&path, &complete)?;
                path = complete;
            }
            files.push((path, entry.metadata().map_or(0, |metadata| metadata.len())));
        }
        // Names begin with the time of their first packet.
        files.sort();
        let bytes = files.iter().map(|(_, bytes)| bytes).sum();
        Ok(Self { files: files.into(), bytes })
    }

    pub(super) fn add(&mut self, path: PathBuf, bytes: u64) {
        self.files.push_back((path, bytes));
        self.bytes += bytes;
    }

    /// How many files there are, and their bytes.
    pub(super) fn holds(&self) -> (usize, u64) {
        (self.files.len(), self.bytes)
    }

    /// Removes the oldest files until another one may be begun. Fails where the disk has no room even then.
    pub(super) fn make_room(&mut self, options: &SaveOptions) -> io::Result<()> {
        let next = options.file_bytes.min(options.most_bytes);
        while self.files.len() + 1 > options.most_files.max(1) || self.bytes + next > options.most_bytes {
            if !self.drop_oldest() {
                break;
            }
        }
        while free(&options.folder).is_some_and(|free| free < RESERVE + next) {
            if !self.drop_oldest() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Ok(())
    }

    /// Removes files because a write found the disk full.
    pub(super) fn give_way(&mut self, options: &SaveOptions) {
        let mut given = 0;
        while given < options.file_bytes && self.files.len() > 1 {
            given += self.files.front().map_or(0, |(_, bytes)| *bytes);
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((path, bytes)) = self.files.pop_front() else { return false };
        self.bytes = self.bytes.saturating_sub(bytes);
        // Somebody else may have removed it.
        let _ = fs::remove_file(path);
        true
    }
}

/// Makes `folder` for its owner alone; one that is there stays as it is.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Bytes that this user may still write to the disk of `folder`.
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}
