//! An audit becomes pages and rows: text for a terminal, JSON, and the list of flows.
//!
//! In: an [`Audit`](crate::pipeline::Audit), or [`FlowRow`](crate::pipeline::FlowRow)s. Out: text that a person
//! understands at a glance, and rows for other programs. What is said is settled once ([`page`], [`words`]), so that
//! every format says the same; a format only lays it out and escapes.
//!
//! Names from the wire are hostile. Every format has one door for text, and that door makes it harmless: control and
//! direction marks are written out, markup and spreadsheet formulas lose their meaning.

mod calendar;
mod canvas;
mod csv;
mod flows;
mod json;
mod look;
mod page;
mod redact;
mod strip;
mod table;
mod text;
mod words;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use flows::{FLOW_COLUMNS, flows_csv, flows_csv_header, flows_jsonl, flows_table};
pub use json::{json, json_text};
pub use look::{Colour, Glyphs, Look};
pub use redact::{Key, Redaction};
pub use text::text;
