//! OpenVPN by its session ids: a reset names one, and either the other side's reset repeats it, or the same side's
//! next control packets do, or, where `tls-crypt` hides what is repeated, both clocks agree (OpenVPN protocol,
//! "Network protocol").

use crate::{flow::Side, hint::Probe};

/// What has been seen of a session's first packets: each side's reset.
#[derive(Debug, Default)]
pub(super) struct OpenVpn {
    resets: [Option<Reset>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Reset {
    session: [u8; 8],
    clock: Option<u32>,
}

mod opcode {
    pub(super) const CONTROL: u8 = 4 << 3;
    pub(super) const ACKNOWLEDGE: u8 = 5 << 3;
    pub(super) const RESET_CLIENT: u8 = 7 << 3;
    pub(super) const RESET_SERVER: u8 = 8 << 3;
    pub(super) const RESET_CLIENT_V3: u8 = 10 << 3;
    pub(super) const CONTROL_WRAPPED: u8 = 11 << 3;
}

/// Shortest reset: opcode, session id, no acknowledgements, packet id.
const RESET: usize = 14;
/// Seconds by which the clocks of two ends may differ.
const CLOCKS: u32 = 24 * 3600;
/// Earliest moment a clock may show: 2001, the year of the protocol's first release.
const EARLIEST: u32 = 980_000_000;

impl OpenVpn {
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8]) -> Probe {
        let (Some(&opcode), Some(session)) = (bytes.first(), session(bytes)) else { return Probe::NotForUs };
        let at = usize::from(side == Side::Responder);
        match opcode {
            opcode::RESET_CLIENT | opcode::RESET_SERVER | opcode::RESET_CLIENT_V3 if bytes.len() >= RESET => {
                self.resets[at] = Some(Reset { session, clock: wrapped_clock(bytes) });
                let answered = self.resets[1 - at].is_some_and(|other| answers(&other, bytes));
                if answered { Probe::Certain } else { Probe::Unsure }
            }
            opcode::CONTROL | opcode::ACKNOWLEDGE | opcode::CONTROL_WRAPPED
                if self.resets[at].is_some_and(|reset| reset.session == session) =>
            {
                Probe::Certain
            }
            _ => Probe::NotForUs,
        }
    }
}

fn session(bytes: &[u8]) -> Option<[u8; 8]> {
    bytes.get(1..9)?.try_into().ok()
}

/// The clock of a `tls-crypt` packet: behind the session id stand the first packet id, its
/// upper half free for flags, and the sender's time.
fn wrapped_clock(bytes: &[u8]) -> Option<u32> {
    let at = |from: usize| bytes.get(from..from + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    (bytes.len() >= 9 + 8 + 32 && at(9)? & 0xffff == 1).then(|| at(13))?.filter(|clock| *clock > EARLIEST)
}

fn answers(other: &Reset, bytes: &[u8]) -> bool {
    let repeats = bytes.get(9..).is_some_and(|rest| rest.windows(8).take(128).any(|window| window == other.session));
    let agrees = match (other.clock, wrapped_clock(bytes)) {
        (Some(theirs), Some(ours)) => theirs.abs_diff(ours) < CLOCKS,
        _ => false,
    };
    repeats || agrees
}

/// OpenVPN over TCP: the same packets, each behind its length.
#[derive(Debug, Default)]
pub(in crate::hint) struct Stream {
    session: OpenVpn,
}

impl Stream {
    /// Reads the first bytes of a side, once its first packet is whole.
    pub(in crate::hint) fn feed(&mut self, side: Side, kept: &[u8]) -> Probe {
        let [high, low, rest @ ..] = kept else { return Probe::Unsure };
        match rest.get(..usize::from(u16::from_be_bytes([*high, *low]))) {
            Some(packet) => self.session.feed(side, packet),
            None => Probe::Unsure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_repeats_the_session_makes_it_certain() {
        let session = [1, 2, 3, 4, 5, 6, 7, 8];
        let client = [&[opcode::RESET_CLIENT][..], &session, &[0, 0, 0, 0, 0]].concat();
        let server = [&[opcode::RESET_SERVER][..], &[9; 8], &[1, 0, 0, 0, 0], &session, &[0; 4]].concat();
        let mut vpn = OpenVpn::default();
        assert_eq!(vpn.feed(Side::Initiator, &client), Probe::Unsure);
        assert_eq!(vpn.feed(Side::Responder, &server), Probe::Certain);
        let mut other = OpenVpn::default();
        other.feed(Side::Initiator, &[&[opcode::RESET_CLIENT][..], &[7; 8], &[0; 5]].concat());
        assert_eq!(other.feed(Side::Responder, &server), Probe::Unsure, "another session's answer");
    }

    #[test]
    fn one_side_alone_is_known_by_the_session_it_keeps() {
        let reset = [&[opcode::RESET_CLIENT][..], &[5; 8], &[0; 5]].concat();
        let control = |session| [&[opcode::CONTROL][..], &[session; 8], &[0; 40]].concat();
        let mut vpn = OpenVpn::default();
        assert_eq!(vpn.feed(Side::Initiator, &control(5)), Probe::NotForUs, "no reset yet");
        vpn.feed(Side::Initiator, &reset);
        assert_eq!(vpn.feed(Side::Initiator, &control(6)), Probe::NotForUs);
        assert_eq!(vpn.feed(Side::Initiator, &control(5)), Probe::Certain);
    }
}
