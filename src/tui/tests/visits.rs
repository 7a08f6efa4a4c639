//! What a person does, step by step.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use ratatui::crossterm::event::MouseEventKind;

use super::models::{empty, look_at, model, mouse, press, typical};
use crate::{
    base::Bytes,
    identify::AsnTable,
    pipeline::snapshot::{LiveStatus, News, Stage},
    report::{Key, Redaction},
    tui::{Effect, Event, Keys, Model, Remark, View, export, model::Grouping, picture, update},
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
    assert_eq!((model.view, model.target.is_none()), (View::Destinations, true));
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
fn packets_are_asked_for_of_what_is_looked_at_once_everything_is_read() {
    let mut model = opened();
    let why = |model: &mut Model| match press(model, "e p") {
        Some(effect) => panic!("{effect:?}"),
        None => model.remark.clone().unwrap().0,
    };
    press(&mut model, "] 6");
    assert!(matches!(why(&mut model), Remark::Failed(why) if why.contains("capture files")));
    model.captures = Some(Arc::new(["x.pcap".into()]));
    let Some(Effect::Evidence(evidence)) = press(&mut model, "e p") else { panic!("no evidence") };
    assert_eq!(evidence.trail.subject, "WhatsApp");
    press(&mut model, "2 g left left left space right space");
    let brushed = model.brush.clone().unwrap();
    let Some(Effect::Evidence(evidence)) = press(&mut model, "e p") else { panic!("no evidence") };
    assert_eq!([evidence.trail.night], *brushed.spans());
    update(&mut model, Event::Redaction(Redaction::On(Key([7; 32]))), Duration::ZERO);
    assert!(matches!(why(&mut model), Remark::Failed(why) if why.contains("cannot be hidden")));
    let mut reading = typical();
    (reading.stage, reading.number) = (Stage::Reading, 2);
    press(&mut model, "r");
    update(&mut model, Event::News(News::Snapshot(Arc::new(reading))), Duration::ZERO);
    assert!(matches!(why(&mut model), Remark::Failed(why) if why.contains("wait")));
}

#[test]
fn packets_that_are_not_there_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pcap");
    fs::write(&empty, [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &[0, 0, 4, 0, 1, 0, 0, 0]].concat())
        .unwrap();
    let mut model = opened();
    model.captures = Some(Arc::new([empty]));
    let Some(Effect::Evidence(evidence)) = press(&mut model, "] 6 e p") else { panic!("no evidence") };
    let said = export::write_evidence(&evidence, folder.path(), &false.into(), |_| ());
    assert_eq!(said, Remark::Failed("no packet of it was found in the captures".to_owned()));
    assert!(!folder.path().join("nightaudit-evidence.pcapng").exists());
}

#[test]
fn destinations_are_summed_by_who_announces_their_addresses() {
    let table = "157.240.0.0\t157.240.255.255\t32934\tUS\tFACEBOOK\n";
    let mut model = opened();
    press(&mut model, "4 o o o o o o");
    assert_eq!(model.grouping, Grouping::default(), "without a table there are no networks");
    model.asn = Some(Arc::new(AsnTable::read("table", table.as_bytes()).unwrap()));
    press(&mut model, "o o o o o o");
    assert_eq!(model.grouping, Grouping::System);
    let keys: Vec<&str> = model.derived.targets.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.contains(&"AS32934 FACEBOOK") && keys.contains(&"in no range of the table"), "{keys:?}");
    let up: Bytes = model.snapshot.flows.iter().map(|row| row.payload[0]).sum();
    assert_eq!(model.derived.targets_up, up, "every flow is in one of them");
    model.destinations.row = keys.iter().position(|key| key.starts_with("AS")).unwrap();
    let row_up = model.derived.targets[model.destinations.row].up;
    press(&mut model, "enter");
    let rows = model.derived.flows.iter().map(|n| model.snapshot.flow(*n as usize).unwrap());
    assert_eq!(rows.map(|row| row.payload[0]).sum::<Bytes>(), row_up);
    assert!(picture(&model).contains("AS32934 FACEBOOK"));
    press(&mut model, "esc");
    assert_eq!(model.target, None);
}

#[test]
fn destinations_are_summed_by_app_role_host_and_block() {
    let mut model = opened();
    press(&mut model, "4");
    let all = model.derived.targets_up;
    for grouping in [Grouping::App, Grouping::Operator, Grouping::Role, Grouping::Host, Grouping::Address] {
        press(&mut model, "o");
        assert_eq!(model.grouping, grouping);
        let of_flows = model.snapshot.flows.iter().map(|row| row.payload[0]).sum();
        assert_eq!(model.derived.targets_up, if grouping.is_of_flows() { of_flows } else { all }, "{grouping:?}");
        let key = model.derived.targets[0].key.clone();
        press(&mut model, "enter");
        assert!(!model.derived.flows.is_empty(), "{grouping:?} {key} leads to its flows");
        press(&mut model, "esc");
    }
}

#[test]
fn a_live_screen_says_how_fast_it_goes_and_shows_the_last_minutes() {
    let mut model = opened();
    for (second, more) in [(1, 0), (2, 3_000_000), (3, 5_000_000)] {
        let mut live = typical();
        (live.stage, live.number) = (Stage::Live(LiveStatus::default()), 10 + second);
        live.audit.totals.payload_up += Bytes(more);
        update(&mut model, Event::News(News::Snapshot(Arc::new(live))), Duration::from_secs(second));
    }
    press(&mut model, "3");
    let page = picture(&model);
    assert!(page.contains("2.0 MB/s"), "{page}");
    assert!(page.contains("up now") && page.contains("a column is a minute"), "{page}");
    for _ in 0..20 {
        press(&mut model, "-");
    }
    assert!(!picture(&model).contains("a column is a minute"), "everything can be seen");
}

#[test]
fn keys_of_the_settings_are_heeded_and_explained() {
    let changes = [("quit".to_owned(), vec!["ctrl-q".to_owned()]), ("export".to_owned(), vec!["w".to_owned()])];
    let mut model = opened();
    model.keys = Keys::with(&changes.into()).unwrap();
    press(&mut model, "e");
    assert!(!model.exporting);
    press(&mut model, "w");
    assert!(model.exporting);
    press(&mut model, "esc ?");
    let page = picture(&model);
    assert!(page.contains("ctrl-q") && !page.contains("q ctrl-c"), "{page}");
}

#[test]
fn nights_like_exports_are_flagged_and_others_are_not() {
    let mut model = opened();
    press(&mut model, "] 2");
    let flagged = model.derived.grid.rows.iter().filter(|row| row.flagged).count();
    let said: u32 = model.snapshot.audit.devices[0].finding.findings[0]
        .evidence
        .hits
        .iter()
        .find(|(size, _)| *size == model.snapshot.night.export_size)
        .unwrap()
        .1;
    assert_eq!(flagged, said as usize, "as many as the verdict counts");
    assert!(flagged > 0 && picture(&model).contains("▲"));
    press(&mut model, "/ \"app:signal\" enter ]");
    assert!(model.derived.grid.rows.iter().all(|row| !row.flagged), "none of an app that exports nothing");
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
