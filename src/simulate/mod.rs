//! A scenario file becomes traffic with known truth: a minute ledger in milliseconds, or a capture.
//!
//! In: a [`Scenario`] and a seed. Out: a [`DeviceLedger`](crate::ledger::DeviceLedger) or the frames of a capture,
//! and the [`Truth`] about them. Both are written from one [`Life`]: what the phone's owner, its apps and its system
//! said on the wire, as runs of equal packets. A run's bytes in a minute follow by arithmetic, so the ledger need not
//! make the packets that the capture holds, and the two agree to the byte.
//!
//! Nothing here is measured on people. Distributions are assumptions, named in docs/method.md; every one is drawn
//! again for each seed. The only source of randomness is the seed: no clock, no entropy.

mod background;
mod calendar;
mod chance;
mod connection;
mod content;
mod conversations;
mod diary;
mod exports;
mod happenings;
mod hosts;
mod life;
mod person;
mod posting;
mod recording;
mod run;
mod scenario;
mod sight;
mod talk;
mod tally;
mod truth;
mod usage;
mod wire;

pub use conversations::Conversation;
pub use life::Life;
pub use recording::Sink;
pub use scenario::{
    Amount, App, Background, Class, Clock, Coverage, Destination, Disguise, Export, Happening, Judge, Network, Persona,
    Scenario, ScenarioError, Share, Travel, When,
};
pub use truth::{Exported, HostTruth, NightTruth, Truth};
