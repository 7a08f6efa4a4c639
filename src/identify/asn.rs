//! Who announces an address: a table that the user supplies, in the form of iptoasn.com.
//!
//! Tab-separated lines of first address, last address, AS number, country, description; plain or gzip. It only ever
//! gives weak evidence: clouds announce what their customers run.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    net::IpAddr,
    path::Path,
    sync::Arc,
};

use flate2::read::MultiGzDecoder;

/// Lines read at most: twice what the whole Internet needs today.
const MOST_RANGES: usize = 2_000_000;
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
    #[error("{path}: {source}; name a readable iptoasn TSV file, plain or gzip")]
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
}

/// Address ranges with who announces them.
#[derive(Debug, Default)]
pub struct AsnTable {
    ranges: Vec<Range>,
    systems: Vec<AutonomousSystem>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: IpAddr,
    last: IpAddr,
    system: u32,
}

impl AsnTable {
    /// Reads the table at `path`, gzip or plain by content.
    pub fn load(path: &Path) -> Result<Self, AsnError> {
        let shown = path.display().to_string();
        let unreadable = |source| AsnError::Read { path: shown.clone(), source };
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let is_gzip = file.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
        if is_gzip { Self::read(&shown, BufReader::new(MultiGzDecoder::new(file))) } else { Self::read(&shown, file) }
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
    pub fn find(&self, addr: IpAddr) -> Option<&AutonomousSystem> {
        let last = self.ranges.partition_point(|range| range.first <= addr).checked_sub(1)?;
        let range = self.ranges.get(last).filter(|range| addr <= range.last)?;
        self.systems.get(range.system as usize)
    }

    /// How many ranges it holds.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
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
    fn a_wrong_line_is_named() {
        let said = |text: &str| AsnTable::read("t.tsv", text.as_bytes()).unwrap_err().to_string();
        assert!(said("\n1.0.0.0\tx\t1\t\t").starts_with("t.tsv:2: no address; expected"));
        assert!(said("1.0.0.9\t1.0.0.0\t1\tUS\tx").contains("ends before it begins"));
    }
}
