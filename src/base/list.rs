//! Lists in settings, which may be written as one text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

/// Reads a list of whatever a text can be read as; one text may stand for a list, its items parted by commas.
pub fn one_or_several<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let texts = match OneOrSeveral::deserialize(from)? {
        OneOrSeveral::One(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        OneOrSeveral::Several(texts) => texts,
    };
    texts.iter().filter(|text| !text.is_empty()).map(|text| text.parse().map_err(D::Error::custom)).collect()
}
