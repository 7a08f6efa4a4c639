//! Whether two paths lead to the same bytes.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use super::input::STANDARD_INPUT;

/// What tells files apart without reading them.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub(super) enum Identity {
    /// Standard input, which there is one of.
    StandardInput,
    /// Device and inode.
    #[cfg(unix)]
    Inode(u64, u64),
    /// Where symbolic links lead.
    #[cfg_attr(unix, expect(dead_code, reason = "for systems without inodes"))]
    Path(PathBuf),
}

impl Identity {
    /// `None` where there is no such file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path.as_os_str() == STANDARD_INPUT { Some(Self::StandardInput) } else { Self::of_file(path) }
    }

    #[cfg(unix)]
    fn of_file(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().map(|it| Self::Inode(it.dev(), it.ino()))
    }

    #[cfg(not(unix))]
    fn of_file(path: &Path) -> Option<Self> {
        fs::canonicalize(path).ok().map(Self::Path)
    }
}

/// Whether two files hold the same bytes; a file that cannot be read is like no other.
pub(super) fn same_bytes(a: &Path, b: &Path) -> bool {
    let open = |path| File::open(path).map(|file| BufReader::with_capacity(CHUNK, file));
    let (Ok(mut a), Ok(mut b)) = (open(a), open(b)) else { return false };
    let (mut from_a, mut from_b) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
    loop {
        from_a.clear();
        from_b.clear();
        let read_a = a.by_ref().take(CHUNK as u64).read_to_end(&mut from_a);
        let read_b = b.by_ref().take(CHUNK as u64).read_to_end(&mut from_b);
        if read_a.is_err() || read_b.is_err() || from_a != from_b {
            return false;
        }
        if from_a.is_empty() {
            return true;
        }
    }
}

const CHUNK: usize = 64 * 1024;
