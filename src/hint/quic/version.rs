//! QUIC versions whose Initial packets can be opened: salt, key labels, packet type bits.
//!
//! Initial keys protect against accidents, not against readers: they follow from a published salt and the client's
//! first destination connection id (RFC 9001, section 5.2; RFC 9369, section 3.3; the drafts before them; Google's
//! versions as Chromium published them).

/// How a version protects its Initial packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Version {
    /// HKDF-Extract salt.
    pub(super) salt: &'static [u8; 20],
    /// Labels of key, initialisation vector and header protection.
    pub(super) labels: [&'static str; 3],
    /// How the long header's type bits are numbered.
    pub(super) types: Types,
    /// What the CRYPTO stream carries.
    pub(super) handshake: Handshake,
}

/// Which numbering the two packet type bits follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Types {
    /// RFC 9000, section 17.2: Initial is 0.
    V1,
    /// RFC 9369, section 3.2: Initial is 1.
    V2,
}

/// What the client's first message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Handshake {
    /// A TLS ClientHello.
    Tls,
    /// Google's CHLO.
    Chlo,
}

impl Version {
    /// The version with this number; `None` where it is unknown, or where its packets are not protected.
    pub(super) fn of(number: u32) -> Option<Self> {
        let v1 = |salt| Self { salt, labels: LABELS, types: Types::V1, handshake: Handshake::Tls };
        Some(match number {
            1 | 0xff00_0021..=0xff00_0022 => v1(SALT_V1),
            greased if is_greased(greased) => v1(SALT_V1),
            0x6b33_43cf => Self { labels: LABELS_V2, types: Types::V2, ..v1(SALT_V2) },
            0x709a_50c4 | 0xff02_0000 => Self { labels: LABELS_V2, types: Types::V2, ..v1(SALT_V2_DRAFT) },
            0xff00_001d..=0xff00_0020 => v1(SALT_DRAFT_29),
            0xff00_0017..=0xff00_001c | MVFST_2 | MVFST_E => v1(SALT_DRAFT_23),
            0xff00_0015..=0xff00_0016 | MVFST_1 => v1(SALT_DRAFT_21),
            other if is_mvfst(other) => v1(SALT_V1),
            Q050 => Self { handshake: Handshake::Chlo, ..v1(SALT_Q050) },
            T050 => v1(SALT_T050),
            T051 => v1(SALT_T051),
            _ => return None,
        })
    }
}

/// What may open a packet of the version with this number. A greased number, sent to provoke version negotiation,
/// hides the version that its sender had in mind; what Facebook's own numbers follow is told by what opens the packet.
pub(super) fn candidates(number: u32) -> impl Iterator<Item = Version> {
    let others: &[u32] = match number {
        greased if is_greased(greased) => &[DRAFT_29],
        MVFST_1 | MVFST_2 | MVFST_E => &[],
        other if is_mvfst(other) => &[DRAFT_29, DRAFT_23],
        _ => &[],
    };
    Version::of(number).into_iter().chain(others.iter().filter_map(|other| Version::of(*other)))
}

/// Whether `number` is one of Facebook's own.
fn is_mvfst(number: u32) -> bool {
    number >> 8 == 0x00fa_ceb0
}

/// Whether `number` is reserved to be refused (RFC 9000, section 15).
fn is_greased(number: u32) -> bool {
    number & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// Whether `number` is a version that some software uses or pretends to.
pub(super) fn is_known(number: u32) -> bool {
    Version::of(number).is_some()
        || number >> 8 == 0x00ff_0000
        || matches!(number, 0xff02_0000..=0xff02_00ff)
        || is_google(number)
}

/// Whether `number` spells a Google version, such as `Q046`.
pub(super) fn is_google(number: u32) -> bool {
    matches!(number.to_be_bytes(), [b'Q' | b'T', b'0', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

const DRAFT_29: u32 = 0xff00_001d;
const DRAFT_23: u32 = 0xff00_0017;
const Q050: u32 = u32::from_be_bytes(*b"Q050");
const T050: u32 = u32::from_be_bytes(*b"T050");
const T051: u32 = u32::from_be_bytes(*b"T051");
const MVFST_1: u32 = 0xface_b001;
const MVFST_2: u32 = 0xface_b002;
const MVFST_E: u32 = 0xface_b00e;

const LABELS: [&str; 3] = ["quic key", "quic iv", "quic hp"];
const LABELS_V2: [&str; 3] = ["quicv2 key", "quicv2 iv", "quicv2 hp"];

const SALT_V1: &[u8; 20] = &hex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
const SALT_V2: &[u8; 20] = &hex("0dede3def700a6db819381be6e269dcbf9bd2ed9");
const SALT_V2_DRAFT: &[u8; 20] = &hex("a707c203a59b47184a1d62ca570406ea7ae3e5d3");
const SALT_DRAFT_29: &[u8; 20] = &hex("afbfec289993d24c9e9786f19c6111e04390a899");
const SALT_DRAFT_23: &[u8; 20] = &hex("c3eef712c72ebb5a11a7d2432bb46365bef9f502");
const SALT_DRAFT_21: &[u8; 20] = &hex("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a");
const SALT_Q050: &[u8; 20] = &hex("504574efd066fe2f9d945cfcdbd3a7f0d3b56b45");
const SALT_T050: &[u8; 20] = &hex("7ff579e5acd072915580304c43a2367c60488310");
const SALT_T051: &[u8; 20] = &hex("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d");

/// The bytes that forty hexadecimal digits write.
const fn hex(text: &str) -> [u8; 20] {
    let digits = text.as_bytes();
    let mut bytes = [0; 20];
    let mut at = 0;
    while at < 20 {
        bytes[at] = nibble(digits[2 * at]) << 4 | nibble(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    }
}
