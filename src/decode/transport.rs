//! TCP (RFC 9293) and UDP (RFC 768): ports and payload lengths.

use etherparse::{TcpHeaderSlice, ip_number};

use super::{
    Counts, Packet, TcpFlags, Transport,
    ip::{Datagram, Envelope},
    piece::Piece,
};
use crate::base::{Endpoint, Mac, Malformed};

/// The packet that `datagram` is, whole or a first fragment, its tunnels unopened.
#[expect(clippy::inline_always, reason = "handing large values back through memory costs more than the work")]
#[inline(always)]
pub(super) fn packet<'a>(datagram: &Datagram<'a>, envelope: &Envelope<'a>, counts: &mut Counts) -> Packet<'a> {
    let segment = match datagram.protocol {
        TCP => tcp(&datagram.body, counts),
        UDP => udp(datagram, counts),
        other => Segment::opaque(other, datagram.body),
    };
    segment.of(datagram, envelope)
}

/// The packet that a fragment is when the front of its datagram is not there.
pub(super) fn headless<'a>(datagram: &Datagram<'a>, envelope: &Envelope<'a>) -> Packet<'a> {
    Segment::opaque(datagram.protocol, datagram.body).of(datagram, envelope)
}

/// Ports, and what they carry.
struct Segment<'a> {
    transport: Transport,
    src_port: u16,
    dst_port: u16,
    payload: Piece<'a>,
}

impl<'a> Segment<'a> {
    const fn opaque(protocol: u8, body: Piece<'a>) -> Self {
        Self { transport: Transport::Other(protocol), src_port: 0, dst_port: 0, payload: body }
    }

    #[inline]
    fn of(&self, datagram: &Datagram<'a>, envelope: &Envelope<'a>) -> Packet<'a> {
        Packet {
            stamp: envelope.stamp,
            src: Endpoint::new(datagram.ends.src(), self.src_port),
            dst: Endpoint::new(datagram.ends.dst(), self.dst_port),
            transport: self.transport,
            wire_len: datagram.wire_len,
            payload_len: u32::try_from(self.payload.wire()).unwrap_or(u32::MAX),
            payload: self.payload.kept(),
            src_mac: envelope.src_mac.copied().and_then(host),
            dst_mac: envelope.dst_mac.copied().and_then(host),
            heading: envelope.heading,
            app: envelope.app,
        }
    }
}

#[inline]
fn host(octets: [u8; 6]) -> Option<Mac> {
    Some(Mac(octets)).filter(|mac| mac.names_a_host())
}

#[expect(clippy::inline_always, reason = "handing large values back through memory costs more than the work")]
#[inline(always)]
fn tcp<'a>(body: &Piece<'a>, counts: &mut Counts) -> Segment<'a> {
    let Ok(header) = TcpHeaderSlice::from_slice(body.kept()) else { return odd_tcp(*body, counts) };
    Segment {
        transport: Transport::Tcp {
            seq: header.sequence_number(),
            ack: header.acknowledgment_number(),
            flags: TcpFlags { syn: header.syn(), ack: header.ack(), fin: header.fin(), rst: header.rst() },
        },
        src_port: header.source_port(),
        dst_port: header.destination_port(),
        payload: body.past(header.slice().len()),
    }
}

/// A TCP header that was cut by the snap length, or that lies about its own length.
///
/// With the sequence number kept it is still a segment: flags that were cut off are unset, and a header whose length
/// was cut off is taken to be the 20 bytes of one without options. With less it is [`Transport::Other`].
#[cold]
fn odd_tcp<'a>(body: Piece<'a>, counts: &mut Counts) -> Segment<'a> {
    let kept = body.kept();
    let mut head = [0; TCP_HEADER];
    head.iter_mut().zip(kept).for_each(|(to, from)| *to = *from);
    let length = kept.get(12).map_or(TCP_HEADER, |offset| usize::from(offset >> 4) * 4);
    if length < TCP_HEADER || length > body.wire() {
        counts.note(Malformed { layer: "TCP", offset: 12, needed: length.max(TCP_HEADER), left: body.wire() });
    }
    let [a, b, c, d, rest @ ..] = head;
    let flags = TcpFlags {
        fin: head[13] & 0x01 != 0,
        syn: head[13] & 0x02 != 0,
        rst: head[13] & 0x04 != 0,
        ack: head[13] & 0x10 != 0,
    };
    let payload = if length < TCP_HEADER { body.up_to(0) } else { body.past(length) };
    let (transport, payload) = if kept.len() >= 8 {
        let [s0, s1, s2, s3, a0, a1, a2, a3, ..] = rest;
        let (seq, ack) = (u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([a0, a1, a2, a3]));
        (Transport::Tcp { seq, ack, flags }, payload)
    } else {
        (Transport::Other(TCP), body)
    };
    let known = kept.len() >= 4;
    let [src_port, dst_port] = [[a, b], [c, d]].map(|port| if known { u16::from_be_bytes(port) } else { 0 });
    Segment { transport, src_port, dst_port, payload }
}

#[inline]
fn udp<'a>(datagram: &Datagram<'a>, counts: &mut Counts) -> Segment<'a> {
    let body = &datagram.body;
    let kept = body.kept();
    let Some(&[s0, s1, d0, d1]) = kept.first_chunk() else {
        if !body.is_cut() {
            counts.note(Malformed { layer: "UDP", offset: 0, needed: UDP_HEADER, left: body.wire() });
        }
        return Segment::opaque(UDP, *body);
    };
    let stated = kept.get(4..6).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])));
    // Zero: a jumbogram (RFC 2675, section 4) or segmentation offload, or the field was cut off.
    let stated = if stated == 0 { body.wire() } else { stated };
    if stated < UDP_HEADER || (stated > body.wire() && datagram.place.is_none()) {
        counts.note(Malformed { layer: "UDP", offset: 4, needed: stated.max(UDP_HEADER), left: body.wire() });
    }
    let payload = body.up_to(stated).past(UDP_HEADER);
    Segment {
        transport: Transport::Udp,
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        payload,
    }
}

const TCP: u8 = ip_number::TCP.0;
const UDP: u8 = ip_number::UDP.0;
const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
