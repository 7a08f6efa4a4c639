//! The stages joined: captures in, an [`Audit`] out.

mod accidents;
mod audit;
mod auditor;
mod booking;
mod case;
mod conclude;
mod evidence;
mod import;
mod imported;
#[cfg(feature = "live")]
mod live;
mod offline;
mod recall;
mod remember;
pub mod snapshot;
mod stream;
mod survey;
mod surveyed;
mod unwritten;

pub use accidents::AccidentRate;
pub use audit::{Audit, DestinationTotal, DeviceAudit, FlowRow, InputReport, Loss, Remit, RulesInfo, Totals};
pub use auditor::{Auditor, Fate, Options};
pub use evidence::{About, NoEvidence, Picked, Trail, Wanted, trace};
pub use import::{Imported, import};
#[cfg(feature = "live")]
pub use live::{ListenError, Listener, Listening, Processes, SourceState, SourceStatus, Status, listen};
pub use offline::{Judging, Listed, check, flows, flows_judged};
pub use recall::{Query, judge, recall, recall_from};
pub use remember::{remember, run_record};
pub use snapshot::Snapshot;
pub use survey::{FleetFinding, FleetSubject, Novelty, SensorState, Survey, survey};
pub use surveyed::{SurveyError, keep, overview};

#[cfg(test)]
mod tests;
