//! The tables of a fleet, on one server or on each shard of a cluster.

use super::{FleetError, Server, text};

/// The version of the tables below.
pub const VERSION: u32 = 3;
/// The oldest server whose SQL is known to do.
const OLDEST_SERVER: (u32, u32) = (18, 16);

/// A table: the version of the schema that brought it, its name, its columns, and how it is laid out.
struct Table {
    since: u32,
    name: &'static str,
    columns: &'static str,
    order: &'static str,
    parts: Parts,
}

/// How a table is cut into what can be dropped as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Parts {
    Months,
    One,
}

/// What is kept of every sensor. A row that is sent again takes the place of the one before: the highest version stays.
const TABLES: [Table; 5] = [
    Table {
        since: 1,
        name: "minutes",
        columns: "sensor String, device String, day Date, minute UInt32, subject String, name String, \
            operator String, kind String, role String, destination String, unplaced UInt8, up UInt64, down UInt64, \
            wire_up UInt64, wire_down UInt64, bulk_up UInt64, stream_up UInt64, stream_down UInt64, packets UInt32, \
            flows UInt32, version UInt64",
        order: "sensor, device, minute, subject, name, operator, kind, role, destination, unplaced",
        parts: Parts::Months,
    },
    Table {
        since: 1,
        name: "named",
        columns: "sensor String, device String, day Date, minute UInt32, host String, subject String, name String, \
            operator String, kind String, background UInt8, version UInt64",
        order: "sensor, device, minute, host, subject, name, operator, kind, background",
        parts: Parts::Months,
    },
    Table {
        since: 1,
        name: "seen",
        columns: "sensor String, device String, day Date, hour UInt32, place UInt32, minutes UInt64, version UInt64",
        order: "sensor, device, hour, place",
        parts: Parts::Months,
    },
    Table {
        since: 1,
        name: "facts",
        columns: "sensor String, kind String, key String, value String, version UInt64",
        order: "sensor, kind, key",
        parts: Parts::One,
    },
    Table {
        since: 2,
        name: "findings",
        columns: "run UInt64, day Date, sensor String, device String, label String, subject String, name String, \
            kind String, verdict String, grade String, log10_e Float64, eligible_nights UInt32, worst_night Int64, \
            stands UInt8, version UInt64",
        order: "run, sensor, device, subject, name, kind",
        parts: Parts::Months,
    },
];

/// A column that a table got later, which tells rows apart from then on.
struct Added {
    since: u32,
    table: &'static str,
    column: &'static str,
    after: &'static str,
    order: &'static str,
}

/// What became of tables that older versions made.
const ADDED: [Added; 1] =
    [Added { since: 3, table: "seen", column: "place UInt32", after: "hour", order: "sensor, device, hour, place" }];

/// Whether the fleet is one server or a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Layout {
    /// One server holds everything.
    Single,
    /// Each server of this cluster holds some sensors; the cluster is one of the servers' own configuration.
    Cluster(String),
}

impl Server {
    /// Makes the tables, and brings older ones up to [`VERSION`]: what they hold stays. On a cluster this is done once
    /// against each of its servers. Gives the version that was found; `None` where there were no tables.
    pub fn init(&self, layout: &Layout) -> Result<Option<u32>, FleetError> {
        self.check_age()?;
        let found = self.found_version()?;
        if let Some(found) = found.filter(|found| *found > VERSION) {
            return Err(FleetError::Newer { server: self.name(), found, known: VERSION });
        }
        let sharded = self.has_table("minutes_local")?;
        if found.is_some() && sharded != matches!(layout, Layout::Cluster(_)) {
            let what = if sharded { "belongs to a cluster: give its name with --cluster" } else { "is of one server" };
            return Err(FleetError::Refused { server: self.name(), what: format!("what is there {what}") });
        }
        for statement in self.added(found.unwrap_or(VERSION), sharded)? {
            self.execute(&statement)?;
        }
        for statement in statements(self.database(), layout, found.unwrap_or_default()) {
            self.execute(&statement)?;
        }
        self.check()?;
        Ok(found)
    }

    /// Whether the server has the tables that this program reads and writes.
    pub fn check(&self) -> Result<(), FleetError> {
        self.check_age()?;
        let found = self.number(&format!("SELECT max(version) FROM {}.schema", self.database()))?;
        let (server, known) = (self.name(), VERSION);
        match u32::try_from(found).unwrap_or(u32::MAX) {
            VERSION => Ok(()),
            found if found > VERSION => Err(FleetError::Newer { server, found, known }),
            found => Err(FleetError::Schema { server, found: found.to_string(), known }),
        }
    }

    /// The version of the tables; `None` where there are none.
    pub fn found_version(&self) -> Result<Option<u32>, FleetError> {
        if !self.has_table("schema")? {
            return Ok(None);
        }
        let found = self.number(&format!("SELECT max(version) FROM {}.schema", self.database()))?;
        Ok(Some(u32::try_from(found).unwrap_or(u32::MAX)).filter(|found| *found > 0))
    }

    /// The server's own version.
    pub fn release(&self) -> Result<String, FleetError> {
        self.rows("SELECT version()")?.next(|row| row.text(0)).map(Option::unwrap_or_default)
    }

    fn check_age(&self) -> Result<(), FleetError> {
        let release = self.release()?;
        let mut parts = release.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        let age = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if age >= OLDEST_SERVER {
            return Ok(());
        }
        let (year, month) = OLDEST_SERVER;
        Err(FleetError::OldServer { server: self.name(), release, needed: format!("{year}.{month}") })
    }

    /// What gives tables of the version `found` the columns that came later. One that was begun before goes on where it
    /// stopped.
    fn added(&self, found: u32, sharded: bool) -> Result<Vec<String>, FleetError> {
        let (database, mut all) = (self.database(), Vec::new());
        for Added { table, column, after, order, .. } in ADDED.iter().filter(|added| added.since > found) {
            let local = if sharded { format!("{table}_local") } else { (*table).to_owned() };
            let names = [(local, format!(", MODIFY ORDER BY ({order})"))];
            let over_all = sharded.then(|| ((*table).to_owned(), String::new()));
            for (name, sorted) in names.into_iter().chain(over_all) {
                let word = column.split(' ').next().unwrap_or_default();
                let sql = format!(
                    "SELECT count() FROM system.columns WHERE database = {} AND table = {} AND name = {}",
                    text::quoted(database),
                    text::quoted(&name),
                    text::quoted(word)
                );
                if self.number(&sql)? == 0 {
                    all.push(format!("ALTER TABLE {database}.{name} ADD COLUMN {column} AFTER {after}{sorted}"));
                }
            }
        }
        Ok(all)
    }

    fn has_table(&self, table: &str) -> Result<bool, FleetError> {
        let (database, table) = (text::quoted(self.database()), text::quoted(table));
        let sql = format!("SELECT count() FROM system.tables WHERE database = {database} AND name = {table}");
        Ok(self.number(&sql)? > 0)
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
        for Table { name, .. } in TABLES.iter().filter(|table| table.parts == Parts::Months) {
            let local = format!("{name}_local");
            let sharded = self.has_table(&local)?;
            names.push((*name, if sharded { local } else { (*name).to_owned() }));
        }
        Ok(names)
    }
}

/// What brings tables of the version `found` (0 for none) up to date.
fn statements(database: &str, layout: &Layout, found: u32) -> Vec<String> {
    let mut all = vec![format!("CREATE DATABASE IF NOT EXISTS {database}")];
    for Table { name, columns, order, parts, .. } in TABLES.iter().filter(|table| table.since > found) {
        let local = match layout {
            Layout::Single => (*name).to_owned(),
            Layout::Cluster(_) => format!("{name}_local"),
        };
        let parts = match parts {
            Parts::Months => "PARTITION BY toYYYYMM(day) ",
            Parts::One => "",
        };
        all.push(format!(
            "CREATE TABLE IF NOT EXISTS {database}.{local} ({columns}) ENGINE = ReplacingMergeTree(version) \
             {parts}ORDER BY ({order})"
        ));
        if let Layout::Cluster(cluster) = layout {
            all.push(format!(
                "CREATE TABLE IF NOT EXISTS {database}.{name} ({columns}) \
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
