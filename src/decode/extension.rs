//! Headers between IP and the transport: IPv6 extension headers (RFC 8200, section 4) and the authentication header
//! (RFC 4302), which IPv4 has too.

use super::{
    Counts,
    ip::{Datagram, Place},
};
use crate::base::Malformed;

/// Passes over the extension headers of `datagram`, until a transport, a fragment, or a header that was cut off.
///
/// Its protocol then is the first that was not passed.
#[inline]
pub(super) fn pass(datagram: &mut Datagram<'_>, counts: &mut Counts) {
    if is_extension(datagram.protocol) {
        pass_all(datagram, counts);
    }
}

fn pass_all(datagram: &mut Datagram<'_>, counts: &mut Counts) {
    for _ in 0..MOST {
        if datagram.place.is_some() || !is_extension(datagram.protocol) {
            return;
        }
        let Some(&[next, length, o0, o1, id @ ..]) = datagram.body.kept().first_chunk::<8>() else {
            if !datagram.body.is_cut() {
                counts.note(too_short(8, datagram.body.wire()));
            }
            return;
        };
        let passed = header_length(datagram.protocol, length);
        if passed > datagram.body.wire() {
            counts.note(too_short(passed, datagram.body.wire()));
            return;
        }
        if datagram.protocol == FRAGMENT {
            let field = u16::from_be_bytes([o0, o1]);
            let (offset, more) = (u32::from(field & !7), field & 1 != 0);
            let id = u32::from_be_bytes(id).into();
            // A datagram in a single fragment is whole (RFC 6946).
            datagram.place = (more || offset != 0).then_some(Place { id, offset, more });
        }
        datagram.protocol = next;
        datagram.body = datagram.body.past(passed);
    }
    counts.note(Malformed { layer: "IPv6 extension headers", offset: 0, needed: 0, left: datagram.body.wire() });
}

const fn is_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY | HOST_IDENTITY | SHIM6
    )
}

const fn header_length(protocol: u8, length: u8) -> usize {
    match protocol {
        FRAGMENT => 8,
        AUTHENTICATION => (length as usize + 2) * 4,
        _ => (length as usize + 1) * 8,
    }
}

const fn too_short(needed: usize, left: usize) -> Malformed {
    Malformed { layer: "IPv6 extension header", offset: 0, needed, left }
}

/// How many are passed: RFC 8200 foresees seven.
const MOST: usize = 12;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;
