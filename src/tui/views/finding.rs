//! What the verdict on one subject rests on, to be read from top to bottom.

use std::iter;

use unicode_width::UnicodeWidthStr;

use crate::{
    base::Bytes,
    night::{self, Night, Standing},
    report::{Story, calendar, wrapped},
    tui::{
        grid::is_hit,
        layout,
        model::{Model, Place},
        pen::{Pen, Pieces, piece},
        tables,
        theme::Ink,
    },
};

/// Prose wider than this is hard to read.
const WIDEST: u16 = 96;

/// What stands in the frame.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    let Some(brief) = model.brief() else { return (vec![piece(Ink::Strong, "Finding")], Vec::new()) };
    let (mark, ink) = model.theme.mark(brief.verdict);
    let title = vec![piece(ink, format!("{mark} ")), piece(Ink::Strong, brief.name.as_str())];
    (title, vec![piece(ink, brief.verdict_words.as_str())])
}

/// In front of ordinary paragraphs.
const NO_MARK: (Ink, &str) = (Ink::Text, "");

/// One line: how far it is indented, a mark in front, and the text.
struct Line {
    indent: u16,
    mark: (Ink, &'static str),
    ink: Ink,
    text: String,
    /// What is drawn in place of text, a character a night.
    cells: Vec<(char, Ink)>,
}

impl Line {
    const fn new(indent: u16, ink: Ink, text: String) -> Self {
        Self { indent, mark: (Ink::Text, ""), ink, text, cells: Vec::new() }
    }
}

/// The text, wrapped for a body of this width.
fn lines(model: &Model, story: &Story) -> Vec<Line> {
    let width = usize::from(layout::body(model.size).width.min(WIDEST).saturating_sub(4));
    let mut lines = Vec::new();
    let heading = |lines: &mut Vec<Line>, text: &str| {
        if !lines.is_empty() {
            lines.push(Line::new(0, Ink::Text, String::new()));
        }
        lines.push(Line::new(1, Ink::Heading, text.to_owned()));
    };
    let paragraph = |lines: &mut Vec<Line>, ink: Ink, mark: (Ink, &'static str), text: &str| {
        let hang = u16::from(!mark.1.is_empty()) * 2;
        for (n, part) in wrapped(text, width.saturating_sub(usize::from(hang))).into_iter().enumerate() {
            let mark = if n == 0 { mark } else { (Ink::Text, "") };
            let indent = if n == 0 { 1 } else { 1 + hang };
            lines.push(Line { indent, mark, ink, text: part, cells: Vec::new() });
        }
    };
    let bullet = (Ink::Faint, model.theme.either("• ", "- "));
    paragraph(&mut lines, Ink::Text, NO_MARK, &story.meaning);
    if let Some(headline) = &story.headline {
        lines.push(Line::new(0, Ink::Text, String::new()));
        paragraph(&mut lines, Ink::Strong, NO_MARK, headline);
    }
    chart(model, width, &mut lines);
    let sections: [(&str, &[String]); 3] = [
        ("Why there is no verdict", &story.lacking),
        ("What it rests on", &story.evidence),
        ("Observed", &story.observed),
    ];
    for (title, items) in sections.into_iter().filter(|(_, items)| !items.is_empty()) {
        heading(&mut lines, title);
        for item in items {
            paragraph(&mut lines, Ink::Text, bullet, item);
        }
    }
    if !story.tested.is_empty() {
        heading(&mut lines, "Innocent explanations, each held against this capture");
        for (cause, standing, because) in &story.tested {
            let mark = match standing {
                Standing::Supported => (Ink::Caution, model.theme.either("✓ ", "+ ")),
                Standing::RuledOut => (Ink::Faint, model.theme.either("✗ ", "x ")),
                Standing::CannotTell => (Ink::Text, "? "),
            };
            paragraph(&mut lines, Ink::Text, mark, &format!("{cause}: {because}"));
        }
    }
    let rest: [(&str, &[String]); 2] = [("What cannot be seen", &story.unseen), ("What would settle it", &story.next)];
    for (title, items) in rest.into_iter().filter(|(_, items)| !items.is_empty()) {
        heading(&mut lines, title);
        for item in items {
            paragraph(&mut lines, Ink::Text, bullet, item);
        }
    }
    if !story.sensitivity.is_empty() {
        heading(&mut lines, "How far that depends on the assumptions");
        let row = |first: &str, cells: &[String]| {
            cells.iter().fold(format!("{first:<16}"), |row, cell| format!("{row}{cell:<20}")).trim_end().to_owned()
        };
        let thresholds = night::THRESHOLDS.map(|threshold| format!("evidence {threshold}"));
        lines.push(Line::new(1, Ink::Faint, row("accidents on", &thresholds)));
        lines.extend(story.sensitivity.iter().map(|(rate, cells)| Line::new(1, Ink::Text, row(rate, cells))));
        lines.push(Line::new(1, Ink::Faint, "+ strong, * as judged here".to_owned()));
    }
    heading(&mut lines, "In numbers");
    paragraph(&mut lines, Ink::Faint, NO_MARK, &story.numbers);
    lines
}

/// Rows of the bars.
const BARS: usize = 4;

/// What left unattended, night by night, as bars: those that the verdict rests on stand out.
fn chart(model: &Model, width: usize, lines: &mut Vec<Line>) {
    let Some(brief) = model.brief() else { return };
    // A gap between bars, where all of them have room for it.
    let gap = usize::from(brief.nights.len() * 2 <= width);
    let nights = &brief.nights[brief.nights.len().saturating_sub(width)..];
    let most = nights.iter().map(|night| night.unattended_up).max().unwrap_or_default();
    let (Some(first), Some(last), true) = (nights.first(), nights.last(), most > Bytes::ZERO) else { return };
    let settings = &model.snapshot.night;
    lines.push(Line::new(0, Ink::Text, String::new()));
    for row in (0..BARS).rev() {
        let cell = |night: &Night| {
            if night.coverage < settings.needed_coverage {
                return (if row == 0 { model.theme.either('╱', '/') } else { ' ' }, Ink::Border);
            }
            let eighths = u128::from(night.unattended_up.0) * (BARS * 8) as u128 / u128::from(most.0);
            let eighths = usize::try_from(eighths).unwrap_or(0).max(1).saturating_sub(row * 8).min(8);
            let ink = if is_hit(night, brief.verdict, settings) { Ink::Night } else { Ink::Faint };
            (model.theme.bar(eighths), ink)
        };
        let spaced = |night: &Night| [cell(night)].into_iter().chain(iter::repeat_n((' ', Ink::Text), gap));
        lines.push(Line { cells: nights.iter().flat_map(spaced).collect(), ..Line::new(1, Ink::Text, String::new()) });
    }
    let zone = model.snapshot.audit.timezone;
    let hits = nights.iter().filter(|night| is_hit(night, brief.verdict, settings)).count();
    let [from, to] = [first, last].map(|night| calendar::day(calendar::date(night.start, zone)));
    let counted = if hits > 0 { format!("; {hits} stand out") } else { String::new() };
    let nights = format!("unattended, night by night, {from} to {to}, at most {most}{counted}");
    lines.extend(wrapped(&nights, width).into_iter().map(|part| Line::new(1, Ink::Faint, part)));
}

/// How many lines there are.
pub(crate) fn height(model: &Model) -> usize {
    model.derived.story.as_ref().map_or(0, |story| lines(model, story).len())
}

/// The whole text, for the clipboard.
pub(crate) fn plain(story: &Story) -> String {
    let mut text = vec![story.meaning.clone()];
    text.extend(story.headline.clone());
    for items in [&story.lacking, &story.evidence, &story.observed, &story.unseen, &story.next] {
        text.extend(items.iter().map(|item| format!("- {item}")));
    }
    text.extend(story.tested.iter().map(|(cause, _, because)| format!("- {cause}: {because}")));
    text.push(story.numbers.clone());
    text.join("\n")
}

/// Draws the lines that show.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let Some(story) = &model.derived.story else {
        let says = if model.entries.is_empty() {
            super::why_empty(model)
        } else {
            "choose an app or service: ] goes to the next"
        };
        return super::nothing(pen, says);
    };
    let lines = lines(model, story);
    let rows = pen.height();
    for (y, line) in (0..rows).zip(lines.iter().skip(model.finding)) {
        let x = pen.text(line.indent, y, line.mark.0, line.mark.1);
        pen.text(x, y, line.ink, &line.text);
        for (x, (mark, ink)) in (x..).zip(&line.cells) {
            pen.mark(x, y, pen.theme.style(*ink), *mark);
        }
        debug_assert!(line.text.width() <= usize::from(WIDEST));
    }
    tables::scrollbar(pen, Place { row: model.finding, top: model.finding }, lines.len(), rows.into());
}
