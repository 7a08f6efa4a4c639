//! The tables of a fleet, on one server or on each shard of a cluster.

use super::{FleetError, Server, text};

/// The version of the tables below.
pub const VERSION: u32 = 1;

/// What is kept of every sensor. A row that is sent again takes the place of the one before: the highest version stays.
const TABLES: [(&str, &str, &str); 4] = [
    (
        "minutes",
        "sensor String, device String, day Date, minute UInt32, subject String, name String, operator String, \
         kind String, role String, destination String, unplaced UInt8, up UInt64, down UInt64, wire_up UInt64, \
         wire_down UInt64, bulk_up UInt64, stream_up UInt64, stream_down UInt64, packets UInt32, flows UInt32, \
         version UInt64",
        "PARTITION BY toYYYYMM(day) \
         ORDER BY (sensor, device, minute, subject, name, operator, kind, role, destination, unplaced)",
    ),
    (
        "named",
        "sensor String, device String, day Date, minute UInt32, host String, subject String, name String, \
         operator String, kind String, background UInt8, version UInt64",
        "PARTITION BY toYYYYMM(day) ORDER BY (sensor, device, minute, host, subject, name, operator, kind, background)",
    ),
    (
        "seen",
        "sensor String, device String, day Date, hour UInt32, minutes UInt64, version UInt64",
        "PARTITION BY toYYYYMM(day) ORDER BY (sensor, device, hour)",
    ),
    ("facts", "sensor String, kind String, key String, value String, version UInt64", "ORDER BY (sensor, kind, key)"),
];

/// Whether the fleet is one server or a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Layout {
    /// One server holds everything.
    Single,
    /// Each server of this cluster holds some sensors; the cluster is one of the servers' own configuration.
    Cluster(String),
}

impl Server {
    /// Makes the tables where they are missing. On a cluster this is done once against each of its servers.
    pub fn init(&self, layout: &Layout) -> Result<(), FleetError> {
        for statement in statements(self.database(), layout) {
            self.execute(&statement)?;
        }
        self.check()
    }

    /// Whether the server has the tables that this program writes.
    pub fn check(&self) -> Result<(), FleetError> {
        let found = self.number(&format!("SELECT max(version) FROM {}.schema", self.database()))?;
        if found == u64::from(VERSION) {
            return Ok(());
        }
        Err(FleetError::Schema { server: self.name(), found: found.to_string(), known: VERSION })
    }

    /// Drops everything of before this month, written `202606`.
    pub fn forget_before(&self, month: u32) -> Result<u64, FleetError> {
        let mut dropped = 0;
        for (table, local) in self.partitioned()? {
            let database = text::quoted(self.database());
            let mut rows = self.rows(&format!(
                "SELECT DISTINCT partition FROM system.parts WHERE database = {database} AND table = {} AND active",
                text::quoted(&local)
            ))?;
            let mut old = Vec::new();
            while let Some(partition) = rows.next(|row| row.small(0))? {
                old.extend(Some(partition).filter(|partition| *partition < month));
            }
            for partition in old {
                self.execute(&format!("ALTER TABLE {}.{local} DROP PARTITION {partition}", self.database()))?;
                dropped += u64::from(table == "minutes");
            }
        }
        Ok(dropped)
    }

    /// The tables that have a partition for each month, with the names they have on this server.
    fn partitioned(&self) -> Result<Vec<(&'static str, String)>, FleetError> {
        let mut names = Vec::new();
        for (table, ..) in TABLES.iter().filter(|(table, ..)| *table != "facts") {
            let local = format!("{table}_local");
            let sharded = self.number(&format!("EXISTS TABLE {}.{local}", self.database()))? == 1;
            names.push((*table, if sharded { local } else { (*table).to_owned() }));
        }
        Ok(names)
    }
}

fn statements(database: &str, layout: &Layout) -> Vec<String> {
    let mut all = vec![format!("CREATE DATABASE IF NOT EXISTS {database}")];
    for (table, columns, order) in TABLES {
        let local = match layout {
            Layout::Single => table.to_owned(),
            Layout::Cluster(_) => format!("{table}_local"),
        };
        all.push(format!(
            "CREATE TABLE IF NOT EXISTS {database}.{local} ({columns}) ENGINE = ReplacingMergeTree(version) {order}"
        ));
        if let Layout::Cluster(cluster) = layout {
            all.push(format!(
                "CREATE TABLE IF NOT EXISTS {database}.{table} ({columns}) \
                 ENGINE = Distributed({cluster}, {database}, {local}, cityHash64(sensor))"
            ));
        }
    }
    all.push(format!(
        "CREATE TABLE IF NOT EXISTS {database}.schema (version UInt32) ENGINE = MergeTree ORDER BY version"
    ));
    all.push(format!(
        "INSERT INTO {database}.schema SELECT {VERSION} FROM system.one \
         WHERE (SELECT count() FROM {database}.schema WHERE version = {VERSION}) = 0"
    ));
    all
}

impl Layout {
    /// A cluster by its name.
    pub fn cluster(name: &str) -> Result<Self, FleetError> {
        let fits = text::is_plain_name(name);
        fits.then(|| Self::Cluster(name.to_owned())).ok_or_else(|| FleetError::Address {
            url: name.chars().take(64).collect(),
            why: "no plain name of a cluster",
        })
    }
}
