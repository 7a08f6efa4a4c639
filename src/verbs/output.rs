//! Where results go: standard output or a private file; with colour or without; redacted or not.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    args::{self, OutputArgs},
    settings::state_folder,
};
use crate::pipeline::Audit;
use crate::report::{Changes, Colour, Glyphs, Key, Look, Redaction, Standings};

/// Width of text that goes to no terminal.
const PAGE_WIDTH: usize = 100;

/// A writer for the results. Files are made readable for their owner alone: reports name who talked to whom.
pub(super) fn writer(args: &OutputArgs) -> anyhow::Result<Box<dyn Write>> {
    match &args.output {
        None => Ok(Box::new(BufWriter::new(io::stdout().lock()))),
        Some(path) => {
            refuse_to_replace_evidence(path)?;
            Ok(Box::new(BufWriter::new(private_file(path)?)))
        }
    }
}

/// A report must not be written over what it may have been made of: a slip of the shell would cost it.
pub(super) fn refuse_to_replace_evidence(path: &Path) -> anyhow::Result<()> {
    let mut begins = [0; 16];
    let Ok(read) = File::open(path).and_then(|mut file| io::Read::read(&mut file, &mut begins)) else { return Ok(()) };
    let what = match begins.get(..read).unwrap_or_default() {
        [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d, ..]
        | [0x0a, 0x0d, 0x0d, 0x0a, ..] => "a capture",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => "a compressed file, which a report is not",
        begins if begins.starts_with(b"SQLite format 3") => "a ledger",
        begins if begins.starts_with(b"#separator") => "a log",
        _ => return Ok(()),
    };
    anyhow::bail!("{} is {what}: it is not written over; name another file", path.display())
}

/// A new file for its owner alone.
pub(super) fn private_file(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// How text is to look.
pub(super) fn look(args: &OutputArgs) -> anyhow::Result<Look> {
    let terminal = args.output.is_none() && io::stdout().is_terminal();
    let colour = match args.color {
        args::Colour::Always => true,
        args::Colour::Never => false,
        args::Colour::Auto => terminal && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && !is_dumb(),
    };
    let width = terminal_size::terminal_size().filter(|_| terminal).map_or(PAGE_WIDTH, |(width, _)| width.0.into());
    Ok(Look {
        width,
        colour: if colour { Colour::Always } else { Colour::Never },
        glyphs: if speaks_unicode() { Glyphs::Unicode } else { Glyphs::Ascii },
        redaction: redaction(args)?,
    })
}

/// Whether and by which key device identifiers are replaced.
pub(super) fn redaction(args: &OutputArgs) -> anyhow::Result<Redaction> {
    if args.redact { new_redaction() } else { Ok(Redaction::Off) }
}

/// The secret behind pseudonyms; it is made where there is none.
pub(super) fn pseudonym_key() -> anyhow::Result<Key> {
    key(&key_path()?)
}

/// Device identifiers are replaced, by the key in the state folder.
pub(super) fn new_redaction() -> anyhow::Result<Redaction> {
    Ok(Redaction::On(pseudonym_key()?))
}

pub(super) fn is_dumb() -> bool {
    env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// Whether the locale says UTF-8, or says nothing.
pub(super) fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8") || !matches!(locale.as_str(), "c" | "posix")
    })
}

/// Where the secret behind pseudonyms lies, so that they are the same in every report.
fn key_path() -> anyhow::Result<PathBuf> {
    let state = state_folder().context("--redact keeps its key in the state folder: set HOME or XDG_STATE_HOME")?;
    Ok(state.join("pseudonym.key"))
}

fn key(path: &Path) -> anyhow::Result<Key> {
    if let Ok(bytes) = fs::read(path) {
        let bytes = bytes.try_into().ok().with_context(|| {
            format!("{} is no pseudonym key (32 bytes); move it away and a new one is made", path.display())
        })?;
        return Ok(Key(bytes));
    }
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random numbers for a pseudonym key")?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    private_file(path)?.write_all(&bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Key(bytes))
}

/// What is new since the report at `path`, where one was named.
pub(super) fn changes(path: Option<&Path>, audit: &Audit, look: &Look) -> anyhow::Result<Changes> {
    let Some(path) = path else { return Ok(Changes::default()) };
    let mut json = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    io::Read::read_to_end(&mut io::Read::take(file, LARGEST_REPORT), &mut json)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let before = Standings::read(&json).with_context(|| path.display().to_string())?;
    Ok(Changes::between(&before, &Standings::of(audit, &look.redaction)))
}

/// A report before is read this far: one of thousands of devices is smaller.
const LARGEST_REPORT: u64 = 256 << 20;
