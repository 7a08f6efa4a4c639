//! Who was sent how much, by destination, app, operator, purpose, host or address block.

use std::borrow::Cow;

use crate::{
    base::Bytes,
    report::{calendar, evidence_word, percent, plural},
    tui::{
        derive::{TARGET_SORTS, TargetRow},
        model::{Grouping, Model},
        pen::{Pen, Pieces, piece},
        tables::{self, Column, Shown},
        theme::{Ink, Theme},
        update::shown_target,
    },
};

/// What stands in the frame.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    let title =
        vec![piece(Ink::Strong, "Destinations"), piece(Ink::Faint, " by "), piece(Ink::Heading, model.grouping.name())];
    let mut right = vec![piece(Ink::Faint, format!("{}, ", plural(model.derived.targets.len() as u64, "row", "rows")))];
    right.push(piece(Ink::Up, format!("{} up", model.derived.targets_up)));
    if model.grouping.is_of_flows() {
        right.push(piece(Ink::Caution, ", of whole flows"));
    }
    (title, right)
}

/// Draws it.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    if model.derived.targets.is_empty() {
        let of_minutes = model.grouping.is_of_flows() && model.snapshot.flow_count() == 0 && !model.entries.is_empty();
        let says = "a ledger keeps minutes, not connections: group another way";
        return super::nothing(pen, if of_minutes { says } else { super::why_empty(model) });
    }
    let columns = [
        Column::words(model.grouping.name(), 18, 60, 0),
        Column::number("unattended", 12, 1),
        Column::number("up", 9, 2),
        Column::number("down", 9, 4),
        Column::number("share", 6, 7),
        Column::words("", BAR, BAR, 11),
        Column::words("app", 9, 18, 3),
        Column::words("for", 9, 9, 6),
        Column::number("nights", 8, 5),
        Column::words("first seen", 12, 12, 10),
        Column::words("last seen", 13, 13, 8),
        Column::words("known by", 14, 14, 9),
    ];
    let sorting = model.destination_sorting;
    let by = match TARGET_SORTS.get(sorting.by) {
        Some(&"name") => model.grouping.name(),
        Some(other) => other,
        None => "",
    };
    tables::draw(pen, &columns, Some((by, sorting.reversed)), model.destinations, model.derived.targets.len(), |n| {
        model.derived.targets.get(n).map(|row| cells(model, row)).unwrap_or_default()
    });
}

/// Columns of the bar that shows a share.
const BAR: u16 = 10;

/// A share as a bar.
fn bar(share: f64, theme: Theme) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "eighths of a few columns")]
    let eighths = (share.clamp(0.0, 1.0) * f64::from(BAR) * 8.0).round() as usize;
    let part = theme.either(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"], ["", "", "", "", "#", "#", "#", "#"]);
    theme.either("█", "#").repeat(eighths / 8) + part[eighths % 8]
}

fn cells<'a>(model: &'a Model, row: &'a TargetRow) -> Vec<Shown<'a>> {
    let zone = model.snapshot.audit.timezone;
    let moment = |minute: Option<crate::base::Minute>| -> Cow<'a, str> {
        minute.map_or("".into(), |minute| calendar::moment(minute, zone).into())
    };
    let night_up = row.night_up.unwrap_or_default();
    let hot = night_up >= Bytes::mb(1);
    let share = row.up.0 as f64 / (model.derived.targets_up.0 as f64).max(1.0);
    let known = if model.grouping == Grouping::Destination || model.grouping.is_of_flows() {
        evidence_word(row.evidence)
    } else {
        ""
    };
    let key = if row.key.is_empty() { "-".to_owned() } else { shown_target(model, &row.key) };
    vec![
        (Ink::Text, key.into()),
        (
            if hot { Ink::Night } else { Ink::Faint },
            row.night_up.map_or("not known".into(), |bytes| bytes.to_string().into()),
        ),
        (Ink::Up, row.up.to_string().into()),
        (Ink::Down, row.down.to_string().into()),
        (Ink::Faint, percent(share).replace("under ", "<").replace("over ", ">").into()),
        (if hot { Ink::Night } else { Ink::Up }, bar(share, model.theme).into()),
        (Ink::Text, row.app.as_str().into()),
        (Ink::Faint, row.role.as_str().into()),
        (Ink::Text, if row.nights == 0 { "".into() } else { row.nights.to_string().into() }),
        (Ink::Faint, moment(row.when.map(|(first, _)| first))),
        (Ink::Faint, moment(row.when.map(|(_, last)| last))),
        (Ink::Faint, known.into()),
    ]
}
