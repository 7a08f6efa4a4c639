//! What every verb says of itself, kept so that a change of it is seen in review; shell completions; the manual.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test --test cli_help`, and the snapshots are committed.
#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use std::{collections::BTreeSet, fs, process::Command};

use clap::CommandFactory;
use nightaudit::verbs::Args;
use support::nightaudit;
use tempfile::TempDir;

/// Every verb, with those below it: `rules list`.
fn verbs(of: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
    found.push(path.to_vec());
    for below in of.get_subcommands().filter(|below| below.get_name() != "help") {
        verbs(below, &[path, &[below.get_name().to_owned()]].concat(), found);
    }
}

fn all() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    verbs(&Args::command(), &[], &mut found);
    found
}

/// One snapshot a verb, so that whoever adds one adds a file and changes no other's.
#[cfg(feature = "live")]
#[test]
fn every_verb_says_what_it_does() {
    let verbs = all();
    assert!(verbs.len() > 10, "{verbs:?}");
    let mut differing = Vec::new();
    for verb in verbs {
        let help = nightaudit(verb.iter().map(String::as_str).chain(["--help"]));
        assert_eq!((help.status, help.err.as_str()), (0, ""), "{verb:?}: {help:?}");
        let name = if verb.is_empty() { "nightaudit".to_owned() } else { verb.join("-") };
        let kept = std::panic::catch_unwind(|| {
            insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "help"}, {
                insta::assert_snapshot!(name.as_str(), help.out.as_str());
            });
        });
        if kept.is_err() {
            differing.push(name);
        }
    }
    assert!(
        differing.is_empty(),
        "the help of {differing:?} is not what tests/help holds; where that is meant: INSTA_UPDATE=always cargo test \
         --test cli_help"
    );
}

#[test]
fn no_help_is_wider_than_a_page_and_every_option_is_explained() {
    for verb in all() {
        let help = nightaudit(verb.iter().map(String::as_str).chain(["--help"])).out;
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{verb:?}: {help}");
    }
    explained(&Args::command());
}

fn explained(command: &clap::Command) {
    for argument in command.get_arguments().filter(|one| !matches!(one.get_id().as_str(), "help" | "version")) {
        assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
    }
    command.get_subcommands().for_each(explained);
}

#[test]
fn a_shell_can_read_its_completions() {
    let mut tried = BTreeSet::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = nightaudit(["completions", shell]);
        assert_eq!(script.status, 0, "{script:?}");
        for word in ["check", "schedule", "config"] {
            assert!(script.out.contains(word), "{shell}: no {word}");
        }
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("script");
        fs::write(&path, &script.out).expect("a script");
        if !matches!(shell, "bash" | "zsh" | "fish") {
            continue;
        }
        match Command::new(shell).arg("-n").arg(&path).output() {
            Ok(read) => {
                assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
                tried.insert(shell);
            }
            Err(_) => println!("SKIPPED: no {shell} here to read its completions"),
        }
    }
    assert!(tried.contains("bash"), "bash is everywhere: {tried:?}");
}

#[test]
fn bash_completes_a_verb_and_an_option() {
    let script = nightaudit(["completions", "bash"]).out;
    let complete = |words: &str, at: usize| {
        let asked = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={at}; _nightaudit nightaudit \"${{COMP_WORDS[{at}]}}\" \
             \"${{COMP_WORDS[{at}-1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").arg("-c").arg(asked).output().expect("bash");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(complete("nightaudit sched", 1).trim(), "schedule");
    assert!(complete("nightaudit check --tim", 2).contains("--timezone"));
}

#[test]
fn the_manual_has_a_page_for_every_verb() {
    let first = nightaudit(["man"]);
    assert!(first.status == 0 && first.out.contains(".TH nightaudit 1"), "{first:?}");
    let folder = TempDir::new().expect("a folder");
    let pages = folder.path().join("man1");
    let run = nightaudit(["man".as_ref(), "-o".as_ref(), pages.as_os_str()]);
    assert_eq!((run.status, run.out.as_str()), (0, ""), "{run:?}");
    for verb in all() {
        let name = std::iter::once("nightaudit".to_owned()).chain(verb).collect::<Vec<_>>().join("-");
        let page = fs::read_to_string(pages.join(format!("{name}.1"))).expect("a page");
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS") && page.len() > 300, "{name}: {page}");
    }
}
