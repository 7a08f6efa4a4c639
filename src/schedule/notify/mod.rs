//! Whom to tell when a verdict changes.

mod options;

pub use options::{BadNotify, Options};
