//! Batches of several sources put in the order of their packets' stamps.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    base::Stamp,
    capture::{Batch, Frame, Moment},
};

/// How long packets of one source wait for those of the others. The kernel hands blocks over after a quarter of a
/// second.
const PATIENCE: Duration = Duration::from_millis(400);
/// Batches that wait, at most.
const MOST_WAITING: usize = 64;

/// Batches on their way to being booked.
#[derive(Debug)]
pub(super) struct Order {
    waiting: VecDeque<(Moment, usize, Arc<Batch>)>,
    patience: Duration,
}

impl Order {
    /// For so many sources: a single one needs no waiting.
    pub(super) fn of(sources: usize) -> Self {
        let patience = if sources > 1 { PATIENCE } else { Duration::ZERO };
        Self { waiting: VecDeque::new(), patience }
    }

    pub(super) fn put(&mut self, at: Moment, source: usize, batch: Arc<Batch>) {
        self.waiting.push_back((at, source, batch));
    }

    /// Hands out, in order, every packet that has waited long enough by `now`.
    pub(super) fn hand_out(&mut self, now: Moment, mut each: impl FnMut(usize, &Frame<'_>)) {
        let ripe = |(at, ..): &&(Moment, usize, Arc<Batch>)| at.running + self.patience <= now.running;
        let ripe = self.waiting.iter().take_while(ripe).count();
        let count = ripe.max(self.waiting.len().saturating_sub(MOST_WAITING));
        let batches: Vec<_> = self.waiting.drain(..count).map(|(_, source, batch)| (source, batch)).collect();
        merge(&batches, &mut each);
    }

    /// Hands out all there is.
    pub(super) fn finish(&mut self, mut each: impl FnMut(usize, &Frame<'_>)) {
        let batches: Vec<_> = self.waiting.drain(..).map(|(_, source, batch)| (source, batch)).collect();
        merge(&batches, &mut each);
    }
}

/// Packets of one source stay in the order they came in; among sources, the older goes first.
fn merge(batches: &[(usize, Arc<Batch>)], each: &mut impl FnMut(usize, &Frame<'_>)) {
    if batches.windows(2).all(|pair| pair[0].0 == pair[1].0) {
        for (source, batch) in batches {
            batch.iter().for_each(|frame| each(*source, &frame));
        }
        return;
    }
    let mut queues: Vec<(usize, VecDeque<&Batch>, usize)> = Vec::new();
    for (source, batch) in batches.iter().filter(|(_, batch)| !batch.is_empty()) {
        match queues.iter_mut().find(|queue| queue.0 == *source) {
            Some(queue) => queue.1.push_back(batch),
            None => queues.push((*source, VecDeque::from([&**batch]), 0)),
        }
    }
    let head = |queue: &(usize, VecDeque<&Batch>, usize)| queue.1.front().and_then(|batch| batch.stamp(queue.2));
    let mut heads: BinaryHeap<Reverse<(Stamp, usize)>> =
        queues.iter().enumerate().filter_map(|(at, queue)| Some(Reverse((head(queue)?, at)))).collect();
    while let Some(Reverse((_, at))) = heads.pop() {
        let Some(queue) = queues.get_mut(at) else { continue };
        let Some(batch) = queue.1.front() else { continue };
        if let Some(frame) = batch.frame(queue.2) {
            each(queue.0, &frame);
        }
        queue.2 += 1;
        if queue.2 >= batch.len() {
            queue.1.pop_front();
            queue.2 = 0;
        }
        if let Some(stamp) = head(queue) {
            heads.push(Reverse((stamp, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    fn batch(stamps: &[u64]) -> Arc<Batch> {
        let mut batch = Batch::default();
        for &seconds in stamps {
            let stamp = Stamp::new(seconds, 0);
            batch.push(&Frame { stamp, link: LinkType::RAW, data: b"", original_len: 0, heading: None, app: None });
        }
        Arc::new(batch)
    }

    fn at(millis: u64) -> Moment {
        Moment { running: Duration::from_millis(millis), ..Moment::default() }
    }

    #[test]
    fn packets_of_several_sources_come_out_in_order() {
        let mut order = Order::of(2);
        order.put(at(0), 0, batch(&[1, 4]));
        order.put(at(10), 1, batch(&[2, 3, 9]));
        order.put(at(20), 0, batch(&[5, 8]));
        let mut seen = Vec::new();
        order.hand_out(at(100), |source, frame| seen.push((source, frame.stamp.seconds())));
        assert!(seen.is_empty(), "none has waited long enough");
        order.hand_out(at(420), |source, frame| seen.push((source, frame.stamp.seconds())));
        assert_eq!(seen, [(0, 1), (1, 2), (1, 3), (0, 4), (0, 5), (0, 8), (1, 9)]);
    }

    #[test]
    fn a_flood_does_not_wait() {
        let mut order = Order::of(2);
        (0..200).for_each(|second| order.put(at(0), 0, batch(&[second])));
        let mut seen = 0;
        order.hand_out(at(1), |_, _| seen += 1);
        assert_eq!(seen, 200 - MOST_WAITING);
        order.finish(|_, _| seen += 1);
        assert_eq!(seen, 200);
    }
}
