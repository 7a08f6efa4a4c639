//! The filter language: which flows, destinations and minutes to look at.
//!
//! In: one line of text, such as `app:whatsapp role:media up>5MB night:2026-06-03..2026-06-10 unattended`. Out: a
//! [`Filter`] that says of a thing yes, no, or that the thing does not tell. A blank joins with "and"; `or`, `not` (or a
//! `-` in front) and parentheses do what they say. A word without a key is looked for in every name. What is wrong is
//! said with the word that is wrong.
//!
//! ```
//! use nightaudit::report::Filter;
//!
//! let filter = Filter::parse(r#"app:whatsapp up>5MB host~"*.whatsapp.*""#)?;
//! assert!(!filter.is_everything());
//! let wrong = Filter::parse("app:whatsapp up>5MX").unwrap_err();
//! assert_eq!(&"app:whatsapp up>5MX"[wrong.at], "5MX");
//! # Ok::<(), nightaudit::report::FilterError>(())
//! ```

pub(super) mod apply;
mod complete;
mod error;
mod facts;
mod lex;
mod parse;
mod term;
#[cfg(test)]
mod tests;
mod text;
mod times;
mod value;

pub use complete::{Completion, Vocabulary, complete};
pub use error::FilterError;
pub use facts::{Facts, up_and_down};
pub use term::{KEYS, KeyHelp};
pub use times::Times;

use term::Term;

use crate::pipeline::FlowRow;

/// A question that is asked of flows, destinations and minutes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    root: Node,
}

/// How terms are joined.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
}

impl Default for Node {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// What a question needs to know beyond the thing itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// When nights begin, whose device it is and which side of a flow: the devices of an audit.
    pub devices: bool,
    /// When somebody was using the device, and verdicts: findings.
    pub findings: bool,
}

impl Filter {
    /// Reads `text`; nothing, or blanks, lets everything through.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(|root| Self { root })
    }

    /// Whether it lets everything through.
    pub fn is_everything(&self) -> bool {
        self.root == Node::default()
    }

    /// What it needs to know.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.root.each(&mut |term| {
            needs.devices |= term.needs_devices();
            needs.findings |= term.needs_findings();
        });
        needs
    }

    /// Whether `facts` answer it with yes; `None` where they do not tell, as a minute does not tell of a port.
    pub fn answer(&self, facts: &Facts<'_>, times: &Times) -> Option<bool> {
        self.root.answer(facts, times)
    }

    /// Whether it lets a flow through. What a flow does not tell, such as a verdict without an audit, is a no.
    pub fn passes(&self, row: &FlowRow, times: &Times) -> bool {
        self.is_everything() || self.answer(&Facts::of_flow(row, times), times).unwrap_or(false)
    }

    /// The keys in it that `facts` do not tell of: for saying that a view cannot heed them.
    pub fn unheeded(&self, facts: &Facts<'_>, times: &Times) -> Vec<&'static str> {
        let mut keys = Vec::new();
        self.root.each(&mut |term| {
            if term.answer(facts, times).is_none() && !keys.contains(&term.key()) {
                keys.push(term.key());
            }
        });
        keys
    }
}

impl Node {
    /// Kleene's logic of three values: doubt spreads only where it decides.
    fn answer(&self, facts: &Facts<'_>, times: &Times) -> Option<bool> {
        match self {
            Self::Term(term) => term.answer(facts, times),
            Self::Not(node) => node.answer(facts, times).map(|yes| !yes),
            Self::All(nodes) => decided(nodes, false, facts, times),
            Self::Any(nodes) => decided(nodes, true, facts, times),
        }
    }

    fn each(&self, visit: &mut impl FnMut(&Term)) {
        match self {
            Self::Term(term) => visit(term),
            Self::Not(node) => node.each(visit),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.each(visit)),
        }
    }
}

/// One answer of `decisive` decides; else one doubt leaves it in doubt; else it is the other answer.
fn decided(nodes: &[Node], decisive: bool, facts: &Facts<'_>, times: &Times) -> Option<bool> {
    let mut said = Some(!decisive);
    for node in nodes {
        match node.answer(facts, times) {
            Some(answer) if answer == decisive => return Some(decisive),
            Some(_) => {}
            None => said = None,
        }
    }
    said
}
