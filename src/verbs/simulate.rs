//! `nightaudit simulate`: a capture with known truth from a scenario file.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, bail};

use super::{Outcome, args::SimulateArgs, output::private_file};
use crate::simulate::{Life, Scenario, Truth};

/// What bundled captures are compressed with: the smallest that still takes seconds, not minutes.
const ZSTD_LEVEL: i32 = 19;

pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Outcome> {
    let text = fs::read_to_string(&args.scenario)
        .with_context(|| format!("cannot read the scenario {}", args.scenario.display()))?;
    let scenario = Scenario::parse(&text, &args.scenario)?;
    if fs::canonicalize(&args.output).is_ok_and(|out| fs::canonicalize(&args.scenario).is_ok_and(|own| own == out)) {
        bail!("{} is the scenario: it is not written over; name another file", args.output.display());
    }
    let life = Life::of(&scenario, args.seed.unwrap_or(scenario.seed));
    let truth = write(&life, &args.output).with_context(|| format!("cannot write {}", args.output.display()))?;
    if let Some(path) = &args.truth {
        let mut file = private_file(path)?;
        serde_json::to_writer_pretty(&mut file, &truth)
            .map_err(Into::into)
            .and_then(|()| file.write_all(b"\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Outcome::Quiet)
}

fn write(life: &Life, path: &Path) -> anyhow::Result<Truth> {
    let mut file = BufWriter::new(private_file(path)?);
    let truth = if path.extension().is_some_and(|ending| ending == "zst") {
        let mut packed = zstd::Encoder::new(&mut file, ZSTD_LEVEL)?;
        let truth = life.write_capture(&mut packed)?;
        packed.finish()?;
        truth
    } else {
        life.write_capture(&mut file)?
    };
    file.flush()?;
    Ok(truth)
}
