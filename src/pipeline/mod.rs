//! The stages joined: captures in, an [`Audit`] out.

mod audit;

pub use audit::{Audit, DestinationTotal, DeviceAudit, FlowRow, InputReport, Loss, RulesInfo, Totals};
