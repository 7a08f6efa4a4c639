//! The store by itself: what goes in comes out, what is wrong is said.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
};

use tempfile::TempDir;

use super::*;
use crate::{
    base::{Bytes, Minute, Span, Stamp},
    identify::{DeclaredFeature, Device, DeviceId, Evidence, Kind, Occasion, Role},
    ledger::{Account, Row, RowKey, Subject, SubjectFacts, Watched},
};

const PHONE: DeviceId = DeviceId(0);
const DAY: u32 = 24 * 60;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    (folder, path)
}

fn subject(id: &str, kind: Kind) -> Subject {
    Subject { id: id.into(), name: id.to_uppercase(), operator: "Somebody".into(), kind }
}

/// What an account of a few minutes of one phone looks like.
fn account(minutes: impl IntoIterator<Item = u32>) -> Account {
    let mut account = Account::default();
    let whatsapp = account.ledger.subject_id(&subject("whatsapp", Kind::Messenger));
    let site = account.ledger.subject_id(&subject("example.org", Kind::Web));
    let destinations = ["mmg.whatsapp.net", "example.org"].map(|text| account.ledger.destination_id(text));
    for minute in minutes {
        let minute = Minute(minute);
        for (n, subject) in [whatsapp, site].into_iter().enumerate() {
            let role = [Role::Media, Role::Web][n];
            let row = Row {
                up: Bytes(u64::from(minute.0) + 1),
                down: Bytes(10),
                wire_up: Bytes(2_000_000),
                wire_down: Bytes(50),
                bulk_up: Bytes(n as u64),
                stream_up: Bytes(3),
                stream_down: Bytes(4),
                packets: 7,
                flows: 1,
            };
            let key = RowKey { device: PHONE, subject, role, destination: destinations[n], minute };
            account.ledger.post(key, &row);
            account.attest(PHONE, subject, role, destinations[n], [Evidence::Sni, Evidence::Dns][n]);
        }
        account.ledger.name(PHONE, minute, "mmg.whatsapp.net", Some(whatsapp), false);
        account.ledger.name(PHONE, minute, &format!("n{}.example.net", minute.0 % 3), None, minute.0.is_multiple_of(2));
    }
    let unplaced =
        RowKey { device: PHONE, subject: whatsapp, role: Role::Chat, destination: destinations[0], minute: Minute(0) };
    if account.ledger.rows(PHONE).any(|(key, _)| key.minute == Minute(0)) {
        let row = Row { up: Bytes(4_000), flows: 1, ..Row::default() };
        account.ledger.post_unplaced(unplaced, &row, Minute(0), Minute(0));
    }
    let backup = DeclaredFeature::new("backup", Occasion::Daily);
    let crash = DeclaredFeature::new("crash reports", Occasion::Trouble);
    account.facts.insert(whatsapp, SubjectFacts { tunnel: false, features: [backup, crash].into_iter().collect() });
    account
}

fn phone() -> Device {
    let addresses = BTreeSet::from(["192.168.7.23".parse().unwrap(), "fd00::7".parse().unwrap()]);
    Device { id: "02:00:00:00:07:17".into(), label: Some("Ana's phone".into()), addresses }
}

fn write(store: &mut Store, account: &Account, watched: &[Watched]) -> Result<Flushed, StoreError> {
    let heard = BTreeMap::from([((0, 0), Heard { frames: 5, wire: Bytes(900), ..Heard::default() })]);
    let devices = [(PHONE, phone())];
    let losses = [("flows".to_owned(), 2)];
    let watched = [watched.to_vec()];
    store.write(&Batch { account, devices: &devices, heard: &heard, losses: &losses, watched: &watched, files: &[] })
}

fn run(first: u32, end: u32) -> Watched {
    Watched { span: Span { first: Minute(first), end: Minute(end) }, dropped: 0.0 }
}

#[test]
fn what_is_written_in_pieces_is_read_as_if_it_had_never_left_memory() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    let whole = account(0..200);
    for first in (0..200).step_by(20) {
        let flushed = write(&mut store, &account(first..first + 20), &[run(0, first + 20)]).unwrap();
        assert_eq!(flushed.rows, 40 + u64::from(first == 0));
    }
    let records = store.devices(None).unwrap();
    assert_eq!(records.iter().map(|record| &record.device).collect::<Vec<_>>(), [&phone()]);
    let read = store.account(&records[0], PHONE, None).unwrap();
    let watched = store.captured(None).unwrap();
    assert_eq!(watched.watched, [run(0, 200)]);
    assert_eq!((watched.frames, watched.wire), (50, Bytes(9_000)));
    assert_eq!(watched.losses, [("flows".to_owned(), 20)]);
    let ledger = |account: &Account| account.ledger.device(PHONE, &[run(0, 200)], &account.facts);
    assert_eq!(ledger(&read), ledger(&whole));
    assert_eq!(read.ledger.total(), whole.ledger.total());
    let evidence: Vec<_> = read.evidence.values().copied().collect();
    assert_eq!(evidence, [Evidence::Sni, Evidence::Dns]);
}

#[test]
fn the_same_minute_adds_up_over_flushes() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    for _ in 0..3 {
        write(&mut store, &account([5]), &[run(5, 6)]).unwrap();
    }
    let record = &store.devices(None).unwrap()[0];
    let read = store.account(record, PHONE, None).unwrap();
    let ups: Vec<_> = read.ledger.rows(PHONE).map(|(_, row)| (row.up, row.packets)).collect();
    assert_eq!(ups, [(Bytes(18), 21), (Bytes(18), 21)]);
    let ledger = read.ledger.device(PHONE, &[], &HashMap::new());
    assert_eq!(ledger.names.len(), 2, "a name counts once a minute");
}

#[test]
fn a_span_is_read_alone() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    write(&mut store, &account(0..600), &[run(0, 600)]).unwrap();
    let span = Span { first: Minute(130), end: Minute(310) };
    let record = &store.devices(Some(span)).unwrap()[0];
    let read = store.account(record, PHONE, Some(span)).unwrap().ledger.device(PHONE, &[], &HashMap::new());
    let whole = account(130..310).ledger.device(PHONE, &[], &HashMap::new());
    assert_eq!(read.seen, whole.seen);
    assert_eq!(read.names.len(), whole.names.len());
    assert_eq!(read.subjects[0].minutes, whole.subjects[0].minutes);
    assert_eq!(store.captured(Some(span)).unwrap().watched, [run(130, 310)]);
    let later = Span { first: Minute(700), end: Minute(900) };
    assert_eq!(store.devices(Some(later)).unwrap(), []);
}

#[test]
fn old_minutes_become_hours_and_no_sum_changes() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    write(&mut store, &account((0..3 * DAY).step_by(7)), &[run(0, 3 * DAY)]).unwrap();
    let record = store.devices(None).unwrap().remove(0);
    let before = store.account(&record, PHONE, None).unwrap();
    let retained = store.sum_up(Minute(2 * DAY + 100)).unwrap();
    assert_eq!(retained.minutes, 2 * u64::from((2 * DAY).div_ceil(7)));
    let after = store.account(&record, PHONE, None).unwrap();
    assert_eq!(after.ledger.total(), before.ledger.total());
    let device = |account: &Account| account.ledger.device(PHONE, &[], &account.facts);
    assert_eq!(device(&after).subjects[0].roles, device(&before).subjects[0].roles);
    let first = |account: &Account| device(account).subjects[0].minutes[0].0;
    assert!(first(&after) >= Minute(2 * DAY) && first(&before) == Minute(0));
    assert_eq!(device(&after).names.iter().map(|seen| seen.minute).min(), device(&after).seen.first().copied());
    let captured = store.captured(None).unwrap();
    assert_eq!((captured.minutes_from, captured.watched), (Minute(2 * DAY), vec![run(2 * DAY, 3 * DAY)]));
    assert_eq!(store.sum_up(Minute(2 * DAY + 200)).unwrap(), Retained::default(), "once is enough");
}

#[test]
fn minutes_that_come_in_after_theirs_were_summed_up_still_count() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    write(&mut store, &account(0..10), &[]).unwrap();
    store.sum_up(Minute(DAY)).unwrap();
    write(&mut store, &account(0..10), &[]).unwrap();
    let record = store.devices(None).unwrap().remove(0);
    let total = |store: &Store| store.account(&record, PHONE, None).unwrap().ledger.total().up;
    assert_eq!(total(&store), Bytes(8_220));
    store.sum_up(Minute(DAY)).unwrap();
    assert_eq!(total(&store), Bytes(8_220));
}

#[test]
fn the_second_writer_is_told_who_the_first_is() {
    let (_folder, path) = place();
    let first = Store::open(&path).unwrap();
    let said = Store::open(&path).unwrap_err().to_string();
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    drop(first);
    Store::open(&path).unwrap();
}

#[test]
fn a_reader_sees_whole_flushes_beside_a_writer() {
    let (_folder, path) = place();
    let mut writer = Store::open(&path).unwrap();
    write(&mut writer, &account(0..10), &[]).unwrap();
    let reader = Store::read(&path).unwrap();
    let count = |store: &Store| {
        let record = store.devices(None).unwrap().remove(0);
        store.account(&record, PHONE, None).unwrap().ledger.len()
    };
    reader
        .at_one_moment(|reader| {
            assert_eq!(count(reader), 21);
            write(&mut writer, &account(10..20), &[]).unwrap();
            assert_eq!(count(reader), 21, "a moment is a moment");
            Ok(())
        })
        .unwrap();
    assert_eq!(count(&reader), 41);
}

#[test]
fn a_capture_is_taken_in_once_and_a_grown_one_not_at_all() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    let file = |sha256: &str, first: u64| FileRecord {
        path: format!("{sha256}.pcap"),
        sha256: sha256.into(),
        packets: 90,
        first: Some(Stamp::new(first, 5)),
        last: Some(Stamp::new(first + 600, 5)),
        link_types: vec!["ethernet".into(), "raw".into()],
        lost: 10,
        ..FileRecord::default()
    };
    let mut take = |file: FileRecord| {
        let account = account(0..5);
        store.write(&Batch {
            account: &account,
            devices: &[(PHONE, phone())],
            heard: &BTreeMap::new(),
            losses: &[],
            watched: &[],
            files: &[file],
        })
    };
    take(file("aa", 600)).unwrap();
    assert!(matches!(take(file("aa", 600)), Err(StoreError::Grown { .. })));
    let grown = take(file("bb", 600)).unwrap_err().to_string();
    assert!(grown.contains("bb.pcap") && grown.contains("aa.pcap"), "{grown}");
    take(file("cc", 1_200)).unwrap();
    assert_eq!(store.holds("aa").unwrap().as_deref(), Some("aa.pcap"));
    assert_eq!(store.holds("bb").unwrap(), None);
    let captured = store.captured(None).unwrap();
    assert_eq!(captured.files, [file("aa", 600), file("cc", 1_200)]);
    assert_eq!(captured.watched, [Watched { dropped: 0.1, ..run(10, 31) }]);
    let record = store.devices(None).unwrap().remove(0);
    assert_eq!(store.account(&record, PHONE, None).unwrap().ledger.total().packets, 2 * 2 * 5 * 7, "two of four");
}

#[test]
fn verdicts_outlive_their_minutes() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    write(&mut store, &account(0..10), &[]).unwrap();
    let night = NightRecord {
        start: Minute(0),
        coverage: 0.5,
        unattended_up: Bytes(7),
        unattended_raw_up: Bytes(9),
        bulk_up: Bytes(0),
        attended_up: Bytes(1),
        streams_up: Bytes(0),
    };
    let verdict = VerdictRecord {
        device: phone().id,
        subject: subject("whatsapp", Kind::Messenger),
        verdict: "export-like".into(),
        grade: Some("strong".into()),
        log10_e: 12.5,
        eligible_nights: 28,
        worst_night: Some(Bytes(7)),
        nights: vec![night],
    };
    let stranger = VerdictRecord { device: "nobody".into(), ..verdict.clone() };
    let run = |made, verdicts| RunRecord {
        name: "morning".into(),
        made: Stamp::new(made, 0),
        span: Some(Span { first: Minute(0), end: Minute(DAY) }),
        version: "1".into(),
        rules_sha256: "ff".into(),
        verdicts,
    };
    assert_eq!(store.last_run("morning").unwrap(), None);
    store.remember(&run(1, vec![verdict.clone(), stranger])).unwrap();
    store.sum_up(Minute(DAY)).unwrap();
    let said = store.last_run("morning").unwrap().unwrap();
    assert_eq!(said, run(1, vec![VerdictRecord { nights: Vec::new(), ..verdict.clone() }]));
    store.remember(&run(2, vec![VerdictRecord { verdict: "routine".into(), ..verdict }])).unwrap();
    assert_eq!(store.last_run("morning").unwrap().unwrap().verdicts[0].verdict, "routine");
    assert_eq!(store.last_run("evening").unwrap(), None);
}

#[test]
fn what_is_no_ledger_is_called_by_what_it_is() {
    let (folder, path) = place();
    assert!(matches!(Store::read(&path), Err(StoreError::Missing { .. })));
    fs::write(&path, "a capture that somebody named ledger.db, and then some more of it").unwrap();
    for said in [Store::open(&path).unwrap_err(), Store::read(&path).unwrap_err()] {
        assert!(matches!(said, StoreError::NotALedger { .. }), "{said}");
    }
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE music (title TEXT)").unwrap();
    let said = Store::open(&other).unwrap_err().to_string();
    assert!(said.contains("another program's"), "{said}");
    let newer = folder.path().join("newer.db");
    drop(Store::open(&newer).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let said = Store::open(&newer).unwrap_err().to_string();
    assert!(said.contains("schema 99") && said.contains("update nightaudit"), "{said}");
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    assert!(Store::read(&empty).unwrap_err().to_string().contains("no ledger yet"));
}

#[test]
fn a_damaged_ledger_gives_one_line_and_no_panic() {
    let (_folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    write(&mut store, &account(0..2_000), &[run(0, 2_000)]).unwrap();
    drop(store);
    let sound = fs::read(&path).unwrap();
    let mut told = 0;
    for page in 1..sound.len() / 4_096 {
        let mut bytes = sound.clone();
        for byte in &mut bytes[page * 4_096..(page + 1) * 4_096] {
            *byte = byte.wrapping_mul(31).wrapping_add(7);
        }
        fs::write(&path, &bytes).unwrap();
        let read = Store::read(&path).and_then(|store| {
            store.captured(None)?;
            let records = store.devices(None)?;
            records.iter().try_for_each(|record| store.account(record, PHONE, None).map(drop))
        });
        if let Err(error) = read {
            let said = error.to_string();
            assert!(!said.contains('\n') && said.contains("ledger.db"), "{said}");
            assert!(matches!(error, StoreError::Damaged { .. }), "page {page}: {error:?}");
            told += 1;
        }
    }
    assert!(told > 10, "only {told} pages mattered");
}

#[test]
fn content_that_cannot_be_is_damage_and_not_a_panic() {
    for change in [
        "UPDATE minutes SET up = -1",
        "UPDATE minutes SET role = 99",
        "UPDATE minutes SET subject = 4711",
        "UPDATE minutes SET destination = 4711",
        "UPDATE subjects SET kind = 'weather'",
        "UPDATE evidence SET evidence = 1000",
        "UPDATE watched SET first = -5",
        "UPDATE captured SET frames = -5",
        "UPDATE devices SET device = CAST(x'ff' AS TEXT)",
        "DROP TABLE named",
    ] {
        let (_folder, path) = place();
        let mut store = Store::open(&path).unwrap();
        write(&mut store, &account(0..3), &[run(0, 3)]).unwrap();
        drop(store);
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let store = Store::read(&path).unwrap();
        let read = store.captured(None).and_then(|_| {
            let records = store.devices(None)?;
            records.iter().try_for_each(|record| store.account(record, PHONE, None).map(drop))
        });
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{change}: {read:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_ledger_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let mut store = Store::open(&path).unwrap();
    write(&mut store, &account(0..3), &[]).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
}
