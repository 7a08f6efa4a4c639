//! Hundreds of broken, fuzzed and strange captures of other projects: each gives a result or a clear error, soon, in
//! little memory, and never a panic.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use support::{KILLED, Run, bounded, corpus, files, finish};

/// What one file may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Heap, stacks and other writable memory that a process may hold for one of these files, in KiB. The largest of them
/// has a few megabytes.
const MEMORY_KIB: u32 = 192 * 1024;

#[test]
fn every_malformed_capture_is_audited_or_refused() {
    let Some(folder) = corpus("malformed") else { return };
    let files = files(&folder);
    for command in ["check", "flows"] {
        let runs = run_all(command, &files);
        let mut statuses: BTreeMap<i32, usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (path, run) in &runs {
            *statuses.entry(run.status).or_default() += 1;
            if let Some(fault) = fault(run) {
                wrong.push(format!("{command} {}: {fault}", path.display()));
            }
        }
        println!("{command}: {} files, by exit status: {statuses:?}", runs.len());
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), runs.len(), wrong.join("\n"));
        assert!(statuses.keys().any(|status| *status != 2), "everything was refused");
    }
}

/// What is wrong with a run.
fn fault(run: &Run) -> Option<String> {
    let said = run.err.trim();
    match run.status {
        KILLED => Some(format!("took more than {PATIENCE:?} or {MEMORY_KIB} KiB, or crashed: {said}")),
        _ if !run.ended_well() => Some(format!("status {}: {said}", run.status)),
        2 if said.is_empty() => Some("refused without a word".to_owned()),
        2 if said.lines().count() > 1 => Some(format!("refused in several lines: {said}")),
        _ => None,
    }
}

/// Runs `command` on each of `files`, a few at a time. What takes too long is given a second, quieter chance.
fn run_all(command: &str, files: &[PathBuf]) -> Vec<(PathBuf, Run)> {
    let next = AtomicUsize::new(0);
    let runs = Mutex::new(Vec::with_capacity(files.len()));
    let workers = thread::available_parallelism().map_or(2, usize::from).min(8);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = run_bounded(command, path);
                    runs.lock().expect("no worker panics").push((path.clone(), run));
                }
            });
        }
    });
    let mut runs = runs.into_inner().expect("no worker panics");
    for (path, run) in runs.iter_mut().filter(|(_, run)| run.status == KILLED) {
        *run = run_bounded(command, path);
    }
    runs.sort_by(|one, other| one.0.cmp(&other.0));
    runs
}

/// Runs the binary within the bounds.
fn run_bounded(command: &str, path: &Path) -> Run {
    finish(bounded(MEMORY_KIB, [Path::new(command), path]).timeout(PATIENCE))
}
