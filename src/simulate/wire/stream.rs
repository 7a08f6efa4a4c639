//! A stream of records: the framing that runs through one direction of a connection, content left zero.

/// How a carrier frames its data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::simulate) enum Framing {
    /// TLS records: type, version, length in two bytes (RFC 8446, section 5.1).
    Tls,
    /// Noise frames: length in three bytes.
    Noise,
}

/// Where one direction of a connection stands in its framing.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulate) struct Records {
    header: [u8; 5],
    /// Header bytes still to be written.
    header_left: u8,
    /// Content bytes still to be written.
    body_left: u32,
}

impl Records {
    /// Writes the next bytes of the stream over `out`, all zeros so far; `left` are those to come in this transfer,
    /// these included.
    pub(in crate::simulate) fn fill(&mut self, framing: Framing, out: &mut [u8], left: u64) {
        let mut at = 0;
        while at < out.len() {
            if self.header_left == 0 && self.body_left == 0 {
                self.begin(framing, left - at as u64);
            }
            if self.header_left > 0 {
                out[at] = self.header[framing.header() - usize::from(self.header_left)];
                self.header_left -= 1;
                at += 1;
            } else {
                let passed = (out.len() - at).min(self.body_left as usize);
                self.body_left -= u32::try_from(passed).unwrap_or_default();
                at += passed;
            }
        }
    }

    /// Begins a record that ends with the transfer, or before it where that is longer than a record may be.
    fn begin(&mut self, framing: Framing, left: u64) {
        let body = left.saturating_sub(framing.header() as u64).min(LARGEST_RECORD);
        let [.., high, low] = body.to_be_bytes();
        self.header = match framing {
            Framing::Tls => [23, 3, 3, high, low],
            Framing::Noise => [0, high, low, 0, 0],
        };
        self.header_left = u8::try_from(framing.header()).unwrap_or_default();
        self.body_left = u32::try_from(body).unwrap_or_default();
    }
}

impl Framing {
    const fn header(self) -> usize {
        match self {
            Self::Tls => 5,
            Self::Noise => 3,
        }
    }
}

/// 2^14 bytes of content, its type and its seal (RFC 8446, section 5.2).
const LARGEST_RECORD: u64 = 16_384 + 1 + 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_tile_the_stream_however_it_is_cut() {
        for (total, cut) in [(100_000_usize, 1_400), (16_406, 7), (16_407, 1_400), (30, 30), (40_000, 3)] {
            let mut records = Records::default();
            let mut stream = vec![0; total];
            let mut left = total as u64;
            for piece in stream.chunks_mut(cut) {
                records.fill(Framing::Tls, piece, left);
                left -= piece.len() as u64;
            }
            let mut at = 0;
            while at < total && total - at >= 5 {
                assert_eq!(stream[at..at + 3], [23, 3, 3], "record at {at} of {total}");
                at += 5 + usize::from(u16::from_be_bytes([stream[at + 3], stream[at + 4]]));
            }
            assert!(at == total || total - at < 5, "{at} of {total}");
        }
    }
}
