//! `nightaudit rules`: which rules there are, whether yours are sound, and which one decides.

use std::io::{self, BufWriter, Write};

use anyhow::bail;

use super::{
    Outcome,
    args::{RulesArgs, RulesVerb},
    input,
    settings::Settings,
};
use crate::identify::{self, Candidate, Query, Rules};

pub(super) fn run(args: &RulesArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let mut out = BufWriter::new(io::stdout().lock());
    match &args.verb {
        RulesVerb::List { rules } => {
            super::finish(list(&*input::rules(rules, settings)?, &mut out).and_then(|()| out.flush()))?;
            Ok(Outcome::Quiet)
        }
        RulesVerb::Check { dir } => {
            let found = identify::check(dir)?;
            for fault in &found.faults {
                super::complain(fault);
            }
            let counts = format!(
                "{} rule files, {} expectations, {} faults\n",
                found.files,
                found.expectations,
                found.faults.len()
            );
            super::finish(out.write_all(counts.as_bytes()).and_then(|()| out.flush()))?;
            Ok(if found.faults.is_empty() { Outcome::Quiet } else { Outcome::Failed })
        }
        RulesVerb::Explain { what, rules } => {
            let Some(query) = Query::read(what) else {
                bail!("{what:?} is neither a host name nor an IP address");
            };
            super::finish(explain(&*input::rules(rules, settings)?, &query, &mut out).and_then(|()| out.flush()))?;
            Ok(Outcome::Quiet)
        }
    }
}

fn list(rules: &Rules, out: &mut impl Write) -> io::Result<()> {
    for (_, owner) in rules.owners() {
        let kind = format!("{:?}", owner.kind).to_lowercase();
        writeln!(out, "{:<18} {:<28} {:<22} {kind:<10} {}", owner.id, owner.name, owner.operator, owner.path)?;
    }
    writeln!(out, "{} rule files, SHA-256 {}", rules.len(), rules.sha256())
}

fn explain(rules: &Rules, query: &Query, out: &mut impl Write) -> io::Result<()> {
    let explanation = rules.explain(query);
    writeln!(out, "{}", explanation.query)?;
    for (n, Candidate { id, name, place, entry, role, confidence, source, note }) in (0..).zip(&explanation.candidates)
    {
        let mark = if n == 0 { "=>" } else { "  " };
        let (role, confidence) = (format!("{role:?}").to_lowercase(), format!("{confidence:?}").to_lowercase());
        writeln!(out, "{mark} {name} ({id}), {role}, {confidence} confidence")?;
        writeln!(out, "     {entry}   {place}")?;
        writeln!(out, "     source: {source}")?;
        if let Some(note) = note {
            writeln!(out, "     note: {note}")?;
        }
    }
    writeln!(out, "{}", explanation.why)
}
