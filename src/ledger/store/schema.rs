//! The tables, and how an older ledger becomes a current one.

use rusqlite::Transaction;

use super::{
    Store, StoreError,
    words::{EVIDENCES, ROLES},
};

/// Marks the file as a ledger of nightaudit (`PRAGMA application_id`): `nAud`.
const APPLICATION: i64 = 0x6e41_7564;

/// What makes schema `n` of schema `n - 1`, in order; the first begins from nothing.
const STEPS: [&str; 3] = [include_str!("schema-1.sql"), include_str!("schema-2.sql"), include_str!("schema-3.sql")];

/// Makes the tables, or brings those of an older ledger up to date, in one transaction.
pub(super) fn bring_up_to_date(store: &mut Store) -> Result<(), StoreError> {
    let path = store.path.clone();
    let fail = |error: rusqlite::Error| StoreError::of(&path, &error);
    let found = identify(store)?;
    let known = known();
    if found > known {
        return Err(StoreError::Newer { path, found, known });
    }
    let change = store.sql.transaction().map_err(fail)?;
    for (version, step) in (1..).zip(STEPS).filter(|(version, _)| *version > found) {
        change.execute_batch(step).map_err(fail)?;
        if version == 1 {
            fill(&change).map_err(fail)?;
        }
        change.pragma_update(None, "user_version", version).map_err(fail)?;
    }
    change.commit().map_err(fail)
}

/// Whether the file is a ledger that this program reads.
pub(super) fn check(store: &Store) -> Result<(), StoreError> {
    let (path, found, known) = (store.path.clone(), identify(store)?, known());
    match found {
        0 => Err(StoreError::NotALedger { path, what: "empty, no ledger yet" }),
        _ if found > known => Err(StoreError::Newer { path, found, known }),
        _ if found < known => Err(StoreError::Older { path, found }),
        _ => Ok(()),
    }
}

/// The last schema this program knows.
fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Its schema; 0 for an empty file.
fn identify(store: &Store) -> Result<i64, StoreError> {
    let number = |name| store.sql.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let read = number("application_id").and_then(|application| Ok((application, number("user_version")?)));
    let (application, version) = read.map_err(|error| store.failed(&error))?;
    if application == APPLICATION {
        return Ok(version);
    }
    let tables = store.sql.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    match tables.map_err(|error| store.failed(&error))? {
        0 if application == 0 => Ok(0),
        _ => Err(StoreError::NotALedger { path: store.path.clone(), what: "another program's SQLite database" }),
    }
}

fn fill(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.pragma_update(None, "application_id", APPLICATION)?;
    let mut role = change.prepare("INSERT INTO roles (id, role) VALUES (?1, ?2)")?;
    for (id, (_, word)) in (0_i64..).zip(ROLES) {
        role.execute((id, word))?;
    }
    let mut evidence = change.prepare("INSERT INTO evidences (id, evidence) VALUES (?1, ?2)")?;
    for (id, (_, word)) in (0_i64..).zip(EVIDENCES) {
        evidence.execute((id, word))?;
    }
    Ok(())
}
