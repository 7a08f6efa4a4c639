//! One subject looked at again: under other assumptions, night by night, or from other nights than the device's own.

use crate::{
    base::Span,
    identify::Kind,
    ledger::DeviceLedger,
    night::{
        Grade, Lacking, Night, Settings, Verdict,
        cycle::{Cycle, Cycles, DAY},
        evidence,
        judge::Device,
        power::Site,
        verdict,
        weigh::weigh,
    },
};

/// One subject of a device, laid out so that it can be looked at again under other settings of the evidence.
pub(super) struct Case {
    kind: Kind,
    pub(super) lacking: Vec<Lacking>,
    nights: Vec<Night>,
    sites: Vec<Site>,
    /// Minutes that names, and downloads, showed a person in.
    pub(super) signs: (usize, usize),
    /// Minutes observed, and those of them in use.
    pub(super) minutes: (u64, u64),
    /// Minute of the UTC day at which the usual hours of rest begin.
    pub(super) rest: u16,
}

impl Case {
    /// Subject number `subject` of `ledger`; `None` where there is none.
    pub(super) fn of(ledger: &DeviceLedger, subject: usize, settings: &Settings) -> Option<Self> {
        let settings = &Settings { power: false, ..settings.clone() };
        let row = ledger.subjects.get(subject)?;
        let number = u32::try_from(subject).ok()?;
        let device = Device::new(ledger, settings);
        let mask = device.attendance.without(number);
        let nights = device.nights(row, number, &mask, &device.cycles);
        Some(Self {
            kind: row.subject.kind,
            lacking: device.lacking(row, number, &mask, &nights),
            sites: device.sites(&nights),
            signs: device.attendance.signs(),
            minutes: (device.observed.all.minutes(), device.observed.all.and(&mask.spans()).minutes()),
            rest: device.cycles.rest,
            nights,
        })
    }

    /// The verdict under other settings of the evidence, graded as if it were the device's only subject.
    pub(super) fn verdict(&self, settings: &Settings) -> (Verdict, Option<Grade>) {
        let counted: Vec<_> = self.sites.iter().map(|site| site.1).collect();
        let (mut evidence, recurrent) = weigh(&counted, settings);
        evidence.stands_among_rows = true;
        let verdict = verdict::decide(self.kind, &self.lacking, recurrent, &self.nights, settings);
        (verdict, verdict::grade(verdict, &evidence, settings))
    }

    /// The nights that count, with what each weighs: its place among all nights, and the evidence after it, `log10 e`,
    /// for bulk uploads and for small pieces.
    pub(super) fn growth(&self, settings: &Settings) -> Vec<(usize, f64, f64)> {
        let counted: Vec<_> = self.sites.iter().map(|site| site.1).collect();
        let rate = settings.accident_rate_at(settings.export_size);
        let bulk = evidence::by_night(&counted, &evidence::stakes(settings));
        let drip = evidence::drip_by_night(&counted, settings.drip_size, rate);
        let log10 = |ln: f64| ln / std::f64::consts::LN_10;
        self.sites.iter().zip(bulk.iter().zip(&drip)).map(|(site, (b, d))| (site.0, log10(*b), log10(*d))).collect()
    }
}

/// Nights of subject number `subject` from `spans` instead of the device's own cycles, and what the device lacks for a
/// verdict on it.
pub(super) fn nights_in(
    ledger: &DeviceLedger,
    subject: usize,
    spans: &[Span],
    settings: &Settings,
) -> Option<(Vec<Night>, Vec<Lacking>)> {
    let settings = &Settings { power: false, ..settings.clone() };
    let row = ledger.subjects.get(subject)?;
    let number = u32::try_from(subject).ok()?;
    let device = Device::new(ledger, settings);
    let mask = device.attendance.without(number);
    let own = device.nights(row, number, &mask, &device.cycles);
    let cut = spans.first().map_or(0, |span| u16::try_from(span.first.0 % DAY).unwrap_or(0));
    let list = (0..).zip(spans).map(|(number, span)| Cycle { number, span: *span }).collect();
    let cycles = Cycles { cut, rest: device.cycles.rest, list };
    Some((device.nights(row, number, &mask, &cycles), device.lacking(row, number, &mask, &own)))
}
