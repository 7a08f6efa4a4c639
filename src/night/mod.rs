//! One device's minutes become findings: attended mask, cycles, coverage, bursts, evidence, bounds, verdict.
//!
//! In: a [`DeviceLedger`](crate::ledger::DeviceLedger). Out: a [`DeviceFinding`].

use crate::base::{Bytes, Minute};

/// What is said of one subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Verdict {
    /// Nothing can be said, and why is said.
    Insufficient,
    /// Ordinary routing traffic; always with bounds.
    Routine,
    /// Small uploads recur: diagnostics or a text-sized export; cannot tell.
    SmallRecurrent,
    /// Large unattended uploads, without recurrence.
    BulkButIrregular,
    /// Recurrent unattended bulk uploads to a consumer cloud.
    BackupLike,
    /// Recurrent unattended bulk uploads to the operator or to an unknown host.
    ExportLike,
}

/// How far an accident rate would have to rise to explain an `export-like` or `backup-like` verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Grade {
    /// Accidents on one night in four would not explain it.
    Strong,
    /// They might.
    Suggestive,
}

/// One cycle of one subject: 24 hours cut at the device's most active hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Night {
    /// Its first minute.
    pub start: Minute,
    /// Share of its unattended minutes that were really observed, 0 to 1.
    pub coverage: f64,
    /// Unattended excess upload, acknowledgement allowance and streams deducted.
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
