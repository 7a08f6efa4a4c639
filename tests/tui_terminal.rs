//! The screen in a real terminal, and the terminal as it was before.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "what fails here fails the test that asked for it")]

mod support;

use std::{
    fs,
    io::{Read, Write},
    num::NonZeroU16,
    path::Path,
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{MouseProtocolMode, Parser};

/// How long anything may take to show; it is there long before on any machine that works.
const PATIENCE: Duration = Duration::from_secs(90);

/// A shell in a terminal of its own.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    /// Kept, or the terminal would close.
    _master: Box<dyn MasterPty + Send>,
    hands: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: Parser,
}

impl Terminal {
    /// Runs `script` in `folder`, in a terminal of 80 columns and 24 rows.
    fn run(script: &str, folder: &Path) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new("bash");
        command.args(["-c", script]);
        command.cwd(folder);
        let settings = [
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("XDG_CONFIG_HOME", "/nonexistent"),
            ("NIGHTAUDIT", env!("CARGO_BIN_EXE_nightaudit")),
        ];
        for (name, value) in settings {
            command.env(name, value);
        }
        command.env("XDG_STATE_HOME", folder.join("state"));
        command.env_remove("NO_COLOR");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NIGHTAUDIT_")) {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).expect("a shell");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (send, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let hands = pair.master.take_writer().expect("a writer");
        Self { child, _master: pair.master, hands, output, parser: Parser::new(cells(24), cells(80), 0) }
    }

    fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until the screen says `text`.
    fn until(&mut self, text: &str) {
        let begin = Instant::now();
        while !self.screen().contains(text) {
            assert!(begin.elapsed() < PATIENCE, "it never said {text:?}:\n{}", self.screen());
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
                self.parser.process(&bytes);
            }
        }
    }

    /// Types keys, and waits for what they bring.
    fn press(&mut self, keys: &str, text: &str) {
        self.hands.write_all(keys.as_bytes()).expect("a terminal that listens");
        self.hands.flush().expect("a terminal that listens");
        self.until(text);
    }

    /// That the terminal is as one finds it.
    fn is_sane(&mut self) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor shows");
        assert!(!screen.bracketed_paste(), "pasting is plain");
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "the mouse is let go");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Whatever became of the test, nothing stays behind.
        let _ = self.child.kill();
    }
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("more than none")
}

fn capture() -> String {
    support::project().join("captures/nightly-export/traffic.pcap.zst").display().to_string()
}

/// Shows the capture between two looks at the terminal's settings.
fn script() -> String {
    format!(
        "stty -a >before; \"$NIGHTAUDIT\" view --timezone Europe/Berlin '{}'; echo ended $?; stty -a >after; read x",
        capture()
    )
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut terminal = Terminal::run(&script(), folder.path());
        terminal.until("Apps and services");
        let shell = terminal.child.process_id().expect("a shell");
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("its children");
        let screen = children.split_whitespace().next().expect("the screen");
        assert!(Command::new("kill").args([&format!("-{signal}"), screen]).status().expect("kill").success());
        terminal.until("ended 0");
        terminal.is_sane();
    }
}

#[test]
fn what_cannot_be_drawn_on_is_refused_with_a_hint() {
    let run = support::nightaudit(["view", &capture()]);
    assert_eq!(run.status, 2);
    assert!(run.err.contains("needs a terminal") && run.err.contains("nightaudit check"), "{}", run.err);
    let folder = tempfile::tempdir().expect("a folder");
    let mut dumb =
        Terminal::run(&format!("TERM=dumb {}", "\"$NIGHTAUDIT\" view x; echo ended $?; read x"), folder.path());
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
    let mut terminal = Terminal::run(&script, folder.path());
    terminal.until("looks like an export");
    terminal.press("j4", "mmg.whatsapp.net");
    terminal.press("5", "a ledger keeps minutes");
    terminal.press("q", "ended 0");
    terminal.is_sane();
}
