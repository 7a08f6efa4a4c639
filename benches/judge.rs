//! How fast one device is judged, and how many device-months all cores get through: `cargo bench --bench judge`.

#![expect(clippy::print_stdout, reason = "the figure is what it is for")]
#![expect(clippy::expect_used, reason = "a benchmark without its input has nothing to say")]

use std::{
    hint::black_box,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nightaudit::{
    ledger::DeviceLedger,
    night::{Settings, judge},
    simulate::{Life, Scenario},
};

fn ledger(id: &str, nights: u32) -> DeviceLedger {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/nights/{id}.toml"));
    let text = std::fs::read_to_string(&path).expect("a scenario file");
    let scenario = Scenario { nights, ..Scenario::parse(&text, path).expect("a scenario") };
    Life::of(&scenario, 1).ledger().0
}

/// The subjects of a simulated phone, taken several times over.
fn with_subjects(mut ledger: DeviceLedger, count: usize) -> DeviceLedger {
    let rows = ledger.subjects.clone();
    ledger.subjects = rows.into_iter().cycle().take(count).collect();
    ledger
}

fn judging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(20);
    let device = with_subjects(ledger("P01", 60), 20);
    for (name, power) in [("60 nights, 20 subjects", false), ("60 nights, 20 subjects, with power", true)] {
        let settings = Settings { power, ..Settings::default() };
        group.bench_function(name, |b| b.iter(|| black_box(judge(black_box(&device), &settings))));
    }
    // Of ordinary phones, one in ten exports.
    let months: Vec<_> =
        ["B01", "B03", "B04", "B15", "B19", "B07", "B16", "B27", "B28", "P03"].map(|id| ledger(id, 30)).into();
    group.throughput(Throughput::Elements(months.len() as u64));
    for (name, power) in [("device-months", false), ("device-months, with power", true)] {
        let settings = Settings { power, ..Settings::default() };
        group.bench_function(name, |b| {
            b.iter(|| months.iter().for_each(|month| drop(black_box(judge(black_box(month), &settings)))));
        });
    }
    group.finish();
    for (name, power) in [("without the power bound", false), ("with it", true)] {
        let (rate, cores) = a_minute(&months, &Settings { power, ..Settings::default() });
        println!("{rate:.0} device-months a minute on {cores} cores, {name}");
    }
}

/// Device-months judged a minute by all cores at once, and how many cores that were.
fn a_minute(months: &[DeviceLedger], settings: &Settings) -> (f64, usize) {
    const LONG: Duration = Duration::from_secs(4);
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let done = AtomicU32::new(0);
    let begun = Instant::now();
    let work = || {
        for month in months.iter().cycle() {
            if begun.elapsed() >= LONG {
                break;
            }
            black_box(judge(black_box(month), settings));
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    (f64::from(done.into_inner()) * 60.0 / begun.elapsed().as_secs_f64(), cores)
}

criterion_group!(benches, judging);
criterion_main!(benches);
