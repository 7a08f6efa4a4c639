//! The screens in the README are what the program draws. With `UPDATE_README=1` they are drawn anew.

#![expect(clippy::expect_used, reason = "what fails here fails the test that asked for it")]

mod support;

use std::{
    env, fs,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use nightaudit::{
    capture::Captures,
    flow,
    identify::{DeviceOptions, Rules},
    night::Settings,
    pipeline::{
        Judging, Options, Snapshot,
        snapshot::{News, read},
    },
    tui::{Event, Keys, Model, Theme, picture, update},
};
use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::Size,
};

/// The screens, each with the keys that lead to it.
const SCREENS: [(&str, &str); 2] = [("overview", "]"), ("nights", "]2")];

/// The bundled phone whose messenger exports at night.
fn snapshot() -> Arc<Snapshot> {
    let capture = support::project().join("captures/nightly-export/traffic.pcap.zst");
    let options = Options {
        rules: Arc::new(Rules::embedded().expect("the embedded rules")),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    };
    let judging = Judging { timezone: chrono_tz::Tz::Europe__Berlin, night: Settings::default() };
    let mut last = None;
    let mut tell = |news| {
        if let News::Snapshot(snapshot) = news {
            last = Some(snapshot);
        }
    };
    let (stop, clock) = (AtomicBool::new(false), || Duration::ZERO);
    read(Captures::open(&[capture]), &options, &judging, &stop, &clock, &mut tell);
    last.expect("a snapshot")
}

fn screen(snapshot: &Arc<Snapshot>, keys: &str) -> String {
    let size = Size { width: 84, height: 24 };
    let mut model = Model::new(Arc::clone(snapshot), size, Theme::default(), Keys::default());
    for key in keys.chars() {
        update(&mut model, Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)), Duration::ZERO);
    }
    picture(&model)
}

#[test]
fn the_screens_in_the_readme_are_those_that_are_drawn() {
    let path = support::project().join("README.md");
    let mut readme = fs::read_to_string(&path).expect("the README");
    let snapshot = snapshot();
    for (name, keys) in SCREENS {
        let begin = format!("<!-- screen: {name} -->\n```\n");
        let start = readme.find(&begin).expect("a screen in the README") + begin.len();
        let end = start + readme[start..].find("```\n").expect("the end of a screen");
        let drawn = screen(&snapshot, keys);
        if env::var_os("UPDATE_README").is_some() {
            readme.replace_range(start..end, &drawn);
        } else {
            let says = "UPDATE_README=1 cargo test --test tui_readme draws it anew";
            assert_eq!(readme[start..end], drawn, "the screen {name} in the README is out of date; {says}");
        }
    }
    if env::var_os("UPDATE_README").is_some() {
        fs::write(path, readme).expect("a README that can be written");
    }
}
