//! Is this minute of a flow live sound or pictures? Those are listed apart: a call is no upload of files.

use crate::flow::Sent;

/// Minutes of one-way traffic at a steady rate after which it is taken for a camera.
pub(super) const STEADY_MINUTES: usize = 30;

/// How much the rate of a one-way stream may vary: standard deviation over mean.
const STEADY_VARIATION: f64 = 0.3;

/// Packets a second, each way, below which nobody can talk.
const LIVE_PACKETS_A_SECOND: u32 = 5;

/// Whether both sides sent in it as in a conversation: in most seconds of the time, several packets in each, and
/// neither side less than a fifth of the bytes.
pub(super) fn is_conversation(one: &Sent, other: &Sent) -> bool {
    let (a, b) = (one.payload.0 as f64, other.payload.0 as f64);
    let share = a / (a + b).max(1.0);
    (0.2..=0.8).contains(&share) && is_live(one) && is_live(other)
}

/// Whether these minutes, one after the other, are one steady stream from the same side: a baby camera.
pub(super) fn is_steady(minutes: &[Sent]) -> bool {
    let n = minutes.len();
    if n < STEADY_MINUTES || !minutes.iter().all(is_live) {
        return false;
    }
    let rates = || minutes.iter().map(|sent| sent.payload.0 as f64);
    let mean = rates().sum::<f64>() / n as f64;
    let variance = rates().map(|rate| (rate - mean).powi(2)).sum::<f64>() / n as f64;
    mean > 0.0 && variance.sqrt() / mean < STEADY_VARIATION
}

/// Whether something was sent in four of five seconds between the first and the last, several packets in each.
fn is_live(sent: &Sent) -> bool {
    let first = sent.seconds.trailing_zeros();
    let last = 63_u32.saturating_sub(sent.seconds.leading_zeros());
    let active = sent.seconds.count_ones();
    active >= 3 && active * 5 >= (last - first + 1) * 4 && sent.packets >= active * LIVE_PACKETS_A_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Bytes;

    fn sent(bytes: u64, packets: u32, seconds: u64) -> Sent {
        Sent { payload: Bytes(bytes), packets, seconds, ..Sent::default() }
    }

    const WHOLE_MINUTE: u64 = (1 << 60) - 1;

    #[test]
    fn a_call_is_a_conversation_and_an_upload_is_not() {
        let voice = sent(270_000, 3_000, WHOLE_MINUTE);
        assert!(is_conversation(&voice, &voice));
        let upload = sent(36_000_000, 26_000, WHOLE_MINUTE);
        let acknowledgements = sent(600_000, 13_000, WHOLE_MINUTE);
        assert!(!is_conversation(&upload, &acknowledgements));
        let page = sent(40_000, 60, 0b11);
        assert!(!is_conversation(&page, &page), "two seconds are no conversation");
    }

    #[test]
    fn half_an_hour_of_steady_pictures_is_a_camera() {
        let camera = [sent(9_000_000, 9_000, WHOLE_MINUTE); STEADY_MINUTES];
        assert!(is_steady(&camera));
        let mut throttled = camera;
        for minute in throttled.iter_mut().step_by(2) {
            minute.payload = Bytes(2_000_000);
        }
        assert!(!is_steady(&throttled));
        assert!(!is_steady(&camera[1..]));
    }
}
