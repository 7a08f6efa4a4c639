//! A message handed to a program: no shell, JSON on standard input, the same in short in variables.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Fate, Message};
use crate::{base::text::shown, schedule::news::word};

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Starts `program` with `arguments` and tells it `message`.
pub(super) fn tell(program: &str, arguments: &[String], message: &Message, timeout: Duration) -> Fate {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("NIGHTAUDIT_NOTIFY_SECRET");
    for (name, value) in variables(message) {
        command.env(format!("NIGHTAUDIT_NOTICE_{name}"), value);
    }
    feed(command, Path::new(program), message.json(), timeout)
}

/// What a script can use without reading JSON. The values are safe to show, and none begins with a dash.
fn variables(message: &Message) -> Vec<(&'static str, String)> {
    let mut variables =
        vec![("EVENT", message.event().to_owned()), ("ID", message.id().to_owned()), ("TEXT", message.headline())];
    if let Message::VerdictChange(notice) = message {
        variables.extend([
            ("SCHEDULE", notice.schedule.clone()),
            ("DEVICE", notice.device.clone()),
            ("LABEL", notice.label.clone().unwrap_or_default()),
            ("SUBJECT", notice.subject.clone()),
            ("VERDICT", word(&notice.verdict)),
            ("GRADE", notice.grade.map(|grade| word(&grade)).unwrap_or_default()),
            ("BEFORE", notice.before.map(|before| word(&before)).unwrap_or_default()),
        ]);
    }
    for (_, value) in &mut variables {
        if value.starts_with('-') {
            value.insert(0, ' ');
        }
    }
    variables
}

/// Runs `command` with `input` on its standard input, for `timeout` at most. What it prints goes nowhere.
pub(super) fn feed(mut command: Command, program: &Path, input: String, timeout: Duration) -> Fate {
    let name = shown(&program.display().to_string(), 100).into_owned();
    let away = |why: String| Fate::Away { why: format!("{name}: {why}"), pause: None };
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return away(format!("cannot be started: {error}")),
    };
    // A program that does not read must not hold this one up: a pipe takes less than a long digest.
    let writer = child.stdin.take().map(|mut pipe| thread::spawn(move || drop(pipe.write_all(input.as_bytes()))));
    let ended = wait(&mut child, timeout);
    if ended.is_some()
        && let Some(writer) = writer
    {
        let _ = writer.join();
    }
    match ended {
        Some(Ok(status)) if status.success() => Fate::Taken,
        Some(Ok(status)) => away(status.to_string()),
        Some(Err(error)) => away(error.to_string()),
        None => away(format!("did not end within {} seconds and was stopped", timeout.as_secs())),
    }
}

/// Waits for the end of `child`; `None` where it had to be killed.
fn wait(child: &mut Child, timeout: Duration) -> Option<std::io::Result<std::process::ExitStatus>> {
    // Not the time of any report: only how long this thread waits.
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(Ok(status)),
            Err(error) => return Some(Err(error)),
            Ok(None) if start.elapsed() >= timeout => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            Ok(None) => thread::sleep(LOOK),
        }
    }
}
