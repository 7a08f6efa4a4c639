//! The mouse, copying, and the menu of file formats.

use std::sync::Arc;

use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind},
    layout::Position,
};
use serde_json::json;

use super::{enter, go, moves};
use crate::{
    report::{Filter, flows_jsonl},
    tui::{
        event::{Effect, Export, ExportFormat, Remark},
        keys::Action,
        layout::{self, Target},
        model::{Grouping, Model, Towards, View},
        views,
    },
};

/// Rows that one notch of the wheel moves.
const NOTCH: isize = 3;

/// Does what the mouse asks for.
pub(super) fn mouse(model: &mut Model, mouse: MouseEvent) -> Option<Effect> {
    let at = Position { x: mouse.column, y: mouse.row };
    if model.is_too_small() || model.prompt.is_some() {
        return None;
    }
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(model, -NOTCH),
        MouseEventKind::ScrollDown => wheel(model, NOTCH),
        MouseEventKind::Down(MouseButton::Left) => press(model, at),
        MouseEventKind::Drag(MouseButton::Left) => drag(model, at),
        MouseEventKind::Up(MouseButton::Left) => release(model),
        _ => {}
    }
    None
}

fn wheel(model: &mut Model, by: isize) {
    match model.view {
        View::Traffic => moves::go(model, if by < 0 { Action::ZoomIn } else { Action::ZoomOut }),
        _ => {
            for _ in 0..by.unsigned_abs() {
                moves::go(model, if by < 0 { Action::Up } else { Action::Down });
            }
        }
    }
}

fn press(model: &mut Model, at: Position) {
    model.exporting = false;
    match layout::target(model, at) {
        Some(Target::Tab(view)) => go(model, view),
        Some(Target::Row(row)) if is_chosen(model, row) => enter(model),
        Some(Target::Row(row)) => {
            match model.view {
                View::Overview => model.choose(row),
                View::Destinations => model.destinations.row = row,
                View::Flows => model.flows.row = row,
                _ => {}
            }
            moves::remember_flow(model);
        }
        Some(Target::Cell(cell)) => {
            model.nights.moved = true;
            model.nights.cursor = cell;
            model.nights.anchor = Some(cell);
        }
        Some(Target::Minute(minute)) => {
            model.traffic.cursor = Some(minute);
            model.traffic.anchor = Some(minute);
        }
        None => {}
    }
}

fn is_chosen(model: &Model, row: usize) -> bool {
    match model.view {
        View::Overview => model.overview.row == row,
        View::Destinations => model.destinations.row == row,
        View::Flows => model.flows.row == row,
        _ => false,
    }
}

fn drag(model: &mut Model, at: Position) {
    match layout::target(model, at) {
        Some(Target::Cell(cell)) if model.nights.anchor.is_some() => model.nights.cursor = cell,
        Some(Target::Minute(minute)) if model.traffic.anchor.is_some() => model.traffic.cursor = Some(minute),
        _ => {}
    }
}

/// A press without a drag only moves the cursor; a drag brushes.
fn release(model: &mut Model) {
    if let Some(anchor) = model.nights.anchor.take()
        && anchor != model.nights.cursor
    {
        model.brush = moves::brush_between(model, anchor, model.nights.cursor);
    }
    if let Some(anchor) = model.traffic.anchor.take()
        && let Some(chart) = views::traffic::Chart::of(model)
        && anchor.abs_diff(chart.cursor) >= chart.step
    {
        model.brush = moves::brush_time(model, anchor, chart.cursor, chart.step);
    }
}

/// What stands for the chosen destination.
pub(super) fn chosen_target(model: &Model) -> Option<Towards> {
    let row = model.derived.targets.get(model.destinations.row)?;
    if model.grouping == Grouping::System {
        return Some(Towards::System { number: row.system, says: row.key.clone() });
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "*"));
    let app = || {
        model.device().and_then(|(_, device)| {
            device.ledger.subjects.iter().find(|ledger| ledger.subject.name == row.app).map(|ledger| &ledger.subject.id)
        })
    };
    let text = match model.grouping {
        Grouping::Destination if row.key.contains('/') => {
            let app = app().map(|id| format!(" app:{}", quoted(id)));
            format!("addr:{}{}", quoted(&row.key), app.unwrap_or_default())
        }
        Grouping::Destination | Grouping::Host => format!("host:{}", quoted(&row.key)),
        Grouping::Address | Grouping::System => format!("addr:{}", quoted(&row.key)),
        Grouping::App => format!("app:{}", quoted(app().map_or(&row.key, |id| id))),
        Grouping::Operator => format!("operator:{}", quoted(&row.key)),
        Grouping::Role => format!("role:{}", quoted(&crate::report::role_key(&row.role))),
    };
    Filter::parse(&text).ok().map(|_| Towards::Asked(text))
}

/// What is chosen, as text.
pub(super) fn copy(model: &mut Model) -> Option<Effect> {
    let text = match model.view {
        View::Overview => model.brief().map(|brief| format!("{}: {}", brief.name, brief.verdict_words)),
        View::Finding => model.derived.story.as_ref().map(views::finding::plain),
        View::Nights => Some(views::nights::under_cursor(model)),
        View::Traffic => Some(views::traffic::under_cursor(model)),
        View::Destinations => {
            model.derived.targets.get(model.destinations.row).map(|row| shown_target(model, &row.key))
        }
        View::Flows => model.flow.as_ref().and_then(|row| {
            let mut line = Vec::new();
            flows_jsonl(row, &model.redaction, &mut line).ok()?;
            String::from_utf8(line).ok()
        }),
        View::Help => None,
    };
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        super::remark_on(model, Remark::Failed("there is nothing to copy here".to_owned()));
        return None;
    };
    Some(Effect::Copy(text.trim_end().to_owned()))
}

/// A destination, or its pseudonym where it is local and names are hidden.
pub(in crate::tui) fn shown_target(model: &Model, key: &str) -> String {
    let addresses = model.device().map(|(_, device)| device.addresses.as_slice()).unwrap_or_default();
    if matches!(model.grouping, Grouping::Destination | Grouping::Host | Grouping::Address) {
        model.redaction.destination(key, addresses).into_owned()
    } else {
        key.to_owned()
    }
}

/// Chooses a form from the menu, or closes it.
pub(super) fn export_key(model: &mut Model, key: KeyEvent) -> Option<Effect> {
    model.exporting = false;
    let format = match key.code {
        KeyCode::Char('h') => ExportFormat::Html,
        KeyCode::Char('j') => ExportFormat::Json,
        KeyCode::Char('c') => ExportFormat::Csv,
        KeyCode::Char('p') => return super::evidence::ask(model),
        _ => return None,
    };
    Some(Effect::Export(Box::new(export(model, format))))
}

fn export(model: &Model, format: ExportFormat) -> Export {
    let rows = match model.view {
        View::Destinations => destination_rows(model),
        View::Nights | View::Traffic => night_rows(model),
        _ => Vec::new(),
    };
    Export {
        view: model.view,
        format,
        snapshot: Arc::clone(&model.snapshot),
        scope: model.device().map(|(at, _)| (at, model.subject())),
        flows: if model.view == View::Flows { model.derived.flows.clone() } else { Vec::new() },
        rows,
        redaction: model.redaction,
    }
}

fn destination_rows(model: &Model) -> Vec<serde_json::Value> {
    let moment = |minute: crate::base::Minute| minute.start().to_string();
    let one = |row: &crate::tui::derive::TargetRow| {
        json!({
            "destination": shown_target(model, &row.key),
            "app": row.app,
            "role": row.role,
            "up": row.up,
            "down": row.down,
            "unattended_up": row.night_up,
            "first": row.when.map(|(first, _)| moment(first)),
            "last": row.when.map(|(_, last)| moment(last)),
            "nights": row.nights,
            "evidence": row.evidence,
        })
    };
    model.derived.targets.iter().map(one).collect()
}

fn night_rows(model: &Model) -> Vec<serde_json::Value> {
    let one = |row: &crate::tui::grid::NightRow| {
        let moved = model.derived.series.sum(row.span);
        json!({
            "night": row.date.to_string(),
            "begins": row.span.first.start().to_string(),
            "ends": row.span.end.start().to_string(),
            "coverage": row.coverage,
            "up": moved.up,
            "down": moved.down,
            "unattended_up": moved.night_up,
        })
    };
    model.derived.grid.rows.iter().map(one).collect()
}
