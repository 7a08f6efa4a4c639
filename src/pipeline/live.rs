//! An interface in, an [`Audit`] out: what a listener saw until it was told to stop.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    audit::{Audit, InputReport},
    auditor::{Auditor, Fate, Options},
    conclude,
    offline::Judging,
};
use crate::{
    base::{Span, Stamp},
    capture::{Drops, Live, LiveError, LiveOptions},
    ledger::Watched,
};

/// How long to wait for a frame before looking whether to stop.
const LOOK_UP: Duration = Duration::from_millis(250);

/// Frames between two looks at what was lost: libpcap counts in 32 bits.
const FRAMES_A_LOOK: u64 = 1 << 20;

/// Captures until `stop` is set or `length` has passed, then judges what was seen.
///
/// The minutes watched come from this machine's clock: an idle link was watched too.
pub fn listen(
    live: &LiveOptions,
    options: &Options,
    judging: &Judging,
    stop: &AtomicBool,
    length: Option<Duration>,
) -> Result<Audit, LiveError> {
    let mut wire = Live::open(live)?;
    let mut auditor = Auditor::new(options);
    let start = now();
    let end = length.map(|length| start.plus_nanos(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)));
    let mut input = InputReport { path: live.interface.clone(), ..InputReport::default() };
    input.link_types.push(wire.link().name().into_owned());
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| now() < end) {
        let Some(frame) = wire.advance(LOOK_UP)? else { continue };
        input.first.get_or_insert(frame.stamp);
        input.last = Some(frame.stamp);
        input.packets += 1;
        match auditor.take(&frame) {
            Fate::Taken => {}
            Fate::Malformed => input.malformed += 1,
            Fate::Unsupported | Fate::UnknownLink => input.unsupported += 1,
        }
        if input.packets.is_multiple_of(FRAMES_A_LOOK) {
            wire.drops()?;
        }
    }
    let drops = wire.drops()?;
    input.lost = drops.dropped + drops.interface_dropped;
    let span = Span { first: start.minute(), end: now().minute().plus(1) };
    let watched = [Watched { span, dropped: share(drops) }];
    let mut audit = conclude::audit(auditor.finish(), &watched, options, judging);
    audit.inputs = vec![input];
    Ok(audit)
}

fn share(drops: Drops) -> f64 {
    let lost = (drops.dropped + drops.interface_dropped) as f64;
    lost / (drops.received as f64 + lost).max(1.0)
}

fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp::new(since.as_secs(), since.subsec_nanos().into())
}
