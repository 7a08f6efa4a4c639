//! The tables of the story of a verdict.

use super::Explained;
use crate::{
    base::Bytes,
    night::{Bounds, Night, Score, Sensitivity, Settings, Verdict},
    report::{
        calendar,
        canvas::{Canvas, Style},
        json,
        table::{self, Align, Column},
        words::{self, percent},
    },
};

const INDENT: usize = 3;
/// Nights listed one by one: with more, the first and the last of them.
const LISTED: usize = 60;

fn draw(sheet: &mut Canvas, columns: &[Column], rows: &[Vec<String>]) {
    for (n, line) in table::lines(columns, rows).iter().enumerate() {
        sheet.line(if n == 0 { Style::Faint } else { Style::Plain }, INDENT, line);
    }
}

const fn column(heading: &'static str, align: Align, most: usize) -> Column {
    Column { heading, align, most }
}

/// `12`, `1,400,000` or `10^27`: a factor given as its decimal logarithm.
pub(super) fn times(log10: f64) -> String {
    match log10 {
        x if x >= 7.0 => format!("10^{x:.0}"),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 10 and 10 million")]
        x if x >= 1.0 => words::grouped(10_f64.powf(x).round() as u64),
        x => format!("{:.2}", 10_f64.powf(x)),
    }
}

/// Night by night: what was sent, what of it was set aside, what counts, and how the evidence stood.
pub(super) fn nights(sheet: &mut Canvas, story: &Explained<'_>) {
    let columns = [
        column("night", Align::Left, 7),
        column("seen", Align::Right, 9),
        column("sent", Align::Right, 9),
        column("set aside", Align::Right, 9),
        column("counts", Align::Right, 9),
        column("in bulk", Align::Right, 9),
        column("evidence", Align::Right, 9),
    ];
    let nights = &story.finding.nights;
    let row = |(at, night): (usize, &Night)| {
        let after = story.walk.steps.iter().find(|step| step.night == at);
        let evidence = after.map_or("left out".to_owned(), |step| times(step.log10_e.max(step.log10_e_drip)));
        let aside = night.deductions;
        let aside = aside.acknowledgements + aside.streams + aside.attended_starts;
        let sizes = [night.unattended_raw_up, aside, night.unattended_up, night.bulk_up].map(|size| size.to_string());
        let date = calendar::day(calendar::date(night.start, story.audit.timezone));
        [date, percent(night.coverage)].into_iter().chain(sizes).chain([evidence]).collect()
    };
    let all: Vec<Vec<String>> = nights.iter().enumerate().map(row).collect();
    if all.len() <= LISTED {
        draw(sheet, &columns, &all);
    } else {
        let (head, tail) = (all.get(..LISTED / 2).unwrap_or_default(), all.get(all.len() - LISTED / 2..));
        let gap = std::iter::once(vec!["...".to_owned(); columns.len()]);
        let rows: Vec<_> = head.iter().cloned().chain(gap).chain(tail.unwrap_or_default().iter().cloned()).collect();
        draw(sheet, &columns, &rows);
    }
}

/// Each size with the nights that reached it and the accident rate that goes with it.
pub(super) fn hits(sheet: &mut Canvas, story: &Explained<'_>) {
    let columns = [
        column("at least", Align::Right, 8),
        column("nights", Align::Right, 10),
        column("by accident", Align::Right, 12),
    ];
    let numbers = &story.finding.evidence;
    let settings = story.settings;
    let row = |(size, hits): &(Bytes, u32)| {
        let rate = settings.accident_rate_at(*size);
        vec![size.to_string(), format!("{hits} of {}", numbers.eligible_nights), percent(rate)]
    };
    draw(sheet, &columns, &numbers.hits.iter().map(row).collect::<Vec<_>>());
}

/// The score, term by term.
pub(super) fn score(sheet: &mut Canvas, score: &Score) {
    let columns = [
        column("score: log-odds from", Align::Left, 40),
        column("value", Align::Right, 7),
        column("weight", Align::Right, 7),
        column("adds", Align::Right, 7),
    ];
    let row = |term: &crate::night::Term| {
        vec![
            term.what.to_owned(),
            format!("{:.2}", term.value),
            format!("{:.2}", term.weight),
            format!("{:+.2}", term.adds()),
        ]
    };
    let sum = vec!["in all".to_owned(), String::new(), String::new(), format!("{:+.2}", score.log_odds())];
    draw(sheet, &columns, &score.terms.iter().map(row).chain([sum]).collect::<Vec<_>>());
    let said = format!(
        "On synthetic phones of which 46 % export, {} of those with this score do. It ranks, and decides nothing; a low \
         one is no absence.",
        percent(score.probability())
    );
    sheet.para(Style::Plain, INDENT, &said);
}

/// The verdict by accident rate and threshold.
pub(super) fn sensitivity(sheet: &mut Canvas, all: &[Sensitivity], settings: &Settings) {
    const HEADINGS: [&str; 3] = ["20", "100", "1,000"];
    let mut columns = vec![column("accidents on", Align::Left, 14)];
    columns.extend(HEADINGS.map(|heading| column(heading, Align::Left, 20)));
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let cell = |one: &Sensitivity| {
        let strong = one.grade == Some(crate::night::Grade::Strong);
        let here = same(one.accident_rate, settings.accident_rate) && same(one.threshold, settings.threshold);
        format!("{}{}{}", json::verdict(one.verdict), if strong { " +" } else { "" }, if here { " *" } else { "" })
    };
    let rows: Vec<Vec<String>> = all
        .chunks(HEADINGS.len())
        .map(|row| {
            let rate = row.first().map_or(0.0, |one| one.accident_rate);
            std::iter::once(format!("{} of nights", percent(rate))).chain(row.iter().map(cell)).collect()
        })
        .collect();
    draw(sheet, &columns, &rows);
    let said =
        if all.iter().any(|one| one.verdict != Verdict::Insufficient) { "+ strong, * as judged here" } else { "" };
    sheet.line(Style::Faint, INDENT, said);
}

/// The bounds, with the deductions of the night with the most raw upload.
pub(super) fn bounds(sheet: &mut Canvas, bounds: &Bounds) {
    let size = |size: Option<Bytes>| size.map_or("not reachable".to_owned(), |size| size.to_string());
    let known = |size: Option<Bytes>| size.map_or("not known".to_owned(), |size| size.to_string());
    let aside = bounds.raw_deductions;
    let mut rows = vec![
        ("an export on one night", known(bounds.worst_night)),
        ("on three or more nights", known(bounds.third_worst_night)),
        ("on half of the nights", known(bounds.median_night)),
        ("with nothing set aside, on one night", known(bounds.raw_worst_night)),
        ("   of it for acknowledgements", aside.acknowledgements.to_string()),
        ("   of it calls and live streams", aside.streams.to_string()),
        ("   of it begun in use", aside.attended_starts.to_string()),
    ];
    if let Some(share) = bounds.frequency_upper_95 {
        rows.push(("share of nights with 1 MB (95 % limit)", percent(share)));
    }
    if let Some(hidden) = bounds.hidden_share {
        rows.push(("noticed if nightly, from", size(bounds.detectable)));
        rows.push(("called export-like if nightly, from", size(bounds.detectable_export)));
        rows.push(("noticed if every other night, from", size(bounds.detectable_alternate)));
        rows.push(("called so if every other night, from", size(bounds.detectable_export_alternate)));
        let soon = bounds.nights_to_notice.map_or("not by then".to_owned(), words::nights);
        rows.push(("10 MB every night noticed after", soon));
        rows.push(("injected uploads hidden by use", percent(hidden)));
    }
    let columns = [column("at most, or at least", Align::Left, 42), column("", Align::Right, 14)];
    let rows: Vec<_> = rows.into_iter().map(|(what, size)| vec![what.to_owned(), size]).collect();
    draw(sheet, &columns, &rows);
}
