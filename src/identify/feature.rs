//! Features by which an app uploads by design, as the rule files name them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// On what occasion a feature uploads, which is what it can be told by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// When something is set up, such as a computer that is linked; then no more.
    Once,
    /// When something went wrong, or when its user reports it.
    Trouble,
    /// When its user has made or kept something, soon after it or on the next good connection.
    Use,
    /// Day after day by itself, as a backup does.
    Daily,
}

/// A feature that uploads when its user has it turned on.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct DeclaredFeature {
    /// As people call it, such as `Signal Secure Backups`.
    pub name: String,
    /// When it uploads.
    pub occasion: Occasion,
}

impl DeclaredFeature {
    /// A feature by its name and occasion.
    pub fn new(name: &str, occasion: Occasion) -> Self {
        Self { name: name.to_owned(), occasion }
    }
}

/// The features of one subject whose servers were used, each once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeclaredFeatures(BTreeSet<DeclaredFeature>);

/// A subject has no more; further ones are left out.
const MOST: usize = 16;

impl DeclaredFeatures {
    /// Adds a feature, unless it is known or there are [`MOST`]; says whether it was added.
    pub fn insert(&mut self, feature: &DeclaredFeature) -> bool {
        let new = self.0.len() < MOST && !self.0.contains(feature);
        new && self.0.insert(feature.clone())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The features, by name.
    pub fn iter(&self) -> impl Iterator<Item = &DeclaredFeature> {
        self.0.iter()
    }

    /// The names, in one line; `None` where there is none.
    pub fn names(&self) -> Option<String> {
        let names: Vec<_> = self.iter().map(|feature| feature.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join("; "))
    }

    /// The text that a ledger keeps: a JSON list of name and occasion; `None` where there is none.
    pub fn kept(&self) -> Option<String> {
        (!self.is_empty()).then(|| serde_json::to_string(&self.0).ok()).flatten()
    }

    /// Reads what [`DeclaredFeatures::kept`] wrote. Other text is taken for the name of one daily feature.
    pub fn read(text: &str) -> Self {
        let listed = serde_json::from_str::<Vec<DeclaredFeature>>(text);
        let listed = listed.unwrap_or_else(|_| vec![DeclaredFeature::new(text, Occasion::Daily)]);
        listed.into_iter().collect()
    }
}

impl FromIterator<DeclaredFeature> for DeclaredFeatures {
    fn from_iter<T: IntoIterator<Item = DeclaredFeature>>(features: T) -> Self {
        let mut all = Self::default();
        for feature in features {
            all.insert(&feature);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_ledger_keeps_is_read_back_and_other_text_is_a_name() {
        let both = [("history sync", Occasion::Once), ("log upload", Occasion::Trouble)];
        let both: DeclaredFeatures = both.iter().map(|(name, when)| DeclaredFeature::new(name, *when)).collect();
        let kept = both.kept().unwrap();
        assert_eq!(kept, r#"[{"name":"history sync","occasion":"once"},{"name":"log upload","occasion":"trouble"}]"#);
        assert_eq!(DeclaredFeatures::read(&kept), both);
        assert_eq!(both.names().unwrap(), "history sync; log upload");
        let named = DeclaredFeatures::read("an in-app backup");
        assert_eq!(named.iter().next().unwrap(), &DeclaredFeature::new("an in-app backup", Occasion::Daily));
        assert_eq!(DeclaredFeatures::default().kept(), None);
    }

    #[test]
    fn a_ledger_file_cannot_name_features_without_end() {
        let many: Vec<_> = (0..1_000).map(|n| DeclaredFeature::new(&format!("feature {n}"), Occasion::Use)).collect();
        let read = DeclaredFeatures::read(&serde_json::to_string(&many).unwrap());
        assert_eq!(read.iter().count(), MOST);
    }
}
