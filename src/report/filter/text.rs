//! Texts that a filter looks for: letters of either case are the same, `*` stands for anything.

use std::net::IpAddr;

use crate::base::Cidr;

/// A text with `*` for anything, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob {
    parts: Vec<String>,
}

impl Glob {
    /// What `pattern` stands for, from its beginning to its end.
    pub(super) fn whole(pattern: &str) -> Self {
        Self { parts: pattern.to_lowercase().split('*').map(str::to_owned).collect() }
    }

    /// What `pattern` stands for, anywhere in a text.
    pub(super) fn inside(pattern: &str) -> Self {
        if pattern.contains('*') { Self::whole(pattern) } else { Self::whole(&format!("*{pattern}*")) }
    }

    /// Whether `text` is such a text.
    pub(super) fn matches(&self, text: &str) -> bool {
        if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_uppercase()) {
            return self.matches_lower(text);
        }
        self.matches_lower(&text.to_lowercase())
    }

    fn matches_lower(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(last.as_str())
    }
}

/// A host, as people name one: a name stands for what is below it too, `*` for anything, a block for its addresses.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum HostLike {
    Name(String),
    Pattern(Glob),
    Block(Cidr),
}

impl HostLike {
    pub(super) fn of(text: &str) -> Self {
        let address = text.parse::<IpAddr>().ok();
        let whole = |addr: IpAddr| Cidr::new(addr, if addr.is_ipv4() { 32 } else { 128 });
        match address.and_then(whole).or_else(|| text.parse().ok()) {
            Some(block) => Self::Block(block),
            None if text.contains('*') => Self::Pattern(Glob::whole(text)),
            None => Self::Name(text.trim_matches('.').to_lowercase()),
        }
    }

    pub(super) fn matches_name(&self, host: &str) -> bool {
        match self {
            Self::Name(name) => {
                let host = host.trim_start_matches("*.");
                host.eq_ignore_ascii_case(name)
                    || host.len() > name.len()
                        && host.as_bytes().get(host.len() - name.len() - 1) == Some(&b'.')
                        && host.get(host.len() - name.len()..).is_some_and(|tail| tail.eq_ignore_ascii_case(name))
            }
            Self::Pattern(glob) => glob.matches(host),
            Self::Block(block) => match (host.parse::<Cidr>(), host.parse::<IpAddr>()) {
                (Ok(other), _) => other.length() >= block.length() && block.contains(other.base()),
                (_, Ok(addr)) => block.contains(addr),
                _ => false,
            },
        }
    }

    pub(super) fn matches_address(&self, addr: IpAddr) -> bool {
        matches!(self, Self::Block(block) if block.contains(addr))
    }
}
