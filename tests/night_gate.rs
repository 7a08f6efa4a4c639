//! Is the smallest export that a report names noticed? Drawn phones are played again with an export of that size.
//!
//! The size comes from injections into the phone's own nights; here the whole phone is simulated anew with the export in
//! it, so that gaps, drops, queues and late videos meet it as they would.

#![expect(clippy::expect_used, reason = "a test that cannot read its scenarios has failed")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "counts of phones, and formulas as they were published"
)]
#![expect(dead_code, reason = "the bench prints more than the gate asks for")]

#[path = "../benches/nights/mod.rs"]
mod nights;

use nightaudit::{
    base::Bytes,
    night::{Finding, Settings, Verdict, judge},
    simulate::{Amount, Class, Clock, Destination, Disguise, Export, Judge, Life, Scenario, Share, When},
};
use nights::{draw, play::in_parallel};

/// Apart from the seeds of every other draw.
const DRAW: u64 = 9_000_000;
const PHONES: usize = 120;

/// What became of exports of the sizes that one phone's report named.
struct AtTheLimit {
    seed: u64,
    nights: u32,
    /// The size from which anything would be noticed, and whether it was.
    noticed: Option<(Bytes, bool)>,
    /// The size from which it would be called an export, and whether it was.
    called: Option<(Bytes, bool)>,
    falsely_called: bool,
}

fn judged(scenario: &Scenario, seed: u64, power: bool) -> Finding {
    let life = Life::of(scenario, seed);
    let (ledger, _) = life.ledger();
    let row = life.judged(&ledger).expect("a row to judge");
    judge(&ledger, &Settings { power, ..Settings::default() }).findings.swap_remove(row)
}

/// An export of this size every night: at a time of day in the owner's sleep, or at any moment of it.
fn export(size: Bytes, seed: u64, bedtime: f64) -> Export {
    Export {
        when: if seed.is_multiple_of(2) { When::Clock } else { When::AtRest },
        mb: Amount(size.as_mb()),
        spread: Amount(0.0),
        on_nights: Share(1.0),
        every: 1,
        from_night: 0,
        until_night: None,
        at: Some(Clock((bedtime + 1.5 + (seed % 7) as f64 / 2.0).rem_euclid(24.0))),
        jitter_minutes: Amount(15.0),
        lag_minutes: Amount(0.0),
        lag_spread: Amount(0.0),
        kb_per_second: Amount(500.0),
        full_packets: Share(1.0),
        flows: 1,
        to: Destination::OperatorMedia,
        disguised_as: Disguise::Upload,
    }
}

fn at_the_limit(seed: u64) -> AtTheLimit {
    let quiet = Scenario { exports: Vec::new(), class: Class::Negative, judge: Judge::Messenger, ..draw::phone(seed) };
    let found = judged(&quiet, seed, true);
    let bedtime = quiet.persona.bedtime.map_or(23.5, |clock| clock.0);
    let recurs =
        |verdict: Verdict| !matches!(verdict, Verdict::Insufficient | Verdict::Routine | Verdict::BulkButIrregular);
    let with = |size: Bytes| {
        judged(&Scenario { exports: vec![export(size, seed, bedtime)], ..quiet.clone() }, seed, false).verdict
    };
    // Of a phone whose uploads recur by themselves, the report's sizes say what would have been noticed without them.
    let quiet_enough = !recurs(found.verdict);
    let tried = |size: Option<Bytes>| size.filter(|_| quiet_enough);
    AtTheLimit {
        seed,
        nights: found.evidence.eligible_nights,
        noticed: tried(found.bounds.detectable).map(|size| (size, recurs(with(size)))),
        called: tried(found.bounds.detectable_export).map(|size| (size, with(size) == Verdict::ExportLike)),
        falsely_called: found.verdict == Verdict::ExportLike,
    }
}

#[test]
fn exports_as_small_as_the_reports_say_are_noticed_on_the_phones_themselves() {
    let all = in_parallel(PHONES, |at| at_the_limit(DRAW + at as u64));
    let power = |of: fn(&AtTheLimit) -> Option<(Bytes, bool)>| {
        let tried: Vec<_> = all.iter().filter_map(|one| Some((one, of(one)?))).collect();
        for (one, (size, _)) in tried.iter().filter(|(_, (_, seen))| !seen) {
            println!("phone {}: {} nights, {size} missed", one.seed, one.nights);
        }
        let seen = tried.iter().filter(|(_, (_, seen))| *seen).count();
        println!("{seen} of {} phones", tried.len());
        (seen, tried.len())
    };
    for (seen, tried) in [power(|one| one.noticed), power(|one| one.called)] {
        assert!(tried >= 60, "too few phones to say anything: {tried}");
        assert!(seen as f64 >= 0.95 * tried as f64, "{seen} of {tried}");
    }
    let wrong = all.iter().filter(|one| one.falsely_called).count();
    assert!(wrong * 50 <= all.len(), "{wrong} of {} benign phones are called exporting", all.len());
}
