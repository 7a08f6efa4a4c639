//! The screen in a real terminal, and the terminal as it was before, however it ended.

#![cfg(target_os = "linux")]

mod support;
mod terminal;

use std::{
    fs,
    sync::{Arc, atomic::AtomicBool},
};

use nightaudit::{
    night::Settings,
    pipeline::{Judging, Snapshot},
    report::Redaction,
    tui::{self, Keys, Setup, Theme},
};
use terminal::{Terminal, between_looks, settings_are_as_before};
use vt100::Color;

fn capture() -> String {
    support::project().join("captures/nightly-export/traffic.pcap.zst").display().to_string()
}

/// Shows the capture between two looks at the terminal's settings.
fn script() -> String {
    between_looks(&format!("\"$NIGHTAUDIT\" view --no-power --timezone Europe/Berlin '{}'", capture()))
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut terminal = Terminal::run(&script(), folder.path(), 80, 24);
        terminal.until("Apps and services");
        terminal.signal(signal);
        terminal.until("ended 0");
        terminal.until("looked");
        terminal.is_sane();
        settings_are_as_before(folder.path());
    }
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::run(&script(), folder.path(), 80, 24);
    terminal.until("Apps and services");
    terminal.press("\u{3}", "looked");
    assert!(terminal.screen().contains("ended 0"), "{}", terminal.screen());
    terminal.is_sane();
    settings_are_as_before(folder.path());
}

/// Stands in for the program where it would panic: a test that only the next one runs, in a terminal.
#[test]
#[ignore = "panics on purpose; a_panic_gives_the_terminal_back runs it"]
fn a_screen_that_panics() {
    let judging = Judging { timezone: chrono_tz::Tz::UTC, night: Settings::default() };
    let setup = Setup {
        snapshot: Arc::new(Snapshot::blank(&judging)),
        theme: Theme::default(),
        keys: Keys::default(),
        redaction: Redaction::Off,
        stop: Arc::new(AtomicBool::new(false)),
        captures: None,
        asn: None,
        load_redaction: Box::new(|| unreachable!("a fault of ours")),
    };
    let (_send, news) = crossbeam_channel::unbounded();
    tui::run(setup, &news).expect("a screen");
}

#[test]
fn a_panic_gives_the_terminal_back_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let test = std::env::current_exe().expect("this test");
    let command = format!("'{}' --ignored --exact a_screen_that_panics --nocapture", test.display());
    let mut terminal = Terminal::run(&between_looks(&command), folder.path(), 80, 24);
    terminal.until("Apps and services");
    terminal.press("r", "looked");
    let screen = terminal.screen();
    assert!(screen.contains("a fault of ours") && screen.contains("ended 101"), "{screen}");
    terminal.is_sane();
    settings_are_as_before(folder.path());
}

#[test]
fn what_cannot_be_read_is_said_on_the_screen_or_instead_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("notes.txt"), "no capture\n").expect("a file");
    let command = format!("\"$NIGHTAUDIT\" view --no-power notes.txt '{}'", capture());
    let mut terminal = Terminal::run(&between_looks(&command), folder.path(), 120, 30);
    terminal.until("looks like an export");
    terminal.until("notes.txt");
    terminal.press("q", "looked");
    terminal.is_sane();
    settings_are_as_before(folder.path());
    let mut alone = Terminal::run(&between_looks("\"$NIGHTAUDIT\" view notes.txt"), folder.path(), 80, 24);
    alone.until("looked");
    let screen = alone.screen();
    assert!(screen.contains("notes.txt") && screen.contains("ended 2"), "{screen}");
}

#[test]
fn what_cannot_be_drawn_on_is_refused_with_a_hint() {
    let run = support::nightaudit(["view", &capture()]);
    assert_eq!(run.status, 2);
    assert!(run.err.contains("needs a terminal") && run.err.contains("nightaudit check"), "{}", run.err);
    let folder = tempfile::tempdir().expect("a folder");
    let script = "TERM=dumb \"$NIGHTAUDIT\" view x; echo ended $?; read x";
    let mut dumb = Terminal::run(script, folder.path(), 80, 24);
    dumb.until("TERM=dumb cannot draw a screen");
    dumb.until("ended 2");
}

#[test]
fn a_ledger_can_be_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "\"$NIGHTAUDIT\" check --no-power --ledger ledger.db '{}' >/dev/null; \"$NIGHTAUDIT\" view --no-power --ledger \
         ledger.db; echo ended $?; read x",
        capture()
    );
    let mut terminal = Terminal::run(&script, folder.path(), 80, 24);
    terminal.until("looks like an export");
    terminal.press("j4", "mmg.whatsapp.net");
    terminal.press("ep", "here are none to read again");
    terminal.press("5", "a ledger keeps minutes");
    terminal.press("q", "ended 0");
    terminal.is_sane();
}

#[test]
fn colours_characters_and_keys_are_as_one_wants_them() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("nightaudit.toml"),
        "[view]\nascii = true\n[view.keys]\nquit = \"w\"\nhelp = [\"f2\", \"H\"]\n",
    )
    .expect("settings");
    let script = format!(
        "NO_COLOR=1 \"$NIGHTAUDIT\" --config nightaudit.toml view --no-power '{}'; echo ended $?; read x",
        capture()
    );
    let mut terminal = Terminal::run(&script, folder.path(), 80, 24);
    terminal.until("looks like an export");
    assert!(terminal.screen().is_ascii(), "{}", terminal.screen());
    assert_eq!(terminal.colour("looks like an export"), Color::Default, "no colour is asked for");
    terminal.press("H", "F2 H".to_lowercase().as_str());
    // The old key does nothing.
    terminal.press("q1", "Apps and services");
    terminal.press("w", "ended 0");
    terminal.is_sane();
}
