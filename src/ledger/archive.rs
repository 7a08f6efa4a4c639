//! What the night stage's readers ask of any place that minutes are kept in.

use super::{Account, CaptureRecord, DeviceRecord};
use crate::{base::Span, identify::DeviceId};

/// Where minutes are kept: a ledger file, or a sensor's part of a fleet's server.
pub trait Archive {
    /// Why it could not be read.
    type Error;

    /// Every device that was seen in `span` (at any time), in the order they were first met.
    fn devices(&self, span: Option<Span>) -> Result<Vec<DeviceRecord>, Self::Error>;

    /// What was captured in `span` (at all).
    fn captured(&self, span: Option<Span>) -> Result<CaptureRecord, Self::Error>;

    /// What is kept of one device in `span` (at all), under the number `id`.
    fn account(&self, device: &DeviceRecord, id: DeviceId, span: Option<Span>) -> Result<Account, Self::Error>;
}
