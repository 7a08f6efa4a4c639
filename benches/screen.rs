//! What the screen costs: `cargo bench --bench screen`.
//!
//! It must stay under 4 ms a picture, 20 ms a filter over 100,000 flows, 50 ms from a key to the screen while a file is
//! read at full speed, and slow that reading by less than 5 %.

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

fn reading(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the replayed capture");
    let path = folder.path().join("replayed.pcap");
    replay::replay(&replay::bundled(), &path, READ).expect("a replayed capture");
    let mut group = criterion.benchmark_group("reading");
    group.sample_size(10);
    group.bench_function("without a screen", |b| {
        b.iter(|| pipeline::check(Captures::open(&[&path]), &options(), &judging(), |_| ()));
    });
    group.bench_function("with a screen", |b| b.iter(|| watched(&path, None)));
    group.finish();
    let mut waits = Vec::new();
    watched(&path, Some(&mut waits));
    waits.sort_unstable();
    #[expect(clippy::print_stdout, reason = "criterion knows no worst case")]
    {
        let (middle, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        println!("key to screen while reading: median {middle:?}, worst {worst:?} of {} keys", waits.len());
    }
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

criterion_group!(benches, pictures, reading);
criterion_main!(benches);
