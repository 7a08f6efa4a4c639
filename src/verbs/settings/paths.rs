//! Where settings and state lie (XDG Base Directory Specification 0.8).

use std::{
    env,
    path::{Path, PathBuf},
};

/// The settings file that is read where none is named.
pub(in crate::verbs) fn config_file() -> Option<PathBuf> {
    Some(home("XDG_CONFIG_HOME", ".config")?.join("nightaudit/nightaudit.toml"))
}

/// Where what must survive a restart is kept.
pub(in crate::verbs) fn state_folder() -> Option<PathBuf> {
    Some(home("XDG_STATE_HOME", ".local/state")?.join("nightaudit"))
}

/// The folder that `variable` names, if it is absolute, else `otherwise` in the home folder.
fn home(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let set = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.or_else(|| Some(user_home()?.join(otherwise)))
}

fn user_home() -> Option<PathBuf> {
    env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute())
}

/// `path` as a file in `folder` means it: `~/` is the home folder, and what is relative lies beside the file.
pub(super) fn anchored(path: &str, folder: &Path) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => user_home().unwrap_or_else(|| folder.to_owned()).join(rest),
        None => folder.join(path),
    }
}
