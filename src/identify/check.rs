//! A user's folder of rules, checked: every file read, every expectation asked, every fault listed.

use std::{collections::BTreeMap, path::Path};

use super::{
    rule_file::{Expectation, NOBODY, Query, RuleError},
    rules::{Owner, Rules, Target, read_alone, rule_paths},
};

/// What checking a folder found.
#[derive(Debug, Default)]
pub struct Check {
    /// Files read.
    pub files: usize,
    /// Expectations asked, those of the embedded files included.
    pub expectations: usize,
    /// What is wrong, a line each.
    pub faults: Vec<String>,
}

/// Checks the rule files of `folder`, alone and together with the embedded ones: an expectation of an embedded file
/// that the folder breaks is a fault too, unless the folder replaces that file.
pub fn check(folder: &Path) -> Result<Check, RuleError> {
    let paths = rule_paths(folder)?;
    let mut check = Check { files: paths.len(), ..Check::default() };
    check.faults.extend(paths.iter().filter_map(|path| read_alone(path).err()).map(|e| e.to_string()));
    if check.faults.is_empty() {
        match Rules::load(&[folder.to_owned()]) {
            Ok(rules) => rules.ask_expectations(&mut check),
            Err(error) => check.faults.push(error.to_string()),
        }
    }
    Ok(check)
}

impl Rules {
    /// Every expectation of the rule files that does not hold, and every pattern that two files claim, a line each.
    pub fn faults(&self) -> Vec<String> {
        let mut check = Check::default();
        self.ask_expectations(&mut check);
        check.faults
    }

    fn ask_expectations(&self, check: &mut Check) {
        for (_, owner) in self.owners() {
            check.expectations += owner.expectations.len();
            check.faults.extend(owner.expectations.iter().filter_map(|expected| self.broken(owner, expected)));
        }
        check.faults.extend(self.double_claims());
    }

    fn broken(&self, owner: &Owner, expected: &Expectation) -> Option<String> {
        let found = match &expected.query {
            Query::Host(host) => self.host(host),
            Query::Address(addr) => self.address(*addr),
        };
        let id = found.map_or(NOBODY, |entry| &*self.owner(entry.owner).id);
        let role = found.map(|entry| entry.terms.role);
        if id == expected.app && (expected.role.is_none() || expected.role == role) {
            return None;
        }
        let asked = match &expected.query {
            Query::Host(host) => host.clone(),
            Query::Address(addr) => addr.to_string(),
        };
        let role_word = |role| role_word(role).map(|word| format!(" ({word})")).unwrap_or_default();
        let (wanted_role, found_role) = (role_word(expected.role), role_word(role));
        let (path, line, app) = (&owner.path, expected.line, &expected.app);
        Some(format!("{path}:{line}: {asked} should be {app}{wanted_role}, and the rules say {id}{found_role}"))
    }

    fn double_claims(&self) -> Vec<String> {
        let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in self.entries() {
            let what = match &entry.target {
                Target::Host(pattern) => pattern.to_string(),
                Target::Block(block) => format!("block {block}"),
            };
            let owner = self.owner(entry.owner);
            claims
                .entry(format!("{} {what}", self.layer(entry)))
                .or_default()
                .push(format!("{}:{}", owner.path, entry.line));
        }
        let twice = claims.into_iter().filter(|(_, places)| places.len() > 1);
        twice
            .map(|(what, places)| {
                let what = what.split_once(' ').map_or("", |(_, what)| what);
                format!("{}: {what} is also claimed in {}; leave it in one", places[0], places[1..].join(", "))
            })
            .collect()
    }
}

fn role_word(role: Option<super::Role>) -> Option<String> {
    let role = role?;
    serde_json::to_value(role).ok().and_then(|value| value.as_str().map(str::to_owned))
}
