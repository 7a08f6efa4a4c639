//! The daemon at work: what real clients and servers exchanged is in its ledger, to the byte, whatever happens to it.
#![cfg(all(feature = "live", unix))]
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod netns;
mod support;
mod talk;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use chrono_tz::Tz;
use netns::{LAN, Lab, PHONE, skipped};
use nightaudit::{
    identify::{Evidence, Rules},
    ledger::Store,
    night::Settings,
    pipeline::{Audit, Judging, Query, recall},
};
use support::pcap::{ETHERNET, Pcap, datagram};

/// Longer than anything here takes on the slowest machine; only a test that fails waits for it.
const DEADLINE: Duration = Duration::from_secs(120);

/// A daemon, and what it says. Dropped, it is killed.
struct Watching {
    child: Child,
    lines: mpsc::Receiver<String>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Watching {
    /// Starts `nightaudit watch` by `command`, which may enter a namespace first.
    fn start(mut command: Command) -> Self {
        command.env("NIGHTAUDIT_LOG", "nightaudit=debug").env("XDG_CONFIG_HOME", "/nonexistent").env("TZ", "UTC");
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the daemon starts");
        let (tell, lines) = mpsc::channel();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (err, kept) = (BufReader::new(child.stderr.take().expect("its standard error")), Arc::clone(&said));
        thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                kept.lock().expect("the lines").push(line.clone());
                let _ = tell.send(line);
            }
        });
        Self { child, lines, said }
    }

    /// Waits until it says something.
    fn await_line(&self, part: &str) -> String {
        let since = Instant::now();
        while since.elapsed() < DEADLINE {
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) | Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        panic!("it never said {part:?}: {:#?}", self.said());
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().expect("the lines").clone()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end; returns its exit status.
    fn end(&mut self) -> Option<i32> {
        let since = Instant::now();
        while since.elapsed() < DEADLINE {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end: {:#?}", self.said());
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `nightaudit watch` with a ledger in `folder`, on this thread's network.
fn watch(folder: &Path, source: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightaudit"));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NIGHTAUDIT_")) {
        command.env_remove(name);
    }
    command.args(["watch", source, "--ledger"]).arg(ledger_in(folder)).env("XDG_STATE_HOME", folder);
    command
}

fn ledger_in(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

fn audit(ledger: &Path) -> Audit {
    let store = Store::read(ledger).unwrap_or_else(|error| panic!("{error}"));
    let rules = Arc::new(Rules::embedded().expect("the rules"));
    let judging = Judging { timezone: Tz::UTC, night: Settings { power: false, ..Settings::default() } };
    recall(&store, &Query::default(), &rules, &judging).unwrap_or_else(|error| panic!("{error}"))
}

/// Payload up by minute, over all devices and subjects.
fn sent_by_minute(audit: &Audit) -> BTreeMap<u32, u64> {
    let mut sums = BTreeMap::new();
    for subject in audit.devices.iter().flat_map(|device| &device.ledger.subjects) {
        for (minute, cell) in &subject.minutes {
            *sums.entry(minute.0).or_default() += cell.up.0;
        }
    }
    sums
}

/// `PRAGMA integrity_check` of the database itself.
fn assert_sound(ledger: &Path) {
    let database = rusqlite::Connection::open(ledger).expect("the database opens");
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(said, "ok");
}

#[test]
fn what_genuine_apps_exchanged_is_in_the_ledger_to_the_byte() {
    let Some(lab) = Lab::new(&talk::addresses()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = lab.net.inside(|| Watching::start(watch(folder.path(), LAN)));
    daemon.await_line(&format!("{LAN}: open"));
    let exchanged = talk::everything(&lab);
    // What is still in the kernel is handed over within a quarter of a second.
    thread::sleep(Duration::from_millis(600));
    let mut daemon = daemon;
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
    let audit = audit(&ledger_in(folder.path()));
    let total: (u64, u64) = exchanged.iter().fold((0, 0), |sum, one| (sum.0 + one.up, sum.1 + one.down));
    assert_eq!((audit.totals.payload_up.0, audit.totals.payload_down.0), total, "{:#?}", daemon.said());
    assert_eq!(audit.inputs.iter().map(|input| input.lost).sum::<u64>(), 0);
    assert_eq!(audit.devices.len(), 1, "the phone alone is a device");
    let rules = Rules::embedded().expect("the rules");
    let mut by_subject: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in &exchanged {
        let Some(host) = one.host else { continue };
        let entry = rules.host(host).unwrap_or_else(|| panic!("no rule knows {host}"));
        let sums = by_subject.entry(rules.owner(entry.owner).id.to_string()).or_default();
        *sums = (sums.0 + one.up, sums.1 + one.down);
    }
    assert!(by_subject.len() >= 4, "{by_subject:?}");
    for (id, sums) in by_subject {
        let subject = audit.devices[0].ledger.subjects.iter().find(|subject| subject.subject.id == id);
        let subject = subject.unwrap_or_else(|| panic!("{id} is not in the ledger"));
        let found = subject.minutes.iter().fold((0, 0), |sum, (_, cell)| (sum.0 + cell.up.0, sum.1 + cell.down.0));
        assert_eq!(found, sums, "{id}");
    }
    let watched: u32 = audit.devices[0].ledger.watched.iter().map(|run| run.span.minutes()).sum();
    assert!(watched >= 1 && audit.devices[0].ledger.watched.iter().all(|run| run.dropped < 0.5));
    let mode = fs::metadata(ledger_in(folder.path())).expect("the ledger").permissions().mode();
    assert_eq!(mode & 0o077, 0, "the ledger is its owner's alone");
}

#[test]
fn a_confined_daemon_says_what_it_gave_up_and_holds_only_the_right_to_capture() {
    let Some(lab) = Lab::new(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = lab.net.inside(|| Watching::start(watch(folder.path(), LAN)));
    daemon.await_line(&format!("{LAN}: open"));
    let said = daemon.said();
    assert!(said.iter().any(|line| line.contains("given up: all capabilities but CAP_NET_RAW")), "{said:#?}");
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).expect("its status");
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).expect("a field").trim().to_owned();
    // CAP_NET_RAW is number 13.
    assert_eq!((field("CapPrm:"), field("CapEff:")), ("0000000000002000".into(), "0000000000002000".into()));
    assert_eq!((field("CapInh:"), field("CapAmb:")), ("0000000000000000".into(), "0000000000000000".into()));
    assert_eq!(field("CapBnd:"), "0000000000000000");
    assert_eq!(field("NoNewPrivs:"), "1");
    // Threads that capture were started after, and are as confined.
    for task in fs::read_dir(format!("/proc/{}/task", daemon.child.id())).expect("its threads").flatten() {
        let status = fs::read_to_string(task.path().join("status")).expect("a thread's status");
        assert!(status.contains("CapEff:\t0000000000002000"), "{status}");
    }
}

/// A stream of minutes, each with ten datagrams of which the sizes depend on the minute: what must be in the ledger
/// is known without asking anybody.
fn minute(at: u32) -> Vec<u8> {
    let mut capture = Pcap::empty(ETHERNET);
    for second in (3..60).step_by(6) {
        let payload = vec![0x5a; size(at)];
        capture.push(
            at * 60 + second,
            &datagram(40_000 + u16::try_from(at % 100).expect("small"), 9_999, [157, 240, 0, 60], &payload),
        );
    }
    capture.records.concat()
}

/// Payload of each datagram of a minute: below what counts as bulk.
fn size(minute: u32) -> usize {
    100 + minute as usize % 700
}

const FIRST_MINUTE: u32 = 29_700_000;

/// Serves minute after minute to whoever connects, as fast as `pace` says; the next caller gets the next minutes.
struct Serving {
    port: u16,
    next: Arc<Mutex<u32>>,
    /// The first minute of the caller that is served now.
    began: Arc<Mutex<u32>>,
}

impl Serving {
    fn start(pace: Duration) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let port = socket.local_addr().expect("its address").port();
        let next = Arc::new(Mutex::new(FIRST_MINUTE));
        let began = Arc::new(Mutex::new(FIRST_MINUTE));
        let (counter, first) = (Arc::clone(&next), Arc::clone(&began));
        thread::spawn(move || {
            for mut caller in socket.incoming().map_while(Result::ok) {
                let mut feed = |bytes: &[u8]| caller.write_all(bytes).is_ok();
                if !feed(&Pcap::empty(ETHERNET).header) {
                    continue;
                }
                *first.lock().expect("the first minute") = *counter.lock().expect("the counter");
                loop {
                    let mut next = counter.lock().expect("the counter");
                    // One that was cut off is not sent again: a capture does not come back.
                    let at = *next;
                    *next += 1;
                    drop(next);
                    if !feed(&minute(at)) {
                        break;
                    }
                    thread::sleep(pace);
                }
            }
        });
        Self { port, next, began }
    }

    fn source(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    fn began(&self) -> u32 {
        *self.began.lock().expect("the first minute")
    }

    fn next(&self) -> u32 {
        *self.next.lock().expect("the counter")
    }
}

/// The minute that a line `booked up to ...` names.
fn booked_up_to(line: &str) -> Option<u32> {
    let moment = line.split("booked up to ").nth(1)?.split(": ").next()?;
    let moment = chrono::DateTime::parse_from_rfc3339(moment).ok()?;
    u32::try_from(moment.timestamp() / 60).ok()
}

/// Flows without a name wait for two minutes, and the minute in progress is not over.
const NOT_OVER: u32 = 4;

#[test]
fn a_daemon_that_is_killed_at_any_moment_loses_no_more_than_its_last_flush() {
    let kills: u32 = env::var("NIGHTAUDIT_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(20);
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(Duration::from_millis(10));
    let ledger = ledger_in(folder.path());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for round in 0..kills {
        let mut daemon = Watching::start(watch(folder.path(), &serving.source()));
        daemon.await_line("booked up to");
        let began = serving.began();
        // xorshift: any moment of the second after the first flush, the same ones on every machine.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        thread::sleep(Duration::from_micros(seed % 1_500_000));
        daemon.child.kill().expect("killed");
        daemon.child.wait().expect("it ends");
        thread::sleep(Duration::from_millis(20));
        let flushed = daemon.said().iter().filter_map(|line| booked_up_to(line)).max().expect("a flush was told of");
        runs.push((began, flushed));
        assert_sound(&ledger);
        let sent = sent_by_minute(&audit(&ledger));
        for &(began, flushed) in &runs {
            // The minute in which a daemon came is cut at its start.
            for at in began + 1..flushed.saturating_sub(NOT_OVER) {
                let found = sent.get(&at).copied().unwrap_or(0);
                assert_eq!(found, 10 * size(at) as u64, "round {round}: minute {at} of {began} to {flushed}");
            }
        }
        let most: u64 = (FIRST_MINUTE..serving.next()).map(|at| 10 * size(at) as u64).sum();
        assert!(sent.values().sum::<u64>() <= most, "round {round}: more is in the ledger than was sent");
    }
    let covered: u32 = runs.iter().map(|(began, flushed)| flushed - began).sum();
    assert!(covered > 20 * kills, "the rounds saw too little: {runs:?}");
}

#[test]
fn a_second_daemon_on_a_ledger_says_so_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(Duration::from_millis(20));
    let first = Watching::start(watch(folder.path(), &serving.source()));
    first.await_line("booked up to");
    let mut second = Watching::start(watch(folder.path(), &serving.source()));
    assert_eq!(second.end(), Some(2));
    thread::sleep(Duration::from_millis(100));
    let said = second.said().join("\n");
    assert!(said.contains("another nightaudit") && said.contains(&first.child.id().to_string()), "{said}");
    first.await_line("booked up to");
}

#[test]
fn a_daemon_rereads_its_settings_and_a_mistake_in_them_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("nightaudit.toml");
    fs::write(&settings, "timezone = 'UTC'\n[ledger]\nkeep_minutes_days = 90\n").expect("written");
    let serving = Serving::start(Duration::from_millis(20));
    let mut command = watch(folder.path(), &serving.source());
    command.arg("--config").arg(&settings);
    let mut daemon = Watching::start(command);
    daemon.await_line("booked up to");
    fs::write(&settings, "timezone = 'UTC'\n[ledger]\nkeep_minutes_dayz = 90\n").expect("written");
    daemon.signal("-HUP");
    let line = daemon.await_line("settings stay as they were");
    assert!(line.contains("keep_minutes_dayz"), "{line}");
    fs::write(&settings, "timezone = 'UTC'\n[capture]\nfilter = 'udp'\n").expect("written");
    daemon.signal("-HUP");
    daemon.await_line("settings read again");
    daemon.await_line("[capture] takes effect after a restart");
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
    daemon.await_line("ended after");
}

#[test]
fn what_the_disk_does_not_take_is_kept_and_written_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        skipped("a small disk needs root");
        return;
    }
    let unmount = Unmount(disk.clone());
    let serving = Serving::start(Duration::from_millis(10));
    let mut daemon = Watching::start(watch(&disk, &serving.source()));
    daemon.await_line("booked up to");
    let began = serving.began();
    let ballast = disk.join("ballast");
    let _ = fs::write(&ballast, vec![0; 4 << 20]);
    let line = daemon.await_line("kept in memory meanwhile");
    assert!(line.contains("no space left"), "{line}");
    fs::remove_file(&ballast).expect("removed");
    daemon.await_line("the ledger is written again");
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
    let told = daemon.said().iter().filter(|line| line.contains("kept in memory meanwhile")).count();
    assert_eq!(told, 1, "it is said once");
    let sent = sent_by_minute(&audit(&ledger_in(&disk)));
    let last = *sent.keys().last().expect("minutes");
    for at in began..last {
        assert_eq!(sent.get(&at), Some(&(10 * size(at) as u64)), "minute {at}: nothing was lost");
    }
    drop(daemon);
    drop(unmount);
}

/// Takes a disk down.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What a service manager is told, in the order it is told.
fn told(manager: &UnixDatagram) -> String {
    let mut message = [0; 4_096];
    let length = manager.recv(&mut message).expect("the daemon tells its manager something in time");
    String::from_utf8_lossy(&message[..length]).into_owned()
}

/// Waits until the manager is told something; `WATCHDOG=1` and `STATUS=` may come before.
fn await_told(manager: &UnixDatagram, what: &str) -> String {
    loop {
        let message = told(manager);
        if message.lines().any(|line| line == what) {
            return message;
        }
        let known = ["WATCHDOG=1", "STATUS="].iter().any(|known| message.starts_with(known));
        assert!(known, "{message:?} came before {what}");
    }
}

#[test]
fn a_service_manager_is_told_of_readiness_reloading_life_and_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("notify.sock");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    manager.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let serving = Serving::start(Duration::from_millis(20));
    let mut command = watch(folder.path(), &serving.source());
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "30000000").env_remove("WATCHDOG_PID");
    let mut daemon = Watching::start(command);
    assert_eq!(told(&manager), "READY=1\n", "first of all");
    await_told(&manager, "WATCHDOG=1");
    let status = loop {
        let message = told(&manager);
        if message.starts_with("STATUS=") {
            break message;
        }
    };
    assert!(status.contains(" packets, 0 lost"), "{status}");
    daemon.signal("-HUP");
    let reloading = await_told(&manager, "RELOADING=1");
    assert!(reloading.lines().any(|line| line.starts_with("MONOTONIC_USEC=")), "{reloading}");
    await_told(&manager, "READY=1");
    daemon.signal("-TERM");
    await_told(&manager, "STOPPING=1");
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
}

#[test]
fn a_local_messenger_is_named_by_its_process_though_nothing_on_the_wire_says_so() {
    let Some(lab) = Lab::new(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // A server at an address that no rule knows, behind the cable.
    let address = Ipv4Addr::new(203, 0, 113, 9);
    lab.phone.must(&format!("addr add {address}/32 dev lo"));
    lab.net.must(&format!("route add {address}/32 via {PHONE}"));
    let server = lab.phone.listen((address, 8_443).into());
    let daemon = lab.net.inside(|| {
        let mut command = watch(folder.path(), LAN);
        command.arg("--processes");
        Watching::start(command)
    });
    daemon.await_line(&format!("{LAN}: open"));
    // A program of that name: a shell that says 1,000 bytes ten times a second, and starts no other.
    let program = folder.path().join("telegram-desktop");
    fs::copy("/bin/bash", &program).expect("a program");
    let script = format!(
        "exec 3<>/dev/tcp/{address}/8443; for n in {{1..50}}; do printf '%01000d' 0 >&3; read -t 0.1 -u 3; done"
    );
    let mut desktop = lab.net.inside(|| Command::new(&program).arg("-c").arg(&script).spawn().expect("it runs"));
    let (mut heard, _) = server.accept().expect("a connection");
    let mut sent = Vec::new();
    heard.read_to_end(&mut sent).expect("heard to the end");
    assert_eq!(sent.len(), 50_000);
    desktop.wait().expect("it ends");
    let mut daemon = daemon;
    thread::sleep(Duration::from_millis(600));
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
    let audit = audit(&ledger_in(folder.path()));
    let named: Vec<_> = audit
        .devices
        .iter()
        .flat_map(|device| device.destinations.iter().map(move |to| (device, to)))
        .filter(|(_, to)| to.evidence == Evidence::Process)
        .map(|(device, to)| (device.ledger.subjects[to.subject].subject.id.as_str(), to.up.0))
        .collect();
    assert_eq!(named, [("telegram", 50_000)], "{:#?}", daemon.said());
}

#[test]
fn a_daemon_begins_on_a_read_only_disk_and_says_what_that_costs() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "ro,size=2m", "none"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        skipped("a read-only disk needs root");
        return;
    }
    let unmount = Unmount(disk.clone());
    let serving = Serving::start(Duration::from_millis(10));
    let mut daemon = Watching::start(watch(&disk, &serving.source()));
    daemon.await_line("the disk does not take the ledger");
    let line = daemon.await_line("kept in memory meanwhile");
    assert!(line.contains("the disk is read-only") && line.contains("remount,rw"), "{line}");
    daemon.signal("-TERM");
    daemon.await_line("minute rows are lost");
    assert_eq!(daemon.end(), Some(2), "what was lost is no success: {:#?}", daemon.said());
    drop(unmount);
}

#[test]
fn settings_say_what_is_kept_of_the_packets() {
    let folder = tempfile::tempdir().expect("a folder");
    let (settings, kept) = (folder.path().join("nightaudit.toml"), folder.path().join("kept"));
    fs::write(&settings, format!("[capture]\nsave = {kept:?}\nprocesses = true\n")).expect("written");
    let mut command = watch(folder.path(), "-");
    command.arg("--config").arg(&settings).stdin(Stdio::piped());
    let mut daemon = Watching::start(command);
    let mut pipe = daemon.child.stdin.take().expect("its standard input");
    pipe.write_all(&Pcap::empty(ETHERNET).header).expect("written");
    (FIRST_MINUTE..FIRST_MINUTE + 5).for_each(|at| pipe.write_all(&minute(at)).expect("written"));
    drop(pipe);
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
    let again =
        support::nightaudit([Path::new("check"), &kept, "--format=json".as_ref(), "--no-power".as_ref()]).json();
    let sent: u64 = (FIRST_MINUTE..FIRST_MINUTE + 5).map(|at| 10 * size(at) as u64).sum();
    assert_eq!(again["totals"]["payload_up"].as_u64(), Some(sent), "a folder of kept captures stands for all of them");
}

#[test]
fn a_stream_on_standard_input_is_watched_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = watch(folder.path(), "-");
    command.stdin(Stdio::piped());
    let mut daemon = Watching::start(command);
    let mut pipe = daemon.child.stdin.take().expect("its standard input");
    let minutes = FIRST_MINUTE..FIRST_MINUTE + 30;
    pipe.write_all(&Pcap::empty(ETHERNET).header).expect("written");
    minutes.clone().for_each(|at| pipe.write_all(&minute(at)).expect("written"));
    drop(pipe);
    assert_eq!(daemon.end(), Some(0), "{:#?}", daemon.said());
    let audit = audit(&ledger_in(folder.path()));
    let sent = sent_by_minute(&audit);
    assert_eq!(sent, minutes.map(|at| (at, 10 * size(at) as u64)).collect());
    let watched: u32 = audit.devices[0].ledger.watched.iter().map(|run| run.span.minutes()).sum();
    assert_eq!(watched, 30);
}

#[test]
fn a_day_of_two_hundred_devices_stays_within_memory() {
    const MOST_KIB: u64 = 200 * 1024;
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let mut daemon = Watching::start(watch(folder.path(), &format!("tcp-listen://127.0.0.1:{port}")));
    daemon.await_line("given up");
    let mut gateway = connect(port);
    let hours = env::var("NIGHTAUDIT_GATEWAY_HOURS").ok().and_then(|hours| hours.parse().ok()).unwrap_or(24);
    talk::gateway(&mut gateway, 200, hours * 60).expect("sent");
    // Every frame was taken in once the daemon, told to end, has ended.
    drop(gateway);
    daemon.await_line("the stream ended");
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).expect("its status");
    let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let kib: u64 = high.trim().trim_end_matches(" kB").parse().expect("a number");
    daemon.signal("-TERM");
    assert_eq!(daemon.end(), Some(0));
    println!("peak of resident memory: {} MiB", kib / 1024);
    assert!(kib < MOST_KIB, "{kib} KiB");
    let audit = audit(&ledger_in(folder.path()));
    assert_eq!(audit.devices.len(), 200);
}

fn connect(port: u16) -> TcpStream {
    let since = Instant::now();
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => return stream,
            Err(error) if since.elapsed() > DEADLINE => panic!("{error}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
