//! The toggle test for its reader: the calendar to live by, and what came of it.

use chrono::Datelike;
use serde_json::{Value, json};

use super::{
    canvas::{Canvas, Style},
    look::Look,
    page,
    redact::Redaction,
    table::{self, Align, Column},
    words,
};
use crate::{
    base::Bytes,
    night::{Answer, LeftOut, Measure, Switch, ToggleNight, TogglePlan, Toggled, ToggledNight},
};

/// Which traffic a plan was held against.
#[derive(Clone, Debug)]
pub struct ToggleCase<'a> {
    /// The calendar.
    pub plan: &'a TogglePlan,
    /// The device's name.
    pub device: &'a str,
    /// The subject's name.
    pub subject: &'a str,
    /// What was found.
    pub toggled: &'a Toggled,
}

/// The calendar as a page for a terminal. `file` is where it is kept.
pub fn toggle_plan_text(plan: &TogglePlan, file: &str, look: &Look) -> String {
    let mut sheet = Canvas::new(look);
    let what = page::name(&plan.what);
    let count = |feature| plan.night.iter().filter(|night| night.feature == feature).count();
    let (on, off) = (count(Switch::On), count(Switch::Off));
    sheet.para(
        Style::Strong,
        0,
        &format!("The toggle test: {} nights, {on} with {what} on, {off} with it off", on + off),
    );
    sheet.gap();
    let (at, zone) = (plan.switch_at, plan.timezone.name());
    sheet.para(
        Style::Plain,
        0,
        &format!(
            "Every day at {at} ({zone}) turn it to what the day says. A night reaches from there to the next {at}."
        ),
    );
    sheet.gap();
    calendar(&mut sheet, plan);
    let advice = [
        format!("Capture all of the phone's traffic, from {at} on the first day to {at} on the last."),
        "Go by the calendar and by nothing else. Do not swap nights because one suits you better: that the nights were \
         drawn is what makes the result a proof."
            .to_owned(),
        "Treat all nights alike in everything else: charge the phone, keep it on the same network, use it as ever."
            .to_owned(),
        format!(
            "Where you forgot to switch, or the phone was away, write left_out = \"why\" beside that night in {}, before \
             you look at any result.",
            page::name(file)
        ),
    ];
    heading(&mut sheet, "How to do it");
    for item in &advice {
        sheet.bullet(2, item);
    }
    heading(&mut sheet, "What it can show");
    sheet.para(Style::Plain, 2, &reach(plan));
    sheet.gap();
    sheet.para(
        Style::Plain,
        0,
        &format!("The calendar and its seed ({}) are kept in {}. Afterwards:", plan.seed, page::name(file)),
    );
    sheet.para(
        Style::Plain,
        2,
        &format!("nightaudit toggle judge --plan {} --subject APP CAPTURE...", page::name(file)),
    );
    sheet.finish()
}

/// What the plan can reach at best.
fn reach(plan: &TogglePlan) -> String {
    let calendars = plan.calendars();
    let best = format!(
        "There are {} such calendars, and this one was drawn from them. If the switch does nothing, the uploads fit the \
         drawn one better than all others with a chance of 1 in {}: p = {} is the smallest that this plan can reach.",
        many(calendars),
        many(calendars),
        p_value(plan.smallest_p())
    );
    if plan.smallest_p() > 0.01 {
        format!("{best} That is not much: take 10 nights or more.")
    } else {
        format!("{best} Every night that is lost makes it larger.")
    }
}

fn calendar(sheet: &mut Canvas, plan: &TogglePlan) {
    let mut before: Option<Switch> = None;
    for night in &plan.night {
        let act = match (before.replace(night.feature), night.feature) {
            (None, Switch::On) => "have it on",
            (None, Switch::Off) => "have it off",
            (Some(last), now) if last == now => "leave it",
            (Some(_), Switch::On) => "turn it on",
            (Some(_), Switch::Off) => "turn it off",
        };
        let style = if night.feature == Switch::On { Style::Strong } else { Style::Plain };
        sheet.indent(2);
        sheet.piece(Style::Plain, &format!("{}  ", day(night)));
        sheet.piece(style, &format!("{:4}", feature(night.feature)));
        sheet.piece(Style::Faint, act);
        sheet.end();
    }
    if let Some(end) = plan.night.last().and_then(|night| night.date.succ_opt()) {
        let end = ToggleNight { date: end, feature: Switch::Off, left_out: None };
        sheet.line(Style::Faint, 2, &format!("{}  over at {}", day(&end), plan.switch_at));
    }
}

fn day(night: &ToggleNight) -> String {
    let date = night.date;
    format!("{} {:>2} {} {}", date.format("%a"), date.day(), date.format("%b"), date.year())
}

const fn feature(feature: Switch) -> &'static str {
    match feature {
        Switch::On => "on",
        Switch::Off => "off",
    }
}

fn heading(sheet: &mut Canvas, text: &str) {
    sheet.gap();
    sheet.line(Style::Strong, 0, text);
}

/// What came of it, as a page for a terminal.
pub fn toggle_text(case: &ToggleCase<'_>, look: &Look) -> String {
    let mut sheet = Canvas::new(look);
    let toggled = case.toggled;
    let (subject, what) = (page::name(case.subject), page::name(&case.plan.what));
    let device = page::name(&look.redaction.device(case.device));
    sheet.para(Style::Strong, 0, &format!("The toggle test: {subject} on {device}, {what} on and off"));
    sheet.gap();
    let style = match toggled.answer {
        Answer::Follows | Answer::ProbablyFollows => Style::Alarm,
        Answer::NotShown => Style::Calm,
        Answer::TooFew => Style::Caution,
    };
    sheet.para(style, 0, &answer(toggled, &subject, &what));
    sheet.gap();
    for said in figures(toggled, &what) {
        sheet.para(Style::Plain, 0, &said);
    }
    sheet.gap();
    nights(&mut sheet, toggled);
    heading(&mut sheet, "What this means");
    for said in meaning(toggled, &subject, &what) {
        sheet.bullet(2, &said);
    }
    heading(&mut sheet, "What it does not mean");
    for said in limits(toggled, &subject) {
        sheet.bullet(2, &said);
    }
    sheet.finish()
}

fn answer(toggled: &Toggled, subject: &str, what: &str) -> String {
    match toggled.answer {
        Answer::Follows => {
            format!("The uploads of {subject} follow the switch: more goes up on nights with {what} on.")
        }
        Answer::ProbablyFollows => {
            format!("The uploads of {subject} probably follow the switch: more goes up on nights with {what} on.")
        }
        Answer::NotShown => format!("That more goes up with {what} on was not shown."),
        Answer::TooFew => "Too few nights count for any answer.".to_owned(),
    }
}

fn figures(toggled: &Toggled, what: &str) -> Vec<String> {
    let measured = match toggled.measure {
        Measure::Unattended => "while nobody used the phone",
        Measure::All => "in all",
    };
    let kind = |feature: Switch| {
        let nights = toggled.counted(feature).len();
        let typical = toggled.median(feature).map(|median| format!("; typically {median} went up {measured}"));
        let with = if feature == Switch::On { "on" } else { "off" };
        let count = words::nights(u32::try_from(nights).unwrap_or(u32::MAX));
        format!("With {what} {with}: {count}{}.", typical.unwrap_or_default())
    };
    let mut said = vec![kind(Switch::On), kind(Switch::Off)];
    if let Some(effect) = toggled.effect {
        said.push(format!(
            "The switch makes {} a night, and with {} confidence something from {} to {}.",
            signed(effect.typical),
            percent_exact(effect.confidence),
            signed(effect.least),
            signed(effect.most)
        ));
    }
    if let (Some(p), Some(smallest)) = (toggled.p, toggled.smallest_p) {
        said.push(format!(
            "If the switch did nothing, as clear a difference would come up with a chance of p = {}; the smallest that \
             these nights allow is {}.",
            p_value(p),
            p_value(smallest)
        ));
    }
    if toggled.measure == Measure::All {
        said.push(
            "When the phone was in use cannot be told from this capture, so everything that went up is compared. The \
             test is as valid, only less sensitive; declare the hours of rest (--asleep 23:30-07:00) to sharpen it."
                .to_owned(),
        );
    }
    said
}

fn nights(sheet: &mut Canvas, toggled: &Toggled) {
    let columns = [
        Column { heading: "night", align: Align::Left, most: 16 },
        Column { heading: "switch", align: Align::Left, most: 6 },
        Column { heading: "went up", align: Align::Right, most: 10 },
        Column { heading: "", align: Align::Left, most: sheet.width().saturating_sub(2 + 16 + 2 + 6 + 2 + 10 + 2) },
    ];
    let row = |night: &ToggledNight| {
        let date = ToggleNight { date: night.date, feature: night.feature, left_out: None };
        let counts = night.left_out.as_ref().map(left_out).unwrap_or_default();
        vec![day(&date), feature(night.feature).to_owned(), night.up.to_string(), counts]
    };
    let rows: Vec<_> = toggled.nights.iter().map(row).collect();
    for (n, line) in table::lines(&columns, &rows).iter().enumerate() {
        sheet.line(if n == 0 { Style::Faint } else { Style::Plain }, 2, line);
    }
}

fn left_out(why: &LeftOut) -> String {
    match why {
        LeftOut::Owner(why) => format!("left out: {}", page::name(why)),
        LeftOut::Coverage(0.0) => "left out: not captured".to_owned(),
        LeftOut::Coverage(share) => format!("left out: only {} of it was observed", words::percent(*share)),
    }
}

fn meaning(toggled: &Toggled, subject: &str, what: &str) -> Vec<String> {
    match toggled.answer {
        Answer::Follows | Answer::ProbablyFollows => {
            let mut said = vec![format!(
                "The switch causes the difference. The nights were drawn by lot, so nothing else can differ between them \
                 except by chance, and p says how small that chance is."
            )];
            said.push(format!("So {what} explains that part of what {subject} uploads: it is what the feature does."));
            if let Some(rest) = toggled.median(Switch::Off).filter(|rest| *rest >= Bytes::mb(1)) {
                said.push(format!("It does not explain the {rest} that typically go up with it off as well."));
            }
            said
        }
        Answer::NotShown => {
            let most = toggled.effect.map(|effect| effect.most.max(0)).unwrap_or_default();
            let sure = toggled.effect.map_or(0.0, |effect| effect.confidence);
            vec![
                format!(
                    "What {what} adds to a night is not seen. With {} confidence it is not more than {}.",
                    percent_exact(sure),
                    signed(most).trim_end_matches(" more")
                ),
                format!("If {subject} uploads at night, something other than this switch makes it do so."),
            ]
        }
        Answer::TooFew => vec![
            "Even if the uploads fit the calendar perfectly, that could be chance. Draw a longer plan, of 14 nights or \
             more, and capture all of them."
                .to_owned(),
        ],
    }
}

fn limits(toggled: &Toggled, subject: &str) -> Vec<String> {
    let mut said = vec![
        "p is not the chance that the feature is innocent or guilty. It is how often drawing alone would give a picture \
         as clear as this."
            .to_owned(),
        format!("It says nothing of what is in the uploads, nor of what {subject} does on other phones."),
        "It holds if the switch was set by the calendar, and nights were left out without a look at their uploads."
            .to_owned(),
    ];
    if toggled.answer == Answer::NotShown {
        said.push("Not shown is not disproved: a small effect, or one on few nights, can be missed.".to_owned());
    }
    said
}

/// `14.8 MB more`, `0.3 MB less`.
fn signed(bytes: i64) -> String {
    let size = Bytes(bytes.unsigned_abs());
    if bytes < 0 { format!("{size} less") } else { format!("{size} more") }
}

/// `0.0003`, `0.04`, `under 0.0001`.
fn p_value(p: f64) -> String {
    match p {
        p if p >= 0.1 => format!("{p:.2}"),
        p if p >= 0.01 => format!("{p:.3}"),
        p if p >= 0.000_1 => format!("{p:.4}"),
        p => format!("{p:.1e}"),
    }
}

fn percent_exact(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `3,432`; of very many the order.
fn many(count: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count below 2^53")]
    if count < 1e12 { words::grouped(count.round() as u64) } else { format!("{count:.1e}") }
}

/// What came of it, for other programs.
pub fn toggle_json(case: &ToggleCase<'_>, redaction: &Redaction) -> Value {
    let (plan, toggled) = (case.plan, case.toggled);
    let kind = |feature| json!({"nights": toggled.counted(feature).len(), "median": toggled.median(feature)});
    json!({
        "schema": 1,
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "plan": {
            "what": plan.what,
            "seed": plan.seed,
            "switch_at": plan.switch_at.to_string(),
            "timezone": plan.timezone.name(),
            "calendars": plan.calendars(),
            "smallest_p": plan.smallest_p(),
        },
        "device": redaction.device(case.device),
        "subject": case.subject,
        "measure": match toggled.measure {
            Measure::Unattended => "unattended",
            Measure::All => "all",
        },
        "answer": match toggled.answer {
            Answer::Follows => "follows",
            Answer::ProbablyFollows => "probably-follows",
            Answer::NotShown => "not-shown",
            Answer::TooFew => "too-few-nights",
        },
        "p": toggled.p,
        "smallest_p": toggled.smallest_p,
        "effect_bytes_per_night": toggled.effect.map(|effect| json!({
            "typical": effect.typical,
            "least": effect.least,
            "most": effect.most,
            "confidence": effect.confidence,
        })),
        "on": kind(Switch::On),
        "off": kind(Switch::Off),
        "nights": toggled.nights.iter().map(|night| json!({
            "date": night.date.to_string(),
            "feature": night.feature,
            "up": night.up,
            "left_out": night.left_out.as_ref().map(left_out),
        })).collect::<Vec<_>>(),
    })
}
