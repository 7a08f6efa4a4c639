//! `nightaudit man`: the manual, a page for each verb.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Args, Outcome};

/// `nightaudit man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  nightaudit man | man -l -                      reads the page of nightaudit itself\n  \
  nightaudit man -o ~/.local/share/man/man1      installs all of them: man nightaudit-check")]
pub struct ManArgs {
    /// Write the pages of all verbs into this folder instead of the first one to standard output.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> anyhow::Result<Outcome> {
    let mut command = Args::command();
    command.build();
    match &args.output {
        None => super::finish(io::stdout().lock().write_all(&page(command, env!("CARGO_PKG_NAME"))?))?,
        Some(folder) => {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            write_all(command, env!("CARGO_PKG_NAME"), folder)?;
        }
    }
    Ok(Outcome::Quiet)
}

/// The page of `command` and those of everything below it.
fn write_all(command: Command, name: &str, folder: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write_all(below.clone(), &format!("{name}-{}", below.get_name()), folder)?;
    }
    let path = folder.join(format!("{name}.1"));
    fs::write(&path, page(command, name)?).with_context(|| format!("cannot write {}", path.display()))
}

fn page(command: Command, name: &str) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // clap wants names that live as long as the program; there are some twenty, once.
    let leaked: &'static str = Box::leak(name.to_owned().into_boxed_str());
    Man::new(command.name(leaked)).manual("nightaudit").render(&mut page)?;
    Ok(page)
}
