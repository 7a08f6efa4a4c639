//! The stages joined: captures in, an [`Audit`] out.

mod audit;
mod auditor;
mod booking;
mod case;
mod conclude;
#[cfg(feature = "live")]
mod live;
mod offline;
pub mod snapshot;
mod stream;

pub use audit::{Audit, DestinationTotal, DeviceAudit, FlowRow, InputReport, Loss, RulesInfo, Totals};
pub use auditor::{Auditor, Fate, Options};
#[cfg(feature = "live")]
pub use live::{ListenError, Listener, Listening, SourceState, SourceStatus, Status, listen};
pub use offline::{Judging, Listed, check, flows};
pub use snapshot::Snapshot;

#[cfg(test)]
mod tests;
