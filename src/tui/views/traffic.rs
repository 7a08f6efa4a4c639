//! Upload and download over time, with zoom and pan.

mod rate;

use ratatui::{layout::Position, style::Modifier};

use crate::{
    base::{Bytes, Minute, Span},
    report::calendar,
    tui::{
        layout::body,
        model::Model,
        pen::{Align, Pen, Pieces, piece},
        series::Point,
        theme::Ink,
    },
};

/// Columns of the scale at the left.
const SCALE: u16 = 10;
/// The closest zoom.
pub(crate) const LEAST_MINUTES: u32 = 30;

/// Minutes that a column may stand for, the finest first. They are close together, so that a chart fills its width.
const STEPS: [u32; 26] =
    [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 180, 210, 240, 300, 360, 480];
/// Beyond them, columns of so many minutes more.
const COARSE: u32 = 120;

/// What is drawn: a stretch of time in columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chart {
    /// Everything there is.
    pub all: Span,
    /// What shows.
    pub span: Span,
    /// Minutes a column stands for.
    pub step: u32,
    /// The minute under the cursor, the first of its column.
    pub cursor: u32,
    columns: u16,
}

/// Everything there is, in minutes.
pub(crate) fn whole(model: &Model) -> Option<Span> {
    let moved = model.derived.series.span();
    let watched = model.device().and_then(|(_, device)| {
        let watched = &device.ledger.watched;
        Some(Span { first: watched.first()?.span.first, end: watched.last()?.span.end })
    });
    let both = match (moved, watched) {
        (Some(a), Some(b)) => Span { first: a.first.min(b.first), end: a.end.max(b.end) },
        (a, b) => a.or(b)?,
    };
    (both.minutes() > 0).then_some(both)
}

impl Chart {
    /// The chart of a model, as wide as its screen.
    pub(crate) fn of(model: &Model) -> Option<Self> {
        let all = whole(model)?;
        let columns = body(model.size).width.saturating_sub(SCALE + 1).max(1);
        let (first, minutes) = model.traffic.window.unwrap_or_else(|| {
            // Live, the last minutes: the newest stands at the right edge.
            let latest = (all.end.0.saturating_sub(columns.into()), columns.into());
            if model.is_live() { latest } else { (all.first.0, all.minutes()) }
        });
        let fits = |step: &&u32| minutes.div_ceil(**step) <= u32::from(columns);
        let coarse = || minutes.div_ceil(u32::from(columns)).next_multiple_of(COARSE);
        let step = STEPS.iter().find(fits).copied().unwrap_or_else(coarse);
        let first = first / step * step;
        let span = Span { first: Minute(first), end: Minute(first.saturating_add(step * u32::from(columns))) };
        let newest = all.end.0.saturating_sub(1);
        let cursor = model.traffic.cursor.unwrap_or(newest).clamp(all.first.0, newest);
        Some(Self { all, span, step, cursor: cursor / step * step, columns })
    }

    fn column(&self, x: u16) -> Span {
        let first = self.span.first.plus(u32::from(x) * self.step);
        Span { first, end: first.plus(self.step) }
    }

    fn place(&self, minute: u32) -> Option<u16> {
        let x = minute.checked_sub(self.span.first.0)? / self.step;
        u16::try_from(x).ok().filter(|x| *x < self.columns)
    }
}

/// The minute at a point; beyond the chart, at its edge.
pub(crate) fn minute_at(model: &Model, at: Position) -> Option<u32> {
    let chart = Chart::of(model)?;
    let body = body(model.size);
    let x = at.x.saturating_sub(body.x + SCALE).min(chart.columns.saturating_sub(1));
    let minute = chart.column(x).first.0;
    Some(minute.clamp(chart.all.first.0, chart.all.end.0.saturating_sub(1)))
}

/// What stands in the frame.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    let title = vec![piece(Ink::Strong, "Traffic over time")];
    let Some(chart) = Chart::of(model) else { return (title, Vec::new()) };
    (title, vec![piece(Ink::Faint, format!("a column is {}", minutes(chart.step)))])
}

fn minutes(n: u32) -> String {
    match n {
        1 => "a minute".to_owned(),
        2..60 => format!("{n} minutes"),
        60..1_440 if n.is_multiple_of(60) => format!("{} h", n / 60),
        60..1_440 => format!("{} h {:02}", n / 60, n % 60),
        1_440 => "a day".to_owned(),
        _ => format!("{:.1} days", f64::from(n) / 1_440.0),
    }
}

/// Draws it.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let Some(chart) = Chart::of(model) else { return super::nothing(pen, super::why_empty(model)) };
    // Two charts, the hours between them, and what is under the cursor.
    let live = if model.is_live() { rate::ROWS } else { 0 };
    let room = pen.height().saturating_sub(4 + live);
    let (above, below) = (room - room / 2, room / 2);
    let points: Vec<Point> = (0..chart.columns).map(|x| model.derived.series.sum(chart.column(x))).collect();
    let most = |of: fn(&Point) -> Bytes| points.iter().map(of).max().unwrap_or_default();
    let (most_up, most_down) = (most(|point| point.up), most(|point| point.down));
    scale(pen, 0, above, "up", most_up, Ink::Up);
    scale(pen, above + 1, below, "down", most_down, Ink::Down);
    for (x, point) in (SCALE..).zip(&points) {
        pen.bar(x, 0, above, point.up, most_up, Ink::Up);
        if point.night_up.0 * 2 >= point.up.0 || is_seen(point.night_up, most_up, above) {
            pen.bar(x, 0, above, point.night_up, most_up, Ink::Night);
        }
        if point.up > point.night_up {
            join(pen, x, above, *point, most_up);
        }
        pen.bar(x, above + 1, below, point.down, most_down, Ink::Down);
    }
    axis(model, &chart, above, pen);
    marks(model, &chart, above + 1 + below, pen);
    let y = pen.height().saturating_sub(1);
    if model.is_live() {
        rate::draw(model, y.saturating_sub(rate::ROWS), SCALE, pen);
    }
    pen.text(1, y, Ink::Text, &under_cursor(model));
}

/// The largest value at the top of a chart, half of it in the middle.
fn scale(pen: &mut Pen<'_>, top: u16, rows: u16, name: &str, most: Bytes, ink: Ink) {
    if rows == 0 {
        return;
    }
    pen.fitted(0, top, Ink::Faint, &most.to_string(), SCALE - 1, Align::Right);
    if rows >= 6 {
        pen.fitted(0, top + rows / 2, Ink::Faint, &Bytes(most.0 / 2).to_string(), SCALE - 1, Align::Right);
    }
    pen.fitted(0, top + rows - 1, ink, name, SCALE - 1, Align::Right);
}

/// Whether a bar of it is higher than a line.
fn is_seen(value: Bytes, most: Bytes, rows: u16) -> bool {
    u128::from(value.0) * u128::from(rows) * 8 >= u128::from(most.0.max(1))
}

/// Where what left unattended ends within a row, what left in use begins: no gap stays between them.
fn join(pen: &mut Pen<'_>, x: u16, rows: u16, point: Point, most: Bytes) {
    let eighths = |bytes: Bytes| u128::from(bytes.0) * u128::from(rows) * 8 / u128::from(most.0.max(1));
    let (night, all) = (eighths(point.night_up), eighths(point.up));
    let row = u16::try_from(night / 8).unwrap_or(0);
    if night % 8 > 0 && all >= u128::from(row + 1) * 8 && row < rows {
        let style = pen.theme.before(Ink::Night, Ink::Up);
        pen.wash_cell(x, rows - 1 - row, style);
    }
}

/// The line between the charts, with times.
fn axis(model: &Model, chart: &Chart, y: u16, pen: &mut Pen<'_>) {
    let zone = model.snapshot.audit.timezone;
    let line = model.theme.either('─', '-');
    for x in SCALE..SCALE + chart.columns {
        pen.mark(x, y, model.theme.style(Ink::Border), line);
    }
    let short = chart.span.minutes() <= 3 * 1_440;
    let (mut free, mut day) = (0, None);
    for x in 0..chart.columns {
        let minute = chart.column(x).first;
        if minute >= chart.all.end {
            break;
        }
        // Where a day begins, or every so often.
        let date = calendar::date(minute, zone);
        let begins = short || day.replace(date).is_none_or(|before| before != date);
        let says = if short { calendar::moment(minute, zone) } else { calendar::day(date) };
        let wide = u16::try_from(says.len()).unwrap_or(u16::MAX);
        if begins && x >= free && x + wide <= chart.columns {
            pen.text(SCALE + x, y, Ink::Faint, &format!("{says} "));
            free = x + wide + 5;
        }
    }
}

/// The cursor and the brush.
fn marks(model: &Model, chart: &Chart, rows: u16, pen: &mut Pen<'_>) {
    let chosen = model.theme.style(Ink::Brushed);
    let anchored = model
        .traffic
        .anchor
        .and_then(|anchor| super::super::update::brush_time(model, anchor, chart.cursor, chart.step));
    if let Some(brush) = anchored.as_ref().or(model.brush.as_ref()) {
        for x in 0..chart.columns {
            let column = chart.column(x);
            if brush.touches(column.first, column.end.minus(1)) {
                (0..rows).for_each(|y| pen.wash_cell(SCALE + x, y, chosen));
            }
        }
    }
    if let Some(x) = chart.place(chart.cursor) {
        let mark = model.theme.style(Ink::Accent).remove_modifier(Modifier::REVERSED);
        let caret = model.theme.either('▲', '^');
        pen.mark(SCALE + x, rows, mark, caret);
    }
}

/// The column under the cursor in words.
pub(crate) fn under_cursor(model: &Model) -> String {
    let Some(chart) = Chart::of(model) else { return String::new() };
    let zone = model.snapshot.audit.timezone;
    let span = Span { first: Minute(chart.cursor), end: Minute(chart.cursor.saturating_add(chart.step)) };
    let moved = model.derived.series.sum(span);
    let seconds = f64::from(chart.step) * 60.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate of bytes is a number of them")]
    let rate = |bytes: Bytes| Bytes((bytes.0 as f64 / seconds) as u64);
    format!(
        "{}: {} up ({}/s), {} of it unattended; {} down ({}/s)",
        calendar::moment(span.first, zone),
        moved.up,
        rate(moved.up),
        moved.night_up,
        moved.down,
        rate(moved.down),
    )
}
