//! A row's cells by the names of their fields, however it was written.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A row of any log.
pub(super) trait Cells {
    /// The text of a field; `None` where the row does not have it, or leaves it unset.
    fn cell(&self, field: &str) -> Option<Cow<'_, str>>;

    /// The parts of a field that holds several.
    fn parts(&self, field: &str) -> Vec<Cow<'_, str>>;
}

/// One JSON object. Zeek names fields `id.orig_h`; other writers of its logs, `id_orig_h`, or nest them.
impl Cells for Map<String, Value> {
    fn cell(&self, field: &str) -> Option<Cow<'_, str>> {
        match find(self, field)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.as_str().into()),
            Value::Number(number) => Some(number.to_string().into()),
            Value::Bool(flag) => Some(if *flag { "T" } else { "F" }.into()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn parts(&self, field: &str) -> Vec<Cow<'_, str>> {
        match find(self, field) {
            Some(Value::Array(parts)) => parts
                .iter()
                .take(MOST_PARTS)
                .map(|part| part.as_str().map_or_else(|| part.to_string().into(), Cow::from))
                .collect(),
            _ => self.cell(field).map(|text| split(&text)).unwrap_or_default(),
        }
    }
}

fn find<'a>(row: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let nested = || field.split_once('.').and_then(|(outer, inner)| row.get(outer)?.as_object()?.get(inner));
    row.get(field).or_else(|| row.get(&field.replace('.', "_"))).or_else(nested)
}

fn split<'a>(text: &str) -> Vec<Cow<'a, str>> {
    text.split(',').take(MOST_PARTS).map(|part| Cow::Owned(part.to_owned())).collect()
}

/// A field of more parts than this is cut: an answer of 64 addresses is a flood.
pub(super) const MOST_PARTS: usize = 64;
