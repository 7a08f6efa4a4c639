//! Capture files in, a stored ledger out: each file once, all of them or none.

use super::{
    auditor::{Auditor, Options},
    imported::{self, Imports},
    offline,
};
use crate::{
    capture::{Opened, Progress},
    ledger::{FileRecord, Flushed, Store, StoreError},
};

/// What reading captures into a ledger came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    /// What was written.
    pub flushed: Flushed,
    /// Inputs that could not be read, not to their end, or not at all, a line each.
    pub failed: Vec<String>,
    /// What else there is to say of the inputs, a line each.
    pub notes: Vec<String>,
}

/// Reads captures to their end into `store`, in one transaction: an interruption leaves the ledger as it was.
///
/// Captures that the ledger holds already ([`Store::holds`]) are for the caller to leave out.
pub fn import(
    opened: Opened,
    options: &Options,
    store: &mut Store,
    mut progress: impl FnMut(Progress),
) -> Result<Imported, StoreError> {
    let mut auditor = Auditor::new(options);
    let Opened { mut captures, failed, mut logs, repeated } = opened;
    let passed = offline::read(&mut captures, &mut auditor, &mut progress);
    let imports = Imports::default().read(&mut logs, &mut auditor, || progress(captures.progress()));
    let (inputs, logs) = (captures.into_reports(), logs.into_reports());
    let mut failed = offline::failures(&failed, &inputs, &passed);
    failed.extend(logs.iter().filter_map(imported::failure));
    let mut notes = offline::notes(&repeated);
    notes.extend(imported::notes(&inputs, &logs, &imports));
    auditor.end();
    let captured = inputs.into_iter().zip(passed).map(|(input, passed)| offline::report(input, passed));
    let reports = captured.chain(logs.into_iter().map(imported::report));
    let files: Vec<FileRecord> = reports.collect();
    let flushed = auditor.flush_files(store, &files)?;
    Ok(Imported { flushed, failed, notes })
}
