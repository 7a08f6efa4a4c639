//! One sensor's ledger as the server has it: the same accounts as from the sensor's own file.

use std::cell::OnceCell;

use super::{
    FleetError, Server,
    facts::{DeviceFact, role_of, whose},
    known::Known,
    parcel::day,
    server::RowText,
    text::quoted,
};
use crate::{
    base::{Bytes, Minute, Span},
    identify::{Device, DeviceId, Role},
    ledger::{Account, Archive, CaptureRecord, DeviceRecord, Row, RowKey, Subject},
};

/// Rows of one device that are read at most: a busy phone makes a million a year.
pub(super) const MOST_ROWS: usize = 3_000_000;

/// All sensors' ledgers on a server.
#[derive(Clone, Copy, Debug)]
pub struct Ledgers<'a> {
    pub(super) server: &'a Server,
}

/// One sensor's ledger on a server. What the sensor said beside its minutes stays as it was when it was first asked for.
#[derive(Debug)]
pub struct SensorLedger<'a> {
    server: &'a Server,
    sensor: String,
    known: OnceCell<Known>,
}

impl<'a> Ledgers<'a> {
    /// The ledgers on `server`.
    pub const fn on(server: &'a Server) -> Self {
        Self { server }
    }

    /// The sensors that sent anything, by name.
    pub fn sensors(&self) -> Result<Vec<String>, FleetError> {
        let sql = format!(
            "SELECT DISTINCT substring(sensor, 1, 253) AS s FROM {}.facts WHERE sensor != '' ORDER BY s",
            self.server.database()
        );
        let mut rows = self.server.rows(&sql)?;
        let mut sensors = Vec::new();
        while let Some(sensor) = rows.next(|row| row.text(0))? {
            sensors.push(sensor);
        }
        Ok(sensors)
    }

    /// Whether a sensor of this name sent anything.
    pub fn has(&self, name: &str) -> Result<bool, FleetError> {
        let (database, name) = (self.server.database(), quoted(name));
        let sql = format!("SELECT count() FROM (SELECT 1 FROM {database}.facts WHERE sensor = {name} LIMIT 1)");
        self.server.number(&sql).map(|found| found > 0)
    }

    /// About when the fleet was last heard of: by nine sensors of ten. A sensor whose clock is years ahead moves it not.
    pub fn newest(&self) -> Result<Minute, FleetError> {
        let sql = format!("SELECT max(hour) AS h FROM {}.seen GROUP BY sensor ORDER BY h", self.server.database());
        let (mut rows, mut hours) = (self.server.rows(&sql)?, Vec::new());
        while let Some(hour) = rows.next(|row| row.small(0))? {
            hours.push(hour);
        }
        let hour = nine_of_ten(&hours).unwrap_or_default();
        Ok(Minute(hour.saturating_add(1).saturating_mul(60)))
    }

    /// One sensor's ledger.
    pub fn sensor(&self, name: &str) -> SensorLedger<'a> {
        SensorLedger { server: self.server, sensor: name.to_owned(), known: OnceCell::new() }
    }
}

impl Archive for SensorLedger<'_> {
    type Error = FleetError;

    fn devices(&self, span: Option<Span>) -> Result<Vec<DeviceRecord>, FleetError> {
        let known = &self.known()?.devices;
        let sql = format!(
            "SELECT DISTINCT substring(device, 1, 253) FROM {}.seen WHERE sensor = {}{}",
            self.server.database(),
            quoted(&self.sensor),
            hours(span),
        );
        let mut rows = self.server.rows(&sql)?;
        let mut devices = Vec::new();
        while let Some(id) = rows.next(|row| row.text(0))? {
            let DeviceFact { label, addresses, order, .. } = known.get(&id).cloned().unwrap_or_default();
            devices.push(DeviceRecord { number: order, device: Device { id, label, addresses } });
        }
        devices.sort_by(|a, b| (a.number, &a.device.id).cmp(&(b.number, &b.device.id)));
        Ok(devices)
    }

    fn captured(&self, span: Option<Span>) -> Result<CaptureRecord, FleetError> {
        self.known().map(|known| known.captured(span))
    }

    fn account(&self, device: &DeviceRecord, id: DeviceId, span: Option<Span>) -> Result<Account, FleetError> {
        let (mut account, known) = (Account::default(), self.known()?);
        let device = device.device.id.as_str();
        self.minutes(&mut account, device, id, span)?;
        self.named(&mut account, device, id, span)?;
        self.seen(&mut account, device, id, span)?;
        for (subject, facts) in &known.subjects {
            if let Some(number) = account.ledger.known_subject(subject) {
                account.facts.insert(number, facts.clone());
            }
        }
        for one in known.attested(device) {
            let subject = account.ledger.known_subject(&one.subject);
            if let (Some(subject), Some(destination)) = (subject, account.ledger.known_destination(&one.destination)) {
                account.attest(id, subject, one.role, destination, one.evidence);
            }
        }
        Ok(account)
    }
}

impl SensorLedger<'_> {
    fn known(&self) -> Result<&Known, FleetError> {
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        let known = self.server.known(&self.sensor, &self.sensor, &[])?.remove(&self.sensor);
        Ok(self.known.get_or_init(|| known.unwrap_or_default()))
    }

    fn minutes(&self, account: &mut Account, device: &str, id: DeviceId, span: Option<Span>) -> Result<(), FleetError> {
        let sql = self.of_device(
            "minutes",
            "minute, substring(subject, 1, 253), substring(name, 1, 253), substring(operator, 1, 253), \
             substring(kind, 1, 20), substring(role, 1, 20), substring(destination, 1, 253), unplaced, up, down, \
             wire_up, wire_down, bulk_up, stream_up, stream_down, packets, flows",
            device,
            &minutes(span),
        );
        let mut rows = self.server.rows(&sql)?;
        let mut read = 0;
        while let Some((minute, subject, role, destination, unplaced, row)) = rows.next(minute_row)? {
            read += 1;
            if read > MOST_ROWS {
                return Err(FleetError::Garbled {
                    server: self.server.name(),
                    what: format!(
                        "the device {device:?} of the sensor {:?} has more than {MOST_ROWS} rows",
                        self.sensor
                    ),
                });
            }
            let subject = account.ledger.subject_id(&subject);
            let destination = account.ledger.destination_id(&destination);
            let key = RowKey { device: id, subject, role, destination, minute };
            if unplaced {
                account.ledger.post_unplaced(key, &row, minute, minute);
            } else {
                account.ledger.post(key, &row);
            }
        }
        Ok(())
    }

    fn named(&self, account: &mut Account, device: &str, id: DeviceId, span: Option<Span>) -> Result<(), FleetError> {
        let sql = self.of_device(
            "named",
            "minute, substring(host, 1, 253), substring(subject, 1, 253), substring(name, 1, 253), \
             substring(operator, 1, 253), substring(kind, 1, 20), background",
            device,
            &minutes(span),
        );
        let mut rows = self.server.rows(&sql)?;
        let read = |row: &RowText<'_>| {
            let subject = row.text(2)?;
            let subject = match subject.as_str() {
                "" => None,
                _ => Some(whose(subject, row.text(3)?, row.text(4)?, &row.text(5)?)),
            };
            Some((row.small(0)?, row.text(1)?, subject, row.number(6)? > 0))
        };
        while let Some((minute, host, subject, background)) = rows.next(read)? {
            let subject = subject.map(|subject| account.ledger.subject_id(&subject));
            account.ledger.name(id, Minute(minute), &host, subject, background);
        }
        Ok(())
    }

    fn seen(&self, account: &mut Account, device: &str, id: DeviceId, span: Option<Span>) -> Result<(), FleetError> {
        let places = self.known()?.places();
        let mut rows = self.server.rows(&self.of_device("seen", "hour, place, minutes", device, &hours(span)))?;
        while let Some((hour, place, bits)) = rows.next(|row| Some((row.small(0)?, row.small(1)?, row.number(2)?)))? {
            let places = places.get(&place).copied().unwrap_or_default();
            for minute in minutes_of(hour, bits).filter(|minute| span.is_none_or(|span| span.contains(*minute))) {
                account.ledger.see_at(id, minute, places);
            }
        }
        Ok(())
    }

    fn of_device(&self, table: &str, columns: &str, device: &str, when: &str) -> String {
        let (database, sensor) = (self.server.database(), quoted(&self.sensor));
        format!(
            "SELECT {columns} FROM {database}.{table} FINAL WHERE sensor = {sensor} AND device = {}{when}",
            quoted(device)
        )
    }
}

type MinuteRow = (Minute, Subject, Role, String, bool, Row);

fn minute_row(row: &RowText<'_>) -> Option<MinuteRow> {
    let subject = whose(row.text(1)?, row.text(2)?, row.text(3)?, &row.text(4)?);
    let bytes = |column| row.number(column).map(Bytes);
    let volumes = Row {
        up: bytes(8)?,
        down: bytes(9)?,
        wire_up: bytes(10)?,
        wire_down: bytes(11)?,
        bulk_up: bytes(12)?,
        stream_up: bytes(13)?,
        stream_down: bytes(14)?,
        packets: row.small(15)?,
        flows: row.small(16)?,
    };
    Some((Minute(row.small(0)?), subject, role_of(&row.text(5)?), row.text(6)?, row.number(7)? > 0, volumes))
}

/// Of ascending times, the one that nine of ten do not exceed; of one or two, the last.
pub fn nine_of_ten<T: Copy>(ascending: &[T]) -> Option<T> {
    let last = ascending.len().checked_sub(1)?;
    ascending.get(if last < 2 { last } else { last * 9 / 10 }).copied()
}

/// What restricts rows to the minutes of `span`; their days tell the server which months to leave alone.
pub(super) fn minutes(span: Option<Span>) -> String {
    span.map_or_else(String::new, |span @ Span { first, end }| {
        format!(" AND minute >= {} AND minute < {}{}", first.0, end.0, days(span))
    })
}

/// The same of hours.
pub(super) fn hours(span: Option<Span>) -> String {
    span.map_or_else(String::new, |span @ Span { first, end }| {
        format!(" AND hour >= {} AND hour <= {}{}", first.0 / 60, end.minus(1).0 / 60, days(span))
    })
}

fn days(Span { first, end }: Span) -> String {
    format!(" AND day >= '{}' AND day <= '{}'", day(first.0), day(end.minus(1).0))
}

/// The minutes that are marked in the bits of an hour.
pub(super) fn minutes_of(hour: u32, bits: u64) -> impl Iterator<Item = Minute> {
    (0..60).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| Minute(hour.saturating_mul(60)).plus(bit))
}
