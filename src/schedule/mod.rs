//! When to audit and report, and whom to tell.
//!
//! In: [`Plan`]s, the moment it is, and an audit drawn when one is due ([`Auditing`]). Out: report files, and notices of
//! verdicts that changed. Time is an argument throughout; only the daemon meets the clock.
//!
//! ```
//! use nightaudit::{base::Stamp, schedule::{Plan, Planner, State}};
//!
//! let plan: Plan = toml::from_str("name = 'morning'\ncron = '0 7 * * *'")?;
//! let six = Stamp::new(1_780_380_000, 0); // 2 June 2026, 06:00 UTC
//! let mut planner = Planner::new(vec![plan], chrono_tz::Tz::UTC, &State::default(), six);
//! assert!(planner.due(six).is_empty());
//! assert_eq!(planner.next(six), Some(six.plus_seconds(3_600)));
//!
//! // The machine slept for three days: the report is made up, once.
//! let late = six.plus_seconds(3 * 86_400);
//! let due = planner.due(late);
//! assert_eq!(due.len(), 1);
//! planner.succeeded(&due[0]);
//! assert!(planner.due(late).is_empty());
//! # Ok::<(), toml::de::Error>(())
//! ```

#[cfg(feature = "live")]
mod bookkeeper;
mod clerk;
#[cfg(feature = "live")]
pub mod confine;
mod cron;
#[cfg(feature = "live")]
mod daemon;
mod file_name;
mod held;
#[cfg(feature = "live")]
pub mod journal;
mod keep;
mod news;
pub mod notify;
mod plan;
mod planner;
mod run;
mod state;

#[cfg(feature = "live")]
pub use bookkeeper::{Booked, Bookkeeper};
pub use clerk::{Clerk, Happened, notices_file, state_file};
pub use cron::{BadCron, Cron};
#[cfg(feature = "live")]
pub use daemon::{Daemon, Ended, Errands, Reloaded, Said};
pub use file_name::{BadPattern, Occasion, Pattern};
pub use held::{Held, StateError};
pub use news::News;
pub use plan::{BadPlan, Format, Keep, Plan, Reach};
pub use planner::{Planner, Run};
pub use run::{Asked, Auditing, Report, RunError, nights_before, of_local, run};
pub use state::{PlanState, State, Written};
