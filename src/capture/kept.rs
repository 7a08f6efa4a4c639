//! The files of a folder that a listener keeps captures in (`--save`): how they are called, and which there are.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How every file of a ring is called: nothing else is ever removed.
pub(super) const PREFIX: &str = "nightaudit-";
/// Follows the name of a file that is still written to, or that a killed run left.
pub(super) const PART: &str = ".part";
const ENDINGS: [&str; 2] = [".pcapng", ".pcapng.zst"];

/// The name that a file of a ring has once it is complete; `None` for any other file.
pub(super) fn complete_name(name: &str) -> Option<&str> {
    let whole = name.strip_suffix(PART).unwrap_or(name);
    let ours = name.starts_with(PREFIX) && ENDINGS.iter().any(|ending| whole.ends_with(ending));
    ours.then_some(whole)
}

/// The captures that are kept in `folder`, oldest first, with the one that is written to at the moment; none where it is
/// no such folder, or cannot be read.
pub(super) fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_kept = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        complete_name(&name).is_some() && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_kept).take(MOST).collect();
    // Names begin with the time of their first packet.
    files.sort();
    files
}

/// Far more than a ring holds by default.
const MOST: usize = 200_000;
