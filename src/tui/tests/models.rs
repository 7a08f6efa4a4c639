//! Models that the tests look at.

use std::sync::Arc;

use etherparse::PacketBuilder;
use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    layout::Size,
};

use super::huge::{self, Amount};
use crate::{
    base::{Bytes, Endpoint, Span, Stamp},
    capture::{Frame, LinkType},
    flow,
    identify::{DeviceOptions, Rules},
    ledger::Watched,
    night::Settings,
    pipeline::{
        Auditor, FlowRow, Judging, Options, Snapshot,
        snapshot::{Camera, Flows, Slice, Slices, Stage},
    },
    report::sample,
    tui::{Effect, Event, Keys, Model, Theme, View, update},
};

/// Four sizes, from the smallest that is drawn to a very wide one.
pub(super) const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 60)];

pub(super) fn model(snapshot: Snapshot, size: (u16, u16)) -> Model {
    let size = Size { width: size.0, height: size.1 };
    Model::new(Arc::new(snapshot), size, Theme::default(), Keys::default())
}

/// Nothing was captured.
pub(super) fn empty() -> Snapshot {
    Snapshot::of_audit(sample::empty())
}

/// A single datagram was.
pub(super) fn one_packet() -> Snapshot {
    let options = Options {
        rules: Arc::new(Rules::embedded().unwrap()),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    };
    let judging = Judging { timezone: chrono_tz::Tz::Europe__Berlin, night: Settings::default() };
    let mut data = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 7, 0x17], [2, 0, 0, 0, 0, 1])
        .ipv4([192, 168, 7, 23], [157, 240, 1, 60], 64)
        .udp(40_000, 3_478)
        .write(&mut data, b"hello")
        .unwrap();
    let at = Stamp::new(1_780_352_400, 0);
    let (mut camera, mut auditor) = (Camera::new(&judging), Auditor::new(&options));
    camera.follow(&mut auditor);
    let original_len = u32::try_from(data.len()).unwrap();
    auditor.take(&Frame { stamp: at, link: LinkType::ETHERNET, data: &data, original_len, heading: None, app: None });
    auditor.end();
    let span = Span { first: at.minute(), end: at.minute().plus(1) };
    camera.take(&auditor, &vec![Watched { span, dropped: 0.0 }].into(), Stage::Complete)
}

/// A month of a phone whose messenger exports at night.
pub(super) fn typical() -> Snapshot {
    of_sample(sample::export())
}

/// The same with names that mean harm.
pub(super) fn hostile() -> Snapshot {
    let mut snapshot = of_sample(sample::hostile());
    let device = snapshot.audit.devices[0].id.clone();
    let wide = ["微信朋友圈".repeat(9), "e\u{301}".repeat(40), "👩‍👩‍👧‍👦".repeat(20), "\u{202e}\u{1b}[2J\u{7}x".to_owned()];
    let rows = wide.iter().map(|host| FlowRow {
        device: Some(device.clone()),
        host: Some(host.clone()),
        app: Some(host.clone()),
        conflicts: vec![host.clone()],
        ..sample::flows().remove(0)
    });
    snapshot.flows = rows.collect::<Flows>();
    for (total, host) in snapshot.audit.devices[0].destinations.iter_mut().zip(wide) {
        total.destination = host;
    }
    snapshot
}

/// More than a person can look through.
pub(super) fn many() -> Snapshot {
    huge::snapshot(Amount { subjects: 40, nights: 60, flows: 3_000 })
}

/// As much as there ever is.
pub(super) fn huge() -> Snapshot {
    huge::snapshot(Amount { subjects: 200, nights: 400, flows: 100_000 })
}

/// A sample with rows by minute, flows, and somebody who uses the phone from 15:00 to 23:00.
fn of_sample(mut audit: crate::pipeline::Audit) -> Snapshot {
    for device in &mut audit.devices {
        let watched = device.ledger.watched.first().map(|watched| watched.span);
        let days = watched.map_or(0, |span| span.minutes() / 1_440);
        let evening = |day: u32| {
            let first = watched.map_or(crate::base::Minute(0), |span| span.first).plus(day * 1_440);
            Span { first, end: first.plus(480) }
        };
        let evenings: Arc<[Span]> = (0..days).map(evening).collect();
        device.finding.findings.iter_mut().for_each(|finding| finding.attended = Arc::clone(&evenings));
    }
    let mut snapshot = Snapshot::of_audit(audit);
    let Some(device) = snapshot.audit.devices.first() else { return snapshot };
    let first_of = |subject: u32| {
        device.destinations.iter().position(|to| to.subject == subject as usize).and_then(|at| u32::try_from(at).ok())
    };
    let rows = &snapshot.slices[0].rows;
    let rows: Vec<Slice> =
        rows.iter().filter_map(|slice| Some(Slice { target: first_of(slice.target)?, ..*slice })).collect();
    let flows: Vec<FlowRow> = rows.iter().enumerate().map(|(n, slice)| flow(n, slice, &device.id)).collect();
    snapshot.slices[0] = Slices { rows, grain: 1, by_destination: true };
    snapshot.flows = flows.into_iter().chain(sample::flows()).collect::<Flows>();
    snapshot
}

fn flow(n: usize, slice: &Slice, device: &str) -> FlowRow {
    let (app, host, remote) = if slice.target == 0 {
        ("whatsapp", "mmg.whatsapp.net", "157.240.1.60")
    } else {
        ("signal", "chat.signal.org", "76.223.92.165")
    };
    let first = slice.minute.start();
    FlowRow {
        a: Endpoint::new("192.168.7.23".parse().unwrap(), 40_000 + u16::try_from(n % 9_999).unwrap()),
        b: Endpoint::new(remote.parse().unwrap(), 443),
        packets: [slice.up.0 / 1_200 + 3, slice.down.0 / 1_200 + 3],
        wire: [slice.up + Bytes(240), slice.down + Bytes(240)],
        payload: [slice.up, slice.down],
        first,
        last: first.plus_seconds(47),
        device: Some(device.to_owned()),
        app: Some(app.to_owned()),
        host: Some(host.to_owned()),
        ..sample::flows().remove(0)
    }
}

/// Presses keys, each by its name in the table of keys; a text in quotation marks is typed letter by letter.
pub(super) fn press(model: &mut Model, keys: &str) -> Option<Effect> {
    let mut effect = None;
    for key in keys.split(' ') {
        let typed = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        let codes: Vec<KeyCode> = match typed {
            Some(text) => text.replace('_', " ").chars().map(KeyCode::Char).collect(),
            None => vec![code(key)],
        };
        for code in codes {
            let event = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
            effect = update(model, event, model.now);
        }
    }
    effect
}

fn code(key: &str) -> KeyCode {
    match key {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        one => KeyCode::Char(one.chars().next().unwrap()),
    }
}

/// What the left button does at a point.
pub(super) fn mouse(model: &mut Model, kind: fn(MouseButton) -> MouseEventKind, column: u16, row: u16) {
    let event = MouseEvent { kind: kind(MouseButton::Left), column, row, modifiers: KeyModifiers::NONE };
    update(model, Event::Mouse(event), model.now);
}

/// The view that is looked at, by its key.
pub(super) fn look_at(model: &mut Model, view: View) {
    let key = match View::NUMBERED.iter().position(|numbered| *numbered == view) {
        Some(at) => char::from(b'1' + u8::try_from(at).unwrap()),
        None => '?',
    };
    press(model, &key.to_string());
}
