//! An MMDB with who announces which addresses (the format's specification is at maxmind.github.io),
//! such as GeoLite2-ASN, or one made from public routing data.
//!
//! The file is a stranger's: a look-up walks at most 128 nodes and decodes one record, whatever the file says, and an
//! address that it answers wrongly is one that it does not know.

use std::net::IpAddr;

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

use super::AutonomousSystem;

/// A database in memory.
pub(super) struct Database {
    reader: Reader<Vec<u8>>,
}

/// What databases call the number and the name of a system.
#[derive(Debug, Deserialize)]
struct Record<'a> {
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    autonomous_system_organization: Option<&'a str>,
    /// The number behind `AS`, as other makers write it.
    #[serde(borrow)]
    asn: Option<&'a str>,
    #[serde(borrow)]
    name: Option<&'a str>,
}

impl Database {
    /// A database of these bytes.
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, MaxMindDbError> {
        Reader::from_source(bytes).map(|reader| Self { reader })
    }

    /// Who announces `addr`; `None` also where the record there is broken, or is about something else.
    pub(super) fn find(&self, addr: IpAddr) -> Option<AutonomousSystem> {
        let record = self.reader.lookup(addr).ok()?.decode::<Record<'_>>().ok()??;
        let written = record.asn.and_then(|text| text.trim_start_matches("AS").parse().ok());
        let number = record.autonomous_system_number.or(written).filter(|number| *number != 0)?;
        let name = record.autonomous_system_organization.or(record.name).unwrap_or_default();
        Some(AutonomousSystem { number, name: name.into() })
    }

    /// How many nodes its tree has.
    pub(super) fn nodes(&self) -> usize {
        self.reader.metadata().node_count as usize
    }

    /// Whether it says that it is about autonomous systems.
    pub(super) fn is_about_systems(&self) -> bool {
        self.reader.metadata().database_type.to_ascii_lowercase().contains("asn")
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({} nodes)", self.nodes())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A database of these blocks of IPv4, as the format's specification writes them: a tree of 24-bit records, sixteen
    /// zeros, the records, a marker, what the file is.
    pub(in crate::identify::asn) fn written(kind: &str, blocks: &[([u8; 4], u8, u32, &str)]) -> Vec<u8> {
        let mut data = Vec::new();
        let mut tree: Vec<[Next; 2]> = vec![[Next::Nowhere; 2]];
        for (base, length, number, name) in blocks {
            let offset = data.len();
            data.extend(map(&[
                (b"autonomous_system_number", [&[0xc4][..], &number.to_be_bytes()].concat()),
                (b"autonomous_system_organization", text(name)),
            ]));
            let bits = u32::from_be_bytes(*base);
            let mut node = 0;
            for depth in 0..*length {
                let bit = (bits >> (31 - depth) & 1) as usize;
                if depth + 1 == *length {
                    tree[node][bit] = Next::Data(offset);
                    break;
                }
                node = if let Next::Node(next) = tree[node][bit] {
                    next
                } else {
                    tree.push([Next::Nowhere; 2]);
                    let next = tree.len() - 1;
                    tree[node][bit] = Next::Node(next);
                    next
                };
            }
        }
        let nodes = tree.len();
        let mut bytes = Vec::new();
        for next in tree.iter().flatten() {
            let value = match next {
                Next::Nowhere => nodes,
                Next::Node(node) => *node,
                Next::Data(offset) => nodes + 16 + offset,
            };
            bytes.extend(&u32::try_from(value).unwrap().to_be_bytes()[1..]);
        }
        bytes.extend([0; 16]);
        bytes.extend(data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.extend(map(&[
            (b"node_count", [&[0xc4][..], &u32::try_from(nodes).unwrap().to_be_bytes()].concat()),
            (b"record_size", vec![0xa2, 0, 24]),
            (b"ip_version", vec![0xa2, 0, 4]),
            (b"database_type", text(kind)),
            (b"languages", vec![0x00, 0x04]),
            (b"binary_format_major_version", vec![0xa2, 0, 2]),
            (b"binary_format_minor_version", vec![0xa2, 0, 0]),
            (b"build_epoch", vec![0x04, 0x02, 0x60, 0, 0, 0]),
            (b"description", vec![0xe0]),
        ]));
        bytes
    }

    #[derive(Clone, Copy)]
    enum Next {
        Nowhere,
        Node(usize),
        Data(usize),
    }

    fn map(pairs: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xe0 | u8::try_from(pairs.len()).unwrap()];
        for (key, value) in pairs {
            bytes.extend(text(std::str::from_utf8(key).unwrap()));
            bytes.extend(value);
        }
        bytes
    }

    fn text(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        let front = if length < 29 { vec![0x40 | length] } else { vec![0x5d, length - 29] };
        [&front, text.as_bytes()].concat()
    }

    fn sample() -> Vec<u8> {
        written("GeoLite2-ASN", &[([91, 108, 4, 0], 22, 62041, "TELEGRAM"), ([31, 13, 24, 0], 21, 32934, "FACEBOOK")])
    }

    fn ask(database: &Database, addr: [u8; 4]) -> Option<(u32, String)> {
        database.find(addr.into()).map(|system| (system.number, system.name.to_string()))
    }

    #[test]
    fn an_address_is_found_in_its_block_and_nowhere_else() {
        let database = Database::new(sample()).unwrap();
        assert!(database.is_about_systems());
        assert_eq!(ask(&database, [91, 108, 7, 255]), Some((62041, "TELEGRAM".to_owned())));
        assert_eq!(ask(&database, [31, 13, 31, 1]), Some((32934, "FACEBOOK".to_owned())));
        assert_eq!(ask(&database, [91, 108, 8, 0]), None);
        assert_eq!(database.find("2001:db8::1".parse().unwrap()), None, "it knows IPv4 only");
    }

    #[test]
    fn a_cut_database_is_refused_or_knows_less() {
        let whole = sample();
        for cut in 0..whole.len() {
            if let Ok(database) = Database::new(whole[..cut].to_vec()) {
                ask(&database, [91, 108, 4, 1]);
            }
        }
    }

    proptest! {
        #[test]
        fn a_bent_database_breaks_nothing(
            bends in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            addrs in prop::collection::vec(any::<[u8; 4]>(), 1..9),
        ) {
            let mut bytes = sample();
            for (at, value) in bends {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Ok(database) = Database::new(bytes) {
                for addr in addrs.into_iter().chain([[91, 108, 4, 1], [31, 13, 24, 1]]) {
                    ask(&database, addr);
                }
            }
        }

        #[test]
        fn no_bytes_break_anything(bytes in prop::collection::vec(any::<u8>(), 0..400), marked: bool, addr: [u8; 4]) {
            let mut bytes = bytes;
            if marked {
                let at = bytes.len() / 2;
                bytes.splice(at..at, b"\xab\xcd\xefMaxMind.com".iter().copied());
            }
            if let Ok(database) = Database::new(bytes) {
                ask(&database, addr);
            }
        }
    }
}
