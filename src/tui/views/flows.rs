//! Every connection, and everything that is known of one.

use std::borrow::Cow;

use ratatui::layout::Rect;

use crate::{
    base::{Bytes, Endpoint},
    flow::Protocol,
    pipeline::{FlowRow, snapshot::MOST_OPEN_FLOWS},
    report::{calendar, evidence_word, grouped, role_word, up_and_down, wrapped},
    tui::{
        derive::FLOW_SORTS,
        model::Model,
        pen::{Align, Pen, Pieces, piece},
        tables::{self, Column, Shown},
        theme::Ink,
    },
};

/// From this width on the detail stands beside the table, else below it.
const BESIDE: u16 = 130;

/// Where table and detail stand.
pub(crate) fn split(body: Rect) -> (Rect, Rect) {
    if body.width >= BESIDE {
        let width = body.width * 3 / 5;
        let detail = Rect { x: body.x + width + 1, width: body.width - width - 1, ..body };
        return (Rect { width, ..body }, detail);
    }
    let height = (body.height * 2 / 5).max(3).min(body.height);
    let detail = Rect { y: body.y + height, height: body.height - height, ..body };
    (Rect { height, ..body }, detail)
}

/// What stands in the frame.
pub(crate) fn titles(model: &Model) -> (Pieces<'_>, Pieces<'_>) {
    let (shown, all) = (model.derived.flows.len(), model.snapshot.flow_count());
    let count = if shown == all {
        grouped(all as u64)
    } else {
        format!("{} of {}", grouped(shown as u64), grouped(all as u64))
    };
    let mut right = vec![piece(Ink::Faint, count)];
    let left_out = model.snapshot.flows.left_out;
    if left_out > 0 {
        let up_to = model.snapshot.flows.left_out_up_to;
        right.push(piece(Ink::Caution, format!(", {} of at most {up_to} left out", grouped(left_out))));
    }
    if model.snapshot.open.len() >= MOST_OPEN_FLOWS {
        right.push(piece(Ink::Caution, format!(", of open ones the largest {}", grouped(MOST_OPEN_FLOWS as u64))));
    }
    (vec![piece(Ink::Strong, "Flows")], right)
}

/// Draws it.
pub(crate) fn draw(model: &Model, pen: &mut Pen<'_>) {
    if model.derived.flows.is_empty() {
        let says = if model.snapshot.flow_count() == 0 && model.snapshot.number > 0 && !model.entries.is_empty() {
            "no flows are known: a ledger keeps minutes, not connections"
        } else {
            super::why_empty(model)
        };
        return super::nothing(pen, says);
    }
    let body = pen.area();
    if !model.detail {
        return table(model, pen);
    }
    let (list, place) = split(body);
    table(model, &mut pen.within(list));
    if let Some(row) = &model.flow {
        if place.y > body.y {
            for x in 0..body.width {
                pen.mark(x, place.y - body.y, model.theme.style(Ink::Border), model.theme.either('─', '-'));
            }
            detail(
                model,
                row,
                &mut pen.within(Rect { y: place.y + 1, height: place.height.saturating_sub(1), ..place }),
            );
        } else {
            for y in 0..body.height {
                pen.mark(place.x - 1 - body.x, y, model.theme.style(Ink::Border), model.theme.either('│', '|'));
            }
            detail(model, row, &mut pen.within(Rect { x: place.x + 1, width: place.width - 1, ..place }));
        }
    }
}

fn table(model: &Model, pen: &mut Pen<'_>) {
    let columns = [
        Column::words("begin", 12, 12, 2),
        Column::words("app", 8, 16, 1),
        Column::words("for", 9, 9, 5),
        Column::words("host", 16, 60, 0),
        Column::number("up", 9, 0),
        Column::number("down", 9, 3),
        Column::number("length", 8, 6),
        Column::words("known by", 14, 14, 7),
        Column::words("to", 21, 24, 8),
        Column::words("", 5, 5, 9),
    ];
    let sorting = model.flow_sorting;
    let by = FLOW_SORTS.get(sorting.by).copied().unwrap_or_default();
    tables::draw(pen, &columns, Some((by, sorting.reversed)), model.flows, model.derived.flows.len(), |n| {
        let row = model.derived.flows.get(n).and_then(|n| model.snapshot.flow(*n as usize));
        row.map(|row| cells(model, row)).unwrap_or_default()
    });
}

fn cells<'a>(model: &'a Model, row: &'a FlowRow) -> Vec<Shown<'a>> {
    let device = model.device().map(|(at, _)| at);
    let [up, down] = up_and_down(row, device, &model.times);
    let unattended = device
        .and_then(|at| model.times.is_attended(at, model.times.subject(at, row)?, row.first.minute()))
        .is_some_and(|attended| !attended);
    let hot = if unattended && up >= Bytes::mb(1) { Ink::Night } else { Ink::Up };
    let to = remote(model, row);
    let name = host(model, row);
    vec![
        (Ink::Faint, calendar::moment(row.first.minute(), model.snapshot.audit.timezone).into()),
        (Ink::Text, row.app.as_deref().or(row.operator.as_deref()).unwrap_or("-").into()),
        (Ink::Faint, role_word(row.role).into()),
        if name.is_empty() { (Ink::Faint, to.clone().into()) } else { (Ink::Text, name) },
        (hot, up.to_string().into()),
        (Ink::Down, down.to_string().into()),
        (Ink::Faint, lasts(row).into()),
        (Ink::Faint, evidence_word(row.evidence).into()),
        (Ink::Faint, to.into()),
        (Ink::Faint, protocol(row.protocol)),
    ]
}

fn host<'a>(model: &Model, row: &'a FlowRow) -> Cow<'a, str> {
    row.host.as_deref().map_or("".into(), |host| model.redaction.destination(host, &[]))
}

/// The far end, or its pseudonym.
fn remote(model: &Model, row: &FlowRow) -> String {
    let own = model.device().is_some_and(|(_, device)| device.addresses.contains(&row.b.addr));
    let [a, b] = model.redaction.ends(row.a.addr, row.b.addr);
    if own { with_port(&a, row.a) } else { with_port(&b, row.b) }
}

fn with_port(addr: &str, end: Endpoint) -> String {
    match (end.port, addr.contains(':')) {
        (0, _) => addr.to_owned(),
        (port, true) => format!("[{addr}]:{port}"),
        (port, false) => format!("{addr}:{port}"),
    }
}

fn protocol(protocol: Protocol) -> Cow<'static, str> {
    match protocol {
        Protocol::Tcp => "tcp".into(),
        Protocol::Udp => "udp".into(),
        Protocol::Other(n) => format!("ip-{n}").into(),
    }
}

fn lasts(row: &FlowRow) -> String {
    let seconds = row.last.since(row.first) / 1_000_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Everything that is known of a flow, a line each.
fn known(model: &Model, row: &FlowRow) -> Vec<(&'static str, String)> {
    let zone = model.snapshot.audit.timezone;
    let device = model.device().map(|(at, _)| at);
    let [up, down] = up_and_down(row, device, &model.times);
    let [a, b] = model.redaction.ends(row.a.addr, row.b.addr);
    let host = host(model, row);
    let source = row.host_source.map(|source| format!(" (from {source})")).unwrap_or_default();
    let mut known = vec![
        ("host", if host.is_empty() { "no name was seen".to_owned() } else { format!("{host}{source}") }),
        ("app", row.app.clone().unwrap_or_else(|| "not known".to_owned())),
        ("operator", row.operator.clone().unwrap_or_else(|| "not known".to_owned())),
        ("for", role_word(row.role).to_owned()),
        (
            "known by",
            format!("{}, confidence {}", evidence_word(row.evidence), format!("{:?}", row.confidence).to_lowercase()),
        ),
        ("up", format!("{up} payload")),
        ("down", format!("{down} payload")),
        ("opened by", with_port(&a, row.a)),
        ("towards", format!("{} ({})", with_port(&b, row.b), protocol(row.protocol))),
        ("begin", calendar::clock(row.first, zone)),
        ("end", format!("{} ({})", calendar::clock(row.last, zone), lasts(row))),
        ("packets", format!("{} sent, {} received by the opener", grouped(row.packets[0]), grouped(row.packets[1]))),
        ("on the wire", format!("{} sent, {} received by the opener", row.wire[0], row.wire[1])),
    ];
    if !row.alpn.is_empty() {
        known.push(("ALPN", row.alpn.join(", ")));
    }
    known.extend(row.ja4.clone().map(|ja4| ("JA4", ja4)));
    if row.ech {
        known.push(("ECH", "the name may be a cover: the ClientHello carries an encrypted one".to_owned()));
    }
    known.extend(row.conflicts.iter().map(|conflict| ("against it", conflict.clone())));
    known
}

fn detail(model: &Model, row: &FlowRow, pen: &mut Pen<'_>) {
    const LABEL: u16 = 13;
    let lines = known(model, row);
    // Two columns where the pane is low and wide.
    let two = pen.width() >= 100 && usize::from(pen.height()) < lines.len();
    let width = if two { pen.width() / 2 } else { pen.width() };
    let (mut x, mut y) = (0, 0);
    for (label, text) in lines {
        let room = usize::from(width.saturating_sub(LABEL + 2));
        for (n, part) in wrapped(&text, room).into_iter().enumerate() {
            if y >= pen.height() && two && x == 0 {
                (x, y) = (width, 0);
            }
            if n == 0 {
                pen.fitted(x + 1, y, Ink::Faint, label, LABEL - 2, Align::Right);
            }
            pen.text(x + LABEL, y, Ink::Text, &part);
            y += 1;
        }
    }
}
