//! `--ledger`: which ledger is meant, and captures that are read into it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{
    args::InputArgs,
    input::{self, Bar},
    settings::Settings,
};
use crate::{
    base::text::shown,
    capture::Captures,
    ledger::Store,
    pipeline::{self, Imported, Options},
};

/// What `--ledger` takes for the ledger that the settings name.
const DEFAULT: &str = "default";

/// The ledger that is meant: the one named, else the settings', else the one in the state folder.
pub(super) fn path(named: Option<&Path>, settings: &Settings) -> anyhow::Result<PathBuf> {
    match named.filter(|path| path.as_os_str() != DEFAULT) {
        Some(path) => Ok(path.to_owned()),
        None => settings.ledger_path().context("no ledger named: use --ledger FILE, or set HOME or XDG_STATE_HOME"),
    }
}

/// The address that `--ledger` names, where it is one of a fleet's server.
pub(super) fn address(named: Option<&Path>) -> Option<&str> {
    let text = named?.to_str()?;
    (text.starts_with("http://") || text.starts_with("https://")).then_some(text)
}

/// Opens a ledger for writing; its folder is made where there is none.
pub(super) fn open(path: &Path) -> anyhow::Result<Store> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        private_folder(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    Ok(Store::open(path)?)
}

/// Makes a folder for its owner alone; one that is there stays as it is.
#[cfg(unix)]
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Reads the captures named into `store`, each once: those that it holds already are left out, with a note.
pub(super) fn import(args: &InputArgs, options: &Options, store: &mut Store) -> anyhow::Result<Imported> {
    let (mut new, mut notes) = (Vec::new(), Vec::new());
    for file in &args.files {
        // What cannot be read is named when it is opened as a capture.
        let held = if file.is_file() { sha256(file).ok() } else { None };
        match held.map(|sha256| store.holds(&sha256)).transpose()?.flatten() {
            Some(known) => notes.push(already(file, &known)),
            None => new.push(file.clone()),
        }
    }
    if new.is_empty() && !args.files.is_empty() {
        return Ok(Imported { notes, ..Imported::default() });
    }
    let opened = if new.len() == args.files.len() { input::open(args)? } else { Captures::open(&new) };
    let mut bar = Bar::new();
    let mut imported = pipeline::import(opened, options, store, |progress| bar.show(progress))?;
    imported.notes.splice(0..0, notes);
    Ok(imported)
}

fn already(file: &Path, known: &str) -> String {
    let path = file.display().to_string();
    let path = shown(&path, 400);
    if path == known {
        format!("{path} is in the ledger already and adds nothing")
    } else {
        format!("{path} is in the ledger already, as {}, and adds nothing", shown(known, 400))
    }
}

/// SHA-256 of a file as it lies on disk, in hexadecimal.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(format!("{:x}", hash.finalize())),
            read => hash.update(&block[..read]),
        }
    }
}
