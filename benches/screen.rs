//! What the screen costs: `cargo bench --bench screen`.
//!
//! It must stay under 4 ms a picture, 20 ms a filter over 100,000 flows, 50 ms from a key to the screen while a file is
//! read at full speed, slow that reading by less than 5 %, and cost less than 1 % of a core while nothing happens. It takes
//! about three minutes.

#![expect(clippy::expect_used, reason = "a benchmark without its input has nothing to say")]

use std::{
    hint::black_box,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, unbounded};
use nightaudit::{
    self as lib,
    capture::Captures,
    identify::{DeviceOptions, Rules},
    night::Settings,
    pipeline::{self, Judging, Options, Snapshot, snapshot},
    tui::{Event, Keys, Model, Theme, View, draw, update},
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use ratatui::{
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::{Rect, Size},
};

#[path = "screen/huge.rs"]
mod huge;
#[path = "replay/mod.rs"]
mod replay;

const SIZE: Size = Size { width: 200, height: 60 };
/// As much as there ever is on a screen.
const MUCH: huge::Amount = huge::Amount { subjects: 200, nights: 400, flows: 100_000 };
/// Bytes of capture that are read.
const READ: u64 = 200_000_000;
/// Pairs of readings, without and with a screen.
const PAIRS: usize = 16;
/// From the start of the program until everything is read, and longer than that takes.
const SETTLING: Duration = Duration::from_secs(8);
/// How long nothing is done.
const IDLE: Duration = Duration::from_secs(20);
/// What /proc counts processor time in, on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

fn press(model: &mut Model, code: KeyCode) {
    update(model, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), Duration::ZERO);
}

fn ask(model: &mut Model, filter: &str) {
    press(model, KeyCode::Char('x'));
    press(model, KeyCode::Char('/'));
    update(model, Event::Paste(filter.to_owned()), Duration::ZERO);
    press(model, KeyCode::Enter);
}

fn picture(model: &Model, buffer: &mut Buffer) {
    buffer.reset();
    draw(model, buffer);
    black_box(&buffer);
}

fn pictures(criterion: &mut Criterion) {
    let snapshot = Arc::new(huge::snapshot(MUCH));
    let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.width, SIZE.height));
    let mut group = criterion.benchmark_group("draw");
    for (key, view) in ('1'..).zip(View::NUMBERED).chain([('?', View::Help)]) {
        let mut model = Model::new(Arc::clone(&snapshot), SIZE, Theme::default(), Keys::default());
        press(&mut model, KeyCode::Char(']'));
        press(&mut model, KeyCode::Char(key));
        group.bench_function(view.name(), |b| b.iter(|| picture(&model, &mut buffer)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("filter 100,000 flows");
    group.sample_size(20);
    for filter in ["app:app-007 up>1MB", "unattended hour:1-5 host~media", "not (operator:\"Operator 3\" or up<2MB)"] {
        let mut model = Model::new(Arc::clone(&snapshot), SIZE, Theme::default(), Keys::default());
        press(&mut model, KeyCode::Char('5'));
        group.bench_function(filter, |b| {
            b.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    press(&mut model, KeyCode::Char('/'));
                    update(&mut model, Event::Paste(filter.to_owned()), Duration::ZERO);
                    let begin = Instant::now();
                    press(&mut model, KeyCode::Enter);
                    spent += begin.elapsed();
                    ask(&mut model, "app:none");
                    press(&mut model, KeyCode::Char('x'));
                }
                spent
            });
        });
    }
    group.finish();
}

/// How much the screen slows the reading, in pairs of runs so that whatever else the machine does weighs on both; and how
/// long a key waits for its picture meanwhile.
fn reading(_: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the replayed capture");
    let path = folder.path().join("replayed.pcap");
    replay::replay(&replay::bundled(), &path, READ).expect("a replayed capture");
    let alone = || drop(black_box(pipeline::check(Captures::open(&[&path]), &options(), &judging(), |_| ())));
    let listed = || {
        let (opened, keep) = (Captures::open(&[&path]), |row| drop(black_box(row)));
        drop(black_box(pipeline::flows_judged(opened, &options(), &judging(), keep, |_| ())));
    };
    let (mut ratios, mut listings) = (Vec::new(), Vec::new());
    let (mut bare, mut watched_by) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let both = || timed(|| watched(&path, None));
        // Whichever is first finds other caches.
        let (without, with) = if pair % 2 == 0 {
            let without = timed(alone);
            (without, both())
        } else {
            let with = both();
            (timed(alone), with)
        };
        ratios.push(with.as_secs_f64() / without.as_secs_f64());
        listings.push(with.as_secs_f64() / timed(listed).as_secs_f64());
        bare.push(without);
        watched_by.push(with);
    }
    let mut waits = Vec::new();
    for _ in 0..3 {
        watched(&path, Some(&mut waits));
    }
    ratios.sort_unstable_by(f64::total_cmp);
    listings.sort_unstable_by(f64::total_cmp);
    for times in [&mut bare, &mut watched_by, &mut waits] {
        times.sort_unstable();
    }
    say(&format!(
        "reading {} MB: without a screen {:?}, with {:?}; slowed by {:.1} % (median of {PAIRS} pairs; quartiles {:.1} and \
         {:.1} %)",
        READ / 1_000_000,
        bare[PAIRS / 2],
        watched_by[PAIRS / 2],
        100.0 * (ratios[PAIRS / 2] - 1.0),
        100.0 * (ratios[PAIRS / 4] - 1.0),
        100.0 * (ratios[PAIRS * 3 / 4] - 1.0),
    ));
    say(&format!(
        "beside a reading that lists its flows in full, as the screen's does: slowed by {:.1} % (median of {PAIRS} pairs)",
        100.0 * (listings[PAIRS / 2] - 1.0),
    ));
    let (middle, most, worst) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100], waits[waits.len() - 1]);
    say(&format!(
        "key to screen while reading: median {middle:?}, 99 % {most:?}, worst {worst:?} of {} keys",
        waits.len()
    ));
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// What an open screen costs that nobody touches: the processor time of the real program in a terminal.
fn idle(_: &mut Criterion) {
    let capture = format!("{}/captures/nightly-export/traffic.pcap.zst", env!("CARGO_MANIFEST_DIR"));
    for (what, arguments) in [
        ("view, everything read", vec!["view", "--no-power", &capture]),
        ("live, nothing coming in", vec!["live", "--no-ledger", "tcp-listen://127.0.0.1:0"]),
    ] {
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_nightaudit"));
        command.args(&arguments);
        command.env("TERM", "xterm-256color");
        let mut child = pair.slave.spawn_command(command).expect("the program");
        let mut output = pair.master.try_clone_reader().expect("a reader");
        thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        thread::sleep(SETTLING);
        let id = child.process_id().expect("a process");
        let before = ticks(id);
        thread::sleep(IDLE);
        let spent = ticks(id).zip(before).map(|(after, before)| after - before);
        // It is ours, and has nothing to lose.
        let _ = child.kill();
        let _ = child.wait();
        match spent {
            Some(ticks) => say(&format!(
                "idle, {what}: {:.2} % of a core over {IDLE:?}",
                100.0 * ticks as f64 / TICKS_A_SECOND / IDLE.as_secs_f64()
            )),
            None => say(&format!("idle, {what}: the program did not stay")),
        }
    }
}

/// Processor time of a process, user and system, in hundredths of a second (`proc_pid_stat(5)`).
fn ticks(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[expect(clippy::print_stdout, reason = "criterion knows no ratios and no worst case")]
fn say(line: &str) {
    println!("{line}");
}

/// Reads the capture with a screen before it. With `waits` a key is pressed now and then, and how long its picture took
/// from the moment it was pressed is noted.
fn watched(path: &Path, mut waits: Option<&mut Vec<Duration>>) {
    let (stop, news) = (Arc::new(AtomicBool::new(false)), begin(path));
    let mut model = Model::new(Arc::new(Snapshot::blank(&judging())), SIZE, Theme::default(), Keys::default());
    let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.width, SIZE.height));
    let keys: Vec<_> = "25jjs3+4o1jj".chars().collect();
    let (mut pressed, mut next) = (0, Instant::now());
    loop {
        let heard = news.recv_timeout(Duration::from_millis(5));
        let mut key = None;
        if waits.is_some() && Instant::now() >= next {
            // The key was pressed at its time, also where the screen was busy then.
            key = Some(next);
            next = Instant::now() + Duration::from_millis(17);
        }
        let ended = matches!(heard, Err(crossbeam_channel::RecvTimeoutError::Disconnected));
        let changed = heard.is_ok() || key.is_some();
        if let Ok(heard) = heard {
            update(&mut model, Event::News(heard), Duration::ZERO);
        }
        if key.is_some() {
            press(&mut model, KeyCode::Char(keys[pressed % keys.len()]));
            pressed += 1;
        }
        if changed {
            picture(&model, &mut buffer);
        }
        if let (Some(waits), Some(key)) = (waits.as_deref_mut(), key) {
            waits.push(key.elapsed());
        }
        if ended {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
}

fn begin(path: &Path) -> Receiver<snapshot::News> {
    let (send, news) = unbounded();
    let path = path.to_owned();
    thread::spawn(move || {
        let begin = Instant::now();
        let (stop, opened) = (AtomicBool::new(false), Captures::open(&[&path]));
        let mut tell = |heard| drop(send.send(heard));
        snapshot::read(opened, &options(), &judging(), &stop, &|| begin.elapsed(), &mut tell);
    });
    news
}

fn options() -> Options {
    Options {
        rules: Arc::new(Rules::embedded().expect("the embedded rules")),
        asn: None,
        devices: DeviceOptions::default(),
        flows: lib::flow::Limits::default(),
    }
}

fn judging() -> Judging {
    Judging { timezone: chrono_tz::Tz::UTC, night: Settings { power: false, ..Settings::default() } }
}

fn few() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = few(); targets = pictures, reading, idle }
criterion_main!(benches);
