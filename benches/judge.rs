//! How fast one device is judged, and how many device-months a core gets through: `cargo bench --bench judge`.

#![expect(clippy::expect_used, reason = "a benchmark without its input has nothing to say")]

use std::{hint::black_box, path::Path};

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
}

criterion_group!(benches, judging);
criterion_main!(benches);
