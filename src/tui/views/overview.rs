//! A card for each app and service, and how the capture is doing.

use std::borrow::Cow;

use ratatui::layout::{Position, Rect};

use crate::{
    base::Bytes,
    night::{Night, Verdict},
    pipeline::snapshot::Stage,
    report::{Brief, grouped, night_mark, percent, plural, wrapped},
    tui::{
        layout::body,
        model::{Entry, Model},
        pen::{Align, Pen, Pieces, piece},
        theme::Ink,
    },
};

/// From this width on the capture has a column of its own.
const WIDE: u16 = 110;
/// How wide that is.
const SIDE: u16 = 34;
/// Nights in the strip of a card.
const STRIP: usize = 28;

/// What stands in the frame.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    let verdicts = model.entries.iter().filter_map(|entry| match entry {
        Entry::Subject(brief) => Some(brief.verdict),
        Entry::Device(_) => None,
    });
    let flagged = verdicts.clone().filter(|verdict| *verdict == Verdict::ExportLike).count();
    let right = if flagged > 0 {
        vec![piece(Ink::Alarm, format!("{} like an export", plural(flagged as u64, "looks", "look")))]
    } else if verdicts.clone().all(|verdict| verdict == Verdict::Insufficient) {
        let says = if verdicts.clone().count() > 0 { "not enough seen for a verdict" } else { "" };
        vec![piece(Ink::Faint, says)]
    } else if verdicts.clone().count() > 0 && model.snapshot.stage != Stage::Reading {
        vec![piece(Ink::Calm, "nothing looks like an export")]
    } else {
        Vec::new()
    };
    (vec![piece(Ink::Strong, "Apps and services")], right)
}

fn is_wide(model: &Model) -> bool {
    body(model.size).width >= WIDE
}

fn list(model: &Model) -> Rect {
    let body = body(model.size);
    if is_wide(model) {
        Rect { width: body.width - SIDE - 1, ..body }
    } else {
        Rect { height: body.height.saturating_sub(foot_height(model)), ..body }
    }
}

fn foot_height(model: &Model) -> u16 {
    if is_wide(model) || model.size.height < 20 { 0 } else { 3 }
}

/// Rows that the list has.
pub(crate) fn list_height(model: &Model) -> usize {
    list(model).height.into()
}

/// How many rows each card takes, with the gap below it.
pub(crate) fn heights(model: &Model) -> Vec<usize> {
    let (width, spacing) = (list(model).width, Spacing::of(model));
    model.entries.iter().map(|entry| height(entry, width, spacing) + spacing.gap(entry)).collect()
}

/// Whether there is room for every card at its best.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spacing {
    Airy,
    Tight,
}

impl Spacing {
    fn of(model: &Model) -> Self {
        let list = list(model);
        let mut room = usize::from(list.height);
        for entry in &model.entries {
            let rows = height(entry, list.width, Self::Airy) + Self::Airy.gap(entry);
            match room.checked_sub(rows) {
                Some(left) => room = left,
                None => return Self::Tight,
            }
        }
        Self::Airy
    }

    fn gap(self, entry: &Entry) -> usize {
        usize::from(self == Self::Airy && matches!(entry, Entry::Subject(_)))
    }
}

/// Devices take a line; subjects with something to say three or four. Routine ones take two where they are messengers or
/// clouds, or where there is room.
fn height(entry: &Entry, width: u16, spacing: Spacing) -> usize {
    match entry {
        Entry::Subject(brief) if brief.is_flagged() => 2 + headline(brief, width).len(),
        Entry::Subject(brief) if brief.is_primary() || (spacing == Spacing::Airy && !brief.nights.is_empty()) => 2,
        Entry::Device(_) | Entry::Subject(_) => 1,
    }
}

/// The first sentence of the bound, in at most two lines.
fn headline(brief: &Brief, width: u16) -> Vec<String> {
    let Some(headline) = &brief.headline else { return Vec::new() };
    let first = headline.split_inclusive(". ").next().unwrap_or(headline);
    let mut lines = wrapped(first.trim_end(), usize::from(width.saturating_sub(7)));
    lines.truncate(2);
    lines
}

/// The card at a point.
pub(crate) fn row_at(model: &Model, at: Position) -> Option<usize> {
    let list = list(model);
    if !list.contains(at) {
        return None;
    }
    let mut y = list.y;
    for (n, rows) in heights(model).into_iter().enumerate().skip(model.overview.top) {
        let next = y + u16::try_from(rows).unwrap_or(1);
        if (y..next).contains(&at.y) {
            return Some(n);
        }
        y = next;
    }
    None
}

/// Draws it.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    if model.entries.is_empty() {
        super::nothing(pen, super::why_empty(model));
    }
    let list = list(model);
    cards(model, &mut pen.within(list));
    let body = pen.area();
    if is_wide(model) {
        let x = list.x + list.width;
        let line = model.theme.either('│', '|');
        for y in 0..body.height {
            pen.mark(x - body.x, y, model.theme.style(Ink::Border), line);
        }
        capture_side(model, &mut pen.within(Rect { x: x + 2, width: SIDE - 2, ..body }));
    } else if foot_height(model) > 0 {
        let y = list.height;
        let across = model.theme.either('─', '-');
        for x in 0..body.width {
            pen.mark(x, y, model.theme.style(Ink::Border), across);
        }
        capture_foot(model, &mut pen.within(Rect { y: body.y + y + 1, height: foot_height(model) - 1, ..body }));
    }
}

fn cards(model: &Model, pen: &mut Pen<'_>) {
    let spacing = Spacing::of(model);
    let mut y = 0;
    for (n, entry) in model.entries.iter().enumerate().skip(model.overview.top) {
        let rows = u16::try_from(height(entry, pen.width(), spacing)).unwrap_or(1);
        if y + rows > pen.height() && y > 0 {
            break;
        }
        let chosen = n == model.overview.row;
        let area = pen.area();
        let mut card = pen.within(Rect { y: area.y + y, height: rows.min(area.height - y), ..area });
        if chosen {
            for line in 0..rows {
                card.wash(line, Ink::Chosen);
            }
        }
        match entry {
            Entry::Device(at) => device(model, *at, &mut card),
            Entry::Subject(brief) => subject(model, brief, &mut card),
        }
        if chosen {
            for line in 0..rows {
                card.wash(line, Ink::Chosen);
                let bar = card.theme.either("▌", ">");
                card.text(0, line, Ink::Accent, bar);
            }
        }
        y += rows + u16::try_from(spacing.gap(entry)).unwrap_or(0);
    }
}

fn device(model: &Model, at: usize, pen: &mut Pen<'_>) {
    let end = pen.text(2, 0, Ink::Heading, &model.device_name(at));
    let Some(device) = model.snapshot.audit.devices.get(at) else { return };
    let nights = device.finding.findings.iter().map(|finding| finding.nights.len()).max().unwrap_or(0);
    let used = percent(device.finding.attended_share);
    let says = format!("{}, in use {used} of the time", plural(nights as u64, "night", "nights"));
    pen.pieces_right(end + 2, 0, &vec![piece(Ink::Faint, says), piece(Ink::Text, " ")]);
}

fn subject(model: &Model, brief: &Brief, pen: &mut Pen<'_>) {
    let (mark, ink) = model.theme.mark(brief.verdict);
    let name = if brief.is_primary() || brief.is_flagged() { Ink::Strong } else { Ink::Text };
    pen.text(3, 0, ink, mark);
    let room = if pen.width() >= 76 { 24 } else { 18 };
    pen.fitted(5, 0, name, &brief.name, room, Align::Left);
    let sums: Pieces<'_> = vec![
        piece(Ink::Up, format!("{:>7}", size(brief.up))),
        piece(Ink::Faint, " up  "),
        piece(Ink::Down, format!("{:>7}", size(brief.down))),
        piece(Ink::Faint, " down "),
    ];
    let ink = if matches!(brief.verdict, Verdict::Routine) { Ink::Faint } else { ink };
    let area = pen.area();
    let fits = usize::from(room) + 8 + brief.verdict_words.len() <= usize::from(area.width);
    let bare = brief.verdict_words.split(" (").next().unwrap_or_default();
    let words = if fits { brief.verdict_words.as_str() } else { bare };
    let words = pen.within(Rect { width: area.width.saturating_sub(1), ..area }).text(room + 7, 0, ink, words);
    let wide: usize = sums.iter().map(|(_, text)| text.chars().count()).sum();
    pen.pieces_right(words + 2, 0, &sums);
    if pen.height() < 2 {
        // On a line of its own it stands between the words and the sums, where it fits.
        let x = room + 7 + INLINE;
        let nights = u16::try_from(brief.nights.len().min(STRIP)).unwrap_or(0);
        if words < x && usize::from(x + nights) + 2 + wide < usize::from(pen.width()) {
            strip(model, &brief.nights, (x, 0), pen);
        }
        return;
    }
    said(model, brief, pen);
}

/// The lines of a card below its first: the strip with bounds, and what there is to say.
fn said(model: &Model, brief: &Brief, pen: &mut Pen<'_>) {
    strip(model, &brief.nights, (5, 1), pen);
    let nights = u16::try_from(brief.nights.len().min(STRIP)).unwrap_or(0);
    let x = if nights == 0 { 5 } else { 5 + nights + 2 };
    let mut end = x;
    for part in bounds(brief) {
        let wide: usize = part.iter().map(|(_, text)| text.chars().count()).sum();
        if usize::from(end) + wide >= usize::from(pen.width()) {
            break;
        }
        end = pen.pieces(end, 1, &part);
    }
    if brief.is_flagged() {
        for (y, line) in (2..).zip(headline(brief, pen.width())) {
            pen.text(5, y, Ink::Text, &line);
        }
    } else if let Some(lacking) = &brief.lacking {
        pen.fitted(x, 1, Ink::Faint, lacking, pen.width().saturating_sub(x + 1), Align::Left);
    }
}

/// Columns of the verdict's words on a card of one line, before its strip.
const INLINE: u16 = 12;

fn strip(model: &Model, nights: &[Night], (x, y): (u16, u16), pen: &mut Pen<'_>) {
    for (x, night) in (x..).zip(&nights[nights.len().saturating_sub(STRIP)..]) {
        let (mark, level) = night_mark(night, model.theme.glyphs);
        let style = match level {
            None | Some(0) => model.theme.style(Ink::Faint),
            Some(level) => model.theme.heat(level + 2, false).1,
        };
        pen.mark(x, y, style, mark);
    }
}

/// The bounds in a few words, the most telling first: as many as fit are shown.
fn bounds(brief: &Brief) -> Vec<Pieces<'static>> {
    let part = |says: &'static str, ink: Ink, much: Option<Bytes>| {
        much.map(|much| vec![piece(Ink::Faint, says), piece(ink, size(much))])
    };
    let large = brief.worst_night.is_some_and(|worst| worst >= Bytes::mb(1));
    let worst = if large { Ink::Night } else { Ink::Text };
    let parts = [
        part("worst night ", worst, brief.worst_night),
        part(", half under ", Ink::Text, brief.median_night),
        part(", noticed from ", Ink::Text, brief.detectable),
    ];
    parts.into_iter().map_while(|part| part).collect()
}

fn size(bytes: Bytes) -> String {
    bytes.to_string()
}

/// What there is to say of the capture, a line each: what, and how much.
fn capture(model: &Model) -> Vec<(&'static str, String, Ink)> {
    let audit = &model.snapshot.audit;
    let totals = &audit.totals;
    let mut said = vec![("packets", grouped(totals.packets), Ink::Text)];
    let (lost, cut): (u64, usize) = (
        audit.inputs.iter().map(|input| input.lost).sum(),
        audit.inputs.iter().filter(|input| input.truncated).count(),
    );
    let dropped = match model.snapshot.stage {
        Stage::Live(live) => live.dropped,
        _ => lost,
    };
    said.push(("dropped", grouped(dropped), if dropped > 0 { Ink::Caution } else { Ink::Text }));
    said.push(("uploaded", totals.payload_up.to_string(), Ink::Up));
    said.push(("downloaded", totals.payload_down.to_string(), Ink::Down));
    let share = |part: Bytes, whole: Bytes| percent(part.0 as f64 / (whole.0 as f64).max(1.0));
    said.push(("up, unattributed", share(totals.unattributed_up, totals.payload_up), Ink::Text));
    if let Some(coverage) = coverage(model) {
        said.push(("nights covered", percent(coverage), if coverage < 0.8 { Ink::Caution } else { Ink::Text }));
    }
    let broken: u64 = audit.inputs.iter().map(|input| input.malformed).sum();
    if broken > 0 {
        said.push(("broken packets", grouped(broken), Ink::Caution));
    }
    if cut > 0 {
        said.push(("cut files", grouped(cut as u64), Ink::Caution));
    }
    if !audit.failed.is_empty() {
        said.push(("not read", plural(audit.failed.len() as u64, "file", "files"), Ink::Alarm));
    }
    if model.snapshot.flows.left_out > 0 {
        said.push(("flows left out", grouped(model.snapshot.flows.left_out), Ink::Caution));
    }
    said
}

/// The mean coverage of the nights of the chosen device.
fn coverage(model: &Model) -> Option<f64> {
    let (_, device) = model.device()?;
    let nights = device.finding.findings.iter().map(|finding| &finding.nights).max_by_key(|nights| nights.len())?;
    let sum: f64 = nights.iter().map(|night| night.coverage).sum();
    (!nights.is_empty()).then(|| sum / nights.len() as f64)
}

fn capture_side(model: &Model, pen: &mut Pen<'_>) {
    pen.text(0, 0, Ink::Strong, "Capture");
    let width = pen.width().saturating_sub(1);
    let mut y = 1;
    for (what, much, ink) in capture(model) {
        pen.text(0, y, Ink::Faint, what);
        pen.fitted(17, y, ink, &much, width.saturating_sub(17), Align::Right);
        y += 1;
    }
    let audit = &model.snapshot.audit;
    if !audit.inputs.is_empty() {
        pen.text(0, y + 1, Ink::Strong, "Read");
        y += 2;
    }
    for (n, input) in audit.inputs.iter().enumerate().take(usize::from(pen.height().saturating_sub(y))) {
        let path = model.redaction.path(n, &input.path);
        let name = path.rsplit('/').next().unwrap_or(&path);
        pen.fitted(0, y, Ink::Text, name, width, Align::Left);
        y += 1;
    }
    for failure in audit.failed.iter().take(3) {
        pen.fitted(0, y, Ink::Alarm, &model.redaction.failure(failure), width, Align::Left);
        y += 1;
    }
    legend(model, y + 1, pen);
}

/// What the marks mean, where there is room.
fn legend(model: &Model, y: u16, pen: &mut Pen<'_>) {
    const MEANINGS: [(Verdict, &str); 6] = [
        (Verdict::ExportLike, "looks like an export"),
        (Verdict::BackupLike, "looks like a backup"),
        (Verdict::BulkButIrregular, "large, but no pattern"),
        (Verdict::SmallRecurrent, "small, but again and again"),
        (Verdict::Routine, "routine"),
        (Verdict::Insufficient, "not enough seen"),
    ];
    if y + 7 > pen.height() {
        return;
    }
    pen.text(0, y, Ink::Strong, "Marks");
    for (y, (verdict, means)) in (y + 1..).zip(MEANINGS) {
        let (mark, ink) = model.theme.mark(verdict);
        pen.text(0, y, ink, mark);
        pen.text(2, y, Ink::Faint, means);
    }
}

fn capture_foot(model: &Model, pen: &mut Pen<'_>) {
    let (mut x, mut y) = (1, 0);
    for (what, much, ink) in capture(model) {
        let pieces: Pieces<'_> = vec![piece(ink, much), (Ink::Faint, Cow::Owned(format!(" {what}   ")))];
        let wide: usize = pieces.iter().map(|(_, text)| text.chars().count()).sum();
        if usize::from(x) + wide > usize::from(pen.width()) + 3 {
            (x, y) = (1, y + 1);
        }
        x = pen.pieces(x, y, &pieces);
    }
}
