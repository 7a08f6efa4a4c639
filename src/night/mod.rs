//! One device's minutes become findings: attended mask, cycles, coverage, bursts, evidence, bounds, verdict.
//!
//! In: a [`DeviceLedger`](crate::ledger::DeviceLedger). Out: a [`DeviceFinding`]. Nothing is learned from the nights of
//! the subject that is judged; every threshold is a named number of [`Settings`]. The method, with the source of each
//! formula, is in `docs/method.md`.
//!
//! ```
//! use nightaudit::{ledger::DeviceLedger, night::{Settings, judge}};
//!
//! let found = judge(&DeviceLedger::default(), &Settings::default());
//! assert!(found.findings.is_empty());
//! ```

mod attended;
mod beta;
mod bounds;
mod burst;
mod case;
mod clock;
mod coverage;
mod cycle;
mod declared;
mod evidence;
mod explain;
mod idle;
mod judge;
mod multiplicity;
mod power;
mod rest;
mod score;
mod screen_log;
mod sensitivity;
mod settings;
mod spans;
mod tail;
mod tally;
mod toggle;
mod verdict;
mod walk;
mod weigh;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Minute, Span};

pub use beta::jeffreys;
pub use explain::{Cause, Explanation, Standing};
pub use judge::{compare, judge};
pub use multiplicity::discoveries;
pub use power::TELLING_SIZE;
pub use score::{Score, Term};
pub use screen_log::{ScreenLogError, screen_log};
pub use sensitivity::{ACCIDENT_RATES, Sensitivity, THRESHOLDS, sensitivity};
pub use settings::{BadSetting, Declared, Settings};
pub use toggle::{
    Answer, Effect, LeftOut, Measure, PlanError, Switch, SwitchTime, ToggleNight, TogglePlan, Toggled, ToggledNight,
    toggled,
};
pub use walk::{Step, Walk, walk};

/// What is said of one subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Accidents on one night in four would not explain it.
    Strong,
    /// They might.
    Suggestive,
}

/// One cycle of one subject: 24 hours cut at the device's most active hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Night {
    /// Its first minute.
    pub start: Minute,
    /// Share of its unattended minutes that were really observed, or of the device's usual hours of rest where that is
    /// less, 0 to 1.
    pub coverage: f64,
    /// Unattended excess upload, acknowledgement allowance and streams deducted.
    pub unattended_up: Bytes,
    /// Unattended upload with nothing deducted.
    pub unattended_raw_up: Bytes,
    /// Unattended bulk bursts.
    pub bulk_up: Bytes,
    /// Those of them that began in the night's rest, not in a pause of the waking day.
    pub rest_bulk_up: Bytes,
    /// Upload while attended.
    pub attended_up: Bytes,
    /// Upload in real-time streams.
    pub streams_up: Bytes,
    /// What was deducted from the raw upload to get the excess.
    pub deductions: Deductions,
}

/// The difference between raw and counted unattended upload, item by item: the items add up to it, to the byte.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Deductions {
    /// What acknowledging downloads may take.
    pub acknowledgements: Bytes,
    /// Real-time streams, such as calls and cameras.
    pub streams: Bytes,
    /// The rest of uploads that began while somebody was there.
    pub attended_starts: Bytes,
}

/// Something about a finding that its reader must know.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Annotation {
    /// The app is known to offer a feature that uploads like this when the user turns it on.
    DeclaredFeature,
    /// No rule and no name says whose traffic it is.
    Unattributed,
    /// Recurrence shows in many small uploads rather than in bursts.
    Drip,
    /// Bulk uploads follow the last use of the day more often than other pauses.
    TailRecurrent,
    /// An opaque tunnel (VPN) carries traffic of this device.
    Tunnel,
    /// Some nights or hours were not observed.
    PartialCoverage,
    /// Attended time was declared by the user, not seen in traffic.
    DeclaredHours,
    /// Some of its traffic is known from logs of long connections only, which do not say when it moved: it is in no
    /// night.
    Unplaced,
}

/// Why a verdict is `insufficient`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lacking {
    /// Too few nights were observed well enough.
    Nights {
        /// How many were.
        eligible: u32,
        /// How many a verdict needs.
        needed: u32,
    },
    /// Attended time cannot be told: this share of interactive downloads came without names.
    AttendedTime {
        /// The share, 0 to 1.
        leak: f64,
    },
    /// An opaque tunnel hides which app sent what.
    Tunnel,
    /// Other traffic hardly ever shows a person: a capture of this app alone, or a device that nobody uses.
    OtherTraffic {
        /// On how many nights it does.
        used: u32,
        /// Of how many.
        nights: u32,
    },
    /// The device was hardly seen while unattended.
    Coverage,
    /// Most of its upload is known from logs of long connections only, which do not say when it went up.
    Unplaced {
        /// The share of its upload that nobody can place in time, 0 to 1.
        share: f64,
    },
}

/// The numbers behind a verdict (docs/method.md).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvidenceNumbers {
    /// Decimal logarithm of the running maximum of the e-value for bulk uploads.
    pub log10_e: f64,
    /// The same for uploads in small pieces.
    pub log10_e_drip: f64,
    /// The accident rate up to which the evidence stands: the largest at which e is still 100 or more.
    pub tipping_rate: Option<f64>,
    /// Nights observed well enough to count.
    pub eligible_nights: u32,
    /// Each size threshold with the number of eligible nights that reached it.
    pub hits: Vec<(Bytes, u32)>,
    /// The median unattended bulk upload over the nights with a hit.
    pub median_hit: Option<Bytes>,
    /// On which eligible night, counted from 1, the evidence first sufficed.
    pub first_flagged_night: Option<u32>,
    /// With 95 % credibility, the share of nights with a hit of the smallest size lies between these (Jeffreys).
    pub hit_share: Option<(f64, f64)>,
    /// Whether unattended bulk uploads keep to a time of day; `None`: too few to tell.
    pub clock: Option<ClockHabit>,
    /// The evidence stands when all rows of the report, of every device, are judged together (e-BH).
    pub stands_among_rows: bool,
}

/// How closely uploads keep to a time of day. Shown, never required.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockHabit {
    /// Their mean minute of the UTC day.
    pub minute: u16,
    /// 0: spread round the clock; 1: always at that minute.
    pub concentration: f64,
    /// The chance that as many moments of the device's unattended time keep as closely together (permutation test).
    pub p_value: f64,
}

/// What the capture says was not there (docs/method.md).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The most that left unattended on any observed night, allowances deducted.
    pub worst_night: Option<Bytes>,
    /// The third most: an export on three or more nights was no larger.
    pub third_worst_night: Option<Bytes>,
    /// The median: an export on half of the nights was no larger.
    pub median_night: Option<Bytes>,
    /// The most with nothing deducted.
    pub raw_worst_night: Option<Bytes>,
    /// With 95 % confidence, the share of nights with an upload of 1 MB or more is at most this; what apparent use may
    /// have hidden is allowed for where injections were made.
    pub frequency_upper_95: Option<f64>,
    /// The smallest nightly upload that would have been flagged at all, with power of 95 %; `None`: not reachable.
    pub detectable: Option<Bytes>,
    /// The smallest nightly upload that would have been called `export-like`.
    pub detectable_export: Option<Bytes>,
    /// The smallest upload on every other night that would have been flagged at all.
    pub detectable_alternate: Option<Bytes>,
    /// The smallest upload on every other night that would have been called `export-like`.
    pub detectable_export_alternate: Option<Bytes>,
    /// What was deducted on the night with the most raw upload.
    pub raw_deductions: Deductions,
    /// After so many nights that count, an upload of [`TELLING_SIZE`] every night would have been noticed, with power of
    /// 95 %; `None`: not within this capture.
    pub nights_to_notice: Option<u32>,
    /// Share of injected uploads that seemed to begin while somebody was there, and so were hidden; `None`: not tried.
    pub hidden_share: Option<f64>,
}

/// One unattended or attended upload: minutes joined over short pauses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upload {
    /// Its first minute.
    pub start: Minute,
    /// Its length in minutes.
    pub minutes: u32,
    /// Excess upload in it.
    pub bytes: Bytes,
    /// Somebody was using the device when it began.
    pub attended: bool,
}

/// The verdict on one subject, with what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Index into the subjects of the [`DeviceLedger`](crate::ledger::DeviceLedger) that was judged.
    pub subject: usize,
    /// What is said.
    pub verdict: Verdict,
    /// How firmly, for recurrent verdicts.
    pub grade: Option<Grade>,
    /// Why nothing can be said, where it cannot.
    pub lacking: Vec<Lacking>,
    /// What the reader must know.
    pub annotations: Vec<Annotation>,
    /// The numbers.
    pub evidence: EvidenceNumbers,
    /// What was not there.
    pub bounds: Bounds,
    /// Night by night, in time order.
    pub nights: Vec<Night>,
    /// The largest upload seen, attended or not.
    pub largest_upload: Option<Upload>,
    /// The evidence as one number; `None` where the verdict is `insufficient`.
    pub score: Option<Score>,
    /// Innocent explanations, each held against the capture; empty where there is nothing to explain.
    pub explanations: Vec<Explanation>,
    /// The minutes in which somebody was using the device, as they count for this subject, ascending.
    pub attended: Arc<[Span]>,
}

impl Finding {
    /// Whether somebody was using the device in `minute`.
    pub fn is_attended(&self, minute: Minute) -> bool {
        let after = self.attended.partition_point(|span| span.first <= minute);
        after > 0 && self.attended[after - 1].contains(minute)
    }
}

/// What is said of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceFinding {
    /// Share of observed minutes in which somebody was using it.
    pub attended_share: f64,
    /// Share of interactive downloads that names alone would have missed.
    pub leak: f64,
    /// Minute of the day (UTC) at which nights are cut: the device's most active hour.
    pub cut: u16,
    /// One finding for each subject of the ledger, in its order.
    pub findings: Vec<Finding>,
}
