//! `nightaudit completions`: what a shell completes after `nightaudit`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Args, Outcome};

/// `nightaudit completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  bash:  nightaudit completions bash > ~/.local/share/bash-completion/completions/nightaudit\n  \
  zsh:   nightaudit completions zsh > ~/.zfunc/_nightaudit   (with fpath+=~/.zfunc before compinit)\n  \
  fish:  nightaudit completions fish > ~/.config/fish/completions/nightaudit.fish")]
pub struct CompletionsArgs {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    // Into memory first: the generator has no way to say that a pipe was closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), env!("CARGO_PKG_NAME"), &mut script);
    super::finish(io::stdout().lock().write_all(&script))?;
    Ok(Outcome::Quiet)
}
