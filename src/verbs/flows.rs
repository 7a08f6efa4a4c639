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
    pipeline::{self, FlowRow, Listed},
    report::{self, FlowSums, Look, Needs, Times},
};

pub(super) fn run(args: &FlowsArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let filter = super::filter(args.filter.as_deref())?;
    let typed = args.input.input();
    let options = input::options(&typed, settings)?;
    let look = output::look(&args.output)?;
    let opened = input::open(&typed)?;
    let mut judging = settings.judging(None);
    judging.night.power = false;
    let mut list = List::new(args.format, &look, output::writer(&args.output)?);
    let mut bar = Bar::new();
    let progress = |progress| bar.show(progress);
    let Listed { failed, losses } = if filter.needs() == Needs::default() {
        let times = Times::of_zone(judging.timezone);
        let add = |row: FlowRow| {
            if filter.passes(&row, &times) {
                list.add(row);
            }
        };
        pipeline::flows(opened, &options, add, progress)
    } else {
        // Whether somebody was there is known once everything was read.
        let mut waiting = Vec::new();
        let (listed, audit) = pipeline::flows_judged(opened, &options, &judging, |row| waiting.push(row), progress);
        let times = Times::of(&audit);
        waiting.retain(|row| filter.passes(row, &times));
        for row in waiting {
            list.add(row);
        }
        listed
    };
    drop(bar);
    for failure in &failed {
        super::complain(failure);
    }
    for loss in &losses {
        super::complain(&format!("{}: {}", loss.what, loss.count));
    }
    super::finish(list.end(failed.is_empty()))?;
    Ok(if failed.is_empty() { Outcome::Quiet } else { Outcome::Failed })
}

/// The list as it is written. The line formats go row by row, a table waits for its widths.
struct List<'a> {
    format: FlowsFormat,
    look: &'a Look,
    writer: Box<dyn Write>,
    written: io::Result<()>,
    rows: Vec<FlowRow>,
    sums: FlowSums,
}

impl<'a> List<'a> {
    fn new(format: FlowsFormat, look: &'a Look, mut writer: Box<dyn Write>) -> Self {
        let written = if format == FlowsFormat::Csv { report::flows_csv_header(&mut writer) } else { Ok(()) };
        Self { format, look, writer, written, rows: Vec::new(), sums: FlowSums::default() }
    }

    fn add(&mut self, row: FlowRow) {
        self.sums.add(&row);
        let (redaction, writer) = (&self.look.redaction, &mut self.writer);
        match self.format {
            FlowsFormat::Table => self.rows.push(row),
            FlowsFormat::Jsonl if self.written.is_ok() => self.written = report::flows_jsonl(&row, redaction, writer),
            FlowsFormat::Csv if self.written.is_ok() => self.written = report::flows_csv(&row, redaction, writer),
            FlowsFormat::Jsonl | FlowsFormat::Csv => {}
        }
    }

    /// Ends it with its sums. A table of nothing is no table where inputs failed.
    fn end(mut self, all_read: bool) -> io::Result<()> {
        let sums = self.sums.lines();
        match self.format {
            FlowsFormat::Table if all_read || !self.rows.is_empty() => {
                self.rows.sort_by_key(|row| row.first);
                self.writer.write_all(report::flows_table(&self.rows, self.look).as_bytes())?;
                writeln!(self.writer, "\n{}", sums.join("\n"))?;
            }
            FlowsFormat::Table => {}
            FlowsFormat::Jsonl | FlowsFormat::Csv => sums.iter().for_each(|line| super::complain(line)),
        }
        self.written.and_then(|()| self.writer.flush())
    }
}

#[cfg(test)]
mod tests {
    use crate::report::Filter;

    #[test]
    fn no_filter_asks_for_everything() {
        assert!(crate::verbs::filter(None).unwrap().is_everything());
        assert_eq!(crate::verbs::filter(Some("port:443")).unwrap(), Filter::parse("port:443").unwrap());
        let error = crate::verbs::filter(Some("up>5MX")).unwrap_err().to_string();
        assert!(error.contains("\n     ^^^"), "{error}");
    }
}
