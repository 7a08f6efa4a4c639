//! Which older reports stay. Only files that the plan wrote, and that nobody changed since, are removed.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{
    Keep,
    run::sha256,
    state::{PlanState, Written},
};
use crate::base::{Stamp, file::read_bounded};

/// A larger file is no report of ours.
const LARGEST: u64 = 1 << 30;
/// Files that are remembered of a plan that keeps everything.
const MOST_FILES: usize = 20_000;

/// Notes the files that a run wrote and removes those that `keep` does not let stay. Returns what was removed.
pub(super) fn note(state: &mut PlanState, written: Vec<Written>, keep: Keep, due: Stamp) -> Vec<PathBuf> {
    state.files.retain(|old| written.iter().all(|new| new.path != old.path));
    state.files.extend(written);
    state.files.sort_by_key(|file| file.due);
    let runs: BTreeSet<u64> = state.files.iter().map(|file| file.due).collect();
    let first_by_number = keep.newest.and_then(|most| runs.iter().rev().nth(most.saturating_sub(1) as usize));
    let first_by_age = keep.days.map(|days| due.seconds().saturating_sub(u64::from(days) * 86_400));
    let first = first_by_number.copied().unwrap_or(0).max(first_by_age.unwrap_or(0));
    let going = state.files.partition_point(|file| file.due < first);
    let removed = state.files.drain(..going).filter(is_untouched).map(|file| file.path);
    let removed = removed.filter(|path| fs::remove_file(path).is_ok()).collect();
    let beyond = state.files.len().saturating_sub(MOST_FILES);
    state.files.drain(..beyond);
    removed
}

/// Whether the file holds what was written. What somebody changed, or put in its place, is theirs.
fn is_untouched(file: &Written) -> bool {
    let ours = fs::symlink_metadata(&file.path).is_ok_and(|is| is.is_file());
    ours && read_bounded(&file.path, LARGEST).is_ok_and(|bytes| sha256(&bytes) == file.sha256)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn written(folder: &Path, day: u64) -> Written {
        let path = folder.join(format!("{day}.html"));
        let page = format!("day {day}");
        fs::write(&path, &page).unwrap();
        Written { path, sha256: sha256(page.as_bytes()), due: day * 86_400 }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_newest_stay_and_nothing_else_in_the_folder_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine.html"), "mine").unwrap();
        let mut state = PlanState::default();
        let keep = Keep { newest: Some(2), days: None };
        for day in 1..=5 {
            note(&mut state, vec![written(folder.path(), day)], keep, Stamp::new(day * 86_400, 0));
        }
        assert_eq!(names(folder.path()), ["4.html", "5.html", "mine.html"]);
        assert_eq!(state.files.len(), 2);
    }

    #[test]
    fn what_is_too_old_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = PlanState::default();
        let keep = Keep { newest: None, days: Some(2) };
        for day in [1, 2, 3, 9] {
            note(&mut state, vec![written(folder.path(), day)], keep, Stamp::new(day * 86_400, 0));
        }
        assert_eq!(names(folder.path()), ["9.html"]);
    }

    #[test]
    fn a_report_that_somebody_wrote_into_is_left_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = PlanState::default();
        let keep = Keep { newest: Some(1), days: None };
        note(&mut state, vec![written(folder.path(), 1)], keep, Stamp::new(86_400, 0));
        fs::write(folder.path().join("1.html"), "with my notes").unwrap();
        let removed = note(&mut state, vec![written(folder.path(), 2)], keep, Stamp::new(2 * 86_400, 0));
        assert!(removed.is_empty() && names(folder.path()).len() == 2 && state.files.len() == 1);
    }

    #[test]
    fn a_run_made_again_replaces_its_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = PlanState::default();
        for _ in 0..3 {
            note(&mut state, vec![written(folder.path(), 1)], Keep::default(), Stamp::new(86_400, 0));
        }
        assert_eq!(state.files.len(), 1);
    }
}
