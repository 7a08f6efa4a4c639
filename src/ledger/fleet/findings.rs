//! What was found when the whole fleet was judged: kept on the server, so that the next time says what is new, and an
//! overview needs no judging.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{
    FleetError, Server,
    parcel::{FactRow, day, line},
};
use crate::{
    base::{Bytes, Minute},
    identify::Kind,
    ledger::store::words::{KINDS, of_word, word},
};

/// Findings that are read of one run at most.
const MOST_FINDINGS: usize = 2_000_000;
/// What is sent at once at most.
const LARGEST_SHEET: usize = 16 << 20;
/// The kind of fact that a run is; it belongs to no sensor.
const RUN: &str = "run";

/// A recurrent finding, as it was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptFinding {
    /// Whose device.
    pub sensor: String,
    /// Which device.
    pub device: String,
    /// The name its owner gave it.
    pub label: Option<String>,
    /// The subject's id.
    pub subject: String,
    /// The subject's name.
    pub name: String,
    /// How a verdict on it is worded.
    pub kind: Kind,
    /// The verdict, as a word.
    pub verdict: String,
    /// Its grade, as a word; empty where it has none.
    pub grade: String,
    /// Decimal logarithm of the evidence, to a [millionth](millionths).
    pub log10_e: f64,
    /// Nights that counted.
    pub eligible_nights: u32,
    /// The most that left unattended on any of them.
    pub worst_night: Option<Bytes>,
    /// It stands when every row of the fleet is judged together.
    pub stands: bool,
}

/// One time that the whole fleet was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptRun {
    /// Which: each further one has a higher number.
    pub number: u64,
    /// What was found in all, as JSON.
    pub summary: String,
}

#[derive(Serialize)]
struct FindingRow<'a> {
    run: u64,
    day: &'a str,
    sensor: &'a str,
    device: &'a str,
    label: &'a str,
    subject: &'a str,
    name: &'a str,
    kind: &'a str,
    verdict: &'a str,
    grade: &'a str,
    log10_e: f64,
    eligible_nights: u32,
    /// -1 where it is not known.
    worst_night: i64,
    stands: u8,
    version: u64,
}

impl Server {
    /// Keeps what was found, and gives the number of the run. `until` is the end of what was judged. A run that is broken
    /// off is not one: its summary comes last.
    pub fn keep_run<'a>(
        &self,
        until: Minute,
        findings: impl Iterator<Item = &'a KeptFinding>,
        summary: &str,
    ) -> Result<u64, FleetError> {
        let last = self.number(&format!("SELECT max(run) FROM {}.findings", self.database()))?;
        // Two at the same time are told apart by when they ended.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros());
        let number = u64::try_from(now).unwrap_or_default().max(last.saturating_add(1));
        let (day, mut sheet) = (day(until.0), Vec::new());
        for one in findings {
            line(&mut sheet, &row(one, number, &day));
            if sheet.len() > LARGEST_SHEET {
                self.insert("findings", &sheet)?;
                sheet.clear();
            }
        }
        self.insert("findings", &sheet)?;
        let (mut fact, key) = (Vec::new(), number.to_string());
        line(&mut fact, &FactRow { sensor: "", kind: RUN, key: &key, value: summary, version: 1 });
        self.insert("facts", &fact)?;
        Ok(number)
    }

    /// The last runs that were kept, the newest first; at most `most`.
    pub fn runs(&self, most: u32) -> Result<Vec<KeptRun>, FleetError> {
        let mut rows = self.rows(&format!(
            "SELECT toUInt64OrZero(key) AS n, value FROM {}.facts FINAL WHERE sensor = '' AND kind = '{RUN}' \
             ORDER BY n DESC LIMIT {most}",
            self.database()
        ))?;
        let mut runs = Vec::new();
        while let Some(run) = rows.next(|row| Some(KeptRun { number: row.number(0)?, summary: row.text(1)? }))? {
            runs.push(run);
        }
        Ok(runs)
    }

    /// What was found in a run.
    pub fn findings_of(&self, run: u64) -> Result<Vec<KeptFinding>, FleetError> {
        let sql = format!(
            "SELECT substring(sensor, 1, 253), substring(device, 1, 253), substring(label, 1, 253), \
             substring(subject, 1, 253), substring(name, 1, 253), kind, verdict, grade, log10_e, eligible_nights, \
             worst_night, stands FROM {}.findings FINAL WHERE run = {run} LIMIT {MOST_FINDINGS}",
            self.database()
        );
        let mut columns = self.columns(&sql, 0)?;
        let mut findings = Vec::new();
        while !columns.at_end()? {
            findings.push(KeptFinding {
                sensor: columns.text()?,
                device: columns.text()?,
                label: Some(columns.text()?).filter(|label| !label.is_empty()),
                subject: columns.text()?,
                name: columns.text()?,
                kind: of_word(&KINDS, &columns.text()?).unwrap_or(Kind::Unattributed),
                verdict: columns.text()?,
                grade: columns.text()?,
                log10_e: millionths(columns.float()?),
                eligible_nights: columns.small()?,
                worst_night: u64::try_from(columns.number()?.cast_signed()).ok().map(Bytes),
                stands: columns.byte()? > 0,
            });
        }
        Ok(findings)
    }
}

/// A number to a millionth: older servers read fractions less exactly than they keep them.
pub fn millionths(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

fn row<'a>(one: &'a KeptFinding, run: u64, day: &'a str) -> FindingRow<'a> {
    FindingRow {
        run,
        day,
        sensor: &one.sensor,
        device: &one.device,
        label: one.label.as_deref().unwrap_or_default(),
        subject: &one.subject,
        name: &one.name,
        kind: word(&KINDS, &one.kind),
        verdict: &one.verdict,
        grade: &one.grade,
        log10_e: if one.log10_e.is_finite() { one.log10_e } else { 0.0 },
        eligible_nights: one.eligible_nights,
        worst_night: one.worst_night.map_or(-1, |bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX)),
        stands: one.stands.into(),
        version: 1,
    }
}
