//! Which verdicts changed: what is worth telling somebody who is not looking.

use serde::Serialize;

use crate::{base::text::shown, night::Verdict, report::Standing};

/// Standings that are remembered of one plan.
const MOST: usize = 100_000;
/// No name in a sentence is longer.
const LONGEST_NAME: usize = 64;

/// A verdict that changed since it was last known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct News {
    /// What was said; `None` where nothing was.
    pub before: Option<Verdict>,
    /// What is said now.
    pub now: Standing,
}

impl News {
    /// In one line, safe to show.
    pub fn sentence(&self) -> String {
        let Standing { device, label, name, verdict, grade, .. } = &self.now;
        let device = shown(label.as_ref().unwrap_or(device), LONGEST_NAME);
        let grade = grade.map(|grade| format!(" ({})", word(&grade))).unwrap_or_default();
        let before = self.before.map_or_else(|| "nothing".to_owned(), |before| word(&before));
        format!("{} on {device}: {}{grade}; before: {before}", shown(name, LONGEST_NAME), word(verdict))
    }
}

/// The word that JSON has for a verdict or grade.
pub(super) fn word(of: &impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Takes over what a report says and tells what changed.
///
/// `insufficient` says nothing, so it is no change, and what was known before is still what the next verdict is compared
/// with. A first `routine` is no news either.
pub(super) fn learned(known: &mut Vec<Standing>, said: &[Standing]) -> Vec<News> {
    known.sort_by(|a, b| key(a).cmp(&key(b)));
    let (mut news, mut new) = (Vec::new(), Vec::new());
    for now in said.iter().filter(|one| one.verdict != Verdict::Insufficient) {
        let Ok(at) = known.binary_search_by(|one| key(one).cmp(&key(now))) else {
            if now.verdict != Verdict::Routine {
                news.push(News { before: None, now: now.clone() });
            }
            new.push(now.clone());
            continue;
        };
        let before = std::mem::replace(&mut known[at], now.clone());
        if before.verdict != now.verdict {
            news.push(News { before: Some(before.verdict), now: now.clone() });
        }
    }
    new.truncate(MOST.saturating_sub(known.len()));
    known.extend(new);
    news
}

fn key(standing: &Standing) -> (&str, &str) {
    (&standing.device, &standing.subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(subject: &str, verdict: Verdict) -> Standing {
        Standing {
            device: "02:00:00:00:07:17".into(),
            label: None,
            subject: subject.into(),
            name: subject.into(),
            verdict,
            grade: None,
            nights: 7,
            worst_night: None,
        }
    }

    fn told(verdicts: &[Verdict]) -> Vec<(Option<Verdict>, Verdict)> {
        let mut known = Vec::new();
        let each = verdicts.iter().flat_map(|verdict| learned(&mut known, &[standing("whatsapp", *verdict)]));
        each.map(|news| (news.before, news.now.verdict)).collect()
    }

    #[test]
    fn a_verdict_that_stays_is_told_once() {
        use Verdict::{ExportLike, Routine};
        assert_eq!(told(&[ExportLike, ExportLike, ExportLike]), [(None, ExportLike)]);
        assert_eq!(told(&[Routine, ExportLike, Routine]), [(Some(Routine), ExportLike), (Some(ExportLike), Routine)]);
    }

    #[test]
    fn a_night_without_verdict_is_no_change_and_is_not_forgotten_over() {
        use Verdict::{ExportLike, Insufficient, Routine};
        assert_eq!(told(&[ExportLike, Insufficient, ExportLike]), [(None, ExportLike)]);
        assert_eq!(told(&[ExportLike, Insufficient, Routine]), [(None, ExportLike), (Some(ExportLike), Routine)]);
        assert_eq!(told(&[Insufficient, Routine, Insufficient]), []);
    }

    #[test]
    fn a_subject_that_is_not_seen_for_a_while_is_not_new_when_it_comes_back() {
        let mut known = Vec::new();
        let both = [standing("signal", Verdict::ExportLike), standing("whatsapp", Verdict::ExportLike)];
        assert_eq!(learned(&mut known, &both).len(), 2);
        assert!(learned(&mut known, &both[1..]).is_empty());
        assert!(learned(&mut known, &both).is_empty());
    }
}
