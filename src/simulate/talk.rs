//! What is said on the wire: connections, the transfers on them, the names looked up before them.

use super::{
    hosts::{Host, HostId},
    run::{Run, Way},
    wire::dns,
};
use crate::base::Stamp;

const MILLISECOND: u64 = 1_000_000;
/// There and back again.
pub(super) const ROUND_TRIP: u64 = 36 * MILLISECOND;
/// From the first packet of a connection until it can carry data.
pub(super) const HANDSHAKE: u64 = 3 * ROUND_TRIP;

/// What carries a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub(super) enum Carrier {
    /// TLS 1.3 over TCP.
    Tls,
    /// The Noise framing of `WhatsApp`'s chat, over TCP without TLS.
    Noise,
    /// QUIC: TLS 1.3 over UDP, acknowledgements in packets of their own.
    Quic,
    /// A call: STUN, then RTP, over UDP.
    Rtp,
    /// `WireGuard` over UDP.
    Tunnel,
}

/// Payload of a full packet.
pub(super) const TCP_PAYLOAD: u32 = 1_400;
pub(super) const QUIC_PAYLOAD: u32 = 1_250;
/// Payload of what is sent in small pieces.
const SMALL_PAYLOAD: u32 = 600;
/// Above this size a transfer takes its time; below it goes at once.
const PROMPT: u64 = 8_000;

/// One connection. Payload of its handshake: `hello` up, `flight` down, `finish` up, `goodbye` up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) host: HostId,
    pub(super) carrier: Carrier,
    pub(super) opened: Stamp,
    /// When it is closed in order; `None`: it lives on.
    pub(super) closed: Option<Stamp>,
    /// How many segments of a transfer the sensor sees as one frame.
    pub(super) merged: u32,
}

/// Which part of a connection a run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// The client's first flight.
    Hello,
    /// The server's.
    Flight,
    /// The client's last handshake message.
    Finish,
    /// Application data.
    Data,
    /// Acknowledgements that are payload themselves (QUIC).
    Acks,
    /// The closing alert.
    Goodbye,
}

impl Flow {
    /// The payload of its opening and closing.
    pub(super) fn ceremony(&self) -> impl Iterator<Item = (Part, Run)> {
        let Ceremony { hello, flight, finish, goodbye } = ceremony_of(self.carrier);
        // TCP needs a round trip of its own before the client may speak.
        let spoken = self.opened.plus_nanos(if self.is_tcp() { ROUND_TRIP } else { 0 });
        let answered = spoken.plus_nanos(ROUND_TRIP);
        let packet = self.full_packet();
        let up = |part, start, bytes| (part, Run { start, lasts: 0, bytes, packet, way: Way::Up });
        let rows = [
            Some(up(Part::Hello, spoken, hello)),
            Some((Part::Flight, Run { start: answered, lasts: MILLISECOND, bytes: flight, packet, way: Way::Down })),
            Some(up(Part::Finish, answered.plus_nanos(4 * MILLISECOND), finish)),
            self.closed.map(|closed| up(Part::Goodbye, closed, goodbye)),
        ];
        rows.into_iter().flatten().filter(|(_, run)| run.bytes > 0)
    }

    pub(super) const fn is_tcp(&self) -> bool {
        matches!(self.carrier, Carrier::Tls | Carrier::Noise)
    }

    /// Payload of a frame of a transfer, as the sensor sees it.
    fn full_frame(&self) -> u32 {
        if self.is_tcp() { self.full_packet() * self.merged } else { self.full_packet() }
    }

    /// Payload of a full packet of it.
    pub(super) const fn full_packet(&self) -> u32 {
        match self.carrier {
            Carrier::Tls | Carrier::Noise => TCP_PAYLOAD,
            Carrier::Quic | Carrier::Rtp | Carrier::Tunnel => QUIC_PAYLOAD,
        }
    }
}

/// Payload bytes of a connection's handshake and end.
pub(super) struct Ceremony {
    pub(super) hello: u64,
    pub(super) flight: u64,
    pub(super) finish: u64,
    pub(super) goodbye: u64,
}

pub(super) const fn ceremony_of(carrier: Carrier) -> Ceremony {
    match carrier {
        // A padded ClientHello record; ServerHello to Finished with a chain of two; change-cipher-spec and Finished.
        Carrier::Tls => Ceremony { hello: 517, flight: 3_941, finish: 80, goodbye: 24 },
        Carrier::Noise => Ceremony { hello: 43, flight: 353, finish: 190, goodbye: 0 },
        Carrier::Quic => Ceremony { hello: 1_250, flight: 3_750, finish: 1_250, goodbye: 45 },
        Carrier::Rtp => Ceremony { hello: 108, flight: 80, finish: 0, goodbye: 0 },
        Carrier::Tunnel => Ceremony { hello: 148, flight: 92, finish: 32, goodbye: 0 },
    }
}

/// How a transfer's bytes are cut into packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cut {
    /// Full packets, but for this many bytes up, which go in small ones.
    Full {
        /// How many.
        small_up: u64,
    },
    /// Packets of one size each way, whatever there is to send: sound and pictures.
    Stream {
        /// Payload of each.
        packet: u32,
    },
}

/// One transfer on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    /// Index of its flow.
    pub(super) flow: u32,
    pub(super) start: Stamp,
    /// Nanoseconds.
    pub(super) lasts: u64,
    pub(super) up: u64,
    pub(super) down: u64,
    /// Share of the bytes down that QUIC acknowledgements add up.
    pub(super) acks: f32,
    pub(super) cut: Cut,
}

impl Move {
    /// What it puts on the wire, given its flow.
    pub(super) fn runs(&self, flow: &Flow) -> impl Iterator<Item = (Part, Run)> {
        let rows = match self.cut {
            Cut::Stream { packet } => {
                let data = |way, bytes| (Part::Data, Run { start: self.start, lasts: self.lasts, bytes, packet, way });
                [data(Way::Up, self.up), data(Way::Down, self.down), data(Way::Up, 0), data(Way::Up, 0)]
            }
            Cut::Full { small_up } => {
                let small_up = small_up.min(self.up);
                [
                    (Part::Data, self.leg(Way::Up, self.up - small_up, flow.full_frame())),
                    (Part::Data, self.leg(Way::Up, small_up, SMALL_PAYLOAD)),
                    (Part::Data, self.leg(Way::Down, self.down, flow.full_frame())),
                    (Part::Acks, self.acknowledgements(flow)),
                ]
            }
        };
        rows.into_iter().filter(|(_, run)| run.bytes > 0)
    }

    /// When its last byte has gone.
    pub(super) fn end(&self) -> Stamp {
        self.start.plus_nanos(self.lasts)
    }

    /// A request goes at the start, an answer at the end, and what is large takes the whole time.
    fn leg(&self, way: Way, bytes: u64, packet: u32) -> Run {
        let (start, lasts) = match way {
            _ if bytes > PROMPT => (self.start, self.lasts),
            Way::Up => (self.start, 0),
            Way::Down => (self.end(), 0),
        };
        Run { start, lasts, bytes, packet, way }
    }

    /// One acknowledgement for each two packets down.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a packet of 20 to 600 bytes")]
    fn acknowledgements(&self, flow: &Flow) -> Run {
        let down = self.leg(Way::Down, self.down, flow.full_packet());
        let packet = (self.acks * 2.0 * flow.full_packet() as f32).round().clamp(20.0, 600.0) as u32;
        let count = if self.acks > 0.0 { down.packets() / 2 } else { 0 };
        Run { start: down.start, lasts: down.lasts, bytes: count * u64::from(packet), packet, way: Way::Up }
    }
}

/// A name looked up in clear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup {
    pub(super) host: HostId,
    pub(super) at: Stamp,
}

impl Lookup {
    /// Question and answer about `host` (RFC 1035, section 4).
    pub(super) fn runs(&self, host: &Host) -> [Run; 2] {
        let question = dns::question_length(host);
        let run = |start, bytes, way| Run { start, lasts: 0, bytes, packet: 1_400, way };
        [
            run(self.at, question, Way::Up),
            run(self.at.plus_nanos(ROUND_TRIP / 2), question + dns::answer_length(host), Way::Down),
        ]
    }
}
