//! The terminal UI: see the nights, find the upload, know who sent it.
//!
//! In: [`Snapshot`](crate::pipeline::Snapshot)s from the reading thread, and a person's hands. Out: a screen. All state
//! is a [`Model`]; [`update`] folds one [`Event`] into it and returns what the loop must do as an [`Effect`]; drawing
//! takes `&Model` and changes nothing. What views draw is worked out once when something changes ([`derive`]), not for
//! every picture. The alphabet of files is not the order to read them in; this is:
//!
//! | file | what it knows |
//! |---|---|
//! | `event`, `keys` | what comes in and goes out; the one table of keys |
//! | `model`, `prompt`, `brush` | the state |
//! | `update` | events change it |
//! | `grid`, `series`, `pulse`, `derive` | what views draw, worked out |
//! | `theme`, `pen`, `tables`, `layout`, `draw`, `views` | the picture |
//! | `terminal`, `export`, `run` | the outer world |

mod brush;
mod derive;
mod draw;
mod event;
mod export;
mod grid;
mod keys;
mod layout;
mod model;
mod pen;
mod prompt;
mod pulse;
mod run;
mod series;
mod tables;
mod terminal;
mod theme;
mod update;
mod views;

#[cfg(test)]
mod tests;

pub use draw::draw;
pub use event::{Effect, Event, Evidence, Export, ExportFormat, Remark};
pub use keys::{Action, BadKey, Binding, Keys, TABLE};
pub use model::{Model, SMALLEST, View};
pub use run::{Setup, picture, run};
pub use theme::{Palette, Theme};
pub use update::update;
