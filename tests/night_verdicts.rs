//! Small ledgers with one thing in them, and what is said of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use nightaudit::{
    base::{Bytes, Minute, Span},
    identify::{DeclaredFeatures, Kind},
    ledger::{Cell, DeviceLedger, NameSeen, Subject, SubjectLedger, Unplaced, Watched},
    night::{Annotation, Cause, Declared, Finding, Grade, Lacking, Settings, Standing, Verdict, judge},
};

const DAY: u32 = 1_440;

/// Days that begin at 08:00 on the axis, with a person there every quarter of an hour until midnight.
struct Phone {
    days: u32,
    rows: Vec<SubjectLedger>,
    names: Vec<NameSeen>,
    gone: Vec<u32>,
    dropped: f64,
}

impl Phone {
    fn of(days: u32) -> Self {
        let mut phone =
            Self { days, rows: vec![row("web", Kind::Web)], names: Vec::new(), gone: Vec::new(), dropped: 0.0 };
        for minute in (0..days * DAY).filter(|m| m % DAY < 16 * 60 && m % 15 == 0) {
            phone.look_up(minute, 5, Some(0));
        }
        phone
    }

    fn look_up(&mut self, minute: u32, names: u32, subject: Option<u32>) {
        let seen = |name| NameSeen { minute: Minute(minute), name, subject, background: false };
        self.names.extend((0..names).map(|name| seen(name + 1_000 * subject.unwrap_or(99))));
    }

    fn with(mut self, id: &str, kind: Kind) -> Self {
        self.rows.push(row(id, kind));
        self
    }

    /// The last row sends `up` in one minute, in full packets, `minute` minutes into each of `days`.
    fn sends(mut self, up: Bytes, minute: u32, days: impl IntoIterator<Item = u32>) -> Self {
        let cell = Cell { up, down: Bytes(up.0 / 50), bulk_up: Bytes(up.0 / 100 * 95), ..Cell::default() };
        let cells = days.into_iter().map(|day| (Minute(day * DAY + minute), cell));
        self.rows.last_mut().unwrap().minutes.extend(cells);
        self
    }

    fn ledger(mut self) -> DeviceLedger {
        let whole = Span { first: Minute(0), end: Minute(self.days * DAY) };
        let gone = |minute: u32| self.gone.contains(&(minute / DAY)) && minute % DAY >= 16 * 60;
        let mut seen: Vec<_> = (0..self.days * DAY).step_by(6).filter(|&m| !gone(m)).map(Minute).collect();
        for row in &mut self.rows {
            row.minutes.sort_by_key(|(minute, _)| *minute);
            seen.extend(row.minutes.iter().map(|(minute, _)| *minute));
        }
        seen.sort_unstable();
        seen.dedup();
        self.names.sort_by_key(|name| name.minute);
        DeviceLedger {
            watched: vec![Watched { span: whole, dropped: self.dropped }],
            seen,
            names: self.names,
            subjects: self.rows,
        }
    }

    /// What is said of the last row.
    fn judged(self) -> Finding {
        self.judged_with(&Settings { power: false, ..Settings::default() })
    }

    fn judged_with(self, settings: &Settings) -> Finding {
        judge(&self.ledger(), settings).findings.pop().unwrap()
    }
}

fn row(id: &str, kind: Kind) -> SubjectLedger {
    SubjectLedger {
        subject: Subject { id: id.into(), name: id.into(), operator: String::new(), kind },
        minutes: Vec::new(),
        unplaced: Unplaced::default(),
        roles: Vec::new(),
        tunnel: false,
        features: DeclaredFeatures::default(),
    }
}

fn messenger(days: u32) -> Phone {
    Phone::of(days).with("whatsapp", Kind::Messenger)
}

/// Three in the morning, counted from eight.
const THREE: u32 = 19 * 60;

#[test]
fn a_quiet_app_is_routine_and_its_bounds_say_how_quiet() {
    let found = messenger(28).sends(Bytes::kb(40), THREE, 0..28).judged();
    assert_eq!(found.verdict, Verdict::Routine);
    assert_eq!(found.evidence.eligible_nights, 28);
    let worst = found.bounds.worst_night.unwrap();
    assert!(worst < Bytes::kb(40) && worst > Bytes::kb(39), "{worst}");
    assert_eq!(found.bounds.raw_worst_night, Some(Bytes::kb(40)));
    assert!((found.bounds.frequency_upper_95.unwrap() - 0.101).abs() < 1e-3);
    assert_eq!(found.grade, None);
}

#[test]
fn a_nightly_upload_to_the_operator_is_export_like_from_the_fifth_night() {
    let found = messenger(28).sends(Bytes::mb(60), THREE, 0..28).judged();
    assert_eq!((found.verdict, found.grade), (Verdict::ExportLike, Some(Grade::Strong)));
    assert_eq!(found.evidence.first_flagged_night, Some(5));
    assert_eq!(found.evidence.median_hit, Some(Bytes(59_964_000)));
    assert!(found.evidence.stands_among_rows && found.score.unwrap().probability() > 0.99);
}

#[test]
fn the_same_to_a_consumer_cloud_is_backup_like_and_to_an_unknown_host_export_like() {
    let kinds = [
        (Kind::Cloud, Verdict::BackupLike),
        (Kind::Os, Verdict::BackupLike),
        (Kind::Tracker, Verdict::ExportLike),
        (Kind::Web, Verdict::ExportLike),
        (Kind::Unattributed, Verdict::ExportLike),
    ];
    for (kind, said) in kinds {
        let found = Phone::of(14).with("there", kind).sends(Bytes::mb(30), THREE, 0..14).judged();
        assert_eq!(found.verdict, said, "{kind:?}");
        assert_eq!(found.annotations.contains(&Annotation::Unattributed), kind == Kind::Unattributed);
    }
}

#[test]
fn the_same_by_day_is_the_owners_own_doing() {
    let found = messenger(28).sends(Bytes::mb(60), 3 * 60, 0..28).judged();
    assert_eq!(found.verdict, Verdict::Routine);
    assert_eq!(found.bounds.worst_night, Some(Bytes::ZERO));
    assert!(found.largest_upload.unwrap().attended);
    assert!(found.nights.iter().take(27).all(|night| night.attended_up == Bytes::mb(60)));
}

#[test]
fn two_megabytes_a_night_are_small_and_recurrent() {
    let found = messenger(28).sends(Bytes::mb(2), THREE, 0..28).judged();
    assert_eq!((found.verdict, found.grade), (Verdict::SmallRecurrent, None));
}

#[test]
fn one_large_upload_is_bulk_but_irregular() {
    let found = messenger(28).sends(Bytes::mb(300), THREE, [9]).judged();
    assert_eq!(found.verdict, Verdict::BulkButIrregular);
    assert_eq!(found.evidence.hits.last(), Some(&(Bytes::mb(100), 1)));
}

#[test]
fn an_upload_every_week_on_the_same_day_is_found_by_its_day() {
    let found = messenger(42).sends(Bytes::mb(50), THREE, (0..6).map(|week| week * 7 + 3)).judged();
    assert_eq!(found.verdict, Verdict::ExportLike);
}

#[test]
fn many_small_uploads_a_night_are_a_drip() {
    let nightly = (0..7 * 60).step_by(5).map(|step| 17 * 60 + step);
    let dripping = nightly.fold(messenger(28), |phone, minute| phone.sends(Bytes::kb(60), minute, 0..28));
    let found = dripping.judged();
    assert_eq!(found.verdict, Verdict::ExportLike);
    assert!(found.annotations.contains(&Annotation::Drip));
    assert!(found.evidence.log10_e < 0.0, "no bursts: {}", found.evidence.log10_e);
}

#[test]
fn the_bytes_of_acknowledgements_streams_and_attended_starts_are_deducted_and_itemised() {
    let mut phone = messenger(28);
    let cells = &mut phone.rows.last_mut().unwrap().minutes;
    for day in 0..28 {
        let download = Cell { up: Bytes::mb(2), down: Bytes::mb(90), ..Cell::default() };
        let call = Cell { up: Bytes::mb(3), stream_up: Bytes::mb(3), stream_down: Bytes::mb(3), ..Cell::default() };
        // A video that begins before the last touch wears off at 16:15, and goes on for an hour.
        let video = Cell { up: Bytes::mb(1), bulk_up: Bytes::mb(1), ..Cell::default() };
        cells.push((Minute(day * DAY + 20 * 60), download));
        cells.push((Minute(day * DAY + 21 * 60), Cell { down: Bytes::mb(3), ..call }));
        cells.extend((0..60).map(|minute| (Minute(day * DAY + 16 * 60 + minute), video)));
    }
    let found = phone.judged();
    assert_eq!(found.verdict, Verdict::Routine);
    let night = found.nights[10];
    assert_eq!(night.unattended_up, Bytes::ZERO);
    assert_eq!(night.deductions.acknowledgements, Bytes::mb(2));
    assert_eq!(night.deductions.streams, Bytes::mb(3));
    assert!(night.deductions.attended_starts > Bytes::mb(40), "{}", night.deductions.attended_starts);
    assert_eq!(found.bounds.raw_deductions, night.deductions);
    for night in &found.nights {
        let parts = night.deductions;
        let sum = parts.acknowledgements + parts.streams + parts.attended_starts + night.unattended_up;
        assert_eq!(sum, night.unattended_raw_up, "deductions explain the difference to the byte");
    }
}

#[test]
fn four_nights_are_too_few_and_the_reason_is_said() {
    let found = messenger(4).sends(Bytes::mb(60), THREE, 0..4).judged();
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert!(matches!(found.lacking[..], [Lacking::Nights { needed: 5, .. }]), "{:?}", found.lacking);
    assert!(found.bounds.worst_night.is_some() && found.largest_upload.is_some(), "what was seen is still said");
}

#[test]
fn a_phone_that_leaves_every_night_is_not_quiet_but_away() {
    let mut phone = messenger(28);
    phone.gone = (0..28).collect();
    let found = phone.judged();
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert!(found.lacking.contains(&Lacking::Coverage), "{:?}", found.lacking);
}

#[test]
fn lost_packets_widen_the_bounds() {
    let mut phone = messenger(28).sends(Bytes::kb(900), THREE, 0..28);
    phone.dropped = 0.1;
    let bounds = phone.judged().bounds;
    assert!(bounds.worst_night.unwrap() > Bytes::kb(998), "{:?}", bounds.worst_night);
}

#[test]
fn a_capture_of_one_app_cannot_tell_attended_time_unless_its_owner_does() {
    let alone = || {
        let mut phone = messenger(28).sends(Bytes::mb(60), THREE, 0..28);
        phone.names.clear();
        (0..28).for_each(|day| phone.look_up(day * DAY + 60, 9, Some(1)));
        phone
    };
    let found = alone().judged();
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert!(matches!(found.lacking[..], [Lacking::OtherTraffic { used: 0, .. }]), "{:?}", found.lacking);
    assert_eq!(found.bounds.worst_night, None, "nobody knows what was unattended");

    let rest = Declared::Asleep { from: 16 * 60, to: 0, zone: chrono_tz::UTC };
    let found = alone().judged_with(&Settings { declared: Some(rest), power: false, ..Settings::default() });
    assert_eq!(found.verdict, Verdict::ExportLike);
    assert!(found.annotations.contains(&Annotation::DeclaredHours));

    let screen = (0..28).map(|day| Span { first: Minute(day * DAY), end: Minute(day * DAY + 16 * 60) }).collect();
    let logged = Settings { declared: Some(Declared::InUse(screen)), power: false, ..Settings::default() };
    assert_eq!(alone().judged_with(&logged).verdict, Verdict::ExportLike);
}

#[test]
fn downloads_that_come_without_names_make_attended_time_unknowable() {
    let mut phone = messenger(28);
    phone.names.retain(|name| name.minute.0 % DAY < 60);
    let reading = Cell { down: Bytes::mb(2), ..Cell::default() };
    let browsing = (0..28 * DAY).filter(|m| m % DAY < 16 * 60 && m % 60 == 30);
    phone.rows[0].minutes.extend(browsing.map(|minute| (Minute(minute), reading)));
    let found = phone.judged();
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert!(matches!(found.lacking[..], [Lacking::AttendedTime { leak }] if leak > 0.9), "{:?}", found.lacking);
}

#[test]
fn inside_a_tunnel_no_app_can_be_judged_but_the_tunnel_itself_is() {
    let mut phone = messenger(28).sends(Bytes::mb(1), 60, 0..28).with("unattributed", Kind::Unattributed);
    phone.rows[2].tunnel = true;
    let found = judge(&phone.sends(Bytes::mb(60), THREE, 0..28).ledger(), &Settings::default()).findings;
    assert_eq!((found[1].verdict, &found[1].lacking[..]), (Verdict::Insufficient, &[Lacking::Tunnel][..]));
    assert_eq!(found[2].verdict, Verdict::ExportLike);
    assert!(found[2].annotations.contains(&Annotation::Tunnel));
}

fn standing(found: &Finding, cause: Cause) -> Option<Standing> {
    found.explanations.iter().find(|said| said.cause == cause).map(|said| said.standing)
}

#[test]
fn innocent_explanations_are_held_against_what_was_seen() {
    let export = messenger(28).sends(Bytes::mb(60), THREE, 0..28).judged();
    for cause in [Cause::CloudBackup, Cause::ForwardedMedia, Cause::HistorySync, Cause::CrashDump, Cause::Call] {
        assert_eq!(standing(&export, cause), Some(Standing::RuledOut), "{cause:?}: {:?}", export.explanations);
    }
    assert_eq!(standing(&export, Cause::DeclaredFeature), Some(Standing::CannotTell));

    let mut offering = messenger(28).sends(Bytes::mb(60), THREE, 0..28);
    offering.rows.last_mut().unwrap().features = DeclaredFeatures::read("an encrypted backup");
    let found = offering.judged();
    assert_eq!(standing(&found, Cause::DeclaredFeature), Some(Standing::Supported));
    assert!(found.annotations.contains(&Annotation::DeclaredFeature));

    let cloud = Phone::of(28).with("drive", Kind::Cloud).sends(Bytes::mb(60), THREE, 0..28).judged();
    assert_eq!(standing(&cloud, Cause::CloudBackup), Some(Standing::Supported));
    let unknown = Phone::of(28).with("x", Kind::Unattributed).sends(Bytes::mb(60), THREE, 0..28).judged();
    assert_eq!(standing(&unknown, Cause::CloudBackup), Some(Standing::CannotTell));
}

#[test]
fn media_that_was_received_first_may_have_been_passed_on() {
    let mut phone = messenger(28).sends(Bytes::mb(30), THREE, 0..28);
    let received = Cell { down: Bytes::mb(40), ..Cell::default() };
    phone.rows.last_mut().unwrap().minutes.extend((0..28).map(|day| (Minute(day * DAY + 600), received)));
    assert_eq!(standing(&phone.judged(), Cause::ForwardedMedia), Some(Standing::CannotTell));
}

#[test]
fn a_history_sent_once_and_a_rare_dump_are_told_from_an_export() {
    let once = messenger(28).sends(Bytes::mb(300), THREE, [9, 10]).judged();
    assert_eq!(standing(&once, Cause::HistorySync), Some(Standing::CannotTell));
    let mut pieces = messenger(28);
    for hour in 0..6 {
        pieces = pieces.sends(Bytes::mb(50), THREE - 120 + hour * 60, [9]);
    }
    assert_eq!(standing(&pieces.judged(), Cause::HistorySync), Some(Standing::Supported));
    let rare = messenger(28).sends(Bytes::mb(15), THREE, [3, 17]).judged();
    assert_eq!(standing(&rare, Cause::CrashDump), Some(Standing::CannotTell));
}

#[test]
fn calls_and_acknowledgements_explain_what_was_deducted_for_them() {
    let mut phone = messenger(28);
    let call = Cell { up: Bytes::mb(9), stream_up: Bytes::mb(9), stream_down: Bytes::mb(9), ..Cell::default() };
    phone.rows.last_mut().unwrap().minutes.extend((0..28).map(|day| (Minute(day * DAY + THREE), call)));
    let found = phone.judged();
    assert_eq!((found.verdict, standing(&found, Cause::Call)), (Verdict::Routine, Some(Standing::Supported)));
    assert_eq!(found.bounds.worst_night, Some(Bytes::ZERO));

    let mut updating = messenger(28);
    let update = Cell { up: Bytes::mb(12), down: Bytes::mb(900), ..Cell::default() };
    updating.rows.last_mut().unwrap().minutes.extend((0..28).map(|day| (Minute(day * DAY + THREE), update)));
    let found = updating.judged();
    assert_eq!(standing(&found, Cause::UpdateAcknowledgements), Some(Standing::Supported));
    assert!(messenger(28).judged().explanations.is_empty(), "nothing to explain");
}

#[test]
fn an_hour_of_the_night_is_seen_in_a_fixed_clock() {
    let clock = messenger(28).sends(Bytes::mb(60), THREE, 0..28).judged().evidence.clock.unwrap();
    assert_eq!(u32::from(clock.minute), THREE);
    assert!(clock.concentration > 0.999 && clock.p_value <= 0.01);
}

#[test]
fn a_look_at_the_phone_attends_the_upload_begun_in_it_and_nothing_after() {
    let look = |names| {
        let mut phone = messenger(28).sends(Bytes::mb(60), THREE, 0..28);
        (0..28).for_each(|day| phone.look_up(day * DAY + THREE - 1, names, Some(0)));
        phone.judged()
    };
    assert_eq!(look(2).verdict, Verdict::ExportLike);
    assert_eq!(look(3).verdict, Verdict::Routine, "somebody was there to begin it");
    let mut early = messenger(28).sends(Bytes::mb(60), THREE, 0..28);
    (0..28).for_each(|day| early.look_up(day * DAY + THREE - 10, 3, Some(0)));
    assert_eq!(early.judged().verdict, Verdict::ExportLike, "a look ten minutes before says nothing");
}

#[test]
fn an_export_that_stops_stays_found() {
    let found = messenger(28).sends(Bytes::mb(30), THREE, 0..6).judged();
    assert_eq!(found.verdict, Verdict::ExportLike);
}

#[test]
fn a_higher_accident_rate_takes_the_verdict_back() {
    let every_fourth = || messenger(28).sends(Bytes::mb(30), THREE, (0..28).step_by(3));
    assert_eq!(every_fourth().judged().verdict, Verdict::ExportLike);
    let lenient = Settings { accident_rate: 0.3, small_accident_rate: 0.3, power: false, ..Settings::default() };
    assert_eq!(every_fourth().judged_with(&lenient).verdict, Verdict::BulkButIrregular);
}

#[test]
fn what_nobody_can_place_in_time_makes_no_night_and_where_it_is_most_no_verdict() {
    let quiet = messenger(14);
    let mut partly = messenger(14);
    partly.rows[1].minutes.push((Minute(0), Cell { up: Bytes::mb(3), ..Cell::default() }));
    partly.rows[1].unplaced = Unplaced { up: Bytes::mb(1), down: Bytes::ZERO, connections: 2 };
    let mut mostly = messenger(14);
    mostly.rows[1].unplaced = Unplaced { up: Bytes::mb(900), down: Bytes::ZERO, connections: 14 };
    let settings = Settings { power: false, ..Settings::default() };
    let found = |phone: Phone| judge(&phone.ledger(), &settings).findings.remove(1);
    let (quiet, partly, mostly) = (found(quiet), found(partly), found(mostly));
    assert!(!quiet.annotations.contains(&Annotation::Unplaced));
    assert_eq!(partly.verdict, quiet.verdict);
    assert!(partly.annotations.contains(&Annotation::Unplaced));
    assert_eq!(mostly.verdict, Verdict::Insufficient);
    assert!(matches!(mostly.lacking[..], [Lacking::Unplaced { share }] if share > 0.9), "{:?}", mostly.lacking);
    assert!(mostly.nights.iter().all(|night| night.unattended_raw_up == Bytes::ZERO));
}
