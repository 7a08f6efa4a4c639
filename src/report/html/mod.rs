//! The report as one HTML file: no script, nothing fetched, readable on a phone, in print, in light and in dark.

mod chart;
mod fleet;
mod markup;

pub use fleet::fleet_html;
use markup::Markup;

use super::{
    calendar,
    changes::Changes,
    page::{Card, DevicePage, InputLine, Page, Row},
    redact::Redaction,
    words,
};
use crate::{
    base::Bytes,
    ledger::DeviceLedger,
    night::Verdict,
    pipeline::{Audit, DeviceAudit},
};

/// The report as one self-contained HTML file.
pub fn html(audit: &Audit, redaction: &Redaction) -> String {
    html_since(audit, redaction, &Changes::default())
}

/// The same, led by what is new since the report before.
pub fn html_since(audit: &Audit, redaction: &Redaction, changes: &Changes) -> String {
    let page = Page::of(audit, redaction);
    let mut m = Markup::document();
    m.element("html", &[("lang", "en")], |m| {
        m.element("head", &[], head);
        m.element("body", &[], |m| {
            chart::patterns(m);
            m.element("main", &[], |m| {
                summary(m, &page, audit, changes);
                for (device, place) in page.devices.iter().zip(&page.places) {
                    if let Some(source) = audit.devices.get(*place) {
                        device_part(m, device, source, audit);
                    }
                }
                inputs(m, &page, audit);
                method(m, page.is_declared);
            });
        });
    });
    m.finish()
}

/// Nothing may be fetched or run, whatever a name tries: the policy says so to the browser.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

fn head(m: &mut Markup) {
    m.void("meta", &[("charset", "utf-8")]);
    m.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
    m.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    m.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
    m.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    m.leaf("title", &[], "nightaudit: what was uploaded while nobody used the phone");
    m.style(include_str!("style.css"));
}

fn summary(m: &mut Markup, page: &Page<'_>, audit: &Audit, changes: &Changes) {
    m.element("header", &[], |m| {
        m.leaf("h1", &[], "What was uploaded while nobody used the phone");
        m.leaf("p", &[("class", "faint")], page.span.as_deref().unwrap_or(page.no_span));
        news(m, changes, audit);
        if let Some(others) = &page.others {
            m.leaf("p", &[], others);
        }
        if page.devices.is_empty() && page.others.is_none() {
            m.leaf("p", &[], &page.no_device.join(" "));
        }
        for device in &page.devices {
            if page.devices.len() > 1 {
                m.leaf("h2", &[("class", "who")], &device.name);
            }
            m.element("ul", &[("class", "short")], |m| in_short(m, device));
        }
    });
}

/// What is new since the report before.
fn news(m: &mut Markup, changes: &Changes, audit: &Audit) {
    let Some(since) = changes.since else { return };
    m.element("section", &[("class", "news"), ("aria-labelledby", "news")], |m| {
        m.leaf("h2", &[("id", "news")], &format!("New since {}", calendar::clock(since, audit.timezone)));
        m.element("ul", &[], |m| {
            for (n, said) in changes.sentences().iter().enumerate() {
                let flagged =
                    changes.list.get(n).is_some_and(|change| change.standing().verdict == Verdict::ExportLike);
                m.leaf("li", if flagged { &[("class", "alarm")] } else { &[] }, said);
            }
        });
    });
}

fn in_short(m: &mut Markup, device: &DevicePage<'_>) {
    for card in device.cards.iter().filter(|card| card.is_flagged()) {
        entry(m, card.verdict, |m| {
            m.leaf("strong", &[], &card.name);
            m.text(&format!(" {}. ", card.verdict_words()));
            m.text(card.evidence.first().or(card.headline.as_ref()).map_or("", String::as_str));
        });
    }
    let open: Vec<_> = device.cards.iter().filter(|card| !card.is_flagged()).map(|card| card.name.clone()).collect();
    if !open.is_empty() {
        let why = device.missing_short.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        entry(m, Verdict::Insufficient, |m| {
            m.leaf("strong", &[], &words::listed(&open));
            m.text(&format!(": {}{why}.", words::verdict(Verdict::Insufficient)));
        });
    }
    let routine: Vec<_> = device.routine.iter().map(|row| row.name.clone()).collect();
    if !routine.is_empty() {
        let worst = device.routine.iter().filter_map(|row| row.finding.bounds.worst_night).max();
        let bound = worst
            .map(|worst| format!(", at most {worst} up while nobody used the phone, on any night observed"))
            .unwrap_or_default();
        entry(m, Verdict::Routine, |m| {
            m.leaf("strong", &[], &words::listed(&routine));
            m.text(&format!(": routine{bound}."));
        });
    }
}

fn entry(m: &mut Markup, verdict: Verdict, inside: impl FnOnce(&mut Markup)) {
    m.element("li", &[("class", class(verdict))], |m| {
        m.leaf("span", &[("class", "mark"), ("aria-hidden", "true")], mark(verdict));
        m.element("span", &[], inside);
    });
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::ExportLike => "alarm",
        Verdict::Routine => "calm",
        Verdict::Insufficient => "open",
        _ => "caution",
    }
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::ExportLike => "▲",
        Verdict::Routine => "○",
        Verdict::Insufficient => "?",
        _ => "◆",
    }
}

fn device_part(m: &mut Markup, device: &DevicePage<'_>, source: &DeviceAudit, audit: &Audit) {
    m.element("section", &[("class", "device")], |m| {
        m.leaf("h2", &[], &device.name);
        if !device.identity.is_empty() {
            m.leaf("p", &[("class", "faint code")], &device.identity);
        }
        m.leaf("p", &[], &device.summary);
        if let Some(unplaced) = &device.unplaced {
            m.leaf("p", &[("class", "note")], unplaced);
        }
        for why in device.missing.iter().filter(|_| !device.missing_was_said) {
            m.leaf("p", &[("class", "note")], why);
        }
        for card in &device.cards {
            article(m, card, device, &source.ledger, audit);
        }
        routine(m, &device.routine);
        background(m, &device.background);
    });
}

fn article(m: &mut Markup, card: &Card<'_>, device: &DevicePage<'_>, ledger: &DeviceLedger, audit: &Audit) {
    let classes = format!("card {}", class(card.verdict));
    m.element("article", &[("class", &classes)], |m| {
        m.element("h3", &[], |m| {
            m.text(&card.name);
            if !card.operator.is_empty() && !card.name.contains(&card.operator) {
                m.leaf("span", &[("class", "faint")], &format!(" {}", card.operator));
            }
        });
        m.element("p", &[("class", "verdict")], |m| {
            m.leaf("span", &[("class", "mark"), ("aria-hidden", "true")], mark(card.verdict));
            m.leaf("span", &[], &card.verdict_words());
        });
        if let Some(headline) = &card.headline {
            m.leaf("p", &[("class", "headline")], headline);
        }
        if card.is_flagged() {
            m.leaf("p", &[], &card.meaning);
            m.leaf("h4", &[], "Upload while nobody used the phone, night by night");
            chart::bars(m, card, audit);
            chart::bars_key(m, card);
            for said in &card.evidence {
                m.leaf("p", &[], said);
            }
        } else {
            for why in card.next.iter().filter(|why| !device.missing.contains(why)) {
                m.leaf("p", &[], why);
            }
        }
        if !card.nights().is_empty() {
            m.leaf("h4", &[], "All uploads by time of day");
            chart::heatmap(m, card, ledger, audit);
            chart::key(m);
        }
        m.leaf("h4", &[], "Where it went");
        m.leaf("p", &[], &card.traffic);
        if let Some(largest) = &card.largest {
            m.leaf("p", &[], largest);
        }
        destinations(m, card);
        if card.is_flagged() {
            list(m, "What else could explain it", &card.explanations);
            list(m, "What cannot be seen", &card.unseen);
            if card.verdict == Verdict::SmallRecurrent {
                m.leaf("p", &[("class", "faint")], words::SIZE_GUIDE);
            }
            list(m, "What to do next", &card.next);
            m.leaf("p", &[("class", "numbers")], &format!("Numbers for experts: {}.", card.numbers));
        }
    });
}

fn list(m: &mut Markup, heading: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    m.leaf("h4", &[], heading);
    m.element("ul", &[], |m| items.iter().for_each(|item| m.leaf("li", &[], item)));
}

fn table(m: &mut Markup, caption: &str, headings: &[&str], rows: impl FnOnce(&mut Markup)) {
    m.element("div", &[("class", "wide")], |m| {
        m.element("table", &[], |m| {
            m.leaf("caption", &[], caption);
            m.element("thead", &[], |m| {
                m.element("tr", &[], |m| {
                    for heading in headings {
                        m.leaf("th", &[("scope", "col")], heading);
                    }
                });
            });
            m.element("tbody", &[], rows);
        });
    });
}

fn destinations(m: &mut Markup, card: &Card<'_>) {
    if card.destinations.is_empty() {
        return;
    }
    let headings = ["Destination", "Up", "of it unattended", "Down", "For", "Known by"];
    table(m, &format!("Destinations of {}", card.name), &headings, |m| {
        for to in &card.destinations {
            m.element("tr", &[], |m| {
                m.leaf("th", &[("scope", "row"), ("class", "code")], &to.name);
                let unattended =
                    if card.tells_unattended() { to.unattended_up.to_string() } else { "not known".to_owned() };
                for (label, size) in
                    [("Up", to.up.to_string()), ("Unattended", unattended), ("Down", to.down.to_string())]
                {
                    m.leaf("td", &[("class", "size"), ("data-label", label)], &size);
                }
                m.leaf("td", &[("data-label", "For")], words::role(to.role));
                m.leaf("td", &[("data-label", "Known by")], words::evidence(to.evidence));
            });
        }
    });
    if card.further_destinations > 0 {
        m.leaf("p", &[("class", "faint")], &format!("and {} more", card.further_destinations));
    }
}

fn routine(m: &mut Markup, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    m.leaf("h3", &[], "Routine");
    let headings = ["", "Worst night", "Half of the nights under", "Would be noticed from", "Nights"];
    table(m, "The most that went up in a night while nobody used the phone", &headings, |m| {
        for row in rows {
            let bounds = &row.finding.bounds;
            m.element("tr", &[], |m| {
                m.leaf("th", &[("scope", "row")], &row.name);
                let sizes = [
                    ("Worst night", bounds.worst_night),
                    ("Half of the nights under", bounds.median_night),
                    ("Would be noticed from", bounds.detectable),
                ];
                for (label, size) in sizes {
                    let said = size.map_or("not known".to_owned(), |size| size.to_string());
                    m.leaf("td", &[("class", "size"), ("data-label", label)], &said);
                }
                m.element("td", &[("data-label", "Nights")], |m| chart::spark(m, &row.finding.nights, &row.name));
            });
        }
    });
    m.leaf("p", &[("class", "faint")], words::SIZE_GUIDE);
}

fn background(m: &mut Markup, rows: &[Row<'_>]) {
    const NAMED: usize = 8;
    if rows.is_empty() {
        return;
    }
    m.leaf("h3", &[], "Also seen: system, push, measurement, web");
    let mut said: Vec<_> =
        rows.iter().take(NAMED).map(|row| format!("{} {} up, {} down", row.name, row.up, row.down)).collect();
    if let Some(rest) = rows.get(NAMED..).filter(|rest| !rest.is_empty()) {
        let up: Bytes = rest.iter().map(|row| row.up).sum();
        said.push(format!("{} more, {up} up", rest.len()));
    }
    m.leaf("p", &[], &format!("{}.", said.join("; ")));
    if let Some(worst) = rows.iter().filter_map(|row| row.finding.bounds.worst_night).max() {
        m.leaf("p", &[], &format!("None sent more than {worst} in a night while nobody used the phone."));
    }
}

fn inputs(m: &mut Markup, page: &Page<'_>, audit: &Audit) {
    m.element("section", &[], |m| {
        m.leaf("h2", &[], "What was read");
        for input in &page.inputs {
            input_part(m, input);
        }
        for note in &page.notes {
            m.leaf("p", &[], note);
        }
        let rules = words::plural(audit.rules.count as u64, "rule file", "rule files");
        m.element("p", &[("class", "faint")], |m| {
            m.text(&format!("nightaudit {}, {rules}, SHA-256 ", env!("CARGO_PKG_VERSION")));
            m.leaf("code", &[], &audit.rules.sha256);
        });
    });
}

fn input_part(m: &mut Markup, input: &InputLine<'_>) {
    m.element("div", &[("class", "input")], |m| {
        m.element("p", &[], |m| {
            m.leaf("strong", &[("class", "code")], &input.name);
            m.text(&format!(" {}, {}", input.what, input.when));
        });
        m.element("p", &[("class", "faint")], |m| {
            m.text("SHA-256 ");
            m.leaf("code", &[], &input.report.sha256);
        });
        for trouble in &input.troubles {
            m.leaf("p", &[("class", "note")], trouble);
        }
    });
}

/// How it is known when somebody was there: from traffic, or from the owner.
const FROM_TRAFFIC: &str = "The minutes in which nobody was using the phone are found from its other traffic: names \
                            looked up and pages or videos loaded. The traffic of the app that is judged is never used \
                            for that.";
const FROM_ITS_OWNER: &str = "The minutes in which nobody was using the phone are what its owner says, not found from its \
                              traffic.";

/// How a verdict comes about, for a reader who doubts it.
const METHOD: [&str; 3] = [
    "Each night, meaning the 24 hours from one busiest hour to the next, everything the app sent in those minutes is \
     added up. Acknowledgements of downloads and live calls are set aside and shown apart.",
    "A verdict of recurrence counts nights and asks how common accidental uploads would have to be to explain them. \
     Nothing is learned from the app's own past, so a habit does not become normal by being old.",
    "A verdict describes traffic, not intent or content. Headers and handshakes are read; no message is decrypted.",
];

fn method(m: &mut Markup, is_declared: bool) {
    m.element("section", &[], |m| {
        m.leaf("h2", &[], "How this was judged");
        m.leaf("p", &[], if is_declared { FROM_ITS_OWNER } else { FROM_TRAFFIC });
        for said in METHOD {
            m.leaf("p", &[], said);
        }
        m.leaf("h3", &[], "What no capture like this shows");
        m.element("ul", &[], |m| words::UNSEEN.iter().for_each(|said| m.leaf("li", &[], said)));
    });
}
