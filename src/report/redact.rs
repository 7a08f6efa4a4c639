//! Device identifiers become stable pseudonyms, so that a report can be shared.
//!
//! What is hidden: hardware addresses, the device's own and every local network address, names of local hosts, labels
//! given by the owner, paths of input files. What stays: the servers talked to, volumes, times, hashes of inputs.
//! Private addresses are few enough to try them all, hence a secret key: without it nobody can undo a pseudonym, with
//! the same key the same device has the same pseudonym in every report.

use std::{borrow::Cow, fmt, net::IpAddr};

use sha2::{Digest, Sha256};

use crate::base::{Cidr, endpoint::is_private};

/// The secret by which pseudonyms are made. It never shows, not even in debugging output.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Whether device identifiers are replaced.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Redaction {
    /// They are shown.
    #[default]
    Off,
    /// They are replaced by pseudonyms made with this key.
    On(Key),
}

impl Redaction {
    /// The device's name in the report: its id, or a pseudonym such as `device-3fa91c07`.
    pub fn device<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match self {
            Self::Off => Cow::Borrowed(id),
            Self::On(key) => Cow::Owned(format!("device-{}", key.pseudonym("device", id))),
        }
    }

    /// The name its owner gave the device; a pseudonym stands in its place, so there is none.
    pub fn label<'a>(&self, label: Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Off => label,
            Self::On(_) => None,
        }
    }

    /// An address of a device or of its network, or a pseudonym such as `local-81b2d0e4`.
    pub fn own_address(&self, addr: IpAddr) -> String {
        match self {
            Self::Off => addr.to_string(),
            Self::On(key) => format!("local-{}", key.pseudonym("address", &addr.to_string())),
        }
    }

    /// Both ends of a flow. A private address is replaced. Where neither end is private, nothing here says which is
    /// the device's (it may have a global IPv6 address), so both are.
    pub fn ends(&self, a: IpAddr, b: IpAddr) -> [String; 2] {
        let hide = |addr: IpAddr, other: IpAddr| is_private(addr) || !is_private(other);
        let end = |addr: IpAddr, other| if hide(addr, other) { self.own_address(addr) } else { addr.to_string() };
        [end(a, b), end(b, a)]
    }

    /// A host name or address block that a device talked to. Names and blocks of the local network are replaced.
    pub fn destination<'a>(&self, destination: &'a str, own: &[IpAddr]) -> Cow<'a, str> {
        match self {
            Self::On(key) if is_local(destination, own) => {
                Cow::Owned(format!("local-{}", key.pseudonym("address", destination)))
            }
            _ => Cow::Borrowed(destination),
        }
    }

    /// The path of the `n`th input, counted from 0; paths hold user names.
    pub fn path<'a>(&self, n: usize, path: &'a str) -> Cow<'a, str> {
        match self {
            Self::Off => Cow::Borrowed(path),
            Self::On(_) => Cow::Owned(format!("input-{}", n + 1)),
        }
    }

    /// Why an input could not be read; the sentence holds its path.
    pub fn failure<'a>(&self, sentence: &'a str) -> Cow<'a, str> {
        match self {
            Self::Off => Cow::Borrowed(sentence),
            Self::On(_) => Cow::Borrowed("an input could not be read (its name is withheld)"),
        }
    }

    /// What else there is to say of the inputs; the sentence holds their paths.
    pub fn remark<'a>(&self, sentence: &'a str) -> Cow<'a, str> {
        match self {
            Self::Off => Cow::Borrowed(sentence),
            Self::On(_) => Cow::Borrowed("a remark that names an input is withheld"),
        }
    }
}

impl Key {
    fn pseudonym(&self, what: &str, id: &str) -> String {
        let digest: [u8; 32] =
            Sha256::new().chain_update(self.0).chain_update(what).chain_update([0]).chain_update(id).finalize().into();
        let [a, b, c, d, ..] = digest;
        format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

/// Names that only a local network resolves (RFC 6762, RFC 8375, RFC 6761, and what home routers give out).
const LOCAL_SUFFIXES: [&str; 7] = [".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain", ".fritz.box"];

fn is_local(destination: &str, own: &[IpAddr]) -> bool {
    if let Ok(block) = destination.parse::<Cidr>() {
        return is_private(block.base()) || own.iter().any(|addr| block.contains(*addr));
    }
    let name = destination.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.')
        || LOCAL_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || name.ends_with(".in-addr.arpa")
        || name.ends_with(".ip6.arpa")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Redaction = Redaction::On(Key([7; 32]));

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_pseudonym_is_stable_under_one_key_and_differs_under_another() {
        let other = Redaction::On(Key([8; 32]));
        let id = "02:00:00:00:07:17";
        assert_eq!(ON.device(id), ON.device(id));
        assert_ne!(ON.device(id), other.device(id));
        assert_ne!(ON.device(id), ON.device("02:00:00:00:07:18"));
        assert!(ON.device(id).starts_with("device-") && !ON.device(id).contains("07"), "{}", ON.device(id));
        assert_eq!(format!("{ON:?}"), "On(Key(…))");
    }

    #[test]
    fn the_private_end_of_a_flow_is_hidden_and_the_server_is_not() {
        let [a, b] = ON.ends(addr("192.168.7.23"), addr("157.240.1.1"));
        assert!(a.starts_with("local-"));
        assert_eq!(b, "157.240.1.1");
    }

    #[test]
    fn between_public_addresses_both_ends_are_hidden() {
        let ends = ON.ends(addr("2001:db8::7"), addr("2a03:2880::1"));
        assert!(ends.iter().all(|end| end.starts_with("local-")), "{ends:?}");
    }

    #[test]
    fn local_names_and_blocks_are_hidden_and_servers_are_not() {
        let own = [addr("2001:db8:7::23")];
        for local in ["anas-macbook.local", "NAS", "192.168.7.0/24", "2001:db8:7::/48", "23.7.168.192.in-addr.arpa"] {
            assert!(ON.destination(local, &own).starts_with("local-"), "{local}");
        }
        for public in ["mmg.whatsapp.net", "157.240.0.0/16", "2a03:2880::/32"] {
            assert_eq!(ON.destination(public, &own), public);
        }
    }
}
