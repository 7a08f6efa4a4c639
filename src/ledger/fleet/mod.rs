//! The ledgers of many sensors, gathered on a ClickHouse server (docs/fleet.md).
//!
//! In: what a sensor's own ledger holds and the server has not confirmed, as [`Parcel`]s: at least once, and a row that
//! comes twice takes its own place. Out: one device's rows as an [`Account`](super::Account), from which the night stage
//! gets the same minutes as from the sensor's own ledger.
//!
//! Nothing here is read or written unless a fleet is set up.

mod archive;
mod binary;
mod courier;
mod error;
mod facts;
mod findings;
mod known;
mod made;
mod parcel;
mod relay;
mod schema;
mod server;
mod state;
mod sweep;
mod text;

use hmac::{Hmac, Mac};
use sha2::Sha256;

pub use archive::{Ledgers, SensorLedger, nine_of_ten};
pub use courier::{Courier, News};
pub use error::FleetError;
pub use findings::{KeptFinding, KeptRun, millionths};
pub use parcel::{Parcel, Receipt};
pub use relay::Relay;
pub use schema::{Layout, VERSION};
pub use server::{Address, Secret, Server};
pub use state::Sending;
pub use sweep::{SensorWatch, Swept};

use crate::identify::Device;

/// Which sensor a ledger is of, and how its devices are known outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sensor {
    /// What the fleet calls it.
    pub name: String,
    /// Where device identifiers are replaced by keyed hashes: the key, which stays here.
    pub pseudonyms: Option<Secret>,
    /// Whether its owner agrees that accident rates are learned from its devices.
    pub share: bool,
}

impl Sensor {
    /// Whether devices are known by pseudonyms outside.
    pub const fn is_pseudonymous(&self) -> bool {
        self.pseudonyms.is_some()
    }

    /// A device's id as the fleet knows it.
    fn device(&self, id: &str) -> String {
        let Some(key) = &self.pseudonyms else { return id.to_owned() };
        // A key of any length will do for HMAC.
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key.0.as_bytes()) else { return String::new() };
        hash.update(id.as_bytes());
        let digest = format!("{:x}", hash.finalize().into_bytes());
        format!("device-{}", digest.get(..16).unwrap_or_default())
    }

    /// What the fleet is told of a device.
    fn shown(&self, device: Device) -> Device {
        if self.is_pseudonymous() {
            Device { id: self.device(&device.id), label: None, addresses: std::collections::BTreeSet::new() }
        } else {
            device
        }
    }
}
