//! What can go wrong with a fleet's server, each with what would mend it.

use crate::ledger::StoreError;

/// Why a fleet's server could not be asked or told.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The address is none.
    #[error("fleet.url {url:?}: {why}; want one such as https://host:8443/nightaudit")]
    Address {
        /// As it was written.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody answers.
    #[error("{server} cannot be reached: {what}")]
    Unreachable {
        /// Which server.
        server: String,
        /// What the network says.
        what: String,
    },
    /// It does not let us in.
    #[error("{server} refuses the user or the password: see fleet.user and fleet.password_file")]
    Denied {
        /// Which server.
        server: String,
    },
    /// It has no tables of ours, or older ones.
    #[error("{server} has no tables of schema {known} (found: {found}); run `nightaudit fleet init` against it")]
    Schema {
        /// Which server.
        server: String,
        /// What it has.
        found: String,
        /// What this program writes.
        known: u32,
    },
    /// Its tables are of a later program.
    #[error("{server} has tables of schema {found}, and only {known} is known here; use a newer nightaudit")]
    Newer {
        /// Which server.
        server: String,
        /// What it has.
        found: u32,
        /// What this program writes.
        known: u32,
    },
    /// It is too old.
    #[error("{server} runs ClickHouse {release}; {needed} is the oldest that will do: use a newer server")]
    OldServer {
        /// Which server.
        server: String,
        /// What it says of itself.
        release: String,
        /// What is needed.
        needed: String,
    },
    /// It answers that it cannot.
    #[error("{server} says: {what}")]
    Refused {
        /// Which server.
        server: String,
        /// Its first line.
        what: String,
    },
    /// Its answer makes no sense.
    #[error("{server} gives an answer that cannot be read: {what}")]
    Garbled {
        /// Which server.
        server: String,
        /// What is wrong with it.
        what: String,
    },
    /// The sensor's own ledger fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}
