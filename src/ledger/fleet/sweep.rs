//! The devices of many sensors, one after the other, with a handful of questions to the server instead of a dozen for
//! each device: what the server has of a subject on a device comes as one row of lists.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
    io::BufReader,
};

use super::{
    FleetError, Ledgers, Server,
    archive::{MOST_ROWS, hours, minutes, minutes_of},
    binary::Columns,
    facts::whose,
    known::Known,
    text::quoted,
};
use crate::{
    base::{Bytes, Minute, Span},
    identify::{DeviceId, Role},
    ledger::{Account, Coverage, DeviceLedger, Places, Row, RowKey, Subject, Watched},
};

/// A device of a sweep.
#[derive(Debug)]
pub struct Swept {
    /// Whose.
    pub sensor: String,
    /// Its id, as the sensor sent it.
    pub device: String,
    /// The name its owner gave it.
    pub label: Option<String>,
    /// Its owner agrees that accident rates are learned from it.
    pub shares: bool,
    /// Its minutes, or why they cannot be read.
    pub ledger: Result<DeviceLedger, FleetError>,
}

/// What a sensor watched.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorWatch {
    /// Which sensor.
    pub sensor: String,
    /// The runs of minutes, within what was asked for.
    pub watched: Vec<Watched>,
    /// The minute after the last that it ever watched.
    pub last: Option<Minute>,
}

impl SensorWatch {
    fn of(sensor: &str, known: &Known, span: Option<Span>) -> Self {
        let last = known.coverage(None).all().last().map(|run| run.span.end);
        Self { sensor: sensor.to_owned(), watched: known.coverage(span).all().to_vec(), last }
    }
}

impl Ledgers<'_> {
    /// When each sensor from `first` to `last` by name watched, in `span` (at any time).
    pub fn watches(&self, first: &str, last: &str, span: Option<Span>) -> Result<Vec<SensorWatch>, FleetError> {
        let known = self.server.known(first, last, &["source", "file"])?;
        Ok(known.iter().map(|(sensor, known)| SensorWatch::of(sensor, known, span)).collect())
    }

    /// How many devices each sensor saw in `span` (at any time).
    pub fn device_counts(&self, span: Option<Span>) -> Result<BTreeMap<String, u32>, FleetError> {
        let database = self.server.database();
        let mut rows = self.server.rows(&format!(
            "SELECT substring(sensor, 1, 253) AS s, uniqExact(device) FROM {database}.seen WHERE 1{} GROUP BY sensor",
            hours(span)
        ))?;
        let mut counts = BTreeMap::new();
        while let Some((sensor, devices)) = rows.next(|row| Some((row.text(0)?, row.small(1)?)))? {
            counts.insert(sensor, devices);
        }
        Ok(counts)
    }

    /// Hands over every device of the sensors from `first` to `last` by name that was seen in `span` (at any time), one
    /// after the other. Memory is that of one device. What it gives is what [`Archive`](crate::ledger::Archive) gives of
    /// the device, without what is not judged: roles, destinations and evidence.
    pub fn sweep(
        &self,
        first: &str,
        last: &str,
        span: Option<Span>,
        mut each: impl FnMut(Swept),
    ) -> Result<Vec<SensorWatch>, FleetError> {
        let known = self.server.known(first, last, &["source", "file", "device", "subject"])?;
        let of_sensor: HashMap<&str, (Coverage, HashMap<u32, Places>)> =
            known.iter().map(|(sensor, known)| (sensor.as_str(), (known.coverage(span), known.places()))).collect();
        let range = format!("sensor >= {} AND sensor <= {}", quoted(first), quoted(last));
        let mut seen = Stream::of(self.server, &seen_sql(self.server.database(), &range, span), seen_hours)?;
        let mut moved = Stream::of(self.server, &moved_sql(self.server.database(), &range, span), moved_minutes)?;
        let mut named = Stream::of(self.server, &named_sql(self.server.database(), &range, span), named_minutes)?;
        let (nothing, unwatched) = (Known::default(), (Coverage::default(), HashMap::new()));
        while let Some(owner) = seen.owner() {
            let mut account = Account::default();
            let mut long = false;
            let (sensor, device) = owner.texts();
            let (coverage, places) = of_sensor.get(sensor.as_str()).unwrap_or(&unwatched);
            seen.each_of(&owner, |hours| long |= see(&mut account, &hours, span, places))?;
            moved.each_of(&owner, |moved| long |= long || post(&mut account, &moved))?;
            named.each_of(&owner, |named| name(&mut account, &named))?;
            let known = known.get(&sensor).unwrap_or(&nothing);
            for (subject, facts) in &known.subjects {
                if let Some(number) = account.ledger.known_subject(subject) {
                    account.facts.insert(number, facts.clone());
                }
            }
            let ledger = if long || account.ledger.len() > MOST_ROWS {
                let what = format!("the device {device:?} of the sensor {sensor:?} has more than {MOST_ROWS} rows");
                Err(FleetError::Garbled { server: self.server.name(), what })
            } else {
                let watched = account.ledger.watched(PHONE, coverage);
                Ok(account.ledger.device(PHONE, &watched, &account.facts))
            };
            let fact = known.devices.get(&device);
            let (label, shares) = fact.map_or((None, false), |fact| (fact.label.clone(), fact.share));
            each(Swept { sensor, device, label, shares, ledger });
        }
        Ok(known.iter().map(|(sensor, known)| SensorWatch::of(sensor, known, span)).collect())
    }
}

/// Each device of a sweep has an account of its own.
const PHONE: DeviceId = DeviceId(0);

/// The columns that say whose a row is, in the order that the server sorts by.
const OWNER: &str = "substring(sensor, 1, 253) AS s, substring(device, 1, 253) AS d";

/// Whose a row is, as bytes: in the server's order.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
struct Owner(Vec<u8>, Vec<u8>);

impl Owner {
    fn texts(&self) -> (String, String) {
        let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        (text(&self.0), text(&self.1))
    }
}

type Answer = Columns<BufReader<ureq::BodyReader<'static>>>;

/// Rows in the order of their owners, of which the next is known.
struct Stream<T> {
    columns: Answer,
    read: fn(&mut Answer) -> Result<T, FleetError>,
    next: Option<(Owner, T)>,
}

impl<T> Stream<T> {
    fn of(server: &Server, sql: &str, read: fn(&mut Answer) -> Result<T, FleetError>) -> Result<Self, FleetError> {
        let columns = server.columns(sql, MOST_ROWS + 1)?;
        let mut stream = Self { columns, read, next: None };
        stream.advance()?;
        Ok(stream)
    }

    fn advance(&mut self) -> Result<Option<(Owner, T)>, FleetError> {
        let next = if self.columns.at_end()? {
            None
        } else {
            let owner = Owner(self.columns.raw()?, self.columns.raw()?);
            Some((owner, (self.read)(&mut self.columns)?))
        };
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn owner(&self) -> Option<Owner> {
        self.next.as_ref().map(|(owner, _)| owner.clone())
    }

    /// Hands over the rows of `owner`, and passes over those of owners before.
    fn each_of(&mut self, owner: &Owner, mut each: impl FnMut(T)) -> Result<(), FleetError> {
        while let Some((next, _)) = &self.next {
            let order = next.cmp(owner);
            if order == Ordering::Greater {
                break;
            }
            let row = self.advance()?;
            if let (Ordering::Equal, Some((_, row))) = (order, row) {
                each(row);
            }
        }
        Ok(())
    }
}

/// A list of at most as many values as are read of a device.
fn list(column: &str) -> String {
    format!("groupArray({})({column})", MOST_ROWS + 1)
}

fn seen_sql(database: &str, range: &str, span: Option<Span>) -> String {
    let (lists, when) = (["hour", "place", "minutes"].map(list).join(", "), hours(span));
    format!(
        "SELECT {OWNER}, {lists} FROM {database}.seen FINAL WHERE {range}{when} GROUP BY sensor, device ORDER BY s, d"
    )
}

struct SeenHours {
    hours: Vec<u32>,
    places: Vec<u32>,
    bits: Vec<u64>,
}

fn seen_hours(columns: &mut Answer) -> Result<SeenHours, FleetError> {
    Ok(SeenHours {
        hours: columns.list(Columns::small)?,
        places: columns.list(Columns::small)?,
        bits: columns.list(Columns::number)?,
    })
}

/// Sees the device in its minutes; says whether there are more than are read.
fn see(account: &mut Account, seen: &SeenHours, span: Option<Span>, places: &HashMap<u32, Places>) -> bool {
    let mut minutes = 0;
    for ((hour, place), bits) in seen.hours.iter().zip(&seen.places).zip(&seen.bits) {
        let places = places.get(place).copied().unwrap_or_default();
        for minute in minutes_of(*hour, *bits).filter(|minute| span.is_none_or(|span| span.contains(*minute))) {
            account.ledger.see_at(PHONE, minute, places);
            minutes += 1;
        }
        if minutes > MOST_ROWS {
            return true;
        }
    }
    false
}

fn moved_sql(database: &str, range: &str, span: Option<Span>) -> String {
    let lists = ["minute", "up", "down", "bulk_up", "stream_up", "stream_down", "packets", "flows"].map(list);
    format!(
        "SELECT {OWNER}, substring(subject, 1, 253), substring(name, 1, 253), substring(operator, 1, 253), \
         substring(kind, 1, 20), unplaced, {} FROM {database}.minutes FINAL WHERE {range}{} \
         GROUP BY sensor, device, subject, name, operator, kind, unplaced ORDER BY s, d",
        lists.join(", "),
        minutes(span)
    )
}

struct MovedMinutes {
    subject: Subject,
    unplaced: bool,
    minutes: Vec<u32>,
    /// Up, down, bulk up, stream up, stream down.
    bytes: [Vec<u64>; 5],
    packets: Vec<u32>,
    flows: Vec<u32>,
}

fn moved_minutes(columns: &mut Answer) -> Result<MovedMinutes, FleetError> {
    let subject = subject(columns)?;
    let unplaced = columns.byte()? > 0;
    let minutes = columns.list(Columns::small)?;
    let mut bytes: [Vec<u64>; 5] = Default::default();
    for list in &mut bytes {
        *list = columns.list(Columns::number)?;
    }
    Ok(MovedMinutes {
        subject,
        unplaced,
        minutes,
        bytes,
        packets: columns.list(Columns::small)?,
        flows: columns.list(Columns::small)?,
    })
}

fn subject(columns: &mut Answer) -> Result<Subject, FleetError> {
    let (id, name, operator) = (columns.text()?, columns.text()?, columns.text()?);
    Ok(whose(id, name, operator, &columns.text()?))
}

/// Posts a subject's minutes; says whether there are more than are read.
fn post(account: &mut Account, moved: &MovedMinutes) -> bool {
    let subject = account.ledger.subject_id(&moved.subject);
    let destination = account.ledger.destination_id("");
    for (n, minute) in moved.minutes.iter().enumerate().map(|(n, minute)| (n, Minute(*minute))) {
        let [up, down, bulk_up, stream_up, stream_down] =
            [0, 1, 2, 3, 4].map(|at: usize| Bytes(moved.bytes[at].get(n).copied().unwrap_or_default()));
        let count = |list: &[u32]| list.get(n).copied().unwrap_or_default();
        let (packets, flows) = (count(&moved.packets), count(&moved.flows));
        let row = Row { up, down, bulk_up, stream_up, stream_down, packets, flows, ..Row::default() };
        let key = RowKey { device: PHONE, subject, role: Role::Unknown, destination, minute };
        if moved.unplaced {
            account.ledger.post_unplaced(key, &row, minute, minute);
        } else {
            account.ledger.post(key, &row);
        }
    }
    moved.minutes.len() > MOST_ROWS || account.ledger.len() > MOST_ROWS
}

fn named_sql(database: &str, range: &str, span: Option<Span>) -> String {
    let (minute, host, when) = (list("minute"), list("substring(host, 1, 253)"), minutes(span));
    format!(
        "SELECT {OWNER}, substring(subject, 1, 253), substring(name, 1, 253), substring(operator, 1, 253), \
         substring(kind, 1, 20), background, {minute}, {host} FROM {database}.named FINAL WHERE {range}{when} \
         GROUP BY sensor, device, subject, name, operator, kind, background ORDER BY s, d"
    )
}

struct NamedMinutes {
    subject: Option<Subject>,
    background: bool,
    minutes: Vec<u32>,
    hosts: Vec<String>,
}

fn named_minutes(columns: &mut Answer) -> Result<NamedMinutes, FleetError> {
    Ok(NamedMinutes {
        subject: Some(subject(columns)?).filter(|subject| !subject.id.is_empty()),
        background: columns.byte()? > 0,
        minutes: columns.list(Columns::small)?,
        hosts: columns.list(Columns::text)?,
    })
}

fn name(account: &mut Account, named: &NamedMinutes) {
    let subject = named.subject.as_ref().map(|subject| account.ledger.subject_id(subject));
    for (minute, host) in named.minutes.iter().zip(&named.hosts) {
        account.ledger.name(PHONE, Minute(*minute), host, subject, named.background);
    }
}
