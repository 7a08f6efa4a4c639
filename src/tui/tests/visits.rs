//! What a person does, step by step.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use ratatui::crossterm::event::MouseEventKind;

use super::models::{empty, look_at, model, mouse, press, typical};
use crate::{
    base::Bytes,
    pipeline::snapshot::{News, Stage},
    report::{Key, Redaction},
    tui::{Effect, Event, Model, Remark, View, export, picture, update},
};

fn opened() -> Model {
    model(typical(), (120, 40))
}

#[test]
fn from_an_upload_in_the_night_to_the_flow_that_sent_it() {
    let mut model = opened();
    press(&mut model, "] 2 g");
    // The first night's upload: 02:20 on 3 June, eleven hours and twenty minutes after rows begin.
    while model.nights.cursor.minute > 660 {
        press(&mut model, "left");
    }
    while model.nights.cursor.minute < 660 {
        press(&mut model, "right");
    }
    press(&mut model, "space right right space");
    assert_eq!(model.brush.as_ref().unwrap().says, "night of 2 Jun, 02:00 to 02:45");
    press(&mut model, "enter");
    assert_eq!(model.view, View::Destinations);
    let row = &model.derived.targets[0];
    assert_eq!((row.key.as_str(), row.night_up), ("mmg.whatsapp.net", Some(row.up)));
    assert!(row.up > Bytes::mb(50), "one night, not all: {}", row.up);
    assert!(row.up < Bytes::mb(53), "one night, not all: {}", row.up);
    press(&mut model, "enter");
    assert_eq!((model.view, model.derived.flows.len()), (View::Flows, 6), "its six minutes");
    press(&mut model, "enter");
    let page = picture(&model);
    assert!(page.contains("known by") && page.contains("t13d1516h2_8daaf6152771_b186095e22b6"), "{page}");
    press(&mut model, "esc esc");
    assert_eq!((model.view, model.target.as_deref()), (View::Destinations, None));
    press(&mut model, "esc");
    assert_eq!(model.view, View::Nights);
    press(&mut model, "esc");
    assert_eq!(model.brush, None);
}

#[test]
fn a_drag_over_the_map_brushes_and_a_click_does_not() {
    let mut model = opened();
    press(&mut model, "] 2");
    mouse(&mut model, MouseEventKind::Down, 20, 6);
    mouse(&mut model, MouseEventKind::Up, 20, 6);
    assert_eq!(model.brush, None);
    mouse(&mut model, MouseEventKind::Down, 20, 6);
    mouse(&mut model, MouseEventKind::Drag, 29, 9);
    assert!(picture(&model).contains("Upload by night"));
    mouse(&mut model, MouseEventKind::Up, 29, 9);
    let brush = model.brush.clone().unwrap();
    assert_eq!(brush.spans().len(), 4, "four nights: {}", brush.says);
    mouse(&mut model, MouseEventKind::Down, 50, 0);
    assert_eq!(model.view, View::Destinations, "tabs can be clicked");
}

#[test]
fn a_filter_is_typed_completed_and_asked() {
    let mut model = opened();
    press(&mut model, "5 / \"ap\" tab \"wh\" tab \"up>5MB\" enter");
    assert_eq!(model.filter_text, "app:whatsapp up>5MB");
    let flows = &model.derived.flows;
    assert!(!flows.is_empty());
    let rows = flows.iter().map(|n| model.snapshot.flow(*n as usize).unwrap());
    assert!(rows.clone().all(|row| row.app.as_deref() == Some("whatsapp") && row.payload[0] > Bytes::mb(5)));
    press(&mut model, "/ \"_up>x\"");
    press(&mut model, "enter");
    assert!(picture(&model).contains("\"x\" is no size"), "{}", picture(&model));
    press(&mut model, "esc");
    assert_eq!(model.filter_text, "app:whatsapp up>5MB", "what was given up changes nothing");
    press(&mut model, "x");
    assert_eq!(model.derived.flows.len(), model.snapshot.flow_count());
}

#[test]
fn a_filter_filters_the_map_and_says_what_it_cannot_heed() {
    let mut model = opened();
    press(&mut model, "2");
    let all: Bytes = model.derived.grid.rows.iter().map(|row| row.night_up).sum();
    press(&mut model, "/ \"app:signal_port:443\" enter");
    let signal: Bytes = model.derived.grid.rows.iter().map(|row| row.night_up).sum();
    assert!(signal < Bytes(all.0 / 10), "{signal} of {all}");
    assert!(picture(&model).contains("port says nothing here"));
}

#[test]
fn a_held_picture_stands_still_until_it_is_let_go() {
    let mut model = model(empty(), (80, 24));
    press(&mut model, "p");
    let before = picture(&model);
    let mut later = typical();
    later.number = 9;
    update(&mut model, Event::News(News::Snapshot(Arc::new(later))), Duration::ZERO);
    assert_eq!(model.snapshot.number, 1);
    assert_eq!(before.lines().nth(5), picture(&model).lines().nth(5));
    press(&mut model, "p");
    assert_eq!((model.snapshot.number, model.held.is_none()), (9, true));
}

#[test]
fn what_is_chosen_stays_chosen_while_more_is_read() {
    let mut model = opened();
    press(&mut model, "] ] 5 down down");
    let (scope, flow) = (model.scope.clone(), model.flow.clone().unwrap());
    let mut later = typical();
    later.number = 2;
    let mut rows: Vec<_> = later.flows.iter().map(|row| (**row).clone()).collect();
    rows.reverse();
    later.flows = rows.into_iter().collect();
    update(&mut model, Event::News(News::Snapshot(Arc::new(later))), Duration::ZERO);
    assert_eq!(model.scope, scope);
    assert_eq!(*model.flow.clone().unwrap(), *flow);
}

#[test]
fn names_are_hidden_everywhere() {
    let mut model = opened();
    assert!(matches!(press(&mut model, "r"), Some(Effect::LoadRedaction)));
    update(&mut model, Event::Redaction(Redaction::On(Key([7; 32]))), Duration::ZERO);
    for view in View::NUMBERED {
        look_at(&mut model, view);
        press(&mut model, "enter");
        let page = picture(&model);
        assert!(page.contains("names hidden"), "{page}");
        for secret in ["Ana", "02:00:00:00:07:17", "192.168.7.23", "/home"] {
            assert!(!page.contains(secret), "{view:?} shows {secret}:\n{page}");
        }
    }
    press(&mut model, "r 1");
    assert!(picture(&model).contains("Ana's phone"));
}

#[test]
fn every_view_can_be_written_to_new_private_files() {
    let folder = tempfile::tempdir().unwrap();
    for view in View::NUMBERED {
        for (key, mark) in [("h", "<!doctype html>"), ("j", "{"), ("c", ",")] {
            let mut model = opened();
            press(&mut model, "]");
            look_at(&mut model, view);
            press(&mut model, "e");
            assert!(picture(&model).contains("write to a file"));
            let Some(Effect::Export(export)) = press(&mut model, key) else { panic!("{view:?} {key}") };
            let path = export::write(&export, folder.path()).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.to_lowercase().contains(mark), "{}: {}", path.display(), &text[..text.len().min(200)]);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let again = export::write(&export, folder.path()).unwrap();
            assert_ne!(path, again, "nothing is written over");
        }
    }
}

#[test]
fn a_finding_is_written_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = opened();
    press(&mut model, "] 6 e");
    let Some(Effect::Export(export)) = press(&mut model, "j") else { panic!("no export") };
    let path = export::write(&export, folder.path()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let subjects = json["devices"][0]["subjects"].as_array().unwrap();
    assert_eq!(subjects.len(), 1);
    assert_eq!((&subjects[0]["subject"], &subjects[0]["verdict"]), (&"WhatsApp".into(), &"export-like".into()));
}

#[test]
fn what_is_copied_is_what_is_chosen() {
    let mut model = opened();
    press(&mut model, "] 6");
    let Some(Effect::Copy(text)) = press(&mut model, "y") else { panic!("nothing was copied") };
    assert!(text.starts_with("Night after night, WhatsApp"), "{text}");
    press(&mut model, "5");
    let Some(Effect::Copy(text)) = press(&mut model, "y") else { panic!("nothing was copied") };
    let flow: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(flow["app"], "whatsapp");
}

#[test]
fn only_reading_can_be_stopped() {
    let mut model = opened();
    assert!(press(&mut model, "c").is_none());
    let mut reading = typical();
    (reading.stage, reading.number) = (Stage::Reading, 2);
    update(&mut model, Event::News(News::Snapshot(Arc::new(reading))), Duration::ZERO);
    assert!(matches!(press(&mut model, "c"), Some(Effect::Stop)));
}

#[test]
fn a_remark_goes_away_by_itself() {
    let mut model = opened();
    update(&mut model, Event::Said(Remark::Done("wrote x.html".to_owned())), Duration::from_secs(1));
    assert!(picture(&model).contains("wrote x.html"));
    update(&mut model, Event::Tick, Duration::from_secs(8));
    assert!(!picture(&model).contains("wrote x.html"));
}
