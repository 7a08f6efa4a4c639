//! Package and process names, as captures write them: sometimes cut, sometimes the app's label.

use std::{collections::BTreeMap, ops::Bound};

use super::rules::OwnerId;

/// Shorter names are never taken for cut ones.
const SHORTEST_CUT: usize = 15;

/// Owners by package or process name.
#[derive(Debug, Default)]
pub(super) struct Tags {
    owners: BTreeMap<Box<str>, OwnerId>,
}

impl Tags {
    pub(super) fn insert(&mut self, name: &str, owner: OwnerId) {
        self.owners.insert(name.to_lowercase().into(), owner);
    }

    /// The owner of `name`, in any case; where nothing is called so and the name may have been cut (older PCAPdroid
    /// trailers keep 20 bytes, process names 15 or 16), the one owner whose names begin like it.
    pub(super) fn find(&self, name: &str) -> Option<OwnerId> {
        let name = name.to_lowercase();
        if let Some(&owner) = self.owners.get(name.as_str()) {
            return Some(owner);
        }
        if name.len() < SHORTEST_CUT {
            return None;
        }
        let from = (Bound::Included(name.as_str()), Bound::Unbounded);
        let mut fitting = self.owners.range::<str, _>(from).take_while(|(full, _)| full.starts_with(&name));
        let (_, &owner) = fitting.next()?;
        fitting.all(|(_, &other)| other == owner).then_some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_name_is_completed_only_where_one_owner_fits() {
        let mut tags = Tags::default();
        tags.insert("com.google.android.apps.messaging", OwnerId(1));
        tags.insert("com.google.android.gms", OwnerId(2));
        tags.insert("Signal", OwnerId(3));
        assert_eq!(tags.find("com.google.android.a"), Some(OwnerId(1)));
        assert_eq!(tags.find("com.google.android."), None, "two owners begin so");
        assert_eq!(tags.find("signal"), Some(OwnerId(3)));
        assert_eq!(tags.find("sig"), None, "too short to be a cut name");
    }
}
