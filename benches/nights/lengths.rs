//! What a capture of so many nights could have shown: how soon a phone is told `routine` with a bound worth having.

use std::fmt::Write as _;

use nightaudit::{
    base::Bytes,
    night::{Bounds, TELLING_SIZE, Verdict, judge},
    simulate::{Life, Scenario},
};

use crate::nights::{
    draw,
    metrics::quantile,
    play::{in_parallel, settings},
};

/// Nights of capture that are tried.
const LENGTHS: [u32; 9] = [5, 6, 7, 8, 10, 14, 21, 28, 42];

/// What one phone was told after so many nights.
struct Told {
    verdict: Verdict,
    bounds: Bounds,
}

/// Judges phones of the draw, their exports left out, after captures of several lengths, gaps as drawn.
pub(crate) fn of_lengths(phones: usize, drawn: u64) -> String {
    let told = in_parallel(phones * LENGTHS.len(), |at| {
        tell(drawn * 1_000_000 + (at / LENGTHS.len()) as u64, LENGTHS[at % LENGTHS.len()])
    });
    let mut page = format!(
        "{phones} phones that export nothing, by nights of capture\n  {:>6} {:>12} {:>8} {:>9} | {:>22} {:>22} {:>22} | {}\n",
        "nights",
        "insufficient",
        "routine",
        "bound",
        "noticed, nightly",
        "export-like, nightly",
        "every other night",
        format_args!("{TELLING_SIZE} nightly noticed after"),
    );
    for (at, length) in LENGTHS.iter().enumerate() {
        line(&mut page, *length, &told.iter().skip(at).step_by(LENGTHS.len()).collect::<Vec<_>>());
    }
    page + "  bound: told routine or irregular, and 10 MB every night would have been called export-like; sizes: the \
            median phone's,\n  with the phones for which none is reachable; nights: half of the phones, nine of ten\n"
}

fn tell(seed: u64, nights: u32) -> Told {
    let mut scenario = Scenario { nights, exports: Vec::new(), travel: Vec::new(), ..draw::phone(seed) };
    scenario.judge = nightaudit::simulate::Judge::Messenger;
    let life = Life::of(&scenario, seed);
    let (ledger, _) = life.ledger();
    let row = life.judged(&ledger).expect("a row to judge");
    let found = judge(&ledger, &settings()).findings.swap_remove(row);
    Told { verdict: found.verdict, bounds: found.bounds }
}

fn line(page: &mut String, length: u32, told: &[&Told]) {
    let count = |holds: &dyn Fn(&Told) -> bool| told.iter().filter(|one| holds(one)).count();
    let quiet = |one: &Told| matches!(one.verdict, Verdict::Routine | Verdict::BulkButIrregular);
    let small = |one: &Told| one.bounds.detectable_export.is_some_and(|size| size <= TELLING_SIZE);
    let sizes = |of: fn(&Bounds) -> Option<Bytes>| {
        let known: Vec<u32> =
            told.iter().map(|one| of(&one.bounds).map_or(u32::MAX, |size| (size.0 / 100_000) as u32)).collect();
        let none = known.iter().filter(|size| **size == u32::MAX).count();
        match quantile(&known, 0.5) {
            u32::MAX => format!("not reachable ({none})"),
            tenths => format!("{:.1} MB ({none})", f64::from(tenths) / 10.0),
        }
    };
    let soon: Vec<u32> = told.iter().map(|one| one.bounds.nights_to_notice.unwrap_or(u32::MAX)).collect();
    let soon = [0.5, 0.9].map(|share| match quantile(&soon, share) {
        u32::MAX => "never".to_owned(),
        nights => nights.to_string(),
    });
    let _ = writeln!(
        page,
        "  {length:>6} {:>12} {:>8} {:>9} | {:>22} {:>22} {:>22} | {}, {}",
        count(&|one| one.verdict == Verdict::Insufficient),
        count(&|one| one.verdict == Verdict::Routine),
        count(&|one| quiet(one) && small(one)),
        sizes(|bounds| bounds.detectable),
        sizes(|bounds| bounds.detectable_export),
        sizes(|bounds| bounds.detectable_export_alternate),
        soon[0],
        soon[1],
    );
}
