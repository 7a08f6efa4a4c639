//! `nightaudit.toml` as a user meets it: which layer wins, and what a mistake is answered with.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{fs, path::PathBuf};

use support::{Run, binary, finish, genuine};
use tempfile::TempDir;

const DEVICE: &str = "[[device]]\nlabel = \"Ana's phone\"\nmac = \"02:00:00:00:07:17\"\n";

fn check(settings: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let (_folder, path) = written(settings);
    let mut command = binary();
    command.args(["check", "--format=json", "--no-power", "--config"]).arg(&path).args(arguments).arg(genuine("tls13"));
    finish(command.envs(variables.iter().copied()))
}

fn written(settings: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("nightaudit.toml");
    fs::write(&path, settings).expect("a settings file");
    (folder, path)
}

#[test]
fn the_file_gives_the_device_its_label_and_the_report_its_zone() {
    let audit = check(&format!("timezone = \"Asia/Tokyo\"\n{DEVICE}"), &[], &[]).json();
    assert_eq!(audit["devices"][0]["label"], "Ana's phone");
    assert_eq!(audit["timezone"], "Asia/Tokyo");
}

#[test]
fn the_environment_wins_over_the_file_and_a_flag_over_both() {
    let file = "timezone = \"Asia/Tokyo\"";
    let zone = [("NIGHTAUDIT_TIMEZONE", "Asia/Kathmandu")];
    assert_eq!(check(file, &[], &zone).json()["timezone"], "Asia/Kathmandu");
    assert_eq!(check(file, &["--set", "timezone=UTC"], &zone).json()["timezone"], "UTC");
    assert_eq!(check(file, &["--timezone=Europe/Berlin"], &zone).json()["timezone"], "Europe/Berlin");
}

#[test]
fn the_usual_place_is_read_without_being_named() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("nightaudit")).expect("a folder");
    fs::write(folder.path().join("nightaudit/nightaudit.toml"), DEVICE).expect("a settings file");
    let mut command = binary();
    command.args(["check", "--format=json", "--no-power"]).arg(genuine("tls13")).env("XDG_CONFIG_HOME", folder.path());
    assert_eq!(finish(&mut command).json()["devices"][0]["label"], "Ana's phone");
}

#[test]
fn a_mistake_is_one_line_with_its_place_and_what_was_meant() {
    let run = check("\n[night]\nacident_rate = 0.1\n", &[], &[]);
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
    assert!(
        run.err.contains("nightaudit.toml:3: there is no key acident_rate; did you mean accident_rate?"),
        "{run:?}"
    );
}

#[test]
fn a_settings_file_that_was_named_must_be_there() {
    let run = finish(binary().args(["rules", "list", "--config", "/nonexistent/nightaudit.toml"]));
    assert!(run.status == 2 && run.err.contains("/nonexistent/nightaudit.toml: cannot read the settings"), "{run:?}");
}

#[test]
fn a_rules_folder_of_the_settings_is_in_force() {
    let (_folder, path) = written("rules = [\"rules\"]");
    let run = finish(binary().args(["rules", "list", "--config"]).arg(&path));
    assert!(run.status == 2 && run.err.contains("rules"), "a folder that is not there is named: {run:?}");
    fs::create_dir(path.with_file_name("rules")).expect("a folder");
    assert_eq!(finish(binary().args(["rules", "list", "--config"]).arg(&path)).status, 0);
}

#[test]
fn broken_settings_keep_nobody_from_the_doctor_who_names_them() {
    let (_folder, path) = written("timzone = 1");
    let run = finish(binary().args(["doctor", "--config"]).arg(&path));
    assert!(run.status == 0 && run.out.contains("did you mean timezone?"), "{run:?}");
}
