//! The stages together: what is decoded is booked.

use std::{cell::RefCell, sync::Arc};

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::{auditor::Finished, *};
use crate::{
    base::{Bytes, Stamp},
    capture::{Frame, LinkType},
    flow,
    identify::{DeviceOptions, Rules},
};

fn options(flows: usize) -> Options {
    Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions { most: 3, ..DeviceOptions::default() },
        flows: flow::Limits { flows, ..flow::Limits::default() },
    }
}

fn frame(at: Stamp, data: &[u8]) -> Frame<'_> {
    let original_len = u32::try_from(data.len()).unwrap();
    Frame { stamp: at, link: LinkType::ETHERNET, data, original_len, heading: None, app: None }
}

/// A frame with something to say, between few enough hosts that flows meet again.
fn packet(hosts: (u8, u8), ports: (u8, u8), kind: u8, seq: u32, payload: &[u8]) -> Vec<u8> {
    let address = |n: u8| if n < 3 { [192, 168, 7, n] } else { [157, 240, 0, n] };
    let mac = |n: u8| [2, 0, 0, 0, 0, if n < 3 { n } else { 99 }];
    let builder = PacketBuilder::ethernet2(mac(hosts.0), mac(hosts.1)).ipv4(address(hosts.0), address(hosts.1), 64);
    let (from, to) = (40_000 + u16::from(ports.0), if ports.1 == 0 { 53 } else { 443 });
    let mut out = Vec::new();
    match kind {
        0 => builder.udp(from, to).write(&mut out, payload),
        1 => builder.udp(to, from).write(&mut out, payload),
        2 => builder.icmpv4_echo_request(1, 2).write(&mut out, payload),
        3 => builder.tcp(from, to, seq, 1_000).syn().write(&mut out, payload),
        4 => builder.tcp(from, to, seq, 1_000).fin().ack(seq).write(&mut out, payload),
        _ => builder.tcp(from, to, seq, 1_000).ack(seq).write(&mut out, payload),
    }
    .unwrap();
    out
}

/// Audits frames; gives what is left and the payload that the flows say they carried.
fn audit(frames: &[(Stamp, Vec<u8>)], flows: usize) -> (Finished, Bytes) {
    let listed = RefCell::new(Bytes::ZERO);
    let mut auditor = Auditor::new(&options(flows));
    auditor.list_flows(|row| *listed.borrow_mut() += row.payload[0] + row.payload[1]);
    for (at, data) in frames {
        auditor.take(&frame(*at, data));
    }
    let finished = auditor.finish();
    (finished, listed.into_inner())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The balance law: bytes posted, the unattributed included, equal bytes decoded, whatever comes in which order,
    /// with a table too small for it and more devices than are told apart.
    #[test]
    fn what_is_decoded_is_booked(
        sent in prop::collection::vec(
            (0_u64..20_000, (0_u8..6, 0_u8..6), (0_u8..3, 0_u8..2), 0_u8..8, 0_u32..2_000,
             prop::collection::vec(any::<u8>(), 0..60), any::<Option<u8>>()),
            0..150,
        ),
    ) {
        let frames: Vec<_> = sent.into_iter().map(|(at, hosts, ports, kind, seq, payload, damage)| {
            let mut data = packet(hosts, ports, kind, seq, &payload);
            if let Some(damage) = damage {
                let place = usize::from(damage) % data.len();
                data[place] ^= 0x55;
            }
            (Stamp::new(1_700_000_000 + at, 0), data)
        }).collect();
        let (finished, listed) = audit(&frames, 4);
        let (total, nobodys) = (finished.books.account.ledger.total(), &finished.books.nobodys);
        let wire = total.wire_up + total.wire_down + nobodys.wire_up + nobodys.wire_down;
        prop_assert_eq!(wire, finished.wire);
        prop_assert_eq!(total.up + total.down + nobodys.up + nobodys.down, listed);
        let by_device: Bytes = finished.books.account.ledger.devices()
            .flat_map(|device| finished.books.account.ledger.rows(device))
            .map(|(_, row)| row.up + row.down)
            .sum();
        prop_assert_eq!(by_device, total.up + total.down);
    }
}
