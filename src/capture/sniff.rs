//! What the first bytes of a file say it is.

use super::{error::Problem, feed::Codec, pcap::Flavour};

/// A capture format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Pcap(Flavour),
    Pcapng,
}

impl Format {
    /// The format that `head` announces; `None` where it is no capture's.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magic = *head.first_chunk()?;
        let section = u32::from_be_bytes(magic) == super::pcapng::SECTION;
        // The block number alone is four line ends; the byte-order mark follows the length.
        let marked =
            head.get(8..12).is_none_or(|mark| matches!(mark, [0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a]));
        if section && marked { Some(Self::Pcapng) } else { Flavour::of(magic).map(Self::Pcap) }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pcap(_) => "pcap",
            Self::Pcapng => "pcapng",
        }
    }
}

/// How many bytes [`Format::of`] looks at.
pub(super) const MAGIC: usize = 12;
/// How many bytes [`describe`] looks at.
pub(super) const HEAD: usize = 512;

/// Says what `head`, the front of something that is no capture, looks like and what would mend it.
pub(super) fn describe(head: &[u8], codec: Codec) -> Problem {
    let (found, mend) = KNOWN
        .iter()
        .find(|(magic, at, ..)| head.get(*at..).is_some_and(|front| front.starts_with(magic)))
        .map_or_else(|| unknown(head), |(.., found, mend)| ((*found).to_owned(), *mend));
    let found = match codec {
        Codec::Plain => format!("looks like {found}"),
        packed => format!("is a {} of {found}", packed.name()),
    };
    Problem::NotACapture { found, mend }
}

fn unknown(head: &[u8]) -> (String, &'static str) {
    if head.is_empty() {
        return ("nothing".into(), "");
    }
    if head.iter().all(|&byte| byte == 0) {
        return ("zeros".into(), "; the copy or download was not finished");
    }
    let text = String::from_utf8_lossy(head);
    let odd = text.chars().filter(|c| c.is_control() && !c.is_whitespace() || *c == '\u{fffd}').count();
    if odd <= 1 {
        let html = text.trim_start().get(..1) == Some("<");
        return if html {
            ("a web page or XML".into(), "; the download gave a page instead of the file")
        } else {
            ("text".into(), "; a tool's printed output cannot be read back, capture again with -w FILE")
        };
    }
    let start: Vec<_> = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    (format!("an unknown format that starts with {}", start.join(" ")), "")
}

type Known = (&'static [u8], usize, &'static str, &'static str);

/// Formats that people mistake for a capture, or that hold one: magic, its offset, name, what to do.
const KNOWN: &[Known] = &[
    (b"\x1f\x8b", 0, "gzip data", "; it is packed twice, unpack it once with gzip -d"),
    (b"\x28\xb5\x2f\xfd", 0, "zstd data", "; it is packed twice, unpack it once with zstd -d"),
    (b"\xfd7zXZ\0", 0, "xz data", "; unpack it first with xz -d"),
    (b"BZh", 0, "bzip2 data", "; unpack it first with bzip2 -d"),
    (b"\x04\x22\x4d\x18", 0, "lz4 data", "; unpack it first with lz4 -d"),
    (b"PK\x03\x04", 0, "a zip archive", "; unpack it first with unzip"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive", "; unpack it first with 7z x"),
    (b"ustar", 257, "a tar archive", "; unpack it first with tar -x"),
    (b"snoop\0\0\0", 0, "a snoop capture", "; convert it with editcap -F pcapng IN OUT"),
    (b"RTSS", 0, "a Microsoft Network Monitor capture", "; convert it with editcap -F pcapng IN OUT"),
    (b"GMBU", 0, "a Microsoft Network Monitor capture", "; convert it with editcap -F pcapng IN OUT"),
    (b"TRSNIFF data    \x1a", 0, "a Sniffer capture", "; convert it with editcap -F pcapng IN OUT"),
    (b"btsnoop\0", 0, "a Bluetooth log", "; it holds no network traffic"),
    (b"\xff\xfe", 0, "UTF-16 text", "; PowerShell's > garbles captures, write them with -w FILE"),
    (b"SQLite format 3\0", 0, "an SQLite database", ""),
    (b"\x7fELF", 0, "a program", ""),
    (b"%PDF-", 0, "a PDF document", ""),
];
