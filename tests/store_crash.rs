//! What becomes of a ledger when its writer dies, its disk is full, or may not be written.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, SystemTime},
};

use nightaudit::{
    base::{Bytes, Minute, Span},
    identify::{Device, DeviceId, Evidence, Kind, Role},
    ledger::{Account, Batch, Flushed, Heard, Row, RowKey, Store, StoreError, Subject, Watched},
};
use rand::{Rng, SeedableRng};
use rusqlite::Connection;

const PHONE: DeviceId = DeviceId(0);
/// Rows of one flush: enough that it spans many pages.
const ROWS: u32 = 400;
/// Names the ledger for the child that writes.
const LEDGER: &str = "NIGHTAUDIT_TEST_LEDGER";

/// Flush number `n`: minute `n`, with `ROWS` rows of as many subjects.
fn flush(store: &mut Store, n: u32) -> Result<Flushed, StoreError> {
    let mut account = Account::default();
    for row in 0..ROWS {
        let id = format!("subject-{row}");
        let subject = Subject { id: id.clone(), name: id.clone(), operator: String::new(), kind: Kind::Messenger };
        let subject = account.ledger.subject_id(&subject);
        let destination = account.ledger.destination_id(&id);
        let key = RowKey { device: PHONE, subject, role: Role::Chat, destination, minute: Minute(n) };
        account.ledger.post(key, &Row { up: Bytes(1_000), packets: 1, ..Row::default() });
        account.ledger.name(PHONE, Minute(n), &format!("host-{}.example", row % 60), Some(subject), false);
        account.attest(PHONE, subject, Role::Chat, destination, Evidence::Sni);
    }
    let devices = [(PHONE, Device { id: "phone".into(), label: None, addresses: [].into() })];
    let heard = BTreeMap::from([((0, n / 60), Heard { frames: ROWS.into(), ..Heard::default() })]);
    let watched = [vec![Watched { span: Span { first: Minute(n), end: Minute(n + 1) }, dropped: 0.0 }]];
    store.write(&Batch {
        account: &account,
        devices: &devices,
        heard: &heard,
        losses: &[],
        watched: &watched,
        files: &[],
    })
}

/// Whole flushes in the ledger; panics where one is there in part, or any table contradicts another.
fn flushes(path: &Path) -> u32 {
    let sql = Connection::open(path).unwrap();
    let sound: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    drop(sql);
    let store = Store::read(path).unwrap();
    let captured = store.captured(None).unwrap();
    let Some(device) = store.devices(None).unwrap().pop() else {
        assert_eq!(captured.frames, 0);
        return 0;
    };
    let account = store.account(&device, PHONE, None).unwrap();
    let ledger = account.ledger.device(PHONE, &captured.watched, &account.facts);
    let whole = u32::try_from(ledger.seen.len()).unwrap();
    assert_eq!(account.ledger.len(), (whole * ROWS) as usize);
    assert_eq!(account.ledger.total().up, Bytes(u64::from(whole * ROWS) * 1_000));
    assert_eq!(ledger.names.len(), (whole * 60) as usize);
    assert_eq!(captured.frames, u64::from(whole * ROWS));
    let watched: Vec<_> = captured.watched.iter().map(|run| (run.span.first.0, run.span.end.0)).collect();
    assert_eq!(watched, if whole == 0 { vec![] } else { vec![(0, whole)] });
    whole
}

/// Not a test: what the killed child runs. It says the number of each flush once that is written.
#[test]
#[ignore = "run by the test of killed writers"]
fn a_child_that_writes_until_it_is_killed() {
    let Some(path) = env::var_os(LEDGER).map(PathBuf::from) else { return };
    let mut store = Store::open(&path).unwrap();
    let mut n = flushes(&path);
    let mut out = std::io::stdout();
    loop {
        flush(&mut store, n).unwrap();
        n += 1;
        writeln!(out, "flushed {n}").unwrap();
        out.flush().unwrap();
    }
}

fn child(path: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(LEDGER, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn said(line: &str) -> Option<u32> {
    line.split_once("flushed ")?.1.trim().parse().ok()
}

#[test]
fn a_writer_killed_at_any_moment_leaves_whole_flushes_and_loses_at_most_the_last() {
    let kills: u32 = env::var("NIGHTAUDIT_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut moments = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut path = folder.path().join("0.db");
    let mut in_the_middle = 0;
    for kill in 0..kills {
        if kill % 10 == 0 {
            // A new ledger now and then, so that its beginning is hit too.
            path = folder.path().join(format!("{kill}.db"));
        }
        let (mut child, mut out) = child(&path);
        let mut line = String::new();
        let mut acknowledged = 0;
        if kill % 10 != 0 {
            while said(&line).is_none() {
                line.clear();
                assert!(out.read_line(&mut line).unwrap() > 0, "the child ended by itself (seed {seed})");
            }
            acknowledged = said(&line).unwrap();
        }
        std::thread::sleep(Duration::from_micros(moments.random_range(0..60_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it died was written.
        for line in out.lines() {
            acknowledged = said(&line.unwrap()).unwrap_or(acknowledged);
        }
        if !path.exists() || fs::metadata(&path).unwrap().len() == 0 {
            assert_eq!(acknowledged, 0, "seed {seed}");
            continue;
        }
        drop(Store::open(&path).unwrap());
        let whole = flushes(&path);
        assert!(whole == acknowledged || whole == acknowledged + 1, "{whole} of {acknowledged} (seed {seed})");
        in_the_middle += u32::from(whole == acknowledged);
    }
    assert!(in_the_middle > 0, "no kill hit a transaction");
}

/// A small disk of its own, gone when this is dropped; `None`, said loudly, where it cannot be had.
struct Disk(PathBuf);

impl Disk {
    fn of(kib: u32, folder: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder.to_owned()));
        }
        support::skipped("a small disk needs the right to mount a tmpfs (run as root)");
        None
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A disk that stays mounted is found by whoever looks; a panic in a drop would hide why the test failed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_writing_goes_on_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::of(4_096, folder.path()) else { return };
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![7; 2_500_000]).unwrap();
    let path = disk.0.join("ledger.db");
    let mut store = Store::open(&path).unwrap();
    let mut n = 0;
    let error = loop {
        match flush(&mut store, n) {
            Ok(_) => n += 1,
            Err(error) => break error,
        }
        assert!(n < 1_000, "4 MB hold no thousand flushes");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.is_of_the_disk() && error.to_string().contains("no space left"), "{error}");
    assert!(n > 2, "only {n} flushes fitted");
    assert!(flush(&mut store, n).is_err(), "still full");
    fs::remove_file(&ballast).unwrap();
    for more in n..n + 10 {
        flush(&mut store, more).unwrap();
    }
    drop(store);
    assert_eq!(flushes(&path), n + 10);
}

#[test]
fn a_folder_that_may_not_be_written_is_said_and_can_still_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::of(8_192, folder.path()) else { return };
    let path = disk.0.join("ledger.db");
    let mut store = Store::open(&path).unwrap();
    flush(&mut store, 0).unwrap();
    drop(store);
    disk.remount("ro");
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnlyDisk { .. }), "{error:?}");
    assert!(error.to_string().contains("the disk is read-only; make it writable"), "{error}");
    assert_eq!(Store::read(&path).unwrap().devices(None).unwrap().len(), 1);
    disk.remount("rw");
    flush(&mut Store::open(&path).unwrap(), 1).unwrap();
    assert_eq!(flushes(&path), 2);
}
