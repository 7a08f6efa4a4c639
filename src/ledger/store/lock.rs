//! One process writes to a ledger at a time: a lock beside it that dies with its holder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::StoreError;

/// The right to write to one ledger, held while this lives.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the ledger at `path`, or says who has it.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let lock = beside(path, ".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        super::private(&mut options);
        let mut file = options.open(&lock).map_err(|error| StoreError::of_io(path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { path: path.to_owned(), process: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::of_io(path, &error)),
        }
        // Who holds it is a courtesy to the next who asks: a full disk must not keep anybody from the ledger.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    let digits = read.is_ok() && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text } else { "unknown".to_owned() }
}

/// The path of a companion of the ledger at `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
