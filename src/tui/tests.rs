//! The screen as a person sees it, and hands that do anything.

#[path = "../../benches/screen/huge.rs"]
mod huge;
mod laws;
mod models;
mod pictures;
mod visits;

use crate as lib;
