//! What the devices of a fleet say together, as one HTML page.

use chrono_tz::Tz;

use super::{class, head, mark, markup::Markup, table};
use crate::{
    base::text::shown,
    pipeline::{FleetFinding, Survey},
    report::{
        fleet::{COLUMNS, MOST_LISTED, STANDING, accident, device, heading, in_short, news, news_heading, troubles},
        json::grade,
        redact::Redaction,
        words,
    },
};

/// Findings that the page lists; JSON has all.
const MOST_FINDINGS: usize = 500;
/// A longer name would leave the other columns no room.
const LONGEST_NAME: usize = 60;

/// The survey as one self-contained HTML file.
pub fn fleet_html(survey: &Survey, redaction: &Redaction, zone: Tz) -> String {
    let mut m = Markup::document();
    m.element("html", &[("lang", "en")], |m| {
        m.element("head", &[], head);
        m.element("body", &[], |m| {
            m.element("main", &[], |m| {
                summary(m, survey, redaction, zone);
                subjects(m, survey);
                findings(m, survey, redaction);
                sensors(m, survey);
                accidents(m, survey);
            });
        });
    });
    m.finish()
}

fn summary(m: &mut Markup, survey: &Survey, redaction: &Redaction, zone: Tz) {
    m.element("header", &[], |m| {
        m.leaf("h1", &[], "What was uploaded while nobody used the phones");
        m.leaf("p", &[("class", "faint")], &heading(survey, zone));
        if let Some(since) = survey.since {
            m.element("section", &[("class", "news"), ("aria-labelledby", "news")], |m| {
                m.leaf("h2", &[("id", "news")], &news_heading(survey, since, zone));
                items(m, &news(survey, redaction), MOST_LISTED);
            });
        }
        m.element("ul", &[("class", "short")], |m| {
            for (verdict, said) in in_short(survey) {
                m.element("li", &[("class", class(verdict))], |m| {
                    m.leaf("span", &[("class", "mark"), ("aria-hidden", "true")], mark(verdict));
                    m.leaf("span", &[], &said);
                });
            }
        });
    });
}

fn subjects(m: &mut Markup, survey: &Survey) {
    m.element("section", &[], |m| {
        m.leaf("h2", &[], "Verdicts by app and service");
        let headings: Vec<&str> =
            ["Subject", "standing"].into_iter().chain(COLUMNS.iter().map(|(_, name)| *name)).collect();
        table(m, STANDING, &headings, |m| {
            for subject in survey.subjects.iter().take(MOST_LISTED) {
                m.element("tr", &[], |m| {
                    m.leaf("th", &[("scope", "row")], &shown(&subject.name, LONGEST_NAME));
                    m.leaf("td", &[("class", "size")], &subject.standing.to_string());
                    for (verdict, _) in COLUMNS {
                        let devices = subject.verdicts.get(&verdict).copied().unwrap_or_default();
                        m.leaf("td", &[("class", "size")], &if devices > 0 { devices.to_string() } else { "–".into() });
                    }
                });
            }
        });
        beyond(m, survey.subjects.len(), MOST_LISTED);
    });
}

fn findings(m: &mut Markup, survey: &Survey, redaction: &Redaction) {
    if survey.findings.is_empty() {
        return;
    }
    m.element("section", &[], |m| {
        m.leaf("h2", &[], "Recurrent findings");
        let caption = "The firmest first. Traffic is described, not content or intent.";
        let headings = ["Subject", "Verdict", "Device", "Sensor", "Worst night", "Nights", "Evidence", "Stands"];
        table(m, caption, &headings, |m| {
            survey.findings.iter().take(MOST_FINDINGS).for_each(|one| finding(m, one, redaction));
        });
        beyond(m, survey.findings.len(), MOST_FINDINGS);
    });
}

fn finding(m: &mut Markup, one: &FleetFinding, redaction: &Redaction) {
    m.element("tr", &[], |m| {
        m.leaf("th", &[("scope", "row")], &shown(&one.name, LONGEST_NAME));
        let grade = one.grade.map_or(String::new(), |it| format!(" ({})", grade(it)));
        m.leaf("td", &[], &format!("{}{grade}", words::verdict(one.verdict)));
        m.leaf("td", &[("class", "code size")], &device(one, redaction));
        m.leaf("td", &[], &one.sensor);
        let worst = one.worst_night.map_or_else(|| "–".to_owned(), |bytes| bytes.to_string());
        m.leaf("td", &[("class", "size")], &worst);
        m.leaf("td", &[("class", "size")], &one.eligible_nights.to_string());
        m.leaf("td", &[("class", "size")], &format!("1e{:.1}", one.log10_e));
        m.leaf("td", &[], if one.stands { "yes" } else { "no" });
    });
}

fn sensors(m: &mut Markup, survey: &Survey) {
    m.element("section", &[], |m| {
        m.leaf("h2", &[], "Sensors");
        let troubles = troubles(survey);
        let well = survey.sensors.len().saturating_sub(troubles.len());
        m.leaf("p", &[], &format!("{well} of {} sensors are well.", survey.sensors.len()));
        items(m, &troubles, MOST_FINDINGS);
    });
}

fn accidents(m: &mut Markup, survey: &Survey) {
    if survey.accidents.is_empty() {
        return;
    }
    m.element("section", &[], |m| {
        m.leaf("h2", &[], "Accidents");
        let why = "How often something large left a messenger unattended where uploads do not recur. It is shown and \
                   never taken by itself: whoever wants to judge by it sets night.accident_rate.";
        m.leaf("p", &[], why);
        items(m, &survey.accidents.iter().map(accident).collect::<Vec<_>>(), MOST_LISTED);
    });
}

fn items(m: &mut Markup, lines: &[String], most: usize) {
    if lines.is_empty() {
        return;
    }
    m.element("ul", &[], |m| lines.iter().take(most).for_each(|line| m.leaf("li", &[], line)));
    beyond(m, lines.len(), most);
}

fn beyond(m: &mut Markup, all: usize, most: usize) {
    if all > most {
        m.leaf("p", &[("class", "faint")], &format!("… and {} more; JSON has all.", all - most));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        base::Bytes,
        identify::Kind,
        night::{Grade, Verdict},
        pipeline::{FleetSubject, Novelty},
    };

    #[test]
    fn hostile_names_stay_text_and_what_is_new_is_said() {
        let hostile = "<script>alert(1)</script>\u{202e}";
        let finding = FleetFinding {
            sensor: hostile.into(),
            device: hostile.into(),
            label: None,
            subject: "x".into(),
            name: hostile.into(),
            kind: Kind::Messenger,
            verdict: Verdict::ExportLike,
            grade: Some(Grade::Strong),
            log10_e: 12.0,
            eligible_nights: 28,
            worst_night: Some(Bytes::mb(20)),
            stands: true,
            news: Novelty::New,
        };
        let subject = FleetSubject {
            subject: "x".into(),
            name: hostile.into(),
            verdicts: BTreeMap::from([(Verdict::ExportLike, 1), (Verdict::Routine, 4)]),
            standing: 1,
        };
        let survey = Survey {
            devices: 5,
            rows: 5,
            subjects: vec![subject],
            findings: vec![finding],
            since: Some(crate::base::Minute(29_000_000)),
            ..Survey::default()
        };
        let page = fleet_html(&survey, &Redaction::Off, chrono_tz::UTC);
        assert!(!page.contains("<script>") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("1 new or changed, 0 no longer found"), "{page}");
        assert!(page.contains("looks like an export on 1 of 5 devices"), "{page}");
    }
}
