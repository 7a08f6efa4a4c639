//! The rule files of this project keep their own promises.

use std::{collections::BTreeSet, fs, path::Path};

use nightaudit::identify::{Check, Rules, check};

#[test]
fn every_expectation_of_every_rule_file_holds() {
    let rules = Rules::embedded().unwrap();
    assert!(rules.owners().map(|(_, owner)| owner.expectations.len()).sum::<usize>() > 20);
    assert_eq!(rules.faults(), [""; 0]);
}

#[test]
fn every_file_of_the_rules_folder_is_carried() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let rules = Rules::embedded().unwrap();
    let carried: BTreeSet<String> = rules.owners().map(|(_, owner)| owner.id.to_string()).collect();
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = names.filter_map(|name| name.strip_suffix(".toml").map(str::to_owned)).collect();
    assert_eq!(carried, files);
}

#[test]
fn the_rules_folder_passes_the_check_that_users_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let Check { files, expectations, faults } = check(&folder).unwrap();
    assert_eq!(faults, [""; 0]);
    assert!(files > 5 && expectations > 20, "{files} files, {expectations} expectations");
}

#[test]
fn the_hash_says_which_rules_judged() {
    let rules = Rules::embedded().unwrap();
    assert_eq!(rules.sha256().len(), 64);
    assert_eq!(rules.sha256(), Rules::embedded().unwrap().sha256());
}
