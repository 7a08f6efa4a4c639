//! A shell in a pseudo-terminal of its own, which a test types into and looks at.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

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
use vt100::{Color, MouseProtocolMode, Parser};

/// How long anything may take to show; it is there long before on any machine that works.
const PATIENCE: Duration = Duration::from_secs(180);

/// A picture is drawn in much less.
const QUIET: Duration = Duration::from_millis(250);

/// A shell in a terminal of its own.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    hands: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: Parser,
    /// Everything that was written to it.
    written: Vec<u8>,
}

impl Terminal {
    /// Runs `script` in `folder`, in a terminal of so many columns and rows. The program under test is `$NIGHTAUDIT`.
    pub(crate) fn run(script: &str, folder: &Path, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a terminal");
        let mut command = CommandBuilder::new("bash");
        command.args(["-c", script]);
        command.cwd(folder);
        let settings = [
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("NIGHTAUDIT", env!("CARGO_BIN_EXE_nightaudit")),
        ];
        for (name, value) in settings {
            command.env(name, value);
        }
        command.env("XDG_STATE_HOME", folder.join("state"));
        command.env("XDG_CONFIG_HOME", folder.join("config"));
        command.env_remove("NO_COLOR");
        command.env_remove("RUST_BACKTRACE"); // it would push what a panic said off the screen
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
        let parser = Parser::new(cells(rows), cells(columns), 0);
        Self { child, master: pair.master, hands, output, parser, written: Vec::new() }
    }

    /// What it shows.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// The line that says `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        let screen = self.screen();
        screen
            .lines()
            .find(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no line says {text:?}:\n{screen}"))
            .to_owned()
    }

    /// Waits until the screen says `text`.
    pub(crate) fn until(&mut self, text: &str) {
        self.wait(&format!("it never said {text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen no longer says `text`.
    pub(crate) fn until_gone(&mut self, text: &str) {
        self.wait(&format!("it went on saying {text:?}"), |screen| !screen.contains(text));
    }

    fn wait(&mut self, failed: &str, is_it: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !is_it(&self.screen()) {
            assert!(begin.elapsed() < PATIENCE, "{failed}:\n{}", self.screen());
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
                self.parser.process(&bytes);
                self.written.extend(bytes);
            }
        }
    }

    /// Types keys.
    pub(crate) fn type_(&mut self, keys: &str) {
        self.hands.write_all(keys.as_bytes()).expect("a terminal that listens");
        self.hands.flush().expect("a terminal that listens");
    }

    /// Types keys, and waits for what they bring.
    pub(crate) fn press(&mut self, keys: &str, text: &str) {
        self.type_(keys);
        self.until(text);
    }

    /// Clicks where `text` stands.
    pub(crate) fn click(&mut self, text: &str) {
        let (x, y) = self.place(text);
        self.type_(&format!("\x1b[<0;{};{}M\x1b[<0;{};{}m", x + 1, y + 1, x + 1, y + 1));
    }

    /// Drags the mouse, button held, from one cell to another, counted from 0 (xterm's SGR encoding counts from 1).
    pub(crate) fn drag(&mut self, from: (u16, u16), to: (u16, u16)) {
        let middle = (u16::midpoint(from.0, to.0), u16::midpoint(from.1, to.1));
        let point = |code: u8, at: (u16, u16), end: char| format!("\x1b[<{code};{};{}{end}", at.0 + 1, at.1 + 1);
        let moves = [point(0, from, 'M'), point(32, middle, 'M'), point(32, to, 'M'), point(0, to, 'm')];
        self.type_(&moves.concat());
    }

    /// Column and row at which `text` stands, once it does.
    pub(crate) fn place(&mut self, text: &str) -> (u16, u16) {
        self.until(text);
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        for row in 0..rows.get() {
            let line: Vec<String> = (0..columns.get())
                .map(|x| screen.cell(row, x).map(|cell| cell.contents().to_owned()).unwrap_or_default())
                .collect();
            for x in 0..line.len() {
                let rest = line[x..].iter().map(|cell| if cell.is_empty() { " " } else { cell }).collect::<String>();
                if rest.starts_with(text) {
                    return (u16::try_from(x).expect("a column"), row);
                }
            }
        }
        panic!("nowhere stands {text:?}:\n{}", self.screen());
    }

    /// The colour of the first letter of `text`, once it is there.
    pub(crate) fn colour(&mut self, text: &str) -> Color {
        let (x, y) = self.place(text);
        self.parser.screen().cell(y, x).expect("a cell").fgcolor()
    }

    /// Makes it so large, and waits until nothing more is drawn: a key at the same moment may come late.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).expect("a terminal that can be resized");
        while let Ok(bytes) = self.output.recv_timeout(QUIET) {
            self.parser.process(&bytes);
            self.written.extend(bytes);
        }
    }

    /// Sends a signal to what the shell runs.
    pub(crate) fn signal(&self, signal: &str) {
        let shell = self.child.process_id().expect("a shell");
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("its children");
        let screen = children.split_whitespace().next().expect("the screen");
        assert!(Command::new("kill").args([&format!("-{signal}"), screen]).status().expect("kill").success());
    }

    /// That the terminal is as one finds it: by what was written to it, and as an emulator has it.
    pub(crate) fn is_sane(&self) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor shows");
        assert!(!screen.bracketed_paste(), "pasting is plain");
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "the mouse is let go");
        let last = |bytes: &[u8]| self.written.windows(bytes.len()).rposition(|window| window == bytes);
        let pairs: [(&str, &[u8], &[u8]); 4] = [
            ("alternate screen", b"\x1b[?1049h", b"\x1b[?1049l"),
            ("cursor", b"\x1b[?25l", b"\x1b[?25h"),
            ("pasting", b"\x1b[?2004h", b"\x1b[?2004l"),
            ("mouse", b"\x1b[?1000h", b"\x1b[?1000l"),
        ];
        for (what, taken, given) in pairs {
            let (taken, given) = (last(taken), last(given));
            assert!(taken.is_some(), "{what}: it was never taken");
            assert!(given > taken, "{what}: taken at {taken:?}, given back at {given:?}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Whatever became of the test, nothing stays behind.
        let _ = self.child.kill();
    }
}

const fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("more than none")
}

/// A script that runs `command` between two looks at the terminal's settings.
pub(crate) fn between_looks(command: &str) -> String {
    format!("stty -a >before; {command}; echo ended $?; stty -a >after; echo looked; read x")
}

/// That the settings of the terminal are what they were.
pub(crate) fn settings_are_as_before(folder: &Path) {
    let [before, after] =
        ["before", "after"].map(|name| fs::read_to_string(folder.join(name)).expect("what stty said"));
    // A terminal that was resized meanwhile has another size, and nothing else.
    let rest =
        |said: &str| said.lines().map(|line| line.split("rows").next().unwrap_or(line).to_owned()).collect::<Vec<_>>();
    assert_eq!(rest(&before), rest(&after), "the terminal is as it was");
    assert!(before.contains("icanon") && !after.contains("-icanon"), "lines are lines: {after}");
}
