//! `captures/genuine/*/expect.json`: what the endpoints of each capture know of it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A capture and what is expected of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Expectation {
    /// Where the capture is.
    #[serde(skip)]
    pub(crate) capture: PathBuf,
    /// Frames in it.
    pub(crate) frames: u64,
    /// Its flows.
    pub(crate) flows: Vec<Flow>,
}

/// One flow; `ab` is from the side that opened it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Flow {
    pub(crate) proto: String,
    pub(crate) src: String,
    pub(crate) sport: u16,
    pub(crate) dst: String,
    pub(crate) dport: u16,
    pub(crate) packets_ab: u64,
    pub(crate) packets_ba: u64,
    pub(crate) bytes_ab: u64,
    pub(crate) bytes_ba: u64,
    pub(crate) payload_ab: u64,
    pub(crate) payload_ba: u64,
    pub(crate) session: Option<Session>,
    pub(crate) lookup: Option<String>,
}

/// What the endpoints of a connection know beyond that.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Vec<String>,
    pub(crate) ech: bool,
    pub(crate) version: String,
}

impl Expectation {
    /// That of `captures/genuine/<name>`.
    pub(crate) fn of(folder: &Path) -> Self {
        let path = folder.join("expect.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut expectation: Self =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        expectation.capture = folder.join("traffic.pcap");
        expectation
    }

    /// Every one of them.
    pub(crate) fn all() -> Vec<Self> {
        let folders = super::files(&super::project().join("captures/genuine"));
        let all: Vec<_> = folders.iter().filter(|path| path.is_dir()).map(|folder| Self::of(folder)).collect();
        assert!(all.len() >= 10, "only {} genuine captures were found", all.len());
        all
    }
}

/// Where the name of a server stands in a flow of this `version`, in the words of `flows`.
pub(crate) fn host_source(version: &str) -> &'static str {
    match version {
        "HTTP/1.1" => "http",
        "QUICv1" => "quic",
        _ => "sni",
    }
}
