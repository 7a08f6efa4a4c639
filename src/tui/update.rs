//! Events change the model; what the terminal loop must do comes back as an effect.

mod evidence;
mod hands;
mod moves;

use std::{sync::Arc, time::Duration};

use ratatui::layout::Size;

use super::{
    derive,
    event::{Effect, Event, Remark},
    keys::Action,
    model::{Entry, Model, View},
    prompt::{Prompt, Typed},
};
use crate::{
    pipeline::snapshot::{News, Stage},
    report::{Filter, Redaction, Vocabulary},
};

pub(super) use hands::shown_target;
pub(super) use moves::{brush_between, brush_time};

/// How long a remark shows.
const REMARK: Duration = Duration::from_secs(6);
/// How many filters are remembered.
const HISTORY: usize = 100;

/// Folds one event into the model, `now` after the screen opened.
pub fn update(model: &mut Model, event: Event, now: Duration) -> Option<Effect> {
    model.now = now;
    if model.remark.as_ref().is_some_and(|(_, until)| now >= *until) {
        model.remark = None;
    }
    let effect = match event {
        Event::Key(key) if model.prompt.is_some() => {
            type_key(model, key);
            None
        }
        Event::Key(key) if model.exporting => hands::export_key(model, key),
        Event::Key(key) => model.keys.action(key).and_then(|action| act(model, action)),
        Event::Mouse(mouse) => hands::mouse(model, mouse),
        Event::Paste(text) => {
            if let Some(prompt) = &mut model.prompt {
                prompt.insert(&text);
            }
            None
        }
        Event::Resize(width, height) => {
            model.size = Size { width, height };
            None
        }
        Event::News(news) => {
            hear(model, news);
            None
        }
        Event::Redaction(redaction) => {
            model.redaction_key = Some(redaction);
            redact(model, redaction);
            None
        }
        Event::Said(remark) => {
            remark_on(model, remark);
            None
        }
        Event::Tick => None,
        Event::Terminate => Some(Effect::Quit),
    };
    derive::refresh(model);
    moves::settle(model);
    effect
}

fn remark_on(model: &mut Model, remark: Remark) {
    model.remark = Some((remark, model.now + REMARK));
}

fn hear(model: &mut Model, news: News) {
    match news {
        News::Progress(progress) => model.progress = Some((progress, model.now)),
        News::Snapshot(snapshot) if model.paused => model.held = Some(snapshot),
        News::Snapshot(snapshot) => {
            let totals = &snapshot.audit.totals;
            if matches!(snapshot.stage, Stage::Live(_)) {
                model.pulse.beat(model.now, totals.payload_up, totals.payload_down);
            }
            model.show(snapshot);
        }
    }
}

/// Does what a key asks for.
fn act(model: &mut Model, action: Action) -> Option<Effect> {
    match action {
        Action::Quit => return Some(Effect::Quit),
        Action::Overview => go(model, View::Overview),
        Action::Nights => go(model, View::Nights),
        Action::Traffic => go(model, View::Traffic),
        Action::Destinations => go(model, View::Destinations),
        Action::Flows => go(model, View::Flows),
        Action::Finding => go(model, View::Finding),
        Action::Help => {
            if model.view == View::Help {
                back(model);
            } else {
                model.help = 0;
                go(model, View::Help);
            }
        }
        Action::NextView => turn(model, 1),
        Action::PreviousView => turn(model, View::NUMBERED.len() - 1),
        Action::NextSubject => model.choose(model.overview.row + 1),
        Action::PreviousSubject => model.choose(model.overview.row.saturating_sub(1)),
        Action::Enter => enter(model),
        Action::Back => back(model),
        Action::Clear => clear(model),
        Action::Filter => {
            model.prompt = Some(Prompt::new(&model.filter_text, vocabulary(model)));
        }
        Action::Pause => pause(model),
        Action::Stop => return stop(model),
        Action::Copy => return hands::copy(model),
        Action::Export => model.exporting = true,
        Action::Redact => return toggle_redaction(model),
        Action::Theme => next_theme(model),
        motion => moves::go(model, motion),
    }
    None
}

fn type_key(model: &mut Model, key: ratatui::crossterm::event::KeyEvent) {
    let Some(prompt) = &mut model.prompt else { return };
    match prompt.press(key, &model.history) {
        Typed::On => {}
        Typed::Give => model.prompt = None,
        Typed::Ask(text, filter) => {
            model.prompt = None;
            ask(model, text, filter);
        }
    }
}

fn ask(model: &mut Model, text: String, filter: Filter) {
    if !text.is_empty() {
        model.history.retain(|past| *past != text);
        model.history.push(text.clone());
        model.history.drain(..model.history.len().saturating_sub(HISTORY));
        if matches!(model.view, View::Overview | View::Help | View::Finding) {
            go(model, View::Flows);
        }
    }
    (model.filter, model.filter_text) = (filter, text);
    (model.flow, model.detail) = (None, false);
    (model.flows.row, model.destinations.row) = (0, 0);
}

/// Goes to a view; `back` leads to where one was.
pub(super) fn go(model: &mut Model, view: View) {
    if model.view != view {
        model.trail.retain(|past| *past != view);
        model.trail.push(model.view);
        model.view = view;
    }
}

fn turn(model: &mut Model, by: usize) {
    let at = View::NUMBERED.iter().position(|view| *view == model.view).unwrap_or(0);
    if let Some(view) = View::NUMBERED.get((at + by) % View::NUMBERED.len()) {
        go(model, *view);
    }
}

/// Deeper: from an app to its finding, from a stretch of time to who was sent what, from a destination to its flows.
pub(super) fn enter(model: &mut Model) {
    match model.view {
        View::Overview => match model.entries.get(model.overview.row) {
            Some(Entry::Subject(_)) => go(model, View::Finding),
            Some(Entry::Device(_)) => go(model, View::Nights),
            None => {}
        },
        View::Nights | View::Traffic => {
            moves::brush_cursor(model);
            go(model, View::Destinations);
        }
        View::Destinations => {
            model.target = hands::chosen_target(model);
            (model.flow, model.flows.row, model.detail) = (None, 0, false);
            go(model, View::Flows);
        }
        View::Flows => model.detail = !model.detail && !model.derived.flows.is_empty(),
        View::Finding => go(model, View::Nights),
        View::Help => back(model),
    }
}

/// One step up: what is open closes, what is brushed is let go, else the view before.
fn back(model: &mut Model) {
    if model.view == View::Flows && model.detail {
        model.detail = false;
    } else if model.nights.anchor.is_some() || model.traffic.anchor.is_some() {
        (model.nights.anchor, model.traffic.anchor) = (None, None);
    } else if model.brush.is_some() && matches!(model.view, View::Nights | View::Traffic) {
        model.brush = None;
    } else {
        if model.view == View::Flows {
            model.target = None;
        }
        model.view = model.trail.pop().unwrap_or(View::Overview);
    }
}

fn clear(model: &mut Model) {
    (model.brush, model.target) = (None, None);
    (model.nights.anchor, model.traffic.anchor) = (None, None);
    (model.filter, model.filter_text) = (Filter::default(), String::new());
}

fn pause(model: &mut Model) {
    model.paused = !model.paused;
    if let Some(held) = model.held.take_if(|_| !model.paused) {
        model.show(held);
    }
}

fn stop(model: &mut Model) -> Option<Effect> {
    if model.snapshot.stage != Stage::Reading {
        return None;
    }
    remark_on(model, Remark::Done("stopping; what was read is judged".to_owned()));
    Some(Effect::Stop)
}

fn toggle_redaction(model: &mut Model) -> Option<Effect> {
    match (model.redaction, model.redaction_key) {
        (Redaction::On(_), _) => redact(model, Redaction::Off),
        (Redaction::Off, Some(key)) => redact(model, key),
        (Redaction::Off, None) => return Some(Effect::LoadRedaction),
    }
    None
}

fn redact(model: &mut Model, redaction: Redaction) {
    model.redaction = redaction;
    model.show(Arc::clone(&model.snapshot));
}

fn next_theme(model: &mut Model) {
    let all = super::theme::Palette::ALL;
    let at = all.iter().position(|palette| *palette == model.theme.palette).unwrap_or(0);
    model.theme.palette = all[(at + 1) % all.len()];
    remark_on(model, Remark::Done(format!("colours: {}", model.theme.palette.name())));
}

/// The words that filters are completed from.
fn vocabulary(model: &Model) -> Vocabulary {
    let mut words = Vocabulary::default();
    for (at, device) in model.snapshot.audit.devices.iter().enumerate() {
        words.devices.push(model.redaction.device(&device.id).into_owned());
        words.devices.extend(model.redaction.label(device.label.as_deref()).map(str::to_owned));
        for ledger in &device.ledger.subjects {
            words.apps.push(ledger.subject.id.clone());
            words.operators.push(ledger.subject.operator.clone());
        }
        let hosts = device.destinations.iter().take(1_000);
        words
            .hosts
            .extend(hosts.map(|to| model.redaction.destination(&to.destination, &device.addresses).into_owned()));
        let nights = device.finding.findings.first().map(|finding| finding.nights.as_slice()).unwrap_or_default();
        words.nights.extend(nights.iter().map(|night| model.times.night(Some(at), night.start).to_string()));
    }
    for list in [&mut words.apps, &mut words.operators, &mut words.devices, &mut words.hosts, &mut words.nights] {
        list.retain(|word| !word.is_empty());
        list.sort_unstable();
        list.dedup();
    }
    words
}
