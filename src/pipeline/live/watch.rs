//! When a source was watched, minute by minute, and what share of its packets was lost.
//!
//! An interface stamps its packets by this machine's clock. A stream's stamps are by the clock of whatever captures
//! there, which may be wrong, or be last year's where a file is replayed: between its packets it goes on as ours does.

use std::collections::BTreeMap;

use super::runs::Runs;
use crate::{
    base::{Minute, Span, Stamp},
    capture::{Batch, Moment, Until},
    ledger::Watched,
};

/// Whose clock stamps a source's packets, and what silence means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Clock {
    /// This machine's; an interface that is silent is still there.
    Ours,
    /// Another's, over a connection that would have broken off: silence is quiet.
    Theirs,
    /// Another's, without a connection: only what comes shows that anything is there.
    Unacknowledged,
}

/// A clock that was set, or a machine that slept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Jump {
    pub(super) from: Stamp,
    pub(super) to: Stamp,
}

/// What happened to one source, minute by minute.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    open: Option<Open>,
    /// When, by the source's clock, the last watched part ended, where nothing has come since.
    ended: Option<Stamp>,
    recent: BTreeMap<Minute, Tally>,
    settled: Runs,
}

/// A source from which packets can come.
#[derive(Clone, Copy, Debug)]
struct Open {
    since: Moment,
    /// The source's newest time, and when that was by our clocks.
    last: Option<(Stamp, Moment)>,
}

/// One minute of a source.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    frames: u64,
    lost: u64,
    /// Nanoseconds between two watched parts in which nobody watched.
    gap: u64,
    watched: bool,
}

impl Tally {
    /// Share of the minute's packets that were lost, as far as can be known.
    fn dropped(&self) -> f64 {
        let lost = self.lost as f64 / ((self.frames + self.lost) as f64).max(1.0);
        lost.max(self.gap as f64 / MINUTE as f64).min(1.0)
    }
}

impl Watch {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, open: None, ended: None, recent: BTreeMap::new(), settled: Runs::default() }
    }

    /// Packets can come from now on.
    pub(super) fn open(&mut self, at: Moment) {
        self.shut(Until::Now, at);
        let last = (self.clock == Clock::Ours).then_some((at.wall, at));
        if last.is_some() {
            self.resume(at.wall);
        }
        self.open = Some(Open { since: at, last });
    }

    /// Packets came. Says whether the source's clock was set.
    pub(super) fn frames(&mut self, batch: &Batch, at: Moment) -> Option<Jump> {
        let mut jump = None;
        let mut run = (Minute(0), 0_u64);
        for index in 0..batch.len() {
            let Some(stamp) = batch.stamp(index) else { break };
            if self.clock != Clock::Ours {
                jump = self.follow(stamp, at).or(jump);
            }
            if stamp.minute() != run.0 {
                self.count(run);
                run = (stamp.minute(), 0);
            }
            run.1 += 1;
        }
        self.count(run);
        self.settle();
        jump
    }

    /// The source is still there, and has lost `lost` packets since this was last said. Says whether the clock was set.
    pub(super) fn alive(&mut self, lost: u64, at: Moment) -> Option<Jump> {
        let jump = if self.clock == Clock::Ours { self.tick(at) } else { None };
        if lost > 0 {
            let minute = self.now(at).unwrap_or(at.wall).minute();
            self.tally(minute, |tally| tally.lost = tally.lost.saturating_add(lost));
        }
        self.settle();
        jump
    }

    /// Packets cannot come any more.
    pub(super) fn shut(&mut self, until: Until, at: Moment) {
        let (now, open) = (self.now(at), self.open.take());
        let Some((last, _)) = open.and_then(|open| open.last) else { return };
        match until {
            Until::Now if self.clock != Clock::Unacknowledged => {
                let now = now.unwrap_or(last);
                self.mark(last, now);
                self.ended = Some(now);
            }
            _ => {
                for (_, tally) in self.recent.range_mut(last.minute().plus(1)..) {
                    tally.watched = false;
                }
                self.ended = Some(last);
            }
        }
    }

    /// What time it is by the source's clock, as far as it has said.
    pub(super) fn now(&self, at: Moment) -> Option<Stamp> {
        let (last, seen) = self.open?.last?;
        Some(match self.clock {
            Clock::Unacknowledged => last,
            _ => last.plus_nanos(nanos(at.running.saturating_sub(seen.running))),
        })
    }

    /// The runs of minutes watched up to now, ascending.
    pub(super) fn runs(&mut self, at: Moment) -> Vec<Watched> {
        if let (Some((last, _)), Some(now)) = (self.open.and_then(|open| open.last), self.now(at)) {
            self.mark(last, now);
        }
        let mut runs = self.settled.clone();
        for (&minute, tally) in self.recent.iter().filter(|(_, tally)| tally.watched) {
            runs.add(Watched { span: Span { first: minute, end: minute.plus(1) }, dropped: tally.dropped() });
        }
        runs.into_list()
    }

    /// Goes on to our clock's time.
    fn tick(&mut self, at: Moment) -> Option<Jump> {
        let (last, _) = self.open?.last?;
        let expected = self.now(at)?;
        let off = at.wall.since(expected).max(expected.since(at.wall));
        if off <= CLOCK_SLACK {
            self.mark(last, at.wall);
            self.set_last(at.wall, at);
            return None;
        }
        // Up to a tick ago it was watched; what lay between two times of day that never was is a gap.
        self.ended = Some(last);
        self.resume(at.wall);
        self.set_last(at.wall, at);
        Some(Jump { from: expected, to: at.wall })
    }

    /// Goes on to the time of a packet that a stream brought.
    fn follow(&mut self, stamp: Stamp, at: Moment) -> Option<Jump> {
        let open = self.open?;
        let Some((last, seen)) = open.last else {
            let connected = nanos(at.running.saturating_sub(open.since.running)).min(MOST_BEFORE);
            let since = Stamp::from_nanos(stamp.nanos().saturating_sub(connected));
            let since = self.ended.map_or(since, |ended| if ended <= stamp { since.max(ended) } else { stamp });
            self.resume(since);
            self.mark(since, stamp);
            self.set_last(stamp, at);
            return None;
        };
        if stamp.plus_nanos(SET_BACK) < last {
            self.ended = None;
            self.resume(stamp);
            self.set_last(stamp, at);
            return Some(Jump { from: last, to: stamp });
        }
        if stamp <= last {
            return None;
        }
        let silence = stamp.since(last);
        let set = was_set(stamp, last, seen, at);
        let away = silence > LONGEST_QUIET || self.clock == Clock::Unacknowledged && silence > LONGEST_SILENCE;
        if set || away {
            self.ended = Some(last);
            self.resume(stamp);
        } else {
            self.mark(last, stamp);
        }
        self.set_last(stamp, at);
        set.then_some(Jump { from: last, to: stamp })
    }

    fn set_last(&mut self, stamp: Stamp, at: Moment) {
        if let Some(open) = &mut self.open {
            open.last = Some((stamp, at));
        }
    }

    /// Watching goes on at `at` after it ended, perhaps within the same minute.
    fn resume(&mut self, at: Stamp) {
        if let Some(ended) = self.ended.take().filter(|ended| *ended < at) {
            let (first, last) = (ended.minute(), at.minute());
            if first == last {
                self.tally(first, |tally| tally.gap += at.since(ended));
            } else {
                self.tally(first, |tally| tally.gap += first.plus(1).start().since(ended));
                self.tally(last, |tally| tally.gap += at.since(last.start()));
            }
        }
        self.mark(at, at);
    }

    /// The minutes from one moment to another were watched.
    fn mark(&mut self, from: Stamp, to: Stamp) {
        let (first, last) = (from.minute(), to.minute());
        if last.since(first) > MOST_AT_ONCE {
            return;
        }
        for minute in (first.0..=last.0).map(Minute) {
            self.tally(minute, |tally| tally.watched = true);
        }
    }

    fn count(&mut self, (minute, frames): (Minute, u64)) {
        if frames > 0 {
            self.tally(minute, |tally| tally.frames += frames);
        }
    }

    fn tally(&mut self, minute: Minute, change: impl FnOnce(&mut Tally)) {
        change(self.recent.entry(minute).or_default());
    }

    /// Puts minutes that nothing will change any more away as runs.
    fn settle(&mut self) {
        while self.recent.len() > MOST_RECENT
            && let Some((minute, tally)) = self.recent.pop_first()
        {
            if tally.watched {
                let span = Span { first: minute, end: minute.plus(1) };
                self.settled.add(Watched { span, dropped: tally.dropped() });
            }
        }
    }
}

/// Whether a stream's clock was set to the right time between two packets: it was wrong, and is not any more.
fn was_set(stamp: Stamp, last: Stamp, seen: Moment, at: Moment) -> bool {
    let apart = |a: Stamp, b: Stamp| a.since(b).max(b.since(a));
    let passed = nanos(at.running.saturating_sub(seen.running));
    let ahead = stamp.since(last).saturating_sub(passed);
    ahead > MINUTE && apart(stamp, at.wall) < MINUTE && apart(last, seen.wall) > 5 * MINUTE
}

fn nanos(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

const MINUTE: u64 = 60_000_000_000;
/// How far our clock may be slewed in a second without having been set: far more than NTP does (500 ppm).
const CLOCK_SLACK: u64 = 2_000_000_000;
/// Packets of one stream may lie so far out of order.
const SET_BACK: u64 = MINUTE;
/// How long before its first packet a connection is taken to have been quiet.
const MOST_BEFORE: u64 = 60 * MINUTE;
/// A network from which nothing at all comes for longer was not watched.
const LONGEST_QUIET: u64 = 24 * 60 * MINUTE;
/// The same, where nothing but packets shows that somebody watches: the longest that a sleeping phone is silent.
const LONGEST_SILENCE: u64 = 15 * MINUTE;
/// Minutes marked at once, at most.
const MOST_AT_ONCE: u32 = 24 * 60 + 1;
/// Minutes that may still change: two days, so that a minute marked at once is not settled at once.
const MOST_RECENT: usize = 2 * 24 * 60;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::capture::{Frame, LinkType};

    /// Second `s` of the test, at which the wall clock shows `wall` seconds.
    fn moment(running: u64, wall: u64) -> Moment {
        Moment { wall: Stamp::new(wall, 0), running: Duration::from_secs(running) }
    }

    fn batch(stamps: &[u64]) -> Batch {
        let mut batch = Batch::default();
        for &seconds in stamps {
            let stamp = Stamp::new(seconds, 0);
            batch.push(&Frame { stamp, link: LinkType::RAW, data: b"", original_len: 0, heading: None, app: None });
        }
        batch
    }

    fn runs(watch: &mut Watch, at: Moment) -> Vec<(u32, u32, f64)> {
        watch.runs(at).iter().map(|run| (run.span.first.0, run.span.end.0, run.dropped)).collect()
    }

    /// An interface that ticks once a second from `from` to `to` by a right clock.
    fn tick(watch: &mut Watch, from: u64, to: u64) {
        for second in from..=to {
            assert_eq!(watch.alive(0, moment(second, second)), None);
        }
    }

    #[test]
    fn an_idle_interface_is_watched() {
        let mut watch = Watch::new(Clock::Ours);
        watch.open(moment(30, 30));
        tick(&mut watch, 31, 200);
        assert_eq!(runs(&mut watch, moment(200, 200)), [(0, 4, 0.0)]);
    }

    #[test]
    fn drops_count_in_their_minute_as_a_share_of_its_packets() {
        let mut watch = Watch::new(Clock::Ours);
        watch.open(moment(0, 0));
        watch.frames(&batch(&[1, 2, 3, 61, 62, 63]), moment(59, 59));
        tick(&mut watch, 1, 60);
        watch.alive(1, moment(70, 70));
        watch.alive(0, moment(125, 125));
        assert_eq!(runs(&mut watch, moment(125, 125)), [(0, 1, 0.0), (1, 2, 0.25), (2, 3, 0.0)]);
    }

    #[test]
    fn a_link_that_was_down_leaves_a_gap() {
        let mut watch = Watch::new(Clock::Ours);
        watch.open(moment(0, 0));
        tick(&mut watch, 1, 75);
        watch.shut(Until::Now, moment(75, 75));
        watch.open(moment(330, 330));
        tick(&mut watch, 331, 400);
        // 45 seconds of the second minute are missing, and 30 of the sixth.
        assert_eq!(runs(&mut watch, moment(400, 400)), [(0, 1, 0.0), (1, 2, 0.75), (5, 6, 0.5), (6, 7, 0.0)]);
    }

    #[test]
    fn a_machine_that_slept_did_not_watch() {
        let mut watch = Watch::new(Clock::Ours);
        watch.open(moment(0, 0));
        tick(&mut watch, 1, 60);
        let jump = watch.alive(0, moment(61, 3_600));
        assert_eq!(jump, Some(Jump { from: Stamp::new(61, 0), to: Stamp::new(3_600, 0) }));
        let seen = runs(&mut watch, moment(61, 3_600));
        assert_eq!(seen, [(0, 1, 0.0), (1, 2, 1.0), (60, 61, 0.0)]);
    }

    #[test]
    fn a_clock_that_was_set_back_is_told_and_its_minutes_stay_watched() {
        let mut watch = Watch::new(Clock::Ours);
        watch.open(moment(0, 7_200));
        assert_eq!(watch.alive(0, moment(60, 7_260)), None);
        assert!(watch.alive(0, moment(61, 3_600)).is_some());
        assert_eq!(watch.alive(0, moment(62, 3_601)), None);
        assert_eq!(runs(&mut watch, moment(62, 3_601)), [(60, 61, 0.0), (120, 122, 0.0)]);
    }

    #[test]
    fn a_replayed_stream_is_watched_from_its_first_packet_to_its_last() {
        let mut watch = Watch::new(Clock::Theirs);
        watch.open(moment(0, 1_000_000));
        // Packets ten minutes apart, all at once: nobody looked away.
        watch.frames(&batch(&[600, 1_200, 1_230]), moment(1, 1_000_001));
        assert_eq!(runs(&mut watch, moment(1, 1_000_001)), [(9, 21, 0.0)]);
        // An hour later by our clock, with the connection still open.
        assert_eq!(runs(&mut watch, moment(3_601, 1_003_601)), [(9, 81, 0.0)]);
    }

    #[test]
    fn a_connection_that_broke_was_watched_to_its_last_packet() {
        let mut watch = Watch::new(Clock::Theirs);
        watch.open(moment(0, 0));
        watch.frames(&batch(&[0, 30]), moment(30, 30));
        assert_eq!(runs(&mut watch, moment(150, 150)), [(0, 3, 0.0)]);
        watch.shut(Until::LastPacket, moment(150, 150));
        assert_eq!(runs(&mut watch, moment(150, 150)), [(0, 1, 0.0)]);
        watch.open(moment(300, 300));
        watch.frames(&batch(&[320]), moment(320, 320));
        // It has been watched since it was connected, 20 seconds before its first packet.
        assert_eq!(runs(&mut watch, moment(320, 320)), [(0, 1, 0.5), (5, 6, 0.0)]);
    }

    #[test]
    fn silence_without_a_connection_is_a_gap_when_it_lasts() {
        let mut watch = Watch::new(Clock::Unacknowledged);
        watch.open(moment(0, 0));
        watch.frames(&batch(&[0]), moment(0, 0));
        assert_eq!(runs(&mut watch, moment(840, 840)), [(0, 1, 0.0)]);
        watch.frames(&batch(&[840]), moment(840, 840));
        assert_eq!(runs(&mut watch, moment(840, 840)), [(0, 15, 0.0)]);
        watch.frames(&batch(&[840 + 1_200]), moment(2_040, 2_040));
        assert_eq!(runs(&mut watch, moment(2_040, 2_040)), [(0, 14, 0.0), (14, 15, 1.0), (34, 35, 0.0)]);
    }

    #[test]
    fn a_routers_clock_that_is_set_after_start_leaves_a_gap() {
        let mut watch = Watch::new(Clock::Theirs);
        watch.open(moment(0, 1_000_000));
        watch.frames(&batch(&[60]), moment(1, 1_000_001));
        let jump = watch.frames(&batch(&[1_000_021]), moment(20, 1_000_020));
        assert_eq!(jump.map(|jump| jump.to), Some(Stamp::new(1_000_021, 0)));
        let minutes: u32 = watch.runs(moment(20, 1_000_020)).iter().map(|run| run.span.minutes()).sum();
        assert!(minutes <= 3, "{minutes} minutes");
    }

    #[test]
    fn stamps_at_the_ends_of_time_cost_nothing() {
        let mut watch = Watch::new(Clock::Theirs);
        watch.open(moment(0, 0));
        for round in 0..2_000_u64 {
            watch.frames(&batch(&[u64::MAX, 0, round * 7_777_777, u64::MAX / 2_000_000_000]), moment(round, round));
        }
        assert!(watch.recent.len() <= MOST_RECENT + 5);
        assert!(watch.runs(moment(0, 0)).len() < 20_000);
    }
}
