//! The report as Markdown (`CommonMark` with tables), for an issue, a wiki or a mail.

use super::{
    calendar,
    changes::Changes,
    page::{Card, DevicePage, InputLine, Page, Row},
    redact::Redaction,
    strip::{self, Level},
    words,
};
use crate::{base::text::shown, pipeline::Audit, report::Glyphs};

/// The report as Markdown.
pub fn markdown(audit: &Audit, redaction: &Redaction) -> String {
    markdown_since(audit, redaction, &Changes::default())
}

/// The same, led by what is new since the report before.
pub fn markdown_since(audit: &Audit, redaction: &Redaction, changes: &Changes) -> String {
    let page = Page::of(audit, redaction);
    let mut doc = Document(String::new());
    doc.heading(1, "What was uploaded while nobody used the phone");
    match &page.span {
        Some(span) => doc.para(span),
        None => doc.para(page.no_span),
    }
    if let Some(since) = changes.since {
        doc.heading(2, &format!("New since {}", calendar::clock(since, audit.timezone)));
        changes.sentences().iter().for_each(|said| doc.bullet(said));
    }
    page.others.iter().for_each(|others| doc.para(others));
    if page.devices.is_empty() && page.others.is_none() {
        page.no_device.iter().for_each(|said| doc.para(said));
    }
    page.devices.iter().for_each(|device| device_part(&mut doc, device));
    doc.heading(2, "What was read");
    page.inputs.iter().for_each(|input| input_part(&mut doc, input));
    page.notes.iter().for_each(|note| doc.bullet(note));
    if page.tells_no_limits() {
        doc.heading(2, "What no capture like this shows");
        for said in words::UNSEEN {
            doc.bullet(said);
        }
        doc.heading(2, "What judged it");
    }
    let rules = words::plural(audit.rules.count as u64, "rule file", "rule files");
    doc.bullet(&format!("nightaudit {}, {rules}, SHA-256 {}", env!("CARGO_PKG_VERSION"), audit.rules.sha256));
    doc.0
}

fn device_part(doc: &mut Document, device: &DevicePage<'_>) {
    doc.heading(2, &device.name);
    if !device.identity.is_empty() {
        doc.para(&device.identity);
    }
    doc.para(&device.summary);
    device.unplaced.iter().for_each(|unplaced| doc.para(unplaced));
    device.missing.iter().filter(|_| !device.missing_was_said).for_each(|why| doc.para(why));
    device.cards.iter().for_each(|card| card_part(doc, card, device));
    routine(doc, &device.routine);
    if !device.background.is_empty() {
        doc.heading(3, "Also seen: system, push, measurement, web");
        let rows = device.background.iter().map(|row| {
            let worst = row.finding.bounds.worst_night.map_or("not known".to_owned(), |worst| worst.to_string());
            vec![row.name.clone(), row.up.to_string(), row.down.to_string(), worst]
        });
        doc.table(&["Service", "Up", "Down", "Worst night"], rows);
    }
}

fn card_part(doc: &mut Document, card: &Card<'_>, device: &DevicePage<'_>) {
    doc.heading(3, &format!("{}: {}", card.name, card.verdict_words()));
    if let Some(headline) = &card.headline {
        doc.strong(headline);
    }
    if card.is_flagged() {
        doc.para(&card.meaning);
        if !card.nights().is_empty() {
            doc.strip(card);
        }
        card.evidence.iter().for_each(|said| doc.para(said));
    } else {
        card.next.iter().filter(|why| !device.missing.contains(why)).for_each(|why| doc.para(why));
    }
    doc.heading(4, "Where it went");
    doc.para(&card.traffic);
    card.largest.iter().for_each(|largest| doc.para(largest));
    if !card.destinations.is_empty() {
        let unattended = card.tells_unattended();
        let rows = card.destinations.iter().map(|to| {
            let unattended = if unattended { to.unattended_up.to_string() } else { "not known".to_owned() };
            let sizes = [to.up.to_string(), unattended, to.down.to_string()];
            let words = [words::role(to.role), words::evidence(to.evidence)].map(str::to_owned);
            std::iter::once(to.name.clone()).chain(sizes).chain(words).collect()
        });
        doc.table(&["Destination", "Up", "of it unattended", "Down", "For", "Known by"], rows);
    }
    if card.is_flagged() {
        doc.list("What else could explain it", &card.explanations);
        doc.list("What cannot be seen", &card.unseen);
        doc.list("What to do next", &card.next);
        doc.para(&format!("Numbers for experts: {}.", card.numbers));
    }
}

fn routine(doc: &mut Document, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    doc.heading(3, "Routine");
    doc.para("The most that went up in a night while nobody used the phone:");
    let cells = rows.iter().map(|row| {
        let bounds = &row.finding.bounds;
        let sizes = [bounds.worst_night, bounds.median_night, bounds.detectable]
            .map(|size| size.map_or("not known".to_owned(), |size| size.to_string()));
        std::iter::once(row.name.clone()).chain(sizes).collect()
    });
    doc.table(&["", "Worst night", "Half of the nights under", "Would be noticed from"], cells);
    doc.para(words::SIZE_GUIDE);
}

fn input_part(doc: &mut Document, input: &InputLine<'_>) {
    doc.bullet(&format!("{}: {}, {}, SHA-256 {}", input.name, input.what, input.when, input.report.sha256));
    input.troubles.iter().for_each(|trouble| doc.bullet(trouble));
}

/// A document under construction. Every method takes text from anywhere and escapes it.
struct Document(String);

impl Document {
    fn heading(&mut self, level: usize, text: &str) {
        self.gap();
        self.0.extend(std::iter::repeat_n('#', level));
        self.0.extend([" ", &escaped(text), "\n\n"]);
    }

    fn para(&mut self, text: &str) {
        self.gap();
        self.0.extend([&escaped(text), "\n"]);
    }

    fn strong(&mut self, text: &str) {
        self.gap();
        self.0.extend(["**", &escaped(text), "**\n"]);
    }

    fn bullet(&mut self, text: &str) {
        self.0.extend(["- ", &escaped(text), "\n"]);
    }

    fn list(&mut self, heading: &str, items: &[String]) {
        if !items.is_empty() {
            self.heading(4, heading);
            for item in items {
                self.bullet(item);
            }
        }
    }

    fn table(&mut self, headings: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.gap();
        self.row(headings.iter().map(|heading| escaped(heading)));
        self.row(headings.iter().map(|_| "---".to_owned()));
        rows.for_each(|row| self.row(row.iter().map(|cell| escaped(cell))));
    }

    fn row(&mut self, cells: impl Iterator<Item = String>) {
        self.0.push('|');
        cells.for_each(|cell| self.0.extend([" ", &cell, " |"]));
        self.0.push('\n');
    }

    /// The strip of nights in a code block, with what its marks mean. All of it is ours.
    fn strip(&mut self, card: &Card<'_>) {
        self.gap();
        self.0.push_str("```text\n");
        for month in card.nights().chunks(28) {
            for week in month.chunks(7) {
                self.0.extend(week.iter().map(|night| Level::of(night).glyph(Glyphs::Unicode)));
                self.0.push(' ');
            }
            self.0.push('\n');
        }
        for level in strip::levels_met(card.nights()) {
            self.0.push(level.glyph(Glyphs::Unicode));
            self.0.extend([" ", strip::meaning(level), "\n"]);
        }
        self.0.push_str("```\n");
    }

    fn gap(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}

/// No text of a report is longer: whatever is, is a hostile name.
const LONGEST: usize = 4_000;

/// `text` as text on one line: nothing in it is markup, HTML, a link, a formula or the start of a list.
fn escaped(text: &str) -> String {
    let safe = shown(text.trim(), LONGEST);
    let mut out = String::with_capacity(safe.len() + 8);
    let mut before = None;
    for (at, c) in safe.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', c]),
            // Bare addresses become links in many renderers.
            ':' if safe[at..].starts_with("://") => out.push_str("\\:"),
            '.' if ends_in_www(&safe[..at]) => out.push_str("\\."),
            // At the start of a line these begin a heading, a list or an underline.
            '#' | '+' | '-' | '=' if before.is_none() => out.extend(['\\', c]),
            '.' | ')' if is_list_marker(&safe, at) => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Whether the mark at `at` ends a number that begins `text`, with a blank or nothing after it.
fn is_list_marker(text: &str, at: usize) -> bool {
    let (number, rest) = (&text[..at], &text[at + 1..]);
    at > 0 && number.bytes().all(|b| b.is_ascii_digit()) && (rest.is_empty() || rest.starts_with(' '))
}

fn ends_in_www(text: &str) -> bool {
    text.get(text.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        assert_eq!(escaped("[x](http://evil) | `a`"), r"\[x\](http\://evil) \| \`a\`");
        assert_eq!(escaped("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(escaped("# big"), r"\# big");
        assert_eq!(escaped("1. one"), r"1\. one");
        assert_eq!(escaped("www.evil.example"), r"www\.evil.example");
        assert_eq!(escaped("a\nb"), r"a\\u{a}b");
        assert_eq!(escaped("It was 64.7 MB."), "It was 64.7 MB.");
        assert_eq!(escaped("64.7 MB"), "64.7 MB");
    }
}
