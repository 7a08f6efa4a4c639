//! Where everything stands: computed from size and state alone, so that drawing and the mouse agree.

use ratatui::layout::{Position, Rect, Size};

use super::{
    model::{Cell, Model, View},
    views,
};

/// What lies under a point of the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// The tab of a view.
    Tab(View),
    /// A row of the overview, the destinations or the flows.
    Row(usize),
    /// A cell of the map of nights.
    Cell(Cell),
    /// A minute of the chart.
    Minute(u32),
}

/// The line of tabs.
pub(crate) const fn tabs(size: Size) -> Rect {
    Rect { x: 0, y: 0, width: size.width, height: 1 }
}

/// The line that says what is chosen, brushed and asked.
pub(crate) const fn context(size: Size) -> Rect {
    Rect { x: 0, y: 1, width: size.width, height: 1 }
}

/// The frame around the view.
pub(crate) const fn frame(size: Size) -> Rect {
    Rect { x: 0, y: 2, width: size.width, height: size.height.saturating_sub(3) }
}

/// Inside the frame.
pub(crate) const fn body(size: Size) -> Rect {
    let frame = frame(size);
    Rect {
        x: frame.x + 1,
        y: frame.y + 1,
        width: frame.width.saturating_sub(2),
        height: frame.height.saturating_sub(2),
    }
}

/// The line at the bottom.
pub(crate) const fn status(size: Size) -> Rect {
    Rect { x: 0, y: size.height.saturating_sub(1), width: size.width, height: 1 }
}

/// The tabs with their columns.
pub(crate) fn tab_places(size: Size) -> Vec<(View, Rect)> {
    let wide = size.width >= 100;
    let mut x = if wide { 14 } else { 1 };
    let mut places = Vec::new();
    for (n, view) in View::NUMBERED.into_iter().chain([View::Help]).enumerate() {
        let label = tab_label(n, view, size);
        let width = u16::try_from(label.chars().count()).unwrap_or(0);
        places.push((view, Rect { x, y: 0, width, height: 1 }));
        x += width + if size.width >= 80 { 2 } else { 1 };
    }
    places
}

/// What a tab says.
pub(crate) fn tab_label(n: usize, view: View, size: Size) -> String {
    let name = match view {
        View::Destinations if size.width < 80 => "Dest",
        View::Help => return "?".to_owned(),
        view => view.name(),
    };
    if size.width >= 80 { format!("{} {name}", n + 1) } else { name.to_owned() }
}

/// Rows of the table that show, without its heading.
pub(crate) fn table_rows(model: &Model) -> usize {
    usize::from(table(model).height.saturating_sub(1))
}

/// Where the table of the view stands, with its heading.
pub(crate) fn table(model: &Model) -> Rect {
    let body = body(model.size);
    if model.view == View::Flows && model.detail { views::flows::split(body).0 } else { body }
}

/// What lies under `at`.
pub(crate) fn target(model: &Model, at: Position) -> Option<Target> {
    if let Some((view, _)) = tab_places(model.size).into_iter().find(|(_, place)| place.contains(at)) {
        return Some(Target::Tab(view));
    }
    let body = body(model.size);
    match model.view {
        View::Overview => views::overview::row_at(model, at).map(Target::Row),
        View::Nights => views::nights::cell_at(model, at).map(Target::Cell),
        View::Traffic if body.contains(at) => views::traffic::minute_at(model, at).map(Target::Minute),
        View::Destinations | View::Flows => {
            let table = table(model);
            let (len, place) = if model.view == View::Flows {
                (model.derived.flows.len(), model.flows)
            } else {
                (model.derived.targets.len(), model.destinations)
            };
            let line = at.y.checked_sub(table.y + 1)?;
            let row = place.top + usize::from(line);
            (table.contains(at) && row < len).then_some(Target::Row(row))
        }
        _ => None,
    }
}
