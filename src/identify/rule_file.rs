//! One rule file: its TOML, checked on the way in, with errors that name the line.

use std::{net::IpAddr, ops::Range, sync::Arc};

use serde::Deserialize;
use toml::Spanned;

use super::{
    Confidence, DeclaredFeature, Kind, Occasion, Role,
    pattern::{Class, Pattern},
};
use crate::base::{Cidr, text::host_name};

/// The id that expectations use for "no rule knows it".
pub const NOBODY: &str = "none";

/// What is wrong with rules, where, and what would mend it.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A folder or file cannot be read.
    #[error("{path}: {source}; name a readable folder of .toml rule files")]
    Read {
        /// The folder or file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file's text is wrong.
    #[error("{path}:{line}: {what}")]
    Text {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong and what would mend it, in one line.
        what: String,
    },
}

/// What a host or block entry says of what it matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// What the endpoint is for.
    pub role: Role,
    /// How far the entry can be trusted.
    pub confidence: Confidence,
    /// Where the fact comes from.
    pub source: String,
    /// What else a reader should know.
    pub note: Option<String>,
    /// The name stands in front of many services and says nothing of which (an outer ECH name, a bare CDN).
    pub front: bool,
    /// Other makers' apps embed a kit that talks to it: what they send there is telemetry.
    pub sdk: bool,
}

/// A feature by which an app uploads by design, when its user turns it on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Feature {
    /// What it is called, and on what occasion it uploads.
    pub declared: Arc<DeclaredFeature>,
    /// The hosts it uploads to; none where they are not known.
    pub hosts: Vec<Pattern>,
    /// When and how much.
    pub note: Option<String>,
}

/// What an owner's traffic hides of other traffic.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hides {
    /// It is an encrypted DNS resolver: the names a device looks up do not show.
    Names,
    /// It is a relay or VPN: other apps' traffic does not show.
    Traffic,
}

/// What a rule file expects of a host or address, once all files are loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expectation {
    /// A host name or an address.
    pub query: Query,
    /// The id of the owner; [`NOBODY`] where no rule may match.
    pub app: String,
    /// The role, where it matters.
    pub role: Option<Role>,
    /// The line of the file.
    pub line: usize,
}

/// What can be asked of the rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Query {
    /// A host name, in the form of [`host_name`].
    Host(String),
    /// An address.
    Address(IpAddr),
}

/// A rule file, checked in itself.
#[derive(Clone, Debug)]
pub(super) struct RuleFile {
    pub(super) path: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) operator: String,
    pub(super) kind: Kind,
    pub(super) hides: Option<Hides>,
    pub(super) open: bool,
    pub(super) shared_by: Vec<(String, usize)>,
    pub(super) asn: Vec<u32>,
    pub(super) features: Vec<Feature>,
    pub(super) hosts: Vec<(Pattern, Arc<Terms>, usize)>,
    pub(super) blocks: Vec<(Cidr, Arc<Terms>, usize)>,
    pub(super) tags: Vec<String>,
    pub(super) expectations: Vec<Expectation>,
}

impl RuleFile {
    /// Reads the `text` of the file at `path`, whose name without `.toml` is `stem`.
    pub(super) fn read(path: &str, stem: &str, text: &str) -> Result<Self, RuleError> {
        let page = Page::new(path, text);
        let raw: RawFile = toml::from_str(text).map_err(|e| page.wrong(e.span(), e.message().replace('\n', "; ")))?;
        page.check_head(&raw, stem)?;
        let mut file = Self {
            path: path.to_owned(),
            id: raw.id.into_inner(),
            name: raw.name,
            operator: raw.operator,
            kind: raw.kind.into_inner(),
            hides: raw.hides,
            open: raw.open,
            shared_by: raw.shared_by.into_iter().map(|id| (id.get_ref().clone(), page.line(&id.span()))).collect(),
            asn: raw.asn,
            features: Vec::new(),
            hosts: Vec::new(),
            blocks: Vec::new(),
            tags: raw.tag.into_iter().flat_map(|tag| tag.packages.into_iter().chain(tag.processes)).collect(),
            expectations: Vec::new(),
        };
        for feature in raw.feature {
            file.features.push(page.feature(feature)?);
        }
        for host in raw.host {
            page.hosts(host, &mut file.hosts)?;
        }
        for block in raw.block {
            page.blocks(block, &mut file.blocks)?;
        }
        for expect in raw.expect {
            file.expectations.push(page.expectation(expect, &file.id)?);
        }
        Ok(file)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    id: Spanned<String>,
    name: String,
    operator: String,
    kind: Spanned<Kind>,
    hides: Option<Hides>,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    shared_by: Vec<Spanned<String>>,
    #[serde(default)]
    asn: Vec<u32>,
    #[serde(default)]
    feature: Vec<RawFeature>,
    #[serde(default)]
    host: Vec<Spanned<RawHost>>,
    #[serde(default)]
    block: Vec<Spanned<RawBlock>>,
    #[serde(default)]
    tag: Vec<RawTag>,
    #[serde(default)]
    expect: Vec<Spanned<RawExpect>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeature {
    name: Spanned<String>,
    occasion: Option<Occasion>,
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHost {
    #[serde(default)]
    exact: Vec<Spanned<String>>,
    #[serde(default)]
    glob: Vec<Spanned<String>>,
    #[serde(default)]
    suffix: Vec<Spanned<String>>,
    role: Role,
    confidence: Confidence,
    source: String,
    note: Option<String>,
    #[serde(default)]
    front: bool,
    #[serde(default)]
    sdk: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBlock {
    cidr: Vec<Spanned<String>>,
    role: Role,
    confidence: Confidence,
    source: String,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTag {
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    processes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    host: Option<String>,
    address: Option<String>,
    app: Option<String>,
    role: Option<Role>,
}

/// What a feature's occasion may be, as an error says it.
const OCCASIONS: &str = r#""once", "trouble", "use" or "daily""#;

/// The text being read, for errors that name the line.
struct Page<'a> {
    path: &'a str,
    /// Where each line but the first begins.
    breaks: Vec<usize>,
}

impl<'a> Page<'a> {
    fn new(path: &'a str, text: &str) -> Self {
        Self { path, breaks: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    fn check_head(&self, raw: &RawFile, stem: &str) -> Result<(), RuleError> {
        let id = raw.id.get_ref();
        if id != stem {
            let what =
                format!("the id {id:?} is not the file's name: write id = {stem:?} or rename the file {id}.toml");
            return Err(self.wrong(Some(raw.id.span()), what));
        }
        let sound = |c| matches!(c, 'a'..='z' | '0'..='9' | '_');
        if id.is_empty() || !id.chars().all(sound) || id == NOBODY || id == "unattributed" {
            let what = format!("{id:?} cannot be an id: use lower-case letters, digits and _, and not a reserved word");
            return Err(self.wrong(Some(raw.id.span()), what));
        }
        if *raw.kind.get_ref() == Kind::Unattributed {
            let what = "no file can be unattributed: kind is messenger, cloud, os, push, tracker or web".to_owned();
            return Err(self.wrong(Some(raw.kind.span()), what));
        }
        Ok(())
    }

    fn feature(&self, raw: RawFeature) -> Result<Feature, RuleError> {
        let class = |text: &str| if text.contains('*') { Class::Glob } else { Class::Suffix };
        let hosts = raw.hosts.iter().map(|host| self.pattern(class(host.get_ref()), host)).collect::<Result<_, _>>()?;
        let Some(occasion) = raw.occasion else {
            let what = format!(
                "the feature {:?} does not say when it uploads: add occasion = {OCCASIONS}",
                raw.name.get_ref()
            );
            return Err(self.wrong(Some(raw.name.span()), what));
        };
        Ok(Feature { declared: Arc::new(DeclaredFeature::new(raw.name.get_ref(), occasion)), hosts, note: raw.note })
    }

    fn hosts(&self, raw: Spanned<RawHost>, to: &mut Vec<(Pattern, Arc<Terms>, usize)>) -> Result<(), RuleError> {
        let span = raw.span();
        let RawHost { exact, glob, suffix, role, confidence, source, note, front, sdk } = raw.into_inner();
        let terms = Arc::new(Terms { role, confidence, source, note, front, sdk });
        let before = to.len();
        for (class, texts) in [(Class::Exact, exact), (Class::Glob, glob), (Class::Suffix, suffix)] {
            for text in texts {
                to.push((self.pattern(class, &text)?, Arc::clone(&terms), self.line(&text.span())));
            }
        }
        if to.len() == before {
            return Err(self.wrong(Some(span), "an entry without names: add exact, suffix or glob".to_owned()));
        }
        Ok(())
    }

    fn pattern(&self, class: Class, text: &Spanned<String>) -> Result<Pattern, RuleError> {
        Pattern::new(class, text.get_ref()).map_err(|e| self.wrong(Some(text.span()), e.to_string()))
    }

    fn blocks(&self, raw: Spanned<RawBlock>, to: &mut Vec<(Cidr, Arc<Terms>, usize)>) -> Result<(), RuleError> {
        let RawBlock { cidr, role, confidence, source, note } = raw.into_inner();
        let terms = Arc::new(Terms { role, confidence, source, note, front: false, sdk: false });
        for text in cidr {
            let block = text.get_ref().parse::<Cidr>().map_err(|e| self.wrong(Some(text.span()), e.to_string()))?;
            to.push((block, Arc::clone(&terms), self.line(&text.span())));
        }
        Ok(())
    }

    fn expectation(&self, raw: Spanned<RawExpect>, id: &str) -> Result<Expectation, RuleError> {
        let span = raw.span();
        let RawExpect { host, address, app, role } = raw.into_inner();
        let query = match (host, address) {
            (Some(host), None) => host_name(host.as_bytes()).map(Query::Host),
            (None, Some(address)) => address.parse().ok().map(Query::Address),
            _ => None,
        };
        let what = || "an expectation names one host or one address, such as host = \"mmg.whatsapp.net\"".to_owned();
        let query = query.ok_or_else(|| self.wrong(Some(span.clone()), what()))?;
        Ok(Expectation { query, app: app.unwrap_or_else(|| id.to_owned()), role, line: self.line(&span) })
    }

    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.breaks.partition_point(|&start| start <= span.start)
    }

    fn wrong(&self, span: Option<Range<usize>>, what: String) -> RuleError {
        let line = span.map_or(1, |span| self.line(&span));
        RuleError::Text { path: self.path.to_owned(), line, what }
    }
}
