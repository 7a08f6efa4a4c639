//! Whatever hands do, in whatever order: nothing panics, and every cursor points at something.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use ratatui::{
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    layout::Rect,
};

use super::models::{empty, hostile, many, model, one_packet, typical};
use crate::{
    capture::Progress,
    pipeline::{
        Snapshot,
        snapshot::{LiveStatus, News, Stage},
    },
    report::{Key, Redaction},
    tui::{Effect, Event, Model, View, draw, grid::DAY, model::Grouping, update},
};

/// Snapshots that may follow each other in any order.
fn snapshots() -> [Arc<Snapshot>; 7] {
    let (mut reading, mut live) = (typical(), typical());
    (reading.stage, live.stage) = (Stage::Reading, Stage::Live(LiveStatus::default()));
    let all = [empty(), one_packet(), typical(), hostile(), many(), reading, live];
    let mut number = 0;
    all.map(|mut snapshot| {
        number += 1;
        snapshot.number = number;
        Arc::new(snapshot)
    })
}

#[derive(Clone, Debug)]
enum Hand {
    Key(KeyCode, KeyModifiers),
    Mouse(MouseEventKind, u16, u16),
    Resize(u16, u16),
    Snapshot(usize),
    Progress(u64, Option<u64>),
    Paste(String),
    /// The menu of files, and a choice from it.
    Export(char),
    Redact,
    Tick,
}

fn hands() -> impl Strategy<Value = Hand> {
    let code = prop_oneof![
        6 => prop::sample::select("123456?hjklgGsSovx+-/[]pcyert qahjc:\">(*".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left,
            KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Backspace,
            KeyCode::Delete, KeyCode::Char(' '), KeyCode::F(1), KeyCode::Char('微'),
        ]),
    ];
    let modifiers = prop_oneof![9 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL)];
    let button = MouseButton::Left;
    let mouse = prop::sample::select(vec![
        MouseEventKind::Down(button),
        MouseEventKind::Drag(button),
        MouseEventKind::Up(button),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
        MouseEventKind::Down(MouseButton::Right),
    ]);
    prop_oneof![
        20 => (code, modifiers).prop_map(|(code, modifiers)| Hand::Key(code, modifiers)),
        8 => (mouse, 0_u16..220, 0_u16..70).prop_map(|(kind, x, y)| Hand::Mouse(kind, x, y)),
        2 => (0_u16..220, 0_u16..70).prop_map(|(width, height)| Hand::Resize(width, height)),
        3 => (0_usize..7).prop_map(Hand::Snapshot),
        1 => (any::<u64>(), any::<Option<u64>>()).prop_map(|(read, total)| Hand::Progress(read, total)),
        1 => "\\PC{0,20}".prop_map(Hand::Paste),
        2 => prop::sample::select(vec!['h', 'j', 'c', 'p']).prop_map(Hand::Export),
        1 => Just(Hand::Redact),
        1 => Just(Hand::Tick),
    ]
}

fn events(hand: Hand, snapshots: &[Arc<Snapshot>]) -> Vec<Event> {
    let key = |c| Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    let event = match hand {
        Hand::Export(form) => return vec![key('e'), key(form)],
        Hand::Key(code, modifiers) => Event::Key(KeyEvent::new(code, modifiers)),
        Hand::Mouse(kind, column, row) => Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }),
        Hand::Resize(width, height) => Event::Resize(width, height),
        Hand::Snapshot(n) => Event::News(News::Snapshot(Arc::clone(&snapshots[n]))),
        Hand::Progress(read, total) => Event::News(News::Progress(Progress { read, total })),
        Hand::Paste(text) => Event::Paste(text),
        Hand::Redact => Event::Redaction(Redaction::On(Key([7; 32]))),
        Hand::Tick => Event::Tick,
    };
    vec![event]
}

/// Every cursor of the view points at something, or there is nothing.
fn points_somewhere(model: &Model) -> Result<(), String> {
    let inside = |what: &str, at: usize, len: usize| {
        if at < len.max(1) { Ok(()) } else { Err(format!("{what} {at} of {len}")) }
    };
    inside("overview", model.overview.row, model.entries.len())?;
    if model.scope.is_some() == model.entries.is_empty() {
        return Err("what is chosen is not there".to_owned());
    }
    match model.view {
        View::Nights => {
            inside("night", model.nights.cursor.night, model.derived.grid.rows.len())?;
            inside("minute", model.nights.cursor.minute as usize, DAY as usize)
        }
        View::Destinations => inside("destination", model.destinations.row, model.derived.targets.len()),
        View::Flows => {
            inside("flow", model.flows.row, model.derived.flows.len())?;
            let chosen = model.derived.flows.get(model.flows.row);
            let chosen = chosen.and_then(|n| model.snapshot.flow(*n as usize));
            if chosen == model.flow.as_ref() { Ok(()) } else { Err("the detail is of another flow".to_owned()) }
        }
        _ => Ok(()),
    }
}

/// What hands have come upon.
#[derive(Debug, Default)]
struct Met {
    views: BTreeSet<View>,
    met: BTreeSet<&'static str>,
}

impl Met {
    fn note(&mut self, model: &Model, effect: Option<&Effect>) {
        self.views.insert(model.view);
        let facts = [
            ("brush", model.brush.is_some()),
            ("brushing", model.nights.anchor.is_some()),
            ("prompt", model.prompt.is_some()),
            ("filter", !model.filter_text.is_empty()),
            ("flows sorted", model.flow_sorting.by > 0),
            ("turned round", model.flow_sorting.reversed),
            ("destinations sorted", model.destination_sorting.by > 0),
            ("grouped", model.grouping != Grouping::default()),
            ("detail", model.detail),
            ("target", model.target.is_some()),
            ("menu of files", model.exporting),
            ("export", matches!(effect, Some(Effect::Export(_)))),
            ("evidence", matches!(effect, Some(Effect::Evidence(_)))),
            ("copy", matches!(effect, Some(Effect::Copy(_)))),
            ("paused", model.paused),
            ("hidden", model.redaction != Redaction::Off),
            ("too small", model.is_too_small()),
            ("zoomed", model.traffic.window.is_some()),
            ("live", model.is_live()),
        ];
        self.met.extend(facts.into_iter().filter(|(_, met)| *met).map(|(what, _)| what));
    }
}

/// The property below says something about all of it only if its hands get there.
#[test]
fn hands_get_everywhere() {
    let mut runner = TestRunner::deterministic();
    let (snapshots, mut met) = (snapshots(), Met::default());
    for turn in 0..400 {
        let hands = prop::collection::vec(hands(), 1..80).new_tree(&mut runner).unwrap().current();
        let mut model = model((*snapshots[turn % snapshots.len()]).clone(), (80, 24));
        model.captures = Some(Arc::new(["x.pcap".into()]));
        for hand in hands {
            for event in events(hand, &snapshots) {
                let effect = update(&mut model, event, Duration::ZERO);
                met.note(&model, effect.as_ref());
            }
        }
    }
    assert_eq!((met.views.len(), met.met.len()), (7, 19), "{met:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn any_hands_in_any_order_leave_a_sound_screen(hands in prop::collection::vec(hands(), 1..80), first in 0_usize..7) {
        let snapshots = snapshots();
        let mut model = model((*snapshots[first]).clone(), (80, 24));
        model.captures = Some(Arc::new(["x.pcap".into()]));
        model.asn = Some(Arc::default());
        for (n, hand) in hands.into_iter().enumerate() {
            let said = format!("{hand:?}");
            for event in events(hand, &snapshots) {
                update(&mut model, event, Duration::from_millis(n as u64 * 40));
            }
            if let Err(error) = points_somewhere(&model) {
                prop_assert!(false, "after {said} in {:?}: {error}", model.view);
            }
            let mut buffer = Buffer::empty(Rect::new(0, 0, model.size.width, model.size.height));
            draw(&model, &mut buffer);
        }
    }
}
