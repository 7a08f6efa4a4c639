//! Subjects, destinations and names by their numbers in the database.

use rusqlite::{OptionalExtension, Transaction, params};

use super::words::{KINDS, word};
use crate::{
    identify::DeclaredFeatures,
    ledger::{OTHER, Subject, SubjectFacts},
};

/// Destinations the ledger tells apart; what comes after goes to [`OTHER`].
const MOST_DESTINATIONS: i64 = 1 << 20;
/// Subjects the ledger tells apart; what comes after is booked as unattributed.
const MOST_SUBJECTS: i64 = 1 << 18;
/// Names the ledger tells apart; what comes after is not remembered.
const MOST_NAMES: i64 = 1 << 22;

/// The number of `subject`; it is entered where it is new.
pub(super) fn subject(change: &Transaction<'_>, subject: &Subject) -> rusqlite::Result<i64> {
    if let Some(number) = known_subject(change, subject)? {
        return Ok(number);
    }
    if is_full(change, "SELECT max(id) FROM subjects", MOST_SUBJECTS)? {
        let rest = Subject::unattributed();
        return known_subject(change, &rest)?.map_or_else(|| add_subject(change, &rest), Ok);
    }
    add_subject(change, subject)
}

fn known_subject(change: &Transaction<'_>, subject: &Subject) -> rusqlite::Result<Option<i64>> {
    change
        .prepare_cached("SELECT id FROM subjects WHERE subject = ?1 AND name = ?2 AND operator = ?3 AND kind = ?4")?
        .query_row(params![subject.id, subject.name, subject.operator, word(&KINDS, &subject.kind)], |row| row.get(0))
        .optional()
}

fn add_subject(change: &Transaction<'_>, subject: &Subject) -> rusqlite::Result<i64> {
    change
        .prepare_cached("INSERT INTO subjects (subject, name, operator, kind) VALUES (?1, ?2, ?3, ?4) RETURNING id")?
        .query_row(params![subject.id, subject.name, subject.operator, word(&KINDS, &subject.kind)], |row| row.get(0))
}

/// Notes what is known of a subject beyond its name; says whether that was new.
pub(super) fn facts(change: &Transaction<'_>, subject: i64, facts: &SubjectFacts) -> rusqlite::Result<bool> {
    let known: Option<String> = change
        .prepare_cached("SELECT declared_feature FROM subjects WHERE id = ?1")?
        .query_row([subject], |row| row.get(0))?;
    let mut features = known.as_deref().map(DeclaredFeatures::read).unwrap_or_default();
    let more = facts.features.iter().filter(|feature| features.insert(feature)).count() > 0;
    let changed = change
        .prepare_cached(
            "UPDATE subjects SET tunnel = tunnel | ?2, declared_feature = iif(?4, ?3, declared_feature)
             WHERE id = ?1 AND (tunnel < ?2 OR ?4)",
        )?
        .execute(params![subject, facts.tunnel, features.kept(), more])?;
    Ok(changed > 0)
}

/// The number of a destination; it is entered where it is new.
pub(super) fn destination(change: &Transaction<'_>, destination: &str) -> rusqlite::Result<i64> {
    if let Some(number) = known_destination(change, destination)? {
        return Ok(number);
    }
    if is_full(change, "SELECT max(id) FROM destinations", MOST_DESTINATIONS)? {
        return known_destination(change, OTHER)?.map_or_else(|| add_destination(change, OTHER), Ok);
    }
    add_destination(change, destination)
}

fn known_destination(change: &Transaction<'_>, destination: &str) -> rusqlite::Result<Option<i64>> {
    let mut find = change.prepare_cached("SELECT id FROM destinations WHERE destination = ?1")?;
    find.query_row([destination], |row| row.get(0)).optional()
}

fn add_destination(change: &Transaction<'_>, destination: &str) -> rusqlite::Result<i64> {
    let mut add = change.prepare_cached("INSERT INTO destinations (destination) VALUES (?1) RETURNING id")?;
    add.query_row([destination], |row| row.get(0))
}

/// The number of a name of `subject` (0: of none); `None` where no more are told apart.
pub(super) fn name(
    change: &Transaction<'_>,
    name: &str,
    subject: i64,
    background: bool,
) -> rusqlite::Result<Option<i64>> {
    let mut find =
        change.prepare_cached("SELECT id FROM names WHERE name = ?1 AND subject = ?2 AND background = ?3")?;
    let known = find.query_row(params![name, subject, background], |row| row.get(0)).optional()?;
    if known.is_some() || is_full(change, "SELECT max(id) FROM names", MOST_NAMES)? {
        return Ok(known);
    }
    let mut add =
        change.prepare_cached("INSERT INTO names (name, subject, background) VALUES (?1, ?2, ?3) RETURNING id")?;
    add.query_row(params![name, subject, background], |row| row.get(0)).map(Some)
}

fn is_full(change: &Transaction<'_>, last: &str, most: i64) -> rusqlite::Result<bool> {
    let last: Option<i64> = change.prepare_cached(last)?.query_row([], |row| row.get(0))?;
    Ok(last.is_some_and(|last| last >= most))
}
