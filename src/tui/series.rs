//! What moved by minute, with sums over any stretch at once.

use crate::base::{Bytes, Minute, Span};

/// What moved in one minute.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Point {
    /// Payload from the device.
    pub up: Bytes,
    /// Payload to the device.
    pub down: Bytes,
    /// The part of `up` sent while nobody used the device.
    pub night_up: Bytes,
}

/// Minutes in which something moved, ascending.
#[derive(Clone, Debug, Default)]
pub struct Series {
    minutes: Vec<Minute>,
    /// Sums of everything before each minute, and after the last of everything.
    sums: Vec<Point>,
}

impl Series {
    /// The series of what is added in ascending order.
    pub fn add(&mut self, minute: Minute, moved: Point) {
        if self.sums.is_empty() {
            self.sums.push(Point::default());
        }
        if self.minutes.last() != Some(&minute) {
            self.minutes.push(minute);
            self.sums.extend(self.sums.last().copied());
        }
        if let Some(sum) = self.sums.last_mut() {
            sum.up += moved.up;
            sum.down += moved.down;
            sum.night_up += moved.night_up;
        }
    }

    /// What moved in `span`.
    pub fn sum(&self, span: Span) -> Point {
        let first = self.minutes.partition_point(|minute| *minute < span.first);
        let end = first + self.minutes.get(first..).unwrap_or_default().partition_point(|minute| *minute < span.end);
        let at = |n: usize| self.sums.get(n).copied().unwrap_or_default();
        let (before, after) = (at(first), at(end));
        Point {
            up: after.up.less(before.up),
            down: after.down.less(before.down),
            night_up: after.night_up.less(before.night_up),
        }
    }

    /// From the first minute to the last; `None` where nothing moved.
    pub fn span(&self) -> Option<Span> {
        Some(Span { first: *self.minutes.first()?, end: self.minutes.last()?.plus(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_the_sum_of_its_minutes() {
        let mut series = Series::default();
        for (minute, up) in [(10, 1), (10, 2), (12, 4), (90, 8)] {
            series.add(Minute(minute), Point { up: Bytes(up), night_up: Bytes(up / 2), ..Point::default() });
        }
        let sum = |first, end| series.sum(Span { first: Minute(first), end: Minute(end) }).up.0;
        assert_eq!([sum(0, 10), sum(10, 11), sum(10, 13), sum(0, 99), sum(12, 12), sum(91, 99)], [0, 3, 7, 15, 0, 0]);
        assert_eq!(series.span(), Some(Span { first: Minute(10), end: Minute(91) }));
        assert_eq!(Series::default().sum(Span { first: Minute(0), end: Minute(9) }), Point::default());
    }
}
