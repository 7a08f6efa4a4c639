//! The whole screen, drawn from the model and from nothing else.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    event::Remark,
    keys::Action,
    layout,
    model::{Model, SMALLEST, Towards, View},
    pen::{Pen, Pieces, piece},
    theme::Ink,
    views,
};
use crate::{
    pipeline::snapshot::{LiveStatus, Stage},
    report::{Redaction, grouped, plural},
};

/// Draws everything.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, area, model.theme);
    if area.width < SMALLEST.width || area.height < SMALLEST.height {
        return too_small(&mut pen);
    }
    tabs(model, &mut pen.within(layout::tabs(model.size)));
    match &model.prompt {
        Some(prompt) => views::prompt::line(prompt, &mut pen.within(layout::context(model.size))),
        None => context(model, &mut pen.within(layout::context(model.size))),
    }
    let (title, right) = views::titles(model);
    pen.within(layout::frame(model.size)).frame(Ink::Border, &title, &right);
    views::draw(model, &mut pen.within(layout::body(model.size)));
    status(model, &mut pen.within(layout::status(model.size)));
    if let Some(prompt) = &model.prompt {
        views::prompt::help(prompt, &mut pen.within(layout::frame(model.size)));
    }
    if model.exporting {
        export_menu(&mut pen);
    }
}

fn too_small(pen: &mut Pen<'_>) {
    let (width, height) = (pen.width(), pen.height());
    pen.text(0, 0, Ink::Strong, "nightaudit");
    pen.text(0, 1, Ink::Text, &format!("needs {}x{}", SMALLEST.width, SMALLEST.height));
    pen.text(0, 2, Ink::Text, &format!("here {width}x{height}"));
    pen.text(0, 3, Ink::Faint, "enlarge, or q");
}

fn tabs(model: &Model, pen: &mut Pen<'_>) {
    if model.size.width >= 100 {
        pen.text(1, 0, Ink::Heading, "nightaudit");
    }
    for (n, (view, place)) in layout::tab_places(model.size).into_iter().enumerate() {
        let label = layout::tab_label(n, view, model.size);
        let chosen = view == model.view;
        pen.text(place.x, 0, if chosen { Ink::Accent } else { Ink::Faint }, &label);
        if chosen && model.theme.palette != super::theme::Palette::Mono {
            for x in place.x..place.x + place.width {
                pen.wash_cell(x, 0, model.theme.style(Ink::Accent).add_modifier(Modifier::UNDERLINED));
            }
        }
    }
    let mut flags: Pieces<'_> = Vec::new();
    if model.paused {
        flags.push(piece(Ink::Caution, if model.held.is_some() { "held, more has come " } else { "held " }));
    }
    if model.redaction != Redaction::Off {
        flags.push(piece(Ink::Caution, "names hidden "));
    }
    let end = layout::tab_places(model.size).last().map_or(0, |(_, place)| place.x + place.width + 1);
    pen.pieces_right(end, 0, &flags);
}

/// What is chosen, brushed and asked.
fn context(model: &Model, pen: &mut Pen<'_>) {
    let mut pieces: Pieces<'_> = Vec::new();
    if !model.entries.is_empty() {
        pieces.push(piece(Ink::Strong, model.scope_name()));
    }
    let says = |pieces: &mut Pieces<'_>, what: &'static str, text: String| {
        pieces.push(piece(Ink::Border, model.theme.either("  │ ", "  | ")));
        pieces.push(piece(Ink::Faint, what));
        pieces.push(piece(Ink::Heading, text));
    };
    if let Some(brush) = &model.brush {
        says(&mut pieces, "", brush.says.clone());
    }
    if let Some(target) = model.target.as_ref().filter(|_| model.view == View::Flows) {
        says(&mut pieces, "", towards(model, target));
    }
    if !model.filter_text.is_empty() {
        let text = if model.redaction == Redaction::Off { model.filter_text.clone() } else { "(hidden)".to_owned() };
        says(&mut pieces, "/ ", text);
        if !model.derived.unheeded.is_empty() {
            pieces.push(piece(Ink::Caution, format!("  ({} says nothing here)", model.derived.unheeded.join(", "))));
        }
    }
    pen.pieces(1, 0, &pieces);
}

/// The destination that flows are looked at for: by its name where that is what was chosen.
fn towards(model: &Model, target: &Towards) -> String {
    match target {
        Towards::System { says, .. } => says.clone(),
        Towards::Asked(filter) => {
            let named = ["host:", "addr:"].into_iter().find_map(|key| filter.strip_prefix(key));
            named.map_or_else(|| filter.clone(), |name| super::update::shown_target(model, name.trim_matches('"')))
        }
    }
}

fn status(model: &Model, pen: &mut Pen<'_>) {
    let left: Pieces<'_> = match &model.remark {
        Some((Remark::Done(text), _)) => vec![piece(Ink::Calm, text.as_str())],
        Some((Remark::Failed(text), _)) => vec![piece(Ink::Alarm, text.as_str())],
        None => stage(model),
    };
    let end = pen.pieces(1, 0, &left);
    // As many hints as fit, the most telling first.
    let hints = hints(model);
    for count in (1..=hints.len()).rev() {
        let mut pieces: Pieces<'_> = Vec::new();
        for (action, says) in &hints[hints.len() - count..] {
            let keys = model.keys.first_of(*action);
            if !keys.is_empty() {
                pieces.push(piece(Ink::Heading, keys));
                pieces.push(piece(Ink::Faint, format!(" {says}  ")));
            }
        }
        let wide: usize = pieces.iter().map(|(_, text)| text.chars().count()).sum();
        if usize::from(end) + 2 + wide <= usize::from(pen.width()) {
            return pen.pieces_right(end + 2, 0, &pieces);
        }
    }
}

/// The keys that matter in the view, the most telling last: those stay longest.
fn hints(model: &Model) -> Vec<(Action, &'static str)> {
    let mut hints = match model.view {
        View::Overview => vec![(Action::Redact, "hide names"), (Action::Export, "export"), (Action::Enter, "finding")],
        View::Nights => vec![
            (Action::Group, "up/down"),
            (Action::NextSubject, "next app"),
            (Action::Brush, "brush"),
            (Action::Enter, "who?"),
        ],
        View::Traffic => {
            vec![(Action::ZoomOut, "out"), (Action::ZoomIn, "in"), (Action::Brush, "brush"), (Action::Enter, "who?")]
        }
        View::Destinations => vec![(Action::Sort, "sort"), (Action::Group, "group"), (Action::Enter, "flows")],
        View::Flows => vec![(Action::Sort, "sort"), (Action::Filter, "filter"), (Action::Enter, "detail")],
        View::Finding => vec![(Action::Copy, "copy"), (Action::Export, "export"), (Action::Enter, "nights")],
        View::Help => vec![(Action::Back, "back")],
    };
    if model.snapshot.stage == Stage::Reading {
        hints.insert(0, (Action::Stop, "stop"));
    }
    hints.extend([(Action::Help, "help"), (Action::Quit, "quit")]);
    hints
}

/// How far it has come, in a few words.
fn stage(model: &Model) -> Pieces<'static> {
    let packets = plural(model.snapshot.audit.totals.packets, "packet", "packets");
    match model.snapshot.stage {
        Stage::Reading => reading(model),
        Stage::Judging => vec![piece(Ink::Caution, "judging what would have been noticed"), piece(Ink::Faint, "")],
        Stage::Complete => vec![piece(Ink::Faint, packets)],
        Stage::Stopped => vec![piece(Ink::Caution, "stopped early "), piece(Ink::Faint, packets)],
        Stage::Live(live) => live_line(model, live, &packets),
    }
}

fn live_line(model: &Model, live: LiveStatus, packets: &str) -> Pieces<'static> {
    let minutes = live.now.since(live.since) / 60_000_000_000;
    let mut pieces =
        vec![piece(Ink::Calm, "live "), piece(Ink::Faint, format!("{}h{:02}  {packets}", minutes / 60, minutes % 60))];
    if let Some(rate) = model.pulse.now() {
        let [up, down] = model.theme.either(["↑", "↓"], ["^", "v"]);
        pieces.push(piece(Ink::Up, format!("  {up} {}/s", rate.up)));
        pieces.push(piece(Ink::Down, format!("  {down} {}/s", rate.down)));
    }
    if live.dropped > 0 {
        pieces.push(piece(Ink::Caution, format!("  {} dropped", grouped(live.dropped))));
    }
    pieces
}

/// Cells of the bar that says how far the reading is.
const CELLS: u8 = 12;

fn reading(model: &Model) -> Pieces<'static> {
    let Some((progress, heard)) = model.progress else { return vec![piece(Ink::Faint, "opening")] };
    let Some(total) = progress.total.filter(|total| *total > 0) else {
        return vec![piece(Ink::Faint, format!("reading {}", crate::base::Bytes(progress.read)))];
    };
    let read = progress.read.min(total);
    let full = usize::try_from(u128::from(read) * u128::from(CELLS) / u128::from(total)).unwrap_or(0);
    let (on, off) = (model.theme.either("━", "="), model.theme.either("─", "-"));
    let mut pieces = vec![
        piece(Ink::Accent, on.repeat(full)),
        piece(Ink::Border, off.repeat(usize::from(CELLS).saturating_sub(full))),
        piece(Ink::Text, format!(" {} %", u128::from(read) * 100 / u128::from(total))),
    ];
    if let Some(left) =
        (heard.as_millis() * u128::from(total - read)).checked_div(u128::from(read)).map(|ms| ms / 1_000)
    {
        pieces.push(piece(Ink::Faint, format!(", {} left", spoken(left))));
    }
    pieces
}

/// `12 s`, `3 min`, `2 h`.
fn spoken(seconds: u128) -> Cow<'static, str> {
    match seconds {
        0 => "under 1 s".into(),
        1..=99 => format!("{seconds} s").into(),
        100..=7_199 => format!("{} min", seconds / 60).into(),
        _ => format!("{} h", seconds / 3_600).into(),
    }
}

fn export_menu(pen: &mut Pen<'_>) {
    let lines = [
        ("h", "web page (HTML)", "the report on what is chosen"),
        ("j", "JSON", "the same, or this table's rows"),
        ("c", "spreadsheet (CSV)", "nights, or this table's rows"),
        ("p", "packets (pcapng)", "the evidence for what is shown"),
    ];
    let area = pen.area();
    let (width, height) = (58.min(area.width), 6);
    let place = Rect { x: (area.width - width) / 2, y: area.height.saturating_sub(height + 1), width, height };
    let mut pen = pen.within(place);
    pen.clear();
    pen.frame(Ink::Accent, &vec![piece(Ink::Text, "write to a file in this folder")], &vec![piece(Ink::Faint, "esc")]);
    for (y, (key, form, what)) in (1..).zip(lines) {
        let x = pen.text(2, y, Ink::Heading, key);
        pen.text(x + 2, y, Ink::Text, form);
        pen.text(24, y, Ink::Faint, what);
    }
}
