//! OpenVPN by its reset packets: the server's answer repeats the client's session id, or, where control packets are
//! wrapped in `tls-crypt`, both carry a first packet id and clocks that agree (OpenVPN protocol, "Network protocol").

use crate::{flow::Side, hint::Probe};

/// What has been seen of a session's first packets.
#[derive(Debug, Default)]
pub(super) struct OpenVpn {
    client: Option<Reset>,
}

#[derive(Clone, Copy, Debug)]
struct Reset {
    side: Side,
    session: [u8; 8],
    clock: Option<u32>,
}

mod opcode {
    pub(super) const CLIENT_V2: u8 = 7 << 3;
    pub(super) const SERVER_V2: u8 = 8 << 3;
    pub(super) const CLIENT_V3: u8 = 10 << 3;
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
        match opcode {
            opcode::CLIENT_V2 | opcode::CLIENT_V3 if (RESET..=1200).contains(&bytes.len()) => {
                self.client = Some(Reset { side, session, clock: wrapped_clock(bytes) });
                Probe::Unsure
            }
            opcode::SERVER_V2 => match self.client {
                Some(client) if client.side != side && answers(&client, bytes) => Probe::Certain,
                _ => Probe::NotForUs,
            },
            _ => Probe::NotForUs,
        }
    }
}

fn session(bytes: &[u8]) -> Option<[u8; 8]> {
    bytes.get(1..9)?.try_into().ok()
}

/// The clock of a `tls-crypt` packet: behind the session id stand packet id 1 and the sender's time.
fn wrapped_clock(bytes: &[u8]) -> Option<u32> {
    let at = |from: usize| bytes.get(from..from + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    (bytes.len() >= 9 + 8 + 32 && at(9)? == 1).then(|| at(13))?.filter(|clock| *clock > EARLIEST)
}

fn answers(client: &Reset, bytes: &[u8]) -> bool {
    let repeats = bytes.get(9..).is_some_and(|rest| rest.windows(8).take(128).any(|window| window == client.session));
    let agrees = match (client.clock, wrapped_clock(bytes)) {
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
        let client = [&[opcode::CLIENT_V2][..], &session, &[0, 0, 0, 0, 0]].concat();
        let server = [&[opcode::SERVER_V2][..], &[9; 8], &[1, 0, 0, 0, 0], &session, &[0; 4]].concat();
        let mut vpn = OpenVpn::default();
        assert_eq!(vpn.feed(Side::Initiator, &client), Probe::Unsure);
        assert_eq!(vpn.feed(Side::Responder, &server), Probe::Certain);
        let mut other = OpenVpn::default();
        other.feed(Side::Initiator, &[&[opcode::CLIENT_V2][..], &[7; 8], &[0; 5]].concat());
        assert_eq!(other.feed(Side::Responder, &server), Probe::NotForUs, "another session's answer");
    }
}
