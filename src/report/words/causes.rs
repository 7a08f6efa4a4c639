//! Innocent explanations, as this capture leaves them.

use super::case::Case;
use crate::night::{Cause, Explanation, Standing};

/// An innocent cause, in a few words.
pub(in crate::report) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::DeclaredFeature => "a feature of the app",
        Cause::CloudBackup => "a backup in a cloud",
        Cause::PhotoSync => "photo sync",
        Cause::ForwardedMedia => "media passed on",
        Cause::HistorySync => "history sent to a new computer",
        Cause::CrashDump => "crash reports or diagnostics",
        Cause::LateUpload => "pictures that waited",
        Cause::UpdateAcknowledgements => "acknowledging downloads",
        Cause::Call => "calls",
    }
}

/// What this capture says of a cause, in words.
pub(in crate::report) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Supported => "fits",
        Standing::CannotTell => "cannot tell",
        Standing::RuledOut => "ruled out",
    }
}

/// What fits first, what is ruled out last.
pub(in crate::report) fn by_standing(explanations: &[Explanation]) -> Vec<&Explanation> {
    let rank = |explanation: &&Explanation| match explanation.standing {
        Standing::Supported => 0,
        Standing::CannotTell => 1,
        Standing::RuledOut => 2,
    };
    let mut ordered: Vec<_> = explanations.iter().collect();
    ordered.sort_by_key(rank);
    ordered
}

/// `photo sync: iCloud takes photos as well.`
pub(in crate::report) fn tested(explanation: &Explanation) -> String {
    format!("{}: {}.", cause(explanation.cause), explanation.because)
}

impl Case<'_> {
    /// What could explain the traffic without any export, each with how it stands and by what.
    pub(in crate::report) fn explanations(&self) -> Vec<String> {
        let line = |explanation: &Explanation| {
            let said = tested(explanation);
            let (first, rest) = said.split_at(said.chars().next().map_or(0, char::len_utf8));
            format!("{}{rest} ({})", first.to_uppercase(), standing(explanation.standing))
        };
        by_standing(&self.finding.explanations).into_iter().map(line).collect()
    }
}
