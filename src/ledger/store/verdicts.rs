//! What audits said, kept for ever: minutes go, verdicts stay.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Store, StoreError, dictionary, write::signed};
use crate::{
    base::{Bytes, Minute, Span, Stamp},
    ledger::Subject,
};

/// An audit that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// What asked for it: a schedule's name, or a verb's.
    pub name: String,
    /// When it was made.
    pub made: Stamp,
    /// Over which span; `None` for the whole ledger.
    pub span: Option<Span>,
    /// Version of the program.
    pub version: String,
    /// SHA-256 over the rules.
    pub rules_sha256: String,
    /// What it said.
    pub verdicts: Vec<VerdictRecord>,
}

/// What was said of one subject on one device.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictRecord {
    /// Hardware or IP address of the device.
    pub device: String,
    /// The subject.
    pub subject: Subject,
    /// The verdict's name, such as `routine`.
    pub verdict: String,
    /// The grade's name, for recurrent verdicts.
    pub grade: Option<String>,
    /// Decimal logarithm of the evidence.
    pub log10_e: f64,
    /// Nights that counted.
    pub eligible_nights: u32,
    /// The most that left unattended on any of them.
    pub worst_night: Option<Bytes>,
    /// Night by night; may be empty.
    pub nights: Vec<NightRecord>,
}

/// What one night came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NightRecord {
    /// Its first minute.
    pub start: Minute,
    /// Share of its unattended minutes that were observed.
    pub coverage: f64,
    /// Unattended excess upload.
    pub unattended_up: Bytes,
    /// Unattended upload with nothing deducted.
    pub unattended_raw_up: Bytes,
    /// Unattended bulk bursts.
    pub bulk_up: Bytes,
    /// Upload while attended.
    pub attended_up: Bytes,
    /// Upload in real-time streams.
    pub streams_up: Bytes,
}

impl Store {
    /// Keeps what an audit said, in one transaction. Devices that the ledger does not know are left out.
    pub fn remember(&mut self, run: &RunRecord) -> Result<(), StoreError> {
        self.try_remember(run).map_err(|error| self.failed(&error))
    }

    /// What the latest audit of this name said, without its nights; `None` before the first.
    pub fn last_run(&self, name: &str) -> Result<Option<RunRecord>, StoreError> {
        self.try_last_run(name).map_err(|error| self.failed(&error))
    }

    fn try_remember(&mut self, run: &RunRecord) -> rusqlite::Result<()> {
        let change = self.sql.transaction()?;
        let number: i64 = change.query_row(
            "INSERT INTO runs (name, made, first, \"end\", version, rules_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             RETURNING id",
            params![
                run.name,
                run.made.nanos().cast_signed(),
                run.span.map(|span| span.first.0),
                run.span.map(|span| span.end.0),
                run.version,
                run.rules_sha256,
            ],
            |row| row.get(0),
        )?;
        for verdict in &run.verdicts {
            remember(&change, number, verdict)?;
        }
        change.commit()
    }

    fn try_last_run(&self, name: &str) -> rusqlite::Result<Option<RunRecord>> {
        let mut find = self.sql.prepare_cached(
            "SELECT id, name, made, first, \"end\", version, rules_sha256 FROM runs WHERE name = ?1
             ORDER BY id DESC LIMIT 1",
        )?;
        let Some((number, mut run)) = find.query_row([name], run).optional()? else { return Ok(None) };
        let mut verdicts = self.sql.prepare_cached(
            "SELECT d.device, s.subject, s.name, s.operator, s.kind, v.verdict, v.grade, v.log10_e, v.eligible_nights,
             v.worst_night FROM verdicts v JOIN devices d ON d.id = v.device JOIN subjects s ON s.id = v.subject
             WHERE v.run = ?1",
        )?;
        run.verdicts = verdicts.query_map([number], verdict)?.collect::<rusqlite::Result<_>>()?;
        Ok(Some(run))
    }
}

fn remember(change: &Transaction<'_>, run: i64, verdict: &VerdictRecord) -> rusqlite::Result<()> {
    let mut find = change.prepare_cached("SELECT id FROM devices WHERE device = ?1")?;
    let device: Option<i64> = find.query_row([&verdict.device], |row| row.get(0)).optional()?;
    let Some(device) = device else { return Ok(()) };
    let subject = dictionary::subject(change, &verdict.subject)?;
    change
        .prepare_cached(
            "INSERT INTO verdicts (run, device, subject, verdict, grade, log10_e, eligible_nights, worst_night)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            run,
            device,
            subject,
            verdict.verdict,
            verdict.grade,
            verdict.log10_e,
            verdict.eligible_nights,
            verdict.worst_night.map(|bytes| signed(bytes.0)),
        ])?;
    let mut add = change.prepare_cached(
        // A night that the report begins or ends in is seen in part: what was said of the whole of it stays.
        "INSERT INTO nights (device, subject, start, run, coverage, unattended_up, unattended_raw_up, bulk_up,
         attended_up, streams_up) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET run = excluded.run, coverage = excluded.coverage,
         unattended_up = excluded.unattended_up, unattended_raw_up = excluded.unattended_raw_up,
         bulk_up = excluded.bulk_up, attended_up = excluded.attended_up, streams_up = excluded.streams_up
         WHERE excluded.coverage >= coverage",
    )?;
    for night in &verdict.nights {
        add.execute(params![
            device,
            subject,
            night.start.0,
            run,
            night.coverage,
            signed(night.unattended_up.0),
            signed(night.unattended_raw_up.0),
            signed(night.bulk_up.0),
            signed(night.attended_up.0),
            signed(night.streams_up.0),
        ])?;
    }
    Ok(())
}

fn run(row: &Row<'_>) -> rusqlite::Result<(i64, RunRecord)> {
    let (first, end): (Option<u32>, Option<u32>) = (row.get(3)?, row.get(4)?);
    let run = RunRecord {
        name: row.get(1)?,
        made: Stamp::from_nanos(row.get::<_, i64>(2)?.cast_unsigned()),
        span: first.zip(end).map(|(first, end)| Span { first: Minute(first), end: Minute(end) }),
        version: row.get(5)?,
        rules_sha256: row.get(6)?,
        verdicts: Vec::new(),
    };
    Ok((row.get(0)?, run))
}

fn verdict(row: &Row<'_>) -> rusqlite::Result<VerdictRecord> {
    let kind = super::read::kind(row, 4)?;
    let subject = Subject { id: row.get(1)?, name: row.get(2)?, operator: row.get(3)?, kind };
    let worst_night = row.get::<_, Option<i64>>(9)?.map(|_| super::read::bytes(row, 9)).transpose()?;
    Ok(VerdictRecord {
        device: row.get(0)?,
        subject,
        verdict: row.get(5)?,
        grade: row.get(6)?,
        log10_e: row.get(7)?,
        eligible_nights: row.get(8)?,
        worst_night,
        nights: Vec::new(),
    })
}
