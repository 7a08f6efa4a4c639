//! Which rule entries match a host name: a trie over labels, from the right.
//!
//! A look-up walks the labels of the name once, so its cost does not grow with the number of rules.

use std::collections::HashMap;

use super::{
    pattern::{Class, Pattern},
    rules::EntryId,
};

/// Host patterns, found by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    nodes: Vec<Node>,
}

/// All patterns that share their labels so far, read from the right.
#[derive(Debug, Default)]
struct Node {
    labels: HashMap<Box<str>, usize>,
    stars: Stars,
    claims: Vec<(Fires, EntryId)>,
}

/// When a pattern that ends at a node matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fires {
    /// The name ends here too.
    Here,
    /// The name goes on.
    Below,
    /// Either.
    Always,
}

/// Labels with one `*`: the children of a node by what stands before and after it.
#[derive(Debug, Default)]
struct Stars {
    /// The lengths of head and tail that occur, each once.
    shapes: Vec<(usize, usize)>,
    /// By head, `*`, tail. A label of a name that holds a `*` itself gives a key with two and finds nothing.
    children: HashMap<Box<str>, usize>,
}

impl Names {
    /// Adds `pattern`, which stands for `entry`.
    pub(super) fn insert(&mut self, pattern: &Pattern, entry: EntryId) {
        let (labels, fires) = match pattern.class() {
            Class::Exact => (pattern.text(), Fires::Here),
            Class::Suffix => (pattern.text(), Fires::Always),
            Class::Glob => match pattern.glob_parts() {
                (fixed, true) => (fixed, Fires::Below),
                (fixed, false) => (fixed, Fires::Here),
            },
        };
        let mut at = self.root();
        for label in labels.rsplit('.') {
            at = self.child(at, label);
        }
        self.nodes[at].claims.push((fires, entry));
    }

    /// Calls `found` with every entry whose pattern matches `name`.
    pub(super) fn find(&self, name: &str, mut found: impl FnMut(EntryId)) {
        if self.nodes.is_empty() {
            return;
        }
        let mut key = String::new();
        let mut open = vec![(0, Some(name))];
        while let Some((at, left)) = open.pop() {
            let node = &self.nodes[at];
            for &(fires, entry) in &node.claims {
                let fits = match fires {
                    Fires::Always => true,
                    Fires::Here => left.is_none(),
                    Fires::Below => left.is_some(),
                };
                if fits {
                    found(entry);
                }
            }
            let Some(left) = left else { continue };
            let (left, label) = left.rsplit_once('.').map_or((None, left), |(left, label)| (Some(left), label));
            open.extend(node.labels.get(label).map(|&child| (child, left)));
            node.stars.fitting(label, &mut key, |child| open.push((child, left)));
        }
    }

    fn root(&mut self) -> usize {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        0
    }

    fn child(&mut self, at: usize, label: &str) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match label.split_once('*') {
            None => *node.labels.entry(label.into()).or_insert(next),
            Some((head, tail)) => node.stars.child(label, (head.len(), tail.len()), next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }
}

impl Stars {
    fn child(&mut self, label: &str, shape: (usize, usize), next: usize) -> usize {
        if !self.shapes.contains(&shape) {
            self.shapes.push(shape);
        }
        *self.children.entry(label.into()).or_insert(next)
    }

    fn fitting(&self, label: &str, key: &mut String, mut found: impl FnMut(usize)) {
        for &(head, tail) in &self.shapes {
            let Some(after_head) = label.len().checked_sub(tail).filter(|&end| end >= head) else { continue };
            let (Some(head), Some(tail)) = (label.get(..head), label.get(after_head..)) else { continue };
            key.clear();
            key.push_str(head);
            key.push('*');
            key.push_str(tail);
            if let Some(&child) = self.children.get(key.as_str()) {
                found(child);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(names: &Names, name: &str) -> Vec<EntryId> {
        let mut all = Vec::new();
        names.find(name, |entry| all.push(entry));
        all.sort_unstable();
        all
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        let label = prop_oneof!["[ab]{1,3}", "[ab]{0,2}\\*[ab]{0,2}", Just("*".to_owned())];
        (proptest::collection::vec(label, 0..4), 0..3_u8).prop_filter_map("a pattern", |(mut labels, class)| {
            labels.extend(["a".to_owned(), "b".to_owned()]);
            let class = [Class::Suffix, Class::Glob, Class::Exact][usize::from(class)];
            Pattern::new(class, &labels.join(".")).ok()
        })
    }

    proptest! {
        #[test]
        fn the_trie_finds_what_asking_every_pattern_finds(
            patterns in proptest::collection::vec(pattern(), 0..40),
            names in proptest::collection::vec("[ab*]{0,3}(\\.[ab*]{0,3}){0,3}\\.a\\.b", 1..20),
        ) {
            let mut trie = Names::default();
            for (n, pattern) in (0..).zip(&patterns) {
                trie.insert(pattern, EntryId(n));
            }
            for name in names {
                let asked: Vec<_> =
                    (0..).zip(&patterns).filter(|(_, p)| p.matches(&name)).map(|(n, _)| EntryId(n)).collect();
                prop_assert_eq!(found(&trie, &name), asked, "{}", name);
            }
        }

        #[test]
        fn no_name_can_upset_a_look_up(name in "\\PC{0,260}") {
            let mut trie = Names::default();
            trie.insert(&Pattern::new(Class::Glob, "a*b.c.d").unwrap(), EntryId(0));
            trie.insert(&Pattern::new(Class::Suffix, "d").unwrap(), EntryId(1));
            found(&trie, &name);
        }
    }
}
