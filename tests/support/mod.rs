//! What the end-to-end tests share: the binary at work, captures to feed it, and classic pcap files made by hand.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

pub(crate) mod expect;
pub(crate) mod pcap;
pub(crate) mod quic;

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use assert_cmd::Command;
use serde_json::Value;

/// The binary under test, deaf to the settings of whoever runs the tests.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightaudit"));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NIGHTAUDIT_")) {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("TZ", "UTC").timeout(Duration::from_secs(120));
    command
}

/// What one run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Run {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Standard output as JSON lines.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        self.out.lines().map(line).collect()
    }

    /// That it ended by itself, with a status that the contract knows, and without panic.
    pub(crate) fn ended_well(&self) -> bool {
        (0..=3).contains(&self.status) && !self.err.contains("panicked")
    }
}

/// Runs `nightaudit` with `arguments`.
pub(crate) fn nightaudit<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    finish(binary().args(arguments))
}

/// Runs `nightaudit` with `arguments` and `input` on its standard input.
pub(crate) fn nightaudit_reading(input: &[u8], arguments: &[&str]) -> Run {
    finish(binary().args(arguments).write_stdin(input))
}

/// The binary with `arguments`, under a shell that lets it hold `kib` KiB of heap, stacks and other writable memory.
pub(crate) fn bounded<A: AsRef<OsStr>>(kib: u32, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -d {kib} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_nightaudit")]);
    shell.args(arguments).env("XDG_CONFIG_HOME", "/nonexistent").env("TZ", "UTC");
    shell
}

/// The status of a process that a signal ended.
pub(crate) const KILLED: i32 = -1;

/// Runs `command` to its end.
pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { status: output.status.code().unwrap_or(KILLED), out: text(&output.stdout), err: text(&output.stderr) }
}

/// `captures/genuine/<name>/traffic.pcap`.
pub(crate) fn genuine(name: &str) -> PathBuf {
    project().join("captures/genuine").join(name).join("traffic.pcap")
}

/// The project's root.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of other projects' captures, `$NIGHTAUDIT_CORPUS` or beside this project; where there is none, `None`
/// and a line that says what is skipped.
pub(crate) fn corpus(part: &str) -> Option<PathBuf> {
    let root = env::var_os("NIGHTAUDIT_CORPUS").map_or_else(|| project().join("../shared/corpus"), PathBuf::from);
    let folder = root.join(part);
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(&format!("no captures in {}; NIGHTAUDIT_CORPUS names another folder", folder.display()));
    None
}

/// Says on standard error, where the test harness cannot swallow it, that a test did not test.
pub(crate) fn skipped(why: &str) {
    use std::io::Write as _;
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    // A harness without standard error still runs its other tests.
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}");
}

/// The files in `folder`, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}
