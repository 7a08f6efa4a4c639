//! Pictures as SVG: bars of a subject's nights, the nights by time of day, a row of small bars.
//!
//! Colours come from classes, so that light, dark and print each have their own. What colour says, a title or a text
//! says too.

use super::markup::Markup;
use crate::{
    base::Bytes,
    ledger::DeviceLedger,
    night::Night,
    pipeline::Audit,
    report::{
        calendar,
        heat::{Heat, HeatRow, MOST_NIGHTS, Presence, QUARTERS, Sources},
        page::Card,
        strip::{self, LEVEL_WORDS, Level},
    },
};

const WIDTH: f64 = 560.0;
/// Room for labels at the left.
const LEFT: f64 = 66.0;

fn px(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn picture(m: &mut Markup, height: f64, title: &str, about: &str, inside: impl FnOnce(&mut Markup)) {
    let view = format!("0 0 {} {}", px(WIDTH), px(height));
    m.element("svg", &[("viewBox", &view), ("role", "img"), ("aria-label", title), ("class", "chart")], |m| {
        m.leaf("title", &[], title);
        m.leaf("desc", &[], about);
        inside(m);
    });
}

fn rect(m: &mut Markup, class: &str, at: [f64; 4], title: &str) {
    let [x, y, width, height] = at.map(px);
    let attributes: [(&str, &str); 5] =
        [("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    if title.is_empty() {
        m.void("rect", &attributes);
    } else {
        m.element("rect", &attributes, |m| m.leaf("title", &[], title));
    }
}

fn label(m: &mut Markup, class: &str, at: [f64; 2], text: &str) {
    let [x, y] = at.map(px);
    m.leaf("text", &[("class", class), ("x", &x), ("y", &y)], text);
}

fn line(m: &mut Markup, class: &str, from: [f64; 2], to: [f64; 2]) {
    let ([x1, y1], [x2, y2]) = (from.map(px), to.map(px));
    m.void("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
}

/// Bars of unattended upload night by night, with the bounds as lines.
pub(super) fn bars(m: &mut Markup, card: &Card<'_>, audit: &Audit) {
    const TOP: f64 = 18.0;
    const HEIGHT: f64 = 120.0;
    let nights = card.nights();
    if nights.is_empty() {
        return;
    }
    let most = nights.iter().map(|night| night.unattended_up).max().unwrap_or_default().max(Bytes(1));
    let step = (WIDTH - LEFT) / nights.len() as f64;
    let y = |volume: Bytes| TOP + HEIGHT * (1.0 - (volume.0 as f64 / most.0 as f64).min(1.0));
    let title = format!("{}: upload while nobody used the phone, night by night", card.name);
    let about = card.headline.clone().unwrap_or_default();
    picture(m, TOP + HEIGHT + 24.0, &title, &about, |m| {
        line(m, "axis", [LEFT, TOP + HEIGHT], [WIDTH, TOP + HEIGHT]);
        for (n, night) in nights.iter().enumerate() {
            let date = calendar::day(calendar::date(night.start, audit.timezone));
            let (x, wide) = (LEFT + step * n as f64, (step - 2.0).clamp(1.0, 40.0));
            let x = x + (step - wide) / 2.0;
            if Level::of(night) == Level::Unobserved {
                rect(m, "hatch", [x, TOP, wide, HEIGHT], &format!("{date}: not observed"));
            } else {
                let top = y(night.unattended_up).min(TOP + HEIGHT - 1.0);
                let said = format!("{date}: {} while unused, {} in use", night.unattended_up, night.attended_up);
                rect(m, "bar", [x, top, wide, TOP + HEIGHT - top], &said);
            }
            if n.is_multiple_of(date_every(nights.len())) {
                label(m, "tick middle", [x + wide / 2.0, TOP + HEIGHT + 16.0], &date);
            }
        }
        label(m, "tick end", [LEFT - 6.0, TOP + HEIGHT], "0");
        label(m, "tick end", [LEFT - 6.0, TOP + 4.0], &most.to_string());
        line(m, "grid", [LEFT, TOP], [WIDTH, TOP]);
        if let Some(median) = card.finding.bounds.median_night {
            line(m, "halo", [LEFT, y(median)], [WIDTH, y(median)]);
            line(m, "median", [LEFT, y(median)], [WIDTH, y(median)]);
            if y(median) > TOP + 16.0 && y(median) < TOP + HEIGHT - 12.0 {
                label(m, "tick end", [LEFT - 6.0, y(median) + 4.0], &median.to_string());
            }
        }
    });
}

/// What the lines and hatches of the bars mean.
pub(super) fn bars_key(m: &mut Markup, card: &Card<'_>) {
    m.element("p", &[("class", "key")], |m| {
        if let Some(median) = card.finding.bounds.median_night {
            m.text(&format!("Dashed line: on half of the nights {median} or less."));
        }
        if card.nights().iter().any(|night| Level::of(night) == Level::Unobserved) {
            swatch(m, "hatch", "not observed");
        }
    });
}

/// Every how many nights a date is written, so that dates do not touch.
fn date_every(nights: usize) -> usize {
    let room_for = 6;
    let least = nights.div_ceil(room_for).max(1);
    if least == 1 { 1 } else { least.div_ceil(7) * 7 }
}

/// The nights by time of day.
pub(super) fn heatmap(m: &mut Markup, card: &Card<'_>, device: &DeviceLedger, audit: &Audit) {
    const TOP: f64 = 18.0;
    let from = Sources {
        minutes: card.minutes,
        watched: &device.watched,
        seen: &device.seen,
        attended: &card.finding.attended,
        zone: audit.timezone,
    };
    let Some(heat) = Heat::of(card.nights(), from) else { return };
    let tall = if heat.rows.len() > 40 { 7.0 } else { 10.0 };
    let wide = (WIDTH - LEFT) / QUARTERS as f64;
    let title = format!("{}: when uploads went up, night by night", card.name);
    let about = "Each row is a night of 24 hours, each cell a quarter of an hour by the local clock; darker is more. \
        Shaded: nobody was using the device. Hatched: not observed.";
    picture(m, TOP + tall * heat.rows.len() as f64 + 4.0, &title, about, |m| {
        for hour in (0..24_u32).step_by(3) {
            let x = LEFT + f64::from(hour) * 4.0 * wide;
            label(m, "tick", [x, TOP - 6.0], &format!("{:02}:00", (heat.first_hour + hour) % 24));
        }
        for (n, row) in heat.rows.iter().enumerate() {
            let y = TOP + tall * n as f64;
            if n.is_multiple_of(7) {
                label(m, "tick end", [LEFT - 6.0, y + tall - 1.0], &calendar::day(row.date));
            }
            cells(m, row, [y, wide, tall - 1.0]);
        }
        for hour in (0..24_u32).step_by(3) {
            let x = LEFT + f64::from(hour) * 4.0 * wide;
            line(m, "grid", [x, TOP - 3.0], [x, TOP + tall * heat.rows.len() as f64]);
        }
    });
    if card.nights().len() > MOST_NIGHTS {
        m.leaf("p", &[("class", "faint")], &format!("The last {MOST_NIGHTS} nights are shown."));
    }
}

/// One night's cells: first who was there, then what went up; neighbours that show the same are one rectangle.
fn cells(m: &mut Markup, row: &HeatRow, [y, wide, tall]: [f64; 3]) {
    let place = |at: usize, count: usize| [LEFT + wide * at as f64, y, wide * count as f64, tall];
    let mut at = 0;
    for run in row.quarters.chunk_by(|a, b| a.presence == b.presence) {
        if let Some(quarter) = run.first() {
            rect(m, presence(quarter.presence), place(at, run.len()), "");
        }
        at += run.len();
    }
    let mut at = 0;
    for run in row.quarters.chunk_by(|a, b| a.upload == b.upload) {
        // What keeps a connection alive goes up all the time, and would paint over everything.
        if let Some(level) = run.first().and_then(|quarter| quarter.upload).filter(|level| *level > Level::Volume(0)) {
            rect(m, class(level), place(at, run.len()), "");
        }
        at += run.len();
    }
}

const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Unobserved => "hatch",
        Presence::InUse => "used",
        Presence::Unattended => "night",
    }
}

/// The pattern that marks what was not observed: one for all pictures of the page.
pub(super) fn patterns(m: &mut Markup) {
    let size = [("width", "6"), ("height", "6")];
    m.element("svg", &[("class", "defs"), ("aria-hidden", "true"), ("width", "0"), ("height", "0")], |m| {
        m.element("defs", &[], |m| {
            let pattern = [("id", "hatch"), ("patternUnits", "userSpaceOnUse"), size[0], size[1]];
            m.element("pattern", &pattern, |m| {
                m.void("rect", &[("class", "hatch-page"), size[0], size[1]]);
                m.void("path", &[("class", "hatch-line"), ("d", "M-1 1 1 -1M0 6 6 0M5 7 7 5")]);
            });
        });
    });
}

const fn class(level: Level) -> &'static str {
    match level {
        Level::Unobserved => "hatch",
        Level::Volume(0 | 1) => "v1",
        Level::Volume(2) => "v2",
        Level::Volume(3) => "v3",
        Level::Volume(4) => "v4",
        Level::Volume(_) => "v5",
    }
}

/// What the cells of a heatmap mean.
pub(super) fn key(m: &mut Markup) {
    m.element("p", &[("class", "key")], |m| {
        swatch(m, "night", "nobody using it");
        swatch(m, "used", "in use");
        swatch(m, "hatch", "not observed");
        for n in 1..LEVEL_WORDS.len() {
            swatch(m, class(Level::Volume(n)), strip::meaning(Level::Volume(n)));
        }
    });
}

fn swatch(m: &mut Markup, class: &'static str, meaning: &str) {
    m.element("span", &[("class", "swatch")], |m| {
        m.element("svg", &[("viewBox", "0 0 12 12"), ("aria-hidden", "true")], |m| {
            rect(m, class, [0.0, 0.0, 12.0, 12.0], "");
        });
        m.text(meaning);
    });
}

/// A row of small bars, one a night, by level.
pub(super) fn spark(m: &mut Markup, nights: &[Night], name: &str) {
    const TALL: f64 = 18.0;
    let shown = nights.get(nights.len().saturating_sub(56)..).unwrap_or_default();
    if shown.is_empty() {
        return;
    }
    let view = format!("0 0 {} {}", px(4.0 * shown.len() as f64), px(TALL));
    let title = format!("{name}: unattended upload of the last {} nights", shown.len());
    m.element("svg", &[("viewBox", &view), ("role", "img"), ("aria-label", &title), ("class", "spark")], |m| {
        m.leaf("title", &[], &title);
        for (n, night) in shown.iter().enumerate() {
            let x = 4.0 * n as f64;
            match Level::of(night) {
                Level::Unobserved => rect(m, "hatch", [x, 0.0, 3.0, TALL], ""),
                Level::Volume(level) => {
                    let tall = 2.0 + (TALL - 2.0) * level as f64 / 5.0;
                    rect(m, "bar", [x, TALL - tall, 3.0, tall], "");
                }
            }
        }
    });
}
