//! Features that upload by design, as the rule files name them.

use super::{
    LONGEST_NAME, Said, Seen,
    Standing::{CannotTell, RuledOut, Supported},
};
use crate::{
    base::text::shown,
    identify::{DeclaredFeature, Kind, Occasion},
};

/// No more features than this are spoken of, those that stand best.
const MOST_SPOKEN_OF: usize = 3;

impl Seen<'_> {
    /// A declared feature stands by how often it uploads, held against how often this did. The ledger holds a feature
    /// only where its own servers were used. Of several, one that is supported is enough, and all must be ruled out.
    pub(super) fn declared_features(&self) -> Said {
        let mut said: Vec<Said> = self.row.features.iter().map(|feature| self.declared_feature(feature)).collect();
        said.sort_by_key(|(standing, _)| match standing {
            Supported => 0,
            CannotTell => 1,
            RuledOut => 2,
        });
        let Some((best, _)) = said.first() else { return self.no_feature() };
        let best = *best;
        let said = said.into_iter().filter(|(standing, _)| *standing == best).take(MOST_SPOKEN_OF);
        (best, said.map(|(_, because)| because).collect::<Vec<_>>().join("; "))
    }

    fn no_feature(&self) -> Said {
        let unknown = matches!(self.row.subject.kind, Kind::Web | Kind::Unattributed);
        let because = if unknown {
            "no rule knows the receiver, and so none names a feature that uploads to it".to_owned()
        } else {
            let name = self.name();
            format!("no rule names a feature of {name} that uploads to the servers seen here; its settings may")
        };
        (CannotTell, because)
    }

    fn declared_feature(&self, feature: &DeclaredFeature) -> Said {
        let (name, habit) = (self.name(), self.habit());
        let called = shown(&feature.name, LONGEST_NAME);
        let in_files = self.to_explain().next().is_some();
        match feature.occasion {
            Occasion::Once if self.recurs() => {
                (RuledOut, format!("{name} is known for {called}, which happens once; this was {habit}"))
            }
            Occasion::Once => {
                let (standing, because) = self.history_sync();
                (standing, format!("{name} is known for {called}: {because}"))
            }
            Occasion::Trouble => {
                let (standing, because) = self.crash_dump();
                (standing, format!("{name} is known for {called}: {because}"))
            }
            Occasion::Daily if !self.recurs() => {
                (CannotTell, format!("{name} offers {called}, which would run more often: this was {habit}"))
            }
            Occasion::Daily | Occasion::Use if !in_files => {
                (CannotTell, format!("{name} offers {called}, but it went up in small pieces, not in files"))
            }
            Occasion::Use => (
                CannotTell,
                format!(
                    "{name} offers {called}, which uploads what its user made or kept; whether there was any does \
                 not show"
                ),
            ),
            Occasion::Daily => (
                Supported,
                format!(
                    "{name} offers {called}, its servers were used, and {habit} fit it: switch it off for some \
                     nights and see whether the uploads stop"
                ),
            ),
        }
    }
}
