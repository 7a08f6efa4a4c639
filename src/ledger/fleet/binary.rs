//! The server's `RowBinary` form: numbers of fixed width, texts and lists behind their length (LEB128), row after row
//! without anything between. No length that the server gives is believed beyond a bound.

use std::io::{self, BufRead, Read};

use super::{FleetError, Server};

/// The longest text; the server cuts texts to this length.
const LONGEST_TEXT: u64 = 2_000;

/// Rows of an answer in `RowBinary`, read column by column in the order they were asked for.
pub(super) struct Columns<R> {
    server: String,
    bytes: R,
    longest_list: u64,
}

impl<R: BufRead> Columns<R> {
    /// What `bytes` hold, as `server` gave it; no list may be longer than `longest_list`.
    pub(super) fn of(server: &Server, bytes: R, longest_list: usize) -> Self {
        Self { server: server.name(), bytes, longest_list: u64::try_from(longest_list).unwrap_or(u64::MAX) }
    }

    /// Whether there is no further row.
    pub(super) fn at_end(&mut self) -> Result<bool, FleetError> {
        match self.bytes.fill_buf() {
            Ok(left) => Ok(left.is_empty()),
            Err(error) => Err(self.unread(&error)),
        }
    }

    /// A `UInt8`.
    pub(super) fn byte(&mut self) -> Result<u8, FleetError> {
        self.fixed().map(|[byte]: [u8; 1]| byte)
    }

    /// A `UInt32`.
    pub(super) fn small(&mut self) -> Result<u32, FleetError> {
        self.fixed().map(u32::from_le_bytes)
    }

    /// A `UInt64`.
    pub(super) fn number(&mut self) -> Result<u64, FleetError> {
        self.fixed().map(u64::from_le_bytes)
    }

    /// A `Float64`.
    pub(super) fn float(&mut self) -> Result<f64, FleetError> {
        self.fixed().map(f64::from_le_bytes)
    }

    /// A `String` as it was written: servers sort by bytes.
    pub(super) fn raw(&mut self) -> Result<Vec<u8>, FleetError> {
        let length = self.length(LONGEST_TEXT, "a text")?;
        let mut text = Vec::new();
        let read = self.bytes.by_ref().take(length).read_to_end(&mut text);
        match read {
            Ok(read) if read as u64 == length => Ok(text),
            Ok(_) => Err(self.garbled("an answer that ends in the middle of a row")),
            Err(error) => Err(self.unread(&error)),
        }
    }

    /// A `String`; bytes that are no UTF-8 are replaced.
    pub(super) fn text(&mut self) -> Result<String, FleetError> {
        self.raw().map(|raw| String::from_utf8_lossy(&raw).into_owned())
    }

    /// An `Array`, each of whose values is read with `one`.
    pub(super) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, FleetError>,
    ) -> Result<Vec<T>, FleetError> {
        let length = self.length(self.longest_list, "a list")?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn length(&mut self, most: u64, what: &str) -> Result<u64, FleetError> {
        let mut length = 0_u64;
        for place in 0..9 {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                let fits = length <= most;
                return if fits { Ok(length) } else { Err(self.garbled(&format!("{what} of {length}"))) };
            }
        }
        Err(self.garbled("a length without end"))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], FleetError> {
        let mut bytes = [0; N];
        match self.bytes.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.garbled("an answer that ends in the middle of a row"))
            }
            Err(error) => Err(self.unread(&error)),
        }
    }

    fn garbled(&self, what: &str) -> FleetError {
        FleetError::Garbled { server: self.server.clone(), what: what.to_owned() }
    }

    fn unread(&self, error: &io::Error) -> FleetError {
        FleetError::Unreachable { server: self.server.clone(), what: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::fleet::{Address, Secret};

    fn columns(bytes: &[u8]) -> Columns<&[u8]> {
        let address = Address::new("http://localhost:1/x", "", Secret::default());
        Columns::of(&Server::new(address.unwrap_or_else(|error| unreachable!("{error}"))), bytes, 4)
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let mut row = columns(b"\x02ab\x01\x00\x00\x00\x02\x05\x06");
        assert_eq!(row.text().ok().as_deref(), Some("ab"));
        assert_eq!(row.small().ok(), Some(1));
        assert_eq!(row.list(Columns::byte).ok(), Some(vec![5, 6]));
        assert!(row.at_end().is_ok_and(|end| end));
    }

    #[test]
    fn a_length_that_lies_is_an_error_and_takes_no_memory() {
        assert!(columns(b"\xff\xff\xff\x7f").text().is_err());
        assert!(columns(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").raw().is_err());
        assert!(columns(b"\x05\x01").list(Columns::byte).is_err(), "longer than any list may be");
        assert!(columns(b"\x03ab").text().is_err(), "an answer that breaks off");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut row = columns(&bytes);
            let _ = row.text();
            let _ = row.list(Columns::number);
            let _ = row.float();
        }
    }
}
