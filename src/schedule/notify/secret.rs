//! The secret that webhooks are signed with. It never shows, not even in debugging output.

use std::{fmt, fs, io, os::unix::fs::PermissionsExt, path::Path};

use ring::rand::{SecureRandom, SystemRandom};

use crate::base::file::read_bounded;

/// Secrets are short.
const LONGEST: u64 = 4_096;

/// What webhooks are signed with.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{path}: cannot read the webhook's secret: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{0}: holds no secret; put one in it: openssl rand -hex 32")]
    Empty(String),
    /// Everybody on the machine can read it.
    #[error("{0}: everybody may read the webhook's secret; mend it with: chmod o-rwx {0}")]
    Open(String),
}

impl Secret {
    /// The secret in the file at `path`, without the line's end.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let shown = path.display().to_string();
        let wrong = |source| SecretError::File { path: shown.clone(), source };
        let bytes = read_bounded(path, LONGEST).map_err(wrong)?;
        if fs::metadata(path).map_err(wrong)?.permissions().mode() & 0o007 != 0 {
            return Err(SecretError::Open(shown));
        }
        let text = bytes.trim_ascii();
        if text.is_empty() { Err(SecretError::Empty(shown)) } else { Ok(Self(text.to_vec())) }
    }

    /// The secret in an environment variable.
    pub fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.as_bytes().to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes that nobody can guess; the same ones where the system gives none.
pub(super) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_line_end_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "hunter2\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let secret = Secret::read(&path).unwrap();
        assert_eq!(secret.bytes(), b"hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(Secret::of_text(" hunter2 "), Some(secret));
    }

    #[test]
    fn a_secret_that_everybody_reads_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(Secret::read(&path).unwrap_err().to_string().contains("cannot read"));
        fs::write(&path, "hunter2").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Secret::read(&path).unwrap_err().to_string();
        assert!(error.contains("chmod") && !error.contains("hunter2"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\n").unwrap();
        assert!(Secret::read(&path).unwrap_err().to_string().contains("no secret"));
        assert_eq!(Secret::of_text("  "), None);
    }
}
