//! Who announces an address: a table that the user supplies, in the form of iptoasn.com, or an MMDB.
//!
//! The first is tab-separated lines of first address, last address, AS number, country, description. Either may be
//! packed by gzip. It only ever gives weak evidence: clouds announce what their customers run.

mod database;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    net::IpAddr,
    path::Path,
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use maxminddb::MaxMindDbError;

use self::database::Database;

/// Lines read at most: twice what the whole Internet needs today.
const MOST_RANGES: usize = 2_000_000;
/// Bytes read of a database at most: several times what the whole Internet needs today.
const MOST_BYTES: u64 = 256 << 20;
/// A longer line is no line of such a table.
const LONGEST_LINE: u64 = 4_096;

/// An autonomous system: who announces an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AutonomousSystem {
    /// Its number.
    pub number: u32,
    /// As the table describes it, such as `TELEGRAM`.
    pub name: Arc<str>,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AsnError {
    /// It cannot be read.
    #[error("{path}: {source}; name a readable iptoasn TSV file or MaxMind DB, plain or gzip")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{path}:{line}: {what}; expected first address, last address, AS number, country, name, tab-separated")]
    Line {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It is binary, and no database that can be read.
    #[error("{path}: {source}; expected a MaxMind DB such as GeoLite2-ASN.mmdb, or an iptoasn TSV file")]
    Database {
        /// The file.
        path: String,
        /// Why.
        source: Box<MaxMindDbError>,
    },
    /// It is a database about something else.
    #[error("{path}: the database is not about autonomous systems; name one such as GeoLite2-ASN.mmdb")]
    OtherDatabase {
        /// The file.
        path: String,
    },
    /// It is larger than any such file.
    #[error("{path}: more than {} MiB; no table of autonomous systems is that large", MOST_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: String,
    },
}

/// Address ranges with who announces them.
#[derive(Debug, Default)]
pub struct AsnTable {
    ranges: Vec<Range>,
    systems: Vec<AutonomousSystem>,
    database: Option<Database>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: IpAddr,
    last: IpAddr,
    system: u32,
}

impl AsnTable {
    /// Reads the table or database at `path`; which of them it is, and whether packed, is told by content.
    pub fn load(path: &Path) -> Result<Self, AsnError> {
        let shown = path.display().to_string();
        let unreadable = |source| AsnError::Read { path: shown.clone(), source };
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let is_gzip = file.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
        if is_gzip {
            Self::read_either(&shown, BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Self::read_either(&shown, file)
        }
    }

    /// A table is text; a database begins with the numbers of its tree.
    fn read_either(path: &str, mut bytes: impl BufRead) -> Result<Self, AsnError> {
        let unreadable = |source| AsnError::Read { path: path.to_owned(), source };
        if !bytes.fill_buf().map_err(unreadable)?.contains(&0) {
            return Self::read(path, bytes);
        }
        let mut whole = Vec::new();
        bytes.take(MOST_BYTES + 1).read_to_end(&mut whole).map_err(unreadable)?;
        if whole.len() as u64 > MOST_BYTES {
            return Err(AsnError::TooLarge { path: path.to_owned() });
        }
        let broken = |source| AsnError::Database { path: path.to_owned(), source: Box::new(source) };
        let database = Database::new(whole).map_err(broken)?;
        if !database.is_about_systems() {
            return Err(AsnError::OtherDatabase { path: path.to_owned() });
        }
        Ok(Self { database: Some(database), ..Self::default() })
    }

    /// Reads a plain table; errors name `path`.
    pub fn read(path: &str, mut lines: impl BufRead) -> Result<Self, AsnError> {
        let mut table = Self::default();
        let mut line = Vec::new();
        for number in 1..=MOST_RANGES {
            line.clear();
            let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            if read.map_err(|source| AsnError::Read { path: path.to_owned(), source })? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                let wrong = |what| AsnError::Line { path: path.to_owned(), line: number, what };
                table.add(text.trim_end_matches(['\n', '\r'])).map_err(wrong)?;
            }
        }
        table.ranges.sort_by_key(|range| range.first);
        Ok(table)
    }

    /// Who announces `addr`.
    pub fn find(&self, addr: IpAddr) -> Option<AutonomousSystem> {
        if let Some(database) = &self.database {
            return database.find(addr);
        }
        let last = self.ranges.partition_point(|range| range.first <= addr).checked_sub(1)?;
        let range = self.ranges.get(last).filter(|range| addr <= range.last)?;
        self.systems.get(range.system as usize).cloned()
    }

    /// How many ranges it holds, or nodes of a database's tree.
    pub fn len(&self) -> usize {
        self.database.as_ref().map_or(self.ranges.len(), Database::nodes)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        let mut fields = line.split('\t');
        let mut address = || fields.next().and_then(|field| field.parse::<IpAddr>().ok()).ok_or("no address");
        let (first, last) = (address()?, address()?);
        let number = fields.next().and_then(|field| field.parse().ok()).ok_or("no AS number")?;
        if first.is_ipv4() != last.is_ipv4() || last < first {
            return Err("the range ends before it begins");
        }
        if number == 0 {
            return Ok(()); // announced by nobody
        }
        let name = fields.nth(1).unwrap_or_default();
        let system = self.system(number, name);
        self.ranges.push(Range { first, last, system });
        Ok(())
    }

    /// Neighbouring ranges mostly belong to one system: the last one is shared where it fits.
    fn system(&mut self, number: u32, name: &str) -> u32 {
        if self.systems.last().is_none_or(|last| last.number != number) {
            self.systems.push(AutonomousSystem { number, name: name.into() });
        }
        u32::try_from(self.systems.len() - 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TABLE: &str = "91.108.4.0\t91.108.7.255\t62041\tGB\tTELEGRAM\n\
                         31.13.24.0\t31.13.31.255\t32934\tUS\tFACEBOOK\n\
                         10.0.0.0\t10.255.255.255\t0\tNone\tNot routed\n\
                         2001:67c:4e8::\t2001:67c:4e8:ffff:ffff:ffff:ffff:ffff\t62041\tGB\tTELEGRAM\n";

    fn number(table: &AsnTable, addr: &str) -> Option<u32> {
        table.find(addr.parse().unwrap()).map(|system| system.number)
    }

    #[test]
    fn an_address_is_found_in_its_range_and_nowhere_else() {
        let table = AsnTable::read("t.tsv", TABLE.as_bytes()).unwrap();
        assert_eq!(number(&table, "91.108.7.255"), Some(62041));
        assert_eq!(number(&table, "91.108.8.0"), None);
        assert_eq!(number(&table, "31.13.24.0"), Some(32934));
        assert_eq!(number(&table, "10.1.1.1"), None, "AS 0 announces nothing");
        assert_eq!(number(&table, "2001:67c:4e8::1"), Some(62041));
    }

    #[test]
    fn gzip_is_told_by_content() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(TABLE.as_bytes()).unwrap();
        file.write_all(&packed.finish().unwrap()).unwrap();
        assert_eq!(number(&AsnTable::load(file.path()).unwrap(), "91.108.4.1"), Some(62041));
    }

    #[test]
    fn a_database_is_told_from_a_table_by_content() {
        let load = |bytes: &[u8]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            AsnTable::load(file.path())
        };
        let database = database::tests::written("GeoLite2-ASN", &[([91, 108, 4, 0], 22, 62041, "TELEGRAM")]);
        assert_eq!(number(&load(&database).unwrap(), "91.108.4.1"), Some(62041));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&database).unwrap();
        assert_eq!(number(&load(&packed.finish().unwrap()).unwrap(), "91.108.4.1"), Some(62041));
        let cities = database::tests::written("GeoLite2-City", &[([91, 108, 4, 0], 22, 1, "x")]);
        assert!(load(&cities).unwrap_err().to_string().contains("not about autonomous systems"));
        let broken = load(&database[..database.len() / 2]).unwrap_err().to_string();
        assert!(broken.contains("expected a MaxMind DB"), "{broken}");
    }

    #[test]
    fn a_wrong_line_is_named() {
        let said = |text: &str| AsnTable::read("t.tsv", text.as_bytes()).unwrap_err().to_string();
        assert!(said("\n1.0.0.0\tx\t1\t\t").starts_with("t.tsv:2: no address; expected"));
        assert!(said("1.0.0.9\t1.0.0.0\t1\tUS\tx").contains("ends before it begins"));
    }
}
