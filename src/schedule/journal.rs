//! Log lines on standard error: for people with a time, for the journal with its level (sd-daemon(3)).

use std::{env, fmt, io};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::base::text::shown;

/// Longer lines are cut: names in them come from the wire.
const LONGEST: usize = 2_000;

/// Sends what `tracing` is told to standard error. `NIGHTAUDIT_LOG` says how much, as in `debug` or `warn`.
///
/// A second call changes nothing.
pub fn begin() {
    let filter = EnvFilter::try_from_env("NIGHTAUDIT_LOG").unwrap_or_else(|_| EnvFilter::new("nightaudit=info,warn"));
    let lines = if goes_to_journal() { Lines::Journal } else { Lines::People };
    let subscriber = tracing_subscriber::fmt().event_format(lines).with_env_filter(filter).with_writer(io::stderr);
    let _ = subscriber.try_init();
}

/// Whether standard error is what systemd reads into its journal.
fn goes_to_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else { return false };
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// Whom the lines are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lines {
    People,
    Journal,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = event.metadata().level();
        let mut text = Text::default();
        event.record(&mut text);
        let text = text.line();
        match self {
            Self::Journal => writeln!(out, "<{}>{text}", priority(*level)),
            Self::People => {
                let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ");
                writeln!(out, "{now} {:<5} {text}", level.as_str())
            }
        }
    }
}

/// The level as syslog counts it.
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// An event's message and fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn line(&self) -> String {
        shown(&format!("{}{}", self.message, self.fields), LONGEST).into_owned()
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;

        // Writing to a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Page {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn logged(lines: Lines, log: impl FnOnce()) -> String {
        let page = Page::default();
        let subscriber = tracing_subscriber::fmt().event_format(lines).with_writer(page.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_journal_gets_levels_and_people_get_times() {
        assert_eq!(logged(Lines::Journal, || tracing::warn!("disk full")), "<4>disk full\n");
        let line = logged(Lines::People, || tracing::info!(rows = 7, "flushed"));
        assert!(line.ends_with("Z INFO  flushed rows=7\n"), "{line}");
    }

    #[test]
    fn names_from_the_wire_cannot_forge_lines() {
        let evil = "x\n<0>all is well\u{1b}[2J\u{202e}";
        let line = logged(Lines::Journal, || tracing::error!("{evil}"));
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line:?}");
    }
}
