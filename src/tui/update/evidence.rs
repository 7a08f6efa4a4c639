//! The packets behind what is looked at: which flows, in which minutes.

use std::sync::Arc;

use crate::{
    base::Span,
    night::Finding,
    pipeline::{About, FlowRow, Judging, Trail, snapshot::Stage},
    report::Redaction,
    tui::{
        derive::FlowChooser,
        event::{Effect, Evidence, Remark},
        grid::{DAY, is_hit},
        model::{Model, View},
        views,
    },
};

/// Asks for the packets, or says why they cannot be had.
pub(super) fn ask(model: &mut Model) -> Option<Effect> {
    match evidence(model) {
        Ok(evidence) => Some(Effect::Evidence(Box::new(evidence))),
        Err(why) => {
            super::remark_on(model, Remark::Failed(why.to_owned()));
            None
        }
    }
}

fn evidence(model: &Model) -> Result<Evidence, &'static str> {
    let captures =
        model.captures.as_ref().ok_or("packets are picked from capture files, and here are none to read again")?;
    if model.redaction != Redaction::Off {
        return Err("packets carry addresses, which cannot be hidden: show names first");
    }
    if !matches!(model.snapshot.stage, Stage::Complete | Stage::Stopped | Stage::Judging) {
        return Err("packets are picked in a second reading: wait for the end of the first");
    }
    let finding = finding(model).ok_or("choose a device or an app first")?;
    let (at, device) = model.device().ok_or("choose a device or an app first")?;
    let rows: Vec<&FlowRow> = if model.view == View::Flows {
        model.derived.flows.iter().filter_map(|n| model.snapshot.flow(*n as usize)).map(|row| &**row).collect()
    } else {
        let chooser = FlowChooser::new(model, Some((at, device))).anywhere();
        let all = model.snapshot.flows.iter().chain(model.snapshot.open.iter());
        all.map(|row| &**row).filter(|row| chooser.takes(row)).collect()
    };
    if rows.is_empty() {
        return Err("no flow is known of what is chosen and asked: there is no packet to pick");
    }
    let subject = model.brief().map(|brief| brief.name.as_str());
    let about = About { device, subject, finding };
    let trail = Trail::of(about, rows.into_iter(), spans(model, finding)).ok_or("there is no time to look in")?;
    let night = (*model.snapshot.night).clone();
    Ok(Evidence {
        trail,
        judging: Judging { timezone: model.snapshot.audit.timezone, night },
        captures: Arc::clone(captures),
        left_out: model.snapshot.flows.left_out,
    })
}

fn finding(model: &Model) -> Option<&Finding> {
    let findings = &model.device()?.1.finding.findings;
    match model.subject() {
        Some(subject) => findings.iter().find(|finding| finding.subject == subject),
        None => findings.first(),
    }
}

/// The minutes that are looked in: what is brushed, else what the view is about.
fn spans(model: &Model, finding: &Finding) -> Vec<Span> {
    if let Some(brush) = &model.brush {
        return brush.spans().to_vec();
    }
    match model.view {
        View::Overview | View::Finding | View::Help => nights_with_hits(model, finding),
        View::Nights => {
            model.derived.grid.rows.get(model.nights.cursor.night).map(|row| row.span).into_iter().collect()
        }
        View::Traffic => views::traffic::Chart::of(model).map(|chart| chart.span).into_iter().collect(),
        View::Destinations | View::Flows => vec![EVER],
    }
}

/// The nights that the verdict rests on; where it rests on none, all of them.
fn nights_with_hits(model: &Model, finding: &Finding) -> Vec<Span> {
    let nights = &finding.nights;
    let span = |n: usize| {
        let first = nights[n].start;
        Span { first, end: nights.get(n + 1).map_or(first.plus(DAY), |next| next.start.min(first.plus(DAY))) }
    };
    let hit = |n: &usize| is_hit(&nights[*n], finding.verdict, &model.snapshot.night);
    let hits: Vec<Span> = (0..nights.len()).filter(hit).map(span).collect();
    if hits.is_empty() { vec![EVER] } else { hits }
}

const EVER: Span = Span { first: crate::base::Minute(0), end: crate::base::Minute(u32::MAX) };
