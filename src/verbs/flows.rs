//! `nightaudit flows`: every flow with its attribution, and how much of the bytes each kind of evidence explains.

use std::io::{self, Write};

use super::{
    Outcome,
    args::{FlowsArgs, FlowsFormat},
    input::{self, Bar},
    output,
    settings::Settings,
};
use crate::{
    pipeline::{self, Listed},
    report::{self, FlowSums},
};

pub(super) fn run(args: &FlowsArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let options = input::options(&args.input, settings)?;
    let look = output::look(&args.output)?;
    let opened = input::open(&args.input)?;
    let mut writer = output::writer(&args.output)?;
    let mut bar = Bar::new();
    let mut written = start(args.format, &mut writer);
    let mut rows = Vec::new();
    let mut sums = FlowSums::default();
    let Listed { failed, losses } = pipeline::flows(
        opened,
        &options,
        |row| {
            sums.add(&row);
            match args.format {
                FlowsFormat::Table => rows.push(row),
                FlowsFormat::Jsonl if written.is_ok() => {
                    written = report::flows_jsonl(&row, &look.redaction, &mut writer);
                }
                FlowsFormat::Csv if written.is_ok() => written = report::flows_csv(&row, &look.redaction, &mut writer),
                FlowsFormat::Jsonl | FlowsFormat::Csv => {}
            }
        },
        |progress| bar.show(progress),
    );
    drop(bar);
    for failure in &failed {
        super::complain(failure);
    }
    for loss in &losses {
        super::complain(&format!("{}: {}", loss.what, loss.count));
    }
    let some = failed.is_empty() || !rows.is_empty();
    match args.format {
        FlowsFormat::Table if some => {
            rows.sort_by_key(|row| row.first);
            let table = report::flows_table(&rows, &look);
            written =
                writer.write_all(table.as_bytes()).and_then(|()| writeln!(writer, "\n{}", sums.lines().join("\n")));
        }
        FlowsFormat::Table => {}
        FlowsFormat::Jsonl | FlowsFormat::Csv => sums.lines().iter().for_each(|line| super::complain(line)),
    }
    super::finish(written.and_then(|()| writer.flush()))?;
    Ok(if failed.is_empty() { Outcome::Quiet } else { Outcome::Failed })
}

fn start(format: FlowsFormat, writer: &mut dyn Write) -> io::Result<()> {
    if format == FlowsFormat::Csv { report::flows_csv_header(writer) } else { Ok(()) }
}
