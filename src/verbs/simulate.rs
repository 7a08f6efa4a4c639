//! `nightaudit simulate`: a capture with known truth from a scenario file.

use super::{Outcome, args::SimulateArgs};

pub(super) fn run(_args: &SimulateArgs) -> anyhow::Result<Outcome> {
    anyhow::bail!("not in this build")
}
