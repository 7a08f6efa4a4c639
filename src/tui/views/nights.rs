//! The map of nights: a row for each night, its hours across, upload by colour.

mod legend;
mod profile;

use ratatui::{
    layout::{Position, Rect},
    style::Modifier,
};

use crate::{
    base::{Bytes, Span},
    night::Verdict,
    report::{calendar, percent},
    tui::{
        grid::{DAY, Grid, NightRow},
        layout::body,
        model::{Cell, Model, Way},
        pen::{Align, Pen, Pieces, piece},
        series::Point,
        theme::Ink,
    },
};

/// Columns of the mark and the date, with a gap.
const DATE: u16 = 9;
/// Columns of what left in the night, with gaps.
const SUM: u16 = 11;
/// Rows above the map.
const ABOVE: u16 = 1;
/// Rows below it.
const BELOW: u16 = 2;

/// Where the shades begin.
const LIMITS: [u64; 7] = [10_000, 100_000, 1_000_000, 5_000_000, 25_000_000, 50_000_000, 100_000_000];

/// What stands in the frame.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    let what = match model.nights.way {
        Way::Up => "Upload",
        Way::Down => "Download",
    };
    let grain = grain(model);
    let cell = if grain < 60 { format!("{grain} minutes") } else { format!("{} h", grain / 60) };
    let zone = model.snapshot.audit.timezone;
    (
        vec![piece(Ink::Strong, format!("{what} by night"))],
        vec![piece(Ink::Faint, format!("a cell is {cell}, {zone} time"))],
    )
}

/// Minutes that a cell stands for.
pub(crate) fn grain(model: &Model) -> u32 {
    Grid::grain(room(model).into())
}

fn room(model: &Model) -> u16 {
    let width = body(model.size).width;
    width.saturating_sub(DATE + if width >= 78 { SUM } else { 0 })
}

/// Where the cells stand.
fn map(model: &Model) -> Rect {
    let body = body(model.size);
    let columns = u16::try_from(DAY / grain(model)).unwrap_or(0);
    Rect {
        x: body.x + DATE,
        y: body.y + ABOVE,
        width: columns.min(body.width.saturating_sub(DATE)),
        height: body.height.saturating_sub(ABOVE + BELOW),
    }
}

/// Nights that show.
pub(crate) fn visible_rows(model: &Model) -> usize {
    map(model).height.into()
}

/// The cell at a point; a drag beyond the map stays on its edge.
pub(crate) fn cell_at(model: &Model, at: Position) -> Option<Cell> {
    let map = map(model);
    let inside = map.contains(at);
    if (!inside && model.nights.anchor.is_none()) || map.width == 0 || map.height == 0 {
        return None;
    }
    let x = at.x.clamp(map.x, map.x + map.width - 1) - map.x;
    let y = at.y.clamp(map.y, map.y + map.height - 1) - map.y;
    let night = model.nights.top + usize::from(y);
    let last = model.derived.grid.rows.len().checked_sub(1)?;
    (!inside || night <= last).then(|| Cell { night: night.min(last), minute: u32::from(x) * grain(model) })
}

/// Draws it.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    if model.derived.grid.rows.is_empty() {
        return super::nothing(pen, super::why_empty(model));
    }
    let map = map(model);
    hours(model, map, pen);
    let rows = &model.derived.grid.rows;
    let mut brushed = Brushed::new(model);
    for (line, (n, row)) in (0..map.height).zip(rows.iter().enumerate().skip(model.nights.top)) {
        let chosen = n == model.nights.cursor.night;
        let y = ABOVE + line;
        if row.flagged {
            pen.text(0, y, Ink::Alarm, model.theme.mark(Verdict::ExportLike).0);
        }
        let ink = match (chosen, row.flagged) {
            (true, _) => Ink::Accent,
            (false, true) => Ink::Text,
            (false, false) => Ink::Faint,
        };
        pen.fitted(2, y, ink, &calendar::day(row.date), 6, Align::Right);
        cells(model, row, y, &mut brushed, pen);
        night_sum(model, row, y, map, pen);
    }
    cursor(model, map, pen);
    if let Some(room) = usize::from(map.height).checked_sub(rows.len()) {
        profile::draw(model, map, u16::try_from(room).unwrap_or(0), pen);
    }
    legend::draw(model, pen);
    below(model, pen);
}

/// The hours, at their columns.
fn hours(model: &Model, map: Rect, pen: &mut Pen<'_>) {
    let grain = grain(model);
    let every = [1, 2, 3, 6].into_iter().find(|hours| hours * 60 / grain >= 5).unwrap_or(6);
    for hour in (0..24).step_by(every as usize) {
        let x = DATE + u16::try_from(hour * 60 / grain).unwrap_or(0);
        if x + 2 <= DATE + map.width {
            pen.text(x, 0, Ink::Faint, &model.derived.grid.clock(hour * 60)[..2]);
        }
    }
    let body_width = pen.width();
    if body_width >= 78 {
        pen.fitted(DATE + map.width + 1, 0, Ink::Faint, "unattended", SUM - 1, Align::Right);
    }
}

fn cells(model: &Model, row: &NightRow, y: u16, brushed: &mut Brushed<'_>, pen: &mut Pen<'_>) {
    let grain = grain(model);
    for (x, from) in (DATE..).zip((0..DAY).step_by(grain as usize)) {
        let spans = model.derived.grid.spans(row, from, from + grain);
        let (mark, style) = cell(model, &spans);
        let style = if brushed.covers(&spans) { style.patch(model.theme.style(Ink::Brushed)) } else { style };
        pen.mark(x, y, style, mark);
    }
}

/// Whether cells are brushed, or would be if brushing ended now.
struct Brushed<'a> {
    spans: std::borrow::Cow<'a, [Span]>,
}

impl<'a> Brushed<'a> {
    fn new(model: &'a Model) -> Self {
        let drawn = model
            .nights
            .anchor
            .and_then(|anchor| super::super::update::brush_between(model, anchor, model.nights.cursor));
        let spans = match (drawn, &model.brush) {
            (Some(brush), _) => brush.spans().to_vec().into(),
            (None, Some(brush)) => brush.spans().into(),
            (None, None) => std::borrow::Cow::Borrowed(&[][..]),
        };
        Self { spans }
    }

    fn covers(&self, cell: &[Span]) -> bool {
        cell.iter().any(|cell| {
            let after = self.spans.partition_point(|span| span.end <= cell.first);
            self.spans.get(after).is_some_and(|span| span.first < cell.end)
        })
    }
}

/// What is drawn for the minutes of a cell.
fn cell(model: &Model, spans: &[Span]) -> (char, ratatui::style::Style) {
    let theme = model.theme;
    let faint = theme.style(Ink::Border);
    let moved = moved(model, spans);
    let (bytes, attended_bytes) = match model.nights.way {
        Way::Up => (moved.up, moved.up.less(moved.night_up)),
        Way::Down => (moved.down, moved.down),
    };
    // Less is the murmur of a connection kept open.
    if bytes.0 < LIMITS[0] {
        return match (bytes > Bytes::ZERO || watched(model, spans), is_attended(model, spans)) {
            (false, _) => (theme.either('╱', '/'), faint),
            (true, true) => (theme.either('·', '.'), theme.style(Ink::Used)),
            (true, false) => (' ', faint),
        };
    }
    // Whatever left while nobody was there is shown as such, unless it is a trifle beside the rest.
    let attended = match model.nights.way {
        Way::Up => attended_bytes.0 / 2 > moved.night_up.0,
        Way::Down => is_attended(model, spans),
    };
    let shown = if attended || model.nights.way == Way::Down { bytes } else { moved.night_up };
    theme.heat(shade(shown), attended)
}

/// The shade of a volume, 1 to 7; 0 for less than is drawn.
fn shade(bytes: Bytes) -> usize {
    LIMITS.iter().filter(|limit| bytes.0 >= **limit).count()
}

fn moved(model: &Model, spans: &[Span]) -> Point {
    spans.iter().fold(Point::default(), |sum, span| {
        let next = model.derived.series.sum(*span);
        Point { up: sum.up + next.up, down: sum.down + next.down, night_up: sum.night_up + next.night_up }
    })
}

fn overlaps(all: impl Fn(usize) -> Option<Span>, after: usize, span: Span) -> u32 {
    let mut minutes = 0;
    for other in (after..).map_while(all).take_while(|other| other.first < span.end) {
        let (first, end) = (other.first.max(span.first), other.end.min(span.end));
        minutes += end.since(first);
    }
    minutes
}

/// Whether somebody was there in most of it.
fn is_attended(model: &Model, spans: &[Span]) -> bool {
    let all = &model.derived.attended;
    let minutes: u32 = spans
        .iter()
        .map(|span| overlaps(|n| all.get(n).copied(), all.partition_point(|other| other.end <= span.first), *span))
        .sum();
    minutes * 2 > spans.iter().map(|span| span.minutes()).sum()
}

/// Whether any of it was captured.
fn watched(model: &Model, spans: &[Span]) -> bool {
    let Some((_, device)) = model.device() else { return false };
    let all = &device.ledger.watched;
    spans.iter().any(|span| {
        let after = all.partition_point(|other| other.span.end <= span.first);
        overlaps(|n| all.get(n).map(|watched| watched.span), after, *span) > 0
    })
}

fn night_sum(model: &Model, row: &NightRow, y: u16, map: Rect, pen: &mut Pen<'_>) {
    if pen.width() < 78 {
        return;
    }
    let x = DATE + map.width + 1;
    let ink = if row.night_up >= Bytes::mb(5) { Ink::Night } else { Ink::Faint };
    let thin = row.coverage.is_some_and(|coverage| coverage < model.snapshot.night.needed_coverage);
    let says = if thin { "not seen".to_owned() } else { row.night_up.to_string() };
    let ink = match (thin, row.flagged) {
        (true, _) => Ink::Faint,
        (false, true) => Ink::Alarm,
        (false, false) => ink,
    };
    pen.fitted(x, y, ink, &says, SUM - 1, Align::Right);
}

fn cursor(model: &Model, map: Rect, pen: &mut Pen<'_>) {
    let Cell { night, minute } = model.nights.cursor;
    let Some(line) = night.checked_sub(model.nights.top).and_then(|line| u16::try_from(line).ok()) else { return };
    if line < map.height {
        let x = DATE + u16::try_from(minute / grain(model)).unwrap_or(0);
        pen.wash_cell(x, ABOVE + line, model.theme.style(Ink::Accent).add_modifier(Modifier::REVERSED));
    }
}

/// What is under the cursor, and what to do with it.
fn below(model: &Model, pen: &mut Pen<'_>) {
    let y = pen.height().saturating_sub(1);
    let room = pen.width().saturating_sub(2);
    pen.fitted(1, y, Ink::Text, &under_cursor(model), room, Align::Left);
    let rows = model.derived.grid.rows.len();
    let shown = visible_rows(model).min(rows);
    if rows > shown {
        let says = format!("nights {} to {} of {rows} ", model.nights.top + 1, model.nights.top + shown);
        pen.pieces_right(60, y, &vec![piece(Ink::Faint, says)]);
    }
}

/// The cell under the cursor in words.
pub(crate) fn under_cursor(model: &Model) -> String {
    let Cell { night, minute } = model.nights.cursor;
    let grid = &model.derived.grid;
    let Some(row) = grid.rows.get(night) else { return String::new() };
    let grain = grain(model);
    let spans = grid.spans(row, minute, minute + grain);
    let moved = moved(model, &spans);
    let there = match (watched(model, &spans), is_attended(model, &spans)) {
        (false, _) => "not captured",
        (true, true) => "somebody was using it",
        (true, false) => "nobody was using it",
    };
    let coverage = row.coverage.filter(|c| *c < 0.995).map(|c| format!("; {} of the night seen", percent(c)));
    format!(
        "night of {}, {} to {}: {} up, {} down; {there}{}",
        calendar::day(row.date),
        grid.clock(minute),
        grid.clock(minute + grain),
        moved.up,
        moved.down,
        coverage.unwrap_or_default(),
    )
}
