//! How fast each stage is, on a capture replayed from the bundled ones: `cargo bench`.

#![expect(clippy::expect_used, reason = "a benchmark without its input has nothing to say")]

use std::{hint::black_box, path::Path, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nightaudit::{
    capture::Captures,
    decode::{Decoded, Decoder},
    flow::{Events, FlowTable, Limits},
    identify::{DeviceOptions, Rules},
    night::Settings,
    pipeline::{self, Judging, Options},
};

#[path = "replay/mod.rs"]
mod replay;

/// Small enough to stay in the page cache, large enough for steady figures.
const SIZE: u64 = 100_000_000;

fn stages(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the replayed capture");
    let path = folder.path().join("replayed.pcap");
    let frames = replay::replay(&replay::bundled(), &path, SIZE).expect("a replayed capture");
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10).throughput(Throughput::Elements(frames));
    group.bench_function("capture", |b| b.iter(|| read(&path, |_| ())));
    group.bench_function("capture, decode", |b| {
        let mut decoder = Decoder::default();
        b.iter(|| {
            read(&path, |frame| {
                black_box(matches!(&decoder.decode(frame), Decoded::Packet(_)));
            });
        });
    });
    group.bench_function("capture, decode, flow", |b| b.iter(|| flows(&path)));
    let options = Options {
        rules: Arc::new(Rules::embedded().expect("the embedded rules")),
        asn: None,
        devices: DeviceOptions::default(),
        flows: Limits::default(),
    };
    let judging = Judging { timezone: chrono_tz::Tz::UTC, night: Settings { power: false, ..Settings::default() } };
    group.bench_function("check", |b| {
        b.iter(|| pipeline::check(Captures::open(&[&path]), &options, &judging, |_| ()));
    });
    group.finish();
}

fn read(path: &Path, mut each: impl FnMut(&nightaudit::capture::Frame<'_>)) {
    let mut captures = Captures::open(&[path]).captures;
    while captures.advance().is_some() {
        each(&captures.frame());
    }
}

fn flows(path: &Path) {
    let (mut decoder, mut table, mut events) =
        (Decoder::default(), FlowTable::new(Limits::default()), Events::default());
    read(path, |frame| {
        if let Decoded::Packet(packet) = &decoder.decode(frame) {
            table.ingest(packet, &mut events);
            events.drain(|event, bytes| {
                black_box((event, bytes));
            });
        }
    });
    table.finish(&mut events);
    black_box(events.is_empty());
}

criterion_group!(benches, stages);
criterion_main!(benches);
