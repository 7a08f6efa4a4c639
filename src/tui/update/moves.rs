//! Cursors: where they go, and that they never point nowhere.

use crate::{
    base::{Minute, Span},
    report::calendar,
    tui::{
        brush::Brush,
        derive::{FLOW_SORTS, TARGET_SORTS},
        grid::DAY,
        keys::Action,
        layout::{self, body},
        model::{Cell, Model, Sorting, View, Way},
        views,
    },
};

/// Moves in the view that is looked at.
pub(super) fn go(model: &mut Model, action: Action) {
    match model.view {
        View::Overview => overview(model, action),
        View::Nights => nights(model, action),
        View::Traffic => traffic(model, action),
        View::Destinations | View::Flows => table(model, action),
        View::Finding => scroll(&mut model.finding, action, layout::body(model.size).height.into()),
        View::Help => scroll(&mut model.help, action, layout::body(model.size).height.into()),
    }
}

/// How far an action goes in a list with pages of `page` rows; the ends are as far as one can go.
fn distance(action: Action, page: usize) -> isize {
    let page = isize::try_from(page.max(2) - 1).unwrap_or(1);
    match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::First => isize::MIN / 2,
        Action::Last => isize::MAX / 2,
        _ => 0,
    }
}

fn scroll(line: &mut usize, action: Action, page: usize) {
    *line = line.saturating_add_signed(distance(action, page));
}

fn overview(model: &mut Model, action: Action) {
    let by = match action {
        Action::Right | Action::Left => return,
        other => distance(other, usize::from(body(model.size).height) / 3),
    };
    if by != 0 {
        model.choose(model.overview.row.saturating_add_signed(by));
    }
}

fn table(model: &mut Model, action: Action) {
    let page = layout::table_rows(model);
    let flows = model.view == View::Flows;
    let sorts = if flows { FLOW_SORTS.len() } else { TARGET_SORTS.len() };
    let (place, sorting) = if flows {
        (&mut model.flows, &mut model.flow_sorting)
    } else {
        (&mut model.destinations, &mut model.destination_sorting)
    };
    match action {
        Action::Sort => {
            *sorting = Sorting { by: (sorting.by + 1) % sorts, reversed: false };
            place.row = 0;
        }
        Action::Reverse => {
            sorting.reversed = !sorting.reversed;
            place.row = 0;
        }
        Action::Group if !flows => {
            model.grouping = model.grouping.next(model.asn.as_deref());
            model.destinations.row = 0;
        }
        other => {
            place.step(distance(other, page));
            remember_flow(model);
            return;
        }
    }
    model.flow = None;
}

/// The flow under the cursor stays chosen while more come.
pub(super) fn remember_flow(model: &mut Model) {
    if model.view == View::Flows {
        let row = model.flows.row.min(model.derived.flows.len().saturating_sub(1));
        let chosen = model.derived.flows.get(row).and_then(|n| model.snapshot.flow(*n as usize));
        model.flow = chosen.cloned();
    }
}

fn nights(model: &mut Model, action: Action) {
    let grain = views::nights::grain(model);
    let page = views::nights::visible_rows(model);
    let place = &mut model.nights;
    place.moved = true;
    let cursor = &mut place.cursor;
    match action {
        Action::Left => cursor.minute = cursor.minute.saturating_sub(grain),
        Action::Right => cursor.minute = (cursor.minute + grain).min(DAY - grain),
        Action::Brush => brush_night(model),
        Action::Group => place.way = if place.way == Way::Up { Way::Down } else { Way::Up },
        vertical => cursor.night = cursor.night.saturating_add_signed(distance(vertical, page)),
    }
}

fn brush_night(model: &mut Model) {
    match model.nights.anchor.take() {
        None => model.nights.anchor = Some(model.nights.cursor),
        Some(anchor) => model.brush = brush_between(model, anchor, model.nights.cursor),
    }
}

/// The stretch between two cells: those nights, and in each those hours.
pub(in crate::tui) fn brush_between(model: &Model, one: Cell, other: Cell) -> Option<Brush> {
    let grain = views::nights::grain(model);
    let grid = &model.derived.grid;
    let (top, end) = (one.night.min(other.night), one.night.max(other.night));
    let from = one.minute.min(other.minute) / grain * grain;
    let until = one.minute.max(other.minute) / grain * grain + grain;
    let rows = grid.rows.get(top..=end.min(grid.rows.len().checked_sub(1)?))?;
    let spans = rows.iter().flat_map(|row| grid.spans(row, from, until)).collect();
    let (first, last) = (rows.first()?.date, rows.last()?.date);
    let nights = if first == last {
        format!("night of {}", calendar::day(first))
    } else {
        format!("nights of {} to {}", calendar::day(first), calendar::day(last))
    };
    let hours = if until - from >= DAY {
        "all day".to_owned()
    } else {
        format!("{} to {}", grid.clock(from), grid.clock(until % DAY))
    };
    Brush::over(spans, format!("{nights}, {hours}"))
}

fn traffic(model: &mut Model, action: Action) {
    let Some(chart) = views::traffic::Chart::of(model) else { return };
    let cursor = chart.cursor;
    let step = chart.step;
    let place = &mut model.traffic;
    match action {
        Action::Left => place.cursor = Some(cursor.saturating_sub(step)),
        Action::Right => place.cursor = Some(cursor.saturating_add(step)),
        Action::PageUp | Action::Up => place.cursor = Some(cursor.saturating_sub(step * 10)),
        Action::PageDown | Action::Down => place.cursor = Some(cursor.saturating_add(step * 10)),
        Action::First => place.cursor = Some(chart.all.first.0),
        Action::Last => place.cursor = None,
        Action::ZoomIn => zoom(model, &chart, chart.span.minutes() / 2),
        Action::ZoomOut => zoom(model, &chart, chart.span.minutes().saturating_mul(2)),
        Action::Brush => match place.anchor.take() {
            None => {
                place.anchor = Some(cursor);
                place.cursor = Some(cursor);
            }
            Some(anchor) => model.brush = brush_time(model, anchor, cursor, step),
        },
        _ => {}
    }
}

/// So many minutes show, with the cursor where it was on the screen.
pub(super) fn zoom(model: &mut Model, chart: &views::traffic::Chart, minutes: u32) {
    let minutes = minutes.max(views::traffic::LEAST_MINUTES);
    if minutes >= chart.all.minutes() {
        // Live, no window means the last minutes.
        model.traffic.window = model.is_live().then(|| (chart.all.first.0, chart.all.minutes()));
        return;
    }
    let share = f64::from(chart.cursor.saturating_sub(chart.span.first.0)) / f64::from(chart.span.minutes().max(1));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of minutes is a number of them"
    )]
    let before = (f64::from(minutes) * share) as u32;
    model.traffic.window = Some((chart.cursor.saturating_sub(before), minutes));
    model.traffic.cursor = Some(chart.cursor);
}

/// The stretch between two moments.
pub(in crate::tui) fn brush_time(model: &Model, one: u32, other: u32, step: u32) -> Option<Brush> {
    let span = Span { first: Minute(one.min(other)), end: Minute(one.max(other).saturating_add(step.max(1))) };
    let zone = model.snapshot.audit.timezone;
    let moment = |minute| calendar::moment(minute, zone);
    Brush::over(vec![span], format!("{} to {}", moment(span.first), moment(span.end)))
}

/// Brushes what is under the cursor where nothing is brushed yet.
pub(super) fn brush_cursor(model: &mut Model) {
    if let Some(anchor) = model.nights.anchor.take() {
        model.brush = brush_between(model, anchor, model.nights.cursor);
    } else if let Some(anchor) = model.traffic.anchor.take() {
        let cursor = views::traffic::Chart::of(model).map_or(anchor, |chart| chart.cursor);
        let step = views::traffic::Chart::of(model).map_or(1, |chart| chart.step);
        model.brush = brush_time(model, anchor, cursor, step);
    } else if model.brush.is_none() {
        model.brush = match model.view {
            View::Nights => brush_between(model, model.nights.cursor, model.nights.cursor),
            _ => views::traffic::Chart::of(model)
                .and_then(|chart| brush_time(model, chart.cursor, chart.cursor, chart.step)),
        };
    }
}

/// Brings every cursor of the view back to where something is.
pub(super) fn settle(model: &mut Model) {
    let body = body(model.size);
    match model.view {
        View::Overview => {
            let heights = views::overview::heights(model);
            let room = views::overview::list_height(model);
            settle_cards(&mut model.overview.top, model.overview.row, &heights, room);
        }
        View::Nights => settle_nights(model),
        View::Traffic => settle_traffic(model),
        View::Destinations => {
            let rows = layout::table_rows(model);
            model.destinations.settle(model.derived.targets.len(), rows);
        }
        View::Flows => {
            let rows = layout::table_rows(model);
            model.flows.settle(model.derived.flows.len(), rows);
            model.detail &= !model.derived.flows.is_empty();
            remember_flow(model);
        }
        View::Finding => {
            let lines = views::finding::height(model);
            model.finding = model.finding.min(lines.saturating_sub(body.height.into()));
        }
        View::Help => {
            let lines = views::help::height(model);
            model.help = model.help.min(lines.saturating_sub(body.height.into()));
        }
    }
}

fn settle_cards(top: &mut usize, row: usize, heights: &[usize], room: usize) {
    *top = (*top).min(row);
    while *top < row && heights.get(*top..=row).is_some_and(|cards| cards.iter().sum::<usize>() > room) {
        *top += 1;
    }
}

fn settle_nights(model: &mut Model) {
    let count = model.derived.grid.rows.len();
    let rows = views::nights::visible_rows(model).max(1);
    let grain = views::nights::grain(model);
    let place = &mut model.nights;
    if !place.moved {
        // Nobody has moved it yet: the newest night, at the hour that is night for most.
        place.cursor.night = count.saturating_sub(1);
        place.cursor.minute = (DAY + 3 * 60 - model.derived.grid.first_hour * 60) % DAY;
    }
    let settle = |cell: &mut Cell| {
        cell.night = cell.night.min(count.saturating_sub(1));
        cell.minute = (cell.minute.min(DAY - 1)) / grain * grain;
    };
    settle(&mut place.cursor);
    place.anchor = place.anchor.filter(|_| count > 0).map(|mut anchor| {
        settle(&mut anchor);
        anchor
    });
    place.top = place.top.min(count.saturating_sub(rows)).min(place.cursor.night);
    if place.cursor.night >= place.top + rows {
        place.top = place.cursor.night + 1 - rows;
    }
}

/// The cursor stays in what there is, and the window goes with it.
fn settle_traffic(model: &mut Model) {
    let Some(all) = views::traffic::whole(model) else {
        model.traffic = super::super::model::TrafficPlace::default();
        return;
    };
    let clamp = |minute: u32| minute.clamp(all.first.0, all.end.0.saturating_sub(1));
    let place = &mut model.traffic;
    place.cursor = place.cursor.map(clamp);
    place.anchor = place.anchor.map(clamp);
    if let Some((first, minutes)) = &mut place.window {
        *minutes = (*minutes).clamp(views::traffic::LEAST_MINUTES, all.minutes().max(views::traffic::LEAST_MINUTES));
        let cursor = place.cursor.unwrap_or(all.end.0.saturating_sub(1));
        let latest = all.end.0.saturating_sub(*minutes).max(all.first.0);
        let from = cursor.saturating_add(1).saturating_sub(*minutes);
        *first = (*first).clamp(from.min(cursor), cursor).clamp(all.first.0, latest);
    }
}
