//! The page for a terminal: what was found first, the reasons below, the numbers last.

use unicode_width::UnicodeWidthStr;

use super::{
    calendar,
    canvas::{Canvas, Style},
    look::{Glyphs, Look},
    page::{Card, DevicePage, Page, Row},
    strip::{self, Level},
    table::{self, Align, Column},
    words,
};
use crate::{
    base::Bytes,
    night::{Night, Verdict},
    pipeline::Audit,
};

/// How many background services are listed by name.
const BACKGROUND: usize = 6;

/// The page for a terminal. Nothing is said by colour alone; no line is wider than `look.width`.
pub fn text(audit: &Audit, look: &Look) -> String {
    let page = Page::of(audit, &look.redaction);
    let mut sheet = Canvas::new(look);
    head(&mut sheet, &page);
    for device in &page.devices {
        device_part(&mut sheet, device, audit);
    }
    foot(&mut sheet, &page, audit);
    sheet.finish()
}

fn head(sheet: &mut Canvas, page: &Page<'_>) {
    sheet.para(Style::Strong, 0, "What was uploaded while nobody used the phone");
    match &page.span {
        Some(span) => sheet.para(Style::Faint, 0, span),
        None => sheet.para(Style::Faint, 0, page.no_span),
    }
    sheet.gap();
    for device in &page.devices {
        if page.devices.len() > 1 {
            sheet.para(Style::Strong, 0, &device.name);
        }
        in_short(sheet, device);
        sheet.gap();
    }
    if let Some(others) = &page.others {
        sheet.para(Style::Plain, 0, others);
    }
    if page.devices.is_empty() && page.others.is_none() {
        page.no_device.iter().for_each(|said| sheet.para(Style::Plain, 0, said));
    }
}

/// One line for each finding, one for everything without.
fn in_short(sheet: &mut Canvas, device: &DevicePage<'_>) {
    for card in device.cards.iter().filter(|card| card.is_flagged()) {
        let said = format!("{}: {}.", card.name, card.verdict_words());
        marked(sheet, style(card.verdict), card.verdict, &said);
        if let Some(told) = card.evidence.first().or(card.headline.as_ref()) {
            sheet.para(Style::Plain, 2, told);
        }
    }
    let open: Vec<_> = device.cards.iter().filter(|card| !card.is_flagged()).map(|card| card.name.clone()).collect();
    if !open.is_empty() {
        let short = device.missing_short.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        let said = format!("{}: {}{short}.", words::listed(&open), words::verdict(Verdict::Insufficient));
        marked(sheet, Style::Caution, Verdict::Insufficient, &said);
    }
    let routine: Vec<_> = device.routine.iter().map(|row| row.name.clone()).collect();
    if !routine.is_empty() {
        let worst = device.routine.iter().filter_map(|row| row.finding.bounds.worst_night).max();
        let bound = worst
            .map(|worst| format!(", at most {worst} up while nobody used the phone, on any night observed"))
            .unwrap_or_default();
        marked(sheet, Style::Calm, Verdict::Routine, &format!("{}: routine{bound}.", words::listed(&routine)));
    }
}

fn marked(sheet: &mut Canvas, style: Style, verdict: Verdict, said: &str) {
    let mark = match (sheet.glyphs(), verdict) {
        (_, Verdict::Insufficient) => "? ",
        (Glyphs::Ascii, Verdict::Routine) => "- ",
        (Glyphs::Ascii, Verdict::ExportLike) => "! ",
        (Glyphs::Ascii, _) => "* ",
        (Glyphs::Unicode, Verdict::Routine) => "○ ",
        (Glyphs::Unicode, Verdict::ExportLike) => "▲ ",
        (Glyphs::Unicode, _) => "◆ ",
    };
    sheet.hanging(style, 0, mark, said);
}

/// The colour that goes with a verdict.
const fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::ExportLike => Style::Alarm,
        Verdict::Routine => Style::Calm,
        _ => Style::Caution,
    }
}

fn device_part(sheet: &mut Canvas, device: &DevicePage<'_>, audit: &Audit) {
    sheet.gap();
    sheet.ruler(Style::Heading, &device.name);
    if !device.identity.is_empty() {
        sheet.para(Style::Faint, 0, &device.identity);
    }
    sheet.para(Style::Plain, 0, &device.summary);
    if let Some(unplaced) = &device.unplaced {
        sheet.para(Style::Plain, 0, unplaced);
    }
    for why in device.missing.iter().filter(|_| !device.missing_was_said) {
        sheet.para(Style::Caution, 0, why);
    }
    for card in &device.cards {
        if card.is_flagged() { flagged(sheet, card, audit) } else { undecided(sheet, card, device) }
    }
    routine(sheet, &device.routine);
    background(sheet, &device.background);
}

fn flagged(sheet: &mut Canvas, card: &Card<'_>, audit: &Audit) {
    title(sheet, card);
    sheet.para(Style::Plain, 2, &card.meaning);
    if let Some(headline) = &card.headline {
        sheet.gap();
        sheet.para(Style::Strong, 2, headline);
    }
    sheet.gap();
    nights(sheet, card.nights(), audit);
    sheet.gap();
    for said in &card.evidence {
        sheet.para(Style::Plain, 2, said);
    }
    section(sheet, "Where it went", |sheet| seen(sheet, card));
    explanations(sheet, card);
    list(sheet, "What cannot be seen", &card.unseen);
    if card.verdict == Verdict::SmallRecurrent {
        sheet.bullet(4, words::SIZE_GUIDE);
    }
    list(sheet, "What to do next", &card.next);
    sheet.gap();
    sheet.hanging(Style::Faint, 2, "numbers  ", &card.numbers);
}

fn undecided(sheet: &mut Canvas, card: &Card<'_>, device: &DevicePage<'_>) {
    title(sheet, card);
    if let Some(headline) = &card.headline {
        sheet.para(Style::Plain, 2, headline);
    }
    for why in card.next.iter().filter(|why| !device.missing.contains(why)) {
        sheet.para(Style::Plain, 2, why);
    }
    seen(sheet, card);
}

fn title(sheet: &mut Canvas, card: &Card<'_>) {
    const NAME: usize = 30;
    sheet.gap();
    let name = table::cut(&card.name, NAME);
    let operator = match card.operator.as_str() {
        "" => String::new(),
        same if card.name.contains(same) => String::new(),
        other => format!(" ({})", table::cut(other, NAME - 5)),
    };
    let said = card.verdict_words();
    let fits = name.width() + operator.width() + 2 + said.width() <= sheet.width();
    sheet.piece(Style::Strong, &name);
    sheet.piece(Style::Faint, &operator);
    if fits {
        sheet.indent(2);
    } else {
        sheet.end();
    }
    sheet.piece(style(card.verdict), &said);
    sheet.end();
}

fn section(sheet: &mut Canvas, heading: &str, body: impl FnOnce(&mut Canvas)) {
    sheet.gap();
    sheet.line(Style::Strong, 2, heading);
    body(sheet);
}

fn list(sheet: &mut Canvas, heading: &str, items: &[String]) {
    if !items.is_empty() {
        section(sheet, heading, |sheet| items.iter().for_each(|item| sheet.bullet(4, item)));
    }
}

/// Innocent explanations: what fits first, each behind how it stands.
fn explanations(sheet: &mut Canvas, card: &Card<'_>) {
    let tested = words::by_standing(&card.finding.explanations);
    if tested.is_empty() {
        return;
    }
    section(sheet, "What else could explain it", |sheet| {
        for one in tested {
            let mark = format!("{:13}", words::standing(one.standing));
            sheet.hanging(Style::Plain, 4, &mark, &words::tested(one));
        }
    });
}

/// What moved, the largest upload, the destinations.
fn seen(sheet: &mut Canvas, card: &Card<'_>) {
    sheet.para(Style::Plain, 4, &card.traffic);
    if let Some(largest) = &card.largest {
        sheet.para(Style::Plain, 4, largest);
    }
    if card.destinations.is_empty() {
        return;
    }
    let name_room = sheet.width().saturating_sub(4 + 3 * 12 + 16);
    let columns = [
        Column { heading: "destination", align: Align::Left, most: name_room },
        Column { heading: "up", align: Align::Right, most: 10 },
        Column { heading: "unattended", align: Align::Right, most: 10 },
        Column { heading: "down", align: Align::Right, most: 10 },
        Column { heading: "known by", align: Align::Left, most: 14 },
    ];
    let unattended = card.tells_unattended();
    let rows: Vec<_> = card
        .destinations
        .iter()
        .map(|to| {
            let known = words::evidence(to.evidence).to_owned();
            let unattended = if unattended { to.unattended_up.to_string() } else { "not known".to_owned() };
            vec![to.name.clone(), to.up.to_string(), unattended, to.down.to_string(), known]
        })
        .collect();
    grid(sheet, 4, &columns, &rows);
    if card.further_destinations > 0 {
        sheet.line(Style::Faint, 4, &format!("and {} more", card.further_destinations));
    }
}

fn grid(sheet: &mut Canvas, indent: usize, columns: &[Column], rows: &[Vec<String>]) {
    for (n, line) in table::lines(columns, rows).iter().enumerate() {
        sheet.line(if n == 0 { Style::Faint } else { Style::Plain }, indent, line);
    }
}

/// The strip of nights: in sevens, with dates at both ends, and what its characters mean.
fn nights(sheet: &mut Canvas, nights: &[Night], audit: &Audit) {
    const DATE: usize = 7;
    let sevens = (sheet.width().saturating_sub(2 + 2 * (DATE + 1)) / 8).max(1);
    for line in nights.chunks(sevens * 7) {
        let date = |night: Option<&Night>| {
            night.map_or(String::new(), |night| calendar::day(calendar::date(night.start, audit.timezone)))
        };
        sheet.indent(2);
        sheet.piece(Style::Faint, &table::fit(&date(line.first()), DATE, Align::Left));
        for (n, night) in line.iter().enumerate() {
            if n.is_multiple_of(7) {
                sheet.indent(1);
            }
            let level = Level::of(night);
            sheet.mark(level_style(level), level.glyph(sheet.glyphs()));
        }
        sheet.piece(Style::Faint, &format!("  {}", date(line.last())));
        sheet.end();
    }
    if !nights.is_empty() {
        legend(sheet, nights);
    }
}

fn legend(sheet: &mut Canvas, nights: &[Night]) {
    let entries: Vec<_> = strip::levels_met(nights).into_iter().map(|level| (level, strip::meaning(level))).collect();
    sheet.indent(2);
    let intro = "each mark one night: ";
    sheet.piece(Style::Faint, intro);
    let mut at = 2 + intro.len();
    for (n, (level, meaning)) in entries.iter().enumerate() {
        let wide = 2 + meaning.width() + if n + 1 < entries.len() { 2 } else { 0 };
        if n > 0 && at + wide > sheet.width() {
            sheet.end();
            sheet.indent(4);
            at = 4;
        }
        sheet.mark(level_style(*level), level.glyph(sheet.glyphs()));
        sheet.piece(Style::Faint, &format!(" {meaning}{}", if n + 1 < entries.len() { ", " } else { "" }));
        at += wide;
    }
    sheet.end();
}

const fn level_style(level: Level) -> Style {
    match level {
        Level::Volume(3..) => Style::Strong,
        Level::Volume(1..) => Style::Plain,
        _ => Style::Faint,
    }
}

/// Routine subjects in a table, always with their bounds and the size guide.
fn routine(sheet: &mut Canvas, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    sheet.gap();
    sheet.line(Style::Strong, 0, "Routine");
    sheet.para(Style::Plain, 2, "The most that went up in a night while nobody used the phone:");
    let size = |bytes: Option<Bytes>| bytes.map_or("-".to_owned(), |bytes| bytes.to_string());
    let columns = [
        Column {
            heading: "",
            align: Align::Left,
            most: sheet.width().saturating_sub(2 + 12 + 12 + 14 + 11).clamp(9, 24),
        },
        Column { heading: "worst", align: Align::Right, most: 10 },
        Column { heading: "half under", align: Align::Right, most: 10 },
        Column { heading: "noticed from", align: Align::Right, most: 12 },
        Column { heading: "up in all", align: Align::Right, most: 10 },
    ];
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let bounds = &row.finding.bounds;
            let sizes = [bounds.worst_night, bounds.median_night, bounds.detectable].map(size);
            std::iter::once(row.name.clone()).chain(sizes).chain([row.up.to_string()]).collect()
        })
        .collect();
    grid(sheet, 2, &columns, &cells);
    sheet.para(Style::Faint, 2, words::SIZE_GUIDE);
}

/// System, push, measurement and web services: the largest by name, the rest counted.
fn background(sheet: &mut Canvas, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    let mut said: Vec<_> =
        rows.iter().take(BACKGROUND).map(|row| format!("{} {} up, {} down", row.name, row.up, row.down)).collect();
    if let Some(rest) = rows.get(BACKGROUND..).filter(|rest| !rest.is_empty()) {
        let (up, down): (Bytes, Bytes) = (rest.iter().map(|r| r.up).sum(), rest.iter().map(|r| r.down).sum());
        said.push(format!("{} more {up} up, {down} down", rest.len()));
    }
    sheet.gap();
    sheet.line(Style::Strong, 0, "Also seen (system, push, measurement, web)");
    sheet.para(Style::Plain, 2, &format!("{}.", said.join("; ")));
    if let Some(worst) = rows.iter().filter_map(|row| row.finding.bounds.worst_night).max() {
        sheet.para(Style::Plain, 2, &format!("None sent more than {worst} in a night while nobody used the phone."));
    }
}

fn foot(sheet: &mut Canvas, page: &Page<'_>, audit: &Audit) {
    sheet.gap();
    sheet.ruler(Style::Heading, "What was read");
    for input in &page.inputs {
        sheet.piece(Style::Plain, &table::cut(&input.name, sheet.width().saturating_sub(24)));
        sheet.piece(Style::Faint, &format!("  {}", input.what));
        sheet.end();
        sheet.para(Style::Faint, 2, &input.when);
        for trouble in &input.troubles {
            sheet.para(Style::Caution, 2, trouble);
        }
    }
    for note in &page.notes {
        sheet.para(Style::Plain, 0, note);
    }
    if page.tells_no_limits() {
        sheet.gap();
        sheet.line(Style::Strong, 0, "What no capture like this shows");
        for said in words::UNSEEN {
            sheet.para(Style::Plain, 2, said);
        }
        sheet.gap();
    }
    let sha: String = audit.rules.sha256.chars().take(12).collect();
    let files = words::plural(audit.rules.count as u64, "rule file", "rule files");
    let version = env!("CARGO_PKG_VERSION");
    sheet.para(Style::Faint, 0, &format!("nightaudit {version}, {files} ({sha})"));
}
