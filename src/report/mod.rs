//! An audit becomes pages and rows: text for a terminal, JSON, and the list of flows.
//!
//! In: an [`Audit`](crate::pipeline::Audit), or [`FlowRow`](crate::pipeline::FlowRow)s. Out: text that a person
//! understands at a glance, and rows for other programs. What is said is settled once ([`page`], [`words`]), so that
//! every format says the same; a format only lays it out and escapes.
//!
//! Names from the wire are hostile. Every format has one door for text, and that door makes it harmless: control and
//! direction marks are written out, markup and spreadsheet formulas lose their meaning.

mod brief;
pub(crate) mod calendar;
mod canvas;
mod changes;
mod csv;
mod explain;
mod filter;
mod fleet;
mod flow_sums;
mod flows;
mod heat;
mod html;
mod json;
mod look;
mod markdown;
mod page;
mod redact;
mod sheets;
mod strip;
pub(crate) mod table;
mod text;
mod toggle;
mod words;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use brief::{Brief, Story, briefs, evidence_word, night_mark, only, role_key, role_word, story, wrapped};
pub(crate) use brief::{grouped, percent, plural, table_csv};
pub use changes::{Change, Changes, NotAReport, Standing, Standings};
pub use explain::{Explained, explain_text};
pub use filter::{
    Completion, Facts, Filter, FilterError, KEYS, KeyHelp, Needs, Times, Vocabulary, complete, up_and_down,
};
pub use fleet::{fleet_json, fleet_text};
pub use flow_sums::FlowSums;
pub use flows::{FLOW_COLUMNS, flows_csv, flows_csv_header, flows_jsonl, flows_table};
pub use html::{fleet_html, html, html_since};
pub use json::{json, json_text};
pub use look::{Colour, Glyphs, Look};
pub use markdown::{markdown, markdown_since};
pub use redact::{Key, Redaction};
pub use sheets::{
    BEFORE_COLUMN, NIGHT_COLUMNS, SUBJECT_COLUMNS, nights_csv, nights_csv_since, subjects_csv, subjects_csv_since,
};
pub use text::text;
pub use toggle::{ToggleCase, toggle_json, toggle_plan_text, toggle_text};
