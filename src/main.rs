//! The command line: `nightaudit VERB …`.

use std::process::ExitCode;

use clap::Parser;
use nightaudit::verbs::{Args, Outcome, run};

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place where an error reaches the user")]
            {
                eprintln!("nightaudit: {error:#}");
            }
            Outcome::Failed.into()
        }
    }
}
