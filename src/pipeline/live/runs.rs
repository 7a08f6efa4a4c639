//! Runs of watched minutes, each with the share that was lost, kept ascending and apart.

use crate::{base::Span, ledger::Watched};

/// Ascending runs that do not overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    list: Vec<Watched>,
}

/// More than a year of minutes in which something was lost in every hour; the oldest make room.
const MOST_RUNS: usize = 1 << 16;

impl Runs {
    /// Adds a run; minutes that are there already stay as they are.
    pub(super) fn add(&mut self, run: Watched) {
        let at = self.list.partition_point(|known| known.span.first < run.span.first);
        let before = at.checked_sub(1).and_then(|before| self.list.get(before)).map(|known| known.span.end);
        let after = self.list.get(at).map(|known| known.span.first);
        let first = before.map_or(run.span.first, |end| end.max(run.span.first));
        let end = after.map_or(run.span.end, |first| first.min(run.span.end));
        if first >= end {
            return;
        }
        let run = Watched { span: Span { first, end }, ..run };
        match at.checked_sub(1).and_then(|before| self.list.get_mut(before)) {
            Some(known) if known.span.end == first && same(known.dropped, run.dropped) => known.span.end = end,
            _ => self.list.insert(at, run),
        }
        if self.list.len() > MOST_RUNS {
            self.list.remove(0);
        }
    }

    pub(super) fn into_list(self) -> Vec<Watched> {
        self.list
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Minute;

    fn run((first, end, dropped): (u32, u32, f64)) -> Watched {
        Watched { span: Span { first: Minute(first), end: Minute(end) }, dropped }
    }

    fn list(runs: &[(u32, u32, f64)]) -> Vec<Watched> {
        let mut list = Runs::default();
        runs.iter().copied().map(run).for_each(|run| list.add(run));
        list.into_list()
    }

    #[test]
    fn runs_that_touch_join_where_as_much_was_lost() {
        assert_eq!(list(&[(0, 1, 0.0), (1, 2, 0.0), (2, 3, 0.5)]), [run((0, 2, 0.0)), run((2, 3, 0.5))]);
        assert_eq!(list(&[(5, 6, 0.0), (0, 9, 0.1)]).len(), 2, "what is there stays as it is");
        assert_eq!(list(&[(5, 6, 0.0), (5, 6, 0.1)]), [run((5, 6, 0.0))]);
    }
}
