//! What an audit knows of time: zone, nights, and when somebody was using which device.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    ops::RangeInclusive,
    sync::Arc,
};

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::Tz;

use crate::{
    base::{Minute, Span, Stamp},
    identify::Kind,
    night::Verdict,
    pipeline::{Audit, DeviceAudit, FlowRow},
    report::calendar,
};

const DAY: u32 = 1_440;

/// In which zone, on which devices, and when somebody was there: what questions of time are answered by.
#[derive(Clone, Debug)]
pub struct Times {
    zone: Tz,
    devices: Vec<Known>,
    by_id: HashMap<String, usize>,
}

/// A verdict, and the minutes in which somebody was using the device.
type Said = (Verdict, Arc<[Span]>);

/// What is known of one device.
#[derive(Clone, Debug)]
struct Known {
    label: Option<String>,
    addresses: BTreeSet<IpAddr>,
    /// Minute of the UTC day at which nights begin.
    cut: u32,
    /// What is said of each subject, and when somebody was there.
    said: Vec<Option<Said>>,
    /// Subjects by id.
    by_id: HashMap<String, usize>,
    names: Vec<String>,
}

impl Times {
    /// Without any device: nights begin at noon, and nothing is known of use.
    pub fn of_zone(zone: Tz) -> Self {
        Self { zone, devices: Vec::new(), by_id: HashMap::new() }
    }

    /// What `audit` knows.
    pub fn of(audit: &Audit) -> Self {
        let by_id = audit.devices.iter().enumerate().map(|(at, device)| (device.id.clone(), at)).collect();
        Self { zone: audit.timezone, devices: audit.devices.iter().map(Known::of).collect(), by_id }
    }

    /// The date by which the night that `minute` falls in is named, on the device at `device_at`.
    pub fn night(&self, device_at: Option<usize>, minute: Minute) -> NaiveDate {
        let known = device_at.and_then(|at| self.devices.get(at));
        let cut = match known {
            Some(known) => known.cut,
            // Noon by the clock of the zone.
            None => (DAY + 720 + minute.0 % DAY - self.minute_of_day(minute)) % DAY,
        };
        let since = (minute.0 % DAY + DAY - cut) % DAY;
        calendar::date(minute.minus(since), self.zone)
    }

    pub(super) fn device(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(super) fn label(&self, device_at: usize) -> Option<&str> {
        self.devices.get(device_at)?.label.as_deref()
    }

    pub(super) fn owns(&self, device_at: usize, addr: IpAddr) -> bool {
        self.devices.get(device_at).is_some_and(|known| known.addresses.contains(&addr))
    }

    /// Which subject of the device a flow was booked under.
    pub fn subject(&self, device_at: usize, row: &FlowRow) -> Option<usize> {
        let known = self.devices.get(device_at)?;
        if let Some(at) = row.app.as_deref().and_then(|app| known.by_id.get(app)) {
            return Some(*at);
        }
        let host = row.host.as_deref().filter(|_| row.kind == Kind::Web);
        let site = host.and_then(|host| {
            let parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
            std::iter::once(host).chain(parents).find_map(|name| known.by_id.get(name))
        });
        let rest = if row.kind == Kind::Web { "web" } else { "unattributed" };
        site.or_else(|| known.by_id.get(rest)).or_else(|| known.by_id.get("vpn-tunnel")).copied()
    }

    pub(super) fn subject_name(&self, device_at: usize, row: &FlowRow) -> Option<&str> {
        let known = self.devices.get(device_at)?;
        known.names.get(*known.by_id.get(row.app.as_deref()?)?).map(String::as_str)
    }

    pub(super) fn verdict(&self, device_at: usize, subject_at: usize) -> Option<Verdict> {
        self.devices.get(device_at)?.said.get(subject_at)?.as_ref().map(|(verdict, _)| *verdict)
    }

    /// Whether somebody was using the device in `minute`.
    pub fn is_attended(&self, device_at: usize, subject_at: usize, minute: Minute) -> Option<bool> {
        let (_, spans) = self.devices.get(device_at)?.said.get(subject_at)?.as_ref()?;
        let after = spans.partition_point(|span| span.first <= minute);
        Some(after > 0 && spans[after - 1].contains(minute))
    }

    /// Whether something that was there from `when.0` to `when.1` was there in one of these nights.
    pub(super) fn is_in_nights(
        &self,
        device_at: Option<usize>,
        when: (Stamp, Stamp),
        dates: &RangeInclusive<NaiveDate>,
    ) -> bool {
        let night = |stamp: Stamp| self.night(device_at, stamp.minute());
        night(when.0) <= *dates.end() && night(when.1) >= *dates.start()
    }

    /// Whether it was there between these minutes of the local day.
    pub(super) fn is_in_hours(&self, when: (Stamp, Stamp), from: u32, until: u32) -> bool {
        let length = (until + DAY - from) % DAY;
        let lasts = when.1.minute().since(when.0.minute());
        if length == 0 || lasts >= DAY {
            return true;
        }
        let first = (self.minute_of_day(when.0.minute()) + DAY - from) % DAY;
        first < length || first + lasts >= DAY
    }

    /// Whether it was there in this stretch of local time.
    pub(super) fn is_in(&self, when: (Stamp, Stamp), range: &RangeInclusive<NaiveDateTime>) -> bool {
        let local = |stamp: Stamp| stamp.utc().with_timezone(&self.zone).naive_local();
        local(when.0) <= *range.end() && local(when.1) >= *range.start()
    }

    fn minute_of_day(&self, minute: Minute) -> u32 {
        let clock = calendar::local(minute, self.zone);
        clock.hour() * 60 + clock.minute()
    }
}

impl Known {
    fn of(device: &DeviceAudit) -> Self {
        let subjects = || device.ledger.subjects.iter().map(|ledger| &ledger.subject);
        let mut said = vec![None; device.ledger.subjects.len()];
        for finding in &device.finding.findings {
            if let Some(place) = said.get_mut(finding.subject) {
                *place = Some((finding.verdict, Arc::clone(&finding.attended)));
            }
        }
        Self {
            label: device.label.clone(),
            addresses: device.addresses.iter().copied().collect(),
            cut: u32::from(device.finding.cut),
            said,
            by_id: subjects().enumerate().map(|(at, subject)| (subject.id.clone(), at)).collect(),
            names: subjects().map(|subject| subject.name.clone()).collect(),
        }
    }
}
