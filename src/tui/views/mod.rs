//! The views, one file each, drawn from the model alone.

pub(crate) mod destinations;
pub(crate) mod finding;
pub(crate) mod flows;
pub(crate) mod help;
pub(crate) mod nights;
pub(crate) mod overview;
pub(crate) mod prompt;
pub(crate) mod traffic;

use super::{
    model::{Model, View},
    pen::{Pen, Pieces, piece},
    theme::Ink,
};

/// Draws the view that is looked at.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    match model.view {
        View::Overview => overview::draw(model, pen),
        View::Nights => nights::draw(model, pen),
        View::Traffic => traffic::draw(model, pen),
        View::Destinations => destinations::draw(model, pen),
        View::Flows => flows::draw(model, pen),
        View::Finding => finding::draw(model, pen),
        View::Help => help::draw(model, pen),
    }
}

/// What stands in the frame at the left and at the right.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    match model.view {
        View::Overview => overview::titles(model),
        View::Nights => nights::titles(model),
        View::Traffic => traffic::titles(model),
        View::Destinations => destinations::titles(model),
        View::Flows => flows::titles(model),
        View::Finding => finding::titles(model),
        View::Help => (vec![piece(Ink::Strong, "Keys")], Vec::new()),
    }
}

/// A sentence in the middle of an empty view.
fn nothing(pen: &mut Pen<'_>, says: &str) {
    let wide = u16::try_from(says.chars().count()).unwrap_or(0);
    let (x, y) = (pen.width().saturating_sub(wide) / 2, pen.height() / 2);
    pen.text(x, y, Ink::Faint, says);
}

/// Why there is nothing to show yet, or at all.
fn why_empty(model: &Model) -> &'static str {
    use crate::pipeline::snapshot::Stage;
    match model.snapshot.stage {
        Stage::Reading => "reading",
        Stage::Live(_) => "waiting for packets",
        _ if model.entries.is_empty() => "no device was seen in what was read",
        _ => "nothing here fits what is chosen and asked; x clears that",
    }
}
