//! Bounded reading: a header that its bytes end before is a value, not a crash.

/// A header that its bytes end before, or contradict.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{layer} at byte {offset}: needs {needed} bytes, {left} left")]
pub struct Malformed {
    /// What was being read, such as `"TCP"`.
    pub layer: &'static str,
    /// Where in the bytes that were handed over.
    pub offset: usize,
    /// How many bytes it asked for.
    pub needed: usize,
    /// How many there were.
    pub left: usize,
}

/// Reads network-order fields off the front of borrowed bytes, and says what was missing.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    layer: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the front of `bytes`, whose errors name `layer`.
    pub const fn new(layer: &'static str, bytes: &'a [u8]) -> Self {
        Self { layer, bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// How many are left.
    pub const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether all have been read.
    pub const fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// The bytes not read yet, without moving on.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        match self.rest().get(..n) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => Err(Malformed { layer: self.layer, offset: self.at, needed: n, left: self.left() }),
        }
    }

    /// As many of the next `n` bytes as there are.
    pub fn take_up_to(&mut self, n: usize) -> &'a [u8] {
        let taken = n.min(self.left());
        let bytes = &self.rest()[..taken];
        self.at += taken;
        bytes
    }

    /// The next `n` bytes as a reader of their own.
    pub fn within(&mut self, n: usize) -> Result<Self, Malformed> {
        Ok(Self::new(self.layer, self.take(n)?))
    }

    /// Passes over `n` bytes.
    pub fn skip(&mut self, n: usize) -> Result<(), Malformed> {
        self.take(n).map(drop)
    }

    /// The next `N` bytes, copied.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, big-endian.
    pub fn u24(&mut self) -> Result<u32, Malformed> {
        self.array().map(|[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_names_layer_offset_and_need() {
        let mut reader = Reader::new("TLS", &[1, 2, 3]);
        assert_eq!(reader.u16(), Ok(0x0102));
        let lie = reader.take(9).unwrap_err();
        assert_eq!(lie, Malformed { layer: "TLS", offset: 2, needed: 9, left: 1 });
        assert_eq!(lie.to_string(), "TLS at byte 2: needs 9 bytes, 1 left");
        assert_eq!(reader.u8(), Ok(3), "a failed read takes nothing");
    }

    #[test]
    fn a_reader_within_stays_within() {
        let mut outer = Reader::new("x", &[1, 2, 3, 4]);
        let mut inner = outer.within(2).unwrap();
        assert_eq!(inner.take_up_to(9), [1, 2]);
        assert!(inner.u8().is_err());
        assert_eq!(outer.u16(), Ok(0x0304));
    }
}
