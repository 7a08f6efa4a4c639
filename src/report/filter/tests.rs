//! Questions and their answers.

use chrono_tz::Tz;
use proptest::prelude::*;

use super::{Completion, Facts, Filter, Needs, Times, Vocabulary, complete};
use crate::{
    base::{Bytes, Minute},
    pipeline::FlowRow,
    report::sample,
};

fn times() -> Times {
    Times::of(&sample::export())
}

fn flow() -> FlowRow {
    sample::flows().remove(0)
}

fn passes(text: &str, row: &FlowRow) -> bool {
    Filter::parse(text).unwrap_or_else(|error| panic!("{}", error.pointed(text))).passes(row, &times())
}

/// The word that an error points at, and what it says.
fn wrong(text: &str) -> (String, String) {
    let error = Filter::parse(text).unwrap_err();
    (text[error.at.clone()].to_owned(), error.what)
}

#[test]
fn every_key_says_yes_and_no_of_a_flow() {
    // WhatsApp media, 5.7 MB up, from 15:00 Berlin time on 2 June 2026 for four minutes, when nobody was there.
    for (yes, no) in [
        ("app:whatsapp", "app:signal"),
        ("app:WhatsApp", "app:whats"),
        ("app~hats", "app~telegram"),
        ("app:signal,whatsapp", "app:signal,telegram"),
        ("operator:meta", "operator:google"),
        ("kind:messenger", "kind:cloud"),
        ("role:media", "role:chat,backup"),
        ("host:whatsapp.net", "host:app.net"),
        ("host:mmg.whatsapp.net", "host:x.mmg.whatsapp.net"),
        ("host~\"*.whatsapp.*\"", "host~\"*.icloud*\""),
        ("host:*.whatsapp.net", "host:*.whatsapp"),
        ("addr:157.240.0.0/16", "addr:157.241.0.0/16"),
        ("addr:157.240.1.60", "addr:157.240.1.61"),
        ("port:443", "port:5222..5228"),
        ("proto:tcp", "proto:udp"),
        ("device:02:00:00:00:07:17", "device:x"),
        ("device:\"Ana's phone\"", "device:\"Ben's phone\""),
        ("up>5MB", "up>5.8MB"),
        ("up>=5701300", "up>5701300"),
        ("down<21kB", "down<20kB"),
        ("total:5MB..6MB", "total:..5MB"),
        ("packets>6000", "packets<6000"),
        ("lasts>3m", "lasts>1h"),
        ("night:2026-06-02", "night:2026-06-03.."),
        ("night:2026-06-01..2026-06-10", "night:..2026-06-01"),
        ("hour:15-16", "hour:1-5"),
        ("hour:22-15:02", "hour:22-6"),
        ("time:2026-06-02T15:00..2026-06-02T15:01", "time:2026-06-02T15:10.."),
        ("evidence:sni", "evidence:dns,prefix"),
        ("confidence:high", "confidence:low"),
        ("verdict:export-like", "verdict:routine"),
        ("unattended", "attended"),
        ("mmg", "signal"),
        ("\"ana's\"", "\"ben's\""),
    ] {
        assert!(passes(yes, &flow()), "{yes}");
        assert!(!passes(no, &flow()), "{no}");
        assert!(!passes(&format!("-{yes}"), &flow()), "-{yes}");
        assert!(passes(&format!("not {no}"), &flow()), "not {no}");
    }
}

#[test]
fn blanks_join_closer_than_or_and_not_closest() {
    for (text, expected) in [
        ("", true),
        ("   ", true),
        ("app:whatsapp role:media up>5MB", true),
        ("app:whatsapp role:chat", false),
        ("app:signal or app:whatsapp role:media", true),
        ("app:whatsapp role:chat or app:signal", false),
        ("(app:signal or app:whatsapp) role:chat", false),
        ("not app:signal role:media", true),
        ("not (app:whatsapp role:media)", false),
        ("-(role:chat | role:call) && proto:tcp", true),
        ("not not app:whatsapp", true),
    ] {
        assert_eq!(passes(text, &flow()), expected, "{text}");
    }
}

#[test]
fn an_error_points_at_the_word() {
    for (text, word, said) in [
        ("app:whatsapp up>5MX", "5MX", "no size"),
        ("app:whatsapp role:medai", "medai", "want one of chat, media"),
        ("role:media,medai,chat", "medai", "no role"),
        ("ap:whatsapp", "ap", "did you mean app?"),
        ("colour:red", "colour", "there are app, operator"),
        ("night:june", "june", "no date, such as 2026-06-03"),
        ("night:2026-06-10..2026-06-03", "2026-06-10..2026-06-03", "ends before it begins"),
        ("hour:25", "25", "no hours"),
        ("up:", "up:", "no value after up"),
        (":x", ":", "no key"),
        ("app>5", "app", "write app:value"),
        ("up~5", "up", "is a number"),
        ("host~\"*.icloud", "\"*.icloud", "never closed"),
        ("(app:x", "(", "never closed"),
        ("app:x)", ")", "never opened"),
        ("or app:x", "or", "nothing stands before"),
        ("app:x not", "", "missing at the end"),
        ("up<0", "0", "nothing is less"),
        ("addr:x", "x", "no address"),
    ] {
        let (at, what) = wrong(text);
        assert_eq!(at, word, "{text}: {what}");
        assert!(what.contains(said), "{text}: {what}");
    }
    let text = "app:微信 up>5MX";
    let pointed = Filter::parse(text).unwrap_err().pointed(text);
    assert_eq!(pointed.lines().nth(2).unwrap(), "              ^^^", "wide letters take two columns:\n{pointed}");
}

#[test]
fn what_a_thing_does_not_tell_leaves_the_answer_open() {
    let (audit, times) = (sample::export(), times());
    let total = &audit.devices[0].destinations[0];
    let facts = Facts::of_destination(&audit, 0, total).during(Minute(29_673_480).start(), Minute(29_673_480).start());
    let answer = |text: &str| Filter::parse(text).unwrap().answer(&facts, &times);
    assert_eq!(answer("port:443"), None);
    assert_eq!(answer("port:443 app:whatsapp"), None);
    assert_eq!(answer("port:443 app:signal"), Some(false), "one no decides");
    assert_eq!(answer("port:443 or app:whatsapp"), Some(true), "one yes decides");
    assert_eq!(answer("not port:443"), None);
    assert_eq!(Filter::parse("port:443 up>5MB app:x").unwrap().unheeded(&facts, &times), ["port", "up"]);
}

#[test]
fn a_filter_says_what_it_must_know() {
    let needs = |text: &str| Filter::parse(text).unwrap().needs();
    assert_eq!(needs("app:whatsapp port:443"), Needs::default());
    assert_eq!(needs("up>5MB"), Needs { devices: true, findings: false });
    assert_eq!(needs("app:x or not unattended"), Needs { devices: true, findings: true });
}

#[test]
fn the_bytes_of_a_flow_that_somebody_else_opened_go_up_from_the_device() {
    let mut row = flow();
    std::mem::swap(&mut row.a, &mut row.b);
    assert_eq!(super::up_and_down(&row, Some(0), &times()), [Bytes(20_112), Bytes(5_701_300)]);
    assert_eq!(super::up_and_down(&row, None, &Times::of_zone(Tz::UTC)), [Bytes(20_112), Bytes(5_701_300)]);
}

#[test]
fn keys_and_values_are_completed_where_the_cursor_is() {
    let vocabulary = Vocabulary {
        apps: vec!["signal".into(), "whatsapp".into()],
        devices: vec!["Ana's phone".into()],
        ..Vocabulary::default()
    };
    let texts = |text: &str| -> Vec<_> {
        complete(text, text.len(), &vocabulary).into_iter().map(|Completion { text, .. }| text).collect()
    };
    assert_eq!(texts("ho"), ["host:", "hour:"]);
    assert_eq!(texts("una"), ["unattended"]);
    assert_eq!(texts("app:x (app:w"), ["whatsapp"]);
    assert_eq!(texts("-app:signal,wh"), ["whatsapp"]);
    assert_eq!(texts("role:ba"), ["backup"]);
    assert_eq!(texts("device:ana"), ["\"Ana's phone\""]);
    let only = &complete("up>1MB rol", 10, &vocabulary)[0];
    assert_eq!((only.at.clone(), only.text.as_str()), (7..10, "role:"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", cursor in 0_usize..70) {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.get(error.at.clone()).is_some());
            prop_assert!(error.pointed(&text).lines().count() >= 3);
        }
        let cursor = (0..=cursor.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        for Completion { at, .. } in complete(&text, cursor, &Vocabulary::default()) {
            prop_assert!(text.get(at).is_some());
        }
    }

    /// Words of the language in any order: what parses answers every flow, and its negation the other way.
    #[test]
    fn a_negation_answers_the_other_way(
        words in prop::collection::vec(prop::sample::select(vec![
            "app:whatsapp", "app:x", "or", "and", "not", "(", ")", "-", "up>5MB", "port:443", "hour:22-6", "unattended",
            "night:..2026-06-10", "host~w", "verdict:routine", "proto:udp", "mmg",
        ]), 1..12),
    ) {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            let negated = Filter::parse(&format!("not ({text})")).unwrap();
            let times = times();
            for row in sample::flows() {
                let facts = Facts::of_flow(&row, &times);
                prop_assert_eq!(filter.answer(&facts, &times).map(|yes| !yes), negated.answer(&facts, &times));
            }
        }
    }
}
