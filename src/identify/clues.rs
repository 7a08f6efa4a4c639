//! What one flow has shown of itself so far.

use std::sync::Arc;

use crate::{
    base::Endpoint,
    capture::AppTag,
    hint::{Hint, NameSource, Recognised},
};

/// A flow that names more servers than this (HTTP hosts behind a proxy) keeps the first ones.
const MOST_NAMES: usize = 4;

/// A server name that a flow gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) name: Arc<str>,
    pub(super) source: NameSource,
    pub(super) outer: bool,
}

/// The app that a capture says a flow belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tag {
    pub(super) name: Arc<str>,
    pub(super) uid: bool,
}

/// One flow's hints and app tag, gathered as they come.
#[derive(Clone, Debug, Default)]
pub struct Clues {
    pub(super) names: Vec<Named>,
    pub(super) signature: Option<(&'static str, &'static str)>,
    /// The app whose shape it has, which proves nothing.
    pub(super) shape: Option<&'static str>,
    pub(super) tag: Option<Tag>,
    pub(super) protocol: Option<Recognised>,
    pub(super) is_call: bool,
    pub(super) socket: Option<Endpoint>,
}

impl Clues {
    /// The clues of a flow over UDP that the device sends from `local`.
    pub fn of_socket(local: Endpoint) -> Self {
        Self { socket: Some(local), ..Self::default() }
    }

    /// Adds what `hint` says of the flow it came from. Names looked up or answered say nothing of it.
    pub fn add(&mut self, hint: &Hint) {
        match hint {
            Hint::ServerName { name, source, outer } => self.named(name, *source, *outer),
            Hint::Protocol(recognised) => {
                self.is_call |= recognised.is_call();
                self.protocol = Some(*recognised);
            }
            Hint::Signature { app, pattern } => {
                self.signature.get_or_insert((app, pattern));
            }
            Hint::Shape { app, .. } => {
                self.shape.get_or_insert(app);
            }
            Hint::Hello(_) | Hint::Lookup(_) | Hint::Answered(_) => {}
        }
    }

    /// Adds the app that the capture names; the first that carries a name stays.
    pub fn tag(&mut self, tag: &AppTag<'_>) {
        let (name, uid) = match *tag {
            AppTag::Uid { name: Some(name), .. } => (name, true),
            AppTag::Process { name, .. } => (name, false),
            AppTag::Uid { name: None, .. } => return,
        };
        if self.tag.is_none() && !name.is_empty() {
            self.tag = Some(Tag { name: name.into(), uid });
        }
    }

    fn named(&mut self, name: &str, source: NameSource, outer: bool) {
        let known = self.names.iter().any(|named| &*named.name == name);
        if !known && self.names.len() < MOST_NAMES {
            self.names.push(Named { name: name.into(), source, outer });
        }
    }
}
