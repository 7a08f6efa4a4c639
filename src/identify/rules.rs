//! All rules in force: the embedded files, overridden or joined by the user's.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use super::{
    Kind,
    blocks::Blocks,
    embedded::EMBEDDED,
    names::Names,
    pattern::{Pattern, Specificity},
    rule_file::{Expectation, Feature, Hides, Query, RuleError, RuleFile, Terms},
    tags::Tags,
};
use crate::base::Cidr;

/// An owner's number, in one set of rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct OwnerId(pub(super) u32);

/// An entry's number, in one set of rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub(super) struct EntryId(pub(super) u32);

/// What a rule file describes: an app, a cloud, an OS vendor, a push service, a tracker, or what an operator's apps share.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Lower-case id, such as `whatsapp`: the file's name.
    pub id: Arc<str>,
    /// As people write it, such as `WhatsApp`.
    pub name: Arc<str>,
    /// Whose servers, such as `Meta`.
    pub operator: Arc<str>,
    /// How a verdict on it is worded.
    pub kind: Kind,
    /// Features by which it uploads by design.
    pub features: Vec<Feature>,
    /// What its traffic hides of other traffic.
    pub hides: Option<Hides>,
    /// It is a protocol that anyone's servers speak, such as SIP: an app that a name tells is the better answer.
    pub open: bool,
    /// The apps that share these hosts and blocks; empty for one app's own.
    pub shared_by: Vec<OwnerId>,
    /// The file it was read from.
    pub path: Arc<str>,
    /// What its file expects of the rules.
    pub expectations: Vec<Expectation>,
    /// 0 for embedded files, then the user's folders in the order given: on a tie the later wins.
    layer: usize,
}

impl Owner {
    /// The declared features that upload to `host`.
    pub fn features_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Feature> {
        self.features.iter().filter(|feature| feature.hosts.iter().any(|pattern| pattern.matches(host)))
    }
}

/// What an entry matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// Host names.
    Host(Pattern),
    /// An address block.
    Block(Cidr),
}

/// One host pattern or address block of one owner.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose it is.
    pub owner: OwnerId,
    /// What it matches.
    pub target: Target,
    /// What it says of that.
    pub terms: Arc<Terms>,
    /// The line of the owner's file.
    pub line: usize,
}

/// All rules in force. Immutable; share it behind an [`Arc`].
#[derive(Debug)]
pub struct Rules {
    owners: Vec<Owner>,
    by_id: HashMap<Arc<str>, OwnerId>,
    entries: Vec<Entry>,
    names: Names,
    blocks: Blocks,
    tags: Tags,
    asns: HashMap<u32, OwnerId>,
    sha256: String,
}

/// A file's text on its way in.
struct Source {
    layer: usize,
    path: String,
    text: String,
}

impl Rules {
    /// The rules this program carries.
    pub fn embedded() -> Result<Self, RuleError> {
        Self::load(&[])
    }

    /// The rules this program carries, and those of each of `folders`: a file of the same name replaces, others add.
    /// Fails with the file, the line and what would mend it.
    pub fn load(folders: &[PathBuf]) -> Result<Self, RuleError> {
        let mut sources = embedded_sources();
        for (layer, folder) in (1..).zip(folders) {
            sources.extend(folder_sources(folder, layer)?);
        }
        Self::from_sources(&sources)
    }

    /// How many rule files are in force.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// SHA-256 over the ids and texts of the files in force, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The owner with this number. Numbers are only handed out by the rules themselves.
    pub fn owner(&self, id: OwnerId) -> &Owner {
        &self.owners[id.0 as usize]
    }

    /// The owner of the rule file `id`.
    pub fn by_id(&self, id: &str) -> Option<OwnerId> {
        self.by_id.get(id).copied()
    }

    /// Every owner, by id.
    pub fn owners(&self) -> impl Iterator<Item = (OwnerId, &Owner)> {
        (0..).map(OwnerId).zip(&self.owners)
    }

    /// The entry that decides whose `host` is, in the form of [`host_name`](crate::base::text::host_name).
    pub fn host(&self, host: &str) -> Option<&Entry> {
        let mut best = None;
        self.names.find(host, |entry| best = best.max(Some(self.rank(entry))));
        best.map(|(.., Reverse(entry))| self.entry(entry))
    }

    /// The entry that decides whose `addr` is: the longest prefix.
    pub fn address(&self, addr: IpAddr) -> Option<&Entry> {
        let longest = self.blocks.find(addr).next().map(|(block, _)| block)?;
        let same = self.blocks.find(addr).take_while(|(block, _)| *block == longest);
        same.map(|(_, entry)| self.rank(entry)).max().map(|(.., Reverse(entry))| self.entry(entry))
    }

    /// The owner whose Android package or process is called `name`; a name that the capture cut is completed
    /// where only one owner fits.
    pub fn tagged(&self, name: &str) -> Option<OwnerId> {
        self.tags.find(name)
    }

    /// The owner of an autonomous system.
    pub fn autonomous_system(&self, number: u32) -> Option<OwnerId> {
        self.asns.get(&number).copied()
    }

    /// What `host` hides of other traffic: whether it is an encrypted DNS resolver or a relay.
    pub fn hidden_by(&self, host: &str) -> Option<Hides> {
        self.host(host).and_then(|entry| self.owner(entry.owner).hides)
    }

    /// Every entry that matches `query`, the one that decides first.
    pub(super) fn candidates(&self, query: &Query) -> Vec<&Entry> {
        let mut found = Vec::new();
        match query {
            Query::Host(host) => self.names.find(host, |entry| found.push(entry)),
            Query::Address(addr) => found.extend(self.blocks.find(*addr).map(|(_, entry)| entry)),
        }
        found.sort_by_key(|&entry| Reverse(self.rank(entry)));
        found.into_iter().map(|entry| self.entry(entry)).collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn layer(&self, entry: &Entry) -> usize {
        self.owner(entry.owner).layer
    }

    fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    /// What makes one match win over another: the pattern, then the later folder, then the earlier entry.
    fn rank(&self, id: EntryId) -> (Option<Specificity>, u8, usize, Reverse<EntryId>) {
        let entry = self.entry(id);
        let (pattern, length) = match &entry.target {
            Target::Host(pattern) => (Some(pattern.specificity()), 0),
            Target::Block(block) => (None, block.length()),
        };
        (pattern, length, self.layer(entry), Reverse(id))
    }

    fn from_sources(sources: &[Source]) -> Result<Self, RuleError> {
        let mut files = BTreeMap::new();
        for source in sources {
            let stem = stem(&source.path);
            let file = RuleFile::read(&source.path, stem, &source.text)?;
            files.insert(file.id.clone(), (file, source));
        }
        let mut hash = Sha256::new();
        for (id, (_, source)) in &files {
            hash.update(format!("{id} {}\n", source.text.len()));
            hash.update(&source.text);
        }
        let sha256 = format!("{:x}", hash.finalize());
        Self::join(files.into_values().map(|(file, source)| (file, source.layer)).collect(), sha256)
    }

    fn join(files: Vec<(RuleFile, usize)>, sha256: String) -> Result<Self, RuleError> {
        let by_id: HashMap<Arc<str>, OwnerId> =
            (0..).zip(&files).map(|(n, (file, _))| (Arc::from(file.id.as_str()), OwnerId(n))).collect();
        let mut rules = Self {
            owners: Vec::with_capacity(files.len()),
            by_id,
            entries: Vec::new(),
            names: Names::default(),
            blocks: Blocks::default(),
            tags: Tags::default(),
            asns: HashMap::new(),
            sha256,
        };
        let mut blocks = Vec::new();
        for (n, (file, layer)) in (0..).zip(files) {
            rules.add(OwnerId(n), file, layer, &mut blocks)?;
        }
        rules.blocks = Blocks::new(blocks);
        Ok(rules)
    }

    fn add(
        &mut self,
        owner: OwnerId,
        file: RuleFile,
        layer: usize,
        blocks: &mut Vec<(Cidr, EntryId)>,
    ) -> Result<(), RuleError> {
        let mut shared_by = Vec::new();
        for (app, line) in &file.shared_by {
            let what = || format!("shared_by names {app:?}, and there is no file {app}.toml");
            let missing = || RuleError::Text { path: file.path.clone(), line: *line, what: what() };
            shared_by.push(self.by_id(app).ok_or_else(missing)?);
        }
        for (pattern, terms, line) in file.hosts {
            let entry = EntryId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
            self.names.insert(&pattern, entry);
            self.entries.push(Entry { owner, target: Target::Host(pattern), terms, line });
        }
        for (block, terms, line) in file.blocks {
            let entry = EntryId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
            blocks.push((block, entry));
            self.entries.push(Entry { owner, target: Target::Block(block), terms, line });
        }
        for tag in &file.tags {
            self.tags.insert(tag, owner);
        }
        self.asns.extend(file.asn.iter().map(|&number| (number, owner)));
        self.owners.push(Owner {
            id: file.id.into(),
            name: file.name.into(),
            operator: file.operator.into(),
            kind: file.kind,
            features: file.features,
            hides: file.hides,
            open: file.open,
            shared_by,
            path: file.path.into(),
            expectations: file.expectations,
            layer,
        });
        Ok(())
    }
}

fn embedded_sources() -> Vec<Source> {
    let source =
        |(id, text): &(&str, &str)| Source { layer: 0, path: format!("rules/{id}.toml"), text: (*text).to_owned() };
    EMBEDDED.iter().map(source).collect()
}

/// The texts of a user's folder, in the order of their names.
fn folder_sources(folder: &Path, layer: usize) -> Result<Vec<Source>, RuleError> {
    rule_paths(folder)?
        .into_iter()
        .map(|path| {
            let shown = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|source| RuleError::Read { path: shown.clone(), source })?;
            Ok(Source { layer, path: shown, text })
        })
        .collect()
}

/// Reads one file by itself, for its own faults.
pub(super) fn read_alone(path: &Path) -> Result<(), RuleError> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| RuleError::Read { path: shown.clone(), source })?;
    RuleFile::read(&shown, stem(&shown), &text).map(drop)
}

/// The rule files of a folder, in the order of their names.
pub(super) fn rule_paths(folder: &Path) -> Result<Vec<PathBuf>, RuleError> {
    let unreadable = |source| RuleError::Read { path: folder.display().to_string(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".toml").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identify::{Class, Confidence, Role};

    const HEAD: &str = "name = \"n\"\noperator = \"o\"\nkind = \"web\"\n";

    fn rules(patterns: &[(Class, String)], blocks: &[String]) -> Rules {
        let terms = "role = \"chat\"\nconfidence = \"low\"\nsource = \"s\"\n";
        let host = |(class, text): &(Class, String)| {
            let class = format!("{class:?}").to_lowercase();
            format!("[[host]]\n{class} = [{text:?}]\n{terms}")
        };
        let hosts = patterns.iter().map(host).collect::<Vec<_>>().concat();
        let block = |block: &String| format!("[[block]]\ncidr = [{block:?}]\n{terms}");
        let blocks = blocks.iter().map(block).collect::<Vec<_>>().concat();
        let text = format!("id = \"a\"\n{HEAD}{hosts}{blocks}");
        Rules::from_sources(&[Source { layer: 0, path: "a.toml".to_owned(), text }]).unwrap()
    }

    fn pattern() -> impl Strategy<Value = (Class, String)> {
        let label = prop_oneof!["[ab]{1,3}", "[ab]{0,2}\\*[ab]{0,2}"];
        let labels = proptest::collection::vec(label, 0..3);
        (labels, prop_oneof![Just(Class::Suffix), Just(Class::Glob), Just(Class::Exact)])
            .prop_map(|(labels, class)| (class, [labels, vec!["a".to_owned(), "b".to_owned()]].concat().join(".")))
            .prop_filter("a pattern", |(class, text)| Pattern::new(*class, text).is_ok())
    }

    proptest! {
        #[test]
        fn of_all_patterns_that_match_the_most_specific_decides(
            patterns in proptest::collection::vec(pattern(), 1..30),
            name in "([ab]{1,3}\\.){0,3}a\\.b",
        ) {
            let rules = rules(&patterns, &[]);
            let asked = patterns.iter().map(|(class, text)| Pattern::new(*class, text).unwrap());
            let best = asked.filter(|pattern| pattern.matches(&name)).map(|pattern| pattern.specificity()).max();
            let found = rules.host(&name).map(|entry| match &entry.target {
                Target::Host(pattern) => pattern.specificity(),
                Target::Block(block) => unreachable!("{block} is no pattern"),
            });
            prop_assert_eq!(found, best);
            let first = rules.candidates(&Query::Host(name.clone())).first().map(|entry| entry.line);
            prop_assert_eq!(first, rules.host(&name).map(|entry| entry.line), "explained as decided");
        }

        #[test]
        fn of_all_blocks_that_hold_an_address_the_longest_prefix_decides(
            blocks in proptest::collection::vec((0..=255_u8, 8..=32_u8), 1..30),
            last in any::<u8>(),
        ) {
            let texts: Vec<_> = blocks.iter().map(|(host, length)| format!("10.0.0.{host}/{length}")).collect();
            let addr = IpAddr::from([10, 0, 0, last]);
            let parsed = texts.iter().map(|text| text.parse::<Cidr>().unwrap());
            let longest = parsed.filter(|block| block.contains(addr)).map(Cidr::length).max();
            let rules = rules(&[], &texts);
            let found = rules.address(addr).map(|entry| match &entry.target {
                Target::Block(block) => block.length(),
                Target::Host(pattern) => unreachable!("{pattern} is no block"),
            });
            prop_assert_eq!(found, longest);
        }
    }

    #[test]
    fn an_entry_keeps_what_its_file_says() {
        let rules = rules(&[(Class::Exact, "x.a.b".to_owned())], &[]);
        let entry = rules.host("x.a.b").unwrap();
        assert_eq!((entry.terms.role, entry.terms.confidence, entry.line), (Role::Chat, Confidence::Low, 6));
    }
}
