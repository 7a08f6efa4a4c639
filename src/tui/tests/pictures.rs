//! Every view at every size, each theme once, and models from nothing to much.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::models::{SIZES, empty, hostile, huge, look_at, many, model, one_packet, press, typical};
use crate::{
    pipeline::Snapshot,
    report::Glyphs,
    tui::{Event, Model, Palette, View, draw, picture, update},
};

const VIEWS: [View; 7] =
    [View::Overview, View::Nights, View::Traffic, View::Destinations, View::Flows, View::Finding, View::Help];

/// The messenger is chosen.
fn chosen(snapshot: Snapshot, size: (u16, u16), view: View) -> Model {
    let mut model = model(snapshot, size);
    press(&mut model, "]");
    look_at(&mut model, view);
    model
}

#[test]
fn every_view_at_every_size_looks_as_it_did() {
    for view in VIEWS {
        let pages = SIZES.map(|size| {
            let page = picture(&chosen(typical(), size, view));
            format!("{} x {}\n{page}", size.0, size.1)
        });
        insta::assert_snapshot!(format!("{}", view.name().to_lowercase()), pages.join("\n"));
    }
}

#[test]
fn nothing_one_packet_and_much_look_as_they_did() {
    for (name, snapshot) in [("empty", empty()), ("one-packet", one_packet()), ("many", many())] {
        every_size(name, &snapshot);
    }
}

/// As much as there ever is: 200 apps, 400 nights, 100,000 flows.
#[test]
fn the_most_there_ever_is_looks_as_it_did() {
    every_size("huge", &huge());
}

fn every_size(name: &str, snapshot: &Snapshot) {
    let mut pages = Vec::new();
    for size in SIZES {
        let mut model = chosen(snapshot.clone(), size, View::Overview);
        for view in &VIEWS[..6] {
            look_at(&mut model, *view);
            pages.push(format!("{} at {} x {}\n{}", view.name(), size.0, size.1, picture(&model)));
        }
    }
    insta::assert_snapshot!(name, pages.join("\n"));
}

/// The same with its colours, as runs of `[style]text`.
fn coloured(model: &Model) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.size.width, model.size.height));
    draw(model, &mut buffer);
    let mut out = String::new();
    for y in 0..model.size.height {
        let mut last = String::new();
        for x in 0..model.size.width {
            let cell = &buffer[(x, y)];
            let style = format!("{}/{}{}", cell.fg, cell.bg, short(cell.modifier));
            if style != last {
                out.extend(["[", &style.replace("Reset", ""), "]"]);
                last = style;
            }
            out.push_str(cell.symbol());
        }
        out = out.trim_end().to_owned();
        out.push('\n');
    }
    out
}

fn short(modifier: ratatui::style::Modifier) -> String {
    if modifier.is_empty() { String::new() } else { format!(" {modifier:?}") }
}

#[test]
fn each_theme_looks_as_it_did() {
    for palette in Palette::ALL {
        let pages = [View::Overview, View::Nights].map(|view| {
            let mut model = chosen(typical(), (80, 24), view);
            model.theme.palette = palette;
            coloured(&model)
        });
        insta::assert_snapshot!(format!("theme-{}", palette.name()), pages.join("\n"));
    }
}

#[test]
fn without_colour_nothing_is_coloured() {
    for view in VIEWS {
        let mut model = chosen(typical(), (120, 40), view);
        model.theme.palette = Palette::Mono;
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        draw(&model, &mut buffer);
        let plain = ratatui::style::Color::Reset;
        assert!(buffer.content.iter().all(|cell| cell.fg == plain && cell.bg == plain), "{view:?}");
    }
}

#[test]
fn ascii_is_ascii() {
    for snapshot in [typical(), hostile(), many(), empty()] {
        for view in VIEWS {
            let mut model = chosen(snapshot.clone(), (120, 40), view);
            model.theme.glyphs = Glyphs::Ascii;
            let page = picture(&model);
            let strange: String = page.chars().filter(|c| !c.is_ascii()).collect();
            assert!(strange.is_empty(), "{view:?}: {strange:?}\n{page}");
        }
    }
}

/// Whatever is in a name, the frame stands where it stood, and nothing moves the cursor.
#[test]
fn hostile_names_never_break_the_layout() {
    for size in SIZES {
        for view in VIEWS {
            for keys in ["", "enter"] {
                let mut model = chosen(hostile(), size, view);
                if view == View::Flows && !keys.is_empty() {
                    press(&mut model, keys);
                }
                let page = picture(&model);
                assert!(!page.contains(['\u{1b}', '\u{202e}', '\u{7}', '\u{200f}']), "{view:?}");
                for (y, line) in page.lines().enumerate().skip(2).take(usize::from(size.1) - 3) {
                    assert_eq!(line.width(), usize::from(size.0), "{view:?} at {size:?}, line {y}: {line}\n{page}");
                    assert!(line.ends_with(['│', '╮', '╯', '┤']), "{view:?} at {size:?}, line {y}: {line}");
                }
            }
        }
    }
}

#[test]
fn a_terminal_too_small_says_so() {
    let page = picture(&model(typical(), (59, 16)));
    assert!(page.contains("needs 60x16") && page.contains("here 59x16"), "{page}");
    for size in [(1, 1), (12, 3), (60, 15), (59, 200)] {
        picture(&model(typical(), size));
    }
    // Also where the detail of a flow is open.
    let mut opened = chosen(typical(), (80, 24), View::Flows);
    press(&mut opened, "enter");
    for (width, height) in [(0, 0), (80, 5), (80, 6), (200, 1)] {
        update(&mut opened, Event::Resize(width, height), Duration::ZERO);
        picture(&opened);
    }
}
