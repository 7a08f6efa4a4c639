//! When to audit and report, and whom to tell.
//!
//! In: [`Plan`]s, the moment it is, and an audit drawn when one is due. Out: report files, and notices of verdicts that
//! changed. Time is an argument throughout; only the daemon meets the clock.

mod cron;
mod file_name;
pub mod notify;
mod plan;

pub use cron::{BadCron, Cron};
pub use file_name::{BadPattern, Occasion, Pattern};
pub use plan::{BadPlan, Format, Keep, Plan, Reach};
