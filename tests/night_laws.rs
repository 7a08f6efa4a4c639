//! What must hold of every ledger, and of those that no phone would write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use nightaudit::{
    base::{Bytes, Minute, Span},
    identify::{DeclaredFeatures, Kind},
    ledger::{Cell, DeviceLedger, NameSeen, Subject, SubjectLedger, Unplaced, Watched},
    night::{DeviceFinding, Finding, Grade, Lacking, Settings, Verdict, compare, judge},
};
use proptest::prelude::*;

const DAY: u32 = 1_440;

fn quick() -> Settings {
    Settings { power: false, ..Settings::default() }
}

fn row(id: &str, kind: Kind, minutes: Vec<(Minute, Cell)>) -> SubjectLedger {
    let subject = Subject { id: id.into(), name: id.into(), operator: String::new(), kind };
    let unplaced = Unplaced::default();
    SubjectLedger {
        subject,
        minutes,
        unplaced,
        roles: Vec::new(),
        tunnel: false,
        features: DeclaredFeatures::default(),
    }
}

fn some_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Messenger,
        Kind::Cloud,
        Kind::Os,
        Kind::Push,
        Kind::Tracker,
        Kind::Web,
        Kind::Unattributed,
    ])
}

fn some_cell() -> impl Strategy<Value = Cell> {
    (0_u64..9_000_000, 0_u64..9_000_000, 0..=4_u64, 0..=4_u64).prop_map(|(up, down, bulk, stream)| Cell {
        up: Bytes(up),
        down: Bytes(down),
        bulk_up: Bytes(up / 4 * bulk.min(4 - stream.min(4))),
        stream_up: Bytes(up / 4 * stream),
        stream_down: Bytes(down / 4 * stream),
        packets: 9,
        flows: 1,
    })
}

fn some_row(days: u32) -> impl Strategy<Value = SubjectLedger> {
    let minutes = prop::collection::btree_map(0..days * DAY, some_cell(), 0..60);
    (some_kind(), minutes).prop_map(|(kind, minutes)| {
        row("some", kind, minutes.into_iter().map(|(minute, cell)| (Minute(minute), cell)).collect())
    })
}

/// Few names in few minutes, so that they meet, and whole minutes of a session now and then.
fn some_ledger() -> impl Strategy<Value = DeviceLedger> {
    let days = 9_u32;
    let rows = prop::collection::vec(some_row(days), 1..6);
    let names =
        prop::collection::vec((0..days * 8, 0_u32..6, 0_u32..12, prop::option::of(0_u32..6), any::<bool>()), 0..300);
    (rows, names, prop::collection::vec((0..days * DAY, 0_u32..2_000, 0.0..0.9), 0..4)).prop_map(
        move |(subjects, names, watched)| {
            let seen = |(slot, minute, name, subject, background): (u32, u32, u32, Option<u32>, bool)| NameSeen {
                minute: Minute(slot * 180 + minute),
                name,
                subject: subject.filter(|&subject| (subject as usize) < subjects.len()),
                background: background && name % 3 == 0,
            };
            let mut names: Vec<_> = names.into_iter().map(seen).collect();
            names.sort_unstable();
            names.dedup();
            let mut runs: Vec<Watched> = Vec::new();
            let mut at = 0;
            for (first, minutes, dropped) in watched {
                let span = Span { first: Minute(at + first % 300), end: Minute(at + first % 300 + minutes) };
                at = span.end.0;
                runs.push(Watched { span, dropped });
            }
            runs.push(Watched { span: Span { first: Minute(at), end: Minute(days * DAY) }, dropped: 0.0 });
            runs.retain(|run| run.span.first < run.span.end);
            let seen = (0..days * DAY).step_by(10).map(Minute).collect();
            DeviceLedger { watched: runs, seen, names, subjects }
        },
    )
}

fn reversed(ledger: &DeviceLedger) -> DeviceLedger {
    let mut other = ledger.clone();
    let last = u32::try_from(other.subjects.len() - 1).unwrap();
    other.subjects.reverse();
    for name in &mut other.names {
        name.subject = name.subject.map(|subject| last - subject);
    }
    other.names.sort_unstable();
    other
}

fn without_place(mut finding: Finding) -> Finding {
    finding.subject = 0;
    finding
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_order_of_the_subjects_changes_nothing(ledger in some_ledger()) {
        let (one, other) = (judge(&ledger, &quick()), judge(&reversed(&ledger), &quick()));
        let mut backwards = other.findings;
        backwards.reverse();
        let same = |findings: Vec<Finding>| findings.into_iter().map(without_place).collect::<Vec<_>>();
        prop_assert_eq!(same(one.findings), same(backwards));
        prop_assert_eq!((one.cut, one.attended_share, one.leak), (other.cut, other.attended_share, other.leak));
    }

    #[test]
    fn the_deductions_explain_every_byte_and_coverage_is_a_share(ledger in some_ledger()) {
        for finding in judge(&ledger, &quick()).findings {
            for night in &finding.nights {
                let parts = night.deductions;
                let sum = parts.acknowledgements + parts.streams + parts.attended_starts + night.unattended_up;
                prop_assert_eq!(sum, night.unattended_raw_up);
                prop_assert!(night.bulk_up <= night.unattended_up);
                prop_assert!((0.0..=1.0).contains(&night.coverage));
            }
            let bounds = &finding.bounds;
            prop_assert!(bounds.median_night <= bounds.third_worst_night || finding.evidence.eligible_nights < 6);
            prop_assert!(bounds.worst_night <= bounds.raw_worst_night);
        }
    }

    #[test]
    fn every_byte_of_a_watched_night_is_attended_or_not(ledger in some_ledger()) {
        let found = judge(&ledger, &quick());
        for (row, finding) in ledger.subjects.iter().zip(&found.findings) {
            let reach = |minute: Minute| finding.nights.iter().any(|n| n.start <= minute && minute.0 < n.start.0 + DAY);
            let posted: Bytes = finding.nights.iter().map(|n| n.attended_up + n.unattended_raw_up).sum();
            let sent: Bytes = row.minutes.iter().filter(|(minute, _)| reach(*minute)).map(|(_, cell)| cell.up).sum();
            // A burst is counted where it begins, so only whole nights at the edge may differ.
            let gap = posted.less(sent) + sent.less(posted);
            let edge: Bytes = row.minutes.iter().filter(|(minute, _)| near_an_edge(finding, *minute)).map(|(_, c)| c.up).sum();
            prop_assert!(gap <= edge, "{gap} more than the {edge} near the edges");
        }
    }

    #[test]
    fn a_subjects_own_names_and_downloads_never_attend_its_minutes(
        ledger in some_ledger(),
        at in prop::collection::vec((0_u32..9 * 8, 0_u32..9, 0_u32..9), 1..40),
    ) {
        let before = judge(&ledger, &quick());
        let mut louder = ledger.clone();
        louder.names.extend(at.iter().map(|&(slot, minute, name)| NameSeen {
            minute: Minute(slot * 180 + minute),
            name: 1_000 + name,
            subject: Some(0),
            background: false,
        }));
        louder.names.sort_unstable();
        louder.names.dedup();
        let after = judge(&louder, &quick());
        // The nights may be cut elsewhere: the device's own hour is everybody's. The bytes stay on their side.
        let sides = |found: &DeviceFinding| {
            let nights = &found.findings[0].nights;
            let all = |bytes: fn(&nightaudit::night::Night) -> Bytes| nights.iter().map(bytes).sum::<Bytes>();
            (all(|n| n.attended_up), all(|n| n.unattended_up), all(|n| n.bulk_up), all(|n| n.deductions.attended_starts))
        };
        prop_assume!(before.attended_share > 0.0);
        if before.cut == after.cut {
            prop_assert_eq!(sides(&before), sides(&after));
        }
        prop_assert_eq!(before.findings[0].largest_upload, after.findings[0].largest_upload);
    }

    #[test]
    fn nothing_that_can_be_written_into_a_ledger_stops_the_judge(
        minutes in prop::collection::vec((any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>()), 0..40),
        spans in prop::collection::vec((any::<u32>(), any::<u32>(), any::<f64>()), 0..5),
        names in prop::collection::vec((any::<u32>(), any::<u32>(), prop::option::of(any::<u32>())), 0..40),
        kind in some_kind(),
    ) {
        let cell = |up, down, part| Cell {
            up: Bytes(up),
            down: Bytes(down),
            bulk_up: Bytes(part),
            stream_up: Bytes(part / 2),
            stream_down: Bytes(part),
            packets: u32::MAX,
            flows: u32::MAX,
        };
        let mut cells: Vec<_> = minutes.iter().map(|&(at, up, down, part)| (Minute(at), cell(up, down, part))).collect();
        cells.sort_by_key(|(minute, _)| *minute);
        let mut seen: Vec<_> = minutes.iter().map(|&(at, ..)| Minute(at)).collect();
        seen.sort_unstable();
        let watched = |&(first, end, dropped): &(u32, u32, f64)| {
            let span = Span { first: Minute(first.min(end)), end: Minute(first.max(end)) };
            Watched { span, dropped }
        };
        let mut watched: Vec<_> = spans.iter().map(watched).collect();
        watched.sort_by_key(|run| run.span.first);
        let name = |&(at, name, subject): &(u32, u32, Option<u32>)| {
            NameSeen { minute: Minute(at), name, subject, background: false }
        };
        let mut names: Vec<_> = names.iter().map(name).collect();
        names.sort_unstable();
        let ledger = DeviceLedger { watched, seen, names, subjects: vec![row("any", kind, cells)] };
        let found = judge(&ledger, &Settings { injections: 10, ..Settings::default() });
        prop_assert_eq!(found.findings.len(), 1);
        prop_assert!(found.findings[0].verdict != Verdict::ExportLike || found.findings[0].evidence.eligible_nights >= 5);
    }
}

fn near_an_edge(finding: &Finding, minute: Minute) -> bool {
    let (first, last) = (finding.nights.first(), finding.nights.last());
    let edges = finding.nights.iter().flat_map(|n| [n.start.0, n.start.0 + DAY]);
    let gap = edges.map(|edge| edge.abs_diff(minute.0)).min().unwrap_or(0);
    gap <= 240 || first.is_none() || last.is_none()
}

fn watched(first: u32, end: u32) -> Vec<Watched> {
    vec![Watched { span: Span { first: Minute(first), end: Minute(end) }, dropped: 0.0 }]
}

fn megabytes(mb: u64) -> Cell {
    Cell { up: Bytes::mb(mb), bulk_up: Bytes::mb(mb), packets: 1, ..Cell::default() }
}

#[test]
fn an_empty_ledger_and_a_single_packet_and_ten_minutes_are_insufficient_for_a_reason() {
    let nothing = DeviceLedger { subjects: vec![row("a", Kind::Messenger, Vec::new())], ..DeviceLedger::default() };
    let one = Minute(29_000_000);
    let packet = DeviceLedger {
        watched: watched(one.0, one.0 + 1),
        seen: vec![one],
        subjects: vec![row("a", Kind::Messenger, vec![(one, megabytes(1))])],
        ..DeviceLedger::default()
    };
    let ten = DeviceLedger {
        watched: watched(one.0, one.0 + 10),
        seen: (0..10).map(|m| one.plus(m)).collect(),
        subjects: vec![row("a", Kind::Messenger, (0..10).map(|m| (one.plus(m), megabytes(9))).collect())],
        ..DeviceLedger::default()
    };
    for ledger in [nothing, packet, ten] {
        let found = judge(&ledger, &Settings::default()).findings.remove(0);
        assert_eq!(found.verdict, Verdict::Insufficient);
        assert!(found.lacking.contains(&Lacking::Nights { eligible: 0, needed: 5 }), "{:?}", found.lacking);
        assert_eq!((found.bounds.detectable, found.score), (None, None));
    }
}

#[test]
fn a_clock_that_jumps_by_decades_leaves_the_nights_it_saw() {
    let mut minutes = Vec::new();
    let mut seen = Vec::new();
    for age in [0, 9_000_000, 27_000_000, 300_000_000] {
        minutes.extend((0..3).map(|day| (Minute(age + day * DAY), megabytes(60))));
        seen.extend((0..3 * DAY).step_by(10).map(|m| Minute(age + m)));
    }
    let ledger = DeviceLedger {
        watched: watched(0, u32::MAX),
        seen,
        subjects: vec![row("a", Kind::Messenger, minutes)],
        ..DeviceLedger::default()
    };
    let found = judge(&ledger, &Settings::default());
    assert!(found.findings[0].nights.len() <= 16, "{}", found.findings[0].nights.len());
    assert_eq!(found.findings[0].verdict, Verdict::Insufficient);
}

#[test]
fn a_hundred_thousand_subjects_are_each_answered() {
    let days = 6;
    let subject = |n: u32| row("site", Kind::Web, vec![(Minute(n % (days * DAY)), megabytes(u64::from(n % 3)))]);
    let name = |n: u32| NameSeen { minute: Minute(n % (days * DAY)), name: n, subject: Some(n), background: false };
    let count = 100_000;
    let mut names: Vec<_> = (0..count).map(name).collect();
    names.sort_unstable();
    let ledger = DeviceLedger {
        watched: watched(0, days * DAY),
        seen: (0..days * DAY).map(Minute).collect(),
        names,
        subjects: (0..count).map(subject).collect(),
    };
    assert_eq!(judge(&ledger, &Settings::default()).findings.len(), 100_000);
}

/// A device with one row that is called exporting, with this much evidence for it.
fn exporting(log10_e: f64) -> DeviceFinding {
    let one = DeviceLedger { subjects: vec![row("a", Kind::Messenger, Vec::new())], ..DeviceLedger::default() };
    let mut found = judge(&one, &quick());
    let finding = &mut found.findings[0];
    finding.verdict = Verdict::ExportLike;
    finding.lacking.clear();
    finding.evidence.log10_e = log10_e;
    finding.evidence.tipping_rate = Some(0.5);
    found
}

#[test]
fn what_stands_on_one_device_must_stand_among_all_that_were_looked_at() {
    let grades = |devices: &mut [DeviceFinding]| -> Vec<_> {
        compare(devices.iter_mut(), &quick());
        devices.iter().map(|device| device.findings[0].grade).collect()
    };
    let (strong, suggestive) = (Some(Grade::Strong), Some(Grade::Suggestive));
    assert_eq!(grades(&mut [exporting(2.1)]), [strong], "126 against the 20 that one row needs");
    let mut many: Vec<_> = (0..20).map(|n| exporting(if n == 0 { 2.1 } else { 0.0 })).collect();
    assert_eq!(grades(&mut many)[0], suggestive, "among 20 rows it would take 400");
    let mut several: Vec<_> = (0..20).map(|n| exporting(if n < 5 { 2.1 } else { 0.0 })).collect();
    let standing = grades(&mut several);
    assert_eq!((standing[0], standing[4], standing[5]), (strong, strong, suggestive), "five stand by each other");
    many[1..].iter_mut().for_each(|device| device.findings[0].verdict = Verdict::Insufficient);
    assert_eq!(grades(&mut many)[0], strong, "what cannot be judged is no row");
}

#[test]
fn the_same_ledger_gives_the_same_finding() {
    let uploads = (0..20).map(|day| (Minute(day * DAY + 100), megabytes(2))).collect();
    let ledger = DeviceLedger {
        watched: watched(0, 20 * DAY),
        seen: (0..20 * DAY).step_by(10).map(Minute).collect(),
        names: (0..20 * 40)
            .flat_map(|n| (0..5).map(move |name| (n / 40 * DAY + 480 + n % 40 * 20, name)))
            .map(|(minute, name)| NameSeen { minute: Minute(minute), name, subject: None, background: false })
            .collect(),
        subjects: vec![row("a", Kind::Messenger, uploads)],
    };
    let found = judge(&ledger, &Settings::default());
    assert_eq!(found, judge(&ledger, &Settings::default()));
    assert_eq!(found.findings[0].verdict, Verdict::SmallRecurrent);
    assert!(found.findings[0].bounds.detectable.is_some());
}
