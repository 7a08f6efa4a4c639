//! Why there is no verdict, and what would mend it.

use super::figures::{nights, percent};
use crate::night::{Lacking, Night};

/// Why there is no verdict, and what would mend it.
pub(in crate::report) fn lacking(lacking: &Lacking) -> String {
    match *lacking {
        Lacking::Nights { eligible, needed } => {
            let more = needed.saturating_sub(eligible).max(1);
            let were = if eligible == 1 { "was" } else { "were" };
            let observed = if eligible == 0 { "none".to_owned() } else { eligible.to_string() };
            format!(
                "Whether uploads come back takes {} to tell; {observed} {were} observed well enough. Capture {more} \
                 more (14 are better, 28 best).",
                nights(needed)
            )
        }
        Lacking::AttendedTime { leak } => format!(
            "When the phone was in use cannot be told: {} of its downloads came without a readable name. Declare \
             when it was in use (--asleep 23:30-07:00, or --screen-on FILE), or capture on the phone itself, where apps are \
             named.",
            percent(leak)
        ),
        Lacking::Tunnel => "A VPN tunnel hides which app sent what. Capture with the VPN off, or on the phone before \
            the traffic enters the tunnel."
            .to_owned(),
        Lacking::OtherTraffic { used, nights } => format!(
            "When the phone was in use cannot be told: its other traffic shows a person on {used} of {nights} nights, as \
             in a capture of one app alone. Capture all of its apps; or declare when it was in use, by the hours of rest \
             (--asleep 23:30-07:00) or a log of the screen (--screen-on FILE)."
        ),
        Lacking::Coverage => {
            "The phone was hardly seen while nobody used it. Capture where it spends the night.".to_owned()
        }
        Lacking::Unplaced { share } => format!(
            "When it was uploaded cannot be told: {} of it went up in connections of more than 10 minutes, of which a \
             log gives the sum alone. Capture packets.",
            percent(share)
        ),
    }
}

/// What is missing for a verdict, in a few words.
pub(in crate::report) fn lacking_short(lacking: &Lacking) -> String {
    match *lacking {
        Lacking::Nights { eligible, needed } => {
            let more = needed.saturating_sub(eligible).max(1);
            format!("{} more needed", nights(more))
        }
        Lacking::AttendedTime { .. } => "when it was in use cannot be told".to_owned(),
        Lacking::Tunnel => "a VPN hides which app sent what".to_owned(),
        Lacking::OtherTraffic { .. } => "other traffic shows no use".to_owned(),
        Lacking::Coverage => "hardly observed while unused".to_owned(),
        Lacking::Unplaced { .. } => "when it was uploaded cannot be told".to_owned(),
    }
}

/// How many nights were not observed well enough, where any were.
pub(in crate::report) fn unobserved(nights_seen: &[Night]) -> Option<String> {
    let missed = nights_seen.iter().filter(|night| night.coverage < 0.5).count();
    let (missed, all) = (u32::try_from(missed).ok()?, u32::try_from(nights_seen.len()).ok()?);
    (missed > 0).then(|| format!("{missed} of {}, which were hardly observed or not at all.", nights(all)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_night_says_how_many_more_are_needed() {
        let said = lacking(&Lacking::Nights { eligible: 1, needed: 5 });
        assert!(said.contains("takes 5 nights") && said.contains("Capture 4 more"), "{said}");
    }
}
