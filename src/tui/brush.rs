//! A stretch of time that somebody chose, which everything else is then about.

use crate::base::{Minute, Span};

/// Runs of minutes, ascending and apart, with what they are called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Brush {
    spans: Vec<Span>,
    /// In words, such as `3 Jun to 9 Jun, 01:00 to 05:00`.
    pub says: String,
}

impl Brush {
    /// A brush over `spans`; `None` where they hold no minute.
    pub fn over(mut spans: Vec<Span>, says: String) -> Option<Self> {
        spans.retain(|span| span.minutes() > 0);
        spans.sort_unstable();
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match joined.last_mut() {
                Some(last) if span.first <= last.end => last.end = last.end.max(span.end),
                _ => joined.push(span),
            }
        }
        (!joined.is_empty()).then_some(Self { spans: joined, says })
    }

    /// Whether `minute` is in it.
    pub fn contains(&self, minute: Minute) -> bool {
        let after = self.spans.partition_point(|span| span.first <= minute);
        after > 0 && self.spans[after - 1].contains(minute)
    }

    /// Whether something that was there from minute `first` to minute `last`, both included, was there in it.
    pub fn touches(&self, first: Minute, last: Minute) -> bool {
        let after = self.spans.partition_point(|span| span.end <= first);
        self.spans.get(after).is_some_and(|span| span.first <= last)
    }

    /// Its runs.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_meet_are_one() {
        let span = |first, end| Span { first: Minute(first), end: Minute(end) };
        let brush = Brush::over(vec![span(30, 40), span(0, 10), span(10, 20), span(5, 5)], String::new()).unwrap();
        assert_eq!(brush.spans(), [span(0, 20), span(30, 40)]);
        assert!(brush.contains(Minute(19)) && !brush.contains(Minute(20)) && brush.contains(Minute(30)));
        assert!(brush.touches(Minute(20), Minute(30)) && !brush.touches(Minute(20), Minute(29)));
        assert!(brush.touches(Minute(0), Minute(99)) && !brush.touches(Minute(40), Minute(99)));
        assert_eq!(Brush::over(vec![span(5, 5)], String::new()), None);
    }
}
