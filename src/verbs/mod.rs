//! What a user can ask for: one file per subcommand.
//!
//! What was typed ([`args`]) is kept apart from what it means; only this stage prints, and only its errors are
//! whole sentences for people.

pub mod args;
mod check;
mod completions;
mod declared;
mod doctor;
mod evidence;
mod fleet;
mod flows;
mod input;
mod ledger;
#[cfg(feature = "live")]
pub mod listen;
#[cfg(feature = "live")]
mod live;
mod man;
mod output;
mod report;
mod rules;
mod schedule;
pub mod settings;
mod simulate;
mod toggle;
mod view;
#[cfg(feature = "live")]
mod watch;

use std::process::ExitCode;

use anyhow::Context;

pub use args::Args;
use args::Verb;
use settings::Settings;

use crate::report::Filter;

/// What the exit status says (DESIGN: the contract with scripts).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Outcome {
    /// Nothing looks like an export.
    Quiet,
    /// At least one verdict is `export-like`.
    ExportLike,
    /// The request or an input could not be handled.
    Failed,
    /// No verdict is possible: `insufficient` everywhere.
    NoVerdict,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Quiet => 0,
            Outcome::ExportLike => 1,
            Outcome::Failed => 2,
            Outcome::NoVerdict => 3,
        })
    }
}

/// Does what was asked for.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    // Read where they are used: no settings file, however broken, keeps anybody from the help or a simulation.
    let settings = || Settings::load(&args.settings);
    match args.verb {
        Verb::Check(args) => check::run(&args, &settings()?),
        Verb::Flows(args) => flows::run(&args, &settings()?),
        #[cfg(feature = "live")]
        Verb::Live(args) => live::run(&args, &settings()?),
        Verb::View(args) => view::run(&args, &settings()?),
        Verb::Rules(args) => rules::run(&args, &settings()?),
        Verb::Fleet(args) => fleet::run(&args, &settings()?),
        Verb::Report(args) => report::run(&args, &settings()?),
        Verb::Toggle(args) => toggle::run(&args, &settings()?),
        Verb::Evidence(args) => evidence::run(&args, &settings()?),
        Verb::Simulate(args) => simulate::run(&args),
        Verb::Schedule(args) => schedule::run(&args, &settings()?),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
        #[cfg(feature = "live")]
        Verb::Watch(watching) => watch::run(&watching, &args.settings, &settings()?),
        Verb::Doctor => doctor::run(settings()),
    }
}

/// The filter that was typed; an error shows which of its words is wrong.
fn filter(typed: Option<&str>) -> anyhow::Result<Filter> {
    let text = typed.unwrap_or_default();
    Filter::parse(text).map_err(|error| anyhow::anyhow!(error.pointed(text)))
}

/// One line on standard error about an input that failed while others go on.
fn complain(line: &str) {
    #[expect(clippy::print_stderr, reason = "verbs speak to the user")]
    {
        eprintln!("nightaudit: {line}");
    }
}

/// The end of writing: a reader who has seen enough (`| head`) is no failure.
fn finish(written: std::io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other.context("cannot write the results")?),
    }
}
