//! Phones of which it is known what they do, and what is said of each innocent explanation.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{fs, path::Path};

use nightaudit::{
    base::Bytes,
    identify::{Kind, Occasion},
    ledger::{Cell, DeviceLedger, SubjectLedger},
    night::{Cause, Finding, Settings, Standing, Verdict, judge},
    simulate::{Life, Scenario},
};

const SEEDS: std::ops::Range<u64> = 40..46;

/// A phone of a scenario file, with the row that it is graded on.
struct Phone {
    ledger: DeviceLedger,
    row: usize,
}

impl Phone {
    fn of(id: &str, seed: u64) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/nights/{id}.toml"));
        Self::told(&fs::read_to_string(&path).unwrap(), seed)
    }

    /// The phone of a scenario that is told here.
    fn told(scenario: &str, seed: u64) -> Self {
        let life = Life::of(&Scenario::parse(scenario, "told here").unwrap(), seed);
        let (ledger, _) = life.ledger();
        let row = life.judged(&ledger).unwrap();
        Self { ledger, row }
    }

    fn row(&mut self) -> &mut SubjectLedger {
        &mut self.ledger.subjects[self.row]
    }

    fn judged(&self) -> Finding {
        let settings = Settings { power: false, ..Settings::default() };
        judge(&self.ledger, &settings).findings.swap_remove(self.row)
    }
}

fn standing(found: &Finding, cause: Cause) -> Standing {
    let said = found.explanations.iter().find(|said| said.cause == cause);
    said.unwrap_or_else(|| panic!("{cause:?} is not spoken of: {:?} {:?}", found.verdict, found.explanations)).standing
}

fn supported(found: &Finding) -> Vec<Cause> {
    let supported = found.explanations.iter().filter(|said| said.standing == Standing::Supported);
    supported.map(|said| said.cause).collect()
}

/// The sentences, for when a test fails.
fn told(found: &Finding) -> String {
    let line =
        |said: &nightaudit::night::Explanation| format!("{:?} {:?}: {}", said.cause, said.standing, said.because);
    format!("{:?}\n{}", found.verdict, found.explanations.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[test]
fn nothing_explains_a_nightly_export() {
    for seed in SEEDS {
        let found = Phone::of("P01", seed).judged();
        assert_eq!(found.verdict, Verdict::ExportLike);
        for said in &found.explanations {
            assert_eq!(said.standing, Standing::RuledOut, "{:?} in {}", said.cause, told(&found));
        }
    }
}

#[test]
fn a_declared_backup_is_supported_and_nothing_else_is() {
    for seed in SEEDS {
        let found = Phone::of("B20", seed).judged();
        assert_eq!(supported(&found), [Cause::DeclaredFeature], "{}", told(&found));
        assert!(told(&found).contains("Signal Secure Backups"), "{}", told(&found));
    }
}

const EXPORT_TO_SERVERS_OF_A_HISTORY_SYNC: &str = r#"
name = "a nightly export to the servers that also take a history sync"
nights = 28
app = "whatsapp"
export = [{ when = "after-bedtime", lag-minutes = 90, mb = 40, to = "operator-media" }]
"#;

#[test]
fn a_feature_that_happens_once_does_not_explain_what_comes_night_after_night() {
    for seed in SEEDS {
        let phone = Phone::told(EXPORT_TO_SERVERS_OF_A_HISTORY_SYNC, seed);
        let features: Vec<_> = phone.ledger.subjects[phone.row].features.iter().map(|known| known.occasion).collect();
        assert!(features.contains(&Occasion::Once) && features.len() == 2, "every feature is kept: {features:?}");
        let found = phone.judged();
        assert_eq!(standing(&found, Cause::DeclaredFeature), Standing::RuledOut, "{}", told(&found));
        assert!(supported(&found).is_empty(), "{}", told(&found));
    }
}

#[test]
fn what_goes_to_a_cloud_is_a_backup_and_may_be_photos() {
    for seed in SEEDS {
        let mut phone = Phone::of("B17", seed);
        for (id, photos) in [("google-backup", Standing::RuledOut), ("icloud", Standing::CannotTell)] {
            phone.row().subject.id = id.into();
            let found = phone.judged();
            assert_eq!(supported(&found), [Cause::CloudBackup], "{}", told(&found));
            assert_eq!(standing(&found, Cause::PhotoSync), photos, "{}", told(&found));
        }
    }
}

#[test]
fn what_goes_to_a_service_for_photos_is_photos() {
    for seed in SEEDS {
        let mut phone = Phone::of("B18", seed);
        phone.row().subject.id = "google-photos".into();
        let found = phone.judged();
        assert_eq!(supported(&found), [Cause::PhotoSync], "{}", told(&found));
        assert_eq!(standing(&found, Cause::CloudBackup), Standing::RuledOut);
    }
}

const RELAY: &str = r#"
name = "whatever of a size arrives, at any hour, goes on to the owner's computer"
nights = 28
happening = [{ what = "pass-on", at-least-mb = 1 }]
"#;

#[test]
fn a_phone_that_passes_media_on_is_known_by_what_arrived_before() {
    let mut spoken_of = 0;
    for seed in SEEDS {
        let found = Phone::told(RELAY, seed).judged();
        if found.explanations.iter().any(|said| said.cause == Cause::ForwardedMedia) {
            spoken_of += 1;
            assert_eq!(supported(&found), [Cause::ForwardedMedia], "{}", told(&found));
        }
    }
    assert!(spoken_of >= 3, "{spoken_of} phones had something to explain");
}

#[test]
fn media_that_arrived_hours_before_does_not_rule_passing_on_out_and_does_not_show_it() {
    for seed in SEEDS {
        let mut phone = Phone::of("P04", seed);
        let midday = |day: u32| phone.ledger.seen[0].plus(day * 1_440 + 5 * 60);
        let arrived: Vec<_> = (0..28).map(midday).collect();
        let row = phone.row();
        for at in arrived {
            let cell = Cell { down: Bytes::mb(60), packets: 9, ..Cell::default() };
            match row.minutes.binary_search_by_key(&at, |(minute, _)| *minute) {
                Ok(known) => row.minutes[known].1.add(&cell),
                Err(place) => row.minutes.insert(place, (at, cell)),
            }
        }
        let found = phone.judged();
        assert_eq!(standing(&found, Cause::ForwardedMedia), Standing::CannotTell, "{}", told(&found));
    }
}

#[test]
fn a_history_sent_to_a_new_computer_is_known_by_its_many_pieces() {
    let mut supported_on = 0;
    for seed in SEEDS {
        let found = Phone::of("B11", seed).judged();
        // The rules name the sync as a feature of the app, so both are said.
        let history = [Cause::HistorySync, Cause::DeclaredFeature];
        let others: Vec<_> = supported(&found).into_iter().filter(|cause| !history.contains(cause)).collect();
        if found.verdict == Verdict::BulkButIrregular {
            supported_on += u32::from(standing(&found, Cause::HistorySync) == Standing::Supported);
            assert_ne!(standing(&found, Cause::HistorySync), Standing::RuledOut, "{}", told(&found));
            assert!(others.is_empty(), "{}", told(&found));
        }
    }
    assert!(supported_on >= 3, "{supported_on}");
}

const DUMPS: &str = r#"
name = "crash dumps of 15 MB, one night in twelve, to the servers that take crash reports"
nights = 28
happening = [{ what = "nightly", on-nights = 0.083, mb = 15, spread = 0.5, to = "operator-telemetry" }]
"#;

#[test]
fn a_rare_dump_is_no_history_and_shows_by_where_it_went() {
    let mut spoken_of = 0;
    for seed in SEEDS {
        let found = Phone::of("B14", seed).judged();
        if found.verdict != Verdict::BulkButIrregular {
            continue;
        }
        spoken_of += 1;
        assert_eq!(standing(&found, Cause::CrashDump), Standing::CannotTell, "{}", told(&found));
        assert!(supported(&found).is_empty(), "{}", told(&found));
    }
    assert!(spoken_of >= 3, "{spoken_of}");
}

#[test]
fn dumps_to_the_servers_that_take_them_are_dumps_by_the_apps_own_rules() {
    let mut known = 0;
    for seed in SEEDS {
        let found = Phone::told(DUMPS, seed).judged();
        let supported = supported(&found);
        known += u32::from(supported == [Cause::DeclaredFeature, Cause::CrashDump]);
        let dumps = |cause: &Cause| matches!(cause, Cause::DeclaredFeature | Cause::CrashDump);
        assert!(supported.iter().all(dumps), "{}", told(&found));
    }
    assert!(known >= 3, "{known} of {SEEDS:?}");
}

#[test]
fn small_uploads_that_come_back_may_be_diagnostics_and_it_is_not_denied() {
    for seed in SEEDS {
        let found = Phone::of("B13", seed).judged();
        if found.verdict == Verdict::SmallRecurrent {
            assert_eq!(standing(&found, Cause::CrashDump), Standing::CannotTell, "{}", told(&found));
        }
    }
}

#[test]
fn overnight_updates_are_acknowledgements_and_no_calls() {
    let mut spoken_of = 0;
    for seed in SEEDS {
        let phone = Phone::of("B15", seed);
        let found = judge(&phone.ledger, &Settings { power: false, ..Settings::default() }).findings;
        for (found, row) in found.iter().zip(&phone.ledger.subjects) {
            let explained = !found.explanations.is_empty() && found.verdict == Verdict::Routine;
            if explained && row.subject.kind == Kind::Messenger {
                spoken_of += 1;
                assert_eq!(supported(found), [Cause::UpdateAcknowledgements], "{} {}", row.subject.name, told(found));
                assert_eq!(standing(found, Cause::Call), Standing::RuledOut, "{}", told(found));
            }
        }
    }
    assert!(spoken_of >= 3, "{spoken_of}");
}

#[test]
fn nightly_calls_are_calls_and_no_acknowledgements() {
    for seed in SEEDS {
        let found = Phone::of("B08", seed).judged();
        if found.verdict == Verdict::Routine {
            assert_eq!(supported(&found), [Cause::Call], "{}", told(&found));
            assert_eq!(standing(&found, Cause::UpdateAcknowledgements), Standing::RuledOut, "{}", told(&found));
        }
    }
}
