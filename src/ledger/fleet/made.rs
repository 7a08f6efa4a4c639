//! Minutes that were made, not captured: a simulated device's ledger as rows for the server.

use serde_json::json;

use super::{
    FleetError, Server,
    parcel::{FactRow, MinuteRow, NameRow, SeenRow, day, line},
};
use crate::ledger::{
    DeviceLedger, Subject,
    store::words::{KINDS, word},
};

/// The only source of a made sensor, and what the table `seen` calls it.
const SOURCE: &str = "1";
const LIVE_PLACE: i64 = 2;
/// What is sent at once at most.
const LARGEST_SHEET: usize = 16 << 20;

impl Server {
    /// Files a device's minutes under `sensor`, which watched that device alone. Roles and destinations are not told
    /// apart in such a ledger: all of a subject's traffic goes to one. Returns the number of minute rows.
    pub fn file_made(&self, sensor: &str, device: &str, ledger: &DeviceLedger) -> Result<u64, FleetError> {
        let fact = |kind, key, value: &serde_json::Value| {
            let (mut sheet, value) = (Vec::new(), value.to_string());
            line(&mut sheet, &FactRow { sensor, kind, key, value: &value, version: 1 });
            sheet
        };
        let runs: Vec<_> = ledger.watched.iter().map(|run| (run.span.first.0, run.span.end.0, run.dropped)).collect();
        let watched = json!({"sensor": sensor, "interface": "simulated", "watched": runs});
        let known = json!({"label": null, "addresses": [], "order": 1, "share": true});
        self.insert("facts", &[fact("device", device, &known), fact("source", SOURCE, &watched)].concat())?;
        self.insert("named", &names(sensor, device, ledger))?;
        self.insert("seen", &seen(sensor, device, ledger))?;
        self.minutes(sensor, device, ledger)
    }

    fn minutes(&self, sensor: &str, device: &str, ledger: &DeviceLedger) -> Result<u64, FleetError> {
        let (mut sheet, mut rows) = (Vec::new(), 0);
        for row in &ledger.subjects {
            let Subject { id, name, operator, kind } = &row.subject;
            for (minute, cell) in &row.minutes {
                let number = |bytes: crate::base::Bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX);
                let written = MinuteRow {
                    sensor,
                    device,
                    day: day(minute.0),
                    minute: minute.0,
                    subject: id,
                    name,
                    operator,
                    kind: word(&KINDS, kind),
                    role: "unknown",
                    destination: id,
                    unplaced: 0,
                    up: number(cell.up),
                    down: number(cell.down),
                    wire_up: number(cell.up),
                    wire_down: number(cell.down),
                    bulk_up: number(cell.bulk_up),
                    stream_up: number(cell.stream_up),
                    stream_down: number(cell.stream_down),
                    packets: cell.packets.into(),
                    flows: cell.flows.into(),
                    version: 1,
                };
                line(&mut sheet, &written);
                rows += 1;
                if sheet.len() > LARGEST_SHEET {
                    self.insert("minutes", &sheet)?;
                    sheet.clear();
                }
            }
        }
        self.insert("minutes", &sheet)?;
        Ok(rows)
    }
}

fn names(sensor: &str, device: &str, ledger: &DeviceLedger) -> Vec<u8> {
    let nobody = Subject { id: String::new(), name: String::new(), operator: String::new(), ..Subject::web() };
    let mut sheet = Vec::new();
    for seen in &ledger.names {
        let whose = seen.subject.and_then(|at| ledger.subjects.get(at as usize)).map(|row| &row.subject);
        let Subject { id, name, operator, kind } = whose.unwrap_or(&nobody);
        let host = format!("host-{}.example", seen.name);
        let written = NameRow {
            sensor,
            device,
            day: day(seen.minute.0),
            minute: seen.minute.0,
            host: &host,
            subject: id,
            name,
            operator,
            kind: word(&KINDS, kind),
            background: seen.background.into(),
            version: 1,
        };
        line(&mut sheet, &written);
    }
    sheet
}

fn seen(sensor: &str, device: &str, ledger: &DeviceLedger) -> Vec<u8> {
    let mut sheet = Vec::new();
    for minutes in ledger.seen.chunk_by(|a, b| a.0 / 60 == b.0 / 60) {
        let Some(first) = minutes.first() else { continue };
        let bits = minutes.iter().fold(0_i64, |bits, minute| bits | 1 << (minute.0 % 60));
        let (hour, place) = (first.0 / 60, LIVE_PLACE);
        line(&mut sheet, &SeenRow { sensor, device, day: day(first.0), hour, place, minutes: bits, version: 1 });
    }
    sheet
}
