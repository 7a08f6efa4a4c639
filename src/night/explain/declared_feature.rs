//! A feature that uploads by design, as the rule files name it.

use super::{
    LONGEST_NAME, Said, Seen,
    Standing::{CannotTell, RuledOut, Supported},
};
use crate::{base::text::shown, identify::Kind};

/// How often a feature uploads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Occasion {
    /// When a computer is linked.
    Once,
    /// When something went wrong.
    Trouble,
    /// Day after day, as a backup does.
    Daily,
}

impl Occasion {
    /// Rule files name features as people call them; what happens on an occasion says so in its name.
    fn of(feature: &str) -> Self {
        let name = feature.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if says(&["history", "linked", "newly"]) {
            Self::Once
        } else if says(&["crash", "log ", "logs", "diagnos"]) {
            Self::Trouble
        } else {
            Self::Daily
        }
    }
}

impl Seen<'_> {
    /// A declared feature stands by how often it uploads, held against how often this did. The ledger holds a feature
    /// only where its own servers were used.
    pub(super) fn declared_feature(&self) -> Said {
        let name = self.name();
        let Some(feature) = &self.row.declared_feature else {
            let unknown = matches!(self.row.subject.kind, Kind::Web | Kind::Unattributed);
            let because = if unknown {
                "no rule knows the receiver, and so none names a feature that uploads to it".to_owned()
            } else {
                format!("no rule names a feature of {name} that uploads to the servers seen here; its settings may")
            };
            return (CannotTell, because);
        };
        let feature = shown(feature, LONGEST_NAME);
        let habit = self.habit();
        match Occasion::of(&feature) {
            Occasion::Once if self.recurs() => {
                (RuledOut, format!("{name} is known for {feature}, which happens once; this was {habit}"))
            }
            Occasion::Once => {
                let (standing, because) = self.history_sync();
                (standing, format!("{name} is known for {feature}: {because}"))
            }
            Occasion::Trouble => {
                let (standing, because) = self.crash_dump();
                (standing, format!("{name} is known for {feature}: {because}"))
            }
            Occasion::Daily if !self.recurs() => {
                (CannotTell, format!("{name} offers {feature}, which would run more often: this was {habit}"))
            }
            Occasion::Daily if self.to_explain().next().is_none() => {
                (CannotTell, format!("{name} offers {feature}, but it went up in small pieces, not in files"))
            }
            Occasion::Daily => (
                Supported,
                format!(
                    "{name} offers {feature}, its servers were used, and {habit} fit it: switch it off for some \
                     nights and see whether the uploads stop"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_features_name_says_on_what_occasion_it_uploads() {
        assert_eq!(Occasion::of("history sync to a newly linked device"), Occasion::Once);
        assert_eq!(Occasion::of("log and crash upload"), Occasion::Trouble);
        assert_eq!(Occasion::of("Signal Secure Backups"), Occasion::Daily);
        assert_eq!(Occasion::of("iCloud Backup and Photos"), Occasion::Daily);
    }
}
