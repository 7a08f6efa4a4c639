//! Why the rules say what they say of one host or address.

use std::net::IpAddr;

use super::{
    Confidence, Role,
    pattern::Class,
    rule_file::Query,
    rules::{Entry, Rules, Target},
};
use crate::base::text::{host_name, shown};

/// One entry that matches what was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Id of the owner.
    pub id: String,
    /// The owner as people write it.
    pub name: String,
    /// The file and line of the entry.
    pub place: String,
    /// The entry, such as `suffix whatsapp.net` or `block 149.154.160.0/20`.
    pub entry: String,
    /// What it says the endpoint is for.
    pub role: Role,
    /// How far it can be trusted.
    pub confidence: Confidence,
    /// Where the fact comes from.
    pub source: String,
    /// What else a reader should know.
    pub note: Option<String>,
}

/// Every entry that matches what was asked, the one that decides first, and why that one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// What was asked, safe to show.
    pub query: String,
    /// The entries, most specific first; none where no rule knows it.
    pub candidates: Vec<Candidate>,
    /// Why the first decides, in one sentence.
    pub why: String,
}

impl Query {
    /// Reads a host name or an address; `None` where `text` can be neither.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().map(Self::Address).ok().or_else(|| host_name(text.as_bytes()).map(Self::Host))
    }
}

impl Rules {
    /// Every entry that matches `query`, and why the first decides.
    pub fn explain(&self, query: &Query) -> Explanation {
        let found = self.candidates(query);
        let why = match found.as_slice() {
            [] => nobody(query),
            [_] => "it is the only entry that matches".to_owned(),
            [first, second, ..] => self.why(first, second),
        };
        let query = match query {
            Query::Host(host) => shown(host, 253).into_owned(),
            Query::Address(addr) => addr.to_string(),
        };
        Explanation { query, candidates: found.into_iter().map(|entry| self.candidate(entry)).collect(), why }
    }

    fn candidate(&self, entry: &Entry) -> Candidate {
        let owner = self.owner(entry.owner);
        let text = match &entry.target {
            Target::Host(pattern) => pattern.to_string(),
            Target::Block(block) => format!("block {block}"),
        };
        Candidate {
            id: owner.id.to_string(),
            name: owner.name.to_string(),
            place: format!("{}:{}", owner.path, entry.line),
            entry: text,
            role: entry.terms.role,
            confidence: entry.terms.confidence,
            source: entry.terms.source.clone(),
            note: entry.terms.note.clone(),
        }
    }

    fn why(&self, first: &Entry, second: &Entry) -> String {
        match (&first.target, &second.target) {
            (Target::Block(one), Target::Block(two)) if one.length() != two.length() => {
                format!("/{} is the longest prefix, before /{}", one.length(), two.length())
            }
            (Target::Host(one), Target::Host(two)) if one.class() != two.class() => {
                format!("{} beats {}", class_word(one.class()), class_word(two.class()))
            }
            (Target::Host(one), Target::Host(two)) if one.specificity() != two.specificity() => {
                let (one, two) = (one.specificity().literal, two.specificity().literal);
                format!("it writes out the most: {one} characters, before {two}")
            }
            _ if self.layer(first) != self.layer(second) => "both match alike, and the later folder wins".to_owned(),
            _ => "both match alike, and the file that comes first by name wins".to_owned(),
        }
    }
}

fn nobody(query: &Query) -> String {
    match query {
        Query::Host(host) => {
            let domain = psl::domain_str(host).unwrap_or(host);
            format!("no rule knows it: its bytes are posted to {} as web", shown(domain, 253))
        }
        Query::Address(_) => "no rule knows it: without a name its bytes stay unattributed".to_owned(),
    }
}

const fn class_word(class: Class) -> &'static str {
    match class {
        Class::Exact => "an exact name",
        Class::Glob => "a glob",
        Class::Suffix => "a suffix",
    }
}
