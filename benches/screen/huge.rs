//! A screen with as much on it as there ever is, shared by the benchmark and the tests: a phone with many apps over many
//! nights, and many flows. The parent says what `lib` is.

use std::{collections::HashMap, sync::Arc};

use super::lib::{
    base::{Bytes, Endpoint, Minute, Span},
    flow::Protocol,
    identify::{Confidence, DeviceId, Evidence, Kind, Role},
    ledger::{Ledger, Row, RowKey, Subject, Watched},
    night::{Settings, judge},
    pipeline::{
        DestinationTotal, DeviceAudit, FlowRow, Judging, Snapshot,
        snapshot::{Flows, Slice, Slices, Stage},
    },
};

const DAY: u32 = 1_440;
/// 2 June 2025, 13:00 UTC.
const FIRST: Minute = Minute(29_147_820);
const DEVICE: DeviceId = DeviceId(1);

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) subjects: u32,
    pub(crate) nights: u32,
    pub(crate) flows: u32,
}

/// Numbers that look drawn, and are always the same.
fn drawn(n: u32, salt: u32) -> u32 {
    let mixed = n.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(2_246_822_519);
    (mixed ^ (mixed >> 15)).wrapping_mul(2_654_435_761) >> 7
}

/// A finished audit of so much.
pub(crate) fn snapshot(amount: Amount) -> Snapshot {
    let judging =
        Judging { timezone: chrono_tz::Tz::Europe__Berlin, night: Settings { power: false, ..Settings::default() } };
    let mut snapshot = Snapshot::blank(&judging);
    let device = device(amount, &judging);
    let slices = slices(&device);
    snapshot.number = 1;
    snapshot.stage = Stage::Complete;
    snapshot.audit.totals.packets = 123_456_789;
    snapshot.audit.totals.payload_up = device.destinations.iter().map(|to| to.up).sum();
    snapshot.audit.devices = vec![device];
    snapshot.slices = vec![slices];
    snapshot.flows = (0..amount.flows).map(|n| flow(n, amount)).collect::<Flows>();
    snapshot.open = Arc::new([]);
    snapshot
}

fn subject(n: u32) -> Subject {
    let kind = [Kind::Messenger, Kind::Cloud, Kind::Tracker, Kind::Os][n as usize % 4];
    Subject { id: format!("app-{n:03}"), name: format!("App {n:03}"), operator: format!("Operator {}", n % 17), kind }
}

fn host(n: u32) -> String {
    format!("media-{}.app-{n:03}.example", n % 9)
}

fn device(amount: Amount, judging: &Judging) -> DeviceAudit {
    let mut ledger = Ledger::default();
    for n in 0..amount.subjects {
        let subject = ledger.subject_id(&subject(n));
        let destination = ledger.destination_id(&host(n));
        for night in 0..amount.nights {
            for visit in 0..6 {
                let draw = drawn(n * 4_099 + night, visit);
                let minute = FIRST.plus(night * DAY + draw % DAY);
                let up = Bytes(u64::from(draw % 1_000) * if n.is_multiple_of(40) && visit == 0 { 20_000 } else { 30 });
                let row = Row {
                    up,
                    down: Bytes(u64::from(draw % 60_000)),
                    packets: 9,
                    flows: 1,
                    bulk_up: up,
                    ..Row::default()
                };
                ledger.post(RowKey { device: DEVICE, subject, role: Role::Media, destination, minute }, &row);
            }
        }
    }
    let span = Span { first: FIRST, end: FIRST.plus(amount.nights * DAY) };
    let ledger = ledger.device(DEVICE, &[Watched { span, dropped: 0.0 }], &HashMap::new());
    let finding = judge(&ledger, &judging.night);
    let destinations = ledger.subjects.iter().enumerate().map(|(n, own)| DestinationTotal {
        subject: n,
        role: Role::Media,
        destination: host(u32::try_from(n).unwrap_or(0)),
        up: own.minutes.iter().map(|(_, cell)| cell.up).sum(),
        down: own.minutes.iter().map(|(_, cell)| cell.down).sum(),
        unattended_up: Bytes::ZERO,
        evidence: Evidence::Sni,
    });
    DeviceAudit {
        id: "02:00:00:00:07:17".to_owned(),
        label: Some("Ana's phone".to_owned()),
        addresses: ["192.168.7.23".parse()].into_iter().flatten().collect(),
        destinations: destinations.collect(),
        finding,
        ledger,
    }
}

fn slices(device: &DeviceAudit) -> Slices {
    let mut rows = Vec::new();
    for (target, own) in (0_u32..).zip(&device.ledger.subjects) {
        let finding = device.finding.findings.iter().find(|finding| finding.subject == target as usize);
        rows.extend(own.minutes.iter().map(|(minute, cell)| Slice {
            minute: *minute,
            target,
            attended: finding.is_some_and(|finding| finding.is_attended(*minute)),
            up: cell.up,
            down: cell.down,
        }));
    }
    rows.sort_by_key(|slice| slice.minute);
    Slices { rows, grain: 1, by_destination: true }
}

fn flow(n: u32, amount: Amount) -> FlowRow {
    let app = drawn(n, 1) % amount.subjects;
    let first = FIRST.plus(drawn(n, 2) % (amount.nights * DAY)).start().plus_seconds(u64::from(drawn(n, 3) % 60));
    let [high, low] = u16::try_from(n % 60_000).unwrap_or(0).to_be_bytes();
    let end = |text: String, port| text.parse().ok().map(|addr| Endpoint::new(addr, port));
    let local = end("192.168.7.23".to_owned(), 40_000 + u16::from(low));
    let remote = end(format!("157.240.{high}.{low}"), 443);
    let nowhere = Endpoint::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
    let up = Bytes(u64::from(drawn(n, 4) % 4_000_000));
    let down = Bytes(u64::from(drawn(n, 5) % 900_000));
    FlowRow {
        protocol: if n.is_multiple_of(3) { Protocol::Udp } else { Protocol::Tcp },
        a: local.unwrap_or(nowhere),
        b: remote.unwrap_or(nowhere),
        packets: [up.0 / 1_200 + 1, down.0 / 1_200 + 1],
        wire: [up + Bytes(up.0 / 20), down + Bytes(down.0 / 20)],
        payload: [up, down],
        first,
        last: first.plus_seconds(u64::from(drawn(n, 6) % 4_000)),
        device: Some("02:00:00:00:07:17".to_owned()),
        subject: format!("app-{app:03}"),
        app: Some(format!("app-{app:03}")),
        operator: Some(format!("Operator {}", app % 17)),
        kind: Kind::Messenger,
        role: Role::Media,
        host: Some(host(app)),
        host_source: Some("sni"),
        evidence: Evidence::Sni,
        confidence: Confidence::High,
        conflicts: Vec::new(),
        alpn: vec!["h2".to_owned()],
        ja4: Some("t13d1516h2_8daaf6152771_b186095e22b6".to_owned()),
        second_ja4: None,
        speaks: None,
        ech: false,
    }
}
