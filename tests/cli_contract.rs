//! The command line as a contract: what each option does, what each exit status means, what JSON schema 1 holds.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::{
    fs,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use support::{Run, binary, finish, genuine, nightaudit};
use tempfile::TempDir;

/// The exit status of a request that could not be handled.
const REFUSED: i32 = 2;
/// The exit status where nothing can be judged.
const NO_VERDICT: i32 = 3;
/// The phone of every genuine capture.
const PHONE_MAC: &str = "02:00:00:00:07:17";
const PHONE_V4: &str = "192.168.7.23";
const PHONE_V6: &str = "2001:db8:7::23";

#[test]
fn a_minute_of_traffic_allows_no_verdict_but_says_who_talked_to_whom() {
    let run = check(&[]);
    assert_eq!(run.status, NO_VERDICT, "{run:?}");
    for word in ["WhatsApp", "Signal", "mmg.whatsapp.net"] {
        assert!(run.out.contains(word), "no {word} in\n{}", run.out);
    }
}

#[test]
fn schema_1_has_its_fields() {
    let audit = check(&["--format=json"]).json();
    assert_eq!(audit["schema"], 1);
    for path in [
        "/tool/name /tool/version /tool/rules/sha256 /timezone /inputs/0/path /inputs/0/sha256 /inputs/0/first",
        "/inputs/0/last /inputs/0/link_types/0 /devices/0/id /devices/0/addresses/0",
        "/devices/0/subjects/0/subject /devices/0/subjects/0/kind /devices/0/subjects/0/verdict",
    ] {
        for pointer in path.split(' ') {
            assert!(audit.pointer(pointer).is_some_and(Value::is_string), "{pointer} in {audit:#}");
        }
    }
    for path in [
        "/tool/rules/count /inputs/0/packets /inputs/0/malformed /inputs/0/unsupported",
        "/totals/packets /totals/wire_bytes /totals/payload_up /totals/payload_down",
        "/totals/unattributed_up /totals/unattributed_down /devices/0/nights",
    ] {
        for pointer in path.split(' ') {
            assert!(audit.pointer(pointer).is_some_and(Value::is_u64), "{pointer} in {audit:#}");
        }
    }
    assert_eq!(audit["inputs"][0]["truncated"], false);
    assert_eq!(audit["inputs"][0]["link_types"], serde_json::json!(["ethernet"]));
    assert_eq!(audit["inputs"][0]["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn every_subject_has_its_roles_evidence_bounds_and_nights() {
    let audit = check(&["--format=json"]).json();
    let subjects = audit["devices"][0]["subjects"].as_array().expect("subjects").clone();
    assert!(subjects.len() >= 2, "{subjects:#?}");
    for subject in subjects {
        for field in ["roles", "evidence", "bounds"] {
            assert!(subject[field].is_object(), "{field} in {subject:#}");
        }
        for field in ["annotations", "nights"] {
            assert!(subject[field].is_array(), "{field} in {subject:#}");
        }
    }
}

#[test]
fn both_addresses_of_the_phone_are_one_device() {
    let audit = check(&["--format=json"]).json();
    let devices = audit["devices"].as_array().expect("devices");
    assert_eq!(devices.len(), 1, "{devices:#?}");
    assert_eq!(devices[0]["id"], PHONE_MAC);
    let addresses: Vec<_> = devices[0]["addresses"].as_array().expect("addresses").iter().collect();
    for address in [PHONE_V4, PHONE_V6] {
        assert!(addresses.iter().any(|a| **a == address), "{addresses:?}");
    }
}

#[test]
fn roles_add_up_to_the_totals() {
    let audit = check(&["--format=json"]).json();
    for direction in ["up", "down"] {
        let subjects = audit["devices"].as_array().expect("devices").iter().filter_map(|d| d["subjects"].as_array());
        let posted: u64 = subjects
            .flatten()
            .filter_map(|subject| subject["roles"].as_object())
            .flat_map(|roles| roles.values())
            .filter_map(|role| role[direction].as_u64())
            .sum();
        assert_eq!(audit["totals"][format!("payload_{direction}")], posted, "{direction}");
    }
}

#[test]
fn the_same_capture_gives_the_same_report_every_time() {
    for format in ["--format=json", "--format=text"] {
        let once = check(&[format]).out;
        assert_eq!(once, check(&[format]).out);
    }
}

#[test]
fn a_report_goes_to_the_file_that_was_asked_for_and_only_its_owner_reads_it() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("report.json");
    let run = check(&["--format=json", "-o", &path.to_string_lossy()]);
    assert!(run.ended_well() && run.status != REFUSED && run.out.is_empty(), "{run:?}");
    let kept = fs::read_to_string(&path).expect("a report");
    assert_eq!(kept.trim(), check(&["--format=json"]).out.trim());
    let mode = fs::metadata(&path).expect("a report").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_report_that_cannot_be_kept_is_an_error() {
    let run = check(&["-o", "/nonexistent/report.txt"]);
    is_refusal(&run, "/nonexistent/report.txt");
}

#[test]
fn every_format_that_the_help_names_gives_a_report() {
    let help = nightaudit(["check", "--help"]).out;
    for (format, opening) in [("text", ""), ("json", "{"), ("html", "<!"), ("md", "#"), ("csv", "")] {
        if !help.contains(format) {
            continue;
        }
        let run = check(&["--format", format]);
        assert_eq!(run.status, NO_VERDICT, "{format}: {run:?}");
        assert!(
            run.out.to_lowercase().trim_start().starts_with(opening) && run.out.len() > 100,
            "{format}: {}",
            run.out
        );
    }
}

#[test]
fn a_redacted_report_does_not_name_the_device() {
    for arguments in [&["--redact"][..], &["--redact", "--format=json"]] {
        let run = check(arguments);
        assert!(run.ended_well() && run.out.len() > 100, "{run:?}");
        for secret in [PHONE_MAC, PHONE_V4, PHONE_V6] {
            assert!(!run.out.contains(secret), "{secret} in\n{}", run.out);
        }
    }
    let run = nightaudit([Path::new("flows"), Path::new("--format=jsonl"), Path::new("--redact"), &genuine("tls13")]);
    if !run.err.contains("unexpected argument") {
        assert!(![PHONE_MAC, PHONE_V4, PHONE_V6].iter().any(|secret| run.out.contains(secret)), "{}", run.out);
    }
}

#[test]
fn times_are_shown_in_the_zone_that_was_asked_for() {
    let audit = check(&["--format=json", "--timezone=Asia/Kathmandu"]).json();
    assert_eq!(audit["timezone"], "Asia/Kathmandu");
    assert_eq!(audit["inputs"], check(&["--format=json"]).json()["inputs"], "stamps stay in UTC");
}

#[test]
fn what_cannot_be_understood_is_named() {
    for (arguments, named) in [
        (&["--timezone=Mars/Olympus_Mons"][..], "Mars/Olympus_Mons"),
        (&["--local=192.168.7.0/33"], "192.168.7.0/33"),
        (&["--local=home"], "home"),
        (&["--rules=/nonexistent/rules"], "/nonexistent/rules"),
        (&["--format=pdf"], "pdf"),
        (&["--no-such-option"], "--no-such-option"),
    ] {
        let run = check(arguments);
        assert_eq!(run.status, REFUSED, "{arguments:?}: {run:?}");
        assert!(run.err.contains(named), "{arguments:?}: {}", run.err);
        assert!(run.out.is_empty(), "{arguments:?}: {}", run.out);
    }
}

#[test]
fn no_file_and_no_command_are_refused_with_a_hint() {
    for arguments in [&["check"][..], &["flows"], &[], &["no-such-command"]] {
        let run = nightaudit(arguments);
        assert_eq!(run.status, REFUSED, "{arguments:?}: {run:?}");
        let hints = ["Usage", "--help", "give one or more files"];
        assert!(hints.iter().any(|hint| run.err.contains(hint)), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_local_block_makes_its_members_the_devices() {
    // Neither end of an IPv6 connection is private; without the block the side that opened it is the device.
    let path = genuine("tls12");
    let audit = |arguments: &[&str]| {
        let given = arguments.iter().map(Path::new).chain([path.as_path()]);
        nightaudit([Path::new("check"), Path::new("--format=json")].into_iter().chain(given)).json()
    };
    let totals = audit(&[])["totals"].clone();
    assert_eq!(audit(&["--local=2001:db8:7::/64"])["totals"], totals, "the phone is the device already");
    let server_is_local = audit(&["--local=2a03:2880::/32"])["totals"].clone();
    assert!(server_is_local["payload_down"].as_u64() > totals["payload_down"].as_u64(), "{server_is_local}");
}

#[test]
fn colour_is_for_those_who_want_it() {
    let with = |arguments: &[&str], no_colour: Option<&str>| {
        let path = genuine("tls13");
        let mut command = binary();
        command.arg("check").args(arguments).arg(path).env_remove("NO_COLOR");
        if let Some(value) = no_colour {
            command.env("NO_COLOR", value);
        }
        finish(&mut command).out.contains('\u{1b}')
    };
    assert!(with(&["--color=always"], None), "asked for");
    assert!(!with(&["--color=never"], None), "refused");
    assert!(!with(&[], None), "in a pipe nobody sees it");
    assert!(!with(&["--color=auto"], Some("1")), "NO_COLOR refuses it");
}

#[test]
fn a_reader_that_leaves_early_is_no_error_to_speak_of() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nightaudit"))
        .args(["flows", "--format=jsonl"])
        .arg(genuine("tls13"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut said).expect("text");
    child.wait().expect("an end");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn flows_are_a_table_for_people_and_rows_for_programs() {
    let list =
        |format: &str| nightaudit([Path::new("flows"), Path::new("--format"), Path::new(format), &genuine("tls13")]);
    let rows = list("jsonl").json_lines();
    let table = list("table");
    assert_eq!(table.status, 0, "{table:?}");
    assert!(table.out.contains("mmg.whatsapp.net") && table.out.contains("WhatsApp") || table.out.contains("whatsapp"));
    let csv = list("csv");
    assert_eq!(csv.out.lines().count(), rows.len() + 1, "a heading and a line for each flow: {}", csv.out);
    for column in ["proto", "src", "sport", "dst", "dport", "payload_ab", "host"] {
        assert!(csv.out.lines().next().is_some_and(|head| head.split(',').any(|name| name == column)), "{}", csv.out);
    }
    for row in rows {
        for field in
            ["device", "app", "operator", "role", "host", "host_source", "evidence", "confidence", "alpn", "ja4"]
        {
            assert!(row.get(field).is_some(), "no {field} in {row}");
        }
    }
}

#[test]
fn flows_are_attributed_to_app_and_role() {
    let rows = nightaudit([Path::new("flows"), Path::new("--format=jsonl"), &genuine("tls13")]).json_lines();
    let of = |host: &str| rows.iter().find(|row| row["host"] == host && row["proto"] == "tcp").expect("a flow");
    let media = of("mmg.whatsapp.net");
    assert_eq!(
        (&media["app"], &media["operator"], &media["role"]),
        (&"whatsapp".into(), &"Meta".into(), &"media".into())
    );
    assert_eq!((&media["evidence"], &media["device"]), (&"sni".into(), &PHONE_MAC.into()));
    let chat = of("chat.signal.org");
    assert_eq!((&chat["app"], &chat["role"]), (&"signal".into(), &"chat".into()));
}

#[test]
fn the_embedded_rules_are_sound() {
    let run = nightaudit([Path::new("rules"), Path::new("check"), &support::project().join("rules")]);
    assert_eq!(run.status, 0, "{run:?}");
    let list = nightaudit(["rules", "list"]);
    assert_eq!(list.status, 0, "{list:?}");
    for app in ["whatsapp", "signal", "telegram", "icloud"] {
        assert!(list.out.to_lowercase().contains(app), "no {app} in\n{}", list.out);
    }
}

#[test]
fn a_rule_is_explained_by_host_and_by_address() {
    for (asked, words) in [
        ("mmg.whatsapp.net", &["whatsapp", "media"][..]),
        ("149.154.167.99", &["telegram"]),
        ("backup.googleapis.com", &["backup"]),
    ] {
        let run = nightaudit(["rules", "explain", asked]);
        assert_eq!(run.status, 0, "{run:?}");
        let said = run.out.to_lowercase();
        assert!(words.iter().all(|word| said.contains(word)), "{asked}: {said}");
    }
}

#[test]
fn a_broken_rule_is_named_by_file_and_line() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("mine.toml"), "id = \"mine\"\n\nthis is no rule\n").expect("a file");
    let run = check(&["--rules", &folder.path().to_string_lossy()]);
    assert_eq!(run.status, REFUSED, "{run:?}");
    assert!(run.err.contains("mine.toml") && run.err.contains('3'), "{}", run.err);
}

#[test]
fn a_missing_scenario_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out.pcap");
    let run = nightaudit(["simulate", "/nonexistent/scenario.toml", "-o", &out.to_string_lossy()]);
    is_refusal(&run, "/nonexistent/scenario.toml");
    assert!(!out.exists(), "nothing was simulated");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = nightaudit(["--help"]);
    assert_eq!(help.status, 0, "{help:?}");
    for command in ["check", "flows", "simulate", "rules"] {
        assert!(help.out.contains(command), "{}", help.out);
    }
    let version = nightaudit(["--version"]);
    assert_eq!(version.out.trim(), format!("nightaudit {}", env!("CARGO_PKG_VERSION")));
}

/// Runs `check` on a capture of a few seconds: WhatsApp and Signal over IPv4 and IPv6.
fn check(arguments: &[&str]) -> Run {
    let path = genuine("tls13");
    nightaudit(["check"].iter().map(Path::new).chain(arguments.iter().map(Path::new)).chain([path.as_path()]))
}

fn is_refusal(run: &Run, named: &str) {
    assert_eq!(run.status, REFUSED, "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    assert!(run.err.contains(named), "{}", run.err);
}
