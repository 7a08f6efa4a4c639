//! Audits that tests draw reports from: one place, so that every format is tried on the same cases.

use chrono_tz::Tz;

use crate::{
    base::{Bytes, Endpoint, Minute, Span},
    flow::Protocol,
    identify::{Confidence, DeclaredFeatures, Evidence, Kind, Role},
    ledger::{Cell, DeviceLedger, Subject, SubjectLedger, Unplaced, Watched},
    night::{
        Annotation, Bounds, Cause, Deductions, DeviceFinding, EvidenceNumbers, Explanation, Finding, Grade, Lacking,
        Night, Score, Standing, Upload, Verdict,
    },
    pipeline::{Audit, DestinationTotal, DeviceAudit, FlowRow, InputReport, Loss, Remit, RulesInfo, Totals},
};

/// 2 June 2026, 15:00 in Berlin: where the first night begins.
const FIRST: Minute = Minute(29_673_420);
const DAY: u32 = 1_440;

/// A strong export by WhatsApp among ordinary apps: 28 nights.
pub(crate) fn export() -> Audit {
    let sizes: Vec<u64> =
        (0..28).map(|n| if [3, 11, 20].contains(&n) { 70_000 } else { 52_000_000 + n * 470_000 }).collect();
    let mut device = phone(28);
    let mut whatsapp = subject("whatsapp", "WhatsApp", "Meta", Kind::Messenger);
    nightly(&mut whatsapp, &sizes, 680, 6);
    by_day(&mut whatsapp, 28, 3_400_000);
    whatsapp.roles = vec![
        (Role::Media, Bytes(1_482_000_000), Bytes(20_400_000)),
        (Role::Chat, Bytes(4_200_000), Bytes(9_100_000)),
        (Role::Call, Bytes::ZERO, Bytes::ZERO),
    ];
    let mut finding = judged(0, Verdict::ExportLike, nights_of(&sizes, 3_400_000));
    finding.grade = Some(Grade::Strong);
    finding.evidence = EvidenceNumbers {
        log10_e: 27.2,
        log10_e_drip: -0.7,
        tipping_rate: Some(0.58),
        eligible_nights: 28,
        hits: vec![(Bytes::mb(1), 25), (Bytes::mb(5), 25), (Bytes::mb(25), 25), (Bytes::mb(100), 0)],
        median_hit: Some(Bytes(58_320_000)),
        first_flagged_night: Some(5),
        hit_share: Some((0.74, 0.97)),
        stands_among_rows: true,
        clock: None,
    };
    finding.bounds = Bounds {
        raw_worst_night: Some(Bytes(64_910_000)),
        frequency_upper_95: Some(0.97),
        ..bounds(64_690_000, 58_110_000)
    };
    finding.largest_upload =
        Some(Upload { start: FIRST.plus(27 * DAY + 680), minutes: 6, bytes: Bytes(64_690_000), attended: false });
    finding.score = Some(Score::of(&finding.evidence));
    finding.explanations = explanations();
    add(&mut device, whatsapp, finding);
    ordinary(&mut device, 28);
    device.destinations = vec![
        to(0, Role::Media, "mmg.whatsapp.net", 1_482_000_000, 20_400_000, 1_400_000_000, Evidence::Sni),
        to(0, Role::Chat, "g.whatsapp.net", 4_200_000, 9_100_000, 700_000, Evidence::Signature),
        to(1, Role::Chat, "chat.signal.org", 900_000, 1_700_000, 240_000, Evidence::Sni),
    ];
    audit(vec![device])
}

/// A nightly backup to a consumer cloud, of only suggestive regularity, on a phone with gaps.
pub(crate) fn backup() -> Audit {
    let sizes: Vec<u64> = (0..14).map(|n| if n % 4 == 1 { 0 } else { 17_000_000 + n * 900_000 }).collect();
    let mut device = phone(14);
    let mut google = subject("google-backup", "Google backup", "Google", Kind::Cloud);
    nightly(&mut google, &sizes, 700, 4);
    google.roles = vec![(Role::Backup, Bytes(231_000_000), Bytes(1_900_000))];
    let mut finding = judged(0, Verdict::BackupLike, nights_of(&sizes, 0));
    finding.grade = Some(Grade::Suggestive);
    finding.annotations = vec![Annotation::PartialCoverage, Annotation::TailRecurrent];
    finding.evidence = EvidenceNumbers {
        log10_e: 6.3,
        log10_e_drip: -0.4,
        tipping_rate: Some(0.21),
        eligible_nights: 12,
        hits: vec![(Bytes::mb(1), 9), (Bytes::mb(5), 9), (Bytes::mb(25), 3), (Bytes::mb(100), 0)],
        median_hit: Some(Bytes(22_400_000)),
        first_flagged_night: Some(6),
        hit_share: Some((0.47, 0.93)),
        stands_among_rows: false,
        clock: None,
    };
    finding.bounds = bounds(28_700_000, 19_700_000);
    finding.largest_upload = None;
    finding.explanations = explanations();
    if let Some(backup) = finding.explanations.iter_mut().find(|said| said.cause == Cause::CloudBackup) {
        backup.standing = Standing::Supported;
        backup.because =
            "9 uploads on 9 of 12 nights, 22.4 MB on a typical one went to Google backup, which takes backups"
                .to_owned();
    }
    add(&mut device, google, finding);
    ordinary(&mut device, 14);
    for finding in &mut device.finding.findings {
        finding.evidence.eligible_nights = 12;
        for n in [5, 6] {
            finding.nights[n].coverage = 0.1;
        }
    }
    device.destinations =
        vec![to(0, Role::Backup, "backup.googleapis.com", 231_000_000, 1_900_000, 231_000_000, Evidence::QuicSni)];
    let mut audit = audit(vec![device]);
    audit.notes =
        vec!["/home/ana/copy.pcap holds the same bytes as /home/ana/phone.pcap.zst and counts once".to_owned()];
    audit.losses = vec![Loss { what: "flows evicted from a full table".into(), count: 1_204 }];
    audit
}

/// Nothing but ordinary traffic over 28 nights.
pub(crate) fn routine() -> Audit {
    let mut device = phone(28);
    ordinary(&mut device, 28);
    audit(vec![device])
}

/// Forty minutes in the evening: no verdict, and still who talked to whom.
pub(crate) fn short() -> Audit {
    let mut device = phone(0);
    device.ledger.watched = vec![Watched { span: Span { first: FIRST.plus(360), end: FIRST.plus(400) }, dropped: 0.0 }];
    device.finding.attended_share = 0.62;
    let lacking = vec![Lacking::Nights { eligible: 0, needed: 5 }];
    let mut telegram = subject("telegram", "Telegram", "Telegram", Kind::Messenger);
    telegram.minutes = vec![(FIRST.plus(370), cell(12_400_000, 300_000)), (FIRST.plus(371), cell(2_400_000, 60_000))];
    telegram.roles = vec![(Role::Unknown, Bytes(15_100_000), Bytes(2_300_000))];
    let mut finding = Finding { lacking: lacking.clone(), ..judged(0, Verdict::Insufficient, Vec::new()) };
    finding.largest_upload =
        Some(Upload { start: FIRST.plus(370), minutes: 2, bytes: Bytes(14_800_000), attended: true });
    add(&mut device, telegram, finding);
    let mut rest = subject("unattributed", "unattributed", "", Kind::Unattributed);
    rest.roles = vec![(Role::Unknown, Bytes(210_000), Bytes(480_000))];
    let mut finding = Finding { lacking: lacking.clone(), ..judged(1, Verdict::Insufficient, Vec::new()) };
    finding.largest_upload = Some(Upload { start: FIRST.plus(391), minutes: 1, bytes: Bytes(90_000), attended: false });
    add(&mut device, rest, finding);
    let mut system = subject("android", "Android", "Google", Kind::Os);
    system.roles = vec![(Role::Update, Bytes(80_000), Bytes(5_300_000))];
    let finding = Finding { lacking, ..judged(2, Verdict::Insufficient, Vec::new()) };
    add(&mut device, system, finding);
    device.destinations = vec![
        to(0, Role::Unknown, "149.154.160.0/20", 15_100_000, 2_300_000, 120_000, Evidence::Prefix),
        to(1, Role::Unknown, "203.0.113.0/24", 210_000, 480_000, 90_000, Evidence::None),
    ];
    let mut audit = audit(vec![device]);
    audit.inputs = vec![InputReport {
        path: "evening.pcapng".to_owned(),
        packets: 18_204,
        first: Some(FIRST.plus(360).start()),
        last: Some(FIRST.plus(400).start()),
        truncated: true,
        malformed: 1,
        unsupported: 214,
        ..input()
    }];
    audit.failed = vec!["notes.txt: not a capture: the file begins with \"Dear \"".to_owned()];
    audit
}

/// A phone whose traffic is inside a VPN.
pub(crate) fn tunnel() -> Audit {
    let mut device = phone(7);
    let mut vpn = subject("unattributed", "unattributed", "", Kind::Unattributed);
    vpn.tunnel = true;
    vpn.roles = vec![(Role::Unknown, Bytes(812_000_000), Bytes(9_400_000_000))];
    let mut finding = judged(0, Verdict::Insufficient, nights_of(&[9_000_000; 7], 90_000_000));
    finding.lacking = vec![Lacking::Tunnel];
    finding.annotations = vec![Annotation::Tunnel, Annotation::Unattributed];
    finding.bounds = bounds(22_000_000, 9_000_000);
    finding.evidence.eligible_nights = 7;
    add(&mut device, vpn, finding);
    device.destinations =
        vec![to(0, Role::Unknown, "198.51.100.7/32", 812_000_000, 9_400_000_000, 63_000_000, Evidence::None)];
    audit(vec![device])
}

/// A capture without a packet.
pub(crate) fn empty() -> Audit {
    let mut audit = audit(Vec::new());
    audit.inputs = vec![InputReport { packets: 0, first: None, last: None, link_types: Vec::new(), ..input() }];
    audit.totals = Totals::default();
    audit
}

/// Names that mean harm, in every place where a stranger or a careless owner may write one.
pub(crate) fn hostile() -> Audit {
    let mut audit = export();
    let long = "a".repeat(255);
    let device = &mut audit.devices[0];
    device.label = Some("<script>alert(1)</script>\u{1b}[2J".to_owned());
    device.id = "=cmd|' /C calc'!A0".to_owned();
    device.ledger.subjects[0].subject.name = "What\u{202e}ppA\u{9b}31m</h2><img src=x onerror=alert(2)>".to_owned();
    device.ledger.subjects[0].subject.operator = "\"Meta\" & | `Co` [x](javascript:alert(3))".to_owned();
    device.ledger.subjects[0].features = DeclaredFeatures::read("</title><script>alert(4)</script>\u{7}");
    device.finding.findings[0].explanations[0].because = "</li><script>alert(8)</script>\u{1b}[31m".to_owned();
    let mut name = |n: usize, text: &str| {
        let mut total = device.destinations[0].clone();
        total.destination = text.to_owned();
        device.destinations.insert(n, total);
    };
    name(0, "=cmd().example");
    name(1, "\u{1b}]0;owned\u{7}\u{200f}x.example");
    name(2, &long);
    name(3, "<script>alert(5)</script>.example");
    audit.inputs[0].path = "\u{202e}</td><svg onload=alert(6)>\r\n# pwned | `x`".to_owned();
    audit.failed = vec!["@evil\u{1b}[31m<script>alert(7)</script>: cannot be read".to_owned()];
    audit
}

/// Every sample with its name.
pub(crate) fn all() -> [(&'static str, Audit); 7] {
    [
        ("export", export()),
        ("backup", backup()),
        ("routine", routine()),
        ("short", short()),
        ("tunnel", tunnel()),
        ("empty", empty()),
        ("hostile", hostile()),
    ]
}

/// Two flows, one of them with hostile names.
pub(crate) fn flows() -> Vec<FlowRow> {
    let row = FlowRow {
        protocol: Protocol::Tcp,
        a: end("192.168.7.23", 41_234),
        b: end("157.240.1.60", 443),
        packets: [4_210, 1_830],
        wire: [Bytes(5_920_411), Bytes(130_022)],
        payload: [Bytes(5_701_300), Bytes(20_112)],
        first: FIRST.start(),
        last: FIRST.plus(4).start().plus_nanos(594_985_000),
        device: Some("02:00:00:00:07:17".to_owned()),
        app: Some("whatsapp".to_owned()),
        operator: Some("Meta".to_owned()),
        subject: "whatsapp".to_owned(),
        kind: Kind::Messenger,
        role: Role::Media,
        host: Some("mmg.whatsapp.net".to_owned()),
        host_source: Some("sni"),
        evidence: Evidence::Sni,
        confidence: Confidence::High,
        conflicts: Vec::new(),
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ja4: Some("t13d1516h2_8daaf6152771_b186095e22b6".to_owned()),
        second_ja4: None,
        speaks: Some("tls"),
        ech: false,
    };
    let hostile = FlowRow {
        protocol: Protocol::Udp,
        a: end("fd00::23", 50_000),
        b: end("2a03:2880:f20d:1c5:face:b00c:0:7260", 443),
        host: Some("=cmd()\u{202e}\u{1b}[31m,\"x\".example".to_owned()),
        host_source: Some("dns"),
        app: None,
        operator: None,
        kind: Kind::Unattributed,
        role: Role::Unknown,
        evidence: Evidence::None,
        confidence: Confidence::Low,
        conflicts: vec!["the address belongs to Meta".to_owned()],
        ja4: None,
        speaks: None,
        ..row.clone()
    };
    let other = FlowRow {
        protocol: Protocol::Other(50),
        a: end("192.168.7.23", 0),
        b: end("198.51.100.7", 0),
        host: None,
        host_source: None,
        ..hostile.clone()
    };
    vec![row, hostile, other]
}

fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint::new(addr.parse().unwrap(), port)
}

fn audit(devices: Vec<DeviceAudit>) -> Audit {
    Audit {
        timezone: Tz::Europe__Berlin,
        rules: RulesInfo { count: 40, sha256: "5d2f".repeat(16) },
        inputs: vec![input()],
        failed: Vec::new(),
        notes: Vec::new(),
        remit: Remit::default(),
        totals: Totals {
            packets: 1_262_154,
            wire: Bytes(2_210_000_000),
            payload_up: Bytes(1_520_000_000),
            payload_down: Bytes(610_000_000),
            unattributed_up: Bytes(9_100_000),
            unattributed_down: Bytes(31_000_000),
        },
        losses: Vec::new(),
        devices,
    }
}

fn input() -> InputReport {
    InputReport {
        path: "/home/ana/phone.pcap.zst".to_owned(),
        sha256: "0123456789abcdef".repeat(4),
        packets: 1_262_154,
        records: 0,
        first: Some(FIRST.start().plus_nanos(46_594_985_000)),
        last: Some(FIRST.plus(28 * DAY).start()),
        link_types: vec!["ethernet".to_owned()],
        malformed: 0,
        unsupported: 0,
        lost: 0,
        truncated: false,
    }
}

fn phone(nights: u32) -> DeviceAudit {
    DeviceAudit {
        id: "02:00:00:00:07:17".to_owned(),
        label: Some("Ana's phone".to_owned()),
        addresses: vec!["192.168.7.23".parse().unwrap(), "fd00::23".parse().unwrap()],
        ledger: DeviceLedger {
            watched: vec![Watched { span: Span { first: FIRST, end: FIRST.plus(nights * DAY) }, dropped: 0.0 }],
            ..DeviceLedger::default()
        },
        finding: DeviceFinding { attended_share: 0.19, leak: 0.02, cut: 13 * 60, findings: Vec::new() },
        destinations: Vec::new(),
    }
}

fn subject(id: &str, name: &str, operator: &str, kind: Kind) -> SubjectLedger {
    SubjectLedger {
        subject: Subject { id: id.to_owned(), name: name.to_owned(), operator: operator.to_owned(), kind },
        minutes: Vec::new(),
        unplaced: Unplaced::default(),
        roles: Vec::new(),
        tunnel: false,
        features: DeclaredFeatures::default(),
    }
}

fn cell(up: u64, down: u64) -> Cell {
    Cell { up: Bytes(up), down: Bytes(down), bulk_up: Bytes(up / 10 * 9), packets: 9, flows: 1, ..Cell::default() }
}

fn nightly(ledger: &mut SubjectLedger, sizes: &[u64], minute_of_night: u32, minutes: u32) {
    for (night, size) in (0_u32..).zip(sizes) {
        let start = FIRST.plus(night * DAY + minute_of_night + night * 7 % 23);
        ledger.minutes.extend((0..minutes).map(|m| (start.plus(m), cell(size / u64::from(minutes), 4_000))));
    }
}

fn by_day(ledger: &mut SubjectLedger, days: u32, size: u64) {
    for day in 0..days {
        for (n, hour) in [0, 3, 6, 17, 21].into_iter().enumerate() {
            let at = FIRST.plus(day * DAY + hour * 60 + day * 13 % 41);
            ledger.minutes.push((at, cell(size * (n as u64 + 1) / 15, 60_000)));
        }
    }
    ledger.minutes.sort_by_key(|(minute, _)| *minute);
}

fn nights_of(sizes: &[u64], attended: u64) -> Vec<Night> {
    let night = |(n, size): (u32, &u64)| Night {
        start: FIRST.plus(n * DAY),
        coverage: 1.0,
        unattended_up: Bytes(*size),
        unattended_raw_up: Bytes(size + 90_000),
        bulk_up: Bytes(if *size < 256_000 { 0 } else { size - 40_000 }),
        attended_up: Bytes(attended + u64::from(n) * 110_000),
        deductions: Deductions { acknowledgements: Bytes(90_000), ..Deductions::default() },
        ..Night::default()
    };
    (0_u32..).zip(sizes).map(night).collect()
}

/// Three of the explanations, one of them open.
fn explanations() -> Vec<Explanation> {
    let one = |cause, standing, because: &str| Explanation { cause, standing, because: because.to_owned() };
    vec![
        one(
            Cause::CloudBackup,
            Standing::RuledOut,
            "all 1.46 GB of it went to servers of WhatsApp, and nothing of it to a consumer cloud",
        ),
        one(
            Cause::DeclaredFeature,
            Standing::CannotTell,
            "no rule names a feature of WhatsApp that uploads to the servers seen here; its settings may",
        ),
        one(
            Cause::ForwardedMedia,
            Standing::RuledOut,
            "before 25 of 25 uploads it had received less within a day than it then sent",
        ),
    ]
}

fn bounds(worst: u64, median: u64) -> Bounds {
    Bounds {
        worst_night: Some(Bytes(worst)),
        third_worst_night: Some(Bytes(worst - worst / 50)),
        median_night: Some(Bytes(median)),
        raw_worst_night: Some(Bytes(worst + 90_000)),
        frequency_upper_95: Some(0.10),
        detectable: Some(Bytes(1_400_000)),
        detectable_export: Some(Bytes(5_700_000)),
        detectable_alternate: Some(Bytes(11_000_000)),
        hidden_share: Some(0.02),
        raw_deductions: Deductions { acknowledgements: Bytes(90_000), ..Deductions::default() },
        ..Bounds::default()
    }
}

fn judged(subject: usize, verdict: Verdict, nights: Vec<Night>) -> Finding {
    Finding {
        subject,
        verdict,
        grade: None,
        lacking: Vec::new(),
        annotations: Vec::new(),
        evidence: EvidenceNumbers::default(),
        bounds: Bounds::default(),
        nights,
        largest_upload: None,
        score: None,
        explanations: Vec::new(),
        attended: [].into(),
    }
}

fn add(device: &mut DeviceAudit, ledger: SubjectLedger, finding: Finding) {
    device.ledger.subjects.push(ledger);
    device.finding.findings.push(Finding { subject: device.ledger.subjects.len() - 1, ..finding });
}

fn to(
    subject: usize,
    role: Role,
    destination: &str,
    up: u64,
    down: u64,
    unattended_up: u64,
    evidence: Evidence,
) -> DestinationTotal {
    DestinationTotal {
        subject,
        role,
        destination: destination.to_owned(),
        up: Bytes(up),
        down: Bytes(down),
        unattended_up: Bytes(unattended_up),
        evidence,
    }
}

/// Ordinary company: a messenger, a cloud, the unattributed rest, and what every phone does.
fn ordinary(device: &mut DeviceAudit, nights: u32) {
    let kinds = [
        ("signal", "Signal", "Signal Technology Foundation", Kind::Messenger, Role::Chat, 2_000_000),
        ("icloud", "iCloud", "Apple", Kind::Cloud, Role::Backup, 6_000_000),
        ("unattributed", "unattributed", "", Kind::Unattributed, Role::Unknown, 9_100_000),
        ("android", "Android", "Google", Kind::Os, Role::Update, 11_000_000),
        ("fcm", "Google push", "Google", Kind::Push, Role::Push, 900_000),
        ("crashlytics", "Crashlytics", "Google", Kind::Tracker, Role::Telemetry, 400_000),
        ("wikipedia", "wikipedia.org", "", Kind::Web, Role::Web, 700_000),
    ];
    for (id, name, operator, kind, role, up) in kinds {
        let mut ledger = subject(id, name, operator, kind);
        by_day(&mut ledger, nights, up / 28);
        ledger.roles = vec![(role, Bytes(up), Bytes(up * 3))];
        let sizes: Vec<u64> = (0..u64::from(nights)).map(|n| 30_000 + n * n * 37 % 90_000).collect();
        let mut finding = judged(0, Verdict::Routine, nights_of(&sizes, up / 28));
        finding.evidence = EvidenceNumbers {
            log10_e: -1.3,
            log10_e_drip: -0.9,
            eligible_nights: nights,
            hits: vec![(Bytes::mb(1), 0), (Bytes::mb(5), 0), (Bytes::mb(25), 0), (Bytes::mb(100), 0)],
            ..EvidenceNumbers::default()
        };
        finding.bounds = bounds(410_000, 80_000);
        add(device, ledger, finding);
    }
}
