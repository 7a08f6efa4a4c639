//! One verdict told step by step, with its numbers, as a person would tell it.

mod tables;

use super::{
    calendar,
    canvas::{Canvas, Style},
    look::Look,
    page,
    words::{self, Case, by_standing, percent},
};
use crate::{
    base::{Bytes, Minute},
    ledger::SubjectLedger,
    night::{Annotation, ClockHabit, Finding, Sensitivity, Settings, Verdict, Walk},
    pipeline::{Audit, DeviceAudit},
};

/// One verdict with all that it was reached by.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The audit it is part of.
    pub audit: &'a Audit,
    /// The device.
    pub device: &'a DeviceAudit,
    /// Which of its findings.
    pub finding: &'a Finding,
    /// The steps.
    pub walk: &'a Walk,
    /// The verdict under other assumptions.
    pub sensitivity: &'a [Sensitivity],
    /// The thresholds it was reached with.
    pub settings: &'a Settings,
}

/// The story of one verdict, for a terminal; nothing where the device holds no such subject.
pub fn explain_text(story: &Explained<'_>, look: &Look) -> String {
    let Some(ledger) = story.device.ledger.subjects.get(story.finding.subject) else { return String::new() };
    let mut sheet = Canvas::new(look);
    let (name, operator) = (page::subject_name(&ledger.subject), page::name(&ledger.subject.operator));
    let case = Case { name: &name, operator: &operator, ledger, finding: story.finding, zone: story.audit.timezone };
    let device = look.redaction.label(story.device.label.as_deref()).map(page::name);
    let device = device.unwrap_or_else(|| page::name(&look.redaction.device(&story.device.id)));
    sheet.para(Style::Strong, 0, &format!("How the verdict on {name} was reached ({device})"));
    sheet.para(Style::Plain, 0, &format!("Verdict: {}. {}", verdict(story.finding), case.meaning()));
    in_use(&mut sheet, story, &name);
    nights(&mut sheet, story);
    went_up(&mut sheet, story, ledger, &case);
    if story.finding.verdict == Verdict::Insufficient {
        step(&mut sheet, 4, "Why there is no verdict");
        case.missing().iter().for_each(|why| sheet.para(Style::Plain, 3, why));
    } else {
        how_often(&mut sheet, story);
        evidence(&mut sheet, story, &case);
        assumptions(&mut sheet, story);
    }
    closing(&mut sheet, story, &case);
    sheet.finish()
}

fn verdict(finding: &Finding) -> String {
    let grade = finding.grade.map(|grade| format!(", {}", words::grade(grade))).unwrap_or_default();
    format!("{}{grade}", words::verdict(finding.verdict))
}

fn step(sheet: &mut Canvas, number: u32, heading: &str) {
    sheet.gap();
    sheet.line(Style::Heading, 0, &format!("{number}. {heading}"));
}

fn para(sheet: &mut Canvas, text: &str) {
    sheet.para(Style::Plain, 3, text);
}

fn in_use(sheet: &mut Canvas, story: &Explained<'_>, name: &str) {
    let (walk, settings) = (story.walk, story.settings);
    step(sheet, 1, "When was somebody using the phone?");
    let share = walk.attended as f64 / walk.observed.max(1) as f64;
    let watched = format!(
        "It was observed for {} hours, and was in use {} of them.",
        words::grouped(walk.observed / 60),
        percent(share)
    );
    if story.finding.annotations.contains(&Annotation::DeclaredHours) {
        para(sheet, &format!("Its owner said so; nothing was read from traffic. {watched}"));
        return;
    }
    para(
        sheet,
        &format!(
            "{name} itself was not asked. {} minutes showed a person by {} different names looked up or reached within {} \
             minutes, {} by a download of {} or more within one. Each keeps the phone in use for {} minutes. {watched}",
            words::grouped(walk.by_names as u64),
            settings.names,
            settings.name_window,
            words::grouped(walk.by_downloads as u64),
            settings.download,
            settings.hold
        ),
    );
    let leak = percent(story.device.finding.leak);
    let most = percent(settings.most_leak);
    para(sheet, &format!("{leak} of the downloads began without names: above {most}, nothing would be said."));
}

fn nights(sheet: &mut Canvas, story: &Explained<'_>) {
    let all = story.finding.nights.len();
    let counting = story.walk.steps.len();
    step(sheet, 2, "What is a night?");
    let Some(first) = story.finding.nights.first() else {
        para(sheet, "No night was captured.");
        return;
    };
    let clock = |minute: Minute| calendar::local(minute, story.audit.timezone).format("%H:%M").to_string();
    let rest = story.walk.rest_on(first.start);
    para(
        sheet,
        &format!(
            "24 hours from {}, the middle of the hours in which the phone is used most. It usually rests from {} to {}. \
             {counting} of {all} nights count: half of their idle minutes were observed, or more. A verdict needs {}.",
            clock(first.start),
            clock(rest),
            clock(rest.plus(6 * 60)),
            story.settings.needed_nights
        ),
    );
}

fn went_up(sheet: &mut Canvas, story: &Explained<'_>, ledger: &SubjectLedger, case: &Case<'_>) {
    step(sheet, 3, "What went up while nobody used it?");
    let settings = story.settings;
    para(
        sheet,
        &format!(
            "From all that was sent, {:.0} % of what was received is set aside for acknowledgements, and calls, and uploads \
             that somebody began. Of the rest, bulk is what goes up as files do: {} or more at a time, {} of it one way, \
             in full packets.",
            settings.acknowledgement_share * 100.0,
            settings.bulk_size,
            percent(settings.bulk_asymmetry)
        ),
    );
    if story.finding.nights.is_empty() {
        let up: Bytes = ledger.roles.iter().map(|(_, up, _)| *up).sum();
        para(sheet, &format!("{up} went up in all."));
        return;
    }
    sheet.gap();
    tables::nights(sheet, story);
    case.largest().iter().for_each(|largest| para(sheet, largest));
}

fn how_often(sheet: &mut Canvas, story: &Explained<'_>) {
    step(sheet, 4, "On how many nights?");
    let (numbers, settings) = (&story.finding.evidence, story.settings);
    tables::hits(sheet, story);
    if let Some(median) = numbers.median_hit {
        para(sheet, &format!("On a night with an upload it was typically {median}."));
    }
    if let Some((low, high)) = numbers.hit_share {
        let smallest = settings.sizes.first().copied().unwrap_or_default();
        let (low, high) = (percent(low), percent(high));
        para(
            sheet,
            &format!("With 95 % credibility it happens on {low} to {high} of nights (Jeffreys, {smallest} or more)."),
        );
    }
    if let Some(ClockHabit { minute, concentration, p_value }) = numbers.clock {
        let at = story.finding.nights.last().map_or(Minute(0), |night| night.start);
        let at = Minute(at.0 / 1_440 * 1_440).plus(minute.into());
        let at = calendar::local(at, story.audit.timezone).format("%H:%M").to_string();
        let keeps = if p_value <= 0.05 { "keep" } else { "do not clearly keep" };
        para(
            sheet,
            &format!(
                "The uploads {keeps} to a time of day, about {at} (concentration {concentration:.2}, p {p_value:.2} \
                 against other idle moments). That is shown, and decides nothing."
            ),
        );
    }
}

fn evidence(sheet: &mut Canvas, story: &Explained<'_>, case: &Case<'_>) {
    let (numbers, settings) = (&story.finding.evidence, story.settings);
    step(sheet, 5, "Could that be accident?");
    let threshold = settings.threshold;
    para(
        sheet,
        &format!(
            "Suppose that large uploads happen by accident on {} of nights ({} below {}). Somebody who bets against that, \
             night by night at fair odds, holds {} times the stake at best, {} on uploads in small pieces. {threshold:.0} \
             times is called recurrent: if the supposition holds, that is ever reached with a chance of 1 in \
             {threshold:.0}, however often one looks.",
            percent(settings.accident_rate),
            percent(settings.small_accident_rate.max(settings.accident_rate)),
            settings.export_size,
            tables::times(numbers.log10_e),
            tables::times(numbers.log10_e_drip)
        ),
    );
    let flagged = match numbers.first_flagged_night {
        Some(night) => format!("It was reached on night {night} of those that count."),
        None => "It was not reached.".to_owned(),
    };
    para(sheet, &flagged);
    if let Some(rate) = numbers.tipping_rate {
        let strong = percent(settings.strong_tipping_rate);
        para(
            sheet,
            &format!(
                "It would still be reached if accidents happened on {} of nights. From {strong} on it is called strong.",
                percent(rate)
            ),
        );
    }
    let devices = &story.audit.devices;
    let rows = devices.iter().flat_map(|device| &device.finding.findings);
    let rows = rows.filter(|one| one.verdict != Verdict::Insufficient).count();
    let whose = match devices.len() {
        1 => "this phone".to_owned(),
        count => format!("{count} devices"),
    };
    let stands = if numbers.stands_among_rows { "stands" } else { "does not stand" };
    para(
        sheet,
        &format!(
            "{rows} apps and services of {whose} were judged at once; among so many, the evidence {stands} (e-BH, {}).",
            percent(settings.discovery_rate)
        ),
    );
    if let Some(score) = &story.finding.score {
        sheet.gap();
        tables::score(sheet, score);
    }
    case.remarks().iter().for_each(|said| para(sheet, said));
}

fn assumptions(sheet: &mut Canvas, story: &Explained<'_>) {
    step(sheet, 6, "What if the assumption is wrong?");
    para(
        sheet,
        "How often accidents happen has not been measured on many phones. The same nights under other rates (rows) and \
         thresholds (columns):",
    );
    sheet.gap();
    tables::sensitivity(sheet, story.sensitivity, story.settings);
    para(sheet, "Try others: --set night.accident_rate=0.1, --set night.threshold=1000.");
}

fn closing(sheet: &mut Canvas, story: &Explained<'_>, case: &Case<'_>) {
    let bounds = &story.finding.bounds;
    let mut number = if story.finding.verdict == Verdict::Insufficient { 4 } else { 6 };
    let mut next = |sheet: &mut Canvas, heading: &str| {
        number += 1;
        step(sheet, number, heading);
    };
    if bounds.worst_night.is_some() {
        next(sheet, "How much can it have been at most?");
        case.headline().iter().for_each(|said| para(sheet, said));
        tables::bounds(sheet, bounds);
    }
    if !story.finding.explanations.is_empty() {
        next(sheet, "What else could explain it?");
        for one in by_standing(&story.finding.explanations) {
            let mark = format!("{:13}", words::standing(one.standing));
            sheet.hanging(Style::Plain, 3, &mark, &words::tested(one));
        }
    }
    next(sheet, "What cannot be seen?");
    case.unseen().iter().for_each(|said| sheet.bullet(3, said));
    sheet.bullet(3, words::SIZE_GUIDE);
    let advice = case.next();
    if !advice.is_empty() {
        next(sheet, "What to do next?");
        for said in &advice {
            sheet.bullet(3, said);
        }
    }
}
